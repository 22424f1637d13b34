/* SPDX-License-Identifier: MIT */
/*
 * A socket address read as the kernel reads it.
 *
 * Where the kernel would refuse the bytes there is nothing to judge and the caller lets it refuse them, so that a
 * program sees the error it knows. Where it would take them, this file must take them for the same peer: every rule
 * here is proved by a program in tests/kernel/ (unspec, wildcard_destination, mapped, short_sockaddr).
 */
#include "policy/query.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

/* Since Linux 6.11; such a socket shakes hands as TCP and is plain TCP to a peer without SMC. */
#ifndef IPPROTO_SMC
#define IPPROTO_SMC 256
#endif
#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

#define LONGEST_ADDRESS 128 /* sizeof(struct sockaddr_storage), the most that move_addr_to_kernel takes */

/* RFC 2133 had no scope id; the kernel still takes addresses of that length (SIN6_LEN_RFC2133). */
#define SHORTEST_INET6 offsetof(struct sockaddr_in6, sin6_scope_id)
#define UNIX_NAME offsetof(struct sockaddr_un, sun_path)

_Static_assert(sizeof(struct sockaddr_storage) == LONGEST_ADDRESS, "the kernel's sockaddr_storage");
_Static_assert(SHORTEST_INET6 == 24, "the kernel's SIN6_LEN_RFC2133");
_Static_assert(sizeof(((struct sockaddr_un *)0)->sun_path) + 1 <= QUERY_PATH, "any Unix name fits with its NUL");

/* What query->address and a port mean in the query's direction. */
static inline enum query_outcome finish_inet(struct query *query, uint16_t port)
{
    unsigned foreign = query->address.family == ADDRESS_INET ? PROTO_ICMP6 : PROTO_ICMP;
    if ((query->protos & ~foreign) != 0)
        query->protos &= ~foreign;

    if (query->direction == DIRECTION_FROM)
        return QUERY_JUDGE; /* the port is the peer's, not the service's */
    if (query->direction == DIRECTION_ON && port == 0)
        return QUERY_KERNEL;
    if (query->direction == DIRECTION_TO && address_is_wildcard(&query->address))
        query->address.lo = query->address.family == ADDRESS_INET ? INADDR_LOOPBACK : 1;
    query->port = port;
    query->port_known = true;
    return QUERY_JUDGE;
}

static inline enum query_outcome read_inet(struct query *query, const struct sockaddr *address, size_t length)
{
    struct sockaddr_in inet;
    if (length < sizeof(inet))
        return QUERY_KERNEL;
    memcpy(&inet, address, sizeof(inet));
    query->address.lo = ntohl(inet.sin_addr.s_addr);
    query->address.family = ADDRESS_INET;
    return finish_inet(query, ntohs(inet.sin_port));
}

static enum query_outcome read_inet6(struct query *query, const struct sockaddr *address, size_t length)
{
    struct sockaddr_in6 inet6;
    if (length < SHORTEST_INET6)
        return QUERY_KERNEL;
    memcpy(&inet6, address, SHORTEST_INET6);
    query->address = address_from_v6(inet6.sin6_addr.s6_addr);
    return finish_inet(query, ntohs(inet6.sin6_port));
}

/*
 * A path ends at its first NUL, an abstract name where the address ends (unix(7)). The kernel refuses more than
 * sizeof(struct sockaddr_un) bytes but gives one more where it names a peer whose path fills sun_path: it counts a NUL.
 * Not inlined: its frame would be that of every question.
 */
static __attribute__((noinline)) enum query_outcome read_unix(struct query *query, const struct sockaddr *address,
                                                              size_t length, char *buffer)
{
    size_t longest = sizeof(struct sockaddr_un) + (query->direction == DIRECTION_FROM ? 1 : 0);
    if (length <= UNIX_NAME || length > longest)
        return QUERY_KERNEL; /* unnamed, an autobind, or refused */

    struct sockaddr_un name;
    if (length > sizeof(name))
        length = sizeof(name);
    memcpy(&name, address, length);
    size_t name_length = length - UNIX_NAME;
    memcpy(buffer, name.sun_path, name_length);
    if (name.sun_path[0] == '\0')
        buffer[0] = '@';
    else
        name_length = strnlen(buffer, name_length);
    buffer[name_length] = '\0';

    query->address.family = ADDRESS_UNIX;
    query->path = buffer;
    query->path_length = name_length;
    return QUERY_JUDGE;
}

/* The family that the kernel takes AF_UNSPEC for. */
static int meant_family(enum unspec unspec)
{
    switch (unspec) {
    case UNSPEC_IS_INET:
        return AF_INET;
    case UNSPEC_IS_INET6:
        return AF_INET6;
    case UNSPEC_IS_NOTHING:
        break;
    }
    return AF_UNSPEC;
}

enum query_outcome query_from_sockaddr(struct query *query, enum direction direction, const struct sockaddr *address,
                                       socklen_t length, enum unspec unspec, unsigned protos, char *path_buffer)
{
    *query = (struct query){.direction = direction, .protos = protos};
    sa_family_t family;
    if (!address || length < sizeof(family) || length > LONGEST_ADDRESS)
        return QUERY_KERNEL;
    memcpy(&family, address, sizeof(family));
    if (__builtin_expect(family == AF_INET, true)) /* what most of them are */
        return read_inet(query, address, length);
    if (__builtin_expect(family == AF_INET6, true))
        return read_inet6(query, address, length);

    switch (family == AF_UNSPEC ? meant_family(unspec) : family) {
    case AF_UNSPEC:
        return QUERY_KERNEL;
    case AF_INET:
        return read_inet(query, address, length);
    case AF_INET6:
        return read_inet6(query, address, length);
    case AF_UNIX:
        return read_unix(query, address, length, path_buffer);
    case AF_NETLINK:
    case AF_ALG:
        query->address.family = ADDRESS_EXEMPT;
        return QUERY_JUDGE;
    default:
        query->address.family = ADDRESS_OTHER;
        return QUERY_JUDGE;
    }
}

/* `type` as socket(2) knows it, without the flags that it may carry. */
static int bare_type(int type)
{
    return type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK);
}

static unsigned stream_protocol(int protocol)
{
    switch (protocol) {
    case 0:
    case IPPROTO_TCP:
    case IPPROTO_SMC:
    case IPPROTO_MPTCP:
        return PROTO_TCP;
    case IPPROTO_SCTP:
        return PROTO_SCTP;
    default:
        return PROTO_RAW;
    }
}

static unsigned datagram_protocol(int protocol)
{
    switch (protocol) {
    case 0:
    case IPPROTO_UDP:
    case IPPROTO_UDPLITE:
        return PROTO_UDP;
    case IPPROTO_ICMP:
        return PROTO_ICMP;
    case IPPROTO_ICMPV6:
        return PROTO_ICMP6;
    default:
        return PROTO_RAW;
    }
}

static unsigned raw_protocol(int protocol)
{
    switch (protocol) {
    case IPPROTO_ICMP:
        return PROTO_ICMP;
    case IPPROTO_ICMPV6:
        return PROTO_ICMP6;
    default:
        return PROTO_RAW;
    }
}

unsigned protocol_of(int domain, int type, int protocol)
{
    if (domain != AF_INET && domain != AF_INET6)
        return 0;
    switch (bare_type(type)) {
    case SOCK_STREAM:
        return stream_protocol(protocol);
    case SOCK_SEQPACKET: /* SCTP has it alone */
        return protocol == 0 || protocol == IPPROTO_SCTP ? PROTO_SCTP : PROTO_RAW;
    case SOCK_DGRAM:
        return datagram_protocol(protocol);
    case SOCK_RAW:
        return raw_protocol(protocol);
    default:
        return PROTO_RAW;
    }
}

bool type_is_stream(int type)
{
    return bare_type(type) == SOCK_STREAM;
}
