/* SPDX-License-Identifier: MIT */
/*
 * A raw ICMP socket's number becomes another descriptor's while its replies come: by libc's calls, and by system calls
 * that nobody sees. Each receive and each read then gives what the other one has, to the byte.
 */
#include "tests/conformance/conformance.h"

enum { ECHO_BYTES = 8 + DATA };

static unsigned char data[4096];

/* A socket that has had a reply just now, twice, so that all is known of it that can be. */
static int known_icmp(void)
{
    int fd = open_icmp();

    for (unsigned i = 1; i <= 2; i++) {
        must("an echo", ask(fd, REPLY, PLAIN, i));
        if (take(fd, data, sizeof(data), 0, NULL) < ECHO_BYTES)
            printf("no reply\n");
    }
    return fd;
}

/* Puts `other` under the number `fd`, in sight of libc or not, and closes it. */
static void replace(int fd, int other, bool seen)
{
    if (seen)
        must("dup2", dup2(other, fd));
    else
        must("dup3", syscall(SYS_dup3, other, fd, 0));
    close(other);
}

static void say_message(const char *name, int fd, size_t room, int flags)
{
    union place from = {.storage = {0}};
    char control[256];
    struct iovec part = {data, room};
    struct msghdr message = {.msg_name = &from,
                             .msg_namelen = sizeof(from),
                             .msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};
    ssize_t length;

    memset(data, 0xee, sizeof(data));
    errno = UNTOUCHED;
    length = recvmsg(fd, &message, flags);
    say(name, length);
    if (length < 0)
        return;
    printf("  flags %x, a name of %u bytes, family %d\n", (unsigned)message.msg_flags, message.msg_namelen,
           from.any.sa_family);
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c != NULL; c = CMSG_NXTHDR(&message, c))
        printf("  control message %d/%d of %zu bytes\n", c->cmsg_level, c->cmsg_type, c->cmsg_len);
    say_text("  unix name", from.any.sa_family == AF_UNIX ? (const char *)&from + 3 : "",
             from.any.sa_family == AF_UNIX ? message.msg_namelen - 3 : 0);
    for (ssize_t i = 0; i < length + 4; i++)
        printf("%02x%s", data[i], i + 1 == length + 4 ? "\n" : "");
}

/* A UDP socket with all control messages on, and a datagram in it that looks like our echo reply. */
static int udp_like_reply(void)
{
    union place own = loopback_place();
    socklen_t size = place_size();
    unsigned char packet[200];
    size_t length = make_echo(packet, ID, 2, DATA);
    int receiver = (int)must("socket", socket(family, SOCK_DGRAM, 0));
    int sender = (int)must("socket", socket(family, SOCK_DGRAM, 0));

    packet[0] = family == AF_INET ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY;
    if (family == AF_INET) {
        must("IP_RECVTTL", set_int(receiver, IPPROTO_IP, IP_RECVTTL, 1));
        must("IP_RECVTOS", set_int(receiver, IPPROTO_IP, IP_RECVTOS, 1));
        must("IP_PKTINFO", set_int(receiver, IPPROTO_IP, IP_PKTINFO, 1));
    } else {
        must("IPV6_RECVPKTINFO", set_int(receiver, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1));
    }
    must("bind", bind(receiver, &own.any, size));
    must("getsockname", getsockname(receiver, &own.any, &size));
    for (int i = 0; i < 3; i++)
        must("sendto", sendto(sender, packet, length, 0, &own.any, size));
    must("nothing", sendto(sender, packet, 0, 0, &own.any, size));
    close(sender);
    return receiver;
}

static void by_udp(bool seen)
{
    int fd = known_icmp();

    replace(fd, udp_like_reply(), seen);
    say_message("UDP", fd, 400, 0);
    say_message("UDP that is cut", fd, 60, MSG_DONTWAIT);
    CHECK("recv", recv(fd, data, 20, 0));
    CHECK("empty", recv(fd, data, 400, 0));
    CHECK("no more", recv(fd, data, 400, MSG_DONTWAIT));
}

/* Of a stream no more may be taken than was asked for. */
static void by_stream(bool seen)
{
    int fd = known_icmp();
    unsigned char bytes[300];
    int pair[2];

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)i;
    must("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    must("write", write(pair[1], bytes, sizeof(bytes)));
    close(pair[1]);
    replace(fd, pair[0], seen);
    say_message("stream", fd, 100, 0);
    say_message("stream again", fd, 100, 0);
    CHECK("read", read(fd, data, 90));
    say_value("  the last byte", data[89]);
    CHECK("recv", recv(fd, data, 90, 0));
    say_value("  the last byte", data[9]);
    say_message("its end", fd, 100, 0);
}

static void by_pipe(bool seen)
{
    int fd = known_icmp();
    int ends[2];

    must("pipe", pipe(ends));
    must("write", write(ends[1], "some bytes in a pipe", 20));
    replace(fd, ends[0], seen);
    CHECK("recv", recv(fd, data, 100, 0));
    CHECK("read", read(fd, data, 10));
    say_text("  it is", data, 10);
    CHECK("read", read(fd, data, 100));
    say_text("  it is", data, 10);
    close(ends[1]);
    CHECK("its end", read(fd, data, 100));
}

/* With a name that is longer than any address of the internet, and with a descriptor. */
static void by_unix(bool seen)
{
    static const char name[] = "\0the name of a socket that is longer than any address of the internet";
    struct sockaddr_un own = {.sun_family = AF_UNIX};
    struct iovec part = {(char *)(uintptr_t)name, sizeof(name)};
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    struct cmsghdr *passed = CMSG_FIRSTHDR(&message);
    int fd = known_icmp();
    int ends[2];
    int pair[2];

    must("pipe", pipe(ends));
    must("write", write(ends[1], "passed", 6));
    must("socketpair", socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
    memcpy(own.sun_path, name, sizeof(name));
    own.sun_path[1] = family == AF_INET ? '4' : '6';
    must("bind", bind(pair[1], (struct sockaddr *)&own, offsetof(struct sockaddr_un, sun_path) + sizeof(name)));
    *passed = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(passed), &ends[0], sizeof(int));
    must("sendmsg", sendmsg(pair[1], &message, 0));
    close(ends[0]);
    replace(fd, pair[0], seen);
    say_message("Unix datagram", fd, 400, 0);
    /* The lowest free number is the one that came. */
    must("dup2", dup2(ends[0], ends[0]));
    CHECK("what was passed", read(ends[0], data, 100));
}

/* As if it were one of ours: a ping socket of the program's own, with the same identifier. */
static void by_ping(bool seen)
{
    union place own = {.storage = {0}};
    union place to = loopback_place();
    int fd = known_icmp();
    int ping;

    own.any.sa_family = (sa_family_t)family;
    own.inet.sin_port = htons(ID + 1);
    ping = (int)must("a ping socket", socket(family, SOCK_DGRAM, icmp_protocol()));
    must("bind", bind(ping, &own.any, place_size()));
    if (family == AF_INET)
        must("IP_RECVTTL", set_int(ping, IPPROTO_IP, IP_RECVTTL, 1));
    replace(fd, ping, seen);
    must("an echo", echo_with(fd, &to, ID, 7, DATA));
    say_message("a reply", fd, 400, 0);
}

/* The number is closed, and the next socket gets it. */
static void by_the_next(bool seen)
{
    int fd = known_icmp();
    int next;

    if (seen)
        close(fd);
    else
        syscall(SYS_close, fd);
    next = udp_like_reply();
    say_value("the same number", next == fd);
    say_message("UDP", next, 400, 0);
    close(next);
    next = open_icmp();
    say_value("the same number", next == fd);
    must("an echo", ask(next, REPLY, MARKED, 5));
    say_next("  its reply", next, 0);
    CHECK("nothing more", take(next, data, sizeof(data), MSG_DONTWAIT, NULL));
}

/* One of ours in place of another of ours. */
static void by_another(bool seen)
{
    int fd = known_icmp();
    int other = open_icmp();

    must("SO_RCVTIMEO", setsockopt(other, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_usec = 50000}, 16));
    must("an echo", echo_with(other, &(union place){.storage = place_of(REPLY, CODED).storage}, ID + 2, 9, DATA));
    replace(fd, other, seen);
    say_next("its reply", fd, 0);
    must("an echo", echo_with(fd, &(union place){.storage = place_of(UNREACHABLE, 1).storage}, ID + 2, 10, DATA));
    say_next("its error", fd, 0);
    CHECK("nothing more", take(fd, data, sizeof(data), 0, NULL));
}

#define BOTH_WAYS(case)                                                                                                \
    static void case##_seen(void)                                                                                      \
    {                                                                                                                  \
        case(true);                                                                                                    \
    }                                                                                                                  \
    static void case##_unseen(void)                                                                                    \
    {                                                                                                                  \
        case(false);                                                                                                   \
    }

BOTH_WAYS(by_udp)
BOTH_WAYS(by_stream)
BOTH_WAYS(by_pipe)
BOTH_WAYS(by_unix)
BOTH_WAYS(by_ping)
BOTH_WAYS(by_the_next)
BOTH_WAYS(by_another)

int main(void)
{
    run_case("by UDP", by_udp_seen);
    run_case("by UDP, unseen", by_udp_unseen);
    run_case("by a stream", by_stream_seen);
    run_case("by a stream, unseen", by_stream_unseen);
    run_case("by a pipe", by_pipe_seen);
    run_case("by a pipe, unseen", by_pipe_unseen);
    run_case("by a Unix socket", by_unix_seen);
    run_case("by a Unix socket, unseen", by_unix_unseen);
    run_case("by a ping socket", by_ping_seen);
    run_case("by a ping socket, unseen", by_ping_unseen);
    run_case("by the next socket", by_the_next_seen);
    run_case("by the next socket, unseen", by_the_next_unseen);
    run_case("by another one", by_another_seen);
    run_case("by another one, unseen", by_another_unseen);
    return 0;
}
