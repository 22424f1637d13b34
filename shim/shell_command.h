/* SPDX-License-Identifier: MIT */
/* A shell command that gives itself the environment that a child needs. */
#ifndef SOCKADE_SHIM_SHELL_COMMAND_H
#define SOCKADE_SHIM_SHELL_COMMAND_H

#include <stddef.h>

struct shell_command {
    const char *text; /* the command, or the longer one */
    void *memory;     /* of the longer one; NULL: there is none */
    size_t size;
};

/*
 * Makes the command that system(3) and popen(3) are to give to their shell: the program's own where `environ` has what
 * a child needs. Without memory it is that too, and false. Keeps errno.
 */
_Bool shell_command_make(struct shell_command *out, const char *command);

/* Keeps errno. */
void shell_command_drop(struct shell_command *command);

#endif
