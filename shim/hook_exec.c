/* SPDX-License-Identifier: MIT */
/* The exec family: a process becomes another program, which keeps the shim. */
#include "shim/child.h"
#include "shim/child_memory.h"
#include "shim/real.h"
#include "state/kernel.h"

#include <stdarg.h>

#define STACK_ARGUMENTS 64 /* more of them are mapped */

static int sockade_execve(const char *path, char *const *argv, char *const *envp)
{
    const struct child child = {.way = BY_EXECVE, .op = "execve", .path = path, .argv = argv, .envp = envp};

    return child_start(&child);
}

static int sockade_execv(const char *path, char *const *argv)
{
    const struct child child = {.way = BY_EXECV, .op = "execv", .path = path, .argv = argv, .envp = __environ};

    return child_start(&child);
}

static int sockade_execvp(const char *file, char *const *argv)
{
    const struct child child = {.way = BY_EXECVP, .op = "execvp", .path = file, .argv = argv, .envp = __environ};

    return child_start(&child);
}

static int sockade_execvpe(const char *file, char *const *argv, char *const *envp)
{
    const struct child child = {.way = BY_EXECVPE, .op = "execvpe", .path = file, .argv = argv, .envp = envp};

    return child_start(&child);
}

static int sockade_fexecve(int fd, char *const *argv, char *const *envp)
{
    const struct child child = {.way = BY_FEXECVE, .op = "fexecve", .fd = fd, .argv = argv, .envp = envp};

    if (fd >= 0 && argv != NULL && envp != NULL)
        return child_start(&child);
    errno = EINVAL; /* as libc says before it looks at anything else */
    return -1;
}

static int sockade_execveat(int folder, const char *path, char *const *argv, char *const *envp, int flags)
{
    const struct child child = {
        .way = BY_EXECVEAT, .op = "execveat", .fd = folder, .flags = flags, .path = path, .argv = argv, .envp = envp};

    return child_start(&child);
}

/* Copies the arguments of a variadic call behind `first`, with their NULL. */
static void arguments_copy(const char **out, const char *first, va_list *rest)
{
    for (const char *one = first; one != NULL; one = va_arg(*rest, const char *))
        *out++ = one;
    *out = NULL;
}

static size_t arguments_count(const char *first, va_list *rest)
{
    size_t count = 0;

    for (const char *one = first; one != NULL; one = va_arg(*rest, const char *))
        count++;
    return count;
}

/* A variadic call as the one that it is with an array. Behind the NULL of execle stands the environment. */
static int listed(const struct child *call, const char **list, const char *first, va_list *rest)
{
    struct child child = *call;

    arguments_copy(list, first, rest);
    child.argv = (char *const *)(const void *)list;
    child.envp = child.way == BY_EXECVE ? va_arg(*rest, char *const *) : __environ;
    /* NOLINTNEXTLINE(clang-analyzer-core.StackAddressEscape): `child` is gone before the list is */
    return child_start(&child);
}

static __attribute__((noinline)) int listed_on_stack(const struct child *child, const char *first, va_list *rest)
{
    const char *list[STACK_ARGUMENTS + 1];

    return listed(child, list, first, rest);
}

static int sockade_execl(enum child_way way, const char *op, const char *path, const char *first, va_list *rest)
{
    const struct child child = {.way = way, .op = op, .path = path};
    va_list counted;
    const char **list;
    size_t count;
    int result;

    va_copy(counted, *rest);
    count = arguments_count(first, &counted);
    va_end(counted);
    if (count <= STACK_ARGUMENTS)
        return listed_on_stack(&child, first, rest);
    list = child_memory_take(MEMORY_ARGUMENTS, (count + 1) * sizeof(*list));
    if (list == NULL)
        return child_failed(&child, ENOMEM);
    result = listed(&child, list, first, rest);
    child_memory_give(MEMORY_ARGUMENTS, list);
    return result;
}

/*
 * Under names of our own: libc's headers promise for the public ones that no argument is NULL, and programs do not keep
 * that.
 */
EXPORT int execve_hook(const char *path, char *const *argv, char *const *envp) __asm__("execve");
int execve_hook(const char *path, char *const *argv, char *const *envp)
{
    return sockade_execve(path, argv, envp);
}

EXPORT int execv_hook(const char *path, char *const *argv) __asm__("execv");
int execv_hook(const char *path, char *const *argv)
{
    return sockade_execv(path, argv);
}

EXPORT int execvp_hook(const char *file, char *const *argv) __asm__("execvp");
int execvp_hook(const char *file, char *const *argv)
{
    return sockade_execvp(file, argv);
}

EXPORT int execvpe_hook(const char *file, char *const *argv, char *const *envp) __asm__("execvpe");
int execvpe_hook(const char *file, char *const *argv, char *const *envp)
{
    return sockade_execvpe(file, argv, envp);
}

EXPORT int execl_hook(const char *path, const char *first, ...) __asm__("execl");
int execl_hook(const char *path, const char *first, ...)
{
    va_list rest;
    int result;

    va_start(rest, first);
    result = sockade_execl(BY_EXECV, "execl", path, first, &rest);
    va_end(rest);
    return result;
}

EXPORT int execle_hook(const char *path, const char *first, ...) __asm__("execle");
int execle_hook(const char *path, const char *first, ...)
{
    va_list rest;
    int result;

    va_start(rest, first);
    result = sockade_execl(BY_EXECVE, "execle", path, first, &rest);
    va_end(rest);
    return result;
}

EXPORT int execlp_hook(const char *file, const char *first, ...) __asm__("execlp");
int execlp_hook(const char *file, const char *first, ...)
{
    va_list rest;
    int result;

    va_start(rest, first);
    result = sockade_execl(BY_EXECVP, "execlp", file, first, &rest);
    va_end(rest);
    return result;
}

EXPORT int fexecve_hook(int fd, char *const *argv, char *const *envp) __asm__("fexecve");
int fexecve_hook(int fd, char *const *argv, char *const *envp)
{
    return sockade_fexecve(fd, argv, envp);
}

EXPORT int execveat_hook(int fd, const char *path, char *const *argv, char *const *envp, int flags) __asm__("execveat");
int execveat_hook(int fd, const char *path, char *const *argv, char *const *envp, int flags)
{
    return sockade_execveat(fd, path, argv, envp, flags);
}
