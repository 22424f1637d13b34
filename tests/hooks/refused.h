/* SPDX-License-Identifier: MIT */
/*
 * What the tests of refused datagrams share: a receiver, a friend, and the stranger that their policies refuse.
 */
#ifndef SOCKADE_TESTS_REFUSED_H
#define SOCKADE_TESTS_REFUSED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hook_test.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/uio.h>

#define GUARDED_PORT 45613 /* rule "one service" of sources_refused.conf */

static int in;                /* where things arrive: 127.0.0.1 */
static int friend_, stranger; /* senders on 127.0.0.1 and 127.0.0.2 */
static char buffer[64];

static inline int setup(void **state)
{
    (void)state;
    deadline(10);
    in = bound("127.0.0.1", 0, SOCK_DGRAM);
    friend_ = bound("127.0.0.1", 0, SOCK_DGRAM);
    stranger = bound("127.0.0.2", 0, SOCK_DGRAM);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    close(in);
    close(friend_);
    close(stranger);
    return 0;
}

/* Sends to `in`. */
static inline void from_friend(const char *text)
{
    send_text(friend_, port_of(in), text);
}

static inline void from_stranger(const char *text)
{
    send_text(stranger, port_of(in), text);
}

/* The same a while later, from a thread of its own. */
struct later {
    pthread_t thread;
    int fd;
    uint16_t port;
    long ms;
    const char *text;
};

static inline void *later_run(void *argument)
{
    struct later *later = argument;

    usleep((useconds_t)later->ms * 1000);
    send_text(later->fd, later->port, later->text);
    return NULL;
}

static inline void later_start(struct later *later, int fd, long ms, const char *text)
{
    later->fd = fd;
    later->port = port_of(in);
    later->ms = ms;
    later->text = text;
    assert_int_equal(pthread_create(&later->thread, NULL, later_run, later), 0);
}

/* The ways to receive one datagram, as one. */
enum form { BY_RECV, BY_RECVFROM, BY_RECVMSG, BY_RECVMMSG, BY_READ, BY_READV, FORMS };

static inline ssize_t receive_by(enum form form, int fd)
{
    struct iovec part = {buffer, sizeof(buffer)};
    struct mmsghdr entry = {.msg_hdr = {.msg_iov = &part, .msg_iovlen = 1}};

    memset(buffer, 0, sizeof(buffer));
    switch (form) {
    case BY_RECV:
        return recv(fd, buffer, sizeof(buffer), 0);
    case BY_RECVFROM:
        return recvfrom(fd, buffer, sizeof(buffer), 0, NULL, NULL);
    case BY_RECVMSG:
        return recvmsg(fd, &entry.msg_hdr, 0);
    case BY_RECVMMSG:
        return recvmmsg(fd, &entry, 1, 0, NULL) == 1 ? (ssize_t)entry.msg_len : -1;
    case BY_READ:
        return read(fd, buffer, sizeof(buffer));
    case BY_READV:
    default:
        return readv(fd, &part, 1);
    }
}

/* A receive that gives `text` and leaves errno alone. */
static inline void assert_gives(enum form form, int fd, const char *text)
{
    ssize_t got;

    errno = UNTOUCHED;
    got = receive_by(form, fd);
    assert_int_equal(got, (ssize_t)strlen(text));
    assert_int_equal(errno, UNTOUCHED);
    assert_string_equal(buffer, text);
}

/* A receive that fails with `error`. */
static inline void assert_fails(enum form form, int fd, int error)
{
    assert_int_equal(receive_by(form, fd), -1);
    assert_int_equal(errno, error);
}

static inline void nonblocking(int fd, bool on)
{
    must("F_SETFL", fcntl(fd, F_SETFL, on ? O_NONBLOCK : 0));
}

static inline bool is_readable(int fd)
{
    struct pollfd entry = {.fd = fd, .events = POLLIN};

    return poll(&entry, 1, 0) == 1;
}

/* How many descriptors are open, of those that these tests can have. */
static inline int open_descriptors(void)
{
    int count = 0;

    for (int fd = 0; fd < 400; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

#endif
