/* SPDX-License-Identifier: MIT */
/*
 * poll, select, the epoll waits and their other names: the real call, then a note of what it reported readable. No
 * other system call, ever: a sandboxed program may be killed for it. A wait that found nothing notes nothing. In a
 * process with translated sockets or probes the real call is made, and its answer corrected, by shim/icmp.
 */
#include "shim/icmp/socket.h"
#include "shim/icmp/wait.h"
#include "shim/process.h"
#include "shim/readiness.h"
#include "shim/real.h"

#include <errno.h>
#include <limits.h>

/* Rules under which a receive or accept may have to answer EAGAIN. */
#define WATCH_READABLE (WATCH_FROM_STREAM | WATCH_FROM_DATAGRAM | WATCH_FROM_UNIX)

/* Sockets whose readiness the kernel does not know. */
#define WATCH_TRANSLATED (WATCH_ICMP | WATCH_PROBES)

#define WATCH_WAITS (WATCH_READABLE | WATCH_TRANSLATED)

#define READABLE (POLLIN | POLLRDNORM | POLLPRI | POLLERR | POLLHUP)

/* poll's and epoll's milliseconds; NULL, for ever, where they are negative. */
static const struct timespec *milliseconds(int timeout, struct timespec *out)
{
    *out = (struct timespec){timeout / 1000, timeout % 1000 * 1000000L};
    return timeout < 0 ? NULL : out;
}

/* `found` is how many entries the kernel reported: behind the last of them nothing is looked at. */
static int noted_poll(const struct pollfd *entries, nfds_t count, int found)
{
    int left = watching(WATCH_READABLE) ? found : 0;

    for (nfds_t i = 0; i < count && left > 0; i++) {
        if (entries[i].revents == 0)
            continue;
        left--;
        if (entries[i].revents & READABLE)
            readiness_note(entries[i].fd);
    }
    return found;
}

static __attribute__((noinline)) int inspected_poll(struct pollfd *entries, nfds_t count, int timeout)
{
    struct timespec time;

    if (process_ready(WATCH_TRANSLATED))
        return noted_poll(entries, count, icmp_ppoll(entries, count, milliseconds(timeout, &time), NULL));
    return noted_poll(entries, count, real.poll(entries, count, timeout));
}

static int judged_poll(struct pollfd *entries, nfds_t count, int timeout)
{
    if (!watching(WATCH_WAITS))
        return real.poll(entries, count, timeout);
    return inspected_poll(entries, count, timeout);
}

static int judged_poll_chk(struct pollfd *entries, nfds_t count, int timeout, size_t size)
{
    if (unlikely(size / sizeof(*entries) < count)) {
        process_ready(0);
        return real.__poll_chk(entries, count, timeout, size);
    }
    return judged_poll(entries, count, timeout);
}

static __attribute__((noinline)) int inspected_ppoll(struct pollfd *entries, nfds_t count,
                                                     const struct timespec *timeout, const sigset_t *mask)
{
    if (process_ready(WATCH_TRANSLATED))
        return noted_poll(entries, count, icmp_ppoll(entries, count, timeout, mask));
    return noted_poll(entries, count, real.ppoll(entries, count, timeout, mask));
}

static int judged_ppoll(struct pollfd *entries, nfds_t count, const struct timespec *timeout, const sigset_t *mask)
{
    if (!watching(WATCH_WAITS))
        return real.ppoll(entries, count, timeout, mask);
    return inspected_ppoll(entries, count, timeout, mask);
}

static int judged_ppoll_chk(struct pollfd *entries, nfds_t count, const struct timespec *timeout, const sigset_t *mask,
                            size_t size)
{
    if (unlikely(size / sizeof(*entries) < count)) {
        process_ready(0);
        return real.__ppoll_chk(entries, count, timeout, mask, size);
    }
    return judged_ppoll(entries, count, timeout, mask);
}

/* Word `i` of a set; its bits are descriptors from i * NFDBITS on. */
static unsigned long word_of(const fd_set *set, int i)
{
    return set == NULL ? 0 : (unsigned long)set->fds_bits[i];
}

/*
 * The kernel looks at no more descriptors than the process has room for, whatever `count` says, so the sets may end
 * before `count`. But every bit that it set counts in `found`: the look ends with the last of them.
 */
static int noted_select(int count, const fd_set *reading, const fd_set *writing, const fd_set *exceptions, int found)
{
    int left = watching(WATCH_READABLE) ? found : 0;

    for (int i = 0; left > 0 && i <= (count - 1) / NFDBITS; i++) {
        unsigned long read = word_of(reading, i);
        unsigned long exceptional = word_of(exceptions, i);
        unsigned long readable = read | exceptional;

        left -= __builtin_popcountl(read) + __builtin_popcountl(exceptional) + __builtin_popcountl(word_of(writing, i));
        for (; readable != 0; readable &= readable - 1)
            readiness_note(i * NFDBITS + __builtin_ctzl(readable));
    }
    return found;
}

/* select(2)'s time, which may have more than a second of microseconds; false: EINVAL. */
static bool seconds(const struct timeval *timeout, struct timespec *out)
{
    if (timeout->tv_sec < 0 || timeout->tv_usec < 0)
        return false;
    out->tv_nsec = timeout->tv_usec % 1000000 * 1000L;
    if (__builtin_add_overflow(timeout->tv_sec, timeout->tv_usec / 1000000, &out->tv_sec))
        *out = (struct timespec){LONG_MAX, 0};
    return true;
}

/* The kernel writes back what is left of the time. */
static __attribute__((noinline)) int translated_select(int count, fd_set *reading, fd_set *writing, fd_set *exceptions,
                                                       struct timeval *timeout)
{
    struct timespec time;
    int found;

    if (timeout == NULL)
        return icmp_pselect(count, reading, writing, exceptions, NULL, NULL);
    if (!seconds(timeout, &time)) {
        errno = EINVAL;
        return -1;
    }
    found = icmp_pselect(count, reading, writing, exceptions, &time, NULL);
    timeout->tv_sec = time.tv_sec;
    timeout->tv_usec = (__suseconds_t)(time.tv_nsec / 1000);
    return found;
}

static __attribute__((noinline)) int inspected_select(int count, fd_set *reading, fd_set *writing, fd_set *exceptions,
                                                      struct timeval *timeout)
{
    if (process_ready(WATCH_TRANSLATED) && icmp_select_concerns(count, reading, writing, exceptions))
        return noted_select(count, reading, writing, exceptions,
                            translated_select(count, reading, writing, exceptions, timeout));
    return noted_select(count, reading, writing, exceptions, real.select(count, reading, writing, exceptions, timeout));
}

static int judged_select(int count, fd_set *reading, fd_set *writing, fd_set *exceptions, struct timeval *timeout)
{
    if (!watching(WATCH_WAITS))
        return real.select(count, reading, writing, exceptions, timeout);
    return inspected_select(count, reading, writing, exceptions, timeout);
}

static __attribute__((noinline)) int inspected_pselect(int count, fd_set *reading, fd_set *writing, fd_set *exceptions,
                                                       const struct timespec *timeout, const sigset_t *mask)
{
    struct timespec time;

    if (process_ready(WATCH_TRANSLATED) && icmp_select_concerns(count, reading, writing, exceptions)) {
        if (timeout != NULL)
            time = *timeout;
        return noted_select(count, reading, writing, exceptions,
                            icmp_pselect(count, reading, writing, exceptions, timeout == NULL ? NULL : &time, mask));
    }
    return noted_select(count, reading, writing, exceptions,
                        real.pselect(count, reading, writing, exceptions, timeout, mask));
}

static int judged_pselect(int count, fd_set *reading, fd_set *writing, fd_set *exceptions,
                          const struct timespec *timeout, const sigset_t *mask)
{
    if (!watching(WATCH_WAITS))
        return real.pselect(count, reading, writing, exceptions, timeout, mask);
    return inspected_pselect(count, reading, writing, exceptions, timeout, mask);
}

static int noted_epoll(int fd, const struct epoll_event *events, int found)
{
    if (found > 0 && watching(WATCH_READABLE))
        readiness_note_epoll(fd, events, found);
    return found;
}

static __attribute__((noinline)) int inspected_epoll_wait(int fd, struct epoll_event *events, int most, int timeout)
{
    struct timespec time;

    if (process_ready(WATCH_TRANSLATED) && icmp_epoll_concerns(fd))
        return noted_epoll(fd, events, icmp_epoll_wait(fd, events, most, milliseconds(timeout, &time), NULL));
    return noted_epoll(fd, events, real.epoll_wait(fd, events, most, timeout));
}

static int judged_epoll_wait(int fd, struct epoll_event *events, int most, int timeout)
{
    if (!watching(WATCH_WAITS))
        return real.epoll_wait(fd, events, most, timeout);
    return inspected_epoll_wait(fd, events, most, timeout);
}

static __attribute__((noinline)) int inspected_epoll_pwait(int fd, struct epoll_event *events, int most, int timeout,
                                                           const sigset_t *mask)
{
    struct timespec time;

    if (process_ready(WATCH_TRANSLATED) && icmp_epoll_concerns(fd))
        return noted_epoll(fd, events, icmp_epoll_wait(fd, events, most, milliseconds(timeout, &time), mask));
    return noted_epoll(fd, events, real.epoll_pwait(fd, events, most, timeout, mask));
}

static int judged_epoll_pwait(int fd, struct epoll_event *events, int most, int timeout, const sigset_t *mask)
{
    if (!watching(WATCH_WAITS))
        return real.epoll_pwait(fd, events, most, timeout, mask);
    return inspected_epoll_pwait(fd, events, most, timeout, mask);
}

/* A libc before 2.35 does not have this one; a program that was linked with it can still be run there by us alone. */
static __attribute__((noinline)) int inspected_epoll_pwait2(int fd, struct epoll_event *events, int most,
                                                            const struct timespec *timeout, const sigset_t *mask)
{
    if (process_ready(WATCH_TRANSLATED) && icmp_epoll_concerns(fd))
        return noted_epoll(fd, events, icmp_epoll_wait(fd, events, most, timeout, mask));
    if (real.epoll_pwait2 == NULL) {
        errno = ENOSYS;
        return -1;
    }
    return noted_epoll(fd, events, real.epoll_pwait2(fd, events, most, timeout, mask));
}

static int judged_epoll_pwait2(int fd, struct epoll_event *events, int most, const struct timespec *timeout,
                               const sigset_t *mask)
{
    if (!watching(WATCH_WAITS) && likely(real.epoll_pwait2 != NULL))
        return real.epoll_pwait2(fd, events, most, timeout, mask);
    return inspected_epoll_pwait2(fd, events, most, timeout, mask);
}

static __attribute__((noinline)) int inspected_epoll_ctl(int fd, int operation, int target, struct epoll_event *event)
{
    if (process_ready(WATCH_TRANSLATED))
        return icmp_epoll_ctl(fd, operation, target, event);
    return real.epoll_ctl(fd, operation, target, event);
}

static int judged_epoll_ctl(int fd, int operation, int target, struct epoll_event *event)
{
    if (!watching(WATCH_TRANSLATED))
        return real.epoll_ctl(fd, operation, target, event);
    return inspected_epoll_ctl(fd, operation, target, event);
}

EXPORT int poll(struct pollfd *entries, nfds_t count, int timeout)
{
    return judged_poll(entries, count, timeout);
}

EXPORT int __poll(struct pollfd *entries, nfds_t count, int timeout)
{
    return judged_poll(entries, count, timeout);
}

EXPORT int __poll_chk(struct pollfd *entries, nfds_t count, int timeout, size_t size)
{
    return judged_poll_chk(entries, count, timeout, size);
}

EXPORT int ppoll(struct pollfd *entries, nfds_t count, const struct timespec *timeout, const sigset_t *mask)
{
    return judged_ppoll(entries, count, timeout, mask);
}

EXPORT int __ppoll_chk(struct pollfd *entries, nfds_t count, const struct timespec *timeout, const sigset_t *mask,
                       size_t size)
{
    return judged_ppoll_chk(entries, count, timeout, mask, size);
}

EXPORT int select(int count, fd_set *restrict reading, fd_set *restrict writing, fd_set *restrict exceptions,
                  struct timeval *restrict timeout)
{
    return judged_select(count, reading, writing, exceptions, timeout);
}

EXPORT int __select(int count, fd_set *restrict reading, fd_set *restrict writing, fd_set *restrict exceptions,
                    struct timeval *restrict timeout)
{
    return judged_select(count, reading, writing, exceptions, timeout);
}

EXPORT int pselect(int count, fd_set *restrict reading, fd_set *restrict writing, fd_set *restrict exceptions,
                   const struct timespec *restrict timeout, const sigset_t *restrict mask)
{
    return judged_pselect(count, reading, writing, exceptions, timeout, mask);
}

EXPORT int epoll_wait(int fd, struct epoll_event *events, int most, int timeout)
{
    return judged_epoll_wait(fd, events, most, timeout);
}

EXPORT int epoll_pwait(int fd, struct epoll_event *events, int most, int timeout, const sigset_t *mask)
{
    return judged_epoll_pwait(fd, events, most, timeout, mask);
}

EXPORT int epoll_pwait2(int fd, struct epoll_event *events, int most, const struct timespec *timeout,
                        const sigset_t *mask)
{
    return judged_epoll_pwait2(fd, events, most, timeout, mask);
}

EXPORT int epoll_ctl(int fd, int operation, int target, struct epoll_event *event)
{
    return judged_epoll_ctl(fd, operation, target, event);
}
