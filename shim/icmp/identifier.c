/* SPDX-License-Identifier: MIT */
/*
 * One word decides, changed by compare-and-swap: none, then fixed or mapped, and from fixed to mapped.
 *
 * Echoes that go out as they are push the counter of mapped ones ahead of them, and only then look whether they still
 * may. So either the sender sees that the socket has become mapped, or whoever maps takes higher numbers: two
 * outstanding echoes never share one.
 */
#include "shim/icmp/identifier.h"

#include "shim/real.h"

#include <errno.h>

/* The address that an identifier is bound by. The program's own is bound only on IPv6, see below. */
union name {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
};

static int bind_name(const struct icmp_socket *socket, int fd, uint16_t identifier)
{
    union name name = {.six = {.sin6_family = AF_UNSPEC}};

    name.four.sin_port = htons(identifier); /* sin6_port stands in the same place */
    if (!icmp_is_six(socket)) {
        name.any.sa_family = AF_INET;
        return real.bind(fd, &name.any, sizeof(name.four));
    }
    name.any.sa_family = AF_INET6;
    /* A ping socket ignores the source in IPV6_PKTINFO control messages (ping_v6_sendmsg takes np->saddr). */
    if (socket->bound) {
        name.six.sin6_addr = socket->local6;
        name.six.sin6_scope_id = socket->local_scope;
    }
    return real.bind(fd, &name.any, sizeof(name.six));
}

static bool is_bound_to(int fd, uint16_t identifier)
{
    union name name = {.six = {.sin6_family = AF_UNSPEC}};
    socklen_t length = sizeof(name);

    return real.getsockname(fd, &name.any, &length) == 0 && name.four.sin_port == htons(identifier);
}

/*
 * Takes back what connect bound by itself, so that the program's own source address can be bound: disconnects, binds,
 * connects. Disconnecting also unbinds the device (__udp_disconnect). Nothing has been sent yet, so nothing is lost.
 */
static bool bind_connected(const struct icmp_socket *socket, int fd, uint16_t identifier)
{
    union name peer = {.six = {.sin6_family = AF_UNSPEC}};
    const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    socklen_t length = sizeof(peer);
    int device = 0;
    socklen_t device_length = sizeof(device);
    bool bound;

    if (real.getpeername(fd, &peer.any, &length) != 0)
        return false;
    real.getsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &device, &device_length);
    if (real.connect(fd, &nobody, sizeof(nobody)) != 0)
        return false;
    if (device != 0)
        real.setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &device, sizeof(device));
    bound = bind_name(socket, fd, identifier) == 0;
    if (!bound)
        bind_name(socket, fd, 0);
    real.connect(fd, &peer.any, length);
    return bound;
}

/*
 * Binds the identifier. It may be taken (EADDRINUSE), forbidden (SELinux knows a permission for it), or the socket is
 * bound already: by connect, or by another thread that sends its first echo just now. 0 means "choose" to the kernel.
 */
static bool bind_identifier(const struct icmp_socket *socket, int fd, uint16_t identifier)
{
    bool own_source = icmp_is_six(socket) && socket->bound;

    if (identifier != 0) {
        if (bind_name(socket, fd, identifier) == 0)
            return true;
        if (errno == EINVAL && is_bound_to(fd, identifier))
            return true;
        if (errno == EINVAL && own_source && socket->connected)
            return bind_connected(socket, fd, identifier);
    }
    if (own_source)
        bind_name(socket, fd, 0);
    return false;
}

/* The first echo's identifier is bound; returns what holds afterwards. */
static uint32_t first_decides(struct icmp_socket *socket, int fd, uint16_t identifier, uint16_t sequence)
{
    uint16_t next = atomic_load(&socket->next);
    uint32_t before = IDENTIFIER_NONE;
    uint32_t wanted = IDENTIFIER_MAPPED;
    int saved = errno;

    if (bind_identifier(socket, fd, identifier)) {
        wanted = (uint32_t)IDENTIFIER_FIXED | identifier;
        /* Not if somebody has mapped an echo meanwhile. */
        atomic_compare_exchange_strong(&socket->next, &next, (uint16_t)(sequence + 1));
    }
    if (atomic_compare_exchange_strong(&socket->identifier, &before, wanted)) {
        icmp_label(socket, fd);
        before = wanted;
    }
    errno = saved;
    return before;
}

/*
 * Moves the counter of mapped echoes ahead of this one, but never back: of two numbers the one up to 32,767 higher is
 * ahead.
 */
static void push_ahead(struct icmp_socket *socket, uint16_t sequence)
{
    uint16_t ahead = (uint16_t)(sequence + 1);
    uint16_t next = atomic_load(&socket->next);

    while ((int16_t)(uint16_t)(ahead - next) > 0 && !atomic_compare_exchange_weak(&socket->next, &next, ahead))
        ;
}

bool identifier_served(struct icmp_socket *socket, uint16_t identifier, uint16_t sequence)
{
    uint32_t own = (uint32_t)IDENTIFIER_FIXED | identifier;

    if (atomic_load_explicit(&socket->identifier, memory_order_relaxed) != own)
        return false;
    push_ahead(socket, sequence);
    return atomic_load(&socket->identifier) == own;
}

bool identifier_serves(struct icmp_socket *socket, int fd, uint16_t identifier, uint16_t sequence)
{
    uint32_t now = atomic_load(&socket->identifier);

    if ((now & IDENTIFIER_STATE) == IDENTIFIER_NONE)
        now = first_decides(socket, fd, identifier, sequence);
    if (identifier_served(socket, identifier, sequence))
        return true;
    if ((now & IDENTIFIER_STATE) == IDENTIFIER_FIXED &&
        atomic_compare_exchange_strong(&socket->identifier, &now, (uint32_t)IDENTIFIER_MAPPED))
        icmp_label(socket, fd);
    return false;
}
