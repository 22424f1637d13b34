/* SPDX-License-Identifier: MIT */
/*
 * UDP probes: where a program holds a raw ICMP socket, the errors that its UDP packets cause arrive there, whether the
 * UDP socket is connected, and whether its TTL was set before or after the raw socket was opened. The UDP sockets
 * themselves show what they show without a raw socket, and others that are no probes too.
 */
#include "tests/conformance/conformance.h"

static unsigned char buffer[4096];

static int set_ttl(int fd, int ttl)
{
    return family == AF_INET ? set_int(fd, IPPROTO_IP, IP_TTL, ttl) : set_int(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, ttl);
}

/* An error about a UDP packet, whose checksum and ports are the kernel's business. */
static void say_error(const char *name, int fd)
{
    size_t at = family == AF_INET ? 20 + 8 + 20 : 8 + 40;
    for (int i = 0; i < 8; i++) {
        errno = UNTOUCHED;
        ssize_t length = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
        if (length < (ssize_t)at + 8) {
            say(name, length);
            return;
        }
        buffer[at + 6] = buffer[at + 7] = 0;
        buffer[family == AF_INET ? 22 : 2] = buffer[family == AF_INET ? 23 : 3] = 0;
        say_packet(name, buffer, (size_t)length, SIZE_MAX, NULL);
    }
}

/* What the UDP socket itself shows. */
static void say_udp(int fd)
{
    struct pollfd entry = {.fd = fd, .events = POLLIN | POLLOUT};
    int value = -1;
    CHECK("  udp poll", poll(&entry, 1, 0));
    printf("    revents %x\n", (unsigned)entry.revents);
    CHECK("  udp SO_ERROR", getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &(socklen_t){sizeof(value)}));
    printf("    is %s\n", value > 0 ? strerrorname_np(value) : "none");
    CHECK("  udp recv", recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT));
    CHECK("  udp error queue", recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT | MSG_ERRQUEUE));
    value = -1;
    CHECK("  udp IP_RECVERR", family == AF_INET
                                  ? getsockopt(fd, IPPROTO_IP, IP_RECVERR, &value, &(socklen_t){sizeof(value)})
                                  : getsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &value, &(socklen_t){sizeof(value)}));
    say_value("    is", value);
}

static ssize_t probe(int fd, enum kind kind, unsigned variant, uint16_t port)
{
    union place to = place_of(kind, variant);
    to.inet.sin_port = htons(port);
    return sendto(fd, "a probe of mine", 15, 0, &to.any, place_size());
}

static int open_udp(uint16_t port)
{
    union place own = {.storage = {0}};
    int fd = (int)must("socket", socket(family, SOCK_DGRAM, 0));
    own.any.sa_family = (sa_family_t)family;
    own.inet.sin_port = htons(port);
    must("bind", bind(fd, &own.any, place_size()));
    return fd;
}

/* As a traceroute does: a hop, another, and the target's port that is closed. */
static void trace(int raw, int udp)
{
    for (int ttl = 1; ttl <= 2; ttl++) {
        must("TTL", set_ttl(udp, ttl));
        CHECK("probe", probe(udp, EXCEEDED, 0, (uint16_t)(33433 + ttl)));
        settle();
        say_value("readable", is_readable(raw, 100));
        say_error("error", raw);
    }
    CHECK("probe", probe(udp, UNREACHABLE, 3, 33436));
    settle();
    say_value("readable", is_readable(raw, 100));
    say_error("error", raw);
    say_udp(udp);
    CHECK("next", probe(udp, REPLY, PLAIN, 33437));
    settle();
    say_udp(udp);
}

static void raw_first(void)
{
    int raw = open_icmp();
    trace(raw, open_udp(40001));
}

static void udp_first(void)
{
    int udp = open_udp(40002);
    must("TTL", set_ttl(udp, 1));
    trace(open_icmp(), udp);
}

static void connected(void)
{
    union place to = place_of(EXCEEDED, 0);
    int raw = open_icmp();
    int udp = open_udp(40003);
    to.inet.sin_port = htons(33434);
    must("TTL", set_ttl(udp, 1));
    must("connect", connect(udp, &to.any, place_size()));
    CHECK("send", send(udp, "one", 3, 0));
    settle();
    say_error("error", raw);
    say_udp(udp);
    CHECK("send", send(udp, "two", 3, 0));
    CHECK("sendto another port", probe(udp, EXCEEDED, 0, 33435));
    settle();
    say_error("error", raw);
    say_udp(udp);
    to = place_of(UNREACHABLE, 3);
    to.inet.sin_port = htons(33434);
    must("connect", connect(udp, &to.any, place_size()));
    CHECK("send", send(udp, "three", 5, 0));
    settle();
    say_error("error", raw);
    CHECK("the next send", send(udp, "four", 4, 0));
    settle();
    CHECK("the next receive", recv(udp, buffer, 100, MSG_DONTWAIT));
    say_error("error", raw);
    say_udp(udp);
}

/* busybox: the raw socket is bound to the own address, with the UDP source port as port. */
static void bound_to_port(void)
{
    union place own = {.storage = {0}};
    int udp = open_udp(40004);
    int raw = open_icmp();
    if (family == AF_INET)
        own.inet = inet_address(LAB_OWN4, 40004);
    else
        own.inet6 = inet6_address(LAB_OWN6, 40004);
    CHECK("bind", bind(raw, &own.any, place_size()));
    trace(raw, udp);
}

/* UDP sockets that are no probes, before, beside and after. */
static void no_probe(void)
{
    union place to = place_of(UNREACHABLE, 3);
    to.inet.sin_port = htons(9);
    int before = open_udp(40005);
    must("connect", connect(before, &to.any, place_size()));
    int raw = open_icmp();
    int beside = open_udp(40006);
    must("send", send(before, "x", 1, 0));
    settle();
    say_udp(before);
    must("send", send(before, "x", 1, 0));
    settle();
    CHECK("the next send", send(before, "x", 1, 0));
    CHECK("a reply's wait", probe(beside, REPLY, PLAIN, 7));
    settle();
    CHECK("beside", recv(beside, buffer, 100, MSG_DONTWAIT));
    CHECK("unreachable", probe(beside, UNREACHABLE, 3, 7));
    settle();
    CHECK("is not told", recv(beside, buffer, 100, MSG_DONTWAIT));
    must("ask", ask(raw, REPLY, PLAIN, 1));
    settle();
    /* A raw socket sees these UDP sockets' errors too, a translated one only what its program sends to find hops. */
    ssize_t length;
    while ((length = take(raw, buffer, sizeof(buffer), MSG_DONTWAIT, NULL)) > 0)
        if (!is_error(buffer[family == AF_INET ? 20 : 0]))
            say_packet("the raw socket's own", buffer, (size_t)length, (size_t)length, NULL);
    close(raw);
    say_udp(before);
    say_udp(beside);
}

int main(void)
{
    run_case("raw socket first", raw_first);
    run_case("UDP socket first", udp_first);
    run_case("connected", connected);
    run_case("bound to the port", bound_to_port);
    run_case("no probe", no_probe);
    return 0;
}
