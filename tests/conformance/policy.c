/* SPDX-License-Identifier: MIT */
/*
 * A policy (policy.conf) holds for raw ICMP sockets, real and translated: an echo's target is judged, in a header of
 * the program's own too, and a packet's source where a rule names the protocol. Run preloaded on both sides.
 */
#include "tests/conformance/conformance.h"

enum { DENIED = 100, DENIED_ICMP = 101, DROPPED = 102, DENIED_SOURCE = 103 }; /* variants, as in policy.conf */

static unsigned char buffer[4096];

static void targets(void)
{
    static const unsigned variants[] = {DENIED, DENIED_ICMP, DROPPED, DENIED_SOURCE, PLAIN};
    int fd = open_icmp();
    for (size_t i = 0; i < COUNT(variants); i++) {
        printf("%u ", variants[i]);
        CHECK("sendto", ask(fd, REPLY, variants[i], 1));
        settle();
        say_waiting("  reply", fd);
    }
    for (size_t i = 0; i < COUNT(variants); i++) {
        union place to = place_of(REPLY, variants[i]);
        struct iovec vector = {buffer, make_echo(buffer, ID, 2, 8)};
        struct mmsghdr batch = {
            .msg_hdr = {.msg_name = &to, .msg_namelen = place_size(), .msg_iov = &vector, .msg_iovlen = 1}};
        printf("%u ", variants[i]);
        CHECK("sendmsg", sendmsg(fd, &batch.msg_hdr, 0));
        CHECK("  sendmmsg", sendmmsg(fd, &batch, 1, 0));
        settle();
        say_waiting("  reply", fd);
        CHECK("  connect", connect(open_icmp(), &to.any, place_size()));
    }
}

/* Raw sockets take an address without a family, and one without a scope, as one of their own. */
static void odd_addresses(void)
{
    static const unsigned variants[] = {DENIED, DENIED_ICMP, PLAIN};
    int fd = open_icmp();
    for (size_t i = 0; i < 2 * COUNT(variants); i++) {
        union place to = place_of(REPLY, variants[i / 2]);
        socklen_t size = i % 2 == 0 || family == AF_INET ? place_size() : 24;
        struct iovec vector = {buffer, make_echo(buffer, ID, (unsigned)i, 8)};
        struct msghdr message = {.msg_name = &to, .msg_namelen = size, .msg_iov = &vector, .msg_iovlen = 1};
        if (i % 2 == 0)
            to.any.sa_family = AF_UNSPEC;
        printf("%u ", variants[i / 2]);
        CHECK("sendto", sendto(fd, buffer, vector.iov_len, 0, &to.any, size));
        CHECK("  sendmsg", sendmsg(fd, &message, 0));
        settle();
        say_waiting("  reply", fd);
    }
}

static void sources(void)
{
    struct pollfd entry = {.fd = open_icmp(), .events = POLLIN};
    int fd = entry.fd;
    CHECK("for a denied router", ask(fd, UNREACHABLE, 1, 1));
    settle();
    CHECK("nothing comes", recv(fd, buffer, 100, MSG_DONTWAIT));
    CHECK("for another router", ask(fd, EXCEEDED, 0, 2));
    settle();
    say_waiting("error", fd);
    CHECK("a denied reply", ask(fd, REPLY, DENIED_SOURCE, 3));
    CHECK("another", ask(fd, REPLY, PLAIN, 4));
    settle();
    say_value("poll", poll(&entry, 1, 0));
    say_waiting("reply", fd);
}

/* The header's destination counts, and the sockaddr's. */
static void headers(void)
{
    static const unsigned variants[] = {DENIED, DENIED_ICMP, DROPPED, PLAIN};
    int fd = open_icmp();
    must("IP_HDRINCL", set_int(fd, IPPROTO_IP, IP_HDRINCL, 1));
    for (size_t i = 0; i < COUNT(variants); i++)
        for (int inside = 0; inside < 2; inside++) {
            union place plain = place_of(REPLY, PLAIN);
            union place tested = place_of(REPLY, variants[i]);
            struct iphdr ip = {.version = 4, .ihl = 5, .ttl = 60, .protocol = IPPROTO_ICMP, .tot_len = htons(36)};
            ip.daddr = (inside ? &tested : &plain)->inet.sin_addr.s_addr;
            memcpy(buffer, &ip, sizeof(ip));
            size_t length = 20 + make_echo(buffer + 20, ID, 5, 8);
            printf("%u %s ", variants[i], inside ? "in the header" : "in the address");
            CHECK("sendto", sendto(fd, buffer, length, 0, &(inside ? &plain : &tested)->any, sizeof(plain.inet)));
            settle();
            say_value("  replies", recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT) > 0);
            while (recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT) > 0)
                continue;
        }
}

int main(void)
{
    run_case("targets", targets);
    run_case("odd addresses", odd_addresses);
    run_case("sources", sources);
    run_one("headers", headers, AF_INET);
    return 0;
}
