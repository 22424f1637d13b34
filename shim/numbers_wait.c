/* SPDX-License-Identifier: MIT */
/* The adaptors. Pointers that are plainly bad are left to the kernel, which says EFAULT where libc would fault. */
#include "shim/numbers_wait.h"

#include "shim/icmp/socket.h"
#include "shim/judge.h"
#include "shim/process.h"
#include "shim/real.h"
#include "state/kernel.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define SECOND_NS 1000000000L

/* What a wait is looked at for (hook_wait.c). */
#define WATCH_WAITS (WATCH_FROM_STREAM | WATCH_FROM_DATAGRAM | WATCH_FROM_UNIX | WATCH_ICMP | WATCH_PROBES)

/* The two that the kernel takes: of longs, and of 64 bits. */
struct narrow_time {
    long seconds;
    long nanoseconds;
};

struct wide_time {
    int64_t seconds;
    int64_t nanoseconds;
};

/* A time limit in the caller's memory. */
struct limit {
    void *theirs; /* NULL: none */
    bool wide;
    struct timespec value;
    struct timespec began;
};

/* False: to be left to the kernel. */
static bool limit_take(struct limit *out, long pointer, bool wide)
{
    struct wide_time time;
    struct narrow_time narrow;

    memset(out, 0, sizeof(*out));
    out->theirs = (void *)pointer;
    out->wide = wide;
    if (out->theirs == NULL)
        return true;
    if (plainly_bad(out->theirs))
        return false;
    if (wide) {
        memcpy(&time, out->theirs, sizeof(time));
    } else {
        memcpy(&narrow, out->theirs, sizeof(narrow));
        time = (struct wide_time){narrow.seconds, narrow.nanoseconds};
    }
    if (time.seconds < 0 || time.nanoseconds < 0 || time.nanoseconds >= SECOND_NS)
        return false;
    /* Longer than libc can say is for ever. */
    if (__builtin_add_overflow(time.seconds, 0, &out->value.tv_sec))
        out->value.tv_sec = INT32_MAX;
    out->value.tv_nsec = (long)time.nanoseconds;
    clock_gettime(CLOCK_MONOTONIC, &out->began);
    return true;
}

static const struct timespec *limit_value(const struct limit *limit)
{
    return limit->theirs == NULL ? NULL : &limit->value;
}

static void limit_write(const struct limit *limit, const struct timespec *left)
{
    const struct wide_time wide = {left->tv_sec, left->tv_nsec};
    const struct narrow_time narrow = {(long)left->tv_sec, left->tv_nsec};

    if (limit->wide)
        memcpy(limit->theirs, &wide, sizeof(wide));
    else
        memcpy(limit->theirs, &narrow, sizeof(narrow));
}

/* The kernel tells what is left of the time, also when it was interrupted. */
static void limit_give(const struct limit *limit)
{
    struct timespec now = limit->began, left = limit->value;

    if (limit->theirs == NULL)
        return;
    clock_gettime(CLOCK_MONOTONIC, &now);
    left.tv_sec -= now.tv_sec - limit->began.tv_sec;
    left.tv_nsec -= now.tv_nsec - limit->began.tv_nsec;
    if (left.tv_nsec >= SECOND_NS) {
        left.tv_nsec -= SECOND_NS;
        left.tv_sec++;
    } else if (left.tv_nsec < 0) {
        left.tv_nsec += SECOND_NS;
        left.tv_sec--;
    }
    if (left.tv_sec < 0)
        left = (struct timespec){0};
    limit_write(limit, &left);
}

/* The kernel's signal mask as libc's; false: to be left to the kernel. `*out` is NULL where there is none. */
static bool mask_take(sigset_t *room, const sigset_t **out, long pointer, long size)
{
    const void *theirs = (const void *)pointer;

    *out = NULL;
    if (theirs == NULL)
        return true;
    if ((size_t)size != KERNEL_SIGNAL_BYTES || plainly_bad(theirs))
        return false;
    memset(room, 0, sizeof(*room));
    memcpy(room, theirs, KERNEL_SIGNAL_BYTES);
    *out = room;
    return true;
}

static bool wait_ppoll(const long at[6], bool wide, long *answer)
{
    struct limit limit;
    const sigset_t *mask;
    sigset_t room;

    if (!limit_take(&limit, at[2], wide) || !mask_take(&room, &mask, at[3], at[4]))
        return false;
    *answer = ppoll((void *)at[0], (nfds_t)at[1], limit_value(&limit), mask);
    limit_give(&limit);
    return true;
}

/* The sixth argument: a mask and its size. */
struct mask_argument {
    unsigned long mask;
    unsigned long size;
};

static bool wait_pselect(const long at[6], bool wide, long *answer)
{
    const void *sixth = (const void *)at[5];
    struct mask_argument theirs = {0};
    struct limit limit;
    const sigset_t *mask;
    sigset_t room;

    if (sixth != NULL && plainly_bad(sixth))
        return false;
    if (sixth != NULL)
        memcpy(&theirs, sixth, sizeof(theirs));
    if (!limit_take(&limit, at[4], wide) || !mask_take(&room, &mask, (long)theirs.mask, (long)theirs.size))
        return false;
    *answer = pselect((int)at[0], (void *)at[1], (void *)at[2], (void *)at[3], limit_value(&limit), mask);
    limit_give(&limit);
    return true;
}

static bool wait_select(const long at[6], long *answer)
{
    void *time = (void *)at[4];

    if (time != NULL && plainly_bad(time))
        return false;
    *answer = select((int)at[0], (void *)at[1], (void *)at[2], (void *)at[3], time);
    return true;
}

/* With all arguments in one array, as the first Linux had it. */
static bool wait_old_select(const long at[6], long *answer)
{
    const void *array = (const void *)at[0];
    long inner[6] = {0};

    if (plainly_bad(array))
        return false;
    memcpy(inner, array, 5 * sizeof(long));
    return wait_select(inner, answer);
}

static bool wait_epoll(enum way way, const long at[6], long *answer)
{
    struct limit limit = {0};
    const sigset_t *mask;
    sigset_t room;

    if (!mask_take(&room, &mask, at[4], at[5]))
        return false;
    if (way == WAY_EPOLL_PWAIT) {
        *answer = epoll_pwait((int)at[0], (void *)at[1], (int)at[2], (int)at[3], mask);
        return true;
    }
    if (real.epoll_pwait2 == NULL && !watching(WATCH_ICMP | WATCH_PROBES))
        return false;
    if (!limit_take(&limit, at[3], true))
        return false;
    *answer = epoll_pwait2((int)at[0], (void *)at[1], (int)at[2], limit_value(&limit), mask);
    return true;
}

bool numbers_wait(enum way way, const long at[6], long *answer)
{
    if (!watching(WATCH_WAITS))
        return false;
    switch (way) {
    case WAY_POLL:
        *answer = poll((void *)at[0], (nfds_t)at[1], (int)at[2]);
        return true;
    case WAY_PPOLL:
    case WAY_PPOLL_TIME64:
        return wait_ppoll(at, way == WAY_PPOLL_TIME64, answer);
    case WAY_SELECT:
        return wait_select(at, answer);
    case WAY_OLD_SELECT:
        return wait_old_select(at, answer);
    case WAY_PSELECT6:
    case WAY_PSELECT6_TIME64:
        return wait_pselect(at, way == WAY_PSELECT6_TIME64, answer);
    case WAY_EPOLL_WAIT:
        *answer = epoll_wait((int)at[0], (void *)at[1], (int)at[2], (int)at[3]);
        return true;
    case WAY_EPOLL_PWAIT:
    case WAY_EPOLL_PWAIT2:
        return wait_epoll(way, at, answer);
    default:
        *answer = epoll_ctl((int)at[0], (int)at[1], (int)at[2], (void *)at[3]);
        return true;
    }
}

bool numbers_recvmmsg(enum way way, const long at[6], long *answer)
{
    struct limit limit;

    if (!limit_take(&limit, at[4], way == WAY_RECVMMSG_TIME64))
        return false;
    *answer = recvmmsg((int)at[0], (void *)at[1], (unsigned)at[2], (int)at[3],
                       limit.theirs == NULL ? NULL : &limit.value);
    if (limit.theirs != NULL && *answer >= 0)
        limit_write(&limit, &limit.value);
    return true;
}
