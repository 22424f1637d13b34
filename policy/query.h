/* SPDX-License-Identifier: MIT */
/*
 * The question that is put to a policy, built from what a socket call was given.
 *
 * The shim and `sockade explain` build it by the same functions, so they cannot disagree. No function here allocates
 * or makes a system call.
 */
#ifndef SOCKADE_POLICY_QUERY_H
#define SOCKADE_POLICY_QUERY_H

#include "address.h"
#include "image.h"

#include <sys/socket.h>

/* What a verdict may depend on and the asker may not know yet. */
enum {
    FACT_PROTOCOL = 1,   /* which of `protos` it is */
    FACT_LOCAL_PORT = 2, /* the own port, for `from` */
};

struct query {
    enum direction direction;
    struct address address; /* remote for to and from, local for on */
    uint16_t port;          /* the service's: remote for to, local for from and on */
    bool port_known;
    bool strict;      /* nothing more can be learnt: judge what is unknown strictly */
    unsigned protos;  /* set of PROTO_*: all that it may still be */
    const char *path; /* for ADDRESS_UNIX: a path, or "@name"; not NUL-terminated */
    size_t path_length;
    /* Whether `rule_path` (NUL-terminated, without *) is the same file as the query's path; NULL: compare text only. */
    bool (*same_file)(const struct query *query, const char *rule_path);
    void *same_file_data;
};

enum query_outcome {
    QUERY_JUDGE,  /* `query` is complete but for facts */
    QUERY_KERNEL, /* nothing to judge: the kernel will refuse it, or it reaches nobody */
};

/*
 * How AF_UNSPEC is meant: connect(2) dissolves an association with it and sendto(2) on an IPv6 UDP socket takes it for
 * no address; sendto(2) and bind(2) on IPv4 sockets take it for AF_INET, sendto(2) on raw IPv6 ones for AF_INET6.
 */
enum unspec { UNSPEC_IS_NOTHING, UNSPEC_IS_INET, UNSPEC_IS_INET6 };

/*
 * Fills `query` from a sockaddr of `length` bytes that lies in our own memory. For DIRECTION_TO the unspecified
 * addresses 0.0.0.0 and :: become loopback, as the kernel takes them. A port of 0 under DIRECTION_ON is a client's
 * bind: QUERY_KERNEL. `path_buffer` (QUERY_PATH bytes) takes a Unix name and a NUL behind it. `protos` is what the
 * caller knows. More than 128 bytes are QUERY_KERNEL, as connect, bind and sendto refuse them; sendmsg and sendmmsg cut
 * them to 128 instead and go on, so for those the caller cuts `length` first.
 */
#define QUERY_PATH 110
enum query_outcome query_from_sockaddr(struct query *query, enum direction direction, const struct sockaddr *address,
                                       socklen_t length, enum unspec unspec, unsigned protos, char *path_buffer);

/* The protocol of a socket by what socket(2) was told; SOCK_CLOEXEC and SOCK_NONBLOCK may be set. 0: not IP. */
unsigned protocol_of(int domain, int type, int protocol);

/* True for streams, whose peers are judged at connect and accept: TCP, MPTCP, SCTP's one-to-one style. */
bool type_is_stream(int type);

#endif
