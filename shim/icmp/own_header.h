/* SPDX-License-Identifier: MIT */
/*
 * IPv4 headers that a program writes itself (IP_HDRINCL, IPPROTO_RAW), taken apart into what a ping socket can be told:
 * TTL, TOS, source, options, fragmentation, destination. The kernel writes them anew from that.
 */
#ifndef SOCKADE_SHIM_ICMP_OWN_HEADER_H
#define SOCKADE_SHIM_ICMP_OWN_HEADER_H

#include "shim/icmp/outgoing.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct own_header {
    size_t length; /* 20 to 60 */
    uint8_t protocol;
    uint8_t ttl;
    uint8_t tos;
    bool dont_fragment;
    struct in_addr source;      /* 0: the kernel's choice */
    struct in_addr destination; /* 0: none in there */
    const unsigned char *options;
    size_t options_length;
};

/*
 * Reads the header at the beginning of a packet of `size` bytes, of which `bytes` has the first 60, or all. Returns 0,
 * or the errno: EINVAL as raw_send_hdrinc, EPERM for what a raw socket would send and a ping socket cannot: fragments,
 * a TTL of 0, source routes. Pure. `options` points into `bytes`.
 */
int own_header_read(struct own_header *out, const unsigned char *bytes, size_t size);

/* Adds control messages that bring about such a header, and its destination as the address. False with errno. */
bool own_header_tell(const struct own_header *header, struct outgoing *out);

#endif
