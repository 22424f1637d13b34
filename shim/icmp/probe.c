/* SPDX-License-Identifier: MIT */
/*
 * Which sockets are probes, and the calls on them that move no data.
 *
 * A probe has IP_RECVERR on in the kernel and must not show it. A bare UDP socket tells of ICMP errors only while it is
 * connected, and only of hard ones; a bare TCP socket has errors of its handshake in its queue on IPv4 (and POLLERR
 * from them), none on IPv6.
 *
 * What stays different:
 * - After a connect was undone for the sake of errors from elsewhere (probe_transfer.c), connect(AF_UNSPEC) by the
 *   program leaves the port bound.
 * - Errors that came before a probe was closed and that nobody has looked for by then are gone with it.
 * - A UDP socket with IPV6_UNICAST_HOPS that sends to IPv4-mapped addresses is a probe for its IPv6 packets only.
 * - A program that gets a probe by exec does not know it, and sees soft errors of earlier packets.
 */
#include "shim/descriptors.h"
#include "shim/icmp/probe_table.h"
#include "shim/judge.h"
#include "shim/real.h"
#include "shim/sandbox.h"
#include "state/kernel.h"

#include <errno.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <string.h>

/* Becoming a probe */

/* Whether this process has a translated socket that would see the errors. */
static bool holds_family(bool six)
{
    struct icmp_socket *socket;
    unsigned at = 0;
    int fd;

    while ((socket = icmp_next(&at, &fd)) != NULL) {
        if (icmp_is_six(socket) == six)
            return true;
    }
    return false;
}

/* Whether `fd` is a socket of the family that can be a probe. */
static bool is_suitable(int fd, bool six, bool *stream)
{
    struct option recverr = probe_option(six, OPTION_RECVERR);
    int protocol = option_get(fd, SOL_SOCKET, SO_PROTOCOL, -1);
    uint8_t state = 0;
    socklen_t length = sizeof(state);

    *stream = protocol == IPPROTO_TCP;
    if ((protocol != IPPROTO_UDP && !*stream) ||
        option_get(fd, SOL_SOCKET, SO_DOMAIN, -1) != (six ? AF_INET6 : AF_INET))
        return false;
    if (*stream && (real.getsockopt(fd, IPPROTO_TCP, TCP_INFO, &state, &length) != 0 || state != TCP_CLOSE))
        return false;
    /* Who reads the error queue needs all of it. */
    return option_get(fd, recverr.level, recverr.name, 1) == 0 && option_get(fd, SOL_SOCKET, SO_TIMESTAMPING, 0) == 0;
}

static void peer_take(struct probe *probe, int fd)
{
    socklen_t length = sizeof(probe->peer);

    memset(&probe->peer, 0, sizeof(probe->peer));
    probe->connected = real.getpeername(fd, (struct sockaddr *)&probe->peer, &length) == 0;
}

/* The TTL and TOS that packets leave with. */
static void facts_take(struct probe *probe, int fd)
{
    struct option ttl = probe_option(probe->six, OPTION_TTL);
    struct option tos = probe_option(probe->six, OPTION_TOS);

    probe->ttl = (uint8_t)option_get(fd, ttl.level, ttl.name, IPDEFTTL);
    probe->tos = (uint8_t)option_get(fd, tos.level, tos.name, 0);
}

static void probe_make(int fd, bool six, bool stream)
{
    struct option recverr = probe_option(six, OPTION_RECVERR);
    struct option rfc4884 = probe_option(six, OPTION_RFC4884);
    struct probe *probe = probe_claim();

    if (probe == NULL)
        return;
    probe->six = six;
    probe->stream = stream;
    peer_take(probe, fd);
    facts_take(probe, fd);
    probe->rfc4884 = option_get(fd, rfc4884.level, rfc4884.name, 0);
    if (!probe_publish(probe, fd))
        return;
    option_set(fd, rfc4884.level, rfc4884.name, 1);
    /* On IPv4 the errors of a handshake are queued in any case. */
    if (!stream || six)
        option_set(fd, recverr.level, recverr.name, 1);
}

void probe_expect(int fd, int level, int name, const void *value, socklen_t length)
{
    bool six = level == IPPROTO_IPV6 && name == IPV6_UNICAST_HOPS;
    int saved = errno;
    bool stream;

    (void)value;
    (void)length;
    if (!sandboxed() && (six || (level == IPPROTO_IP && name == IP_TTL)) && holds_family(six) &&
        is_suitable(fd, six, &stream) && probe_of(fd) == NULL)
        probe_make(fd, six, stream);
    errno = saved;
}

/* The TTL that a new socket has; 0 where none can be made. */
static int default_ttl(bool six)
{
    static _Atomic int known[2];
    struct option ttl = probe_option(six, OPTION_TTL);

    if (atomic_load(&known[six]) == 0) {
        int fd = kernel_socket(six ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP);

        if (fd < 0)
            return 0;
        atomic_store(&known[six], option_get(fd, ttl.level, ttl.name, 0));
        kernel_close(fd);
    }
    return atomic_load(&known[six]);
}

/* Nothing differs from what is not known. */
static bool differs(int value, int usual)
{
    return usual != 0 && value != usual;
}

static void visit_inherited(int fd)
{
    int domain;
    struct option ttl;
    bool stream;
    bool six;

    if (option_get(fd, SOL_SOCKET, SO_PROTOCOL, -1) != IPPROTO_UDP)
        return;
    domain = option_get(fd, SOL_SOCKET, SO_DOMAIN, -1);
    six = domain == AF_INET6;
    ttl = probe_option(six, OPTION_TTL);
    if ((domain == AF_INET || six) && differs(option_get(fd, ttl.level, ttl.name, 0), default_ttl(six)) &&
        holds_family(six) && is_suitable(fd, six, &stream) && probe_of(fd) == NULL)
        probe_make(fd, six, stream);
}

void probe_inherited(void)
{
    int saved = errno;

    descriptors_each(visit_inherited);
    errno = saved;
}

/* Options */

static bool is_option(const struct probe *probe, enum probe_option which, int level, int name)
{
    struct option option = probe_option(probe->six, which);

    return option.level == level && option.name == name;
}

/* What the program just set is the kernel's own now: it reads its errors itself, and this is no probe any more. */
static void recverr_was_set(struct probe *probe, int fd)
{
    struct option recverr = probe_option(probe->six, OPTION_RECVERR);
    struct option rfc4884 = probe_option(probe->six, OPTION_RFC4884);

    if (option_get(fd, recverr.level, recverr.name, 0) != 0) {
        option_set(fd, rfc4884.level, rfc4884.name, probe->rfc4884);
        probe_free(probe);
    } else if (!probe->stream || probe->six) {
        option_set(fd, recverr.level, recverr.name, 1);
    }
}

int probe_setsockopt(struct probe *probe, int fd, int level, int name, const void *value, socklen_t length)
{
    bool recverr = is_option(probe, OPTION_RECVERR, level, name);
    bool rfc4884 = is_option(probe, OPTION_RFC4884, level, name);
    bool stamps = level == SOL_SOCKET && (name == SO_TIMESTAMPING_OLD || name == SO_TIMESTAMPING_NEW);
    int saved = errno;

    if (recverr || stamps)
        probe_drain(probe, fd); /* what came before is not the program's */
    if (real.setsockopt(fd, level, name, value, length) != 0)
        return -1;
    if (recverr) {
        recverr_was_set(probe, fd);
    } else if (stamps) {
        probe_release(probe, fd);
    } else if (rfc4884) {
        probe->rfc4884 = option_get(fd, level, name, 0);
        option_set(fd, level, name, 1);
    } else {
        facts_take(probe, fd);
    }
    errno = saved;
    return 0;
}

/* Puts an int in place of the one that getsockopt gave, in as many bytes as it used. */
static void value_give(void *value, const socklen_t *length, int number)
{
    uint8_t byte = (uint8_t)number;

    if (*length == sizeof(byte)) /* what fits in one byte is given so (ip(7) options) */
        memcpy(value, &byte, sizeof(byte));
    else
        memcpy(value, &number, *length < sizeof(number) ? *length : sizeof(number));
}

static int error_give(struct probe *probe, int fd, void *value, socklen_t *length)
{
    int error = 0;
    int pending;

    probe_drain(probe, fd);
    if (real.getsockopt(fd, SOL_SOCKET, SO_ERROR, value, length) != 0)
        return -1;
    memcpy(&error, value, *length < sizeof(error) ? *length : sizeof(error));
    pending = atomic_exchange(&probe->pending, 0);
    if (error == 0 && pending != 0)
        memcpy(value, &pending, *length < sizeof(pending) ? *length : sizeof(pending));
    if (probe->stream && error == 0 && pending == 0)
        probe_settle(probe, fd);
    return 0;
}

int probe_getsockopt(struct probe *probe, int fd, int level, int name, void *value, socklen_t *length)
{
    if (level == SOL_SOCKET && name == SO_ERROR)
        return error_give(probe, fd, value, length);
    if (real.getsockopt(fd, level, name, value, length) != 0)
        return -1;
    if (is_option(probe, OPTION_RECVERR, level, name))
        value_give(value, length, 0);
    else if (is_option(probe, OPTION_RFC4884, level, name))
        value_give(value, length, probe->rfc4884);
    return 0;
}

/* Names */

/* As move_addr_to_user of the kernel: as much as fits, and the whole length. */
static int name_give(const struct sockaddr_in6 *name, struct sockaddr *address, socklen_t *length)
{
    socklen_t whole = name->sin6_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);

    if (plainly_bad(length)) {
        errno = EFAULT;
        return -1;
    }
    if ((int)*length < 0) {
        errno = EINVAL;
        return -1;
    }
    if (*length > 0 && plainly_bad(address)) {
        errno = EFAULT;
        return -1;
    }
    memcpy(address, name, *length < whole ? *length : whole);
    *length = whole;
    return 0;
}

int probe_getsockname(struct probe *probe, int fd, struct sockaddr *address, socklen_t *length)
{
    return probe->split ? name_give(&probe->name, address, length) : real.getsockname(fd, address, length);
}

int probe_getpeername(struct probe *probe, int fd, struct sockaddr *address, socklen_t *length)
{
    return probe->split ? name_give(&probe->peer, address, length) : real.getpeername(fd, address, length);
}

int probe_bind(struct probe *probe, int fd, const struct sockaddr *address, socklen_t length)
{
    (void)probe; /* a socket that was split is bound, as a connected one is: EINVAL for both */
    return real.bind(fd, address, length);
}

/* Connecting */

static int stream_connect(struct probe *probe, int fd, const struct sockaddr *address, socklen_t length)
{
    int result = real.connect(fd, address, length);
    int error = errno;

    if (result == 0) {
        probe_settle(probe, fd);
    } else if (error == ECONNABORTED) {
        /* The failure was taken out with the queue, and so the kernel knew no reason. */
        int pending = atomic_exchange(&probe->pending, 0);

        if (pending != 0)
            error = pending;
    } else if (error != EINPROGRESS && error != EALREADY && error != EINTR) {
        probe_drain(probe, fd);
        probe->pending = 0; /* this call has told of it */
    }
    errno = error;
    return result;
}

int probe_connect(struct probe *probe, int fd, const struct sockaddr *address, socklen_t length)
{
    int saved = errno;

    if (probe->stream)
        return stream_connect(probe, fd, address, length);
    probe_drain(probe, fd); /* errors are judged by whom it was connected to when they came */
    if (real.connect(fd, address, length) != 0)
        return -1;
    probe->split = false;
    peer_take(probe, fd);
    errno = saved;
    return 0;
}
