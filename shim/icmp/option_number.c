/* SPDX-License-Identifier: MIT */
/*
 * Options that are one number: one table, by level and name.
 *
 * What translation rests on stays on in the kernel (socket.h), so what the program asked for is a bit of our own. What
 * a ping socket does not know at all (IP_HDRINCL, IPV6_CHECKSUM, ...) is kept here, and refused where a raw socket
 * refuses it.
 */
#include "shim/icmp/option_number.h"

#include "shim/icmp/pull.h"
#include "shim/icmp/receive.h"
#include "shim/real.h"

#include <netinet/in.h>

#ifndef IP_PROTOCOL
#define IP_PROTOCOL 52
#endif
#ifndef IP_RECVERR_RFC4884
#define IP_RECVERR_RFC4884 26
#endif
#ifndef IPV6_RECVERR_RFC4884
#define IPV6_RECVERR_RFC4884 31
#endif

/* What a socket is */

static int type_get(struct icmp_socket *socket, int fd)
{
    (void)socket;
    (void)fd;
    return SOCK_RAW;
}

static int protocol_get(struct icmp_socket *socket, int fd)
{
    (void)fd;
    return icmp_protocol(socket);
}

/*
 * The errno that a raw socket would show, and not the kernel's own, which errors of all kinds set on a ping socket: it
 * stays for the next send or receive to find out what the error queue holds.
 */
static int error_get(struct icmp_socket *socket, int fd)
{
    if (atomic_load(&socket->asked) & ASKED_RECVERR && atomic_load(&socket->pending) == 0)
        icmp_readable(socket, fd);
    return atomic_exchange(&socket->pending, 0);
}

/* Kept from the kernel: another socket could take over our identifier with it. */
static int reuse_address_set(struct icmp_socket *socket, int fd, int value)
{
    (void)fd;
    socket->reuse_address = value != 0;
    return 0;
}

static int reuse_address_get(struct icmp_socket *socket, int fd)
{
    (void)fd;
    return socket->reuse_address;
}

static int receive_buffer_get(struct icmp_socket *socket, int fd)
{
    int size = 0;
    socklen_t length = sizeof(size);

    if (socket->receive_buffer != 0)
        return socket->receive_buffer;
    real.getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, &length);
    return size;
}

/* What is a bit of `asked` */

static void asked_change(struct icmp_socket *socket, int fd, uint32_t bit, bool on)
{
    uint32_t before = on ? atomic_fetch_or(&socket->asked, bit) : atomic_fetch_and(&socket->asked, ~bit);

    if (((before & bit) != 0) != on)
        icmp_label(socket, fd);
}

/* Turned off, what is queued is forgotten, but the error that it left pending is not. */
static int errors_set(struct icmp_socket *socket, int fd, int value)
{
    struct inbox_guard guard;
    struct held held;

    icmp_pull_all(socket, fd);
    asked_change(socket, fd, ASKED_RECVERR, value != 0);
    if (value == 0 && inbox_lock(&socket->errors, &guard)) {
        while (inbox_first(&socket->errors, &held))
            inbox_drop(&socket->errors);
        inbox_unlock(&socket->errors, &guard);
    }
    return 0;
}

static int rfc4884_set(struct icmp_socket *socket, int fd, int value)
{
    if (value != 0 && value != 1)
        return EINVAL;
    asked_change(socket, fd, ASKED_RFC4884, value != 0);
    return 0;
}

/* As ip_ra_control of net/ipv4/ip_sockglue.c answers; packets with that option are never forwarded through here. */
static int router_alert_set(struct icmp_socket *socket, int fd, int value)
{
    bool is_on = (atomic_load(&socket->asked) & ASKED_ROUTER_ALERT) != 0;

    if (socket->kind == KIND_SENDER)
        return EINVAL;
    if (is_on == (value != 0))
        return is_on ? EADDRINUSE : ENOBUFS;
    asked_change(socket, fd, ASKED_ROUTER_ALERT, value != 0);
    return 0;
}

/* Headers of the program's own */

static int header_included_set(struct icmp_socket *socket, int fd, int value)
{
    if (atomic_exchange(&socket->header_included, value != 0) != (value != 0))
        icmp_label(socket, fd);
    return 0;
}

static int header_included_get(struct icmp_socket *socket, int fd)
{
    (void)fd;
    return atomic_load(&socket->header_included);
}

/*
 * With IP_PMTUDISC_DONT a ping socket is not told that a packet was too big (ping_err of net/ipv4/ping.c); a raw one
 * shows the ICMP packet all the same. IP_PMTUDISC_OMIT sends without DF too.
 */
static int discover_set(struct icmp_socket *socket, int fd, int value)
{
    int kernels = value == IP_PMTUDISC_DONT ? IP_PMTUDISC_OMIT : value;

    if (real.setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &kernels, sizeof(kernels)) != 0)
        return errno;
    socket->mtu_discover = value;
    socket->fragments = value != IP_PMTUDISC_WANT && value != IP_PMTUDISC_DO && value != IP_PMTUDISC_PROBE;
    return 0;
}

static int discover_get(struct icmp_socket *socket, int fd)
{
    int value = socket->mtu_discover;
    socklen_t length = sizeof(value);

    if (value < 0)
        real.getsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &value, &length);
    return value;
}

/* A raw socket has its number from the start, which makes it too late for this option. A ping socket has it on. */
static int only_six_get(struct icmp_socket *socket, int fd)
{
    (void)socket;
    (void)fd;
    return 0;
}

static int only_six_set(struct icmp_socket *socket, int fd, int value)
{
    (void)socket;
    (void)fd;
    (void)value;
    return EINVAL;
}

static int checksum_set(struct icmp_socket *socket, int fd, int value)
{
    (void)fd;
    if (value > 0 && value % 2 != 0)
        return EINVAL;
    socket->checksum_offset = value < 0 ? -1 : value;
    return 0;
}

/* The checksum of ICMPv6 is always the kernel's: RFC 3542 3.1 forbids the option, at this level. */
static int checksum_set_ipv6(struct icmp_socket *socket, int fd, int value)
{
    return socket->kind == KIND_ICMP6 ? EINVAL : checksum_set(socket, fd, value);
}

static int checksum_get(struct icmp_socket *socket, int fd)
{
    (void)fd;
    return socket->checksum_offset;
}

#define OF(sockets, level, name, manner, set, get)                                                                     \
    {                                                                                                                  \
        sockets, level, name, manner, 0, set, get                                                                      \
    }
#define BIT(sockets, level, name, manner, bit, set)                                                                    \
    {                                                                                                                  \
        sockets, level, name, manner, bit, set, NULL                                                                   \
    }

/* `set` or `get` NULL: the bit, or the kernel's where there is none. */
static const struct option_number options[] = {
    OF(SOCKETS_ALL, SOL_SOCKET, SO_TYPE, MANNER_SOCKET, NULL, type_get),
    OF(SOCKETS_ALL, SOL_SOCKET, SO_PROTOCOL, MANNER_SOCKET, NULL, protocol_get),
    OF(SOCKETS_ALL, SOL_SOCKET, SO_ERROR, MANNER_SOCKET, NULL, error_get),
    OF(SOCKETS_ALL, SOL_SOCKET, SO_REUSEADDR, MANNER_SOCKET, reuse_address_set, reuse_address_get),
    OF(SOCKETS_ALL, SOL_SOCKET, SO_RCVBUF, MANNER_SOCKET, NULL, receive_buffer_get),

    OF(SOCKETS_FOUR, IPPROTO_IP, IP_PROTOCOL, MANNER_IP, NULL, protocol_get),
    OF(SOCKETS_FOUR, IPPROTO_IP, IP_HDRINCL, MANNER_IP, header_included_set, header_included_get),
    OF(SOCKETS_FOUR, IPPROTO_IP, IP_MTU_DISCOVER, MANNER_IP, discover_set, discover_get),
    BIT(SOCKETS_FOUR, IPPROTO_IP, IP_RECVTTL, MANNER_IP, ASKED_TTL, NULL),
    BIT(SOCKETS_FOUR, IPPROTO_IP, IP_RECVTOS, MANNER_IP, ASKED_TOS, NULL),
    BIT(SOCKETS_FOUR, IPPROTO_IP, IP_PKTINFO, MANNER_IP, ASKED_PKTINFO, NULL),
    BIT(SOCKETS_FOUR, IPPROTO_IP, IP_RECVOPTS, MANNER_IP, ASKED_OPTIONS, NULL),
    BIT(SOCKETS_FOUR, IPPROTO_IP, IP_RECVERR, MANNER_IP, ASKED_RECVERR, errors_set),
    BIT(SOCKETS_FOUR, IPPROTO_IP, IP_RECVERR_RFC4884, MANNER_IP, ASKED_RFC4884, rfc4884_set),
    BIT(SOCKETS_FOUR, IPPROTO_IP, IP_NODEFRAG, MANNER_IP, ASKED_NODEFRAG, NULL),
    BIT(SOCKETS_FOUR, IPPROTO_IP, IP_ROUTER_ALERT, MANNER_IP, ASKED_ROUTER_ALERT, router_alert_set),

    OF(SOCKETS_SIX, IPPROTO_IPV6, IPV6_V6ONLY, MANNER_IPV6, only_six_set, only_six_get),
    OF(SOCKETS_SIX, IPPROTO_IPV6, IPV6_HDRINCL, MANNER_RAW6, header_included_set, header_included_get),
    OF(SOCKETS_SIX, IPPROTO_RAW, IPV6_HDRINCL, MANNER_RAW6, header_included_set, header_included_get),
    OF(SOCKETS_SIX, IPPROTO_IPV6, IPV6_CHECKSUM, MANNER_RAW6, checksum_set_ipv6, checksum_get),
    OF(SOCKETS_SIX, IPPROTO_RAW, IPV6_CHECKSUM, MANNER_RAW6, checksum_set, checksum_get),
    BIT(SOCKETS_SIX, IPPROTO_IPV6, IPV6_RECVPKTINFO, MANNER_IPV6, ASKED_PKTINFO, NULL),
    BIT(SOCKETS_SIX, IPPROTO_IPV6, IPV6_RECVERR, MANNER_IPV6, ASKED_RECVERR, errors_set),
    BIT(SOCKETS_SIX, IPPROTO_IPV6, IPV6_RECVERR_RFC4884, MANNER_IPV6, ASKED_RFC4884, rfc4884_set),
};

const struct option_number *option_number_of(const struct icmp_socket *socket, int level, int name)
{
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        const struct option_number *option = &options[i];

        if (option->level == level && option->name == name &&
            (option->sockets == SOCKETS_ALL || (option->sockets == SOCKETS_SIX) == icmp_is_six(socket)))
            return option;
    }
    return NULL;
}

int option_number_set(const struct option_number *option, struct icmp_socket *socket, int fd, const void *value,
                      socklen_t length)
{
    int number;
    int error;

    if (option->set == NULL && option->bit == 0)
        return OPTION_NATURAL;
    error = option_take(option->manner, value, length, &number);
    if (error != 0)
        return error;
    if (option->set != NULL)
        return option->set(socket, fd, number);
    asked_change(socket, fd, option->bit, number != 0);
    return 0;
}

int option_number_get(const struct option_number *option, struct icmp_socket *socket, int fd, void *value,
                      socklen_t *length)
{
    int number;

    if (option->get == NULL && option->bit == 0)
        return OPTION_NATURAL;
    /* Looked at first, so that SO_ERROR is not spent on a call that fails. */
    if (plainly_bad(length))
        return EFAULT;
    number = option->get != NULL ? option->get(socket, fd) : (atomic_load(&socket->asked) & option->bit) != 0;
    return option_give(option->manner, value, length, number);
}
