/* SPDX-License-Identifier: MIT */
/* The kernel's word on a ping socket, corrected: its error queue is the program's receive queue. */
#include "shim/icmp/wait_parts.h"

#include "shim/icmp/linger.h"
#include "shim/icmp/pull.h"
#include "shim/icmp/receive.h"
#include "shim/real.h"
#include "state/kernel.h"

#include <errno.h>
#include <string.h>

/* A turn: what another thread took from the kernel for us is seen after at most so long. */
#define TURN_NS (20 * 1000 * 1000L)

/* Rounds for nothing that may follow one another; filtered packets make such rounds too. */
#define FRUITLESS 256
#define NAP_NS (5 * 1000 * 1000L)

bool span_begin(struct span *span, const struct timespec *timeout)
{
    *span = (struct span){.endless = timeout == NULL};
    if (timeout == NULL)
        return true;
    span->none = timeout->tv_sec == 0 && timeout->tv_nsec == 0;
    return linger_deadline(timeout, &span->end);
}

const struct timespec *span_next(const struct span *span, bool in_turns, struct timespec *left)
{
    *left = (struct timespec){0};
    if (!span->endless && !span->none)
        linger_left(&span->end, left);
    if (in_turns && (span->endless || left->tv_sec > 0 || left->tv_nsec > TURN_NS))
        *left = (struct timespec){0, TURN_NS};
    else if (span->endless)
        return NULL;
    return left;
}

bool span_is_over(const struct span *span)
{
    struct timespec left;

    return !span->endless && (span->none || !linger_left(&span->end, &left));
}

/* A libc before 2.32 does not tell: there may be threads then. */
bool wait_has_threads(void)
{
    static const char not_told = 0;
    static const char *single;
    const char *flag = __atomic_load_n(&single, __ATOMIC_RELAXED);

    if (unlikely(flag == NULL)) {
        flag = libc_variable("__libc_single_threaded");
        if (flag == NULL)
            flag = &not_told;
        __atomic_store_n(&single, flag, __ATOMIC_RELAXED);
    }
    return !*flag;
}

void wait_sources_add(struct wait_sources *sources, const struct icmp_socket *socket)
{
    bool six = icmp_is_six(socket);
    int fds[WAIT_SOURCES];
    unsigned count;

    if (sources->asked[six] || !icmp_is_listener(socket))
        return;
    sources->asked[six] = true;
    count = icmp_sources(socket, fds, WAIT_SOURCES - sources->count);
    for (unsigned i = 0; i < count; i++) {
        /* Of a probe only the errors are taken: its datagrams are the program's to read, and would wake us for ever. */
        short events = icmp_find(fds[i]) != NULL ? POLLIN : 0;

        sources->entries[sources->count++] = (struct pollfd){.fd = fds[i], .events = events};
    }
}

bool wait_doubts(const struct icmp_socket *socket, short found)
{
    return (found & POLLERR) || icmp_is_sender(socket) || icmp_needs_look(socket);
}

/* Whether the kernel calls it readable since it was shut down, with nothing there to be read. */
static bool is_shut_down(int fd)
{
    int saved = errno;
    bool is = (kernel_readiness(fd, POLLRDHUP) & POLLRDHUP) != 0;

    errno = saved;
    return is;
}

short wait_shown(struct icmp_socket *socket, int fd, short wanted, short found)
{
    short shown = (short)(found & ~(SHOWN_READABLE | POLLERR | POLLPRI));
    bool readable = (found & SHOWN_READABLE) != 0;

    if (icmp_is_sender(socket)) {
        if (found & (SHOWN_READABLE | POLLERR))
            icmp_pull(socket, fd);
        return shown;
    }
    if (wait_doubts(socket, found))
        readable = icmp_readable(socket, fd) || ((found & SHOWN_READABLE) && is_shut_down(fd));
    if (readable)
        shown = (short)(shown | (wanted & SHOWN_READABLE));
    if (icmp_shows_error(socket))
        shown = (short)(shown | POLLERR | (found & POLLPRI));
    return shown;
}

bool wait_fruitless(unsigned *rounds, const sigset_t *mask)
{
    const struct timespec nap = {0, NAP_NS};

    if (++*rounds < FRUITLESS)
        return true;
    *rounds = 0;
    return real.ppoll(NULL, 0, &nap, mask) == 0;
}

const sigset_t *wait_hold_signals(sigset_t *before, const sigset_t *mask)
{
    sigset_t all;

    memset(&all, 0xff, sizeof(all));
    sigemptyset(before);
    kernel_signal_mask(&all, before);
    return mask != NULL ? mask : before;
}
