/* SPDX-License-Identifier: MIT */
/*
 * To whom this process was allowed to send datagrams, so that the answers pass an inbound rule, as in a stateful
 * firewall: the last 4,096 peers or more. Lock-free; an entry is one word, a keyed 64-bit hash of address and port, so
 * that nothing can be torn and nobody outside can make two peers look alike.
 */
#ifndef SOCKADE_SHIM_ANSWERS_H
#define SOCKADE_SHIM_ANSWERS_H

#include "policy/address.h"

#include <stdatomic.h>

/* Where a peer was noted, and as what: it is expected for as long as that stands there. */
struct answer_note {
    const _Atomic uint64_t *place;
    uint64_t hash;
};

/*
 * In two steps, for who has something else to do in between: what a peer is noted as, whose place in the table is then
 * on its way into the processor's cache, and the note itself. A send to a peer that was not remembered waits some
 * 100 ns for that place, where other work has driven it out of the first caches.
 */
uint64_t answers_name(const struct address *peer, uint16_t port);
struct answer_note answers_expect_name(uint64_t name);

static inline struct answer_note answers_expect(const struct address *peer, uint16_t port)
{
    return answers_expect_name(answers_name(peer, port));
}

bool answers_expected(const struct address *peer, uint16_t port);

#endif
