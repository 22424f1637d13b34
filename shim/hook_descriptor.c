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

#include <stdint.h>

/* A descriptor that was just made out of another, or -1. */
static int renewed(int from, int fd)
{
    if (fd >= 0) {
        hint_duplicate(from, fd);
        readiness_end(fd);
        icmp_of(fd); /* waits know translated sockets by their numbers */
    }
    return fd;
}

static __attribute__((noinline)) int inspected_dup(int fd)
{
    process_ready(WATCH_HINTS);
    return renewed(fd, real.dup(fd));
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
    return renewed(fd, real.dup2(fd, wanted));
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
    return renewed(fd, real.dup3(fd, wanted, flags));
}

static int judged_dup3(int fd, int wanted, int flags)
{
    if (!watching(WATCH_HINTS))
        return real.dup3(fd, wanted, flags);
    return inspected_dup3(fd, wanted, flags);
}

/* fcntl and fcntl64 are two: on 32-bit machines they take different lock structures. */
static inline int call_fcntl(int fd, int command, void *argument, bool large)
{
    return large ? real.fcntl64(fd, command, argument) : real.fcntl(fd, command, argument);
}

static __attribute__((noinline)) int inspected_fcntl(int fd, int command, void *argument, bool large)
{
    int result;

    if (!process_ready(WATCH_HINTS))
        return call_fcntl(fd, command, argument, large);
    result = call_fcntl(fd, command, argument, large);
    return command == F_DUPFD || command == F_DUPFD_CLOEXEC ? renewed(fd, result) : result;
}

/*
 * Only a new number is of interest, once the process has started. The usual commands lie between the two that make one.
 */
static inline int judged_fcntl(int fd, int command, void *argument, bool large)
{
    uint32_t watch = atomic_load_explicit(&process.watch, memory_order_relaxed);

    if (unlikely(watch == UINT32_MAX) || command <= F_DUPFD || command >= F_DUPFD_CLOEXEC)
        return inspected_fcntl(fd, command, argument, large);
    return call_fcntl(fd, command, argument, large);
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

/*
 * fcntl's one optional argument, int or pointer, is taken and passed on as libc does it. Named, under another name in
 * C: on Linux it is passed where a named one is, and va_arg would save every register first.
 */
EXPORT int fcntl_hook(int fd, int command, void *argument) __asm__("fcntl");
int fcntl_hook(int fd, int command, void *argument)
{
    return judged_fcntl(fd, command, argument, false);
}

EXPORT int fcntl64_hook(int fd, int command, void *argument) __asm__("fcntl64");
int fcntl64_hook(int fd, int command, void *argument)
{
    return judged_fcntl(fd, command, argument, true);
}

EXPORT int fcntl_second_hook(int fd, int command, void *argument) __asm__("__fcntl");
int fcntl_second_hook(int fd, int command, void *argument)
{
    return judged_fcntl(fd, command, argument, false);
}
