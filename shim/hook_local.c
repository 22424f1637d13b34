/* SPDX-License-Identifier: MIT */
/* bind(2), listen(2), bindresvport(3), rresvport(3): where the program may listen. */
#include "shim/follow.h"
#include "shim/hints.h"
#include "shim/icmp/options.h"
#include "shim/icmp/probe.h"
#include "shim/local.h"
#include "shim/ports.h"
#include "shim/real.h"
#include "shim/sandbox.h"
#include "state/kernel.h"

#include <errno.h>
#include <string.h>

#define KINDS (WATCH_ON | WATCH_ON_UNIX)
#define TRANSLATED (WATCH_ICMP | WATCH_PROBES)
#define FOLLOWED (WATCH_FOLLOW | WATCH_ABSENT)

/* bindresvport's ports, lowest and highest, and where it begins (bindresvport(3), glibc). */
#define RESERVED_LOWEST 512
#define RESERVED_START 600
#define RESERVED_HIGHEST 1023

/* Judges a query about a local address. `quiet`, where not NULL: whether it is allowed and no event is wanted of it. */
static bool local_refused(struct query *query, int fd, const char *op, bool *quiet)
{
    struct ruling ruling;

    judge(&ruling, query, fd, op);
    if (ruling.refused)
        errno = ruling.error;
    if (quiet != NULL)
        *quiet = !ruling.refused && !ruling.reportable && !query->strict;
    return ruling.refused;
}

bool bind_address_refused(int fd, const struct own_address *address, const char *op)
{
    char path[QUERY_PATH];
    struct query query;

    return query_from_sockaddr(&query, DIRECTION_ON, (const struct sockaddr *)&address->storage, address->length,
                               UNSPEC_IS_INET, hint_get(fd).protos, path) == QUERY_JUDGE &&
           local_refused(&query, fd, op, NULL);
}

/* As bound_name. `*withheld`: it is a socket all the same, whose name an unknown sandbox withholds. */
static bool name_ask(int fd, struct own_address *name, bool *withheld)
{
    int saved = errno;

    name->length = sizeof(name->storage);
    *withheld = false;
    if (sandboxed())
        return false;
    if (real.getsockname(fd, (struct sockaddr *)&name->storage, &name->length) == 0)
        return true;
    *withheld = errno != EBADF && errno != ENOTSOCK;
    errno = saved; /* no socket: the real call says so */
    return false;
}

bool bound_name(int fd, struct own_address *name)
{
    bool withheld;

    return name_ask(fd, name, &withheld);
}

/* Whether it is an IP socket that no port was given yet. */
static bool name_has_no_port(const struct own_address *name)
{
    uint16_t port;

    return name_port(name, &port) && port == 0;
}

/* The question about a bound name; false where there is none. `path` is room for it. */
static bool name_query(struct query *query, int fd, const struct own_address *name, char path[QUERY_PATH])
{
    struct own_address own = *name;

    /* A port of 0 is a client's at bind; here it is a socket that the kernel is about to give one. */
    if (name_has_no_port(name))
        ((struct sockaddr_in *)&own.storage)->sin_port = 1;
    if (query_from_sockaddr(query, DIRECTION_ON, (struct sockaddr *)&own.storage, own.length, UNSPEC_IS_NOTHING,
                            hint_get(fd).protos, path) != QUERY_JUDGE)
        return false;
    if (name_has_no_port(name))
        query->port = 0;
    return true;
}

bool bound_name_refused(int fd, const struct own_address *name, const char *op)
{
    char path[QUERY_PATH];
    struct query query;

    return name_query(&query, fd, name, path) && local_refused(&query, fd, op, NULL);
}

void listener_settle(int fd)
{
    struct listener_claim claim;
    struct own_address name;
    char path[QUERY_PATH];
    struct query query;
    struct ruling ruling;
    bool wildcard;
    uint16_t port;

    if (!watching(KINDS | WATCH_FROM_STREAM) || listener_is_allowed(fd, &wildcard, &port, &claim) ||
        !bound_name(fd, &name) || !name_query(&query, fd, &name, path))
        return;
    judge_silently(&ruling, &query, fd);
    if (!ruling.refused && name_port(&name, &port))
        listener_allow(fd, &claim, address_is_wildcard(&query.address), port);
}

/* In a sandbox, where the kernel may not be asked what an IP socket is bound to: strictly. errno is set then. */
static bool unknown_name_refused(int fd)
{
    struct listener_claim claim;
    bool wildcard;
    uint16_t port;

    if (!sandboxed() || !watching(WATCH_ON) || hint_get(fd).state == HINT_OTHER ||
        listener_is_allowed(fd, &wildcard, &port, &claim))
        return false;
    errno = EACCES;
    return true;
}

bool listener_refused(struct listener *listener)
{
    struct listener_claim claim;
    struct own_address name;
    char path[QUERY_PATH];
    struct query query;
    bool quiet, withheld;

    listener->remembered = listener_is_allowed(listener->fd, &listener->wildcard, &listener->port, &claim);
    if (listener->remembered)
        return false;
    listener->wildcard = false;
    if (unknown_name_refused(listener->fd))
        return true;
    if (!name_ask(listener->fd, &name, &withheld)) {
        errno = withheld ? EACCES : errno;
        return withheld;
    }
    if (!name_query(&query, listener->fd, &name, path))
        return false;
    listener->wildcard = address_is_wildcard(&query.address);
    if (local_refused(&query, listener->fd, "accept", &quiet))
        return true;
    if (quiet && name_port(&name, &listener->port))
        listener_allow(listener->fd, &claim, listener->wildcard, listener->port);
    return false;
}

bool listener_is_another(const struct listener *listener, const struct own_address *name)
{
    uint16_t port;

    if (!listener->remembered || (name_port(name, &port) && port == listener->port))
        return false;
    ports_forget(listener->fd);
    return true;
}

/* bind */

/* The call itself, for whatever the socket is. Its name is another one then. */
static int bind_socket(int fd, const struct sockaddr *address, socklen_t length)
{
    struct icmp_socket *socket = icmp_of(fd);
    struct probe *probe = socket == NULL ? probe_of(fd) : NULL;
    int result;

    if (socket != NULL)
        result = icmp_bind(socket, fd, address, length);
    else if (probe != NULL)
        result = probe_bind(probe, fd, address, length);
    else
        result = real.bind(fd, address, length);
    ports_forget(fd);
    return result;
}

static __attribute__((noinline)) int bind_judged(int fd, const struct sockaddr *address, socklen_t length)
{
    struct own_address own;

    follow_sources();
    policy_ready(KINDS | TRANSLATED);
    if (!watching(KINDS) || !address_take(&own, address, length))
        return bind_socket(fd, address, length);
    if (bind_address_refused(fd, &own, "bind"))
        return -1;
    return bind_socket(fd, (struct sockaddr *)&own.storage, own.length);
}

static inline int sockade_bind(int fd, const struct sockaddr *address, socklen_t length)
{
    if (!watching(KINDS | TRANSLATED | FOLLOWED))
        return real.bind(fd, address, length);
    return bind_judged(fd, address, length);
}

EXPORT int bind(int fd, const struct sockaddr *address, socklen_t length)
{
    return sockade_bind(fd, address, length);
}

/* listen */

static __attribute__((noinline)) int listen_judged(int fd, int backlog)
{
    struct own_address name;

    follow_sources();
    if (policy_ready(KINDS)) {
        hint_expect_stream(fd);
        if (unknown_name_refused(fd))
            return -1;
        if (bound_name(fd, &name) && bound_name_refused(fd, &name, "listen"))
            return -1;
    }
    return real.listen(fd, backlog);
}

static inline int sockade_listen(int fd, int backlog)
{
    if (!watching(KINDS | FOLLOWED))
        return real.listen(fd, backlog);
    return listen_judged(fd, backlog);
}

EXPORT int listen(int fd, int backlog)
{
    return sockade_listen(fd, backlog);
}

/*
 * bindresvport: libc binds from inside, so where a port may be refused, or bind is more than the kernel's, the search
 * is done here.
 */

/* Tries one port; false where another should be tried. */
static bool try_reserved(int fd, struct own_address *own, unsigned port, int *result, const char *op)
{
    ((struct sockaddr_in *)&own->storage)->sin_port = htons((uint16_t)port);
    *result = -1;
    if (watching(KINDS) && bind_address_refused(fd, own, op))
        return false;
    *result = bind_socket(fd, (struct sockaddr *)&own->storage, own->length);
    return *result == 0 || errno != EADDRINUSE;
}

static __attribute__((noinline)) int bindresvport_judged(int fd, struct sockaddr_in *address)
{
    struct own_address own = {.length = sizeof(struct sockaddr_in)};
    unsigned start = RESERVED_START + (unsigned)getpid() % (RESERVED_HIGHEST - RESERVED_START + 1);
    int saved = errno;
    int result = -1;

    follow_sources();
    if (!policy_ready(KINDS | TRANSLATED)) {
        result = RARE_REAL(bindresvport)(fd, address);
        ports_forget(fd);
        return result;
    }
    if (address != NULL && address->sin_family != AF_INET) {
        errno = EAFNOSUPPORT;
        return -1;
    }
    if (address != NULL)
        memcpy(&own.storage, address, sizeof(*address));
    own.storage.ss_family = AF_INET;
    for (unsigned port = start; port <= RESERVED_HIGHEST; port++) {
        if (try_reserved(fd, &own, port, &result, "bindresvport"))
            goto done;
    }
    for (unsigned port = start - 1; port >= RESERVED_LOWEST; port--) {
        if (try_reserved(fd, &own, port, &result, "bindresvport"))
            goto done;
    }
done:
    if (result == 0) {
        errno = saved;
        if (address != NULL)
            memcpy(address, &own.storage, sizeof(*address));
    }
    return result;
}

static inline int sockade_bindresvport(int fd, struct sockaddr_in *address)
{
    if (!watching(KINDS | TRANSLATED | FOLLOWED))
        return RARE_REAL(bindresvport)(fd, address);
    return bindresvport_judged(fd, address);
}

EXPORT int bindresvport(int fd, struct sockaddr_in *address)
{
    return sockade_bindresvport(fd, address);
}

/* rresvport: the same downwards from the caller's port, on a socket of its own. */

static __attribute__((noinline)) int rresvport_judged(int *port, sa_family_t family)
{
    struct own_address own = {.length = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6)};
    struct ruling ruling;
    int saved = errno;
    int fd, start, result;

    follow_sources();
    if (!policy_ready(KINDS | TRANSLATED | WATCH_FAMILY) || (family != AF_INET && family != AF_INET6))
        return RARE_REAL(rresvport_af)(port, family);
    judge_family(&ruling, family, "rresvport");
    if (ruling.refused) {
        errno = ruling.error;
        return -1;
    }
    fd = real.socket(family, SOCK_STREAM, 0);
    if (fd < 0)
        return -1;
    hint_set(fd, family, SOCK_STREAM, 0);
    own.storage.ss_family = family;
    *port = *port < RESERVED_LOWEST ? RESERVED_LOWEST : *port > RESERVED_HIGHEST ? RESERVED_HIGHEST : *port;
    start = *port;
    do {
        if (try_reserved(fd, &own, (unsigned)*port, &result, "rresvport")) {
            if (result == 0) {
                errno = saved;
                return fd;
            }
            kernel_close(fd);
            return -1;
        }
        *port = *port == RESERVED_LOWEST ? RESERVED_HIGHEST : *port - 1;
    } while (*port != start);
    kernel_close(fd);
    errno = errno == EADDRINUSE ? EAGAIN : errno;
    return -1;
}

static inline int sockade_rresvport(int *port, sa_family_t family)
{
    if (!watching(KINDS | TRANSLATED | FOLLOWED))
        return RARE_REAL(rresvport_af)(port, family);
    return rresvport_judged(port, family);
}

EXPORT int rresvport_af(int *port, sa_family_t family)
{
    return sockade_rresvport(port, family);
}

EXPORT int rresvport(int *port)
{
    return sockade_rresvport(port, AF_INET);
}
