/* SPDX-License-Identifier: MIT */
/*
 * In this order: the file is looked at (only where there is a policy), the environment is measured and, where it lacks
 * something, made anew, and the real call is made.
 *
 * What is large stands in functions that have returned before the next large thing is needed: an event, the file that was
 * looked at, and the new environment are never on the stack at once.
 */
#include "shim/child.h"

#include "shim/child_environment.h"
#include "shim/child_file.h"
#include "shim/child_loader.h"
#include "shim/child_memory.h"
#include "shim/real.h"
#include "shim/unprotected.h"
#include "state/kernel.h"

#define STACK_ENVIRONMENT 4096 /* a larger one is mapped */

bool child_spawns(const struct child *child)
{
    return child->way == BY_SPAWN || child->way == BY_SPAWNP;
}

int child_failed(const struct child *child, int error)
{
    if (child_spawns(child))
        return error;
    errno = error;
    return -1;
}

/* The real call. The ones without an environment of their own are called where that is as it was. */
static int call(const struct child *child, char *const *envp)
{
    switch (child->way) {
    case BY_EXECV:
        return envp == child->envp ? real.execv(child->path, child->argv) : real.execve(child->path, child->argv, envp);
    case BY_EXECVP:
        return envp == child->envp ? real.execvp(child->path, child->argv)
                                   : real.execvpe(child->path, child->argv, envp);
    case BY_EXECVPE:
        return real.execvpe(child->path, child->argv, envp);
    case BY_FEXECVE:
        return real.fexecve(child->fd, child->argv, envp);
    case BY_EXECVEAT:
        if (real.execveat == NULL) /* glibc before 2.34 */
            return (int)syscall(SYS_execveat, child->fd, child->path, child->argv, envp, child->flags);
        return real.execveat(child->fd, child->path, child->argv, envp, child->flags);
    case BY_SPAWN:
        return real.posix_spawn(child->pid, child->path, child->actions, child->attributes, child->argv, envp);
    case BY_SPAWNP:
        return real.posix_spawnp(child->pid, child->path, child->actions, child->attributes, child->argv, envp);
    case BY_EXECVE:
    default:
        return real.execve(child->path, child->argv, envp);
    }
}

static __attribute__((noinline)) int call_on_stack(const struct child *child, const struct lack *lack)
{
    _Alignas(char *) char memory[STACK_ENVIRONMENT];

    return call(child, environment_complete(memory, lack, child->envp));
}

/* The child gets what its environment lacks. Without memory it starts as it is, or, under a policy, not at all. */
static int call_completed(const struct child *child, const struct lack *lack)
{
    size_t size = environment_size(lack);
    void *memory;
    int result;

    if (size <= STACK_ENVIRONMENT)
        return call_on_stack(child, lack);
    memory = child_memory_take(MEMORY_ENVIRONMENT, size);
    if (memory == NULL)
        return unprotected_matters() ? child_failed(child, ENOMEM) : call(child, child->envp);
    result = call(child, environment_complete(memory, lack, child->envp));
    child_memory_give(MEMORY_ENVIRONMENT, memory);
    return result;
}

int child_call(const struct child *child)
{
    struct lack lack;

    if (environment_lacks(&lack, child->envp))
        return call_completed(child, &lack);
    return call(child, child->envp);
}

/* What was found out of a file. */
enum judgement { JUDGED_FINE, JUDGED_REFUSED, JUDGED_BY_LOADER };

/* Whether policies let a file be started that we do not get into. */
static bool is_refused(const struct child *child, const struct child_file *file, int *error)
{
    const char *reason = reach_text(file->reach);

    *error = file->reach == REACH_UNSEEN ? file->error : EACCES;
    return reason != NULL && unprotected_refused(child->op, file->path, reason);
}

/*
 * Looks at the file where somebody wants to know. One that has to be started through its loader is started here, and
 * `*result` is what came of it.
 */
static __attribute__((noinline)) enum judgement look(const struct child *child, int *result)
{
    struct child_file file;
    int error;

    child_file_look(&file, child);
    if (file.reach == REACH_BY_LOADER) {
        *result = child_start_by_loader(child, &file);
        return JUDGED_BY_LOADER;
    }
    if (!is_refused(child, &file, &error))
        return JUDGED_FINE;
    *result = child_failed(child, error);
    return JUDGED_REFUSED;
}

/*
 * Where there is no policy nothing has to hold, and a file with capabilities keeps what it gains. Under no_new_privs it
 * gains nothing, and would lose us: so it is started through its loader.
 */
static bool loses_for_nothing(const struct child *child)
{
    return no_new_privileges() && kernel_real_uid() != 0 && child_object()[0] != '\0' && child_file_is_capable(child);
}

/* The same where the kernel refuses it, because what it would gain is outside the bounding set. */
static bool may_be_out_of_bounds(const struct child *child, int result)
{
    int error = child_spawns(child) ? result : result == -1 ? errno : 0;

    return error == EPERM && kernel_real_uid() != 0 && child_object()[0] != '\0' && child_file_is_capable(child);
}

int child_start(const struct child *child)
{
    bool judged;
    int saved = errno;
    int result;

    policy_ready(0);
    judged = unprotected_matters();
    if ((judged || loses_for_nothing(child)) && look(child, &result) != JUDGED_FINE)
        return result;
    errno = saved;
    result = child_call(child);
    if (!judged && may_be_out_of_bounds(child, result)) {
        int refused = result;

        errno = saved;
        if (look(child, &result) == JUDGED_FINE)
            result = refused;
    }
    return result;
}

bool child_shell_allowed(const char *op)
{
    const struct child shell = {.way = BY_EXECVE, .op = op, .path = "/bin/sh"};
    struct child_file file;
    int error;

    if (!unprotected_matters())
        return true;
    child_file_look(&file, &shell);
    if (file.reach == REACH_BY_LOADER)
        file.reach = REACH_CAPABILITIES;
    if (!is_refused(&shell, &file, &error))
        return true;
    errno = error;
    return false;
}
