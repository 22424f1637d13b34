/* SPDX-License-Identifier: MIT */
/*
 * The sources that this thread's last datagrams came from, and that the policy allows without another word: no event is
 * wanted, and neither port nor protocol had to be asked for. A datagram from one of them needs no decision.
 *
 * Kept as destinations are (reached.h), but for the port and the flow label, which are the peer's and nothing depends
 * on.
 */
#ifndef SOCKADE_SHIM_RECENT_H
#define SOCKADE_SHIM_RECENT_H

#include "shim/reached.h"

extern REACHED_THREAD struct reached recent_sources;

/* The first word of a sockaddr without `sin_port`, and without all but the family. */
#define RECENT_WORD(part) (((union reached_address){.part}).words[0])
#define RECENT_FAMILY RECENT_WORD(inet.sin_family = 0xffff)
#define RECENT_FAMILY_AND_ADDRESS (RECENT_FAMILY | RECENT_WORD(inet.sin_addr.s_addr = 0xffffffff))

/* What is remembered of a source; false for what is neither IPv4 nor IPv6. */
static inline __attribute__((always_inline)) bool recent_copy(union reached_address *copy,
                                                              const struct sockaddr_storage *source, socklen_t length)
{
    if (likely(length == sizeof(struct sockaddr_in))) {
        memcpy(copy, source, sizeof(copy->words[0]));
        copy->words[0] &= RECENT_FAMILY_AND_ADDRESS;
        return true;
    }
    memcpy(copy, source, sizeof(copy->inet6));
    copy->words[0] &= RECENT_FAMILY;
    return length == sizeof(struct sockaddr_in6);
}

/* Whether a datagram from `source` needs no decision on `fd`. */
static inline __attribute__((always_inline)) bool recent_allows(int fd, const struct sockaddr_storage *source,
                                                                socklen_t length)
{
    union reached_address copy;

    if (unlikely(!recent_copy(&copy, source, length)))
        return false;
    if (likely(length == sizeof(struct sockaddr_in)))
        return reached_knows4(&recent_sources, fd, &copy, false);
    return reached_knows6(&recent_sources, fd, &copy, false);
}

#endif
