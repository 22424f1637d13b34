/* SPDX-License-Identifier: MIT */
/*
 * The program to start: found as a shell finds it, judged whether preloading reaches it, and executed in our place.
 *
 * What preloading cannot reach is refused with the reason and the way out, never run unprotected.
 */
#ifndef SOCKADE_COMMAND_TARGET_H
#define SOCKADE_COMMAND_TARGET_H

#include "command/preload.h"

#include <limits.h>
#include <stdbool.h>

struct target {
    char path[PATH_MAX];    /* the file that was named */
    char program[PATH_MAX]; /* the ELF file that the kernel starts for it: the same, or a script's interpreter */
    char loader[PATH_MAX];  /* the dynamic loader that it names */
    char *const *argv;      /* as it was asked for */
    char **expanded;        /* what the kernel makes of that for the interpreter of a script */
    bool capabilities;      /* it carries file capabilities */
};

/*
 * Finds `name` along PATH, or as it stands where it has a slash. Returns EXIT_FINE, EXIT_NOT_FOUND or
 * EXIT_CANNOT_EXECUTE; where it is not EXIT_FINE, it was said why unless `quiet`.
 */
int target_find(char path[PATH_MAX], const char *name, bool quiet);

/*
 * Follows `#!` lines from target->path to the program that the kernel would start for target->argv, and fills
 * `program` and `expanded`. Returns the exit code where it cannot, and says why unless `quiet`.
 */
int target_follow(struct target *target, bool quiet);

/* Judges target->program, and fills the rest. Says why and returns the exit code where it must not be started. */
int target_judge(struct target *target, const struct preload *preload, bool keep_privileges);

/* Executes it in our place. Returns, with the exit code, only where that failed. */
int target_start(struct target *target, struct preload *preload);

void target_free(struct target *target);

#endif
