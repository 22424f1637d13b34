/* SPDX-License-Identifier: MIT */
/*
 * Programs that read the error queue themselves, as traceroute -I does: an ICMP error is in both queues then. What a
 * raw socket's queue holds is compared, and what it costs: a pending error fails one receive, and no send.
 */
#include "tests/conformance/conformance.h"

static unsigned char buffer[4096];

static int open_asking(void)
{
    int fd = open_icmp();
    CHECK("IP_RECVERR",
          family == AF_INET ? set_int(fd, IPPROTO_IP, IP_RECVERR, 1) : set_int(fd, IPPROTO_IPV6, IPV6_RECVERR, 1));
    return fd;
}

static void say_extended(const struct cmsghdr *c)
{
    struct sock_extended_err error;
    union place offender = {.storage = {0}};
    size_t length = c->cmsg_len - CMSG_LEN(0);
    printf("  level %d type %d, %zu bytes\n", c->cmsg_level, c->cmsg_type, length);
    bool is_error_message = (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
                            (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR);
    if (!is_error_message || length < sizeof(error))
        return;
    memcpy(&error, CMSG_DATA(c), sizeof(error));
    length -= sizeof(error);
    memcpy(&offender, CMSG_DATA(c) + sizeof(error), length < sizeof(offender) ? length : sizeof(offender));
    printf("  %s, origin %u, type %u, code %u, info %u, data %u\n", strerrorname_np((int)error.ee_errno),
           error.ee_origin, error.ee_type, error.ee_code, error.ee_info, error.ee_data);
    if (offender.any.sa_family != AF_UNSPEC)
        say_place("  offender", &offender, (socklen_t)length);
}

/* One entry of the error queue. Its data is the quoted packet from its ICMP header on, as on a ping socket. */
static bool say_entry(const char *name, int fd, size_t room, size_t control_room)
{
    static _Alignas(struct cmsghdr) unsigned char control[512];
    union place to = {.storage = {0}};
    struct iovec vector = {buffer, room};
    struct msghdr header = {.msg_name = &to,
                            .msg_namelen = sizeof(to),
                            .msg_iov = &vector,
                            .msg_iovlen = 1,
                            .msg_control = control,
                            .msg_controllen = control_room};
    errno = UNTOUCHED;
    ssize_t length = recvmsg(fd, &header, MSG_ERRQUEUE | MSG_DONTWAIT);
    say(name, length);
    if (length < 0)
        return false;
    printf("  data");
    for (ssize_t i = 0; i < length; i++)
        printf("%s%02x", i % 4 == 0 ? " " : "", buffer[i]);
    printf("\n  flags %x, controls %zu\n", (unsigned)header.msg_flags, (size_t)header.msg_controllen);
    say_place("  to", &to, header.msg_namelen);
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&header); c != NULL; c = CMSG_NXTHDR(&header, c))
        say_extended(c);
    return true;
}

static void say_pending(int fd)
{
    int pending = -1;
    CHECK("SO_ERROR", getsockopt(fd, SOL_SOCKET, SO_ERROR, &pending, &(socklen_t){sizeof(pending)}));
    printf("  is %s\n", pending > 0 ? strerrorname_np(pending) : "none");
}

static void say_events(const char *name, int fd)
{
    struct pollfd entry = {.fd = fd, .events = POLLIN};
    CHECK(name, poll(&entry, 1, 0));
    printf("  revents %x\n", (unsigned)entry.revents);
}

static void both_queues(void)
{
    static const struct {
        enum kind kind;
        unsigned variant;
    } errors[] = {{EXCEEDED, 0},    {UNREACHABLE, 0},  {UNREACHABLE, 1}, {UNREACHABLE, 2},
                  {UNREACHABLE, 3}, {UNREACHABLE, 13}, {TOO_BIG, 20},    {PARAMETER, 20},
                  {REDIRECT, 1},    {QUENCH, 0},       {SHORT_QUOTE, 0}, {EXTENDED, ONE_LABEL}};
    int fd = open_asking();
    for (size_t i = 0; i < COUNT(errors); i++) {
        if (family == AF_INET6 && (errors[i].kind == REDIRECT || errors[i].kind == QUENCH))
            continue;
        printf("kind %d, variant %u\n", errors[i].kind, errors[i].variant);
        CHECK("send", ask(fd, errors[i].kind, errors[i].variant, 7));
        settle();
        say_events("poll", fd);
        say_pending(fd);
        say_events("poll after SO_ERROR", fd);
        say_entry("entry", fd, 1000, 512);
        say_entry("no more", fd, 1000, 512);
        say_events("poll after the entry", fd);
        say_waiting("packet", fd);
        say_events("poll after the packet", fd);
    }
}

/* The other way round: the packet first. */
static void packet_first(void)
{
    int fd = open_asking();
    must("send", ask(fd, UNREACHABLE, 1, 1));
    settle();
    say_next("the first receive", fd, MSG_DONTWAIT);
    say_next("the second", fd, MSG_DONTWAIT);
    say_next("the third", fd, MSG_DONTWAIT);
    say_events("poll", fd);
    say_entry("entry", fd, 1000, 512);
    say_events("poll", fd);
    must("send", ask(fd, UNREACHABLE, 1, 1));
    settle();
    CHECK("the next send", ask(fd, UNREACHABLE, 0, 2));
    CHECK("the one after it", ask(fd, UNREACHABLE, 0, 3));
    settle();
    while (say_entry("entry", fd, 1000, 512))
        say_pending(fd);
    say_errors_first("packet", fd);
}

static void connected(void)
{
    union place to = place_of(EXCEEDED, 0);
    int fd = open_asking();
    must("connect", connect(fd, &to.any, place_size()));
    size_t length = make_echo(buffer, ID, 1, DATA);
    for (int i = 0; i < 2; i++) {
        make_echo(buffer, ID, (unsigned)i, DATA);
        CHECK("send", send(fd, buffer, length, 0));
        settle();
        say_events("poll", fd);
        CHECK("recv", recv(fd, buffer, 100, MSG_DONTWAIT));
        CHECK("recv", recv(fd, buffer, 100, MSG_DONTWAIT));
        say_entry("entry", fd, 1000, 512);
        say_events("poll", fd);
    }
    to = place_of(REPLY, PLAIN);
    must("connect", connect(fd, &to.any, place_size()));
    make_echo(buffer, ID, 9, DATA);
    CHECK("send", send(fd, buffer, length, 0));
    settle();
    say_events("poll", fd);
    say_waiting("reply", fd);
}

static void small_rooms(void)
{
    int fd = open_asking();
    for (size_t room = 0; room < 60; room += 13) {
        must("send", ask(fd, UNREACHABLE, 1, 1));
        settle();
        printf("room %zu\n", room);
        say_pending(fd);
        say_entry("entry", fd, room, 4 * room);
        say_next("packet", fd, MSG_DONTWAIT);
    }
    CHECK("peek, none", recv(fd, buffer, 100, MSG_ERRQUEUE | MSG_PEEK));
    must("send", ask(fd, UNREACHABLE, 1, 1));
    settle();
    say_pending(fd);
    CHECK("peek", recv(fd, buffer, 100, MSG_ERRQUEUE | MSG_PEEK));
    CHECK("it is gone", recv(fd, buffer, 100, MSG_ERRQUEUE));
}

static void with_controls(void)
{
    int fd = open_asking();
    bool four = family == AF_INET;
    must("TTL", set_int(fd, four ? IPPROTO_IP : IPPROTO_IPV6, four ? IP_RECVTTL : IPV6_RECVHOPLIMIT, 1));
    must("times", set_int(fd, SOL_SOCKET, SO_TIMESTAMP, 1));
    must("send", ask(fd, EXCEEDED, 0, 1));
    settle();
    say_pending(fd);
    say_entry("entry", fd, 1000, 512);
    say_waiting("packet", fd);
    CHECK("length of extensions", four ? set_int(fd, IPPROTO_IP, 26, 1) : set_int(fd, IPPROTO_IPV6, 31, 1));
    must("send", ask(fd, EXTENDED, TWO_LABELS, 1));
    settle();
    say_pending(fd);
    say_entry("entry", fd, 1000, 512);
    say_waiting("packet", fd);
}

/* Asked for late, and no more. */
static void switched(void)
{
    int fd = open_icmp();
    bool four = family == AF_INET;
    must("send", ask(fd, UNREACHABLE, 1, 1));
    settle();
    CHECK("asked for too late", set_int(fd, four ? IPPROTO_IP : IPPROTO_IPV6, four ? IP_RECVERR : IPV6_RECVERR, 1));
    say_entry("entry", fd, 1000, 512);
    say_waiting("packet", fd);
    must("send", ask(fd, UNREACHABLE, 1, 2));
    settle();
    CHECK("no more", set_int(fd, four ? IPPROTO_IP : IPPROTO_IPV6, four ? IP_RECVERR : IPV6_RECVERR, 0));
    say_entry("entry", fd, 1000, 512);
    say_errors_first("packet", fd);
    say_errors_first("packet", fd);
}

/* An error is an event even where nothing can be received. */
static void wait_for_entry(void)
{
    struct pollfd entry = {.events = 0};
    int fd = open_asking();
    entry.fd = fd;
    must("send", ask(fd, LATE_ERROR, 0, 1));
    CHECK("poll without events", poll(&entry, 1, 1000));
    printf("  revents %x\n", (unsigned)entry.revents);
    say_pending(fd);
    say_entry("entry", fd, 1000, 512);
    say_waiting("packet", fd);
    must("send", ask(fd, LATE_ERROR, 0, 1));
    CHECK("a receive that waits", recv(fd, buffer, 100, 0));
    CHECK("the next", recv(fd, buffer, 100, 0));
    say_entry("entry", fd, 1000, 512);
}

int main(void)
{
    run_case("both queues", both_queues);
    run_case("the packet first", packet_first);
    run_case("connected", connected);
    run_case("small rooms", small_rooms);
    run_case("with controls", with_controls);
    run_case("switched on late, and off", switched);
    run_case("waiting", wait_for_entry);
    return 0;
}
