/* SPDX-License-Identifier: MIT */
/*
 * Which epoll sets of this process hold translated sockets, probes, or other such sets: noted at epoll_ctl, for the
 * kernel's word on those may be wrong and an event names the program's own data and no descriptor.
 *
 * Private to the process; bounded; without locks that a signal handler could wait for. A set that was closed, and a
 * registration that ended with its socket, leave a note behind that is checked before anything is reported by it.
 */
#ifndef SOCKADE_SHIM_ICMP_EPOLL_SETS_H
#define SOCKADE_SHIM_ICMP_EPOLL_SETS_H

#include "shim/icmp/wait_parts.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

enum member_kind { MEMBER_SOCKET, MEMBER_PROBE, MEMBER_SET };

/* A registration as epoll_ctl made it. */
struct member {
    int set;
    int fd;
    enum member_kind kind;
    uint32_t events;
    uint64_t data;
    struct icmp_socket *socket; /* MEMBER_SOCKET */
    uint64_t cookie;
};

/* What was reported of it; changed by whoever waits. */
struct member_state {
    _Atomic bool spent;    /* EPOLLONESHOT: reported, nothing more until EPOLL_CTL_MOD */
    _Atomic uint32_t told; /* EPOLLET: what had arrived when it was last reported */
};

/* Whether there is any note at all: one load. */
extern _Atomic unsigned epoll_sets_end __attribute__((visibility("hidden")));
static inline bool epoll_sets_any(void)
{
    return atomic_load_explicit(&epoll_sets_end, memory_order_relaxed) != 0;
}

/* Whether anything is noted of the set. */
bool epoll_sets_has(int set);

/*
 * Notes a registration, in place of an earlier one of the same descriptor; where there is no room the kernel's word
 * holds.
 */
void epoll_sets_put(const struct member *member);
void epoll_sets_remove(int set, int fd);

/* Walks over the members of a set; begin with `*at` 0. NULL at the end. */
struct member_state *epoll_sets_next(int set, unsigned *at, struct member *out);

/*
 * Whether a set is readable by what is held in user space; adds the sources of listeners in it. `depth` is 0 for the
 * caller outside; sets may stand in sets.
 */
bool epoll_set_held(int set, struct wait_sources *sources, unsigned depth);

/* Whether a set that the kernel says is readable really is: takes away what it may have reported for nothing. */
bool epoll_set_is_ready(int set, unsigned depth);

#endif
