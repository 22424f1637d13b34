/* SPDX-License-Identifier: MIT */
/*
 * dup, dup2, dup3 and fcntl's F_DUPFD: a new number for a file, of which nothing is known yet. The names are hooked for
 * that alone. May run in a child of vfork(2), which shares our memory: see hints.c.
 */
#include "shim/hints.h"
#include "shim/icmp/socket.h"
#include "shim/process.h"
#include "shim/readiness.h"
#include "shim/real.h"

#include <stdarg.h>

/* A descriptor that was just made, or -1. */
static int renewed(int fd)
{
    if (fd >= 0) {
        hint_forget(fd);
        readiness_end(fd);
        icmp_of(fd); /* waits know translated sockets by their numbers */
    }
    return fd;
}

static __attribute__((noinline)) int inspected_dup(int fd)
{
    process_ready(WATCH_HINTS);
    return renewed(real.dup(fd));
}

static int judged_dup(int fd)
{
    if (!watching(WATCH_HINTS))
        return real.dup(fd);
    return inspected_dup(fd);
}

/* dup2 of a descriptor onto itself changes nothing, but to forget is never wrong. */
static __attribute__((noinline)) int inspected_dup2(int fd, int wanted)
{
    process_ready(WATCH_HINTS);
    return renewed(real.dup2(fd, wanted));
}

static int judged_dup2(int fd, int wanted)
{
    if (!watching(WATCH_HINTS))
        return real.dup2(fd, wanted);
    return inspected_dup2(fd, wanted);
}

static __attribute__((noinline)) int inspected_dup3(int fd, int wanted, int flags)
{
    process_ready(WATCH_HINTS);
    return renewed(real.dup3(fd, wanted, flags));
}

static int judged_dup3(int fd, int wanted, int flags)
{
    if (!watching(WATCH_HINTS))
        return real.dup3(fd, wanted, flags);
    return inspected_dup3(fd, wanted, flags);
}

/* fcntl and fcntl64 are two: on 32-bit machines they take different lock structures. */
static int call_fcntl(int fd, int command, void *argument, bool large)
{
    return large ? real.fcntl64(fd, command, argument) : real.fcntl(fd, command, argument);
}

static __attribute__((noinline)) int inspected_fcntl(int fd, int command, void *argument, bool large)
{
    int result;

    process_ready(WATCH_HINTS);
    result = call_fcntl(fd, command, argument, large);
    return command == F_DUPFD || command == F_DUPFD_CLOEXEC ? renewed(result) : result;
}

static inline int judged_fcntl(int fd, int command, void *argument, bool large)
{
    if (!watching(WATCH_HINTS))
        return call_fcntl(fd, command, argument, large);
    return inspected_fcntl(fd, command, argument, large);
}

EXPORT int dup(int fd)
{
    return judged_dup(fd);
}

EXPORT int dup2(int fd, int wanted)
{
    return judged_dup2(fd, wanted);
}

EXPORT int __dup2(int fd, int wanted)
{
    return judged_dup2(fd, wanted);
}

EXPORT int dup3(int fd, int wanted, int flags)
{
    return judged_dup3(fd, wanted, flags);
}

/* fcntl's one optional argument, int or pointer, is taken and passed on as libc does it. */
#define FCNTL_ARGUMENT(command, argument)                                                                              \
    va_list list;                                                                                                      \
    va_start(list, command);                                                                                           \
    argument = va_arg(list, void *);                                                                                   \
    va_end(list)

EXPORT int fcntl(int fd, int command, ...)
{
    void *argument;

    FCNTL_ARGUMENT(command, argument);
    return judged_fcntl(fd, command, argument, false);
}

EXPORT int fcntl64(int fd, int command, ...)
{
    void *argument;

    FCNTL_ARGUMENT(command, argument);
    return judged_fcntl(fd, command, argument, true);
}

EXPORT int __fcntl(int fd, int command, ...)
{
    void *argument;

    FCNTL_ARGUMENT(command, argument);
    return judged_fcntl(fd, command, argument, false);
}
