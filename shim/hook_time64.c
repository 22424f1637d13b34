/* SPDX-License-Identifier: MIT */
/*
 * The second names that a 32-bit libc has for programs with times of 64 bits: each leads to the hook that programs with
 * times of 32 bits call, a time limit translated on the way. One that does not fit is longer than 68 years, and as good
 * as none.
 *
 * Options go to libc's own where nothing is looked at: kernels before 5.1 do not know the newer numbers, and it then
 * asks by the older ones. A message's time stamp is left as the kernel gives it, which on those is the older one.
 */
#include "shim/icmp/socket.h"
#include "shim/judge.h"
#include "shim/patience.h"
#include "shim/process.h"
#include "shim/real.h"

#if __SIZEOF_LONG__ == 4

#include <limits.h>
#include <stdint.h>

#ifndef SO_RCVTIMEO_NEW
#define SO_RCVTIMEO_NEW 66
#endif

#define TRANSLATED (WATCH_ICMP | WATCH_PROBES)

/* Negative ones, which the kernel refuses, stay negative. */
static long seconds_of(int64_t seconds)
{
    return seconds < 0 ? -1 : seconds > LONG_MAX ? LONG_MAX : (long)seconds;
}

/* What is plainly no memory is passed on as it is: the kernel says EFAULT. */
static struct timespec *limit_of(const struct timespec_time64 *theirs, struct timespec *room)
{
    if (plainly_bad(theirs))
        return (struct timespec *)(uintptr_t)theirs;
    *room = (struct timespec){seconds_of(theirs->seconds), theirs->nanoseconds};
    return room;
}

EXPORT ssize_t __recvmsg64(int fd, struct msghdr *message, int flags)
{
    return recvmsg(fd, message, flags);
}

EXPORT int __recvmmsg64(int fd, struct mmsghdr *entries, unsigned count, int flags, struct timespec_time64 *timeout)
{
    struct timespec room;
    struct timespec *limit = limit_of(timeout, &room);
    int got = recvmmsg(fd, entries, count, flags, limit);

    if (got >= 0 && limit == &room) {
        timeout->seconds = room.tv_sec;
        timeout->nanoseconds = room.tv_nsec;
    }
    return got;
}

EXPORT ssize_t __sendmsg64(int fd, const struct msghdr *message, int flags)
{
    return sendmsg(fd, message, flags);
}

EXPORT int __sendmmsg64(int fd, struct mmsghdr *entries, unsigned count, int flags)
{
    return sendmmsg(fd, entries, count, flags);
}

EXPORT int __setsockopt64(int fd, int level, int name, const void *value, socklen_t length)
{
    if (level == SOL_SOCKET && name == SO_RCVTIMEO_NEW)
        patience_expect_timeouts();
    if (watching(TRANSLATED) || level != SOL_SOCKET)
        return setsockopt(fd, level, name, value, length);
    return RARE_REAL(__setsockopt64)(fd, level, name, value, length);
}

EXPORT int __getsockopt64(int fd, int level, int name, void *value, socklen_t *length)
{
    if (watching(TRANSLATED) || level != SOL_SOCKET)
        return getsockopt(fd, level, name, value, length);
    return RARE_REAL(__getsockopt64)(fd, level, name, value, length);
}

/* Variable arguments as in hook_descriptor.c. */
EXPORT int fcntl_time64_hook(int fd, int command, void *argument) __asm__("__fcntl_time64");
int fcntl_time64_hook(int fd, int command, void *argument)
{
    return fcntl64(fd, command, argument);
}

EXPORT int ioctl_time64_hook(int fd, unsigned long request, void *argument) __asm__("__ioctl_time64");
int ioctl_time64_hook(int fd, unsigned long request, void *argument)
{
    return ioctl(fd, request, argument);
}

EXPORT int __ppoll64(struct pollfd *entries, nfds_t count, const struct timespec_time64 *timeout, const sigset_t *mask)
{
    struct timespec room;

    return ppoll(entries, count, limit_of(timeout, &room), mask);
}

/* select(2) writes back what is left. It takes more than a second of microseconds, which need not fit. */
EXPORT int __select64(int count, fd_set *reading, fd_set *writing, fd_set *exceptions, struct timeval_time64 *timeout)
{
    struct timeval limit;
    int found;

    if (plainly_bad(timeout))
        return select(count, reading, writing, exceptions, (struct timeval *)(void *)timeout);
    limit = (struct timeval){seconds_of(timeout->seconds), -1};
    if (timeout->microseconds >= 0) {
        int64_t more = timeout->microseconds / 1000000;

        limit.tv_usec = (long)(timeout->microseconds % 1000000);
        if (limit.tv_sec >= 0)
            limit.tv_sec = more > LONG_MAX - limit.tv_sec ? LONG_MAX : limit.tv_sec + (long)more;
    }
    found = select(count, reading, writing, exceptions, &limit);
    if (limit.tv_sec >= 0 && limit.tv_usec >= 0)
        *timeout = (struct timeval_time64){limit.tv_sec, limit.tv_usec};
    return found;
}

EXPORT int __pselect64(int count, fd_set *reading, fd_set *writing, fd_set *exceptions,
                       const struct timespec_time64 *timeout, const sigset_t *mask)
{
    struct timespec room;

    return pselect(count, reading, writing, exceptions, limit_of(timeout, &room), mask);
}

EXPORT int __epoll_pwait2_time64(int fd, struct epoll_event *events, int most, const struct timespec_time64 *timeout,
                                 const sigset_t *mask)
{
    struct timespec room;

    return epoll_pwait2(fd, events, most, limit_of(timeout, &room), mask);
}

#endif
