/* SPDX-License-Identifier: MIT */
/*
 * Every way to send to a peer that no rule refuses: run bare and with the shim, the output must be the same.
 */
#include "hook_test.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/uio.h>

static int out, in, in6;      /* UDP on 127.0.0.1 and ::1 */
static int client, server;    /* the two ends of a TCP connection */
static int listener;          /* and a third */
static struct sockaddr_in to; /* in */
static struct sockaddr_in6 to6;
static char *unreadable; /* a page that nobody may read, behind one that is free to all */
static size_t page;
static char large[70000];

/* Of what lengths the datagrams are that wait, and how many bytes of the stream. */
static void say_arrived(int fd)
{
    char buffer[64];
    long got;

    printf("  arrived:");
    while ((got = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT | MSG_TRUNC)) >= 0 && got + fd > 0)
        printf(" %ld", got);
    printf("\n");
}

static void sendto_addresses(void)
{
    static const int lengths[] = {0, 1, 2, 8, 15, 16, 17, 28, 128, 129, 4096, -1, -4096};
    static union {
        struct sockaddr any;
        struct sockaddr_in inet;
        char bytes[8192];
    } peer;

    for (size_t i = 0; i < COUNT(lengths); i++) {
        struct iovec part = {(char[]){"ab"}, 2};
        struct mmsghdr entry = {.msg_hdr = {.msg_name = &peer, .msg_iov = &part, .msg_iovlen = 1}};

        peer.inet = to;
        entry.msg_hdr.msg_namelen = (socklen_t)lengths[i];
        printf("%d bytes ", lengths[i]);
        CHECK("sendto", sendto(out, "a", 1, 0, &peer.any, (socklen_t)lengths[i]));
        CHECK("  sendmsg", sendmsg(out, &entry.msg_hdr, 0));
        CHECK("  sendmmsg", sendmmsg(out, &entry, 1, 0));
        say_arrived(in);
        entry.msg_hdr.msg_name = NO_POINTER;
        CHECK("  sendto nobody", sendto(out, "a", 1, 0, NO_POINTER, (socklen_t)lengths[i]));
        CHECK("  sendmsg nobody", sendmsg(out, &entry.msg_hdr, 0));
        entry.msg_hdr.msg_name = BAD_POINTER;
        CHECK("  sendto, bad pointer", sendto(out, "a", 1, 0, BAD_POINTER, (socklen_t)lengths[i]));
        CHECK("  sendmsg, bad pointer", sendmsg(out, &entry.msg_hdr, 0));
        CHECK("  sendmmsg, bad pointer", sendmmsg(out, &entry, 1, 0));
        say_arrived(in);
    }
}

/* The data and how much of it. */
static void sendto_data(void)
{
    struct sockaddr *peer = (struct sockaddr *)&to;

    CHECK("nothing", sendto(out, "", 0, 0, peer, sizeof(to)));
    CHECK("nothing from nowhere", sendto(out, NULL, 0, 0, peer, sizeof(to)));
    CHECK("something from nowhere", sendto(out, NO_POINTER, 1, 0, peer, sizeof(to)));
    CHECK("a bad pointer", sendto(out, BAD_POINTER, 1, 0, peer, sizeof(to)));
    CHECK("unreadable data", sendto(out, unreadable, 10, 0, peer, sizeof(to)));
    CHECK("half unreadable data", sendto(out, unreadable - 5, 10, 0, peer, sizeof(to)));
    CHECK("the readable half", sendto(out, unreadable - 5, 5, 0, peer, sizeof(to)));
    CHECK("an endless datagram", sendto(out, large, ENDLESS, 0, peer, sizeof(to)));
    CHECK("the largest datagram", sendto(out, large, 65507, 0, peer, sizeof(to)));
    CHECK("a datagram too large", sendto(out, large, 65508, 0, peer, sizeof(to)));
    CHECK("IPv6", sendto(out, "x", 1, 0, (struct sockaddr *)&to6, sizeof(to6)));
    say_arrived(in);
    CHECK("MSG_DONTWAIT", sendto(out, "abc", 3, MSG_DONTWAIT, peer, sizeof(to)));
    CHECK("MSG_NOSIGNAL", sendto(out, "abc", 3, MSG_NOSIGNAL, peer, sizeof(to)));
    CHECK("MSG_CONFIRM", sendto(out, "abc", 3, MSG_CONFIRM, peer, sizeof(to)));
    CHECK("MSG_OOB", sendto(out, "abc", 3, MSG_OOB, peer, sizeof(to)));
    CHECK("MSG_MORE", sendto(out, "abc", 3, MSG_MORE, peer, sizeof(to)));
    CHECK("the rest of it", sendto(out, "def", 3, 0, peer, sizeof(to)));
    CHECK("MSG_FASTOPEN", sendto(out, "abc", 3, MSG_FASTOPEN, peer, sizeof(to)));
    CHECK("unknown flags", sendto(out, "abc", 3, 0x00700000, peer, sizeof(to)));
    say_arrived(in);
}

static void sendmsg_parts(void)
{
    struct iovec parts[4] = {{(char[]){"ab"}, 2}, {NULL, 0}, {(char[]){"cde"}, 3}, {(char[]){"f"}, 1}};
    struct msghdr header = {.msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = parts, .msg_iovlen = 4};
    static struct iovec many[IOV_MAX + 1];

    CHECK("four parts", sendmsg(out, &header, 0));
    header.msg_iovlen = 0;
    CHECK("no parts", sendmsg(out, &header, 0));
    header.msg_iov = NULL;
    CHECK("no parts nowhere", sendmsg(out, &header, 0));
    header.msg_iovlen = 1;
    header.msg_iov = NO_POINTER;
    CHECK("one part nowhere", sendmsg(out, &header, 0));
    header.msg_iov = BAD_POINTER;
    CHECK("parts at a bad pointer", sendmsg(out, &header, 0));
    header.msg_iov = many;
    header.msg_iovlen = IOV_MAX;
    CHECK("as many parts as may be", sendmsg(out, &header, 0));
    header.msg_iovlen = IOV_MAX + 1;
    CHECK("too many parts", sendmsg(out, &header, 0));
    header.msg_iovlen = ENDLESS;
    CHECK("endless parts", sendmsg(out, &header, 0));
    header.msg_iov = parts;
    header.msg_iovlen = 2;
    parts[1] = (struct iovec){BAD_POINTER, 1};
    CHECK("a bad part", sendmsg(out, &header, 0));
    parts[1] = (struct iovec){NO_POINTER, 1};
    CHECK("a part nowhere", sendmsg(out, &header, 0));
    parts[1] = (struct iovec){unreadable, 1};
    CHECK("an unreadable part", sendmsg(out, &header, 0));
    parts[1] = (struct iovec){unreadable - 3, 6};
    CHECK("a half unreadable part", sendmsg(out, &header, 0));
    parts[1] = (struct iovec){unreadable - 3, 3};
    CHECK("its readable half", sendmsg(out, &header, 0));
    parts[1] = (struct iovec){large, ENDLESS};
    CHECK("an endless part", sendmsg(out, &header, 0));
    CHECK("no message", sendmsg(out, NO_POINTER, 0));
    CHECK("a bad message", sendmsg(out, BAD_POINTER, 0));
    say_arrived(in);
}

/* Control messages: what a packet is to carry, and descriptors. */
static void sendmsg_control(void)
{
    struct iovec part = {(char[]){"abc"}, 3};
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
    struct msghdr header = {.msg_name = &to,
                            .msg_namelen = sizeof(to),
                            .msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = control,
                            .msg_controllen = sizeof(control)};
    struct cmsghdr *message = CMSG_FIRSTHDR(&header);
    struct carrier carrier;
    int pair[2], ttl = 9;

    *message = (struct cmsghdr){.cmsg_level = IPPROTO_IP, .cmsg_type = IP_TTL, .cmsg_len = CMSG_LEN(sizeof(int))};
    memcpy(CMSG_DATA(message), &ttl, sizeof(ttl));
    CHECK("IP_TTL", sendmsg(out, &header, 0));
    ttl = 900;
    memcpy(CMSG_DATA(message), &ttl, sizeof(ttl));
    CHECK("IP_TTL too large", sendmsg(out, &header, 0));
    message->cmsg_len = 5;
    CHECK("control message too short", sendmsg(out, &header, 0));
    message->cmsg_len = 500;
    CHECK("control message too long", sendmsg(out, &header, 0));
    header.msg_control = BAD_POINTER;
    CHECK("control at a bad pointer", sendmsg(out, &header, 0));
    header.msg_controllen = 0;
    CHECK("no control at a bad pointer", sendmsg(out, &header, 0));
    header.msg_control = control;
    header.msg_controllen = ENDLESS;
    CHECK("endless control", sendmsg(out, &header, 0));
    say_arrived(in);
    must("socketpair", socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
    carrier_make(&carrier, "fd", out);
    CHECK("a descriptor", sendmsg(pair[0], &carrier.header, 0));
    carrier_make(&carrier, "fd", 9999);
    CHECK("a closed descriptor", sendmsg(pair[0], &carrier.header, 0));
    carrier_make(&carrier, "", -1);
    CHECK("is received", recvmsg(pair[1], &carrier.header, 0));
    say_value("is there", carried(&carrier.header) > 2);
    close(carried(&carrier.header));
    close(pair[0]);
    close(pair[1]);
}

/* Batches: what they return and what they leave in msg_len. */

static struct iovec batch_parts[3] = {{large, 1}, {large, 22}, {large, 333}};
static struct mmsghdr batch[1030];

static void batch_make(void)
{
    for (size_t i = 0; i < COUNT(batch); i++)
        batch[i] = (struct mmsghdr){
            .msg_hdr = {.msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &batch_parts[i % 3], .msg_iovlen = 1},
            .msg_len = 7777};
}

static void batch_say(const char *name, int fd, unsigned count, int flags)
{
    CHECK(name, sendmmsg(fd, batch, count, flags));
    printf("  lengths: %u %u %u %u\n", batch[0].msg_len, batch[1].msg_len, batch[2].msg_len, batch[3].msg_len);
    say_arrived(in);
    batch_make();
}

static void batches(void)
{
    batch_make();
    batch_say("batch of three", out, 3, 0);
    batch_say("batch of none", out, 0, 0);
    CHECK("batch of none nowhere", sendmmsg(out, NO_POINTER, 0, 0));
    CHECK("batch of one nowhere", sendmmsg(out, NO_POINTER, 1, 0));
    CHECK("batch at a bad pointer", sendmmsg(out, BAD_POINTER, 1, 0));
    CHECK("batch of a closed descriptor", sendmmsg(9999, batch, 3, 0));
    for (unsigned bad = 0; bad < 3; bad++) {
        printf("entry %u ", bad);
        batch[bad].msg_hdr.msg_namelen = 3;
        batch_say("with a short address", out, 3, 0);
        printf("entry %u ", bad);
        batch[bad].msg_hdr.msg_name = BAD_POINTER;
        batch_say("with a bad address", out, 3, 0);
        printf("entry %u ", bad);
        batch[bad].msg_hdr.msg_iov = BAD_POINTER;
        batch_say("with bad parts", out, 3, 0);
        printf("entry %u ", bad);
        batch[bad].msg_hdr.msg_iov = &(struct iovec){large, 65508};
        batch_say("too large", out, 3, 0);
        printf("entry %u ", bad);
        batch[bad].msg_hdr.msg_name = NULL;
        batch_say("to nobody", out, 3, 0);
        printf("entry %u ", bad);
        batch[bad].msg_hdr.msg_namelen = 200;
        batch_say("with a long address", out, 3, 0);
    }
    for (size_t i = 0; i < COUNT(batch); i++)
        batch[i].msg_hdr.msg_iovlen = 0;
    CHECK("batch of too many", sendmmsg(out, batch, COUNT(batch), 0));
    while (recv(in, large, 1, MSG_DONTWAIT) >= 0)
        continue;
}

/* Streams, whose addresses are ignored. */

static volatile sig_atomic_t pipes;

static void on_pipe(int number)
{
    (void)number;
    pipes++;
}

static void stream_say(const char *name, int fd)
{
    struct iovec part = {(char[]){"abc"}, 3};
    struct mmsghdr entry = {.msg_hdr = {.msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &part, .msg_iovlen = 1}};

    pipes = 0;
    printf("%s ", name);
    CHECK("sendto", sendto(fd, "abc", 3, 0, (struct sockaddr *)&to, sizeof(to)));
    CHECK("  sendto, short", sendto(fd, "abc", 3, 0, (struct sockaddr *)&to, 5));
    CHECK("  sendto, long", sendto(fd, "abc", 3, 0, (struct sockaddr *)&to, 500));
    CHECK("  sendto, no address", sendto(fd, "abc", 3, 0, NULL, 0));
    CHECK("  sendto, nothing", sendto(fd, "", 0, 0, (struct sockaddr *)&to, sizeof(to)));
    CHECK("  sendmsg", sendmsg(fd, &entry.msg_hdr, 0));
    CHECK("  sendmmsg", sendmmsg(fd, &entry, 1, 0));
    CHECK("  MSG_NOSIGNAL", sendto(fd, "abc", 3, MSG_NOSIGNAL, (struct sockaddr *)&to, sizeof(to)));
    CHECK("  MSG_OOB", sendto(fd, "a", 1, MSG_OOB, (struct sockaddr *)&to, sizeof(to)));
    CHECK("  MSG_FASTOPEN", sendto(fd, "a", 1, MSG_FASTOPEN, (struct sockaddr *)&to, sizeof(to)));
    printf("  SIGPIPE: %d\n", (int)pipes);
}

static void streams(void)
{
    struct sockaddr_in address = inet_address("127.0.0.1", port_of(listener));
    int unconnected = (int)must("socket", socket(AF_INET, SOCK_STREAM, 0));
    int pair[2];

    signal(SIGPIPE, on_pipe);
    client = (int)must("socket", socket(AF_INET, SOCK_STREAM, 0));
    must("connect", connect(client, (struct sockaddr *)&address, sizeof(address)));
    server = (int)must("accept", accept(listener, NULL, NULL));
    stream_say("connected", client);
    stream_say("accepted", server);
    shutdown(client, SHUT_WR);
    stream_say("shut down", client);
    stream_say("unconnected", unconnected);
    stream_say("listening", listener);
    must("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    stream_say("pair", pair[0]);
    close(pair[1]);
    stream_say("half a pair", pair[0]);
    close(pair[0]);
    close(unconnected);
    close(client);
    close(server);
}

/* Connecting by sending. */
static void fast_open(const char *name, int family, int flags, const void *address, socklen_t length)
{
    for (int form = 0; form < 3; form++) {
        struct iovec parts[2] = {{(char[]){"ab"}, 2}, {(char[]){"cd"}, 2}};
        struct mmsghdr entries[2] = {{.msg_hdr = {.msg_name = (void *)(uintptr_t)address,
                                                  .msg_namelen = length,
                                                  .msg_iov = parts,
                                                  .msg_iovlen = 2}},
                                     {.msg_hdr = {.msg_iov = parts, .msg_iovlen = 2}}};
        int fd = (int)must("socket", socket(family, SOCK_STREAM | (flags & SOCK_NONBLOCK), 0));
        struct sockaddr_storage peer;
        socklen_t peer_length = sizeof(peer);

        printf("Fast Open, %s ", name);
        if (form == 0)
            CHECK("sendto", sendto(fd, "abcd", 4, MSG_FASTOPEN | MSG_NOSIGNAL, address, length));
        else if (form == 1)
            CHECK("sendmsg", sendmsg(fd, &entries[0].msg_hdr, MSG_FASTOPEN | MSG_NOSIGNAL));
        else
            CHECK("sendmmsg", sendmmsg(fd, entries, 2, MSG_FASTOPEN | MSG_NOSIGNAL));
        CHECK("  peer", getpeername(fd, (struct sockaddr *)&peer, &peer_length));
        CHECK("  without it", send(fd, "x", 1, MSG_NOSIGNAL));
        close(fd);
    }
}

static void fast_opens(void)
{
    struct sockaddr_in there = inet_address("127.0.0.1", port_of(listener));
    struct sockaddr_in6 mapped = inet6_address("::ffff:127.0.0.1", port_of(listener));
    struct sockaddr_in nobody = to; /* a UDP port */
    struct sockaddr_in unspecified = there;

    unspecified.sin_family = AF_UNSPEC;
    fast_open("somebody", AF_INET, 0, &there, sizeof(there));
    fast_open("somebody, non-blocking", AF_INET, SOCK_NONBLOCK, &there, sizeof(there));
    fast_open("somebody, v4-mapped", AF_INET6, 0, &mapped, sizeof(mapped));
    fast_open("somebody, inet on inet6", AF_INET6, 0, &there, sizeof(there));
    fast_open("nobody", AF_INET, 0, &nobody, sizeof(nobody));
    fast_open("inet6 on inet", AF_INET, 0, &mapped, sizeof(mapped));
    fast_open("AF_UNSPEC", AF_INET, 0, &unspecified, sizeof(unspecified));
    fast_open("no address", AF_INET, 0, NULL, 0);
    fast_open("short address", AF_INET, 0, &there, 5);
}

/* Cancellation. */

static int pair_full[2];

static void fill_pair(void)
{
    must("socketpair", socketpair(AF_UNIX, SOCK_DGRAM, 0, pair_full));
    while (send(pair_full[0], large, 100, MSG_DONTWAIT) > 0)
        continue;
}

static void *blocked_sendto(void *argument)
{
    (void)argument;
    sendto(pair_full[0], "x", 1, 0, NULL, 0);
    return NULL;
}

static void *blocked_sendmmsg(void *argument)
{
    struct iovec part = {large, 1};
    struct mmsghdr entry = {.msg_hdr = {.msg_iov = &part, .msg_iovlen = 1}};

    (void)argument;
    sendmmsg(pair_full[0], &entry, 1, 0);
    return NULL;
}

static void *pending_sendto(void *argument)
{
    (void)argument;
    pthread_cancel(pthread_self());
    sendto(out, "x", 1, 0, (struct sockaddr *)&to, sizeof(to));
    return NULL;
}

static void *pending_sendmsg(void *argument)
{
    struct iovec part = {large, 1};
    struct msghdr header = {.msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &part, .msg_iovlen = 1};

    (void)argument;
    pthread_cancel(pthread_self());
    sendmsg(out, &header, 0);
    return NULL;
}

int main(void)
{
    deadline(30);
    page = (size_t)sysconf(_SC_PAGESIZE);
    unreadable = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unreadable += page;
    must("mprotect", mprotect(unreadable, page, PROT_NONE));
    in = bound("127.0.0.1", 0, SOCK_DGRAM);
    in6 = bound("::1", 0, SOCK_DGRAM);
    out = bound("127.0.0.1", 0, SOCK_DGRAM);
    listener = bound("127.0.0.1", 0, SOCK_STREAM);
    must("listen", listen(listener, 100));
    to = inet_address("127.0.0.1", port_of(in));
    to6 = inet6_address("::1", port_of(in6));

    sendto_addresses();
    sendto_data();
    sendmsg_parts();
    sendmsg_control();
    batches();
    streams();
    fast_opens();
    fill_pair();
    run_cancelled("sendto cancelled while it waits", blocked_sendto, true);
    run_cancelled("sendmmsg cancelled while it waits", blocked_sendmmsg, true);
    run_cancelled("sendto cancelled before", pending_sendto, false);
    run_cancelled("sendmsg cancelled before", pending_sendmsg, false);
    say_arrived(in);
    return 0;
}
