/* SPDX-License-Identifier: MIT */
/*
 * Whether one received datagram may reach the program, by its source.
 *
 * Streams were judged at connect and accept and are never looked at again: what they hand over has no source (but for
 * Unix and SCTP streams, which are told apart here). What a policy refuses still passes as an answer, as in a stateful
 * firewall: on a connected socket from its peer, from an address and port this process was allowed to send to, and
 * ICMP on a ping socket, which carries nothing but replies to its own requests. None of that is looked at unless the
 * policy refuses.
 */
#ifndef SOCKADE_SHIM_INBOUND_H
#define SOCKADE_SHIM_INBOUND_H

#include "shim/process.h"

#include <sys/socket.h>

/* Rules that make a receive look at the source. */
#define WATCH_INBOUND (WATCH_FROM_DATAGRAM | WATCH_FROM_UNIX)

/* What is never judged: the error queue holds our own packets, out-of-band data belongs to streams. */
#define UNJUDGED_FLAGS (MSG_ERRQUEUE | MSG_OOB)

/*
 * What process_ready tells a hook that already knows it is watching, without a call once the process has started: until
 * then every bit is set, and no policy sets them all.
 */
static inline bool inbound_ready(void)
{
    return likely(atomic_load_explicit(&process.watch, memory_order_relaxed) != UINT32_MAX) ||
           process_ready(WATCH_INBOUND);
}

enum inbound {
    INBOUND_PASS,    /* hand it over */
    INBOUND_DISCARD, /* refused: take it out of the queue and go on to the next */
    INBOUND_FAIL,    /* fail-closed: take it out, and fail with EACCES */
};

/*
 * Judges the source of what was received on `fd`, `length` bytes as the kernel wrote them into our own memory, and
 * writes the events. `op` is the call's name. errno is preserved.
 */
enum inbound inbound_judge(int fd, const struct sockaddr_storage *source, socklen_t length, const char *op);

#endif
