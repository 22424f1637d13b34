/* SPDX-License-Identifier: MIT */
/* The one writer of a thread's recent sources. */
#include "shim/recent.h"

__thread struct recent recent;

_Static_assert(RECENT_ENTRIES == 1 << (64 - 60), "recent_entry takes four bits");

/*
 * A handler that finds a write under way leaves it alone. Should it leave by siglongjmp(3) the count stays odd, and this thread
 * decides anew each time.
 */
void recent_allow(int fd, const struct sockaddr_storage *source, socklen_t length, uint32_t generation)
{
    struct recent_source key;

    if ((recent.writes & 1) || !recent_key(&key, fd, source, length) || policy_generation() != generation)
        return;
    recent.writes++;
    atomic_signal_fence(memory_order_seq_cst);
    *recent_entry(&key) = key;
    atomic_signal_fence(memory_order_seq_cst);
    recent.writes++;
}
