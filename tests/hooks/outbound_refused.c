/* SPDX-License-Identifier: MIT */
/*
 * Peers that the policy refuses are refused by every call that reaches one, however they are written.
 */
#include "refusal.h"

#include <pthread.h>

static int catcher, catcher_lite; /* whatever UDP and UDP-Lite reach here */
static int listener;              /* and TCP */
static uint16_t port;             /* of all three, on every address */

static int setup(void **state)
{
    struct sockaddr_in6 any = inet6_address("::", 0);

    (void)state;
    deadline(20);
    catcher = bound("::", 0, SOCK_DGRAM);
    port = port_of(catcher);
    any.sin6_port = htons(port);
    listener = (int)must("socket", socket(AF_INET6, SOCK_STREAM, 0));
    must("bind", bind(listener, (struct sockaddr *)&any, sizeof(any)));
    must("listen", listen(listener, 100));
    catcher_lite = socket(AF_INET6, SOCK_DGRAM, IPPROTO_UDPLITE);
    if (catcher_lite >= 0)
        must("bind", bind(catcher_lite, (struct sockaddr *)&any, sizeof(any)));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    close(catcher);
    close(catcher_lite);
    close(listener);
    return 0;
}

static void assert_nothing_came(void)
{
    assert_false(is_readable(catcher, 0));
    assert_true(catcher_lite < 0 || !is_readable(catcher_lite, 0));
    assert_false(is_readable(listener, 0));
}

/* The three ways to send one datagram, or to open a connection by it. */
enum form { BY_SENDTO, BY_SENDMSG, BY_SENDMMSG, FORMS };

static long send_by(enum form form, int fd, int flags, const union peer *peer, socklen_t length)
{
    struct iovec parts[3] = {{(char[]){"da"}, 2}, {NULL, 0}, {(char[]){"ta"}, 2}};
    struct mmsghdr entry = {
        .msg_hdr = {.msg_name = (void *)(uintptr_t)peer, .msg_namelen = length, .msg_iov = parts, .msg_iovlen = 3}};
    int sent;

    switch (form) {
    case BY_SENDTO:
        return sendto(fd, "data", 4, flags, &peer->any, length);
    case BY_SENDMSG:
        return sendmsg(fd, &entry.msg_hdr, flags);
    case BY_SENDMMSG:
    default:
        sent = sendmmsg(fd, &entry, 1, flags);
        return sent == 1 ? (long)entry.msg_len : sent;
    }
}

/* Sockets by which a peer can be reached; those that this kernel lacks are left out. */
static const struct kind {
    int type, protocol;
} streams[] = {{SOCK_STREAM, 0}, {SOCK_STREAM | SOCK_NONBLOCK, 0}, {SOCK_STREAM, IPPROTO_MPTCP}},
  datagrams[] = {{SOCK_DGRAM, 0}, {SOCK_DGRAM | SOCK_NONBLOCK, 0}, {SOCK_DGRAM, IPPROTO_UDPLITE}};

/* Every call of every socket of `family` to the peer fails with `error`. */
static void assert_unreachable(int family, const union peer *peer, int error)
{
    for (size_t i = 0; i < COUNT(streams); i++) {
        int fd = socket(family, streams[i].type, streams[i].protocol);

        if (fd < 0)
            continue;
        assert_refused(error, connect(fd, &peer->any, size_of(peer)));
        for (enum form form = 0; form < FORMS; form++)
            assert_refused(error, send_by(form, fd, MSG_FASTOPEN | MSG_NOSIGNAL, peer, size_of(peer)));
        close(fd);
    }
    for (size_t i = 0; i < COUNT(datagrams); i++) {
        int fd = socket(family, datagrams[i].type, datagrams[i].protocol);

        if (fd < 0)
            continue;
        assert_refused(error, connect(fd, &peer->any, size_of(peer)));
        for (enum form form = 0; form < FORMS; form++) {
            assert_refused(error, send_by(form, fd, 0, peer, size_of(peer)));
            assert_refused(error, send_by(form, fd, MSG_FASTOPEN, peer, size_of(peer)));
        }
        close(fd);
    }
    assert_nothing_came();
}

static void refused_however_written(void **state)
{
    union peer four = peer_of("192.0.2.2", port);
    union peer six = peer_of("2001:db8::2", port);
    union peer mapped = peer_of("::ffff:192.0.2.2", port);

    (void)state;
    assert_unreachable(AF_INET, &four, EHOSTUNREACH);
    assert_unreachable(AF_INET6, &four, EHOSTUNREACH);
    assert_unreachable(AF_INET6, &six, EHOSTUNREACH);
    assert_unreachable(AF_INET6, &mapped, EHOSTUNREACH);
}

/* 0.0.0.0 and :: are loopback. */
static void refused_as_loopback(void **state)
{
    static const char *const texts[] = {"127.0.0.1", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1", "::ffff:0.0.0.0"};

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        union peer peer = peer_of(texts[i], 45620);
        int fd;

        assert_unreachable(AF_INET6, &peer, ENETDOWN);
        if (peer.any.sa_family == AF_INET)
            assert_unreachable(AF_INET, &peer, ENETDOWN);
        /* another port is not refused */
        peer = peer_of(texts[i], port);
        fd = open_one(peer.any.sa_family, SOCK_DGRAM, 0);
        for (enum form form = 0; form < FORMS; form++)
            assert_gives(4, send_by(form, fd, 0, &peer, size_of(&peer)));
        close(fd);
        for (enum form form = 0; form < FORMS; form++)
            assert_int_equal(recv(catcher, (char[8]){0}, 8, MSG_DONTWAIT), 4);
    }
}

/* AF_UNSPEC is AF_INET for IPv4 datagrams; over-long names are cut by sendmsg and taken. */
static void refused_by_the_kernels_reading(void **state)
{
    union peer peer = peer_of("192.0.2.2", port);
    int fd = open_one(AF_INET, SOCK_DGRAM, 0);
    int six = open_one(AF_INET6, SOCK_DGRAM, 0);

    (void)state;
    assert_refused(EHOSTUNREACH, send_by(BY_SENDMSG, fd, 0, &peer, 129));
    assert_refused(EHOSTUNREACH, send_by(BY_SENDMMSG, fd, 0, &peer, 1 << 20));
    peer.any.sa_family = AF_UNSPEC;
    for (enum form form = 0; form < FORMS; form++) {
        assert_refused(EHOSTUNREACH, send_by(form, fd, 0, &peer, sizeof(peer.inet)));
        assert_refused(EDESTADDRREQ, send_by(form, six, 0, &peer, sizeof(peer.inet6)));
        assert_refused(EINVAL, send_by(form, fd, 0, &peer, 15));
    }
    assert_gives(0, connect(fd, &peer.any, sizeof(peer.any)));
    close(fd);
    close(six);
    assert_nothing_came();
}

/* A socket that is connected to somebody else is still judged by the address that a datagram names. */
static void refused_past_the_connection(void **state)
{
    union peer friend_ = peer_of("192.0.2.1", port);
    union peer denied = peer_of("192.0.2.2", port);
    int fd = open_one(AF_INET, SOCK_DGRAM, 0);
    int stream = open_one(AF_INET, SOCK_STREAM, 0);
    int server;

    (void)state;
    assert_gives(0, connect(fd, &friend_.any, sizeof(friend_.inet)));
    for (enum form form = 0; form < FORMS; form++)
        assert_refused(EHOSTUNREACH, send_by(form, fd, 0, &denied, sizeof(denied.inet)));
    assert_refused(EHOSTUNREACH, connect(fd, &denied.any, sizeof(denied.inet)));
    assert_nothing_came();
    assert_gives(4, send(fd, "data", 4, 0));
    assert_int_equal(recv(catcher, (char[8]){0}, 8, 0), 4);
    /* a stream ignores the address, but for a Fast Open */
    assert_gives(0, connect(stream, &friend_.any, sizeof(friend_.inet)));
    server = (int)must("accept", accept(listener, NULL, NULL));
    for (enum form form = 0; form < FORMS; form++)
        assert_gives(4, send_by(form, stream, MSG_NOSIGNAL, &denied, sizeof(denied.inet)));
    close(fd);
    close(stream);
    close(server);
}

/* Protocols. */

static void assert_by_protocol(int family, const char *text, uint16_t base, bool tcp)
{
    union peer peer = peer_of(text, base);
    int error = tcp ? EPERM : EACCES;

    for (size_t i = 0; i < COUNT(streams); i++) {
        int fd = socket(family, streams[i].type & ~SOCK_NONBLOCK, streams[i].protocol);

        if (fd < 0)
            continue;
        for (enum form form = 0; form < FORMS; form++)
            assert_refused(tcp ? error : ECONNREFUSED,
                           send_by(form, fd, MSG_FASTOPEN | MSG_NOSIGNAL, &peer, size_of(&peer)));
        assert_refused(tcp ? error : ECONNREFUSED, connect(fd, &peer.any, size_of(&peer)));
        close(fd);
    }
    for (size_t i = 0; i < COUNT(datagrams); i++) {
        int fd = socket(family, datagrams[i].type, datagrams[i].protocol);

        if (fd < 0)
            continue;
        for (enum form form = 0; form < FORMS; form++) {
            if (tcp)
                assert_gives(4, send_by(form, fd, 0, &peer, size_of(&peer)));
            else
                assert_refused(error, send_by(form, fd, 0, &peer, size_of(&peer)));
        }
        if (tcp)
            assert_gives(0, connect(fd, &peer.any, size_of(&peer)));
        else
            assert_refused(error, connect(fd, &peer.any, size_of(&peer)));
        close(fd);
    }
}

static void refused_by_protocol(void **state)
{
    (void)state;
    assert_by_protocol(AF_INET, "192.0.2.1", 45630, true);
    assert_by_protocol(AF_INET, "192.0.2.1", 45639, true);
    assert_by_protocol(AF_INET, "192.0.2.1", 45640, false);
    assert_by_protocol(AF_INET6, "2001:db8::1", 45635, true);
    assert_by_protocol(AF_INET6, "2001:db8::1", 45645, false);
    assert_by_protocol(AF_INET6, "::ffff:192.0.2.1", 45635, true);
    assert_by_protocol(AF_INET6, "::ffff:192.0.2.1", 45645, false);
}

static void excepted(void **state)
{
    union peer friend_ = peer_of("192.0.2.1", port);
    union peer stranger = peer_of("192.0.2.77", port);
    union peer stranger6 = peer_of("2001:db8::77", port);
    int fd = open_one(AF_INET, SOCK_STREAM, 0);

    (void)state;
    assert_unreachable(AF_INET, &stranger, EADDRNOTAVAIL);
    assert_unreachable(AF_INET6, &stranger6, EADDRNOTAVAIL);
    assert_gives(0, connect(fd, &friend_.any, sizeof(friend_.inet)));
    close((int)must("accept", accept(listener, NULL, NULL)));
    close(fd);
}

/* drop */

static void dropped(void **state)
{
    static const char *const texts[] = {"192.0.2.3", "2001:db8::3", "::ffff:192.0.2.3"};

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        union peer peer = peer_of(texts[i], port);
        long began = milliseconds();

        for (size_t j = 0; j < COUNT(streams); j++) {
            int fd = socket(peer.any.sa_family, streams[j].type, streams[j].protocol);

            assert_refused(ETIMEDOUT, connect(fd, &peer.any, size_of(&peer)));
            for (enum form form = 0; form < FORMS; form++)
                assert_refused(ETIMEDOUT, send_by(form, fd, MSG_FASTOPEN | MSG_NOSIGNAL, &peer, size_of(&peer)));
            close(fd);
        }
        for (size_t j = 0; j < COUNT(datagrams); j++) {
            int fd = socket(peer.any.sa_family, datagrams[j].type, datagrams[j].protocol);

            assert_refused(ETIMEDOUT, connect(fd, &peer.any, size_of(&peer)));
            for (enum form form = 0; form < FORMS; form++)
                assert_gives(4, send_by(form, fd, form == BY_SENDMSG ? MSG_FASTOPEN : 0, &peer, size_of(&peer)));
            assert_gives(0, sendto(fd, NULL, 0, 0, &peer.any, size_of(&peer)));
            close(fd);
        }
        assert_true(milliseconds() - began < 1000);
    }
    assert_nothing_came();
}

/* What could not have been sent is no success either. */
static void dropped_nowhere(void **state)
{
    union peer peer = peer_of("192.0.2.3", port);
    int file = open("/dev/null", O_RDWR);

    (void)state;
    for (enum form form = 0; form < FORMS; form++) {
        assert_refused(EBADF, send_by(form, -1, 0, &peer, sizeof(peer.inet)));
        assert_refused(EBADF, send_by(form, 9999, 0, &peer, sizeof(peer.inet)));
        assert_refused(ENOTSOCK, send_by(form, file, 0, &peer, sizeof(peer.inet)));
    }
    close(file);
}

/* Batches. */

static struct iovec part = {(char[]){"data"}, 4};

/* A batch to one address for each letter: a(llowed), d(enied), s(wallowed), u(nreadable address). */
static int send_batch(int fd, const char *letters, unsigned lengths[8])
{
    struct mmsghdr entries[8] = {0};
    union peer peers[8];
    int sent;

    for (size_t i = 0; letters[i] != '\0'; i++) {
        peers[i] = peer_of(letters[i] == 'a' ? "192.0.2.1" : letters[i] == 'd' ? "192.0.2.2" : "192.0.2.3", port);
        entries[i].msg_hdr = (struct msghdr){.msg_name = letters[i] == 'u' ? BAD_POINTER : &peers[i],
                                             .msg_namelen = 16,
                                             .msg_iov = &part,
                                             .msg_iovlen = 1};
        entries[i].msg_len = 7777;
    }
    errno = UNTOUCHED;
    sent = sendmmsg(fd, entries, (unsigned)strlen(letters), 0);
    for (size_t i = 0; i < 8; i++)
        lengths[i] = entries[i].msg_len;
    return sent;
}

static void batches(void **state)
{
    static const struct {
        const char *letters;
        int sent, error, arrived;
    } cases[] = {{"aaa", 3, 0, 3},
                 {"aadaa", 2, 0, 2},
                 {"daa", -1, EHOSTUNREACH, 0},
                 {"add", 1, 0, 1},
                 {"asa", 3, 0, 2},
                 {"sss", 3, 0, 0},
                 {"sda", 1, 0, 0},
                 {"sasad", 4, 0, 2},
                 {"aua", 1, 0, 1},
                 {"uda", -1, EFAULT, 0},
                 {"sua", 1, 0, 0},
                 {"asu", 2, 0, 1},
                 {"du", -1, EHOSTUNREACH, 0},
                 {"s", 1, 0, 0},
                 {"d", -1, EHOSTUNREACH, 0}};
    int fd = open_one(AF_INET, SOCK_DGRAM, 0);

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        unsigned lengths[8];
        int arrived = 0;

        assert_int_equal(send_batch(fd, cases[i].letters, lengths), cases[i].sent);
        assert_int_equal(errno, cases[i].error == 0 ? UNTOUCHED : cases[i].error);
        for (int j = 0; j < (int)strlen(cases[i].letters); j++)
            assert_int_equal(lengths[j], j < cases[i].sent ? 4 : 7777);
        while (recv(catcher, (char[8]){0}, 8, MSG_DONTWAIT) == 4)
            arrived++;
        assert_int_equal(arrived, cases[i].arrived);
    }
    close(fd);
}

/* No call is made where it is refused; a signal handler and a cancelled thread see what they would. */
static void *refused_thread(void *argument)
{
    union peer peer = peer_of("192.0.2.2", port);
    int fd = open_one(AF_INET, argument == NULL ? SOCK_STREAM : SOCK_DGRAM, 0);

    pthread_cancel(pthread_self());
    if (argument == NULL)
        connect(fd, &peer.any, sizeof(peer.inet));
    else
        send_by(*(enum form *)argument, fd, 0, &peer, sizeof(peer.inet));
    return NULL;
}

static void cancellation(void **state)
{
    (void)state;
    for (int form = -1; form < FORMS && cancels(); form++) {
        enum form given = form < 0 ? BY_SENDTO : (enum form)form;
        pthread_t thread;
        void *result;

        assert_int_equal(pthread_create(&thread, NULL, refused_thread, form < 0 ? NULL : &given), 0);
        pthread_join(thread, &result);
        assert_ptr_equal(result, PTHREAD_CANCELED);
    }
}

/* SCTP's connect and bind by socket options: the kernel's own errno where no rule refuses. */
static void socket_options(void **state)
{
    struct sockaddr_in addresses[2] = {inet_address("192.0.2.1", 9), inet_address("192.0.2.2", 9)};
    struct connectx3 {
        int32_t assoc_id, size;
        void *addresses;
    } asked = {.size = sizeof(addresses), .addresses = addresses};
    socklen_t length = sizeof(asked);
    int fd = open_one(AF_INET, SOCK_STREAM, 0);

    (void)state;
    for (int name = 107; name <= 110; name += 3) {
        assert_refused(EHOSTUNREACH, setsockopt(fd, IPPROTO_SCTP, name, addresses, sizeof(addresses)));
        assert_refused(EHOSTUNREACH, setsockopt(fd, IPPROTO_SCTP, name, addresses + 1, sizeof(addresses[1])));
        assert_refused(ENOPROTOOPT, setsockopt(fd, IPPROTO_SCTP, name, addresses, sizeof(addresses[0])));
        assert_refused(ENOPROTOOPT, setsockopt(fd, IPPROTO_SCTP, name, addresses, sizeof(addresses) - 1));
    }
    assert_refused(EHOSTUNREACH, getsockopt(fd, IPPROTO_SCTP, 111, &asked, &length));
    asked.size = sizeof(addresses[0]);
    assert_refused(EOPNOTSUPP, getsockopt(fd, IPPROTO_SCTP, 111, &asked, &length));
    asked.size = -1;
    assert_refused(EOPNOTSUPP, getsockopt(fd, IPPROTO_SCTP, 111, &asked, &length));
    asked = (struct connectx3){.size = 1000, .addresses = NULL};
    assert_refused(EOPNOTSUPP, getsockopt(fd, IPPROTO_SCTP, 111, &asked, &length));
    length = sizeof(asked) - 1;
    assert_refused(EOPNOTSUPP, getsockopt(fd, IPPROTO_SCTP, 111, &asked, &length));
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_however_written),
        cmocka_unit_test(refused_as_loopback),
        cmocka_unit_test(refused_by_the_kernels_reading),
        cmocka_unit_test(refused_past_the_connection),
        cmocka_unit_test(refused_by_protocol),
        cmocka_unit_test(excepted),
        cmocka_unit_test(dropped),
        cmocka_unit_test(dropped_nowhere),
        cmocka_unit_test(batches),
        cmocka_unit_test(cancellation),
        cmocka_unit_test(socket_options),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
