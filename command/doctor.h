/* SPDX-License-Identifier: MIT */
/* The parts of `sockade doctor`, each of which adds what it finds. */
#ifndef SOCKADE_COMMAND_DOCTOR_H
#define SOCKADE_COMMAND_DOCTOR_H

#include "command/diagnosis.h"
#include "command/preload.h"
#include "state/locate.h"

#include <sys/types.h>

/* The object that programs started here would get: false where there is none that can be used. */
bool doctor_object(struct diagnosis *diagnosis, struct preload *preload);

/* What LD_PRELOAD holds in this process, and what the system preloads into all. */
void doctor_preload(struct diagnosis *diagnosis, const struct preload *preload);

/* The layers, their images and logs. Returns false where some layer does not want translation. */
bool doctor_policy(struct diagnosis *diagnosis);

/* Folders for images. */
void doctor_folders(struct diagnosis *diagnosis, const struct surroundings *surroundings);

/* Where events go, by the setting of one layer. */
void doctor_log(struct diagnosis *diagnosis, const char *to, uint64_t max_size, const struct surroundings *surroundings,
                const char *layer);

/* Ping sockets; `wanted` is false where a policy says translate = "never". */
void doctor_translation(struct diagnosis *diagnosis, bool wanted);

/* What of the kernel the object rests on, SOCKADE_* variables, and who looks up names for programs. */
void doctor_kernel(struct diagnosis *diagnosis);
void doctor_variables(struct diagnosis *diagnosis);
void doctor_names(struct diagnosis *diagnosis);

/* Programs that were named: files, folders of files, and running ones. */
void doctor_program(struct diagnosis *diagnosis, const struct preload *preload, const char *name);
void doctor_folder(struct diagnosis *diagnosis, const struct preload *preload, const char *path);
void doctor_process(struct diagnosis *diagnosis, pid_t pid);

#endif
