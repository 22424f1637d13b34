/* SPDX-License-Identifier: MIT */
/*
 * Control messages: those that the program asked for and no others, of replies and of errors, in the kernel's order, in
 * buffers that are too small. Times differ from run to run: their lengths are compared, and that they are recent.
 */
#include "tests/conformance/conformance.h"

#include <linux/net_tstamp.h>

enum { ROOM = 1024 };

static const struct option {
    const char *name;
    int family; /* AF_UNSPEC: both */
    int level;
    int option;
    int value;
} options[] = {
    {"IP_RECVTTL", AF_INET, IPPROTO_IP, IP_RECVTTL, 1},
    {"IP_RECVTOS", AF_INET, IPPROTO_IP, IP_RECVTOS, 1},
    {"IP_PKTINFO", AF_INET, IPPROTO_IP, IP_PKTINFO, 1},
    {"IP_RECVOPTS", AF_INET, IPPROTO_IP, IP_RECVOPTS, 1},
    {"IP_RETOPTS", AF_INET, IPPROTO_IP, IP_RETOPTS, 1},
    {"IPV6_RECVPKTINFO", AF_INET6, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1},
    {"IPV6_RECVHOPLIMIT", AF_INET6, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1},
    {"IPV6_RECVTCLASS", AF_INET6, IPPROTO_IPV6, IPV6_RECVTCLASS, 1},
    {"IPV6_RECVRTHDR", AF_INET6, IPPROTO_IPV6, IPV6_RECVRTHDR, 1},
    {"IPV6_RECVHOPOPTS", AF_INET6, IPPROTO_IPV6, IPV6_RECVHOPOPTS, 1},
    {"IPV6_RECVDSTOPTS", AF_INET6, IPPROTO_IPV6, IPV6_RECVDSTOPTS, 1},
    {"IPV6_2292PKTINFO", AF_INET6, IPPROTO_IPV6, IPV6_2292PKTINFO, 1},
    {"IPV6_2292HOPLIMIT", AF_INET6, IPPROTO_IPV6, IPV6_2292HOPLIMIT, 1},
    {"IPV6_2292RTHDR", AF_INET6, IPPROTO_IPV6, IPV6_2292RTHDR, 1},
    {"IPV6_FLOWINFO", AF_INET6, IPPROTO_IPV6, 11, 1},
    {"SO_TIMESTAMP", AF_UNSPEC, SOL_SOCKET, SO_TIMESTAMP, 1},
    {"SO_TIMESTAMPNS", AF_UNSPEC, SOL_SOCKET, SO_TIMESTAMPNS, 1},
    {"SO_TIMESTAMPING", AF_UNSPEC, SOL_SOCKET, SO_TIMESTAMPING,
     SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE},
};

static unsigned char buffer[2048];
static _Alignas(struct cmsghdr) unsigned char control[ROOM];

static void say_control(const struct cmsghdr *c)
{
    size_t length = c->cmsg_len - CMSG_LEN(0);
    const unsigned char *data = CMSG_DATA(c);
    printf("  level %d type %d, %zu bytes:", c->cmsg_level, c->cmsg_type, length);
    if (c->cmsg_level == SOL_SOCKET) {
        time_t then = 0;
        memcpy(&then, data, length < sizeof(then) ? 0 : sizeof(then));
        printf(" %s\n", time(NULL) - then < 5 ? "just now" : "some time");
        return;
    }
    for (size_t i = 0; i < length; i++)
        printf(" %02x", data[i]);
    printf("\n");
}

/* Receives one packet with `room` bytes for control messages. */
static void receive(const char *name, int fd, size_t room, int flags)
{
    struct iovec vector = {buffer, sizeof(buffer)};
    struct msghdr header = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = room};
    memset(control, 0xee, sizeof(control));
    printf("room %zu ", room);
    CHECK(name, recvmsg(fd, &header, flags));
    printf("  flags %x, controls %zu\n", (unsigned)header.msg_flags, (size_t)header.msg_controllen);
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&header); c != NULL; c = CMSG_NXTHDR(&header, c)) {
        if (c->cmsg_len > header.msg_controllen - (size_t)((unsigned char *)c - control)) {
            printf("  level %d type %d, cut to length %zu\n", c->cmsg_level, c->cmsg_type, (size_t)c->cmsg_len);
            break;
        }
        say_control(c);
    }
    say_value("  behind", control[room] == 0xee && control[room + 1] == 0xee);
}

static void set_option(int fd, const struct option *option, int value)
{
    int asked = -7;
    socklen_t size = sizeof(asked);
    CHECK(option->name, set_int(fd, option->level, option->option, value));
    CHECK("  getsockopt", getsockopt(fd, option->level, option->option, &asked, &size));
    printf("  value %d, %u bytes\n", asked, (unsigned)size);
}

static bool holds(const struct option *option)
{
    return option->family == AF_UNSPEC || option->family == family;
}

/* A reply and an error, each with everything that was asked for. */
static void both(int fd, size_t room)
{
    must("send", ask(fd, REPLY, MARKED, 1));
    settle();
    receive("reply", fd, room, 0);
    must("send", ask(fd, EXCEEDED, 0, 1));
    settle();
    receive("error", fd, room, 0);
}

static void none(void)
{
    int fd = open_icmp();
    both(fd, ROOM - 8);
    both(fd, 0);
}

static void one_by_one(void)
{
    for (size_t i = 0; i < COUNT(options); i++) {
        if (!holds(&options[i]))
            continue;
        int fd = open_icmp();
        set_option(fd, &options[i], options[i].value);
        both(fd, ROOM - 8);
        if (family == AF_INET) {
            must("send", ask(fd, REPLY, ROUTED, 1));
            settle();
            receive("with options", fd, ROOM - 8, 0);
        }
        set_option(fd, &options[i], 0);
        must("send", ask(fd, REPLY, MARKED, 1));
        settle();
        receive("no more", fd, ROOM - 8, 0);
        close(fd);
    }
}

static int open_asking(void)
{
    int fd = open_icmp();
    for (size_t i = 0; i < COUNT(options); i++)
        if (holds(&options[i]) && options[i].option != SO_TIMESTAMPNS)
            must(options[i].name, set_int(fd, options[i].level, options[i].option, options[i].value));
    return fd;
}

static void all_at_once(void)
{
    int fd = open_asking();
    both(fd, ROOM - 8);
    must("send", ask(fd, REPLY, MARKED, 1));
    settle();
    receive("peeked", fd, ROOM - 8, MSG_PEEK);
    receive("taken", fd, ROOM - 8, 0);
    receive("none", fd, ROOM - 8, MSG_DONTWAIT);
}

static void small_rooms(void)
{
    int fd = open_asking();
    for (size_t room = 0; room < 120; room += room < 48 ? 4 : 12) {
        must("send", ask(fd, REPLY, MARKED, 1));
        is_readable(fd, 1000);
        receive("reply", fd, room, 0);
    }
    for (size_t room = 0; room < 64; room += 12) {
        must("send", ask(fd, EXCEEDED, 0, 1));
        settle();
        receive("error", fd, room, 0);
    }
}

/* busybox's ping6 has 24 bytes, for one old-form hop limit. */
static void busybox(void)
{
    int fd = open_icmp();
    must("hop limit",
         family == AF_INET ? set_int(fd, IPPROTO_IP, IP_RECVTTL, 1) : set_int(fd, IPPROTO_IPV6, IPV6_2292HOPLIMIT, 1));
    for (size_t room = 0; room <= 32; room += 1) {
        must("send", ask(fd, REPLY, MARKED, 1));
        is_readable(fd, 1000);
        receive("reply", fd, room, 0);
    }
}

static void batches(void)
{
    struct mmsghdr batch[3];
    struct iovec vectors[3];
    static _Alignas(struct cmsghdr) unsigned char controls[3][64];
    int fd = open_icmp();
    must("hop limit",
         family == AF_INET ? set_int(fd, IPPROTO_IP, IP_RECVTTL, 1) : set_int(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1));
    for (size_t i = 0; i < 3; i++) {
        vectors[i] = (struct iovec){buffer + 512 * i, 512};
        batch[i].msg_hdr = (struct msghdr){
            .msg_iov = &vectors[i], .msg_iovlen = 1, .msg_control = controls[i], .msg_controllen = i == 1 ? 8 : 64};
        must("send", ask(fd, REPLY, MARKED, 1));
    }
    settle();
    CHECK("recvmmsg", recvmmsg(fd, batch, 3, 0, NULL));
    for (size_t i = 0; i < 3; i++) {
        printf("flags %x, controls %zu\n", (unsigned)batch[i].msg_hdr.msg_flags,
               (size_t)batch[i].msg_hdr.msg_controllen);
        struct cmsghdr *first = CMSG_FIRSTHDR(&batch[i].msg_hdr);
        if (first != NULL)
            say_control(first);
    }
}

/* Per packet, for a send: TTL, TOS and source. */
static void sent(void)
{
    union place to = place_of(REPLY, MIRROR);
    _Alignas(struct cmsghdr) unsigned char room[64] = {0};
    struct iovec vector = {buffer, 0};
    struct msghdr header = {.msg_name = &to,
                            .msg_namelen = place_size(),
                            .msg_iov = &vector,
                            .msg_iovlen = 1,
                            .msg_control = room,
                            .msg_controllen = CMSG_SPACE(sizeof(int))};
    struct cmsghdr *c = CMSG_FIRSTHDR(&header);
    bool four = family == AF_INET;
    static const int kinds[2][2] = {{IP_TTL, IP_TOS}, {IPV6_HOPLIMIT, IPV6_TCLASS}};
    int fd = open_icmp();
    for (size_t i = 0; i < 2; i++)
        for (int value = -1; value < 300; value += 50) {
            *c = (struct cmsghdr){.cmsg_level = four ? IPPROTO_IP : IPPROTO_IPV6,
                                  .cmsg_type = kinds[four ? 0 : 1][i],
                                  .cmsg_len = CMSG_LEN(sizeof(int))};
            memcpy(CMSG_DATA(c), &value, sizeof(value));
            vector.iov_len = make_echo(buffer, ID, 4, 4);
            printf("type %d, value %d ", c->cmsg_type, value);
            CHECK("sendmsg", sendmsg(fd, &header, 0));
            say_mirrored(fd);
        }
    header.msg_controllen = 17;
    CHECK("a cut one", sendmsg(fd, &header, 0));
    *c = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(4)};
    header.msg_controllen = CMSG_SPACE(4);
    CHECK("SCM_RIGHTS", sendmsg(fd, &header, 0));
    say_mirrored(fd);
}

int main(void)
{
    /* The kernel begins to take times for everybody when the first asks, a little later. */
    int udp = (int)must("socket", socket(AF_INET, SOCK_DGRAM, 0));
    must("SO_TIMESTAMP", set_int(udp, SOL_SOCKET, SO_TIMESTAMP, 1));
    usleep(100000);

    run_case("none asked for", none);
    run_case("one by one", one_by_one);
    run_case("all at once", all_at_once);
    run_case("small rooms", small_rooms);
    run_case("24 bytes", busybox);
    run_case("batches", batches);
    run_case("sent", sent);
    return 0;
}
