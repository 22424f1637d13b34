/* SPDX-License-Identifier: MIT */
/*
 * What the proofs about ICMP datagram ("ping") sockets share: a network of their own that grants them, echo requests,
 * and ICMP errors that are made by hand. On loopback an error needs no router: the kernel looks the socket up by the
 * identifier of the quoted request, so a raw socket of the namespace's root sends the error to the host itself.
 */
#ifndef SOCKADE_TESTS_PING_H
#define SOCKADE_TESTS_PING_H

#include "tests/kernel/proof.h"

#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>

#ifndef ICMP_FILTER
#define ICMP_FILTER 1
#endif
#ifndef IP_RECVERR_RFC4884
#define IP_RECVERR_RFC4884 26
#endif

#define RANGE_FILE "/proc/sys/net/ipv4/ping_group_range"

enum { ECHO_SIZE = 16, QUOTE_SIZE = 20 + 8, EVERY_BYTE = 512 };

/* An echo request or reply: header and eight bytes of data. */
struct echo {
    uint8_t type;
    uint8_t code;
    uint16_t checksum;
    uint16_t id;       /* network byte order, as on the wire */
    uint16_t sequence; /* the same */
    char data[8];
};

/* One entry of the error queue. */
struct queued {
    ssize_t length;
    unsigned char data[EVERY_BYTE];
    union address name;     /* where the packet was sent to */
    union address offender; /* who sent the error */
    struct sock_extended_err error;
};

/* A network of its own, whose range is closed as it is in every new one. */
static inline void enter_closed_network(void)
{
    if (!enter_private_network())
        skip("no network namespace to be had here");
}

static inline void enter_ping_network(void)
{
    enter_closed_network();
    prove(write_file(RANGE_FILE, "0 0"), "root of the user namespace that owns a network may set its ping_group_range");
}

static inline int open_ping(int family)
{
    struct timeval limit = {.tv_sec = 3};
    int fd = socket(family, SOCK_DGRAM, family == AF_INET ? (int)IPPROTO_ICMP : (int)IPPROTO_ICMPV6);
    if (fd < 0 && family == AF_INET6 && errno == EAFNOSUPPORT)
        skip("no IPv6 here");
    prove(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0, "a ping socket is granted");
    return fd;
}

static inline int open_raw(int family)
{
    struct timeval limit = {.tv_sec = 3};
    int fd = socket(family, SOCK_RAW, family == AF_INET ? (int)IPPROTO_ICMP : (int)IPPROTO_ICMPV6);
    prove(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0,
          "a raw socket for the namespace's root");
    return fd;
}

static inline void set_option(int fd, int level, int name, int value)
{
    prove(setsockopt(fd, level, name, &value, sizeof(value)) == 0, "option %d of level %d", name, level);
}

static inline union address loopback_of(int family)
{
    return address_of(family, family == AF_INET ? "127.0.0.1" : "::1", 0);
}

/* Binds to an identifier; the result is bind's. */
static inline int bind_id(int fd, int family, uint16_t id)
{
    union address own = address_of(family, family == AF_INET ? "0.0.0.0" : "::", htons(id));
    return bind(fd, &own.any, address_size(family));
}

static inline uint16_t id_of(int fd)
{
    union address own;
    socklen_t size = sizeof(own);
    prove(getsockname(fd, &own.any, &size) == 0, "getsockname");
    return ntohs(own.inet.sin_port); /* sin6_port stands in the same place */
}

static inline struct echo echo_request(int family, uint16_t id, uint16_t sequence)
{
    struct echo echo = {.type = family == AF_INET ? ICMP_ECHO : ICMP6_ECHO_REQUEST,
                        .id = htons(id),
                        .sequence = htons(sequence),
                        .data = {'s', 'o', 'c', 'k', 'a', 'd', 'e'}};
    return echo;
}

/* Sends an echo request to loopback; the result is sendto's. */
static inline ssize_t send_echo(int fd, int family, uint16_t id, uint16_t sequence)
{
    struct echo echo = echo_request(family, id, sequence);
    union address peer = loopback_of(family);
    return sendto(fd, &echo, sizeof(echo), 0, &peer.any, address_size(family));
}

static inline struct echo next_reply(int fd, int family)
{
    struct echo echo = {0};
    prove(recv(fd, &echo, sizeof(echo), 0) == ECHO_SIZE, "a reply comes");
    prove(echo.type == (family == AF_INET ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY), "it begins with its ICMP header");
    return echo;
}

static inline uint16_t internet_checksum(const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    uint32_t sum = 0;
    for (size_t i = 0; i < length; i++)
        sum += (uint32_t)at[i] << (i % 2 == 0 ? 8 : 0);
    while (sum > UINT16_MAX)
        sum = (sum & UINT16_MAX) + (sum >> 16);
    return htons((uint16_t)~sum);
}

/*
 * Sends ourselves an IPv4 error about an echo request of identifier `id` to 127.0.0.1: `type`, `code`, the rest of the
 * header (host byte order), and after the quoted 28 bytes `more` bytes. The offender is 127.0.0.9.
 */
static inline void inject_with(uint16_t id, int type, int code, uint32_t rest, const void *more, size_t more_length)
{
    unsigned char packet[EVERY_BYTE] = {(unsigned char)type, (unsigned char)code};
    struct iphdr quoted = {.version = 4,
                           .ihl = 5,
                           .tot_len = htons(20 + ECHO_SIZE),
                           .ttl = 1,
                           .protocol = IPPROTO_ICMP,
                           .saddr = htonl(INADDR_LOOPBACK),
                           .daddr = htonl(INADDR_LOOPBACK)};
    struct echo echo = echo_request(AF_INET, id, 1);
    union address offender = address_of(AF_INET, "127.0.0.9", 0);
    union address self = loopback_of(AF_INET);
    size_t length = 8 + QUOTE_SIZE + more_length;
    int fd = open_raw(AF_INET);

    rest = htonl(rest);
    memcpy(packet + 4, &rest, sizeof(rest));
    memcpy(packet + 8, &quoted, sizeof(quoted));
    memcpy(packet + 28, &echo, 8);
    if (more_length > 0)
        memcpy(packet + 36, more, more_length);
    uint16_t sum = internet_checksum(packet, length);
    memcpy(packet + 2, &sum, sizeof(sum));
    prove(bind(fd, &offender.any, sizeof(offender.inet)) == 0, "bind to 127.0.0.9");
    prove(sendto(fd, packet, length, 0, &self.any, sizeof(self.inet)) == (ssize_t)length, "an error is sent");
    close(fd);
}

static inline void inject(uint16_t id, int type, int code, uint32_t rest)
{
    inject_with(id, type, code, rest, NULL, 0);
}

/* The same for IPv6. The kernel computes the checksum of an ICMPv6 raw socket. */
static inline void inject6(uint16_t id, int type, int code, uint32_t rest)
{
    unsigned char packet[8 + 40 + 8] = {(unsigned char)type, (unsigned char)code};
    struct echo echo = echo_request(AF_INET6, id, 1);
    union address self = loopback_of(AF_INET6);
    int fd = open_raw(AF_INET6);

    rest = htonl(rest);
    memcpy(packet + 4, &rest, sizeof(rest));
    packet[8] = 0x60;
    packet[13] = ECHO_SIZE;
    packet[14] = IPPROTO_ICMPV6;
    packet[15] = 1;
    memcpy(packet + 16, &self.inet6.sin6_addr, 16);
    memcpy(packet + 32, &self.inet6.sin6_addr, 16);
    memcpy(packet + 48, &echo, 8);
    prove(sendto(fd, packet, sizeof(packet), 0, &self.any, sizeof(self.inet6)) == (ssize_t)sizeof(packet),
          "an error is sent");
    close(fd);
}

/* Takes an entry out of the error queue; length -1 where there is none. */
static inline struct queued take_error(int fd, int flags)
{
    struct queued entry = {.length = -1};
    struct iovec vector = {entry.data, sizeof(entry.data)};
    _Alignas(struct cmsghdr) char control[512];
    struct msghdr message = {.msg_name = &entry.name,
                             .msg_namelen = sizeof(entry.name),
                             .msg_iov = &vector,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};

    entry.length = recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT | flags);
    if (entry.length < 0)
        return entry;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c != NULL; c = CMSG_NXTHDR(&message, c)) {
        bool four = c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR;
        if (!four && !(c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR))
            continue;
        memcpy(&entry.error, CMSG_DATA(c), sizeof(entry.error));
        memcpy(&entry.offender, CMSG_DATA(c) + sizeof(entry.error),
               four ? sizeof(entry.offender.inet) : sizeof(entry.offender.inet6));
    }
    return entry;
}

/* What poll says of a descriptor at this moment. */
static inline short poll_now(int fd)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};
    return poll(&one, 1, 0) == 1 ? one.revents : 0;
}

#endif
