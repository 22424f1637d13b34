/* SPDX-License-Identifier: MIT */
/* Receiving: every call, every size of buffer, every flag, and packets of every shape. */
#include "tests/conformance/conformance.h"

ssize_t __recv_chk(int fd, void *buffer, size_t size, size_t room, int flags);
ssize_t __recvfrom_chk(int fd, void *buffer, size_t size, size_t room, int flags, struct sockaddr *address,
                       socklen_t *length);
ssize_t __read_chk(int fd, void *buffer, size_t size, size_t room);
ssize_t __read(int fd, void *buffer, size_t size);

static unsigned char buffer[LARGEST];

/* A reply of this shape waits on the socket. */
static void queue(int fd, unsigned variant)
{
    must("send", ask(fd, REPLY, variant, 1));
    settle();
}

static void report(const char *name, ssize_t result)
{
    say(name, result);
    if (result > 0)
        say_packet("  packet", buffer, (size_t)result, (size_t)result, NULL);
    memset(buffer, 0xee, 64);
}

/* One packet, by the call with this number; false: no such call. */
static bool receive_by(int fd, int call)
{
    union place from = {.storage = {0}};
    socklen_t size = sizeof(from);
    struct iovec vectors[2] = {{buffer, 11}, {buffer + 11, 200}};
    struct msghdr header = {.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = vectors, .msg_iovlen = 2};
    struct mmsghdr batch = {.msg_hdr = header};
    errno = UNTOUCHED;
    switch (call) {
    case 0:
        report("recv", recv(fd, buffer, 200, 0));
        break;
    case 1:
        report("recvfrom", recvfrom(fd, buffer, 200, 0, &from.any, &size));
        break;
    case 2:
        report("recvfrom without address", recvfrom(fd, buffer, 200, 0, NULL, NULL));
        break;
    case 3:
        report("recvmsg", recvmsg(fd, &header, 0));
        size = header.msg_namelen;
        break;
    case 4:
        say("recvmmsg", recvmmsg(fd, &batch, 1, 0, NULL));
        size = batch.msg_hdr.msg_namelen;
        report("  length", (ssize_t)batch.msg_len);
        break;
    case 5:
        report("read", read(fd, buffer, 200));
        break;
    case 6:
        report("__read", __read(fd, buffer, 200));
        break;
    case 7:
        report("readv", readv(fd, vectors, 2));
        break;
    case 8:
        report("__recv_chk", __recv_chk(fd, buffer, 200, sizeof(buffer), 0));
        break;
    case 9:
        report("__recvfrom_chk", __recvfrom_chk(fd, buffer, 200, sizeof(buffer), 0, &from.any, &size));
        break;
    case 10:
        report("__read_chk", __read_chk(fd, buffer, 200, sizeof(buffer)));
        break;
    default:
        return false;
    }
    say_place("  from", &from, size);
    return true;
}

static void every_call(void)
{
    int fd = open_icmp();
    for (int call = 0; call <= 10; call++) {
        queue(fd, PLAIN);
        receive_by(fd, call);
        CHECK("nothing more", recv(fd, buffer, 200, MSG_DONTWAIT));
    }
}

/* The reply comes while the call waits. */
static void every_call_waits(void)
{
    int fd = open_icmp();
    for (int call = 0; call <= 10; call += 2) {
        must("send", ask(fd, REPLY, LATE, 1));
        receive_by(fd, call);
    }
}

static void short_buffers(void)
{
    static const int flags[] = {0, MSG_TRUNC, MSG_PEEK, MSG_PEEK | MSG_TRUNC};
    int fd = open_icmp();
    for (size_t f = 0; f < COUNT(flags); f++)
        for (size_t room = 0; room <= 60; room += room < 30 ? 1 : 15) {
            if (room % 8 == 0)
                settle();
            must("send", ask(fd, REPLY, PLAIN, (unsigned)room));
            is_readable(fd, 1000);
            memset(buffer, 0xee, 64);
            printf("room %zu, flags %x ", room, (unsigned)flags[f]);
            errno = UNTOUCHED;
            ssize_t got = recv(fd, buffer, room, flags[f]);
            say("recv", got);
            if (got > 0)
                say_packet("  packet", buffer, (size_t)got < room ? (size_t)got : room, 52, NULL);
            say_value("  behind", buffer[room] == 0xee && buffer[room + 1] == 0xee);
            if (flags[f] & MSG_PEEK)
                must("the peeked one", recv(fd, buffer, 200, MSG_DONTWAIT));
            CHECK("  nothing more", recv(fd, buffer, 200, MSG_DONTWAIT));
        }
}

static void message_flags(void)
{
    static const size_t rooms[] = {0, 10, 20, 21, 28, 32, 51, 52, 53, 2000};
    static const int flags[] = {0,           MSG_TRUNC,       MSG_PEEK, MSG_DONTWAIT | MSG_PEEK | MSG_TRUNC,
                                MSG_WAITALL, MSG_CMSG_CLOEXEC};
    int fd = open_icmp();
    for (size_t f = 0; f < COUNT(flags); f++)
        for (size_t i = 0; i < COUNT(rooms); i++) {
            union place from = {.storage = {0}};
            struct iovec vector = {buffer, rooms[i]};
            struct msghdr header = {
                .msg_name = &from, .msg_namelen = i % 2 ? 9 : sizeof(from), .msg_iov = &vector, .msg_iovlen = 1};
            must("send", ask(fd, REPLY, PLAIN, 3));
            is_readable(fd, 1000);
            printf("room %zu, flags %x ", rooms[i], (unsigned)flags[f]);
            CHECK("recvmsg", recvmsg(fd, &header, flags[f]));
            printf("  flags %x, controls %zu, ", (unsigned)header.msg_flags, (size_t)header.msg_controllen);
            say_place("name", &from, header.msg_namelen);
            if (flags[f] & MSG_PEEK)
                must("the peeked one", recv(fd, buffer, 200, 0));
        }
}

static void peeking(void)
{
    int fd = open_icmp();
    must("send", ask(fd, REPLY, PLAIN, 1));
    must("send", ask(fd, REPLY, MARKED, 2));
    settle();
    for (int i = 0; i < 3; i++)
        say_next("peeked", fd, MSG_PEEK);
    say_next("taken", fd, 0);
    say_next("peeked", fd, MSG_PEEK | MSG_DONTWAIT);
    say_next("taken", fd, MSG_DONTWAIT);
    CHECK("nothing to peek at", recv(fd, buffer, 200, MSG_PEEK | MSG_DONTWAIT));
}

static void no_waiting(void)
{
    struct timeval limit = {.tv_usec = 60000};
    long long begun;
    int fd = open_icmp();
    CHECK("MSG_DONTWAIT", recv(fd, buffer, 200, MSG_DONTWAIT));
    must("SO_RCVTIMEO", setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)));
    begun = now_ms();
    CHECK("SO_RCVTIMEO", recv(fd, buffer, 200, 0));
    CHECK("SO_RCVTIMEO, read", read(fd, buffer, 200));
    CHECK("SO_RCVTIMEO, recvmmsg", recvmmsg(fd, &(struct mmsghdr){.msg_len = 0}, 1, 0, NULL));
    say_value("it waited", now_ms() - begun >= 170 && now_ms() - begun < 1000);
    must("F_SETFL", fcntl(fd, F_SETFL, O_NONBLOCK));
    CHECK("O_NONBLOCK", recv(fd, buffer, 200, 0));
    CHECK("O_NONBLOCK, readv", readv(fd, &(struct iovec){buffer, 20}, 1));
    CHECK("O_NONBLOCK, MSG_WAITALL", recv(fd, buffer, 200, MSG_WAITALL));
    CHECK("MSG_OOB", recv(fd, buffer, 200, MSG_OOB));
    CHECK("the error queue", recv(fd, buffer, 200, MSG_ERRQUEUE));
    queue(fd, PLAIN);
    say_next("there is one", fd, 0);
    CHECK("MSG_WAITFORONE", recvmmsg(fd, &(struct mmsghdr){.msg_len = 0}, 1, MSG_WAITFORONE, NULL));
    CHECK("sending does not wait", ask(fd, REPLY, PLAIN, 1));
}

/* Scattered buffers: `count` of `size` bytes. */
static void scatter(int fd, size_t count, size_t size)
{
    static struct iovec vectors[1100];
    struct msghdr header = {.msg_iov = vectors, .msg_iovlen = count};
    must("send", ask(fd, REPLY, PLAIN, 1));
    is_readable(fd, 1000);
    memset(buffer, 0xee, 4096);
    for (size_t i = 0; i < count; i++)
        vectors[i] = (struct iovec){buffer + i * size, size};
    printf("%zu of %zu bytes ", count, size);
    errno = UNTOUCHED;
    ssize_t got = recvmsg(fd, &header, 0);
    say("recvmsg", got);
    if (got > 0)
        say_packet("  packet", buffer, (size_t)got, 52, NULL);
    say_value("  behind", got < 0 || buffer[got] == 0xee);
    say_value("  flags", header.msg_flags);
    while (recv(fd, buffer, 200, MSG_DONTWAIT) > 0)
        continue;
}

static void scattered(void)
{
    static const size_t sizes[] = {1, 3, 7, 19, 20, 21, 52, 53};
    int fd = open_icmp();
    for (size_t i = 0; i < COUNT(sizes); i++)
        scatter(fd, 1 + 60 / sizes[i], sizes[i]);
    scatter(fd, 100, 1);
    scatter(fd, 10, 1);
    scatter(fd, 0, 1);
    scatter(fd, 8, 0);
    scatter(fd, 1024, 1);
    scatter(fd, 1025, 1);

    struct iovec holes[] = {{buffer, 5},      {NULL, 0},        {buffer + 5, 0},
                            {buffer + 5, 30}, {BAD_POINTER, 0}, {buffer + 35, 100}};
    queue(fd, PLAIN);
    memset(buffer, 0xee, 64);
    errno = UNTOUCHED;
    report("holes", readv(fd, holes, 6));
    queue(fd, PLAIN);
    holes[3].iov_base = BAD_POINTER;
    CHECK("a bad one", readv(fd, holes, 6));
    CHECK("the packet is gone", recv(fd, buffer, 200, MSG_DONTWAIT));
    queue(fd, PLAIN);
    CHECK("a bad buffer", recv(fd, BAD_POINTER, 200, 0));
    CHECK("the packet is gone", recv(fd, buffer, 200, MSG_DONTWAIT));
    queue(fd, PLAIN);
    CHECK("a bad header", recvmsg(fd, BAD_POINTER, 0));
    CHECK("bad vectors", recvmsg(fd, &(struct msghdr){.msg_iov = BAD_POINTER, .msg_iovlen = 1}, 0));
    CHECK("a bad address", recvfrom(fd, buffer, 200, 0, BAD_POINTER, &(socklen_t){28}));
    CHECK("a closed number", recv(999, buffer, 200, 0));
}

static void batches(void)
{
    enum { BATCH = 5 };
    struct mmsghdr batch[BATCH];
    struct iovec vectors[BATCH];
    union place from[BATCH];
    struct timespec limit = {.tv_nsec = 50000000};
    static const int flags[] = {MSG_DONTWAIT, MSG_WAITFORONE, 0, MSG_PEEK | MSG_DONTWAIT, MSG_TRUNC | MSG_DONTWAIT};
    int fd = open_icmp();
    for (size_t f = 0; f < COUNT(flags); f++) {
        memset(batch, 0, sizeof(batch));
        for (size_t i = 0; i < BATCH; i++) {
            vectors[i] = (struct iovec){buffer + 256 * i, i == 1 ? 23 : 200};
            batch[i].msg_hdr = (struct msghdr){
                .msg_iov = &vectors[i], .msg_iovlen = 1, .msg_name = &from[i], .msg_namelen = sizeof(from[i])};
        }
        for (unsigned i = 0; i < 3; i++)
            must("send", ask(fd, REPLY, i == 2 ? ELSEWHERE : PLAIN, i));
        if (flags[f] == 0) /* all five come */
            must("send", ask(fd, REPLY, TWICE, 3));
        settle();
        printf("flags %x ", (unsigned)flags[f]);
        errno = UNTOUCHED;
        int count = recvmmsg(fd, batch, BATCH, flags[f], flags[f] == 0 ? &limit : NULL);
        say("recvmmsg", count);
        for (int i = 0; i < count; i++) {
            size_t length = batch[i].msg_len;
            size_t room = vectors[i].iov_len;
            say_packet("  packet", vectors[i].iov_base, length < room ? length : room, 52, NULL);
            say_value("  flags", batch[i].msg_hdr.msg_flags);
            say_place("  from", &from[i], batch[i].msg_hdr.msg_namelen);
        }
        while (recv(fd, buffer, 200, MSG_DONTWAIT) > 0)
            continue;
    }
    CHECK("a batch of none", recvmmsg(fd, batch, 0, 0, NULL));
    CHECK("nothing waits", recvmmsg(fd, batch, BATCH, MSG_DONTWAIT, NULL));
}

static void shapes(void)
{
    static const unsigned variants[] = {PLAIN,     MARKED, ROUTED,    ELSEWHERE,     TWICE,
                                        TRUNCATED, GROWN,  FRAGMENTS, DONT_FRAGMENT, CODED};
    int fd = open_icmp();
    for (size_t i = 0; i < COUNT(variants); i++) {
        printf("variant %u\n", variants[i]);
        queue(fd, variants[i]);
        say_waiting("  reply", fd);
    }
    for (size_t data = 0; data < 20; data += data < 5 ? 1 : 7) {
        union place to = place_of(REPLY, PLAIN);
        must("send", echo_with(fd, &to, ID, (unsigned)data, data));
        say_next("small", fd, 0);
    }
}

/*
 * A reply that is far longer than any request, and than the room. How long the first one is in truth a ping socket does
 * not tell: the length in its header, and so that header's checksum, are not compared.
 */
static void longer_than_asked(void)
{
    static const int flags[] = {0, 0, MSG_TRUNC, 0};
    int fd = open_icmp();
    must("send", ask(fd, REPLY, PLAIN, 1));
    say_next("as long as asked", fd, 0);
    for (size_t i = 0; i < COUNT(flags); i++) {
        must("send", ask(fd, REPLY, SWOLLEN, 2));
        is_readable(fd, 1000);
        memset(buffer, 0xee, 200);
        CHECK("longer", recv(fd, buffer, 120, flags[i]));
        if (i == 0 && family == AF_INET)
            buffer[2] = buffer[3] = 0;
        say_packet("  packet", buffer, 120, 252, NULL);
        say_value("  behind", buffer[120] == 0xee && buffer[121] == 0xee);
    }
    must("send", ask(fd, REPLY, SWOLLEN, 3));
    say_next("with room", fd, 0);
}

/* On loopback, where packets of any size go. */
static void large(void)
{
    static const size_t sizes[] = {0, 1, 1000, 1473, 8000, 30001, 65507};
    union place to = loopback_place();
    int fd = open_icmp();
    for (size_t i = 0; i < COUNT(sizes); i++) {
        say_value("sent", echo_with(fd, &to, ID, 9, sizes[i]));
        say_next("large", fd, 0);
        CHECK("nothing more", take(fd, buffer, sizeof(buffer), MSG_DONTWAIT, NULL));
    }
    CHECK("too large", echo_with(fd, &to, ID, 9, 65600));
}

int main(void)
{
    run_case("every call", every_call);
    run_case("every call waits", every_call_waits);
    run_case("short buffers", short_buffers);
    run_case("message flags", message_flags);
    run_case("peeking", peeking);
    run_case("no waiting", no_waiting);
    run_case("scattered", scattered);
    run_case("batches", batches);
    run_case("shapes", shapes);
    run_case("longer than asked", longer_than_asked);
    run_case("large", large);
    return 0;
}
