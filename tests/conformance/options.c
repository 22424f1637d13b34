/* SPDX-License-Identifier: MIT */
/* Options that programs set and read back, and the filters with what they let through. every_option.c has the rest. */
#include "tests/conformance/conformance.h"

#include <linux/filter.h>

#define SOL_ICMP6 58

static unsigned char buffer[4096];

static void say_bytes(const unsigned char *bytes, socklen_t size)
{
    printf("  %u bytes:", (unsigned)size);
    for (socklen_t i = 0; i < size && i < 64; i++)
        printf(" %02x", bytes[i]);
    printf("\n");
}

static void say_get(int fd, int level, int name, socklen_t room)
{
    unsigned char bytes[256];
    memset(bytes, 0xee, sizeof(bytes));
    printf("level %d, option %d, room %u ", level, name, (unsigned)room);
    CHECK("getsockopt", getsockopt(fd, level, name, bytes, &room));
    if (errno == UNTOUCHED)
        say_bytes(bytes, room);
}

static const struct setting {
    int family; /* AF_UNSPEC: both */
    int level;
    int name;
    int values[5]; /* up to the first -99 */
} settings[] = {
    {AF_INET, IPPROTO_IP, IP_TTL, {1, 255, 0, 256, -99}},
    {AF_INET, IPPROTO_IP, IP_TOS, {0, 0x10, 255, -99, 0}},
    {AF_INET, IPPROTO_IP, IP_HDRINCL, {1, 0, 5, -99, 0}},
    {AF_INET, IPPROTO_IP, IP_MTU_DISCOVER, {0, 1, 2, 3, 5}},
    {AF_INET, IPPROTO_IP, IP_MTU_DISCOVER, {6, -1, 4, 0, -99}},
    {AF_INET, IPPROTO_IP, IP_RECVERR, {1, 2, 0, -99, 0}},
    {AF_INET, IPPROTO_IP, 26 /* IP_RECVERR_RFC4884 */, {1, 0, 2, -99, 0}},
    {AF_INET, IPPROTO_IP, IP_RECVTTL, {1, 0, 7, -99, 0}},
    {AF_INET, IPPROTO_IP, IP_RECVTOS, {1, 0, -99, 0, 0}},
    {AF_INET, IPPROTO_IP, IP_RECVOPTS, {1, 0, -99, 0, 0}},
    {AF_INET, IPPROTO_IP, IP_RETOPTS, {1, 0, -99, 0, 0}},
    {AF_INET, IPPROTO_IP, IP_PKTINFO, {1, 0, -99, 0, 0}},
    {AF_INET, IPPROTO_IP, IP_MULTICAST_TTL, {3, 256, -99, 0, 0}},
    {AF_INET, IPPROTO_IP, IP_MULTICAST_LOOP, {0, 1, -99, 0, 0}},
    {AF_INET, IPPROTO_IP, IP_MINTTL, {5, 0, 256, -99, 0}},
    {AF_INET, IPPROTO_IP, IP_FREEBIND, {1, 0, -99, 0, 0}},
    {AF_INET, IPPROTO_IP, IP_NODEFRAG, {1, 0, -99, 0, 0}},
    {AF_INET, SOL_RAW, ICMP_FILTER, {0, 1, -1, 0x55, -99}},
    {AF_INET6, IPPROTO_IPV6, IPV6_UNICAST_HOPS, {1, 255, -1, 256, -99}},
    {AF_INET6, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, {1, -1, -99, 0, 0}},
    {AF_INET6, IPPROTO_IPV6, IPV6_TCLASS, {0, 0x20, 256, -1, -99}},
    {AF_INET6, IPPROTO_IPV6, IPV6_V6ONLY, {1, 0, -99, 0, 0}},
    {AF_INET6, IPPROTO_IPV6, IPV6_MTU_DISCOVER, {0, 1, 2, 3, 5}},
    {AF_INET6, IPPROTO_IPV6, IPV6_DONTFRAG, {1, 0, -99, 0, 0}},
    {AF_INET6, IPPROTO_IPV6, IPV6_RECVERR, {1, 2, 0, -99, 0}},
    {AF_INET6, IPPROTO_IPV6, IPV6_RECVPKTINFO, {1, 0, -99, 0, 0}},
    {AF_INET6, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, {1, 0, -99, 0, 0}},
    {AF_INET6, IPPROTO_IPV6, IPV6_RECVTCLASS, {1, 0, -99, 0, 0}},
    {AF_INET6, IPPROTO_IPV6, IPV6_2292HOPLIMIT, {1, 0, -99, 0, 0}},
    {AF_INET6, IPPROTO_IPV6, IPV6_2292PKTINFO, {1, 0, -99, 0, 0}},
    {AF_INET6, IPPROTO_IPV6, IPV6_CHECKSUM, {2, -1, 3, 0, -99}},
    {AF_INET6, SOL_RAW, IPV6_CHECKSUM, {2, -1, 3, 0, -99}},
    {AF_INET6, SOL_ICMP6, IPV6_CHECKSUM, {2, -1, -99, 0, 0}},
    {AF_UNSPEC, SOL_SOCKET, SO_REUSEADDR, {0, 1, -99, 0, 0}},
    {AF_UNSPEC, SOL_SOCKET, SO_BROADCAST, {1, 0, -99, 0, 0}},
    {AF_UNSPEC, SOL_SOCKET, SO_RCVBUF, {1, 2304, 7280, 65536, 324}},
    {AF_UNSPEC, SOL_SOCKET, SO_SNDBUF, {324, 65536, -99, 0, 0}},
    {AF_UNSPEC, SOL_SOCKET, SO_PRIORITY, {1, 6, -99, 0, 0}},
    {AF_UNSPEC, SOL_SOCKET, SO_RCVLOWAT, {1, 9, -99, 0, 0}},
    {AF_UNSPEC, SOL_SOCKET, SO_TIMESTAMP, {1, 0, -99, 0, 0}},
    {AF_UNSPEC, SOL_SOCKET, SO_TIMESTAMPNS, {1, 0, -99, 0, 0}},
    {AF_UNSPEC, SOL_SOCKET, SO_RXQ_OVFL, {1, 0, -99, 0, 0}},
    {AF_UNSPEC, SOL_SOCKET, SO_PEEK_OFF, {0, -1, -99, 0, 0}},
    {AF_UNSPEC, SOL_SOCKET, SO_MAX_PACING_RATE, {100000, -1, -99, 0, 0}},
    {AF_UNSPEC, SOL_SOCKET, SO_TYPE, {3, -99, 0, 0, 0}},
};

static void set_and_read(void)
{
    for (size_t i = 0; i < COUNT(settings); i++) {
        const struct setting *s = &settings[i];
        if (s->family != AF_UNSPEC && s->family != family)
            continue;
        int fd = open_icmp();
        for (int v = 0; v < 5 && s->values[v] != -99; v++) {
            printf("level %d, option %d, value %d ", s->level, s->name, s->values[v]);
            CHECK("setsockopt", set_int(fd, s->level, s->name, s->values[v]));
            say_get(fd, s->level, s->name, 200);
            say_get(fd, s->level, s->name, 3);
        }
        CHECK("too short", setsockopt(fd, s->level, s->name, buffer, 0));
        CHECK("one byte", setsockopt(fd, s->level, s->name, "\1", 1));
        say_get(fd, s->level, s->name, 1);
        CHECK("bad memory", setsockopt(fd, s->level, s->name, BAD_POINTER, 4));
        if (s->name != IP_HDRINCL) /* which is on now, and there is no header */
            CHECK("it still works", ask(fd, REPLY, PLAIN, 1));
        close(fd);
    }
}

/* A reply, two kinds of error: what comes through. */
static void say_passing(int fd)
{
    must("send", ask(fd, REPLY, PLAIN, 1));
    must("send", ask(fd, UNREACHABLE, 1, 2));
    must("send", ask(fd, EXCEEDED, 0, 3));
    settle();
    say_value("readable", is_readable(fd, 0));
    say_errors_first("  passed", fd);
}

static void icmp_filter(void)
{
    static const unsigned masks[] = {
        0, 1U << 0, 1U << 3, 1U << 11, ~(1U << 0), ~0U, ~((1U << 0) | (1U << 3) | (1U << 11))};
    int fd = open_icmp();
    for (size_t i = 0; i < COUNT(masks); i++) {
        printf("mask %x ", masks[i]);
        CHECK("ICMP_FILTER", set_int(fd, SOL_RAW, ICMP_FILTER, (int)masks[i]));
        say_get(fd, SOL_RAW, ICMP_FILTER, 200);
        say_passing(fd);
    }
    CHECK("two bytes", setsockopt(fd, SOL_RAW, ICMP_FILTER, "\0\0", 2));
    say_get(fd, SOL_RAW, ICMP_FILTER, 4);
    say_get(fd, SOL_RAW, ICMP_FILTER, 2);
    CHECK("eight bytes", setsockopt(fd, SOL_RAW, ICMP_FILTER, "\0\0\0\0\1\1\1\1", 8));
    /* What was there before the filter stays. */
    must("send", ask(fd, REPLY, PLAIN, 1));
    must("send", ask(fd, UNREACHABLE, 1, 2));
    settle();
    must("ICMP_FILTER", set_int(fd, SOL_RAW, ICMP_FILTER, -1));
    say_value("replies", recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT) > 0);
}

static void icmp6_filter(void)
{
    static const int passed[][3] = {{-1, -1, -1}, {129, -1, -1}, {1, -1, -1}, {3, 129, -1}, {1, 3, 129}};
    struct icmp6_filter filter;
    int fd = open_icmp();
    for (size_t i = 0; i < COUNT(passed); i++) {
        ICMP6_FILTER_SETBLOCKALL(&filter);
        for (int k = 0; k < 3; k++)
            if (passed[i][k] >= 0)
                ICMP6_FILTER_SETPASS(passed[i][k], &filter);
        CHECK("ICMP6_FILTER", setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof(filter)));
        say_get(fd, IPPROTO_ICMPV6, ICMP6_FILTER, 200);
        say_passing(fd);
    }
    ICMP6_FILTER_SETPASSALL(&filter);
    CHECK("four bytes", setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, 4));
    say_get(fd, IPPROTO_ICMPV6, ICMP6_FILTER, 5);
    say_passing(fd);
}

/* The first byte that a program for a raw socket looks at: the IP header's, or ICMPv6's type. */
static int attach(int fd, int type)
{
    struct sock_filter four[] = {BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0), BPF_STMT(BPF_LD | BPF_B | BPF_IND, 0),
                                 BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)type, 0, 1),
                                 BPF_STMT(BPF_RET | BPF_K, 0xffff), BPF_STMT(BPF_RET | BPF_K, 0)};
    struct sock_filter six[] = {BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
                                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)type, 0, 1),
                                BPF_STMT(BPF_RET | BPF_K, 0xffff), BPF_STMT(BPF_RET | BPF_K, 0)};
    struct sock_fprog program = {.len = family == AF_INET ? 5 : 4, .filter = family == AF_INET ? four : six};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

static void attached_filter(void)
{
    static const int types[2][4] = {{0, 3, 11, 99}, {129, 1, 3, 99}};
    int fd = open_icmp();
    for (int i = 0; i < 4; i++) {
        printf("type %d ", types[family == AF_INET6][i]);
        CHECK("SO_ATTACH_FILTER", attach(fd, types[family == AF_INET6][i]));
        say_passing(fd);
    }
    /* iputils' own, made for raw and ping sockets: the identifier. */
    struct sock_filter id[] = {BPF_STMT(BPF_LD | BPF_H | BPF_ABS, family == AF_INET ? 24 : 4),
                               BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ID, 0, 1), BPF_STMT(BPF_RET | BPF_K, 40),
                               BPF_STMT(BPF_RET | BPF_K, 0)};
    struct sock_fprog program = {.len = 4, .filter = id};
    CHECK("the identifier, 40 bytes of it", setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)));
    say_passing(fd);
    printf("length ");
    socklen_t size = 4;
    CHECK("SO_GET_FILTER", getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, buffer, &size));
    say_value("  instructions", size);
    program.len = 0;
    CHECK("an empty one", setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)));
    id[0].code = 0xffff;
    program.len = 4;
    CHECK("a wrong one", setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)));
    CHECK("bad memory", setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, BAD_POINTER, sizeof(program)));
    CHECK("SO_DETACH_FILTER", set_int(fd, SOL_SOCKET, SO_DETACH_FILTER, 0));
    CHECK("none to detach", set_int(fd, SOL_SOCKET, SO_DETACH_FILTER, 0));
    say_passing(fd);
}

/* IP_MTU_DISCOVER 0 on a ping socket would hide fragmentation needed; on a raw one it does not. */
static void mtu_discovery(void)
{
    int fd = open_icmp();
    for (int value = 0; value < 4; value++) {
        CHECK("MTU_DISCOVER", family == AF_INET ? set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, value)
                                                : set_int(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, value));
        must("send", ask(fd, TOO_BIG, (unsigned)value + 1, 1));
        settle();
        say_waiting("error", fd);
    }
}

/* The program's small buffer does not lose errors that a raw socket would have kept. */
static void small_buffer(void)
{
    int fd = open_icmp();
    CHECK("SO_RCVBUF", set_int(fd, SOL_SOCKET, SO_RCVBUF, 7280));
    for (unsigned i = 0; i < 8; i++)
        must("send", ask(fd, EXCEEDED, 0, i));
    settle();
    say_errors_first("error", fd);
}

static void bound_to_device(void)
{
    char name[16] = "?";
    socklen_t size = sizeof(name);
    int fd = open_icmp();
    CHECK("SO_BINDTODEVICE", setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lab0", 5));
    CHECK("getsockopt", getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &size));
    printf("  %s, %u\n", name, (unsigned)size);
    must("send", ask(fd, REPLY, PLAIN, 1));
    settle();
    say_waiting("reply", fd);
    CHECK("no such device", setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "none0", 6));
}

int main(void)
{
    run_case("set and read", set_and_read);
    run_one("ICMP_FILTER", icmp_filter, AF_INET);
    run_one("ICMP6_FILTER", icmp6_filter, AF_INET6);
    run_case("SO_ATTACH_FILTER", attached_filter);
    run_case("MTU discovery", mtu_discovery);
    run_case("a small buffer", small_buffer);
    run_case("bound to a device", bound_to_device);
    return 0;
}
