/* SPDX-License-Identifier: MIT */
/* What of ours a running process has mapped: the object, and the images it decides by. */
#ifndef SOCKADE_COMMAND_MAPPED_H
#define SOCKADE_COMMAND_MAPPED_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define MAPPED_IMAGES 9

struct mapped {
    bool readable; /* else errno in `error` */
    int error;
    char object[PATH_MAX]; /* ""; it is not under Sockade */
    bool object_gone;      /* the file was replaced or removed since */
    char images[MAPPED_IMAGES][PATH_MAX];
    bool image_gone[MAPPED_IMAGES];
    size_t image_count;
};

void mapped_read(struct mapped *out, pid_t pid);

#endif
