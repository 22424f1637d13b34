/* SPDX-License-Identifier: MIT */
/*
 * What the tests of refused calls share: cmocka with hook_test.h, and assertions about a call's result and errno. These
 * programs run with the shim, each under the policy that stands beside it.
 */
#ifndef SOCKADE_TESTS_REFUSAL_H
#define SOCKADE_TESTS_REFUSAL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hook_test.h"

#include <fcntl.h>
#include <poll.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

/* A call fails with this errno. */
#define assert_refused(error, call)                                                                                    \
    do {                                                                                                               \
        errno = UNTOUCHED;                                                                                             \
        assert_int_equal((call), -1);                                                                                  \
        assert_string_equal(strerrorname_np(errno), strerrorname_np(error));                                           \
    } while (0)

/* A call gives this and leaves errno alone. */
#define assert_gives(result, call)                                                                                     \
    do {                                                                                                               \
        errno = UNTOUCHED;                                                                                             \
        assert_int_equal((call), (result));                                                                            \
        assert_int_equal(errno, UNTOUCHED);                                                                            \
    } while (0)

/* An IPv4 or IPv6 address with a port. */
union peer {
    struct sockaddr any;
    struct sockaddr_in inet;
    struct sockaddr_in6 inet6;
    struct sockaddr_un path;
    struct sockaddr_storage room;
};

static inline union peer peer_of(const char *text, uint16_t port)
{
    union peer peer = {0};

    if (strchr(text, ':') != NULL)
        peer.inet6 = inet6_address(text, port);
    else
        peer.inet = inet_address(text, port);
    return peer;
}

static inline socklen_t size_of(const union peer *peer)
{
    return peer->any.sa_family == AF_INET6 ? sizeof(peer->inet6) : sizeof(peer->inet);
}

/* A socket that does not wait for ever. */
static inline int open_one(int family, int type, int protocol)
{
    int fd = (int)must("socket", socket(family, type, protocol));

    receive_timeout(fd, 2000);
    return fd;
}

/* A listener at an address, with a port of the kernel's choice where none is given. */
static inline int listening(const char *text, uint16_t port)
{
    int fd = bound(text, port, SOCK_STREAM);

    receive_timeout(fd, 2000);
    must("listen", listen(fd, 4096));
    return fd;
}

static inline bool is_readable(int fd, int ms)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};

    return poll(&one, 1, ms) == 1;
}

static inline void nonblocking(int fd, bool on)
{
    must("F_SETFL", fcntl(fd, F_SETFL, on ? O_NONBLOCK : 0));
}

/* A connection from `source` to a port of `to`, which is accepted by the kernel and waits. */
static inline int client_to(const char *source, const char *to, uint16_t service)
{
    int fd = bound(source, 0, SOCK_STREAM);
    union peer peer = peer_of(to, service);

    receive_timeout(fd, 2000);
    must("connect", connect(fd, &peer.any, size_of(&peer)));
    return fd;
}

static inline void assert_reset(int fd)
{
    assert_refused(ECONNRESET, recv(fd, (char[1]){0}, 1, 0));
    close(fd);
}

/* The accepted descriptor is connected to this client; both are closed. */
static inline void assert_served(int server, int fd)
{
    char byte = 0;

    assert_true(server >= 0);
    assert_int_equal(send(fd, "x", 1, MSG_NOSIGNAL), 1);
    nonblocking(server, false);
    assert_int_equal(recv(server, &byte, 1, 0), 1);
    assert_int_equal(byte, 'x');
    close(server);
    close(fd);
}

#endif
