/* SPDX-License-Identifier: MIT */
/* What connect and the sends share: judging the remote side that the program named. */
#ifndef SOCKADE_SHIM_OUTBOUND_H
#define SOCKADE_SHIM_OUTBOUND_H

#include "shim/judge.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* A sockaddr in our own memory: judged here and passed on from here, so that it cannot change in between. */
struct own_address {
    struct sockaddr_storage storage;
    socklen_t length;
};

/* Its port; false where it is not an IP address. sin6_port stands in the same place. */
static inline bool name_port(const struct own_address *name, uint16_t *port)
{
    if (name->storage.ss_family != AF_INET && name->storage.ss_family != AF_INET6)
        return false;
    *port = ntohs(((const struct sockaddr_in *)&name->storage)->sin_port);
    return true;
}

/*
 * Copies the caller's address. False where it must go to the kernel as it is: NULL, plainly bad, or of a length that
 * the kernel refuses by itself.
 */
bool address_take(struct own_address *out, const struct sockaddr *address, socklen_t length);

/* What a call is to do. */
enum outcome {
    OUTCOME_PASS,   /* make the real call */
    OUTCOME_REFUSE, /* fail; errno is set */
    OUTCOME_SWALLOW /* tell success without making the call */
};

/*
 * Judges a datagram (or, with MSG_FASTOPEN, a connection) to `address`. `parts` are what is sent: where the socket is a
 * raw one with its own IP header the destination in there is judged as well; else they are not touched.
 * Notes an allowed peer whose answers are to pass inbound rules.
 */
enum outcome judge_send(int fd, const struct own_address *address, int flags, const struct iovec *parts, size_t count,
                        const char *op);

/*
 * Judges the destination that stands inside a packet, of which the header tells the protocol (PROTO_*) and, for those
 * with ports, the port. `fd` is what sends it.
 */
enum outcome judge_inner(int fd, const struct sockaddr *destination, socklen_t length, unsigned protos, const char *op);

/* Makes a refusal of our own a cancellation point, as the call that was not made is one. errno is preserved. */
void cancellation_point(void);

#endif
