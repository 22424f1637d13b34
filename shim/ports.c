/* SPDX-License-Identifier: MIT */
/*
 * A word a descriptor, and one a listener.
 *
 * A listener's word holds while the descriptor's has the same count of changes and the policy is the same: the upper
 * half of process_state, which only rises. What is learnt is stored only over what was there before the kernel was
 * asked, so that a change in between wins; 32,768 changes between two looks at one number would have to go round
 * exactly to be missed.
 */
#include "shim/ports.h"

#include "shim/process.h"
#include "shim/sandbox.h"
#include "state/large.h"

/* Listeners that are remembered at a time; two whose numbers fall together take turns. */
#define LISTENERS 64

/* A listener's word: the policy, the descriptor, its changes, whether it is bound to a wildcard. */
#define LISTENER_POLICY 32
#define LISTENER_FD 16
#define LISTENER_CHANGES 1 /* 15 bits */
#define LISTENER_WILDCARD 1u

LARGE _Atomic uint32_t ports_words[PORTS_COUNT];
static _Atomic uint64_t listeners[LISTENERS];

uint32_t ports_before(int fd)
{
    return (unsigned)fd < PORTS_COUNT ? atomic_load_explicit(&ports_words[fd], memory_order_relaxed) : 0;
}

bool ports_recall(int fd, uint16_t *port)
{
    uint32_t word = ports_before(fd);

    *port = (uint16_t)word;
    return (word & PORTS_KNOWN) != 0;
}

void ports_learn(int fd, uint32_t before, uint16_t port)
{
    uint32_t word = (before & ~(PORTS_CHANGE - 1)) | PORTS_KNOWN | port;

    if ((unsigned)fd < PORTS_COUNT && port != 0)
        atomic_compare_exchange_strong_explicit(&ports_words[fd], &before, word, memory_order_relaxed,
                                                memory_order_relaxed);
}

/* All but the flag; never 0, which is a free place: under a policy of 0 nothing is remembered. */
static uint64_t listener_word(int fd, uint32_t policy, uint32_t before)
{
    uint32_t changes = (before & ~PORTS_KNOWN) / PORTS_CHANGE;

    return (uint64_t)policy << LISTENER_POLICY | (uint64_t)fd << LISTENER_FD | (uint64_t)changes << LISTENER_CHANGES;
}

bool listener_is_allowed(int fd, bool *wildcard, uint16_t *port, struct listener_claim *claim)
{
    uint64_t word;

    claim->policy = (uint32_t)(process_state() >> 32);
    claim->before = ports_before(fd);
    if (claim->policy == 0 || !(claim->before & PORTS_KNOWN))
        return false;
    *port = (uint16_t)claim->before;
    word = atomic_load_explicit(&listeners[fd % LISTENERS], memory_order_relaxed);
    *wildcard = (word & LISTENER_WILDCARD) != 0;
    if (sandboxed()) /* the policy is that of the start of the sandbox, whatever is published */
        claim->policy = (uint32_t)(word >> LISTENER_POLICY);
    return (word & ~(uint64_t)LISTENER_WILDCARD) == listener_word(fd, claim->policy, claim->before);
}

void listener_allow(int fd, const struct listener_claim *claim, bool wildcard, uint16_t port)
{
    if ((unsigned)fd >= PORTS_COUNT || claim->policy == 0)
        return;
    ports_learn(fd, claim->before, port);
    atomic_store_explicit(&listeners[fd % LISTENERS],
                          listener_word(fd, claim->policy, claim->before) | (wildcard ? LISTENER_WILDCARD : 0),
                          memory_order_relaxed);
}
