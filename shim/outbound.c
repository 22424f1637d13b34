/* SPDX-License-Identifier: MIT */
/* Judging where a datagram goes. */
#include "shim/outbound.h"

#include "shim/answers.h"
#include "shim/hints.h"
#include "shim/icmp/socket.h"
#include "shim/real.h"
#include "shim/reached.h"
#include "shim/sandbox.h"

#include <errno.h>
#include <limits.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <string.h>

/* The beginning of a packet that carries its own IP header: the IPv6 header's length. */
#define PACKET_START 40

bool address_take(struct own_address *out, const struct sockaddr *address, socklen_t length)
{
    if (plainly_bad(address) || length < sizeof(sa_family_t) || length > sizeof(out->storage))
        return false;
    if (likely(length == sizeof(struct sockaddr_in))) /* so that it takes two instructions and no call */
        memcpy(&out->storage, address, sizeof(struct sockaddr_in));
    else
        memcpy(&out->storage, address, length);
    out->length = length;
    return true;
}

/* By the name behind us in whatever version, and without a system call. */
static void test_cancellation(void)
{
    static void *found;
    void (*test)(void);

    *(void **)(&test) = rare_function(&found, "pthread_testcancel");
    if (test != NULL)
        test();
}

void cancellation_point(void)
{
    int saved = errno;

    /* pthread_testcancel is another symbol version in each libc; a wait for nothing is a cancellation point in all. */
    if (!sandboxed())
        real.poll(NULL, 0, 0);
    else
        test_cancellation();
    errno = saved;
}

/* Whether a socket's data begin with an IP header of the program's own; also where that cannot be found out. */
static bool has_own_header(int fd, bool six)
{
    int on = 0;
    socklen_t length = sizeof(on);
    int saved = errno;
    bool own;

    if (sandboxed())
        return true;
    if (real.getsockopt(fd, six ? IPPROTO_IPV6 : IPPROTO_IP, six ? IPV6_HDRINCL : IP_HDRINCL, &on, &length) == 0)
        own = on != 0;
    else
        own = errno != ENOPROTOOPT && errno != EOPNOTSUPP && errno != ENOTSOCK && errno != EBADF;
    errno = saved;
    return own;
}

/* Gathers the beginning of what is sent, as far as it can be read. */
static size_t packet_start(const struct iovec *parts, size_t count, unsigned char start[PACKET_START])
{
    size_t have = 0;

    for (size_t i = 0; i < count && i < IOV_MAX && have < PACKET_START; i++) {
        size_t part = parts[i].iov_len;

        if (part > PACKET_START - have)
            part = PACKET_START - have;
        if (part > 0 && plainly_bad(parts[i].iov_base))
            return have;
        memcpy(start + have, parts[i].iov_base, part);
        have += part;
    }
    return have;
}

/* The destination inside a packet; false where it is too short to have one. */
static bool packet_destination(const unsigned char *start, size_t length, bool six, struct address *out)
{
    uint32_t four;

    if (six) {
        if (length < sizeof(struct ip6_hdr))
            return false;
        *out = address_from_v6(start + offsetof(struct ip6_hdr, ip6_dst));
        return true;
    }
    if (length < sizeof(struct iphdr))
        return false;
    memcpy(&four, start + offsetof(struct iphdr, daddr), sizeof(four));
    *out = address_from_v4(ntohl(four));
    return true;
}

/* Judges the header of a packet whose sockaddr was allowed; a packet that is too short is the kernel's to refuse. */
static void judge_packet(struct ruling *ruling, int fd, const struct query *query, const struct iovec *parts,
                         size_t count, const char *op)
{
    struct query inner = *query;
    bool six = query->address.family == ADDRESS_INET6;
    unsigned char start[PACKET_START];

    if (has_own_header(fd, six) && packet_destination(start, packet_start(parts, count, start), six, &inner.address))
        judge(ruling, &inner, fd, op);
}

/*
 * How a send takes AF_UNSPEC: an IPv4 socket as AF_INET, a raw IPv6 one as AF_INET6, any other as no address (proved in
 * tests/kernel/unspec.c).
 */
static enum unspec unspec_meaning(int fd, const struct own_address *address)
{
    int domain = AF_INET;
    socklen_t length = sizeof(domain);
    int saved = errno;

    if (likely(address->storage.ss_family != AF_UNSPEC))
        return UNSPEC_IS_NOTHING;
    if (!sandboxed())
        real.getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length);
    errno = saved;
    if (domain != AF_INET6)
        return UNSPEC_IS_INET;
    /* A translated socket takes what a raw one takes. */
    return hint_ask(fd).raw || icmp_of(fd) != NULL ? UNSPEC_IS_INET6 : UNSPEC_IS_NOTHING;
}

/* Whether an address that is refused does not count: an established stream ignores it. */
static bool address_is_ignored(int fd, int flags)
{
    return !(flags & MSG_FASTOPEN) && hint_ask(fd).stream;
}

/* Whether a descriptor is a socket at all: what is none must not be told that it sent. */
static bool is_socket(int fd)
{
    int type;
    socklen_t length = sizeof(type);
    int saved = errno;
    bool is = sandboxed() || real.getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0;

    errno = saved;
    return is;
}

static enum outcome refuse(int fd, const struct ruling *ruling, bool connects)
{
    if (ruling->drop && !connects)
        return is_socket(fd) ? OUTCOME_SWALLOW : OUTCOME_PASS;
    errno = ruling->drop ? ETIMEDOUT : ruling->error;
    return OUTCOME_REFUSE;
}

/* Raw sockets are the only ones that may carry their own header; what is unseen is asked about once, or may be one. */
static bool may_be_raw(struct hint hint, int fd)
{
    if (hint.state != HINT_IP)
        hint = hint_ask(fd);
    return hint.state == HINT_IP ? hint.raw : hint.state != HINT_OTHER;
}

/*
 * The port that an answer will come from: the one that was sent to, but raw and ping sockets tell none, though programs
 * put 33434 or 58 there when they send.
 */
static uint16_t answering_port(int fd, const struct own_address *address)
{
    struct hint hint = hint_ask(fd);

    if (hint.raw || (hint.protos & ~(unsigned)(PROTO_ICMP | PROTO_ICMP6)) == 0)
        return 0;
    /* sin_port and sin6_port stand in the same place. */
    return ntohs(((const struct sockaddr_in *)&address->storage)->sin_port);
}

/* Notes a peer whose answers are to pass inbound rules, and that the next datagram to it needs no decision. */
static void allowed(const struct reached_claim *claim, int fd, uint64_t answers_as, bool plainly)
{
    struct answer_note answer = {0};

    if (answers_as != 0)
        answer = answers_expect_name(answers_as);
    if (plainly && !watching(WATCH_ICMP | WATCH_PROBES))
        reached_allow(claim, fd, answer);
}

/* Whether a datagram to `address` needs no decision. */
static bool is_known(int fd, const struct own_address *address)
{
    const struct sockaddr *named = (const struct sockaddr *)&address->storage;
    union reached_address copy;

    if (address->length == sizeof(copy.inet))
        return reached_copy4(&copy, named) && reached_knows4(&reached_by_sendto, fd, &copy, true);
    return address->length == sizeof(copy.inet6) && reached_copy6(&copy, named) &&
           reached_knows6(&reached_by_sendto, fd, &copy, true);
}

enum outcome judge_send(int fd, const struct own_address *address, int flags, const struct iovec *parts, size_t count,
                        const char *op)
{
    bool connects = (flags & MSG_FASTOPEN) != 0;
    struct hint hint;
    unsigned protos;
    char path[QUERY_PATH];
    struct query query;
    struct ruling ruling;
    struct reached_claim claim;
    uint64_t answers_as = 0;
    bool inet, raw;

    if (!connects && is_known(fd, address))
        return OUTCOME_PASS;
    reached_expect(&claim, &reached_by_sendto, fd, (const struct sockaddr *)&address->storage, address->length);
    hint = hint_get(fd);
    protos = hint.protos;
    if (!connects)
        protos &= ~(unsigned)PROTO_TCP;
    /* A stream that is sent to by address, MSG_FASTOPEN on what is none, or a number that was another socket's. */
    if (unlikely(connects ? !hint.stream : protos == 0)) {
        hint_forget(fd);
        hint = hint_ask(fd);
        if (hint.stream && !connects)
            return OUTCOME_PASS; /* connected, and the address is ignored, or the kernel refuses it */
        connects = hint.stream;  /* datagrams ignore the flag */
        protos = hint.protos;
    }
    if (query_from_sockaddr(&query, DIRECTION_TO, (const struct sockaddr *)&address->storage, address->length,
                            unspec_meaning(fd, address), protos, path) == QUERY_KERNEL)
        return OUTCOME_PASS;
    protos = query.protos;
    inet = query.address.family == ADDRESS_INET || query.address.family == ADDRESS_INET6;
    if (!connects && inet && watching(WATCH_FROM_DATAGRAM))
        answers_as = answers_name(&query.address, answering_port(fd, address));
    judge_silently(&ruling, &query, fd);
    if (ruling.refused && address_is_ignored(fd, flags))
        return OUTCOME_PASS;
    judge_report(&ruling, &query, op);
    raw = !ruling.refused && query.address.family <= ADDRESS_INET6 && may_be_raw(hint, fd);
    if (raw)
        judge_packet(&ruling, fd, &query, parts, count, op);
    if (ruling.refused)
        return refuse(fd, &ruling, connects);
    if (!connects && inet)
        allowed(&claim, fd, answers_as,
                hint.state == HINT_IP && !raw && !ruling.reportable && !query.strict && query.protos == protos);
    return OUTCOME_PASS;
}

enum outcome judge_inner(int fd, const struct sockaddr *destination, socklen_t length, unsigned protos, const char *op)
{
    char path[QUERY_PATH];
    struct query query;
    struct ruling ruling;

    if (query_from_sockaddr(&query, DIRECTION_TO, destination, length, UNSPEC_IS_NOTHING, protos, path) == QUERY_KERNEL)
        return OUTCOME_PASS;
    judge(&ruling, &query, fd, op);
    if (ruling.refused)
        return refuse(fd, &ruling, false);
    if (watching(WATCH_FROM_DATAGRAM))
        answers_expect(&query.address, ntohs(((const struct sockaddr_in *)(const void *)destination)->sin_port));
    return OUTCOME_PASS;
}
