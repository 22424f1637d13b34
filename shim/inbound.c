/* SPDX-License-Identifier: MIT */
/* One source judged, and the look at whether it is an answer. */
#include "shim/inbound.h"

#include "policy/query.h"
#include "shim/answers.h"
#include "shim/hints.h"
#include "shim/judge.h"
#include "shim/real.h"
#include "shim/recent.h"
#include "shim/sandbox.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

/* The port of an IPv4 or IPv6 source; 0 where there is none, as for raw and ping sockets. */
static uint16_t port_of(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)address)->sin_port);
    if (address->ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)address)->sin6_port);
    return 0;
}

/*
 * Whether `fd` is connected to where this came from. The kernel lets no others in once a socket is connected, but for
 * ping sockets and for what was in the queue before. A source without a port (raw, ping) is its address alone. An
 * SCTP stream has several addresses; it was judged as a connection.
 */
static __attribute__((noinline)) bool from_peer(int fd, const struct query *query,
                                                const struct sockaddr_storage *source, socklen_t length)
{
    struct sockaddr_storage peer;
    socklen_t peer_length = sizeof(peer);
    struct query other;
    char path[QUERY_PATH];

    if (sandboxed() || real.getpeername(fd, (struct sockaddr *)&peer, &peer_length) != 0)
        return false;
    if (hint_ask(fd).stream)
        return true;
    if (query->address.family == ADDRESS_UNIX)
        return peer_length == length && memcmp(&peer, source, length) == 0;
    if (query->address.family != ADDRESS_INET && query->address.family != ADDRESS_INET6)
        return true;
    return query_from_sockaddr(&other, DIRECTION_FROM, (struct sockaddr *)&peer, peer_length, UNSPEC_IS_NOTHING,
                               PROTO_ANY, path) == QUERY_JUDGE &&
           address_compare(&other.address, &query->address) == 0 &&
           (port_of(source) == 0 || port_of(source) == port_of(&peer));
}

/*
 * Whether what a policy refuses is an answer. A rule that names icmp or icmp6 wants replies judged too, so under one
 * ICMP has no answers.
 */
static bool is_answer(int fd, const struct query *query, const struct sockaddr_storage *source, socklen_t length)
{
    bool inet = query->address.family == ADDRESS_INET || query->address.family == ADDRESS_INET6;
    struct hint hint = hint_ask(fd);
    bool icmp = hint.state == HINT_IP && (hint.protos & ~(unsigned)(PROTO_ICMP | PROTO_ICMP6)) == 0;

    if (icmp && watching(WATCH_FROM_PING))
        return false;
    if (icmp && !hint.raw)
        return true;
    if (inet && answers_expected(&query->address, port_of(source)))
        return true;
    return from_peer(fd, query, source, length);
}

/* Whether any layer refuses it, also one that only observes, or would but for an audit rule. */
static bool anyone_minds(const struct ruling *ruling)
{
    if (likely(!ruling->reportable))
        return false;
    for (int i = 0; i < ruling->layers; i++) {
        if (ruling->verdicts[i].action != ACTION_ALLOW || ruling->verdicts[i].note_count > 0)
            return true;
    }
    return false;
}

/*
 * What the protocol may be: by the hint, else anything but TCP, which never tells a source. A hint of TCP is that of an
 * earlier descriptor of this number then: close(2) is not watched.
 */
static unsigned protocols_of(int fd)
{
    struct hint hint = hint_get(fd);

    if (unlikely(hint.protos == PROTO_TCP))
        hint_forget(fd);
    else if (hint.state == HINT_IP)
        return hint.protos;
    return PROTO_ANY & ~(unsigned)PROTO_TCP;
}

/* Asks the policy, then, where it refuses, whether this is an answer; only then is anything logged. */
static enum inbound judge_query(int fd, struct query *query, const struct sockaddr_storage *source, socklen_t length,
                                const char *op)
{
    struct reached_claim claim;
    unsigned protos = query->protos;
    union reached_address copy;
    struct ruling ruling;

    if (recent_copy(&copy, source, length))
        reached_expect(&claim, &recent_sources, fd, (const struct sockaddr *)&copy.inet, length);
    else
        claim.state = 0;
    judge_silently(&ruling, query, fd);
    if (likely(!ruling.refused && !ruling.reportable)) {
        if (!query->port_known && !query->strict && query->protos == protos)
            reached_allow(&claim, fd, (struct answer_note){0});
        return INBOUND_PASS;
    }
    if (anyone_minds(&ruling) && is_answer(fd, query, source, length))
        return INBOUND_PASS;
    judge_report(&ruling, query, op);
    if (!ruling.refused)
        return INBOUND_PASS;
    return ruling.verdicts[ruling.layer].source == BY_FAILURE ? INBOUND_FAIL : INBOUND_DISCARD;
}

enum inbound inbound_judge(int fd, const struct sockaddr_storage *source, socklen_t length, const char *op)
{
    char path[QUERY_PATH];
    struct query query;
    enum inbound outcome;
    int saved;

    if (policy_may_have_moved())
        policy_ready(WATCH_INBOUND);
    if (length < sizeof(source->ss_family) || recent_allows(fd, source, length))
        return INBOUND_PASS;
    process_ready(WATCH_INBOUND); /* another thread may not be quite through with the start */
    /* Unix streams tell their peer's name with every receive; only datagrams are judged here. */
    if (source->ss_family == AF_UNIX && (!watching(WATCH_FROM_UNIX) || !hint_ask(fd).datagram))
        return INBOUND_PASS;
    if (query_from_sockaddr(&query, DIRECTION_FROM, (const struct sockaddr *)source, length, UNSPEC_IS_NOTHING,
                            protocols_of(fd), path) != QUERY_JUDGE)
        return INBOUND_PASS;
    saved = errno;
    outcome = judge_query(fd, &query, source, length, op);
    errno = saved;
    return outcome;
}
