/* SPDX-License-Identifier: MIT */
/* Our shared object: where it is, and how the loader is told of it. */
#ifndef SOCKADE_COMMAND_PRELOAD_H
#define SOCKADE_COMMAND_PRELOAD_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

struct preload {
    char value[PATH_MAX]; /* what LD_PRELOAD gets; may hold a literal $LIB, which the loader expands */
    char file[PATH_MAX];  /* the file that this is for programs like ourselves */
};

/*
 * Finds libsockade.so: beside the running command, else where it was installed. Says why, and returns false, where
 * there is none or the loader would leave it out.
 */
bool preload_find(struct preload *out);

/* The same, with the reason in `problem`. */
bool preload_look(struct preload *out, char *problem, size_t size);

/* Puts it in front of what LD_PRELOAD holds in our environment, unless it stands there. */
bool preload_set(const struct preload *preload);

#endif
