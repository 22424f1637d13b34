/* SPDX-License-Identifier: MIT */
/*
 * posix_spawn(3) and posix_spawnp(3): the file is looked at, and the environment made, in the parent. A relative name
 * is looked up in the parent's folder, also where a file action changes the child's.
 *
 * libc has each in two versions, and one definition without a version serves both. What they differ in is lost: the old
 * one, for programs that were linked before glibc 2.15, gave a file without #! to the shell.
 */
#include "shim/child.h"
#include "shim/real.h"

static int sockade_spawn(enum child_way way, const char *op, pid_t *pid, const char *file,
                         const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes,
                         char *const *argv, char *const *envp)
{
    const struct child child = {.way = way,
                                .op = op,
                                .path = file,
                                .argv = argv,
                                .envp = envp,
                                .pid = pid,
                                .actions = actions,
                                .attributes = attributes};

    return child_start(&child);
}

/* Under names of our own, as in hook_exec.c. */
typedef int spawn_function(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
                           const posix_spawnattr_t *attributes, char *const *argv, char *const *envp);

EXPORT spawn_function spawn_hook __asm__("posix_spawn");
int spawn_hook(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
               const posix_spawnattr_t *attributes, char *const *argv, char *const *envp)
{
    return sockade_spawn(BY_SPAWN, "posix_spawn", pid, path, actions, attributes, argv, envp);
}

EXPORT spawn_function spawnp_hook __asm__("posix_spawnp");
int spawnp_hook(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
                const posix_spawnattr_t *attributes, char *const *argv, char *const *envp)
{
    return sockade_spawn(BY_SPAWNP, "posix_spawnp", pid, file, actions, attributes, argv, envp);
}
