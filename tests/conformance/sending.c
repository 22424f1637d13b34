/* SPDX-License-Identifier: MIT */
/*
 * Sending: every call and every shape, headers of the program's own (IP_HDRINCL, IPPROTO_RAW) with another socket that
 * receives. The router's mirror shows what went out. A header's IP id cannot be had on a ping socket: it is not
 * compared.
 */
#include "tests/conformance/conformance.h"

ssize_t __send(int fd, const void *buffer, size_t size, int flags);
ssize_t __write(int fd, const void *buffer, size_t size);

static unsigned char buffer[LARGEST];
static unsigned char packet[LARGEST];

static void every_call(void)
{
    union place to = place_of(REPLY, MIRROR);
    size_t length = make_echo(packet, ID, 1, 10);
    struct iovec vectors[3] = {{packet, 3}, {packet + 3, 6}, {packet + 9, length - 9}};
    struct msghdr header = {.msg_name = &to, .msg_namelen = place_size(), .msg_iov = vectors, .msg_iovlen = 3};
    struct mmsghdr batch[2] = {{.msg_hdr = header}, {.msg_hdr = header}};
    int fd = open_icmp();
    CHECK("sendto", sendto(fd, packet, length, 0, &to.any, place_size()));
    say_mirrored(fd);
    CHECK("sendmsg", sendmsg(fd, &header, 0));
    say_mirrored(fd);
    CHECK("sendmmsg", sendmmsg(fd, batch, 2, 0));
    say_value("  first", batch[0].msg_len);
    say_mirrored(fd);
    CHECK("send without a peer", send(fd, packet, length, 0));
    CHECK("write without a peer", write(fd, packet, length));
    must("connect", connect(fd, &to.any, place_size()));
    CHECK("send", send(fd, packet, length, 0));
    say_mirrored(fd);
    CHECK("__send", __send(fd, packet, length, 0));
    CHECK("write", write(fd, packet, length));
    CHECK("__write", __write(fd, packet, length));
    CHECK("writev", writev(fd, vectors, 3));
    CHECK("MSG_DONTWAIT", send(fd, packet, length, MSG_DONTWAIT));
    CHECK("MSG_NOSIGNAL", send(fd, packet, length, MSG_NOSIGNAL));
    CHECK("MSG_CONFIRM", send(fd, packet, length, MSG_CONFIRM));
    say_mirrored(fd);
    to = place_of(REPLY, PLAIN);
    CHECK("sendto elsewhere", sendto(fd, packet, length, 0, &to.any, place_size()));
    CHECK("MSG_OOB", send(fd, packet, length, MSG_OOB));
    say_mirrored(fd);
}

/* Addresses as programs pass them: with ports, too long, too short. */
static void addresses(void)
{
    union place to = place_of(REPLY, PLAIN);
    int fd = open_icmp();
    size_t length = make_echo(packet, ID, 1, 10);
    static const uint16_t ports[] = {58, 1, 33434, 7};
    for (size_t i = 0; i < COUNT(ports); i++) {
        to.inet.sin_port = htons(ports[i]);
        printf("port %d ", ports[i]);
        CHECK("sendto", sendto(fd, packet, length, 0, &to.any, place_size()));
    }
    to.inet.sin_port = 0;
    CHECK("28 bytes", sendto(fd, packet, length, 0, &to.any, 28));
    CHECK("128 bytes", sendto(fd, packet, length, 0, &to.any, 128));
    CHECK("129 bytes", sendto(fd, packet, length, 0, &to.any, 129));
    CHECK("15 bytes", sendto(fd, packet, length, 0, &to.any, 15));
    CHECK("no address", sendto(fd, packet, length, 0, NULL, 0));
    CHECK("a bad address", sendto(fd, packet, length, 0, BAD_POINTER, 16));
    CHECK("a bad buffer", sendto(fd, BAD_POINTER, length, 0, &to.any, place_size()));
    to.any.sa_family = AF_UNIX;
    CHECK("another family", sendto(fd, packet, length, 0, &to.any, place_size()));
    if (family == AF_INET) {
        to.any.sa_family = AF_UNSPEC;
        CHECK("AF_UNSPEC", sendto(fd, packet, length, 0, &to.any, place_size()));
        to.inet = inet_address("255.255.255.255", 0);
        CHECK("broadcast", sendto(fd, packet, length, 0, &to.any, place_size()));
    }
    settle();
    say_waiting("reply", fd);
}

/* The program's checksum goes out on IPv4, that of ICMPv6 is the kernel's. Here it is right, as programs make it. */
static void options(void)
{
    int fd = open_icmp();
    bool four = family == AF_INET;
    unsigned char small = 0x20;
    CHECK("TTL", set_int(fd, four ? IPPROTO_IP : IPPROTO_IPV6, four ? IP_TTL : IPV6_UNICAST_HOPS, 7));
    must("send", ask(fd, REPLY, MIRROR, 1));
    say_mirrored(fd);
    CHECK("TOS", set_int(fd, four ? IPPROTO_IP : IPPROTO_IPV6, four ? IP_TOS : IPV6_TCLASS, 0x48));
    must("send", ask(fd, REPLY, MIRROR, 2));
    say_mirrored(fd);
    if (four) {
        static const unsigned char route[] = {IPOPT_NOP, IPOPT_RR, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0};
        CHECK("a TOS of one byte", setsockopt(fd, IPPROTO_IP, IP_TOS, &small, 1));
        must("send", ask(fd, REPLY, MIRROR, 2));
        say_mirrored(fd);
        CHECK("IP_PMTUDISC_DONT", set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT));
        must("send", ask(fd, REPLY, MIRROR, 2));
        say_mirrored(fd);
        CHECK("IP_PMTUDISC_DO", set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO));
        must("send", ask(fd, REPLY, MIRROR, 2));
        say_mirrored(fd);
        CHECK("record route", setsockopt(fd, IPPROTO_IP, IP_OPTIONS, route, sizeof(route)));
        must("send", ask(fd, REPLY, MIRROR, 2));
        say_mirrored(fd);
    }
    struct linger never = {.l_onoff = 1};
    CHECK("SO_LINGER", setsockopt(fd, SOL_SOCKET, SO_LINGER, &never, sizeof(never)));
    CHECK("SO_BINDTODEVICE", setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lab0", 5));
    must("send", ask(fd, REPLY, MIRROR, 3));
    say_mirrored(fd);
}

/* A header of the program's own; `ttl` and the rest as asked for. */
static size_t make_header(size_t body, const char *source, const union place *to, int protocol, bool dont_fragment)
{
    struct iphdr ip = {.version = 4,
                       .ihl = 5,
                       .tos = 0x14,
                       .ttl = 33,
                       .protocol = (uint8_t)protocol,
                       .id = htons(77),
                       .daddr = to->inet.sin_addr.s_addr};
    memmove(packet + 20, packet, body);
    ip.frag_off = htons(dont_fragment ? 0x4000 : 0);
    if (source != NULL)
        ip.saddr = inet_address(source, 0).sin_addr.s_addr;
    ip.tot_len = htons((uint16_t)(20 + body));
    memcpy(packet, &ip, sizeof(ip));
    return 20 + body;
}

static ssize_t send_own(int fd, enum kind kind, unsigned variant, const char *source, bool dont_fragment)
{
    union place to = place_of(kind, variant);
    size_t length = make_header(make_echo(packet, ID, variant + 1, 12), source, &to, IPPROTO_ICMP, dont_fragment);
    return sendto(fd, packet, length, 0, &to.any, sizeof(to.inet));
}

static void own_headers(int sender, int receiver)
{
    CHECK("send", send_own(sender, REPLY, MIRROR, NULL, false));
    say_mirrored(receiver);
    CHECK("with DF", send_own(sender, REPLY, MIRROR, NULL, true));
    say_mirrored(receiver);
    CHECK("with a source", send_own(sender, REPLY, MIRROR, LAB_OWN4, false));
    say_mirrored(receiver);
    CHECK("for an error", send_own(sender, UNREACHABLE, 13, NULL, false));
    settle();
    say_waiting("error", receiver);
    CHECK("for a TTL exceeded", send_own(sender, EXCEEDED, 0, NULL, false));
    CHECK("next", send_own(sender, REPLY, PLAIN, NULL, false));
    settle();
    say_errors_first("both", receiver);
    union place to = place_of(REPLY, PLAIN);
    make_header(make_echo(packet, ID, 9, 12), NULL, &to, IPPROTO_ICMP, false);
    memset(packet + 2, 0, 2); /* the kernel fills the length in */
    CHECK("without length", sendto(sender, packet, 40, 0, &to.any, sizeof(to.inet)));
    CHECK("too short", sendto(sender, packet, 19, 0, &to.any, sizeof(to.inet)));
    CHECK("larger than the line", sendto(sender, packet, 1501, 0, &to.any, sizeof(to.inet)));
    settle();
    say_waiting("reply", receiver);
}

static void header_included(void)
{
    int value = -1;
    int fd = open_icmp();
    CHECK("IP_HDRINCL", set_int(fd, IPPROTO_IP, IP_HDRINCL, 1));
    CHECK("getsockopt", getsockopt(fd, IPPROTO_IP, IP_HDRINCL, &value, &(socklen_t){sizeof(value)}));
    say_value("  is", value);
    own_headers(fd, fd);
    CHECK("IP_HDRINCL off", set_int(fd, IPPROTO_IP, IP_HDRINCL, 0));
    CHECK("send", ask(fd, REPLY, MIRROR, 1));
    say_mirrored(fd);
}

/* As mtr does: one to send, of protocol 255, which never receives, and another to receive. */
static void raw_protocol(void)
{
    int value = -1;
    socklen_t size = sizeof(value);
    int receiver = open_icmp();
    int sender = (int)must("IPPROTO_RAW", socket(AF_INET, SOCK_RAW, IPPROTO_RAW));
    CHECK("SO_PROTOCOL", getsockopt(sender, SOL_SOCKET, SO_PROTOCOL, &value, &size));
    say_value("  is", value);
    CHECK("SO_TYPE", getsockopt(sender, SOL_SOCKET, SO_TYPE, &value, &size));
    say_value("  is", value);
    CHECK("IP_HDRINCL", getsockopt(sender, IPPROTO_IP, IP_HDRINCL, &value, &size));
    say_value("  is", value);
    say_value("port", port_of(sender));
    CHECK("IP_HDRINCL again", set_int(sender, IPPROTO_IP, IP_HDRINCL, 1));
    say_value("readable", is_readable(receiver, 0)); /* it has been waited on, and never sent: a listener */
    own_headers(sender, receiver);
    say_value("the sender is never readable", is_readable(sender, 10));
    CHECK("nor has it anything", recv(sender, buffer, 100, MSG_DONTWAIT));
    close(sender);
    CHECK("the receiver sends too", ask(receiver, REPLY, PLAIN, 4));
    say_next("reply", receiver, 0);
}

/* A UDP probe in a header of one's own: mtr -u. */
static void udp_probe(void)
{
    int receiver = open_icmp();
    int sender = (int)must("IPPROTO_RAW", socket(AF_INET, SOCK_RAW, IPPROTO_RAW));
    say_value("readable", is_readable(receiver, 0));
    for (unsigned i = 0; i < 3; i++) {
        union place to = place_of(i == 1 ? UNREACHABLE : EXCEEDED, i == 1 ? 3 : 0);
        const unsigned char udp[12] = {0x82, 0x35, 0x82, (unsigned char)(0x9b + i), 0, 12, 0, 0, 'm', 't', 'r', '0'};
        memcpy(packet, udp, sizeof(udp));
        size_t length = make_header(sizeof(udp), NULL, &to, IPPROTO_UDP, false);
        CHECK("send", sendto(sender, packet, length, 0, &to.any, sizeof(to.inet)));
        settle();
        ssize_t got = recv(receiver, buffer, sizeof(buffer), MSG_DONTWAIT);
        say("error", got);
        if (got > 54) { /* the UDP checksum may be filled in */
            buffer[54] = buffer[55] = 0;
            say_packet("  packet", buffer, (size_t)got, SIZE_MAX, NULL);
        }
    }
}

/* One sends, another receives: ICMPv6 traceroutes. */
static void two_sockets(void)
{
    int sender = open_icmp();
    int receiver = open_icmp();
    say_value("readable", is_readable(receiver, 0));
    CHECK("send", ask(sender, EXCEEDED, 0, 1));
    CHECK("send", ask(sender, REPLY, PLAIN, 2));
    settle();
    say_errors_first("received", receiver);
}

int main(void)
{
    run_case("every call", every_call);
    run_case("addresses", addresses);
    run_case("options", options);
    run_one("IP_HDRINCL", header_included, AF_INET);
    run_one("IPPROTO_RAW", raw_protocol, AF_INET);
    run_one("UDP probes", udp_probe, AF_INET);
    run_case("two sockets", two_sockets);
    return 0;
}
