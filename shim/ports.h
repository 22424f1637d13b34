/* SPDX-License-Identifier: MIT */
/*
 * What is remembered of the names that descriptors are bound to, so that rules about local ports and addresses cost no
 * getsockname(2) a call: the port of a socket, and of a listener that every layer allows it.
 *
 * A socket is bound once. So it holds until the number becomes another file's (whoever sets a hint forgets it), or the
 * socket is bound or disconnected. Port 0 is none yet, and never remembered.
 */
#ifndef SOCKADE_SHIM_PORTS_H
#define SOCKADE_SHIM_PORTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Descriptors above are asked about each time. */
#define PORTS_COUNT 65536

/*
 * A word of each: its port in the lowest bits, whether that is known in the highest, a count of changes between them.
 */
#define PORTS_KNOWN (1u << 31)
#define PORTS_CHANGE (1u << 16)
extern _Atomic uint32_t ports_words[PORTS_COUNT] __attribute__((visibility("hidden")));

/* The port, if it is remembered. */
bool ports_recall(int fd, uint16_t *port);

/* What to hand to ports_learn, and to read before the kernel is asked. */
uint32_t ports_before(int fd);

/* Remembers the kernel's answer, unless `fd` has become another since. */
void ports_learn(int fd, uint32_t before, uint16_t port);

/* The number becomes another file's, or the socket gets another name. Two at once may count as one change. */
static inline void ports_forget(int fd)
{
    if ((unsigned)fd < PORTS_COUNT) {
        uint32_t before = atomic_load_explicit(&ports_words[fd], memory_order_relaxed);

        atomic_store_explicit(&ports_words[fd], (before + PORTS_CHANGE) & ~(PORTS_KNOWN | (PORTS_CHANGE - 1)),
                              memory_order_relaxed);
    }
}

/* What listener_allow needs, as it was before a listener was judged. */
struct listener_claim {
    uint32_t policy;
    uint32_t before;
};

/* Whether `fd` was allowed to listen on this port, under the policy in force. Where it was not, `claim` is filled. */
bool listener_is_allowed(int fd, bool *wildcard, uint16_t *port, struct listener_claim *claim);

/* Remembers that it is, and that nobody wants an event of it. Not where it has no port yet. */
void listener_allow(int fd, const struct listener_claim *claim, bool wildcard, uint16_t port);

#endif
