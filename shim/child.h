/* SPDX-License-Identifier: MIT */
/*
 * A program that this one starts: looked at where there is a policy, given what it needs to keep the shim, and started
 * by the real call.
 *
 * Everything here may run in a child of vfork(2), in a signal handler and on a small stack; nothing that the parent of
 * a vfork could see is left behind.
 */
#ifndef SOCKADE_SHIM_CHILD_H
#define SOCKADE_SHIM_CHILD_H

#include "shim/process.h"

#include <spawn.h>

/* The calls that start a file. */
enum child_way { BY_EXECVE, BY_EXECV, BY_EXECVPE, BY_EXECVP, BY_FEXECVE, BY_EXECVEAT, BY_SPAWN, BY_SPAWNP };

struct child {
    enum child_way way;
    const char *op; /* the call's name, for events */
    int fd;         /* fexecve's file, execveat's folder */
    int flags;      /* execveat's */
    const char *path;
    char *const *argv;
    char *const *envp;
    pid_t *pid; /* posix_spawn's own */
    const posix_spawn_file_actions_t *actions;
    const posix_spawnattr_t *attributes;
};

/* Starts it, and returns what the call returns: -1 with errno, or for posix_spawn the error's number. */
int child_start(const struct child *child);

/* Whether it is one of posix_spawn's, which return the error's number. */
bool child_spawns(const struct child *child);

/* What the call returns where it fails with `error`. */
int child_failed(const struct child *child, int error);

/* The real call, with what the child needs put into its environment. */
int child_call(const struct child *child);

/*
 * Whether the shell that system(3) and popen(3) start may be started; else errno is EACCES. `op` is the call's name.
 */
bool child_shell_allowed(const char *op);

#endif
