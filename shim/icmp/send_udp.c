/* SPDX-License-Identifier: MIT */
/*
 * UDP with a header that the program wrote itself: behind an IPv4 header of its own too, or at the beginning of what it
 * sends on a raw UDP socket of IPv6 (KIND_SENDER6). A hidden UDP socket sends it (probe_packet.c).
 */
#include "shim/icmp/parts.h"
#include "shim/icmp/probe.h"
#include "shim/icmp/probe_table.h"
#include "shim/icmp/sending.h"
#include "shim/judge.h"

#include <errno.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/mman.h>

/* All that the program sends, in one piece, which is to be unmapped; NULL with errno. */
static unsigned char *gather(const struct sending *sending)
{
    const struct msghdr *message = &sending->out.message;
    void *bytes = mmap(NULL, sending->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (bytes == MAP_FAILED) {
        errno = ENOBUFS;
        return NULL;
    }
    parts_read(message->msg_iov, message->msg_iovlen, 0, bytes, sending->size);
    return bytes;
}

static void give_back(const struct sending *sending, unsigned char *bytes)
{
    int saved = errno;

    munmap(bytes, sending->size);
    errno = saved;
}

ssize_t sending_udp_with_header(struct sending *sending, const struct own_header *header, struct in_addr destination)
{
    unsigned char *packet = gather(sending);
    struct iphdr ip;
    ssize_t sent;

    if (packet == NULL)
        return sending_fails(errno);
    memcpy(&ip, packet, sizeof(ip));
    ip.tot_len = htons((uint16_t)sending->size);
    ip.daddr = destination.s_addr;
    ip.check = 0;
    memcpy(packet, &ip, sizeof(ip));
    ip.check = checksum_finish(checksum_add(0, packet, header->length));
    memcpy(packet, &ip, sizeof(ip));
    sent = probe_send_packet(sending->socket, packet, sending->size, sending->flags);
    give_back(sending, packet);
    return sent;
}

/* On a raw UDP socket of IPv6 */

/*
 * Reads the UDP header. Returns 0, or the errno: EINVAL where IPV6_CHECKSUM names a place behind the end
 * (net/ipv6/raw.c), EPERM for what a UDP socket cannot send. Where the kernel is to write the checksum what stands in
 * its place does not count.
 */
static int header_read(const struct sending *sending, struct udphdr *out)
{
    const struct msghdr *message = &sending->out.message;
    int offset = sending->socket->checksum_offset;

    if (offset >= 0 && (size_t)offset + sizeof(out->check) > sending->size)
        return EINVAL;
    if (parts_read(message->msg_iov, message->msg_iovlen, 0, out, sizeof(*out)) != sizeof(*out) ||
        ntohs(out->len) != sending->size || out->dest == 0 ||
        (offset >= 0 && (size_t)offset != offsetof(struct udphdr, check)))
        return EPERM;
    if (offset >= 0)
        out->check = 0;
    return 0;
}

/* Whom it goes to, with the port that the header names. */
static struct sockaddr_in6 *address_prepare(struct sending *sending, in_port_t port)
{
    struct own_address *own = &sending->out.address;
    struct sockaddr_in6 *address = (struct sockaddr_in6 *)(void *)&own->storage;

    if (sending->out.message.msg_name == NULL)
        *address = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = sending->socket->peer6};
    address->sin6_port = port;
    own->length = sizeof(*address);
    sending->out.message.msg_name = address;
    sending->out.message.msg_namelen = sizeof(*address);
    return address;
}

static bool control_add(struct outgoing *out, int type, const void *data, size_t length)
{
    return outgoing_has_control(out, IPPROTO_IPV6, type) || outgoing_control(out, IPPROTO_IPV6, type, data, length);
}

/*
 * Tells what the program told its socket, unless it says otherwise for this packet: hop limit, traffic class, source,
 * device. False with errno.
 */
static bool options_tell(struct sending *sending, const struct sockaddr_in6 *to)
{
    const struct icmp_socket *socket = sending->socket;
    bool group = IN6_IS_ADDR_MULTICAST(&to->sin6_addr);
    int hops = option_get(sending->fd, IPPROTO_IPV6, group ? IPV6_MULTICAST_HOPS : IPV6_UNICAST_HOPS, IPDEFTTL);
    int service = option_get(sending->fd, IPPROTO_IPV6, IPV6_TCLASS, 0);
    int device = option_get(sending->fd, SOL_SOCKET, SO_BINDTOIFINDEX, 0);
    struct in6_pktinfo info = {.ipi6_ifindex = (unsigned)device};

    if (socket->bound && !IN6_IS_ADDR_MULTICAST(&socket->local6))
        info.ipi6_addr = socket->local6;
    if (!control_add(&sending->out, IPV6_HOPLIMIT, &hops, sizeof(hops)) ||
        !control_add(&sending->out, IPV6_TCLASS, &service, sizeof(service)))
        return false;
    return (device == 0 && IN6_IS_ADDR_UNSPECIFIED(&info.ipi6_addr)) ||
           control_add(&sending->out, IPV6_PKTINFO, &info, sizeof(info));
}

static ssize_t send_datagram(struct sending *sending, const struct udphdr *header)
{
    struct msghdr *message = &sending->out.message;
    unsigned char *packet = gather(sending);
    struct iovec payload;
    ssize_t sent;

    if (packet == NULL)
        return sending_fails(errno);
    payload = (struct iovec){packet + sizeof(*header), sending->size - sizeof(*header)};
    message->msg_iov = &payload;
    message->msg_iovlen = 1;
    sent = probe_send_datagram(message, header->source, header->check, sending->flags);
    give_back(sending, packet);
    return sent < 0 ? -1 : (ssize_t)sending->size;
}

ssize_t sending_udp(struct sending *sending)
{
    struct sockaddr_in6 *to;
    struct udphdr header;
    int error = header_read(sending, &header);

    if (error != 0)
        return sending_fails(error);
    to = address_prepare(sending, header.dest);
    if (watching(WATCH_TO | WATCH_FROM_DATAGRAM)) {
        switch (judge_inner(sending->fd, (const struct sockaddr *)to, sizeof(*to), PROTO_UDP, sending->op)) {
        case OUTCOME_REFUSE:
            return sending_fails(errno);
        case OUTCOME_SWALLOW:
            cancellation_point();
            return (ssize_t)sending->size;
        case OUTCOME_PASS:
            break;
        }
    }
    if (!options_tell(sending, to))
        return sending_fails(errno);
    return send_datagram(sending, &header);
}
