/* SPDX-License-Identifier: MIT */
/*
 * From the error queue of a UDP or TCP socket to the packet that a raw ICMP socket would have seen.
 *
 * Taking an error out of the queue also clears the errno that it left on the socket. What a bare socket would show of
 * that (udp_err, net/ipv4/udp.c: hard errors of a connected socket, nothing else) is kept in the state.
 */
#include "shim/icmp/borrow.h"
#include "shim/icmp/packet.h"
#include "shim/icmp/probe_table.h"
#include "shim/icmp/receive.h"
#include "shim/real.h"
#include "state/kernel.h"

#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <string.h>

/* Errors that one look takes from one probe. */
#define DRAIN_MOST 1024

/*
 * Datagrams that are thrown away at once from a hidden probe, whose answers nobody reads: they would fill its buffer.
 */
#define ANSWERS_MOST 64

#define UDP_HEADER 8

/* One entry of an error queue. */
struct entry {
    struct msghdr message;
    struct iovec part;
    struct sockaddr_in6 to; /* or sockaddr_in: whom the packet that is quoted went to */
    _Alignas(struct cmsghdr) unsigned char control[CONTROL_ROOM];
    size_t length;
    struct facts facts;
};

bool probe_fails(struct probe *probe)
{
    int error = atomic_exchange(&probe->pending, 0);

    if (error != 0)
        errno = error;
    return error != 0;
}

/* Takes one entry, without waiting and without being a cancellation point. */
static bool take(struct entry *entry, int fd, struct probe_room *room)
{
    ssize_t got;

    memset(&entry->to, 0, sizeof(entry->to));
    entry->part = (struct iovec){room->taken, sizeof(room->taken)};
    entry->message = (struct msghdr){.msg_name = &entry->to,
                                     .msg_namelen = sizeof(entry->to),
                                     .msg_iov = &entry->part,
                                     .msg_iovlen = 1,
                                     .msg_control = entry->control,
                                     .msg_controllen = sizeof(entry->control)};
    got = kernel_recvmsg(fd, &entry->message, MSG_ERRQUEUE | MSG_DONTWAIT);
    if (got < 0)
        return false;
    entry->length = (size_t)got;
    facts_read(&entry->facts, &entry->message);
    return true;
}

/* udp_err and udpv6_err: which errors a connected socket shows though it never asked for any. */
static bool is_hard(const struct sock_extended_err *error, bool six, int fd)
{
    static const bool unreachable[] = {0, 0, 1, 1, 1, 0, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1}; /* icmp_err_convert, by code */

    if (!six)
        return error->ee_type == ICMP_PARAMETERPROB ||
               (error->ee_type == ICMP_DEST_UNREACH && error->ee_code < sizeof(unreachable) &&
                unreachable[error->ee_code]);
    switch (error->ee_type) {
    case ICMP6_DST_UNREACH: /* icmpv6_err_convert's table: no route, beyond scope and address are soft */
        return error->ee_code != ICMP6_DST_UNREACH_NOROUTE && error->ee_code != ICMP6_DST_UNREACH_BEYONDSCOPE &&
               error->ee_code != ICMP6_DST_UNREACH_ADDR;
    case ICMP6_PACKET_TOO_BIG:
        return option_get(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_WANT) != IPV6_PMTUDISC_DONT;
    case ICMP6_PARAM_PROB:
        return true;
    default:
        return false;
    }
}

/* RFC 768, RFC 8200 section 8.1: the sum over the addresses, the length and the protocol. */
static uint32_t pseudo_sum(const struct quote *quote, size_t length)
{
    unsigned char tail[8] = {0, 0, (unsigned char)(length >> 8), (unsigned char)length, 0, 0, 0, IPPROTO_UDP};
    uint32_t sum = checksum_add(0, tail, sizeof(tail));

    if (quote->six) {
        sum = checksum_add(sum, &quote->source6, sizeof(quote->source6));
        return checksum_add(sum, &quote->destination6, sizeof(quote->destination6));
    }
    sum = checksum_add(sum, &quote->source, sizeof(quote->source));
    return checksum_add(sum, &quote->destination, sizeof(quote->destination));
}

/* Our end of the packet, in network byte order; the address too where the error does not tell it. */
static uint16_t source_of(const struct probe *probe, int fd, struct facts *facts)
{
    struct sockaddr_in6 name = {0};
    socklen_t length = sizeof(name);

    if (real.getsockname(fd, (struct sockaddr *)&name, &length) != 0)
        return probe->port;
    if (!facts->local_known && probe->six)
        facts->local6 = name.sin6_addr;
    else if (!facts->local_known)
        facts->local = ((const struct sockaddr_in *)(const void *)&name)->sin_addr;
    return name.sin6_port;
}

/* The UDP header that is quoted. `sent` is NULL where the datagram is not remembered. */
static void udp_header(unsigned char head[UDP_HEADER], const struct probe *probe, int fd, uint16_t source,
                       const struct entry *entry, const struct sent *sent, const struct quote *quote)
{
    size_t quoted = entry->facts.error.ee_rfc4884.len;
    size_t payload = sent != NULL ? sent->length : quoted > 0 && quoted < entry->length ? quoted : entry->length;
    uint16_t length = htons((uint16_t)(UDP_HEADER + payload));
    uint16_t checksum = 0;

    memset(head, 0, UDP_HEADER);
    if (probe->hidden && sent != NULL)
        source = sent->source_port;
    memcpy(head, &source, sizeof(source));
    memcpy(head + 2, &entry->to.sin6_port, sizeof(entry->to.sin6_port));
    memcpy(head + 4, &length, sizeof(length));
    if (probe->hidden && sent != NULL && (!probe->six || sent->checksum != 0)) {
        checksum = sent->checksum;
    } else if (option_get(fd, SOL_SOCKET, SO_NO_CHECK, 0) == 0 || probe->six) {
        uint32_t sum = checksum_add(pseudo_sum(quote, UDP_HEADER + payload), head, UDP_HEADER);

        if (sent == NULL)
            checksum = checksum_finish(checksum_add(sum, quote->data, payload));
        else
            checksum = checksum_finish(checksum_add(sum, &sent->sum, sizeof(sent->sum)));
        if (checksum == 0)
            checksum = UINT16_MAX; /* RFC 768: 0 says that there is none */
    }
    memcpy(head + 6, &checksum, sizeof(checksum));
}

static bool dont_fragment(const struct probe *probe, int fd)
{
    int discover;

    if (probe->six)
        return false;
    discover = option_get(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_WANT);
    return discover == IP_PMTUDISC_WANT || discover == IP_PMTUDISC_DO || discover == IP_PMTUDISC_PROBE;
}

/* Writes the packet to room->built; returns its length, 0 where the entry stands for none. */
static size_t build(struct probe *probe, int fd, struct entry *entry, struct probe_room *room)
{
    unsigned char head[UDP_HEADER];
    bool exceeded = entry->facts.error.ee_type == (probe->six ? ICMP6_TIME_EXCEEDED : ICMP_TIME_EXCEEDED);
    uint16_t source = source_of(probe, fd, &entry->facts);
    struct sent sent = {.ttl = probe->ttl, .tos = probe->tos};
    bool known = !probe->stream && probe_recall(probe, &entry->to, &sent);
    struct quote quote = {.six = probe->six,
                          .facts = &entry->facts,
                          .source = entry->facts.local,
                          .source6 = entry->facts.local6,
                          .protocol = probe->stream ? IPPROTO_TCP : IPPROTO_UDP,
                          .tos = sent.tos,
                          .ttl = exceeded ? 1 : sent.ttl,
                          .dont_fragment = dont_fragment(probe, fd),
                          .data = room->taken,
                          .data_length = entry->length};

    if (probe->six)
        quote.destination6 = entry->to.sin6_addr;
    else
        quote.destination = ((const struct sockaddr_in *)(const void *)&entry->to)->sin_addr;
    if (!probe->stream) {
        udp_header(head, probe, fd, source, entry, known ? &sent : NULL, &quote);
        quote.head = head;
        quote.head_length = sizeof(head);
        quote.length = known ? UDP_HEADER + (size_t)sent.length : 0;
    }
    return quote_packet(room->built, sizeof(room->built), &quote);
}

/*
 * A raw socket that was never waited on has the error in its queue all the same: so every socket that has sent nothing
 * is a listener from now on.
 */
static void make_listeners(bool six)
{
    struct icmp_socket *socket;
    unsigned at = 0;

    while ((socket = icmp_peek(&at)) != NULL) {
        if (icmp_is_six(socket) == six && !socket->has_sent)
            icmp_mark_listened(socket);
    }
}

/* Shows the error on the family's listeners. */
static void deliver(const struct probe *probe, const struct entry *entry, const struct probe_room *room, size_t length)
{
    const struct facts *facts = &entry->facts;
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = facts->offender6};
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_addr = facts->offender};
    struct held held = {.data = room->built,
                        .length = length,
                        .name = &four,
                        .name_length = sizeof(four),
                        .control = entry->control,
                        .control_length = entry->message.msg_controllen};

    if (probe->six) {
        if (IN6_IS_ADDR_LINKLOCAL(&six.sin6_addr))
            six.sin6_scope_id = (uint32_t)facts->interface;
        held.name = &six;
        held.name_length = sizeof(six);
    }
    make_listeners(probe->six);
    icmp_deliver_to_listeners(probe->six, &held);
}

/* One entry. Those of our own stack (a datagram too long) are thrown away: a bare socket's send has told of them. */
static void pull_entry(struct probe *probe, int fd, struct entry *entry, struct probe_room *room)
{
    const struct sock_extended_err *error = &entry->facts.error;
    size_t length;

    if (!is_icmp_error(&entry->facts, probe->six))
        return;
    if (probe->stream)
        probe->queued = true;
    else if (!probe->hidden && probe->connected && is_hard(error, probe->six, fd) &&
             probe_same_name(&entry->to, &probe->peer))
        probe->pending = (int)error->ee_errno;
    atomic_fetch_add(&probe->pulled, 1);
    length = build(probe, fd, entry, room);
    if (length > 0)
        deliver(probe, entry, room, length);
}

static uint8_t stream_state(int fd)
{
    uint8_t state = 0;
    socklen_t length = sizeof(state);

    return real.getsockopt(fd, IPPROTO_TCP, TCP_INFO, &state, &length) == 0 && length == 1 ? state : TCP_CLOSE;
}

/*
 * A stream whose connect failed has the errno on it until somebody asks, and an entry that is taken clears it. While it
 * is still trying there is only a soft error (RFC 1122 section 4.2.3.9, Linux 6.5), which SO_ERROR would clear.
 */
static void keep_stream_error(struct probe *probe, int fd)
{
    int error;

    if (!probe->stream || stream_state(fd) != TCP_CLOSE)
        return;
    error = option_get(fd, SOL_SOCKET, SO_ERROR, 0);
    if (error != 0)
        probe->pending = error;
}

static void drain_into(struct probe *probe, int fd, struct probe_room *room)
{
    struct entry entry;
    unsigned changed;
    int last = 0;
    bool closed = !probe->stream || stream_state(fd) == TCP_CLOSE;

    keep_stream_error(probe, fd);
    changed = probe_tell_more(probe, fd);
    for (unsigned i = 0; i < DRAIN_MOST && take(&entry, fd, room); i++) {
        last = (int)entry.facts.error.ee_errno;
        pull_entry(probe, fd, &entry, room);
    }
    probe_tell_as_before(fd, changed);
    if (!closed && stream_state(fd) == TCP_CLOSE && probe->pending == 0)
        probe->pending = last; /* it failed just now, by the error that was taken */
}

/* Throws away what was answered to a hidden probe: a raw socket of ICMP would see nothing of it. */
static void drop_answers(int fd)
{
    struct msghdr nothing = {0};

    for (unsigned i = 0; i < ANSWERS_MOST && kernel_recvmsg(fd, &nothing, MSG_DONTWAIT) >= 0; i++)
        ;
}

void probe_drain(struct probe *probe, int fd)
{
    struct probe_room *room;
    struct inbox_guard guard;
    int saved = errno;

    if ((kernel_readiness(fd, 0) & POLLERR) && (room = probe_room_lock(&guard)) != NULL) {
        drain_into(probe, fd, room);
        probe_room_unlock(room, &guard);
    }
    if (probe->hidden)
        drop_answers(fd);
    errno = saved;
}

/* The probes of a family whose sockets show something, as a set of places. One system call. */
static unsigned long long shows_any(bool six, unsigned half)
{
    struct pollfd entries[PROBES / 2];
    uint8_t places[PROBES / 2];
    unsigned long long found = 0;
    struct probe *probe;
    unsigned count = 0;
    unsigned at = half * (PROBES / 2);

    while (at < (half + 1) * (PROBES / 2) && (probe = probe_next(&at)) != NULL && at <= (half + 1) * (PROBES / 2)) {
        if (probe->six != six)
            continue;
        places[count] = (uint8_t)((at - 1) % (PROBES / 2));
        entries[count++] = (struct pollfd){.fd = probe->fd, .events = probe->hidden ? POLLIN : 0};
    }
    if (count > 0 && kernel_poll(entries, count) > 0) {
        for (unsigned i = 0; i < count; i++) {
            if (entries[i].revents != 0)
                found |= 1ULL << places[i];
        }
    }
    return found;
}

/* Another thread's probe maybe, which is closed by it at any moment. */
static void drain_other(struct probe *probe, int fd)
{
    int borrowed = descriptor_borrow(fd);

    if (probe_is(probe, borrowed))
        probe_drain(probe, borrowed);
    descriptor_return(borrowed, fd);
}

void probe_pull(bool six)
{
    int saved = errno;

    for (unsigned half = 0; half < 2; half++) {
        unsigned long long found = shows_any(six, half);

        while (found != 0) {
            unsigned at = half * (PROBES / 2) + (unsigned)__builtin_ctzll(found);
            struct probe *probe = probe_next(&at);
            int fd = probe == NULL ? -1 : probe_descriptor(probe);

            found &= found - 1;
            if (fd >= 0)
                drain_other(probe, fd);
        }
    }
    errno = saved;
}

unsigned probe_sources(bool six, int *fds, unsigned most)
{
    struct probe *probe;
    unsigned count = 0;
    unsigned at = 0;

    while (count < most && (probe = probe_next(&at)) != NULL) {
        int fd;

        if (probe->six == six && (fd = probe_descriptor(probe)) >= 0)
            fds[count++] = fd;
    }
    return count;
}

void probe_release(struct probe *probe, int fd)
{
    struct option recverr = probe_option(probe->six, OPTION_RECVERR);
    struct option rfc4884 = probe_option(probe->six, OPTION_RFC4884);

    probe_drain(probe, fd);
    option_set(fd, recverr.level, recverr.name, 0);
    option_set(fd, rfc4884.level, rfc4884.name, probe->rfc4884);
    probe_free(probe);
}

void probe_settle(struct probe *probe, int fd)
{
    uint8_t state = stream_state(fd);

    if (probe->pending == 0 && state != TCP_CLOSE && state != TCP_SYN_SENT)
        probe_release(probe, fd);
}
