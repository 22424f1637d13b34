/* SPDX-License-Identifier: MIT */
/*
 * setsockopt and getsockopt of a translated socket: what is a number is in option_number.c, filters in option_filter.c,
 * the rest here; what no one knows is the kernel's, which answers for a ping socket as for a raw one but for the levels
 * below.
 *
 * Of Linux 6.18: net/ipv4/raw.c, net/ipv6/raw.c, net/ipv4/ip_sockglue.c, net/ipv6/ipv6_sockglue.c, net/core/sock.c. Not
 * translated are the options of a multicast router (MRT6_*), which are privileged.
 */
#include "shim/icmp/options.h"

#include "shim/icmp/option_filter.h"
#include "shim/icmp/option_number.h"
#include "shim/icmp/pull.h"
#include "shim/real.h"

#include <linux/icmp.h>
#include <netinet/in.h>

#ifndef ICMP_FILTER
#define ICMP_FILTER 1
#endif
#define ICMP6_FILTER_OPTION 1 /* ICMP6_FILTER of netinet/icmp6.h */

/* What the kernel is given at least: the error queue shares the receive buffer. */
#define RECEIVE_BUFFER_LEAST 65536

static bool is_type_filter(const struct icmp_socket *socket, int level, int name)
{
    return (socket->kind == KIND_ICMP6 && level == IPPROTO_ICMPV6 && name == ICMP6_FILTER_OPTION) ||
           (socket->kind == KIND_ICMP && level == IPPROTO_RAW && name == ICMP_FILTER);
}

/*
 * What a raw socket refuses and a ping socket does not, or not with the same errno: the errno, or 0. IPv6 ping sockets
 * know the IPv4 options too, raw ones don't.
 */
static int refusal(const struct icmp_socket *socket, int level, int name)
{
    if (socket->kind == KIND_SENDER6 && level == IPPROTO_ICMPV6)
        return EOPNOTSUPP;
    if (icmp_is_six(socket))
        return level == IPPROTO_IP || level == IPPROTO_RAW ? ENOPROTOOPT : 0;
    if (level != IPPROTO_RAW)
        return 0;
    return name == ICMP_FILTER ? EOPNOTSUPP : ENOPROTOOPT;
}

/*
 * The kernel rounds and bounds what was asked for; that is kept for the program, and then the room is made that we
 * need.
 */
static int receive_buffer_set(struct icmp_socket *socket, int fd, int name, const void *value, socklen_t length)
{
    const int least = RECEIVE_BUFFER_LEAST;
    int size = 0;
    socklen_t size_length = sizeof(size);

    if (real.setsockopt(fd, SOL_SOCKET, name, value, length) != 0)
        return errno;
    if (real.getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, &size_length) != 0)
        return errno;
    socket->receive_buffer = size;
    if (size < 2 * least)
        real.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof(least));
    return 0;
}

/* The rate is kept, since its place on the socket is the label's. The kernel's own is an unsigned long of 64 bits. */
static int pacing_rate_set(struct icmp_socket *socket, const void *value, socklen_t length)
{
    int number;
    uint64_t rate;
    int error = option_take(MANNER_SOCKET, value, length, &number);

    if (error != 0)
        return error;
    rate = number == -1 ? UINT64_MAX : (uint32_t)number;
    if (length >= sizeof(rate))
        memcpy(&rate, value, sizeof(rate));
    socket->pacing_rate = rate;
    socket->pacing_rate_set = 1;
    return 0;
}

static int pacing_rate_get(const struct icmp_socket *socket, void *value, socklen_t *length)
{
    uint64_t rate = socket->pacing_rate_set ? socket->pacing_rate : UINT64_MAX;
    uint32_t small = rate < UINT32_MAX ? (uint32_t)rate : UINT32_MAX;

    if (!plainly_bad(length) && (int)*length >= (int)sizeof(rate))
        return option_give_bytes(value, length, &rate, sizeof(rate));
    return option_give_bytes(value, length, &small, sizeof(small));
}

/* The kernel's own option, of which a quoted header shows the value. */
static int service_set(struct icmp_socket *socket, int fd, int level, int name, const void *value, socklen_t length)
{
    int service = 0;
    socklen_t service_length = sizeof(service);

    if (real.setsockopt(fd, level, name, value, length) != 0)
        return errno;
    if (real.getsockopt(fd, level, name, &service, &service_length) == 0)
        socket->tos = (uint8_t)service;
    return 0;
}

static bool is_service(const struct icmp_socket *socket, int level, int name)
{
    return icmp_is_six(socket) ? level == IPPROTO_IPV6 && name == IPV6_TCLASS : level == IPPROTO_IP && name == IP_TOS;
}

static int socket_level_set(struct icmp_socket *socket, int fd, int name, const void *value, socklen_t length)
{
    switch (name) {
    case SO_RCVBUF:
    case SO_RCVBUFFORCE:
        return receive_buffer_set(socket, fd, name, value, length);
    case SO_MAX_PACING_RATE:
        return pacing_rate_set(socket, value, length);
    case SO_ATTACH_FILTER:
    case SO_DETACH_FILTER:
    case SO_ATTACH_BPF:
        icmp_pull_all(socket, fd);
        return program_set(socket, fd, name, value, length);
    case SO_LOCK_FILTER:
        extended_let_in(socket, fd);
        return OPTION_NATURAL;
    default:
        return OPTION_NATURAL;
    }
}

/* 0, an errno, or OPTION_NATURAL. */
static int set_option(struct icmp_socket *socket, int fd, int level, int name, const void *value, socklen_t length)
{
    const struct option_number *option = option_number_of(socket, level, name);
    int result = OPTION_NATURAL;

    if ((int)length < 0)
        return EINVAL;
    if (option != NULL)
        result = option_number_set(option, socket, fd, value, length);
    if (result == OPTION_NATURAL && level == SOL_SOCKET)
        result = socket_level_set(socket, fd, name, value, length);
    if (result != OPTION_NATURAL)
        return result;
    if (is_type_filter(socket, level, name)) {
        icmp_pull_all(socket, fd);
        return type_filter_set(socket, fd, value, length);
    }
    if (is_service(socket, level, name))
        return service_set(socket, fd, level, name, value, length);
    /* net/ipv6/raw.c looks at the value before it looks at the name. */
    if (level == IPPROTO_RAW && icmp_is_six(socket)) {
        result = option_take(MANNER_RAW6, value, length, &(int){0});
        return result != 0 ? result : ENOPROTOOPT;
    }
    result = refusal(socket, level, name);
    return result != 0 ? result : OPTION_NATURAL;
}

static int get_option(struct icmp_socket *socket, int fd, int level, int name, void *value, socklen_t *length)
{
    const struct option_number *option = option_number_of(socket, level, name);
    int result = OPTION_NATURAL;

    if (option != NULL)
        result = option_number_get(option, socket, fd, value, length);
    if (result != OPTION_NATURAL)
        return result;
    if (level == SOL_SOCKET && name == SO_MAX_PACING_RATE)
        return pacing_rate_get(socket, value, length);
    if (level == SOL_SOCKET && name == SO_GET_FILTER)
        return program_get(socket, fd, value, length);
    if (is_type_filter(socket, level, name))
        return type_filter_get(socket, value, length);
    if (level == IPPROTO_RAW && icmp_is_six(socket) && plainly_bad(length))
        return EFAULT;
    result = refusal(socket, level, name);
    return result != 0 ? result : OPTION_NATURAL;
}

/* errno as the program is to see it: what we asked meanwhile does not count. */
static int finish(int error, int saved)
{
    errno = error != 0 ? error : saved;
    return error != 0 ? -1 : 0;
}

int icmp_setsockopt(struct icmp_socket *socket, int fd, int level, int name, const void *value, socklen_t length)
{
    int saved = errno;
    int result = set_option(socket, fd, level, name, value, length);

    if (result != OPTION_NATURAL)
        return finish(result, saved);
    return real.setsockopt(fd, level, name, value, length);
}

int icmp_getsockopt(struct icmp_socket *socket, int fd, int level, int name, void *value, socklen_t *length)
{
    int saved = errno;
    int result = get_option(socket, fd, level, name, value, length);

    if (result != OPTION_NATURAL)
        return finish(result, saved);
    return real.getsockopt(fd, level, name, value, length);
}
