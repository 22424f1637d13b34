/* SPDX-License-Identifier: MIT */
/*
 * In this order: the file is looked at (only where there is a policy), the environment is measured and, where it lacks
 * something, made anew, and the real call is made.
 *
 * What is large stands in functions that have returned before the next large thing is needed: an event, the file that
 * was looked at, and the new environment are never on the stack at once.
 */
#include "shim/child.h"

#include "shim/child_environment.h"
#include "shim/child_file.h"
#include "shim/child_loader.h"
#include "shim/child_memory.h"
#include "shim/real.h"
#include "shim/sandbox.h"
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

/*
 * The real calls without what libc's headers say of their arguments, some of which must not be NULL: that would be ours
 * to keep, and the compiler's to rely upon, while programs get EFAULT from the kernel.
 */
typedef int exec_call(const char *path, char *const *argv);
typedef int exec_call_with_environment(const char *path, char *const *argv, char *const *envp);
typedef int exec_call_by_descriptor(int fd, char *const *argv, char *const *envp);
typedef int exec_call_in_folder(int folder, const char *path, char *const *argv, char *const *envp, int flags);
typedef int spawn_call(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                       const posix_spawnattr_t *attributes, char *const *argv, char *const *envp);

/* One that has no environment of its own is made as it is where that is as it was, else as the one that has. */
static int call_plain(const struct child *child, exec_call *plain, exec_call_with_environment *other, char *const *envp)
{
    return envp == child->envp ? plain(child->path, child->argv) : other(child->path, child->argv, envp);
}

static int call_with_environment(const struct child *child, exec_call_with_environment *real_call, char *const *envp)
{
    return real_call(child->path, child->argv, envp);
}

static int call_fexecve(const struct child *child, char *const *envp)
{
    exec_call_by_descriptor *real_call = RARE_REAL(fexecve);

    return real_call(child->fd, child->argv, envp);
}

static int call_in_folder(const struct child *child, char *const *envp)
{
    exec_call_in_folder *real_call = RARE_REAL(execveat);

    if (real_call == NULL) /* glibc before 2.34 */
        return (int)kernel_call(SYS_execveat, child->fd, child->path, child->argv, envp, child->flags);
    return real_call(child->fd, child->path, child->argv, envp, child->flags);
}

static int call_spawn(const struct child *child, spawn_call *real_call, char *const *envp)
{
    return real_call(child->pid, child->path, child->actions, child->attributes, child->argv, envp);
}

#ifdef __SANITIZE_ADDRESS__
void __asan_handle_no_return(void);
#define STACK_IS_LEFT() __asan_handle_no_return()
#else
#define STACK_IS_LEFT() ((void)0)
#endif

static int call(const struct child *child, char *const *envp)
{
    STACK_IS_LEFT(); /* a sanitizer's marks on it: those of a vfork child would stay behind in its parent */
    switch (child->way) {
    case BY_EXECV:
        return call_plain(child, RARE_REAL(execv), RARE_REAL(execve), envp);
    case BY_EXECVP:
        return call_plain(child, RARE_REAL(execvp), RARE_REAL(execvpe), envp);
    case BY_EXECVPE:
        return call_with_environment(child, RARE_REAL(execvpe), envp);
    case BY_FEXECVE:
        return call_fexecve(child, envp);
    case BY_EXECVEAT:
        return call_in_folder(child, envp);
    case BY_SPAWN:
        return call_spawn(child, RARE_REAL(posix_spawn), envp);
    case BY_SPAWNP:
        return call_spawn(child, RARE_REAL(posix_spawnp), envp);
    case BY_EXECVE:
    default:
        return call_with_environment(child, RARE_REAL(execve), envp);
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
    return !sandboxed() && no_new_privileges() && kernel_real_uid() != 0 && child_object()[0] != '\0' &&
           child_file_is_capable(child);
}

/* The same where the kernel refuses it, because what it would gain is outside the bounding set. */
static bool may_be_out_of_bounds(const struct child *child, int result)
{
    int error = child_spawns(child) ? result : result == -1 ? errno : 0;

    return error == EPERM && !sandboxed() && kernel_real_uid() != 0 && child_object()[0] != '\0' &&
           child_file_is_capable(child);
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
    if (judged || !may_be_out_of_bounds(child, result))
        return result;
    errno = saved;
    return look(child, &result) == JUDGED_FINE ? child_failed(child, EPERM) : result;
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
