/* SPDX-License-Identifier: MIT */
/*
 * A raw UDP socket of IPv6 beside a raw ICMPv6 socket, as mtr -6 -u has it: one sends UDP headers of the program's own,
 * the errors arrive on the other. What a raw UDP socket would receive is not asked for: a translated one never does.
 */
#include "tests/conformance/conformance.h"

enum { UDP = 8, CHECKSUM_AT = 6 };

static unsigned char packet[LARGEST];

/* A UDP packet from port 40005 to port 33436, whose data are its number; its length. */
static size_t make_udp(unsigned char number, unsigned checksum, size_t data)
{
    const unsigned char header[UDP] = {0x9c,
                                       0x45,
                                       0x82,
                                       0x9c,
                                       (unsigned char)((UDP + data) >> 8),
                                       (unsigned char)(UDP + data),
                                       (unsigned char)(checksum >> 8),
                                       (unsigned char)checksum};
    memcpy(packet, header, sizeof(header));
    memset(packet + sizeof(header), number, data);
    return sizeof(header) + data;
}

static ssize_t probe(int fd, enum kind kind, unsigned variant, unsigned char number)
{
    union place to = place_of(kind, variant);
    return sendto(fd, packet, make_udp(number, 0, 12), 0, &to.any, place_size());
}

static int open_sender(void)
{
    return (int)must("a raw UDP socket", socket(AF_INET6, SOCK_RAW, IPPROTO_UDP));
}

static void say_name(int fd)
{
    union place name = {.storage = {0}};
    socklen_t size = sizeof(name);
    CHECK("getsockname", getsockname(fd, &name.any, &size));
    say_place("  is", &name, size);
}

static void say_option(const char *text, int fd, int level, int name)
{
    int value = -77;
    CHECK(text, getsockopt(fd, level, name, &value, &(socklen_t){sizeof(value)}));
    say_value("  is", value);
}

static void what_it_is(void)
{
    int receiver = open_icmp();
    int fd = open_sender();
    struct icmp6_filter filter = {{0}};
    (void)receiver;
    say_option("SO_TYPE", fd, SOL_SOCKET, SO_TYPE);
    say_option("SO_PROTOCOL", fd, SOL_SOCKET, SO_PROTOCOL);
    say_option("SO_DOMAIN", fd, SOL_SOCKET, SO_DOMAIN);
    say_option("IPV6_CHECKSUM", fd, IPPROTO_IPV6, IPV6_CHECKSUM);
    CHECK("an odd place", set_int(fd, IPPROTO_IPV6, IPV6_CHECKSUM, 3));
    CHECK("its place", set_int(fd, IPPROTO_IPV6, IPV6_CHECKSUM, CHECKSUM_AT));
    say_option("IPV6_CHECKSUM", fd, IPPROTO_RAW, IPV6_CHECKSUM);
    CHECK("off", set_int(fd, IPPROTO_RAW, IPV6_CHECKSUM, -1));
    say_option("IPV6_CHECKSUM", fd, IPPROTO_IPV6, IPV6_CHECKSUM);
    say_option("IPV6_V6ONLY", fd, IPPROTO_IPV6, IPV6_V6ONLY);
    CHECK("ICMP6_FILTER", setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof(filter)));
    say_name(fd);
}

/* As mtr-packet goes about it. */
static void as_mtr(void)
{
    union place own = {.inet6 = inet6_address(LAB_OWN6, 40005)};
    int receiver = open_icmp();
    int fd = open_sender();
    say_value("readable", is_readable(receiver, 0));
    for (unsigned char i = 0; i < 4; i++) {
        CHECK("IPV6_CHECKSUM", set_int(fd, IPPROTO_IPV6, IPV6_CHECKSUM, CHECKSUM_AT));
        if (i == 0)
            CHECK("bind", bind(fd, &own.any, place_size()));
        CHECK("IPV6_TCLASS", set_int(fd, IPPROTO_IPV6, IPV6_TCLASS, 0x40 + 8 * i));
        CHECK("IPV6_UNICAST_HOPS", set_int(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, i + 1));
        CHECK("send", probe(fd, i < 3 ? EXCEEDED : UNREACHABLE, i < 3 ? 0 : 4, i));
        settle();
        say_waiting("error", receiver);
    }
    say_name(fd);
    CHECK("send", probe(fd, EXTENDED, ONE_LABEL, 7));
    settle();
    say_waiting("with a label", receiver);
    CHECK("send", probe(fd, TOO_BIG, 100, 8));
    settle();
    say_waiting("too big", receiver);
}

/* Three errors that nobody has read when the next packet goes out. */
static void in_a_row(void)
{
    int receiver = open_icmp();
    int fd = open_sender();
    CHECK("IPV6_CHECKSUM", set_int(fd, IPPROTO_IPV6, IPV6_CHECKSUM, CHECKSUM_AT));
    for (unsigned char i = 0; i < 4; i++) {
        CHECK("send", probe(fd, UNREACHABLE, i, i));
        settle();
    }
    say_waiting("error", receiver);
    say_option("the sender's SO_ERROR", fd, SOL_SOCKET, SO_ERROR);
}

/* What the program writes as its checksum is what it finds: newer versions of mtr keep a number there. */
static void own_checksum(void)
{
    union place to = place_of(EXCEEDED, 0);
    int receiver = open_icmp();
    int fd = open_sender();
    say_value("readable", is_readable(receiver, 0));
    CHECK("send", sendto(fd, packet, make_udp(1, 0x1234, 12), 0, &to.any, place_size()));
    settle();
    say_waiting("error", receiver);
    CHECK("IPV6_CHECKSUM", set_int(fd, IPPROTO_IPV6, IPV6_CHECKSUM, CHECKSUM_AT));
    CHECK("send", sendto(fd, packet, make_udp(2, 0x1234, 12), 0, &to.any, place_size()));
    settle();
    say_waiting("the kernel's", receiver);
    CHECK("no data", sendto(fd, packet, make_udp(3, 0, 0), 0, &to.any, place_size()));
    settle();
    say_waiting("error", receiver);
}

static void addresses(void)
{
    union place to = place_of(UNREACHABLE, 4);
    int receiver = open_icmp();
    int fd = open_sender();
    size_t length = make_udp(1, 0x1234, 12);
    say_value("readable", is_readable(receiver, 0));
    CHECK("no address", send(fd, packet, length, 0));
    to.inet6.sin6_port = htons(IPPROTO_UDP);
    CHECK("port 17", sendto(fd, packet, length, 0, &to.any, place_size()));
    to.inet6.sin6_port = htons(IPPROTO_ICMPV6);
    CHECK("port 58", sendto(fd, packet, length, 0, &to.any, place_size()));
    to.inet6.sin6_port = 0;
    CHECK("24 bytes", sendto(fd, packet, length, 0, &to.any, 24));
    CHECK("23 bytes", sendto(fd, packet, length, 0, &to.any, 23));
    CHECK("a bad buffer", sendto(fd, BAD_POINTER, length, 0, &to.any, place_size()));
    settle();
    say_waiting("error", receiver);
    CHECK("IPV6_CHECKSUM", set_int(fd, IPPROTO_IPV6, IPV6_CHECKSUM, CHECKSUM_AT));
    CHECK("too short for its checksum", sendto(fd, packet, 7, 0, &to.any, place_size()));
    CHECK("connect", connect(fd, &to.any, place_size()));
    say_name(fd);
    CHECK("send", send(fd, packet, length, 0));
    CHECK("write", write(fd, packet, length));
    settle();
    say_waiting("error", receiver);
}

/* A traffic class and a hop limit for one packet, in pieces. */
static void by_message(void)
{
    union place to = place_of(EXCEEDED, 0);
    int receiver = open_icmp();
    int fd = open_sender();
    int service = 0x60;
    int hops = 9;
    _Alignas(struct cmsghdr) unsigned char control[2 * CMSG_SPACE(sizeof(int))] = {0};
    struct iovec parts[3] = {{packet, 3}, {packet + 3, 6}, {packet + 9, make_udp(1, 0, 40) - 9}};
    struct msghdr message = {.msg_name = &to,
                             .msg_namelen = place_size(),
                             .msg_iov = parts,
                             .msg_iovlen = 3,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    *header = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = IPPROTO_IPV6, .cmsg_type = IPV6_TCLASS};
    memcpy(CMSG_DATA(header), &service, sizeof(service));
    header = CMSG_NXTHDR(&message, header);
    *header = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = IPPROTO_IPV6, .cmsg_type = IPV6_HOPLIMIT};
    memcpy(CMSG_DATA(header), &hops, sizeof(hops));
    say_value("readable", is_readable(receiver, 0));
    CHECK("IPV6_CHECKSUM", set_int(fd, IPPROTO_IPV6, IPV6_CHECKSUM, CHECKSUM_AT));
    CHECK("IPV6_TCLASS", set_int(fd, IPPROTO_IPV6, IPV6_TCLASS, 0x20));
    CHECK("sendmsg", sendmsg(fd, &message, 0));
    settle();
    say_waiting("error", receiver);
    message.msg_controllen = 0;
    CHECK("sendmsg", sendmsg(fd, &message, 0));
    settle();
    say_waiting("error", receiver);
}

/* The two sockets of mtr for ICMP beside it: echoes are what they were. */
static void beside_echoes(void)
{
    int echoes = open_icmp();
    int fd = open_sender();
    int receiver = open_icmp();
    say_value("readable", is_readable(receiver, 0));
    CHECK("IPV6_CHECKSUM", set_int(fd, IPPROTO_IPV6, IPV6_CHECKSUM, CHECKSUM_AT));
    CHECK("an echo", ask(echoes, EXCEEDED, 0, 1));
    settle();
    say_waiting("received", receiver);
    CHECK("a probe", probe(fd, EXCEEDED, 0, 1));
    CHECK("an echo", ask(echoes, REPLY, PLAIN, 2));
    settle();
    say_errors_first("received", receiver);
    close(fd);
    CHECK("an echo", ask(echoes, REPLY, PLAIN, 3));
    settle();
    say_next("received", receiver, MSG_DONTWAIT);
}

int main(void)
{
    run_one("what it is", what_it_is, AF_INET6);
    run_one("as mtr", as_mtr, AF_INET6);
    run_one("in a row", in_a_row, AF_INET6);
    run_one("own checksum", own_checksum, AF_INET6);
    run_one("addresses", addresses, AF_INET6);
    run_one("by message", by_message, AF_INET6);
    run_one("beside echoes", beside_echoes, AF_INET6);
    return 0;
}
