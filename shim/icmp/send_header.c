/* SPDX-License-Identifier: MIT */
/*
 * Packets with an IPv4 header of the program's own: ICMP goes out by the ping socket, UDP by a hidden UDP socket
 * (send_udp.c), and nothing else can be sent. What the header says is told to the kernel in other words.
 */
#include "shim/icmp/own_header.h"
#include "shim/icmp/parts.h"
#include "shim/icmp/sending.h"
#include "shim/real.h"

#include <errno.h>
#include <string.h>

/*
 * With its own header a packet has DF or not, and is refused where it is larger than the line, never cut. Those are two
 * ways of IP_MTU_DISCOVER, of which no control message tells: so it is set for one packet. Returns what it was.
 */
static int discovery_set(struct sending *sending, int wanted)
{
    int before = wanted;
    socklen_t length = sizeof(before);

    if (real.getsockopt(sending->fd, IPPROTO_IP, IP_MTU_DISCOVER, &before, &length) != 0 || before != wanted)
        real.setsockopt(sending->fd, IPPROTO_IP, IP_MTU_DISCOVER, &wanted, sizeof(wanted));
    return before;
}

static ssize_t send_own_echo(struct sending *sending, const struct own_header *header)
{
    struct icmp_socket *socket = sending->socket;
    int wanted = header->dont_fragment ? IP_PMTUDISC_PROBE : IP_PMTUDISC_INTERFACE;
    int saved = errno;
    int before;
    ssize_t sent;

    if (!own_header_tell(header, &sending->out))
        return sending_fails(errno);
    before = discovery_set(sending, wanted);
    errno = saved;
    socket->fragments = !header->dont_fragment;
    socket->tos = header->tos;
    sent = sending_echo(sending, header->length);
    saved = errno;
    if (before != wanted)
        real.setsockopt(sending->fd, IPPROTO_IP, IP_MTU_DISCOVER, &before, sizeof(before));
    errno = saved;
    return sent < 0 ? -1 : (ssize_t)sending->size;
}

/*
 * Judges where the header says it goes, unless the sockaddr said the same of the same protocol: the caller has judged
 * that.
 */
static enum outcome judge_header(struct sending *sending, const struct own_header *header, struct in_addr destination)
{
    const struct msghdr *message = &sending->out.message;
    const struct sockaddr_in *named = message->msg_name;
    struct sockaddr_in target = {.sin_family = AF_INET, .sin_addr = destination};
    const struct sockaddr *address = (const struct sockaddr *)&target;
    unsigned char ports[4];

    if (!watching(WATCH_TO | WATCH_FROM_DATAGRAM))
        return OUTCOME_PASS;
    if (header->protocol == IPPROTO_UDP &&
        parts_read(message->msg_iov, message->msg_iovlen, header->length, ports, sizeof(ports)) == sizeof(ports)) {
        memcpy(&target.sin_port, ports + 2, sizeof(target.sin_port));
        return judge_inner(sending->fd, address, sizeof(target), PROTO_UDP, sending->op);
    }
    if (named != NULL && named->sin_addr.s_addr == destination.s_addr)
        return OUTCOME_PASS;
    return judge_inner(sending->fd, address, sizeof(target), PROTO_ICMP, sending->op);
}

/* Whom a packet without an address goes to. */
static struct in_addr peer_of(const struct sending *sending)
{
    const struct sockaddr_in *named = sending->out.message.msg_name;

    return named != NULL ? named->sin_addr : sending->socket->peer;
}

ssize_t sending_with_header(struct sending *sending)
{
    const struct msghdr *message = &sending->out.message;
    unsigned char start[IPV4_HEADER_MAX] = {0};
    struct own_header header;
    struct in_addr destination;
    int error;

    parts_read(message->msg_iov, message->msg_iovlen, 0, start, sizeof(start));
    error = own_header_read(&header, start, sending->size);
    if (error == 0 && header.protocol != IPPROTO_ICMP && header.protocol != IPPROTO_UDP)
        error = EPERM;
    if (error != 0)
        return sending_fails(error);
    destination = header.destination.s_addr != 0 ? header.destination : peer_of(sending);
    switch (judge_header(sending, &header, destination)) {
    case OUTCOME_REFUSE:
        return sending_fails(errno);
    case OUTCOME_SWALLOW:
        cancellation_point();
        return (ssize_t)sending->size;
    case OUTCOME_PASS:
        break;
    }
    if (header.protocol == IPPROTO_UDP)
        return sending_udp_with_header(sending, &header, destination);
    return send_own_echo(sending, &header);
}
