/* SPDX-License-Identifier: MIT */
/*
 * The table of hints.
 *
 * Relaxed atomics do: a descriptor's number reaches another thread by some other way, which orders these accesses too.
 * A child of vfork(2) shares the table with its parent but not the descriptors. So what dup2 does there must never make
 * a datagram socket of the parent look like something else: hint_forget only moves towards *unknown*.
 */
#include "shim/hints.h"

#include "policy/query.h"
#include "shim/icmp/socket.h"
#include "shim/passed.h"
#include "shim/ports.h"
#include "shim/process.h"
#include "shim/real.h"
#include "shim/sandbox.h"
#include "state/call.h"
#include "state/large.h"

#include <errno.h>
#include <stdint.h>

/* A hint as a byte: the state, the protocol as the number of its bit (from 1; 0 is any), flags. */
enum {
    BYTE_STATE = 3,
    BYTE_PROTOCOL = 4 + 8 + 16,
    BYTE_PROTOCOL_ONE = 4,
    BYTE_STREAM = 32,
    BYTE_DATAGRAM = HINT_DATAGRAM,
    BYTE_RAW = 128,
};

#define BYTE_UNKNOWN ((uint8_t)(HINT_UNKNOWN | BYTE_DATAGRAM)) /* ask, also in read(2) */
#define BYTE_NO_DATAGRAM ((uint8_t)HINT_UNKNOWN)               /* ask, but not in read(2) */

LARGE _Atomic uint8_t hint_bytes[HINT_COUNT];

/* The number is another file's now, as far as we know. */
static void byte_set(int fd, uint8_t byte)
{
    ports_forget(fd);
    if (watching(WATCH_ICMP))
        icmp_doubt(fd);
    if ((unsigned)fd < HINT_COUNT)
        atomic_store_explicit(&hint_bytes[fd], byte, memory_order_relaxed);
}

/* Stores what was found out about `fd`, unless the byte changed while we asked. */
static void byte_learn(int fd, uint8_t before, uint8_t byte)
{
    if ((unsigned)fd < HINT_COUNT)
        atomic_compare_exchange_strong_explicit(&hint_bytes[fd], &before, byte, memory_order_relaxed,
                                                memory_order_relaxed);
}

static struct hint unpack(uint8_t byte)
{
    unsigned protocol = ((unsigned)byte & BYTE_PROTOCOL) / BYTE_PROTOCOL_ONE;

    return (struct hint){.state = (enum hint_state)(byte & BYTE_STATE),
                         .protos = protocol == 0 ? (unsigned)PROTO_ANY : 1u << (protocol - 1),
                         .stream = (byte & BYTE_STREAM) != 0,
                         .datagram = (byte & BYTE_DATAGRAM) != 0,
                         .raw = (byte & BYTE_RAW) != 0};
}

/* The byte of a socket. The default and fail-closed never touch netlink and AF_ALG, so they give nothing to judge. */
static uint8_t describe(int domain, int type, int protocol)
{
    unsigned protos;
    unsigned byte = HINT_OTHER;

    type &= ~(SOCK_CLOEXEC | SOCK_NONBLOCK);
    protos = protocol_of(domain, type, protocol);
    if (protos != 0) {
        byte = HINT_IP;
        byte |= (protos & (protos - 1)) == 0 ? BYTE_PROTOCOL_ONE * (1u + (unsigned)__builtin_ctz(protos)) : 0;
        byte |= type == SOCK_RAW ? BYTE_RAW : 0;
        byte |= type_is_stream(type) ? BYTE_STREAM : BYTE_DATAGRAM;
    } else if (!type_is_stream(type) && domain != AF_NETLINK && domain != AF_ALG) {
        byte |= BYTE_DATAGRAM;
    }
    return (uint8_t)byte;
}

struct hint hint_get(int fd)
{
    return unpack(hint_byte(fd));
}

void hint_set(int fd, int domain, int type, int protocol)
{
    byte_set(fd, describe(domain, type, protocol));
}

/*
 * What was accepted is what was listened on; only a listener nobody knows leaves the question, but it is no datagram.
 */
void hint_copy_accepted(int listener, int fd)
{
    uint8_t byte = hint_byte(listener);
    unsigned state = byte & BYTE_STATE;

    byte_set(fd, state == HINT_IP || state == HINT_OTHER ? byte : BYTE_NO_DATAGRAM);
}

void hint_set_no_socket(int fd)
{
    byte_set(fd, HINT_OTHER);
}

void hint_set_connected(int fd)
{
    if ((unsigned)fd < HINT_COUNT)
        atomic_fetch_and_explicit(&hint_bytes[fd], (uint8_t)~BYTE_DATAGRAM, memory_order_relaxed);
}

void hint_duplicate(int from, int fd)
{
    if (sandboxed())
        byte_set(fd, hint_byte(from));
    else
        hint_forget(fd);
}

/*
 * The start asks the kernel itself: it may happen inside of another preload's own start, which would then be waited for
 * by itself (socket_wrapper opens libraries within pthread_once).
 */
static bool option_get(int fd, int name, int *value)
{
    socklen_t length = sizeof(*value);

    if (!process_is_ready())
        return kernel_call(SYS_getsockopt, fd, SOL_SOCKET, name, value, &length) == 0;
    return real.getsockopt(fd, SOL_SOCKET, name, value, &length) == 0;
}

/* Whether the kernel calls it a socket, and no stream. */
static bool gives_datagrams(int fd)
{
    int type;

    return option_get(fd, SO_TYPE, &type) && !type_is_stream(type);
}

void hint_forget(int fd)
{
    uint8_t before = hint_byte(fd);
    int saved = errno;

    /* Where nothing may be asked: most are files and pipes, and a read from one of those must not be refused. */
    if (sandboxed())
        byte_set(fd, BYTE_NO_DATAGRAM);
    else if (!(before & BYTE_DATAGRAM) && (!watching(WATCH_FROM_DATAGRAM | WATCH_FROM_UNIX) || !gives_datagrams(fd)))
        byte_set(fd, BYTE_NO_DATAGRAM);
    else
        byte_set(fd, BYTE_UNKNOWN);
    errno = saved;
}

void hint_expect_stream(int fd)
{
    struct hint hint = hint_get(fd);

    if (hint.state == HINT_IP && !hint.stream)
        hint_forget(fd);
}

void hint_of_listener(int fd)
{
    enum hint_state state = hint_get(fd).state;

    if ((unsigned)fd < HINT_COUNT && (state == HINT_UNSEEN || state == HINT_UNKNOWN))
        hint_ask(fd);
}

void hint_forget_passed(const struct msghdr *message)
{
    passed_each(message, hint_forget);
}

struct hint hint_ask(int fd)
{
    uint8_t before = hint_byte(fd);
    uint8_t byte = BYTE_UNKNOWN; /* who may not ask (a sandbox) does not take it for what needs no judgement */
    int saved = errno;
    int domain, type, protocol;

    if ((before & BYTE_STATE) == HINT_IP || (before & BYTE_STATE) == HINT_OTHER || sandboxed())
        return unpack(before);
    if (option_get(fd, SO_TYPE, &type)) {
        if (option_get(fd, SO_DOMAIN, &domain) && option_get(fd, SO_PROTOCOL, &protocol))
            byte_learn(fd, before, byte = describe(domain, type, protocol));
    } else if (errno == ENOTSOCK) {
        byte_learn(fd, before, byte = HINT_OTHER);
    } else if (errno == EBADF) {
        byte = HINT_OTHER;
    }
    errno = saved;
    return unpack(byte);
}

bool hint_inherit(int fd)
{
    uint8_t before = hint_byte(fd);

    if ((before != HINT_UNSEEN && before != BYTE_NO_DATAGRAM) || !gives_datagrams(fd))
        return false;
    byte_learn(fd, before, BYTE_UNKNOWN);
    return true;
}

void hint_begin(void)
{
    for (int fd = 0; fd < HINT_COUNT; fd++) {
        if (hint_byte(fd) != HINT_UNSEEN)
            byte_set(fd, HINT_UNSEEN);
    }
}
