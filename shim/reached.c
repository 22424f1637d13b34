/* SPDX-License-Identifier: MIT */
/* The one writer of a thread's allowed destinations. */
#include "shim/reached.h"

#include "shim/recent.h"

#include <stddef.h>

REACHED_THREAD struct reached reached_by_connect;
REACHED_THREAD struct reached reached_by_sendto;
REACHED_THREAD struct reached recent_sources;
REACHED_THREAD struct answer_note reached_answers[REACHED_ENTRIES];

_Static_assert(sizeof(struct reached_entry) == 32 && offsetof(struct reached, entries) == 0,
               "reached_entry finds it by a shift");

/* Whether an address means the same on any socket: not AF_UNSPEC, and of its family's own length. */
static bool is_plain(const struct sockaddr *address, socklen_t length)
{
    return (length == sizeof(struct sockaddr_in) && address->sa_family == AF_INET) ||
           (length == sizeof(struct sockaddr_in6) && address->sa_family == AF_INET6);
}

void reached_expect(struct reached_claim *claim, struct reached *reached, int fd, const struct sockaddr *address,
                    socklen_t length)
{
    claim->state = process_state();
    if ((unsigned)fd >= HINT_COUNT || !is_plain(address, length) || process.layer_count > STATE_LAYERS) {
        claim->state = 0;
        return;
    }
    claim->reached = reached;
    claim->hint = hint_of(fd);
    claim->address.words[1] = claim->address.words[2] = 0;
    memcpy(&claim->address, address, address->sa_family == AF_INET ? sizeof(uint64_t) : sizeof(struct sockaddr_in6));
}

/*
 * A handler that finds a write under way leaves it alone; one that only looks finds a free entry. Should a handler
 * leave by siglongjmp(3) the count stays odd, and this thread remembers nothing new.
 */
void reached_allow(const struct reached_claim *claim, int fd, struct answer_note answer)
{
    const uint64_t *words = claim->address.words;
    struct reached *reached = claim->reached;
    struct reached_entry *entry;

    if (claim->state == 0 || claim->hint != hint_of(fd) || (reached->writes & 1))
        return;
    entry = reached_entry(reached, claim->address.inet.sin_family == AF_INET ? words[0] : words[2]);
    reached->writes++;
    atomic_signal_fence(memory_order_seq_cst);
    entry->state = 0;
    atomic_signal_fence(memory_order_seq_cst);
    entry->name = reached_name(&claim->address, claim->hint);
    entry->hi = words[1];
    entry->lo = words[2];
    if (reached == &reached_by_sendto)
        reached_answers[entry - reached->entries] = answer;
    atomic_signal_fence(memory_order_seq_cst);
    entry->state = answer.place == NULL ? claim->state : claim->state ^ REACHED_AWAITED;
    atomic_signal_fence(memory_order_seq_cst);
    reached->writes++;
}
