/* SPDX-License-Identifier: MIT */
/*
 * The sources that this thread's last datagrams came from, and that the policy allows without another word: no event is
 * wanted, and neither port nor protocol had to be asked for. A datagram from one of them needs no decision.
 *
 * An entry holds for one generation of the policy, one family, and one hint of the descriptor, which is all that the
 * verdict depended on. Entries belong to their thread. A signal handler may still come in between, so a count of writes,
 * odd during one, tells a look that what it saw does not belong together.
 */
#ifndef SOCKADE_SHIM_RECENT_H
#define SOCKADE_SHIM_RECENT_H

#include "shim/hints.h"
#include "shim/process.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#define RECENT_ENTRIES 16

struct recent_source {
    uint64_t hi;
    uint64_t lo;
    uint64_t tag; /* generation, hint and family; 0: free */
};

struct recent {
    uint32_t writes;
    struct recent_source entries[RECENT_ENTRIES];
};

extern __thread struct recent recent __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* A number that changes whenever a layer's image does. */
static inline uint32_t policy_generation(void)
{
    uint32_t sum = 0;

    for (int i = 0; i < process.layer_count; i++)
        sum += atomic_load_explicit(&process.layers[i].latch, memory_order_relaxed);
    return sum;
}

/* What an entry for a datagram from `source` on `fd` is; false for what is neither IPv4 nor IPv6. */
static inline bool recent_key(struct recent_source *key, int fd, const struct sockaddr_storage *source,
                              socklen_t length)
{
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)source;

    if (length == sizeof(struct sockaddr_in) && source->ss_family == AF_INET) {
        key->hi = 0;
        key->lo = ((const struct sockaddr_in *)source)->sin_addr.s_addr;
    } else if (length == sizeof(*six) && source->ss_family == AF_INET6) {
        memcpy(&key->hi, &six->sin6_addr, sizeof(key->hi));
        memcpy(&key->lo, six->sin6_addr.s6_addr + sizeof(key->hi), sizeof(key->lo));
    } else {
        return false;
    }
    key->tag = (uint64_t)policy_generation() << 16 | (uint64_t)hint_byte(fd) << 8 | source->ss_family;
    return true;
}

/* Where an entry goes, by the top bits of a product that mixes all of the address. */
static inline struct recent_source *recent_entry(const struct recent_source *key)
{
    return &recent.entries[(key->hi ^ key->lo) * UINT64_C(0x9e3779b97f4a7c15) >> 60];
}

/* Whether a datagram from `source` needs no decision on `fd`. */
static inline bool recent_allows(int fd, const struct sockaddr_storage *source, socklen_t length)
{
    uint32_t writes = recent.writes;
    const struct recent_source *entry;
    struct recent_source key;
    bool same;

    if (!recent_key(&key, fd, source, length))
        return false;
    atomic_signal_fence(memory_order_seq_cst);
    entry = recent_entry(&key);
    same = entry->tag == key.tag && entry->lo == key.lo && entry->hi == key.hi;
    atomic_signal_fence(memory_order_seq_cst);
    return likely(same && !(writes & 1) && recent.writes == writes);
}

/* Notes a source as such; `generation` is the policy's from before it was judged. */
void recent_allow(int fd, const struct sockaddr_storage *source, socklen_t length, uint32_t generation);

#endif
