/* SPDX-License-Identifier: MIT */
/*
 * Raw sockets: the destination stands in the sockaddr and, where the program writes the IP header, in there too. Needs
 * CAP_NET_RAW.
 */
#include "refusal.h"

#include <netinet/ip.h>
#include <netinet/ip6.h>

#ifndef IPV6_HDRINCL
#define IPV6_HDRINCL 36
#endif

#define EXPERIMENT 253 /* a protocol for experiments (RFC 3692) */

/* A packet with its own header and four bytes of data. */
static size_t packet_make(unsigned char packet[64], const char *to)
{
    struct iphdr four = {.version = 4, .ihl = 5, .ttl = 9, .protocol = EXPERIMENT};
    struct ip6_hdr six = {.ip6_plen = htons(4), .ip6_nxt = EXPERIMENT, .ip6_hlim = 9};
    bool is_six = strchr(to, ':') != NULL;
    size_t length = is_six ? sizeof(six) : sizeof(four);

    memset(packet, 0, 64);
    if (is_six) {
        inet_pton(AF_INET6, "2001:db8::1", &six.ip6_src);
        inet_pton(AF_INET6, to, &six.ip6_dst);
        six.ip6_vfc = 0x60;
        memcpy(packet, &six, length);
    } else {
        inet_pton(AF_INET, to, &four.daddr);
        four.saddr = htonl(INADDR_LOOPBACK);
        four.tot_len = htons((uint16_t)(length + 4));
        memcpy(packet, &four, length);
    }
    return length + 4;
}

enum form { BY_SENDTO, BY_SENDMSG, BY_SENDMMSG, FORMS };

/* Sends a packet in pieces of `piece` bytes, but for sendto. */
static long send_by(enum form form, int fd, const unsigned char *packet, size_t length, size_t piece,
                    const union peer *peer, socklen_t peer_length)
{
    struct iovec parts[64];
    struct mmsghdr entry = {
        .msg_hdr = {.msg_name = (void *)(uintptr_t)peer, .msg_namelen = peer_length, .msg_iov = parts}};
    int sent;

    for (size_t at = 0; at < length; at += piece)
        parts[entry.msg_hdr.msg_iovlen++] = (struct iovec){(void *)(uintptr_t)(packet + at),
                                                           piece < length - at ? piece : length - at};
    switch (form) {
    case BY_SENDTO:
        return sendto(fd, packet, length, 0, &peer->any, peer_length);
    case BY_SENDMSG:
        return sendmsg(fd, &entry.msg_hdr, 0);
    case BY_SENDMMSG:
    default:
        sent = sendmmsg(fd, &entry, 1, 0);
        return sent == 1 ? (long)entry.msg_len : sent;
    }
}

/* A packet for `inner` in a call that names `outer`: fails with `error`, or is sent where that is 0. */
static void assert_packet(int fd, const char *outer, const char *inner, int error)
{
    unsigned char packet[64];
    size_t length = packet_make(packet, inner);
    union peer peer = peer_of(outer, 0);

    for (enum form form = 0; form < FORMS; form++) {
        for (size_t piece = 1; piece <= 64; piece += 21) {
            if (error != 0)
                assert_refused(error, send_by(form, fd, packet, length, piece, &peer, size_of(&peer)));
            else
                assert_gives((long)length, send_by(form, fd, packet, length, piece, &peer, size_of(&peer)));
        }
    }
}

static void own_headers(int fd, const char *allowed, const char *denied, const char *dropped)
{
    int arrives = open_one(strchr(allowed, ':') != NULL ? AF_INET6 : AF_INET, SOCK_RAW, EXPERIMENT);
    char buffer[64];

    assert_packet(fd, allowed, denied, EHOSTUNREACH);
    assert_packet(fd, denied, allowed, EHOSTUNREACH);
    assert_packet(fd, denied, denied, EHOSTUNREACH);
    assert_packet(fd, allowed, dropped, 0);
    assert_packet(fd, dropped, allowed, 0);
    assert_false(is_readable(arrives, 0));
    assert_packet(fd, allowed, allowed, 0);
    assert_true(recv(arrives, buffer, sizeof(buffer), 0) >= 4);
    close(arrives);
    close(fd);
}

static void ipv4_with_header(void **state)
{
    int on = 1;
    int fd = open_one(AF_INET, SOCK_RAW, EXPERIMENT);

    (void)state;
    own_headers(open_one(AF_INET, SOCK_RAW, IPPROTO_RAW), "192.0.2.1", "192.0.2.2", "192.0.2.3");
    must("IP_HDRINCL", setsockopt(fd, IPPROTO_IP, IP_HDRINCL, &on, sizeof(on)));
    own_headers(fd, "192.0.2.1", "192.0.2.2", "192.0.2.3");
    /* by a number that was no socket of this kind when it was last seen */
    fd = open_one(AF_INET, SOCK_RAW, IPPROTO_RAW);
    must("dup2", dup2(fd, 100));
    close(fd);
    own_headers(100, "192.0.2.1", "192.0.2.2", "192.0.2.3");
}

static void ipv6_with_header(void **state)
{
    int on = 1;
    int fd = open_one(AF_INET6, SOCK_RAW, EXPERIMENT);

    (void)state;
    own_headers(open_one(AF_INET6, SOCK_RAW, IPPROTO_RAW), "2001:db8::1", "2001:db8::2", "2001:db8::3");
    must("IPV6_HDRINCL", setsockopt(fd, IPPROTO_IPV6, IPV6_HDRINCL, &on, sizeof(on)));
    own_headers(fd, "2001:db8::1", "2001:db8::2", "2001:db8::3");
}

/* What only looks like a header is data. */
static void without_header(void **state)
{
    int four = open_one(AF_INET, SOCK_RAW, EXPERIMENT);
    int six = open_one(AF_INET6, SOCK_RAW, EXPERIMENT);

    (void)state;
    assert_packet(four, "192.0.2.1", "192.0.2.2", 0);
    assert_packet(four, "192.0.2.2", "192.0.2.1", EHOSTUNREACH);
    assert_packet(six, "2001:db8::1", "2001:db8::2", 0);
    assert_packet(six, "2001:db8::2", "2001:db8::1", EHOSTUNREACH);
    close(four);
    close(six);
}

/* What is too short for a header is the kernel's to refuse. */
static void short_packets(void **state)
{
    unsigned char packet[64];
    int fd = open_one(AF_INET, SOCK_RAW, IPPROTO_RAW);
    union peer peer = peer_of("192.0.2.1", 0);

    (void)state;
    packet_make(packet, "192.0.2.2");
    for (enum form form = 0; form < FORMS; form++) {
        assert_refused(EINVAL, send_by(form, fd, packet, 19, 7, &peer, sizeof(peer.inet)));
        assert_refused(EINVAL, send_by(form, fd, packet, 0, 7, &peer, sizeof(peer.inet)));
        assert_refused(EHOSTUNREACH, send_by(form, fd, packet, 20, 7, &peer, sizeof(peer.inet)));
    }
    assert_refused(EFAULT, sendto(fd, BAD_POINTER, 30, 0, &peer.any, sizeof(peer.inet)));
    close(fd);
}

/* AF_UNSPEC is AF_INET for raw IPv4 sockets and AF_INET6 for raw IPv6 ones. */
static void unspecified(void **state)
{
    union peer four = peer_of("192.0.2.2", 0);
    union peer six = peer_of("2001:db8::2", 0);
    int fd = open_one(AF_INET, SOCK_RAW, EXPERIMENT);
    int fd6 = open_one(AF_INET6, SOCK_RAW, EXPERIMENT);

    (void)state;
    four.any.sa_family = AF_UNSPEC;
    six.any.sa_family = AF_UNSPEC;
    for (enum form form = 0; form < FORMS; form++) {
        assert_refused(EHOSTUNREACH, send_by(form, fd, (void *)"data", 4, 4, &four, sizeof(four.inet)));
        assert_refused(EHOSTUNREACH, send_by(form, fd6, (void *)"data", 4, 4, &six, sizeof(six.inet6)));
        assert_refused(EHOSTUNREACH, send_by(form, fd6, (void *)"data", 4, 4, &six, 24));
    }
    close(fd);
    close(fd6);
}

static void protocols(void **state)
{
    static const unsigned char echo[8] = {8};
    union peer raw = peer_of("127.0.0.2", 0);
    union peer icmp = peer_of("127.0.0.3", 0);
    union peer port = peer_of("127.0.0.4", 9);
    union peer icmp6 = peer_of("::1", 0);
    int fd = open_one(AF_INET, SOCK_RAW, EXPERIMENT);
    int icmp_fd = open_one(AF_INET, SOCK_RAW, IPPROTO_ICMP);
    int icmp6_fd = open_one(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6);

    (void)state;
    assert_refused(EPERM, sendto(fd, echo, 8, 0, &raw.any, sizeof(raw.inet)));
    assert_refused(EPERM, connect(fd, &raw.any, sizeof(raw.inet)));
    assert_gives(8, sendto(icmp_fd, echo, 8, 0, &raw.any, sizeof(raw.inet)));
    assert_refused(ENETDOWN, sendto(icmp_fd, echo, 8, 0, &icmp.any, sizeof(icmp.inet)));
    assert_refused(ENETDOWN, connect(icmp_fd, &icmp.any, sizeof(icmp.inet)));
    assert_gives(8, sendto(fd, echo, 8, 0, &icmp.any, sizeof(icmp.inet)));
    assert_gives(8, sendto(fd, echo, 8, 0, &port.any, sizeof(port.inet)));
    assert_gives(8, sendto(icmp_fd, echo, 8, 0, &port.any, sizeof(port.inet)));
    assert_refused(ENETDOWN, sendto(icmp6_fd, echo, 8, 0, &icmp6.any, sizeof(icmp6.inet6)));
    close(fd);
    close(icmp_fd);
    close(icmp6_fd);
}

static int setup(void **state)
{
    (void)state;
    deadline(20);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ipv4_with_header), cmocka_unit_test(ipv6_with_header), cmocka_unit_test(without_header),
        cmocka_unit_test(short_packets),    cmocka_unit_test(unspecified),      cmocka_unit_test(protocols),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
