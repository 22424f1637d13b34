/* SPDX-License-Identifier: MIT */
/*
 * UDP inside an IPv4 header of the program's own, or with a UDP header of its own on IPv6 (mtr -u sends so): a hidden
 * UDP socket a source port sends it, and takes the errors, in which the program finds what it wrote.
 *
 * The source port is bound where that is free, since routers choose among equal paths by it; where it is not, another
 * one goes on the wire, and the program's is put into what is quoted.
 */
#include "shim/icmp/packet.h"
#include "shim/icmp/probe_table.h"
#include "shim/icmp/pull.h"
#include "shim/real.h"
#include "state/kernel.h"

#include <errno.h>
#include <string.h>

/* Hidden sockets at once: mtr with a fixed destination port takes a source port a packet. The oldest one makes way. */
#define HIDDEN_MOST 48

/* Where their descriptors begin, out of the way of programs that count on low numbers. */
#define DESCRIPTOR_FROM 200

#define UDP_HEADER 8
#define TRIES 8

/* A packet taken apart; ports and checksum in network byte order. */
struct datagram {
    struct in_addr source;
    struct sockaddr_in to;
    uint16_t source_port;
    uint16_t checksum;
    uint8_t ttl;
    uint8_t tos;
    bool dont_fragment;
    struct iovec payload;
};

/* False for what a UDP socket cannot send: options, fragments, less than a UDP header. */
static bool take_apart(struct datagram *out, const unsigned char *packet, size_t length)
{
    const unsigned char *udp = packet + IPV4_HEADER;

    if (length < IPV4_HEADER + UDP_HEADER || packet[0] != 0x45 || (packet[6] & 0x3f) != 0 || packet[7] != 0 ||
        length > UINT16_MAX)
        return false;
    *out = (struct datagram){.to.sin_family = AF_INET,
                             .ttl = packet[8],
                             .tos = packet[1],
                             .dont_fragment = (packet[6] & 0x40) != 0,
                             .payload = {(void *)(uintptr_t)(udp + UDP_HEADER), length - IPV4_HEADER - UDP_HEADER}};
    memcpy(&out->source, packet + 12, sizeof(out->source));
    memcpy(&out->to.sin_addr, packet + 16, sizeof(out->to.sin_addr));
    memcpy(&out->source_port, udp, sizeof(out->source_port));
    memcpy(&out->to.sin_port, udp + 2, sizeof(out->to.sin_port));
    memcpy(&out->checksum, udp + 6, sizeof(out->checksum));
    return out->to.sin_port != 0;
}

/* The hidden probe of a source port; and how many there are, and the oldest. */
static struct probe *find_hidden(bool six, uint16_t port, int *fd, unsigned *count, struct probe **oldest)
{
    int self = (int)getpid();
    struct probe *probe;
    unsigned at = 0;

    *count = 0;
    *oldest = NULL;
    while ((probe = probe_next(&at)) != NULL) {
        if (!probe->hidden || probe->owner != self)
            continue;
        if (probe->six == six && probe->port == port && (*fd = probe_descriptor(probe)) >= 0)
            return probe;
        (*count)++;
        if (*oldest == NULL || (int32_t)(probe->made - (*oldest)->made) < 0)
            *oldest = probe;
    }
    return NULL;
}

static void retire(struct probe *probe)
{
    int fd = probe_descriptor(probe);

    if (fd >= 0) {
        probe_drain(probe, fd);
        kernel_close(fd);
    }
    probe_free(probe);
}

/* A UDP socket, at a high number where the process may have such; -1 where there is none to be had. */
static int open_hidden(bool six, uint16_t port)
{
    const int family = six ? AF_INET6 : AF_INET;
    struct sockaddr_in6 name = {.sin6_family = (sa_family_t)family, .sin6_port = port}; /* or sockaddr_in */
    struct option recverr = probe_option(six, OPTION_RECVERR);
    struct option rfc4884 = probe_option(six, OPTION_RFC4884);
    int low = kernel_socket(family, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP);
    int fd;

    if (low < 0)
        return -1;
    fd = kernel_duplicate(low, DESCRIPTOR_FROM);
    if (fd >= 0)
        kernel_close(low);
    else
        fd = low;
    if (six)
        option_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1); /* the port may be a hidden probe's of IPv4, too */
    /* Where it is taken, or privileged, another port will do. */
    real.bind(fd, (struct sockaddr *)&name, six ? sizeof(name) : sizeof(struct sockaddr_in));
    option_set(fd, recverr.level, recverr.name, 1);
    option_set(fd, rfc4884.level, rfc4884.name, 1);
    return fd;
}

static struct probe *hidden_for(bool six, uint16_t port, int *fd)
{
    struct probe *oldest;
    unsigned count;
    struct probe *probe = find_hidden(six, port, fd, &count, &oldest);

    if (probe != NULL)
        return probe;
    if (count >= HIDDEN_MOST)
        retire(oldest);
    *fd = open_hidden(six, port);
    if (*fd < 0)
        return NULL;
    probe = probe_claim();
    if (probe != NULL) {
        probe->hidden = true;
        probe->six = six;
        probe->port = port;
        if (probe_publish(probe, *fd))
            return probe;
    }
    kernel_close(*fd);
    return NULL;
}

/*
 * What can be set for a socket only. With or without DF the path's MTU is not minded, and a packet larger than the
 * link's is refused, as on a raw socket. IP_PMTUDISC_DONT would not do: with it the kernel queues no "fragmentation
 * needed".
 */
static void prepare(struct probe *probe, int fd, const struct datagram *datagram)
{
    int discover = datagram->dont_fragment ? IP_PMTUDISC_PROBE : IP_PMTUDISC_INTERFACE;
    bool without = datagram->checksum == 0;

    if (probe->dont_fragment != datagram->dont_fragment || probe->turn == 0)
        option_set(fd, IPPROTO_IP, IP_MTU_DISCOVER, discover);
    if (probe->without_checksum != without)
        option_set(fd, SOL_SOCKET, SO_NO_CHECK, without);
    probe->dont_fragment = datagram->dont_fragment;
    probe->without_checksum = without;
}

/* One control message at `at`; returns where the next one goes. */
static unsigned char *put_control(unsigned char *at, int type, const void *value, size_t length)
{
    struct cmsghdr header = {.cmsg_len = CMSG_LEN(length), .cmsg_level = IPPROTO_IP, .cmsg_type = type};

    memcpy(at, &header, sizeof(header));
    memcpy(at + CMSG_LEN(0), value, length);
    return at + CMSG_SPACE(length);
}

/* Sends, and again where an error of an earlier packet was in the way. */
static ssize_t send_past_errors(struct probe *probe, int fd, const struct msghdr *message, int flags)
{
    for (int tries = 1;; tries++) {
        uint32_t before = atomic_load(&probe->pulled);
        ssize_t sent = real.sendmsg(fd, message, flags);
        int error = errno;

        if (sent >= 0 || !is_icmp_errno(error))
            return sent;
        probe_drain(probe, fd);
        errno = error;
        if (tries == TRIES || atomic_load(&probe->pulled) == before)
            return -1;
    }
}

static ssize_t send_datagram(struct probe *probe, int fd, struct datagram *datagram, int device, int flags)
{
    const struct in_pktinfo info = {.ipi_ifindex = device, .ipi_spec_dst = datagram->source};
    const int ttl = datagram->ttl;
    const int tos = datagram->tos;
    _Alignas(struct cmsghdr) unsigned char control[128] = {0};
    unsigned char *end = put_control(control, IP_TTL, &ttl, sizeof(ttl));
    struct msghdr message = {.msg_name = &datagram->to,
                             .msg_namelen = sizeof(datagram->to),
                             .msg_iov = &datagram->payload,
                             .msg_iovlen = 1,
                             .msg_control = control};

    end = put_control(end, IP_TOS, &tos, sizeof(tos));
    if (datagram->source.s_addr != 0 || device != 0)
        end = put_control(end, IP_PKTINFO, &info, sizeof(info));
    message.msg_controllen = (size_t)(end - control);
    return send_past_errors(probe, fd, &message, flags);
}

ssize_t probe_send_packet(struct icmp_socket *sender, const unsigned char *packet, size_t length, int flags)
{
    struct datagram datagram;
    struct sent sent = {0};
    struct probe *probe;
    int saved = errno;
    int fd;

    if (!take_apart(&datagram, packet, length) || (probe = hidden_for(false, datagram.source_port, &fd)) == NULL) {
        errno = EPERM;
        return -1;
    }
    prepare(probe, fd, &datagram);
    /* Remembered first: the error may be there, and taken by another thread, before sendmsg returns. */
    sent.port = datagram.to.sin_port;
    sent.source_port = datagram.source_port;
    sent.checksum = datagram.checksum;
    sent.length = (uint16_t)datagram.payload.iov_len;
    sent.ttl = datagram.ttl;
    sent.tos = datagram.tos;
    memcpy(sent.address, &datagram.to.sin_addr, sizeof(datagram.to.sin_addr));
    probe_remember(probe, &sent, &datagram.payload, 1);
    if (send_datagram(probe, fd, &datagram, option_get(sender->fd, SOL_SOCKET, SO_BINDTOIFINDEX, 0), flags) < 0)
        return -1;
    errno = saved;
    return (ssize_t)length;
}

ssize_t probe_send_datagram(const struct msghdr *message, uint16_t source_port, uint16_t checksum, int flags)
{
    const struct sockaddr_in6 *to = message->msg_name;
    struct sent sent = {.port = to->sin6_port, .source_port = source_port, .checksum = checksum};
    struct facts asked;
    struct probe *probe;
    int saved = errno;
    int fd;

    if ((probe = hidden_for(true, source_port, &fd)) == NULL) {
        errno = EPERM;
        return -1;
    }
    facts_read(&asked, message);
    sent.length = (uint16_t)message->msg_iov->iov_len;
    sent.ttl = asked.ttl;
    sent.tos = asked.tos;
    probe_address(to, sent.address);
    probe_remember(probe, &sent, message->msg_iov, message->msg_iovlen);
    if (send_past_errors(probe, fd, message, flags) < 0)
        return -1;
    errno = saved;
    return (ssize_t)message->msg_iov->iov_len;
}
