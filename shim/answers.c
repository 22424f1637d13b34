/* SPDX-License-Identifier: MIT */
/*
 * Expected peers: a set-associative table of keyed hashes.
 *
 * 1,024 sets of 16 words: a peer that is already in costs one hash and a scan of two cache lines. In a full set the
 * oldest goes out; that 4,096 peers crowd one out at all happens to one process in a thousand. The key is the 16 random
 * bytes that the kernel gives each process (AT_RANDOM), so that nobody outside can choose peers that fall into one set,
 * or one that looks like another. A forked child keeps table and key: its parent's questions may be answered to it.
 */
#include "shim/answers.h"
#include "state/large.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/auxv.h>

#define SETS 1024u
#define WAYS 16u

/* 0: free. A set is two cache lines, not parts of three. */
LARGE static _Alignas(128) _Atomic uint64_t table[SETS][WAYS];
static _Atomic uint8_t cursors[SETS]; /* where the next one of the set goes */

struct key {
    uint64_t half[2];
};

/* The key never changes, so whoever comes first may fill the copy: every writer writes the same. */
static struct key key_get(void)
{
    static _Atomic uint64_t copy[2];
    struct key key = {
        {atomic_load_explicit(&copy[0], memory_order_relaxed), atomic_load_explicit(&copy[1], memory_order_relaxed)}};
    const void *random;

    if (key.half[0] != 0 && key.half[1] != 0)
        return key;
    random = (const void *)getauxval(AT_RANDOM);
    if (random != NULL)
        memcpy(&key, random, sizeof(key));
    atomic_store_explicit(&copy[0], key.half[0], memory_order_relaxed);
    atomic_store_explicit(&copy[1], key.half[1], memory_order_relaxed);
    return key;
}

static uint64_t rotate(uint64_t word, unsigned bits)
{
    return word << bits | word >> (64 - bits);
}

static inline __attribute__((always_inline)) void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] = rotate(v[2], 32);
}

/* SipHash-1-3 (Aumasson and Bernstein) over family and port, and the two halves of the address. Never 0. */
static uint64_t peer_hash(const struct address *peer, uint16_t port)
{
    struct key key = key_get();
    uint64_t v[4] = {key.half[0] ^ 0x736f6d6570736575u, key.half[1] ^ 0x646f72616e646f6du,
                     key.half[0] ^ 0x6c7967656e657261u, key.half[1] ^ 0x7465646279746573u};
    uint64_t words[4] = {peer->hi, peer->lo, (uint64_t)peer->family << 16 | port, (uint64_t)24 << 56};
    uint64_t hash;

    for (unsigned i = 0; i < 4; i++) {
        v[3] ^= words[i];
        sip_round(v);
        v[0] ^= words[i];
    }
    v[2] ^= 0xff;
    for (unsigned i = 0; i < 3; i++)
        sip_round(v);
    hash = v[0] ^ v[1] ^ v[2] ^ v[3];
    return hash != 0 ? hash : 1;
}

/* Where `hash` stands in its set, or NULL. */
static _Atomic uint64_t *set_find(_Atomic uint64_t *set, uint64_t hash)
{
    for (unsigned i = 0; i < WAYS; i++) {
        if (atomic_load_explicit(&set[i], memory_order_relaxed) == hash)
            return &set[i];
    }
    return NULL;
}

uint64_t answers_name(const struct address *peer, uint16_t port)
{
    uint64_t hash = peer_hash(peer, port);
    const _Atomic uint64_t *set = table[hash % SETS];

    __builtin_prefetch(&set[0]);
    __builtin_prefetch(&set[WAYS / 2]);
    return hash;
}

struct answer_note answers_expect_name(uint64_t hash)
{
    unsigned set = (unsigned)(hash % SETS);
    _Atomic uint64_t *place = set_find(table[set], hash);

    /* Two threads that bring in one peer at once may both store it: it then leaves twice, no harm. */
    if (place == NULL) {
        place = &table[set][atomic_fetch_add_explicit(&cursors[set], 1, memory_order_relaxed) % WAYS];
        atomic_store_explicit(place, hash, memory_order_relaxed);
    }
    return (struct answer_note){place, hash};
}

bool answers_expected(const struct address *peer, uint16_t port)
{
    uint64_t hash = peer_hash(peer, port);

    return set_find(table[hash % SETS], hash) != NULL;
}
