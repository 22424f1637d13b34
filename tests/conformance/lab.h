/* SPDX-License-Identifier: MIT */
/*
 * The laboratory of the conformance suite, as its router and its programs know it. Every address behind the router
 * names by itself what the router does with a packet to it: 198.18.KIND.VARIANT, and 2001:db8:18::KIND:VARIANT. So a
 * test asks for an answer by sending to its address, and both worlds get the same one.
 */
#ifndef SOCKADE_TESTS_LAB_H
#define SOCKADE_TESTS_LAB_H

#define LAB_NET4 "198.18."
#define LAB_OWN4 "198.19.0.1"
#define LAB_NET6 "2001:db8:18::"
#define LAB_OWN6 "2001:db8:19::1"
#define LAB_LATE_MS 60 /* what comes late comes so much later */

enum kind {
    REPLY = 1,          /* an echo reply; see enum reply */
    SILENT = 2,         /* nothing */
    UNREACHABLE = 3,    /* destination unreachable, code VARIANT */
    TOO_BIG = 4,        /* fragmentation needed or packet too big, MTU 1280 + VARIANT */
    REDIRECT = 5,       /* IPv4 redirect, code VARIANT, to 198.18.254.99 */
    QUENCH = 6,         /* IPv4 source quench */
    SHORT_QUOTE = 7,    /* unreachable code 1, that quotes 8 bytes behind the IP header */
    EXTENDED = 8,       /* time exceeded with an RFC 4884 extension; see enum extension */
    BOTH = 9,           /* an error and a reply; see enum both */
    LATE_ERROR = 10,    /* time exceeded, late */
    EXCEEDED = 11,      /* time exceeded, code VARIANT */
    PARAMETER = 12,     /* parameter problem, pointer VARIANT */
    BAD_PARAMETER = 13, /* parameter problem, code VARIANT */
};

enum reply {
    PLAIN,
    MARKED,    /* TTL 42, TOS 0x28 */
    ROUTED,    /* with a record route option (IPv4) */
    ELSEWHERE, /* from another address */
    TWICE,
    TRUNCATED, /* without the data */
    GROWN,     /* with four bytes more */
    LATE,
    MIRROR,    /* its data is the packet that the router got, from the IP header on */
    FRAGMENTS, /* in two fragments (IPv4) */
    DONT_FRAGMENT,
    CODED,   /* its code is 1 */
    SWOLLEN, /* with 200 bytes more */
    PROBED,  /* an extended echo reply (RFC 8335) in its place */
};

enum extension { ONE_LABEL, TWO_LABELS, BROKEN_EXTENSION };

enum both { ERROR_FIRST, REPLY_FIRST, REPLY_LATE, TWO_ERRORS };

#endif
