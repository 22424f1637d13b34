/* SPDX-License-Identifier: MIT */
/*
 * Probes by every call: UDP sockets whose errors a raw ICMP socket shows go on answering as if nobody had asked for
 * these, TCP sockets too; and UDP inside a header of the program's own, sent by IPPROTO_RAW.
 */
#include "tests/conformance/conformance.h"

static unsigned char buffer[4096];

static int set_ttl(int fd, int ttl)
{
    return family == AF_INET ? set_int(fd, IPPROTO_IP, IP_TTL, ttl) : set_int(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, ttl);
}

static int set_recverr(int fd, int value)
{
    return family == AF_INET ? set_int(fd, IPPROTO_IP, IP_RECVERR, value)
                             : set_int(fd, IPPROTO_IPV6, IPV6_RECVERR, value);
}

/* The code that says that nobody listens on the port. */
static unsigned closed_port(void)
{
    return family == AF_INET ? 3 : 4;
}

static union place place_with_port(enum kind kind, unsigned variant, uint16_t port)
{
    union place place = place_of(kind, variant);
    place.inet.sin_port = htons(port);
    return place;
}

/* What waits. Of a TCP header the ports are printed: the rest differs from run to run. */
static void say_errors(int raw, bool tcp)
{
    size_t at = family == AF_INET ? 20 + 8 + 20 : 8 + 40;
    ssize_t length;
    settle();
    while ((length = recv(raw, buffer, sizeof(buffer), MSG_DONTWAIT)) > 0) {
        size_t shown = (size_t)length;
        if (tcp && shown > at + 4) {
            shown = at + 4;
        } else if (shown >= at + 8) { /* a checksum that the network card would write is not there yet */
            buffer[at + 6] = buffer[at + 7] = 0;
        }
        buffer[family == AF_INET ? 22 : 2] = buffer[family == AF_INET ? 23 : 3] = 0;
        say_packet("  error", buffer, shown, SIZE_MAX, NULL);
    }
}

static void say_pending(int fd)
{
    struct pollfd entry = {.fd = fd, .events = POLLIN | POLLOUT};
    int value = -1;
    poll(&entry, 1, 0);
    printf("  revents %x\n", (unsigned)entry.revents);
    CHECK("  SO_ERROR", getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &(socklen_t){sizeof(value)}));
    printf("  is %s\n", value > 0 ? strerrorname_np(value) : "none");
}

static void say_names(int fd)
{
    union place name = {.storage = {0}};
    socklen_t length = sizeof(name);
    CHECK("getpeername", getpeername(fd, &name.any, &length));
    say_place("  peer", &name, length);
    length = sizeof(name);
    CHECK("getsockname", getsockname(fd, &name.any, &length));
    say_place("  name", &name, length);
    length = 4;
    CHECK("short", getpeername(fd, &name.any, &length));
    say_place("  peer", &name, length);
    CHECK("bad", getpeername(fd, NULL, &length));
    length = UINT32_MAX;
    CHECK("negative", getpeername(fd, &name.any, &length));
}

static int open_probe(int ttl, uint16_t port)
{
    union place own = {.storage = {0}};
    int fd = (int)must("socket", socket(family, SOCK_DGRAM, 0));
    own.any.sa_family = (sa_family_t)family;
    own.inet.sin_port = htons(port);
    must("bind", bind(fd, &own.any, place_size()));
    must("TTL", set_ttl(fd, ttl));
    return fd;
}

/* A connected socket, asked after each error in another way. */
static void ways_to_learn(void)
{
    union place to = place_with_port(UNREACHABLE, closed_port(), 33434);
    int raw = open_icmp();
    int udp = open_probe(9, 40101);
    must("connect", connect(udp, &to.any, place_size()));
    CHECK("send", send(udp, "1", 1, 0));
    say_errors(raw, false);
    CHECK("recv", recv(udp, buffer, 10, 0));
    CHECK("recv again", recv(udp, buffer, 10, MSG_DONTWAIT));
    CHECK("write", write(udp, "22", 2));
    say_errors(raw, false);
    CHECK("read", read(udp, buffer, 10));
    CHECK("writev", writev(udp, &(struct iovec){(char[]){"333"}, 3}, 1));
    say_errors(raw, false);
    CHECK("sendto", sendto(udp, "4444", 4, 0, &to.any, place_size()));
    CHECK("sendto again", sendto(udp, "4444", 4, 0, &to.any, place_size()));
    say_errors(raw, false);
    say_pending(udp);
    say_pending(udp);
    CHECK("sendmsg",
          sendmsg(udp, &(struct msghdr){.msg_iov = &(struct iovec){(char[]){"55555"}, 5}, .msg_iovlen = 1}, 0));
    settle();
    struct mmsghdr entries[2] = {0};
    CHECK("recvmmsg", recvmmsg(udp, entries, 2, MSG_DONTWAIT, NULL));
    CHECK("recvmmsg again", recvmmsg(udp, entries, 2, MSG_DONTWAIT, NULL));
    say_errors(raw, false);
}

/* Every error, hard or soft, on a connected socket. */
static void every_error(void)
{
    int raw = open_icmp();
    for (unsigned code = 0; code < (family == AF_INET ? 16 : 7); code++) {
        union place to = place_with_port(UNREACHABLE, code, 33434);
        int udp = open_probe(9, 40102);
        must("connect", connect(udp, &to.any, place_size()));
        printf("code %u\n", code);
        CHECK("send", send(udp, "x", 1, 0));
        say_errors(raw, false);
        CHECK("the next send", send(udp, "yy", 2, 0));
        settle();
        say_pending(udp);
        CHECK("recv", recv(udp, buffer, 10, MSG_DONTWAIT));
        say_errors(raw, false);
        close(udp);
    }
}

/* A connected socket that sends elsewhere is still connected. */
static void elsewhere(void)
{
    union place to = place_with_port(UNREACHABLE, closed_port(), 33434);
    /* On IPv6 another port only: see probe_transfer.c. */
    union place other = family == AF_INET ? place_with_port(EXCEEDED, 0, 33435)
                                          : place_with_port(UNREACHABLE, closed_port(), 33435);
    int raw = open_icmp();
    int udp = open_probe(1, 40103);
    must("connect", connect(udp, &to.any, place_size()));
    CHECK("elsewhere", sendto(udp, "else", 4, 0, &other.any, place_size()));
    say_errors(raw, false);
    say_pending(udp);
    say_names(udp);
    CHECK("to the peer", send(udp, "peer", 4, 0));
    say_errors(raw, false);
    CHECK("recv", recv(udp, buffer, 10, MSG_DONTWAIT));
    CHECK("to the peer", write(udp, "peer!", 5));
    say_errors(raw, false);
    say_pending(udp);
    to = place_with_port(UNREACHABLE, closed_port(), 33436);
    CHECK("connect again", connect(udp, &to.any, place_size()));
    say_names(udp);
    CHECK("bind", bind(udp, &to.any, place_size()));
    CHECK("send", send(udp, "again", 5, 0));
    say_errors(raw, false);
    say_pending(udp);
}

/* What others send to a connected socket does not come, and does not wake. */
static void from_others(void)
{
    union place own = loopback_place();
    union place name;
    socklen_t size = sizeof(name);
    struct timeval limit = {.tv_usec = 100000};
    int peer = (int)must("socket", socket(family, SOCK_DGRAM, 0));
    int other = (int)must("socket", socket(family, SOCK_DGRAM, 0));
    must("raw", open_icmp());
    must("bind", bind(peer, &own.any, place_size()));
    must("name", getsockname(peer, &name.any, &size));
    int udp = open_probe(9, 40104);
    must("connect", connect(udp, &name.any, place_size()));
    own.inet.sin_port = htons(40105); /* nobody: an error that is not for the socket */
    CHECK("elsewhere", sendto(udp, "x", 1, 0, &own.any, place_size()));
    own.inet.sin_port = htons(40104);
    must("other", sendto(other, "foreign", 7, 0, &own.any, place_size()));
    say_value("readable", is_readable(udp, 50));
    CHECK("recv", recv(udp, buffer, 100, MSG_DONTWAIT));
    must("limit", setsockopt(udp, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)));
    must("other", sendto(other, "foreign", 7, 0, &own.any, place_size()));
    long long start = now_ms();
    CHECK("recv with a limit", recv(udp, buffer, 100, 0));
    say_value("in time", now_ms() - start >= 90 && now_ms() - start < 400);
    must("other", sendto(other, "foreign", 7, 0, &own.any, place_size()));
    must("peer", sendto(peer, "mine", 4, 0, &own.any, place_size()));
    say_value("readable", is_readable(udp, 50));
    CHECK("peek", recv(udp, buffer, 100, MSG_PEEK));
    CHECK("short", recv(udp, buffer, 2, MSG_TRUNC));
    CHECK("nothing", recv(udp, buffer, 2, MSG_DONTWAIT));
}

/* Errors that nobody is to see do not end a receive, nor cut its time. */
static void receive_sleeps_on(void)
{
    union place to = place_with_port(LATE_ERROR, 0, 33434);
    struct timeval limit = {.tv_usec = 200000};
    int raw = open_icmp();
    int udp = open_probe(9, 40106);
    must("limit", setsockopt(udp, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)));
    CHECK("send", sendto(udp, "x", 1, 0, &to.any, place_size()));
    long long start = now_ms();
    CHECK("recv", recv(udp, buffer, 100, 0));
    say_value("in time", now_ms() - start >= 190 && now_ms() - start < 600);
    say_errors(raw, false);
    CHECK("send", sendto(udp, "x", 1, 0, &to.any, place_size()));
    struct pollfd entry = {.fd = udp, .events = POLLIN};
    CHECK("poll", poll(&entry, 1, 200));
    say_errors(raw, false);
}

/* Options: the program sees its own, and may still ask for the errors itself. */
static void options(void)
{
    union place to = place_with_port(EXCEEDED, 0, 33434);
    unsigned char control[512];
    int raw = open_icmp();
    int udp = open_probe(1, 40107);
    int value = -1;
    struct msghdr message = {.msg_iov = &(struct iovec){buffer, sizeof(buffer)},
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};
    union place own = loopback_place();
    own.inet.sin_port = htons(40107);
    must("to itself", sendto(udp, "me", 2, 0, &own.any, place_size()));
    CHECK("recvmsg", recvmsg(udp, &message, 0));
    say_value("control", (long)message.msg_controllen);
    CHECK("off", set_recverr(udp, 0));
    CHECK("send", sendto(udp, "off", 3, 0, &to.any, place_size()));
    say_errors(raw, false);
    say_pending(udp);
    CHECK("short", setsockopt(udp, family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6,
                              family == AF_INET ? IP_RECVERR : IPV6_RECVERR, &value, 0));
    CHECK("on", set_recverr(udp, 1));
    CHECK("send", sendto(udp, "on", 2, 0, &to.any, place_size()));
    settle();
    message.msg_controllen = sizeof(control);
    CHECK("error queue", recvmsg(udp, &message, MSG_ERRQUEUE | MSG_DONTWAIT));
    say_value("control", (long)message.msg_controllen);
    CHECK("recv", recv(udp, buffer, 10, MSG_DONTWAIT));
}

/* TCP: the error of a SYN. What is printed of the quoted header are the ports. */
static void tcp(enum kind kind, unsigned variant, uint16_t port)
{
    union place to = place_with_port(kind, variant, 33434);
    union place own = {.storage = {0}};
    int raw = open_icmp();
    int fd = (int)must("socket", socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0));
    own.any.sa_family = (sa_family_t)family;
    own.inet.sin_port = htons(port);
    must("SO_REUSEADDR", set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1));
    must("bind", bind(fd, &own.any, place_size()));
    must("TTL", set_ttl(fd, 1));
    CHECK("connect", connect(fd, &to.any, place_size()));
    settle();
    say_value("raw is readable", is_readable(raw, 100));
    say_errors(raw, true);
    say_pending(fd);
    say_pending(fd);
    CHECK("connect again", connect(fd, &to.any, place_size()));
    CHECK("send", send(fd, "x", 1, MSG_NOSIGNAL));
    CHECK("recv", recv(fd, buffer, 1, 0));
    close(fd);
    close(raw);
}

static void tcp_soft(void)
{
    tcp(EXCEEDED, 0, 40110);
    tcp(UNREACHABLE, 1, 40111);
}

static void tcp_hard(void)
{
    tcp(UNREACHABLE, closed_port(), 40112);
    tcp(UNREACHABLE, family == AF_INET ? 13 : 1, 40113);
}

static void tcp_connects(void)
{
    union place own = loopback_place();
    socklen_t size = sizeof(own);
    int value = -1;
    must("raw", open_icmp());
    int server = (int)must("socket", socket(family, SOCK_STREAM, 0));
    must("bind", bind(server, &own.any, place_size()));
    must("listen", listen(server, 1));
    must("name", getsockname(server, &own.any, &size));
    int fd = (int)must("socket", socket(family, SOCK_STREAM, 0));
    must("TTL", set_ttl(fd, 64));
    CHECK("connect", connect(fd, &own.any, place_size()));
    int accepted = (int)must("accept", accept(server, NULL, NULL));
    CHECK("send", send(fd, "abc", 3, 0));
    CHECK("there", recv(accepted, buffer, 10, 0));
    CHECK("back", send(accepted, "de", 2, 0));
    CHECK("here", recv(fd, buffer, 10, 0));
    CHECK("IP_RECVERR", getsockopt(fd, family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6,
                                   family == AF_INET ? IP_RECVERR : IPV6_RECVERR, &value, &(socklen_t){sizeof(value)}));
    say_value("  is", value);
    say_pending(fd);
}

/* UDP in a packet with a header of its own. */
static void send_packet(int fd, enum kind kind, unsigned variant, uint16_t source, size_t data, bool dont_fragment)
{
    unsigned char packet[2000] = {0x45, 0, 0, 0, 0, 0, dont_fragment ? 0x40 : 0, 0, 7, IPPROTO_UDP};
    union place to = place_with_port(kind, variant, 0);
    uint16_t udp[4] = {htons(source), htons(33434), htons((uint16_t)(8 + data)), 0};
    memcpy(packet + 16, &to.inet.sin_addr, 4);
    memcpy(packet + 20, udp, sizeof(udp));
    for (size_t i = 0; i < data; i++)
        packet[28 + i] = (unsigned char)i;
    CHECK("packet", sendto(fd, packet, 28 + data, 0, &to.any, place_size()));
}

static void own_header(void)
{
    int taken = open_probe(64, 40120);
    int sender = (int)must("socket", socket(AF_INET, SOCK_RAW, IPPROTO_RAW));
    int raw = open_icmp();
    for (int i = 0; i < 2; i++) {
        send_packet(sender, EXCEEDED, 0, 40121, 12, true);
        say_errors(raw, false);
        send_packet(sender, UNREACHABLE, 3, 40121, 0, false);
        say_errors(raw, false);
        send_packet(sender, EXCEEDED, 0, 40120, 3, false); /* a port that another socket has */
        say_errors(raw, false);
        send_packet(sender, EXCEEDED, 0, 53, 3, false);
        say_errors(raw, false);
        send_packet(sender, TOO_BIG, 20, 40121, 1400, true);
        say_errors(raw, false);
        send_packet(sender, EXCEEDED, 0, 40121, 1500, false);
        say_errors(raw, false);
    }
    say_pending(taken);
    CHECK("never readable", recv(sender, buffer, 1, MSG_DONTWAIT));
}

int main(void)
{
    run_case("ways to learn of an error", ways_to_learn);
    run_case("every error", every_error);
    run_case("sends elsewhere", elsewhere);
    run_case("from others", from_others);
    run_case("a receive sleeps on", receive_sleeps_on);
    run_case("options", options);
    run_case("TCP, soft errors", tcp_soft);
    run_case("TCP, hard errors", tcp_hard);
    run_case("TCP connects", tcp_connects);
    run_one("UDP in a header of the program's own", own_header, AF_INET);
    return 0;
}
