/* SPDX-License-Identifier: MIT */
/*
 * A table of notes. Each is written with signals blocked and an odd turn, and read again if its turn moved; a reader
 * that finds it being written for too long (by a thread that a fork left behind) goes on without it.
 */
#include "shim/icmp/epoll_sets.h"

#include "state/kernel.h"
#include "state/large.h"

#include <sched.h>
#include <string.h>

#define NOTES 1024

/* Looks at a note that is being written. */
#define PATIENCE 1000

struct note {
    _Atomic uint32_t turn; /* odd: being written */
    _Atomic uint64_t key;  /* set and descriptor, 0: free */
    _Atomic uint32_t kind;
    _Atomic uint32_t events;
    _Atomic uint64_t data;
    _Atomic uint64_t cookie;
    struct icmp_socket *_Atomic socket;
    struct member_state state;
};

LARGE static struct note notes[NOTES];
_Atomic unsigned epoll_sets_end; /* behind the last note that was ever used */

/* A note that somebody is about to fill. */
#define RESERVED UINT64_C(1)

#define KEY (UINT64_C(1) << 63)

static uint64_t key_of(int set, int fd)
{
    return KEY | (uint64_t)(uint32_t)set << 32 | (uint32_t)fd;
}

/* The set of a note; -1 where it is free or reserved. */
static int set_of(uint64_t key)
{
    return key & KEY ? (int)((key >> 32) & INT32_MAX) : -1;
}

bool epoll_sets_has(int set)
{
    unsigned end = atomic_load_explicit(&epoll_sets_end, memory_order_acquire);

    if (set < 0)
        return false;
    for (unsigned i = 0; i < end; i++) {
        if (set_of(atomic_load_explicit(&notes[i].key, memory_order_relaxed)) == set)
            return true;
    }
    return false;
}

static struct note *find(uint64_t key)
{
    unsigned end = atomic_load_explicit(&epoll_sets_end, memory_order_acquire);

    for (unsigned i = 0; i < end; i++) {
        if (atomic_load_explicit(&notes[i].key, memory_order_acquire) == key)
            return &notes[i];
    }
    return NULL;
}

/* A note whose socket is gone: closing it ended the registration. */
static bool is_stale(const struct note *note)
{
    const struct icmp_socket *socket = atomic_load(&note->socket);
    uint64_t key = atomic_load(&note->key);

    return atomic_load(&note->kind) == MEMBER_SOCKET &&
           (socket == NULL || atomic_load(&socket->cookie) != atomic_load(&note->cookie) ||
            !icmp_is(socket, (int)(key & INT32_MAX)));
}

/* A free note, reserved; NULL where there is none. */
static struct note *claim(bool sweep)
{
    for (unsigned i = 0; i < NOTES; i++) {
        uint64_t had = atomic_load(&notes[i].key);
        unsigned end = atomic_load(&epoll_sets_end);

        if (had != 0 && !(sweep && (had & KEY) && is_stale(&notes[i])))
            continue;
        if (!atomic_compare_exchange_strong(&notes[i].key, &had, RESERVED))
            continue;
        while (end <= i && !atomic_compare_exchange_strong(&epoll_sets_end, &end, i + 1))
            ;
        return &notes[i];
    }
    return NULL;
}

/* Begins to write: an odd turn. One that stays odd belongs to a thread that is no more, and is taken over. */
static void turn_begin(struct note *note)
{
    uint32_t turn = atomic_load(&note->turn);

    for (unsigned looks = 0; looks < PATIENCE; looks++) {
        if (turn % 2 == 0 && atomic_compare_exchange_weak(&note->turn, &turn, turn + 1))
            return;
        sched_yield();
        turn = atomic_load(&note->turn);
    }
    atomic_store(&note->turn, turn | 1);
}

void epoll_sets_put(const struct member *member)
{
    uint64_t key = key_of(member->set, member->fd);
    sigset_t all, before;
    struct note *note;

    memset(&all, 0xff, sizeof(all));
    sigemptyset(&before);
    kernel_signal_mask(&all, &before);
    note = find(key);
    if (note == NULL)
        note = claim(false);
    if (note == NULL)
        note = claim(true);
    if (note != NULL) {
        turn_begin(note);
        atomic_store(&note->kind, (uint32_t)member->kind);
        atomic_store(&note->events, member->events);
        atomic_store(&note->data, member->data);
        atomic_store(&note->cookie, member->cookie);
        atomic_store(&note->socket, member->socket);
        atomic_store(&note->state.spent, false);
        /* A new registration reports what there is already. */
        atomic_store(&note->state.told, UINT32_MAX);
        atomic_store(&note->key, key);
        atomic_fetch_add(&note->turn, 1);
    }
    kernel_signal_mask(&before, NULL);
}

void epoll_sets_remove(int set, int fd)
{
    struct note *note = find(key_of(set, fd));

    if (note != NULL)
        atomic_store(&note->key, 0);
}

/* False: being written, or no longer the set's. */
static bool note_read(const struct note *note, int set, struct member *out)
{
    for (unsigned looks = 0; looks < PATIENCE; looks++) {
        uint32_t turn = atomic_load(&note->turn);
        uint64_t key = atomic_load(&note->key);

        if (set_of(key) != set)
            return false;
        *out = (struct member){.set = set,
                               .fd = (int)(key & INT32_MAX),
                               .kind = (enum member_kind)atomic_load(&note->kind),
                               .events = atomic_load(&note->events),
                               .data = atomic_load(&note->data),
                               .socket = atomic_load(&note->socket),
                               .cookie = atomic_load(&note->cookie)};
        if (turn % 2 == 0 && atomic_load(&note->turn) == turn)
            return true;
        sched_yield();
    }
    return false;
}

struct member_state *epoll_sets_next(int set, unsigned *at, struct member *out)
{
    while (*at < atomic_load_explicit(&epoll_sets_end, memory_order_acquire)) {
        struct note *note = &notes[(*at)++];

        if (note_read(note, set, out))
            return &note->state;
    }
    return NULL;
}
