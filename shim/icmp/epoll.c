/* SPDX-License-Identifier: MIT */
/*
 * epoll sets that hold translated sockets. The kernel's set keeps each registration as the program made it. What it
 * reports of a member is corrected, and a report of which nothing is left is dropped (a spent EPOLLONESHOT is armed
 * again); for what is held in user space the events are made here: again and again, once an arrival (EPOLLET), or once
 * until EPOLL_CTL_MOD (EPOLLONESHOT; the kernel's registration is then spent as well).
 */
#include "shim/icmp/epoll_sets.h"
#include "shim/icmp/wait.h"

#include "shim/fdinfo.h"
#include "shim/icmp/probe.h"
#include "shim/icmp/pull.h"
#include "shim/icmp/receive.h"
#include "shim/judge.h"
#include "shim/real.h"
#include "state/kernel.h"

#include <errno.h>
#include <limits.h>

/* EP_MAX_NESTS of the kernel. */
#define NESTS 4

/* What epoll reports unasked. */
#define UNASKED ((uint32_t)(EPOLLERR | EPOLLHUP))

#define MILLISECOND_NS (1000 * 1000L)

struct round {
    int set;
    struct epoll_event *events;
    int most;
    const struct span *span;
    const sigset_t *mask;
    struct wait_sources sources;
    bool fine;  /* the time is told more finely than epoll_wait's milliseconds */
    bool woken; /* the last real wait ended before its time */
    bool holds; /* signals are kept out between the real waits; `before` is the mask that was */
    sigset_t before;
};

/* Whether the descriptor still is the socket that was registered. */
static bool is_current(const struct member *member)
{
    return atomic_load(&member->socket->cookie) == member->cookie && icmp_is(member->socket, member->fd);
}

/*
 * A descriptor of the member's socket; -1 where this process has none. An epoll set holds the socket and not its
 * number: that may be closed, and the socket live on under another one (epoll(7), question 6).
 */
static int member_fd(const struct member *member)
{
    int other = atomic_load(&member->socket->fd);

    if (is_current(member))
        return member->fd;
    return atomic_load(&member->socket->cookie) == member->cookie && icmp_is(member->socket, other) ? other : -1;
}

/* What ever arrived in the program's two queues. */
static uint32_t arrivals_of(const struct icmp_socket *socket)
{
    return atomic_load(&socket->packets.arrivals) + atomic_load(&socket->errors.arrivals);
}

/* A count of what there was to be reported, to know whether there is more than that now. */
static uint32_t state_of(const struct member *member)
{
    return member->kind == MEMBER_SOCKET ? arrivals_of(member->socket) : 1;
}

/* Whether the set still has the registration: adding it again would be refused. */
static bool is_registered(const struct member *member)
{
    struct epoll_event nothing = {.events = EPOLLONESHOT | EPOLLET, .data.u64 = member->data};
    int saved = errno;
    bool registered = real.epoll_ctl(member->set, EPOLL_CTL_ADD, member->fd, &nothing) != 0 && errno == EEXIST;

    if (!registered) {
        real.epoll_ctl(member->set, EPOLL_CTL_DEL, member->fd, &nothing);
        epoll_sets_remove(member->set, member->fd);
    }
    errno = saved;
    return registered;
}

/* Whether a member's present state was reported already, which for EPOLLET is enough. */
static bool is_told(const struct member *member, struct member_state *state)
{
    return (member->events & EPOLLET) && atomic_load(&state->told) == state_of(member);
}

/* No system call where the kernel's word is right. */
static uint32_t socket_has(const struct member *member, struct member_state *state, struct wait_sources *sources)
{
    struct icmp_socket *socket = member->socket;
    bool wanted = (member->events & (EPOLLIN | EPOLLRDNORM)) != 0;

    if (atomic_load(&socket->cookie) != member->cookie)
        return 0;
    if (wanted && !icmp_is_sender(socket))
        icmp_mark_listened(socket);
    if (!(icmp_needs_look(socket) || icmp_is_listener(socket)) || !is_current(member))
        return 0;
    sources->special = true;
    if (wanted)
        wait_sources_add(sources, socket);
    /* What is held hides from icmp_readable what has come to the sources since. */
    if (wanted && is_told(member, state) && icmp_is_listener(socket))
        icmp_pull(socket, member->fd);
    return (uint16_t)wait_shown(socket, member->fd, (short)member->events, 0);
}

/* What a member shows by what is held in user space, whatever was reported before. */
static uint32_t member_has(const struct member *member, struct member_state *state, struct wait_sources *sources,
                           unsigned depth)
{
    struct probe *probe;

    switch (member->kind) {
    case MEMBER_SOCKET:
        return socket_has(member, state, sources);
    case MEMBER_PROBE:
        probe = probe_of(member->fd);
        sources->special = true;
        return probe == NULL ? 0 : (uint16_t)probe_events(probe, member->fd, 0);
    case MEMBER_SET:
        return depth < NESTS && epoll_set_held(member->fd, sources, depth + 1) ? EPOLLIN | EPOLLRDNORM : 0;
    default:
        return 0;
    }
}

/* What is to be reported of a member by what is held: nothing that was reported already. */
static uint32_t member_tells(const struct member *member, struct member_state *state, struct wait_sources *sources,
                             unsigned depth)
{
    uint32_t has;

    if (atomic_load(&state->spent))
        return 0;
    has = member_has(member, state, sources, depth) & (member->events | UNASKED);
    if (has == 0 && member->kind != MEMBER_SOCKET)
        atomic_store(&state->told, UINT32_MAX);
    return is_told(member, state) ? 0 : has;
}

bool epoll_set_held(int set, struct wait_sources *sources, unsigned depth)
{
    struct member_state *state;
    struct member member;
    unsigned at = 0;
    bool held = false;

    while ((state = epoll_sets_next(set, &at, &member)) != NULL) {
        if (member_tells(&member, state, sources, depth) != 0 && is_registered(&member))
            held = true;
    }
    return held;
}

/* Asks the kernel about one member alone, and takes away what it reports for nothing. */
static void member_clear(const struct member *member, unsigned depth)
{
    const struct timespec none = {0};
    struct pollfd entry = {.fd = member->fd, .events = (short)member->events};
    struct probe *probe;

    if (member->kind == MEMBER_SET) {
        if (depth < NESTS)
            epoll_set_is_ready(member->fd, depth + 1);
        return;
    }
    if (real.ppoll(&entry, 1, &none, NULL) != 1)
        return;
    if (member->kind == MEMBER_PROBE) {
        probe = probe_of(member->fd);
        if (probe != NULL)
            probe_events(probe, member->fd, entry.revents);
    } else if (is_current(member)) {
        wait_shown(member->socket, member->fd, (short)member->events, entry.revents);
    }
}

bool epoll_set_is_ready(int set, unsigned depth)
{
    const struct timespec none = {0};
    struct pollfd entry = {.fd = set, .events = POLLIN};
    struct wait_sources sources = {.count = 0};
    struct member member;
    int saved = errno;
    unsigned at = 0;
    bool ready;

    while (epoll_sets_next(set, &at, &member) != NULL)
        member_clear(&member, depth);
    ready = epoll_set_held(set, &sources, depth) || real.ppoll(&entry, 1, &none, NULL) == 1;
    errno = saved;
    return ready;
}

/* Notes that a member is reported; false: somebody else has just done so. */
static bool member_claim(const struct member *member, struct member_state *state)
{
    uint32_t now = state_of(member);
    uint32_t told = atomic_exchange(&state->told, now);

    if (member->events & EPOLLONESHOT)
        return !atomic_exchange(&state->spent, true);
    return !(member->events & EPOLLET) || told != now;
}

static void member_arm(const struct member *member, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.u64 = member->data};
    int saved = errno;

    real.epoll_ctl(member->set, EPOLL_CTL_MOD, member->fd, &event);
    errno = saved;
}

/* What remains of the events that the kernel reported of a member. */
static uint32_t member_correct(const struct member *member, struct member_state *state, uint32_t found)
{
    uint32_t shown = found;
    struct probe *probe;

    /* Spent by us and not armed again: only what is reported unasked can come, once. */
    if (atomic_load(&state->spent) && !(found & ~UNASKED))
        return 0;
    if (member->kind == MEMBER_SOCKET && wait_doubts(member->socket, (short)found) && member_fd(member) >= 0) {
        shown = (uint16_t)wait_shown(member->socket, member_fd(member), (short)member->events, (short)found);
        shown &= member->events | UNASKED;
    } else if (member->kind == MEMBER_PROBE && (probe = probe_of(member->fd)) != NULL) {
        shown = (uint16_t)probe_events(probe, member->fd, (short)found);
    } else if (member->kind == MEMBER_SET && (found & EPOLLIN) && !epoll_set_is_ready(member->fd, 0)) {
        shown = found & ~(uint32_t)(EPOLLIN | EPOLLRDNORM);
    }
    if (shown != 0)
        member_claim(member, state);
    else if (member->events & EPOLLONESHOT)
        member_arm(member, member->events);
    return shown;
}

/* Whether more descriptors than `known` are registered with this data, so that an event may be another's. */
static bool is_ambiguous(int set, uint64_t data, unsigned known)
{
    unsigned count;

    return fdinfo_count(set, data, &count) && count > known;
}

/* Corrects one event of the kernel; false: nothing is left of it. */
static bool event_correct(int set, struct epoll_event *event)
{
    struct member_state *state;
    struct member member;
    uint32_t shown = 0;
    unsigned known = 0;
    unsigned at = 0;

    while ((state = epoll_sets_next(set, &at, &member)) != NULL) {
        if (member.data != event->data.u64)
            continue;
        known++;
        shown |= member_correct(&member, state, event->events);
    }
    if (known == 0 || (shown == 0 && is_ambiguous(set, event->data.u64, known)))
        return true;
    event->events = shown;
    return shown != 0;
}

static int events_correct(const struct round *round, int found)
{
    int kept = 0;

    for (int i = 0; i < found; i++) {
        struct epoll_event event = round->events[i];

        if (event_correct(round->set, &event))
            round->events[kept++] = event;
    }
    return kept;
}

/* Makes the event of one member, if there is any; returns how many events there are then. */
static int event_make(struct round *round, const struct member *member, struct member_state *state, int count)
{
    uint32_t tells = member_tells(member, state, &round->sources, 0);
    int same = 0;

    if (tells == 0)
        return count;
    while (same < count && round->events[same].data.u64 != member->data)
        same++;
    if (same < count && (round->events[same].events & tells) == tells)
        return count;
    if (!is_registered(member) || !member_claim(member, state))
        return count;
    if (member->events & EPOLLONESHOT)
        member_arm(member, EPOLLONESHOT | EPOLLET);
    if (same == count)
        round->events[count++] = (struct epoll_event){.events = 0, .data.u64 = member->data};
    round->events[same].events |= tells;
    return count;
}

/*
 * Adds the events that are made here behind the `count` of the kernel; where there is little room members take turns.
 */
static int events_make(struct round *round, int count)
{
    static _Atomic unsigned begin; /* behind the member that was last reported */
    unsigned first = atomic_load_explicit(&begin, memory_order_relaxed);
    struct member_state *state;
    struct member member;

    for (int pass = 0; pass < 2; pass++) {
        unsigned at = pass == 0 ? first : 0;

        while (count < round->most && (pass == 0 || at < first) &&
               (state = epoll_sets_next(round->set, &at, &member)) != NULL) {
            int before = count;

            count = event_make(round, &member, state, count);
            if (count > before)
                atomic_store_explicit(&begin, at, memory_order_relaxed);
        }
    }
    return count;
}

/* The kernel's events, `most` of them, in `timeout`; milliseconds are rounded up. */
static int kernel_events(const struct round *round, int most, const struct timespec *timeout)
{
    int milliseconds = -1;

    if (timeout != NULL && timeout->tv_sec > INT_MAX / 1000 - 1)
        milliseconds = INT_MAX;
    else if (timeout != NULL)
        milliseconds = (int)(timeout->tv_sec * 1000 + (timeout->tv_nsec + MILLISECOND_NS - 1) / MILLISECOND_NS);
    return real.epoll_pwait(round->set, round->events, most, milliseconds, round->mask);
}

/* The same where more than the set has to be watched. */
static int kernel_events_beside(struct round *round, int most, const struct timespec *timeout)
{
    const struct timespec none = {0};
    struct pollfd watched[1 + WAIT_SOURCES];
    int found;

    watched[0] = (struct pollfd){.fd = round->set, .events = POLLIN};
    for (unsigned i = 0; i < round->sources.count; i++)
        watched[1 + i] = round->sources.entries[i];
    found = real.ppoll(watched, 1 + round->sources.count, timeout, round->mask);
    round->woken = found > 0;
    if (found <= 0)
        return found;
    /* Bad descriptors are told of by the epoll wait itself. */
    return watched[0].revents == 0 ? 0 : kernel_events(round, most, &none);
}

/* Once something but one real wait is to be expected. */
static void hold(struct round *round)
{
    if (round->holds || round->span->none)
        return;
    round->holds = true;
    round->mask = wait_hold_signals(&round->before, round->mask);
}

/* One round. True: it is over, with `*found` as the wait's result. */
static bool wait_round(struct round *round, unsigned number, int *found)
{
    const struct timespec none = {0};
    const struct timespec *timeout;
    struct timespec left;
    bool held;
    int most = round->most;

    round->sources = (struct wait_sources){.count = 0};
    round->woken = true;
    held = epoll_set_held(round->set, &round->sources, 0);
    if (round->sources.special)
        hold(round);
    timeout = span_next(round->span, wait_has_threads() || wait_sources_overflow(&round->sources), &left);
    if (held) {
        /* Room is left for our own events; with room for one both kinds take turns. */
        most = most > 1 ? most - 1 : (int)(number & 1);
        *found = most == 0 ? 0 : kernel_events(round, most, &none);
    } else if (round->sources.count > 0 || round->fine) {
        *found = kernel_events_beside(round, most, timeout);
    } else {
        *found = kernel_events(round, most, timeout);
        round->woken = *found > 0;
    }
    if (*found < 0 && !(held && errno == EINTR))
        return true;
    *found = *found <= 0 ? 0 : events_correct(round, *found);
    if (held)
        *found = events_make(round, *found);
    return *found > 0 || span_is_over(round->span);
}

static int wait_rounds(struct round *round)
{
    static _Atomic unsigned turns;
    unsigned number = atomic_fetch_add_explicit(&turns, 1, memory_order_relaxed);
    unsigned fruitless = 0;
    int found;

    while (!wait_round(round, number++, &found)) {
        hold(round);
        if (!round->woken)
            fruitless = 0;
        else if (!wait_fruitless(&fruitless, round->mask))
            return -1;
    }
    return found;
}

bool icmp_epoll_concerns(int epoll_fd)
{
    return epoll_sets_any() && epoll_sets_has(epoll_fd);
}

int icmp_epoll_wait(int epoll_fd, struct epoll_event *events, int most, const struct timespec *timeout,
                    const sigset_t *mask)
{
    struct round round = {.set = epoll_fd, .events = events, .most = most, .mask = mask};
    int saved = errno;
    struct span span;
    int found;

    if (most <= 0 || plainly_bad(events))
        return real.epoll_pwait(epoll_fd, events, most, 0, mask);
    if (!span_begin(&span, timeout)) {
        errno = EINVAL;
        return -1;
    }
    round.span = &span;
    round.fine = !span.endless && timeout->tv_nsec % MILLISECOND_NS != 0;
    found = wait_rounds(&round);
    if (round.holds)
        kernel_signal_mask(&round.before, NULL);
    if (found >= 0)
        errno = saved;
    return found;
}

/*
 * Whether `fd`, just added to the set, is a set itself: taking away from it what it cannot hold is another error then.
 */
static bool is_set(int set, int fd)
{
    struct epoll_event nothing = {0};

    return real.epoll_ctl(fd, EPOLL_CTL_DEL, set, &nothing) != 0 && errno == ENOENT;
}

static void note(int epoll_fd, int fd, const struct epoll_event *event)
{
    struct member member = {.set = epoll_fd, .fd = fd, .events = event->events, .data = event->data.u64};

    member.socket = icmp_of(fd);
    if (member.socket != NULL) {
        member.kind = MEMBER_SOCKET;
        member.cookie = atomic_load(&member.socket->cookie);
    } else if (probe_of(fd) != NULL) {
        member.kind = MEMBER_PROBE;
    } else if (is_set(epoll_fd, fd)) {
        member.kind = MEMBER_SET;
    } else {
        epoll_sets_remove(epoll_fd, fd);
        return;
    }
    epoll_sets_put(&member);
}

int icmp_epoll_ctl(int epoll_fd, int operation, int fd, struct epoll_event *event)
{
    int saved = errno;
    int result = real.epoll_ctl(epoll_fd, operation, fd, event);

    if (result != 0)
        return result;
    if (operation == EPOLL_CTL_DEL)
        epoll_sets_remove(epoll_fd, fd);
    else if (epoll_fd >= 0 && fd >= 0)
        note(epoll_fd, fd, event);
    errno = saved;
    return result;
}
