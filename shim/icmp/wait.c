/* SPDX-License-Identifier: MIT */
/*
 * ppoll. Where no socket of this process has anything held, filtered or shared there is one real ppoll, and only
 * entries with POLLERR are looked at. Else whatever may be wrong is asked first, and the real ppoll waits for the rest
 * and for the sources of listeners; what it then reports is corrected, and if nothing is left the wait goes on.
 */
#include "shim/icmp/wait.h"

#include "shim/icmp/epoll_sets.h"
#include "shim/icmp/probe.h"
#include "shim/icmp/receive.h"
#include "shim/icmp/wait_parts.h"
#include "shim/judge.h"
#include "shim/real.h"
#include "state/kernel.h"

#include <errno.h>
#include <sys/mman.h>

/* Entries of the program that find room on the stack; more go to pages of their own. */
#define SMALL 64

/* More than any process may have descriptors for: the kernel says so itself. */
#define LARGEST (1u << 24)

/* What an entry's descriptor is. */
enum entry_kind { ENTRY_OTHER, ENTRY_SOCKET, ENTRY_PROBE, ENTRY_SET };

struct waiting {
    struct pollfd *entries; /* the program's */
    nfds_t count;
    struct pollfd *watched; /* the same for the kernel, with room for sources behind them */
    uint8_t *kinds;
    struct wait_sources sources;
    int ready; /* entries that have something to show */
};

/* A socket that may become a listener by being waited on now. */
static bool is_fresh(const struct icmp_socket *socket)
{
    return !socket->has_sent && !socket->has_listened && !icmp_is_sender(socket);
}

/* Whether the kernel's word may not be enough for one of the descriptors. No system call. */
static bool is_special(const struct pollfd *entries, nfds_t count)
{
    bool sets = epoll_sets_any();

    if (watching(WATCH_PROBES))
        return true;
    for (nfds_t i = 0; i < count; i++) {
        const struct icmp_socket *socket = icmp_guess(entries[i].fd);

        if (socket != NULL ? is_fresh(socket) || icmp_needs_look(socket) : sets && epoll_sets_has(entries[i].fd))
            return true;
    }
    return false;
}

/* Where only POLLERR may be wrong. Returns how many entries are left of those that were found. */
static int correct_errors(struct pollfd *entries, nfds_t count, int found)
{
    int left = found;

    for (nfds_t i = 0; i < count && found > 0; i++) {
        struct icmp_socket *socket;

        if (entries[i].revents == 0)
            continue;
        found--;
        if (!(entries[i].revents & POLLERR))
            continue;
        socket = icmp_find(entries[i].fd);
        if (socket == NULL)
            continue;
        entries[i].revents = wait_shown(socket, entries[i].fd, entries[i].events, entries[i].revents);
        left -= entries[i].revents == 0;
    }
    return left;
}

/* Whether one of the descriptors was a translated socket lately. */
static bool has_sockets(const struct pollfd *entries, nfds_t count)
{
    for (nfds_t i = 0; i < count; i++) {
        if (icmp_guess(entries[i].fd) != NULL)
            return true;
    }
    return false;
}

/* Asks what an entry is, and what it shows already; `watched` becomes what the kernel is to be asked. */
static short entry_ask(struct waiting *waiting, nfds_t i)
{
    struct pollfd *watched = &waiting->watched[i];
    struct icmp_socket *socket;
    struct probe *probe;

    *watched = (struct pollfd){.fd = waiting->entries[i].fd, .events = waiting->entries[i].events};
    waiting->kinds[i] = ENTRY_OTHER;
    if (watched->fd < 0)
        return 0;
    socket = icmp_of(watched->fd);
    if (socket != NULL) {
        waiting->kinds[i] = ENTRY_SOCKET;
        if (icmp_is_sender(socket))
            watched->events &= (short)~(SHOWN_READABLE | POLLPRI);
        if (watched->events & SHOWN_READABLE) {
            icmp_mark_listened(socket);
            wait_sources_add(&waiting->sources, socket);
        }
        return icmp_needs_look(socket) ? wait_shown(socket, watched->fd, watched->events, 0) : 0;
    }
    probe = probe_of(watched->fd);
    if (probe != NULL) {
        waiting->kinds[i] = ENTRY_PROBE;
        return probe_events(probe, watched->fd, 0);
    }
    if (!epoll_sets_has(watched->fd))
        return 0;
    waiting->kinds[i] = ENTRY_SET;
    return epoll_set_held(watched->fd, &waiting->sources, 0) ? watched->events & SHOWN_READABLE : 0;
}

/* What an entry shows after the kernel has said what it found. */
static short entry_correct(const struct waiting *waiting, nfds_t i)
{
    const struct pollfd *watched = &waiting->watched[i];
    struct icmp_socket *socket;
    struct probe *probe;

    switch ((enum entry_kind)waiting->kinds[i]) {
    case ENTRY_SOCKET:
        socket = icmp_guess(watched->fd);
        if (socket != NULL && !wait_doubts(socket, watched->revents))
            return watched->revents;
        socket = icmp_of(watched->fd);
        return socket == NULL ? watched->revents
                              : wait_shown(socket, watched->fd, waiting->entries[i].events, watched->revents);
    case ENTRY_PROBE:
        probe = probe_of(watched->fd);
        return probe == NULL ? watched->revents : probe_events(probe, watched->fd, watched->revents);
    case ENTRY_SET:
        return (watched->revents & SHOWN_READABLE) && !epoll_set_is_ready(watched->fd, 0)
                   ? (short)(watched->revents & ~SHOWN_READABLE)
                   : watched->revents;
    default:
        return watched->revents;
    }
}

static void ask_all(struct waiting *waiting)
{
    waiting->ready = 0;
    waiting->sources = (struct wait_sources){.count = 0};
    for (nfds_t i = 0; i < waiting->count; i++) {
        waiting->entries[i].revents = entry_ask(waiting, i);
        waiting->ready += waiting->entries[i].revents != 0;
    }
    for (unsigned i = 0; i < waiting->sources.count; i++)
        waiting->watched[waiting->count + i] = waiting->sources.entries[i];
}

static void correct_all(struct waiting *waiting)
{
    waiting->ready = 0;
    for (nfds_t i = 0; i < waiting->count; i++) {
        struct pollfd *entry = &waiting->entries[i];

        if (waiting->watched[i].revents != 0)
            entry->revents = (short)(entry->revents | entry_correct(waiting, i));
        waiting->ready += entry->revents != 0;
    }
}

/* One round. True: it is over, with `*found` as ppoll's result. */
static bool special_round(struct waiting *waiting, const struct span *span, const sigset_t *mask, int *found)
{
    struct timespec left;
    const struct timespec *timeout;
    bool in_turns;

    ask_all(waiting);
    in_turns = wait_has_threads() || wait_sources_overflow(&waiting->sources);
    timeout = span_next(span, in_turns, &left);
    if (waiting->ready > 0) {
        left = (struct timespec){0};
        timeout = &left;
    }
    *found = real.ppoll(waiting->watched, waiting->count + waiting->sources.count, timeout, mask);
    if (*found > 0)
        correct_all(waiting);
    if (waiting->ready > 0) {
        *found = waiting->ready;
        return true;
    }
    if (*found < 0)
        return true;
    if (!span_is_over(span))
        return false;
    *found = 0;
    return true;
}

static int special_rounds(struct waiting *waiting, const struct span *span, const sigset_t *mask)
{
    unsigned fruitless = 0;
    int found;

    while (!special_round(waiting, span, mask, &found)) {
        if (found == 0)
            fruitless = 0;
        else if (!wait_fruitless(&fruitless, mask))
            return -1;
    }
    return found;
}

/* With signals kept out between the rounds, where there may be several. */
static int special_hold(struct waiting *waiting, const struct span *span, const sigset_t *mask)
{
    sigset_t before;
    int found;

    if (span->none)
        return special_rounds(waiting, span, mask);
    mask = wait_hold_signals(&before, mask);
    found = special_rounds(waiting, span, mask);
    kernel_signal_mask(&before, NULL);
    return found;
}

static __attribute__((noinline)) int special_small(struct waiting *waiting, const struct span *span,
                                                   const sigset_t *mask)
{
    struct pollfd watched[SMALL + WAIT_SOURCES];
    uint8_t kinds[SMALL];
    int found;

    waiting->watched = watched;
    waiting->kinds = kinds;
    found = special_hold(waiting, span, mask);
    waiting->watched = NULL;
    waiting->kinds = NULL;
    return found;
}

/* A thread that is cancelled here leaves its pages behind; it is the only thing that such a thread costs. */
static __attribute__((noinline)) int special_large(struct waiting *waiting, const struct span *span,
                                                   const sigset_t *mask)
{
    size_t entries = (waiting->count + WAIT_SOURCES) * sizeof(struct pollfd);
    size_t size = entries + waiting->count;
    int found;
    char *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (pages == MAP_FAILED) {
        errno = ENOMEM;
        return -1;
    }
    waiting->watched = (struct pollfd *)(void *)pages;
    waiting->kinds = (uint8_t *)pages + entries;
    found = special_hold(waiting, span, mask);
    munmap(pages, size);
    return found;
}

static int special_wait(struct pollfd *entries, nfds_t count, const struct span *span, const sigset_t *mask)
{
    struct waiting waiting = {.entries = entries, .count = count};

    return count <= SMALL ? special_small(&waiting, span, mask) : special_large(&waiting, span, mask);
}

int icmp_ppoll(struct pollfd *entries, nfds_t count, const struct timespec *timeout, const sigset_t *mask)
{
    int saved = errno;
    const struct timespec *next;
    struct timespec left;
    struct span span;
    bool in_turns;
    int found;

    if (count == 0 || count > LARGEST || plainly_bad(entries) || !span_begin(&span, timeout))
        return real.ppoll(entries, count, timeout, mask);
    in_turns = wait_has_threads() && has_sockets(entries, count);
    next = in_turns ? span_next(&span, true, &left) : timeout;
    for (;;) {
        if (is_special(entries, count)) {
            found = special_wait(entries, count, &span, mask);
            break;
        }
        found = real.ppoll(entries, count, next, mask);
        if (found > 0)
            found = correct_errors(entries, count, found);
        if (found != 0 || span_is_over(&span))
            break;
        next = span_next(&span, in_turns, &left);
    }
    if (found >= 0)
        errno = saved;
    return found;
}
