/* SPDX-License-Identifier: MIT */
/*
 * Names of a translated socket: bind(2), connect(2), getsockname(2), as raw_bind, rawv6_bind (net/ipv4/raw.c,
 * net/ipv6/raw.c) and the shared connect and getname of both kinds of sockets answer.
 *
 * A ping socket's identifier is chosen once and for all when an address is bound, so bind's address is only kept here.
 * connect makes the kernel choose a source, and it then takes no replies but to that: it has to be the address that was
 * kept.
 */
#include "shim/icmp/options.h"

#include "shim/judge.h"
#include "shim/real.h"
#include "state/kernel.h"

#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#ifndef SO_BINDTOIFINDEX
#define SO_BINDTOIFINDEX 62
#endif

/* The kernel's SIN6_LEN_RFC2133: without a scope. */
#define SHORTEST_INET6 offsetof(struct sockaddr_in6, sin6_scope_id)

union name {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
    struct sockaddr_storage storage;
};

/* As the kernel takes an address from a program: 0 or an errno. What is behind its end reads as zero. */
static int name_take(union name *out, const struct sockaddr *address, socklen_t length)
{
    memset(out, 0, sizeof(*out));
    if (length > sizeof(out->storage))
        return EINVAL;
    if (length > 0 && plainly_bad(address))
        return EFAULT;
    if (length > 0)
        memcpy(out, address, length);
    return 0;
}

static int fail(int error)
{
    errno = error;
    return -1;
}

static int bound_interface(int fd)
{
    int interface = 0;
    socklen_t length = sizeof(interface);

    real.getsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &interface, &length);
    return interface;
}

/* Link-local or interface-local: an address that means nothing without an interface (RFC 4007). */
static bool needs_scope(const struct in6_addr *address)
{
    return IN6_IS_ADDR_LINKLOCAL(address) || IN6_IS_ADDR_MC_LINKLOCAL(address) || IN6_IS_ADDR_MC_NODELOCAL(address);
}

/*
 * Lets the socket of no use be bound to what this one may be bound to: its interface, and addresses that are not local.
 */
static void copy_licence(int fd, int scrap, bool six)
{
    const int level = six ? IPPROTO_IPV6 : IPPROTO_IP;
    const int name = six ? IPV6_FREEBIND : IP_FREEBIND;
    int interface = bound_interface(fd);
    int free_bind = 0;
    socklen_t length = sizeof(free_bind);

    if (interface != 0)
        real.setsockopt(scrap, SOL_SOCKET, SO_BINDTOIFINDEX, &interface, sizeof(interface));
    if (real.getsockopt(fd, level, name, &free_bind, &length) == 0 && free_bind != 0)
        real.setsockopt(scrap, level, name, &free_bind, sizeof(free_bind));
}

/* Whether the host has that address, asked by binding a datagram socket to it: 0 or an errno. */
static int address_check(int fd, const union name *name)
{
    bool six = name->any.sa_family == AF_INET6;
    union name probe = *name;
    int scrap = real.socket(name->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int error = 0;

    if (scrap < 0)
        return errno;
    copy_licence(fd, scrap, six);
    if (six)
        probe.six.sin6_port = 0;
    else
        probe.four.sin_port = 0;
    if (real.bind(scrap, &probe.any, six ? sizeof(probe.six) : sizeof(probe.four)) != 0)
        error = errno;
    kernel_close(scrap);
    /* A port that is not to be had, or a filter's refusal, says nothing about the address. */
    return error == EADDRNOTAVAIL || error == ENODEV || error == EINVAL ? error : 0;
}

/* raw_bind does not look at the family. */
static int bind_four(struct icmp_socket *socket, int fd, union name *name, socklen_t length)
{
    int error;

    if (length < sizeof(name->four) || atomic_load(&socket->connected))
        return fail(EINVAL);
    name->four.sin_family = AF_INET;
    error = address_check(fd, name);
    if (error != 0)
        return fail(error);
    atomic_store(&socket->bound, false);
    socket->local = name->four.sin_addr;
    atomic_store(&socket->bound, name->four.sin_addr.s_addr != htonl(INADDR_ANY));
    return 0;
}

/* Binds to the interface that a scope names, as rawv6_bind does, before it looks whether there is one. */
static int scope_take(int fd, const struct sockaddr_in6 *six, socklen_t length)
{
    int scope = (int)six->sin6_scope_id;

    if (!needs_scope(&six->sin6_addr) || length < sizeof(*six) || scope == 0 || scope == bound_interface(fd))
        return 0;
    if (scope < 0)
        return ENODEV;
    return real.setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &scope, sizeof(scope)) == 0 ? 0 : errno;
}

static int bind_six(struct icmp_socket *socket, int fd, union name *name, socklen_t length)
{
    struct sockaddr_in6 *six = &name->six;
    int error;

    if (length < SHORTEST_INET6 || six->sin6_family != AF_INET6)
        return fail(EINVAL);
    if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr))
        return fail(EADDRNOTAVAIL);
    if (atomic_load(&socket->connected))
        return fail(EINVAL);
    error = scope_take(fd, six, length);
    if (error == 0 && !IN6_IS_ADDR_UNSPECIFIED(&six->sin6_addr))
        error = address_check(fd, name);
    if (error != 0)
        return fail(error);
    atomic_store(&socket->bound, false);
    socket->local6 = six->sin6_addr;
    socket->local_scope = needs_scope(&six->sin6_addr) ? (uint32_t)bound_interface(fd) : 0;
    atomic_store(&socket->bound, !IN6_IS_ADDR_UNSPECIFIED(&six->sin6_addr));
    return 0;
}

int icmp_bind(struct icmp_socket *socket, int fd, const struct sockaddr *address, socklen_t length)
{
    union name name;
    int saved = errno;
    int error = name_take(&name, address, length);

    if (error != 0)
        return fail(error);
    if ((icmp_is_six(socket) ? bind_six : bind_four)(socket, fd, &name, length) != 0)
        return -1;
    icmp_screen_changed(socket);
    errno = saved;
    return 0;
}

/* Our own name as bind was told it; the port of a raw socket is its protocol. */
static socklen_t own_name(const struct icmp_socket *socket, union name *out)
{
    bool nameless = (atomic_load(&socket->asked) & ASKED_DISCONNECTED) != 0;
    in_port_t port = htons((uint16_t)(nameless ? 0 : icmp_protocol(socket)));

    memset(out, 0, sizeof(*out));
    if (icmp_is_six(socket)) {
        out->six.sin6_family = AF_INET6;
        out->six.sin6_port = port;
        out->six.sin6_addr = socket->local6;
        out->six.sin6_scope_id = socket->local_scope;
        return sizeof(out->six);
    }
    out->four.sin_family = AF_INET;
    out->four.sin_port = port;
    out->four.sin_addr = socket->local;
    return sizeof(out->four);
}

int icmp_getsockname(struct icmp_socket *socket, int fd, struct sockaddr *address, socklen_t *length)
{
    /* sin_port and sin6_port stand in the same place. Where no address was bound the kernel's is right. */
    const size_t port_end = offsetof(struct sockaddr_in, sin_port) + sizeof(in_port_t);
    union name own;
    socklen_t room;
    size_t ours;

    if (plainly_bad(length))
        return real.getsockname(fd, address, length);
    room = *length;
    if (real.getsockname(fd, address, length) != 0)
        return -1;
    ours = own_name(socket, &own);
    if (!atomic_load(&socket->bound))
        ours = port_end;
    if (room > 0)
        memcpy(address, &own, room < ours ? room : ours);
    return 0;
}

/*
 * Makes the address that was kept the kernel's choice: the source of what is sent to an own address is that address,
 * and a source that was chosen stays when the socket is connected elsewhere (ip4_datagram_connect,
 * ip6_datagram_connect).
 */
static void choose_source(const struct icmp_socket *socket, int fd)
{
    union name own;
    socklen_t length = own_name(socket, &own);

    real.connect(fd, &own.any, length);
}

/* Takes that back, for a connect that failed. Disconnecting also unbinds the interface (__udp_disconnect). */
static void forget_source(int fd)
{
    const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    int interface = bound_interface(fd);

    real.connect(fd, &nobody, sizeof(nobody));
    if (interface != 0)
        real.setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &interface, sizeof(interface));
}

/* A raw socket forgets its address then, since it was not bound to a port (__udp_disconnect). */
static int disconnect(struct icmp_socket *socket, int fd, const union name *name, socklen_t length)
{
    if (real.connect(fd, &name->any, length) != 0)
        return -1;
    atomic_store(&socket->connected, false);
    atomic_store(&socket->bound, false);
    atomic_fetch_or(&socket->asked, ASKED_DISCONNECTED);
    icmp_label(socket, fd);
    return 0;
}

/* Whom the kernel is connected to now. The wildcard is the host itself, which is then our own address as well. */
static void peer_keep(struct icmp_socket *socket, int fd, const union name *name)
{
    union name own = {.storage = {0}};
    socklen_t length = sizeof(own);

    atomic_store(&socket->connected, false);
    if (icmp_is_six(socket)) {
        socket->peer6 = name->six.sin6_addr;
        if (IN6_IS_ADDR_UNSPECIFIED(&socket->peer6))
            socket->peer6 = in6addr_loopback;
    } else {
        socket->peer = name->four.sin_addr;
        if (socket->peer.s_addr == htonl(INADDR_ANY) && real.getsockname(fd, &own.any, &length) == 0)
            socket->peer = own.four.sin_addr;
    }
    atomic_store(&socket->connected, true);
}

/*
 * Whether what was bound is the source of what is sent, and the kernel does not know it yet. A multicast group is none.
 */
static bool has_own_source(const struct icmp_socket *socket)
{
    bool group = icmp_is_six(socket) ? IN6_IS_ADDR_MULTICAST(&socket->local6)
                                     : IN_MULTICAST(ntohl(socket->local.s_addr));

    return atomic_load(&socket->bound) && !atomic_load(&socket->connected) && !group;
}

static int connect_peer(struct icmp_socket *socket, int fd, const union name *name, socklen_t length)
{
    bool chooses = has_own_source(socket);

    if (chooses)
        choose_source(socket, fd);
    if (real.connect(fd, &name->any, length) != 0) {
        int error = errno;

        if (chooses)
            forget_source(fd);
        return fail(error);
    }
    peer_keep(socket, fd, name);
    return 0;
}

int icmp_connect(struct icmp_socket *socket, int fd, const struct sockaddr *address, socklen_t length)
{
    union name name;
    bool disconnects;
    int saved = errno;

    /* What cannot be copied the kernel refuses. */
    if (name_take(&name, address, length) != 0)
        return real.connect(fd, address, length);
    disconnects = length >= sizeof(name.any.sa_family) && name.any.sa_family == AF_UNSPEC;
    if ((disconnects ? disconnect : connect_peer)(socket, fd, &name, length) != 0)
        return -1;
    icmp_screen_changed(socket);
    errno = saved;
    return 0;
}
