/* SPDX-License-Identifier: MIT */
/* One send on a translated socket, between the two files that share the work. */
#ifndef SOCKADE_SHIM_ICMP_SENDING_H
#define SOCKADE_SHIM_ICMP_SENDING_H

#include "shim/icmp/outgoing.h"
#include "shim/icmp/own_header.h"
#include "shim/icmp/socket.h"

#include <sys/types.h>

struct sending {
    struct icmp_socket *socket;
    int fd;
    int flags;
    const char *op;
    size_t size; /* of all that the program sends */
    struct outgoing out;
};

/* Fails as the call would: with errno, as a cancellation point. */
ssize_t sending_fails(int error);

/* Sends the ICMP packet that stands `at` bytes behind the beginning of what the program sends. As sendmsg(2). */
ssize_t sending_echo(struct sending *sending, size_t at);

/* Sends what begins with an IPv4 header. As sendmsg(2). */
ssize_t sending_with_header(struct sending *sending);

/* The same with UDP behind the header; and what begins with a UDP header, from a KIND_SENDER6 socket. */
ssize_t sending_udp_with_header(struct sending *sending, const struct own_header *header, struct in_addr destination);
ssize_t sending_udp(struct sending *sending);

#endif
