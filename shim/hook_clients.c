/* SPDX-License-Identifier: MIT */
/*
 * rcmd(3) and rexec(3) look a host up, connect to it, and wait for a connection back, all from inside libc. Before the
 * call every address that the host has is judged; after it the connections that it brought, since the name was looked
 * up again.
 */
#include "shim/asking.h"
#include "shim/hints.h"
#include "shim/local.h"
#include "shim/sandbox.h"
#include "state/kernel.h"

#include <errno.h>
#include <string.h>

#define KINDS (WATCH_TO | WATCH_ON | WATCH_FROM_STREAM)

static bool address_refused(enum direction direction, const struct own_address *address, uint16_t local_port,
                            const char *op)
{
    char path[QUERY_PATH];
    struct query query;
    struct ruling ruling;

    if (query_from_sockaddr(&query, direction, (const struct sockaddr *)&address->storage, address->length,
                            UNSPEC_IS_NOTHING, PROTO_TCP, path) != QUERY_JUDGE)
        return false;
    if (direction == DIRECTION_FROM) {
        query.port = local_port;
        query.port_known = true;
    }
    judge(&ruling, &query, -1, op);
    if (ruling.refused)
        errno = ruling.drop ? ETIMEDOUT : ruling.error;
    return ruling.refused;
}

/* Whether an address of `host` is refused; errno is set then. `port` is in network order. */
static bool host_refused(const char *host, uint16_t port, int family, const char *op)
{
    static void *bound;
    void (*free_list)(struct addrinfo *) = NULL;
    const struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    struct servers servers;
    bool refused = false;
    int failed;

    *(void **)(&free_list) = rare_function(&bound, "freeaddrinfo");
    servers_leave_out(&servers, op, NULL, false, 0);
    failed = RARE_REAL(getaddrinfo)(host, NULL, &hints, &list);
    servers_put_back(&servers, failed == EAI_AGAIN);
    if (failed != 0)
        return false; /* the call itself says so */
    for (const struct addrinfo *one = list; one != NULL && !refused; one = one->ai_next) {
        struct own_address address;

        if (!address_take(&address, one->ai_addr, one->ai_addrlen))
            continue;
        ((struct sockaddr_in *)&address.storage)->sin_port = port; /* sin6_port stands in the same place */
        refused = address_refused(DIRECTION_TO, &address, 0, op);
    }
    if (free_list != NULL) {
        int saved = errno;

        free_list(list);
        errno = saved;
    }
    return refused;
}

static bool peer_name(int fd, struct own_address *name)
{
    int saved = errno;

    name->length = sizeof(name->storage);
    if (!sandboxed() && real.getpeername(fd, (struct sockaddr *)&name->storage, &name->length) == 0)
        return true;
    errno = saved;
    return false;
}

/*
 * Whether a connection stands where none may, or is from where none may be; `own_port` where libc chose a reserved one.
 * What cannot be known is refused.
 */
static bool connection_refused(int fd, enum direction direction, bool own_port, const char *op)
{
    struct own_address peer, name;
    uint16_t port = 0;

    hint_forget(fd);
    if (!peer_name(fd, &peer) || !bound_name(fd, &name)) {
        errno = EACCES;
        return true;
    }
    name_port(&name, &port);
    return (own_port && bound_name_refused(fd, &name, op)) || address_refused(direction, &peer, port, op);
}

/* What was opened, or -1 where it may not be. `errors` is the connection back, where the program asked for one. */
static int opened(int fd, const int *errors, bool reserved, const char *op)
{
    if (fd < 0)
        return fd;
    if (!connection_refused(fd, DIRECTION_TO, reserved, op) &&
        (errors == NULL || !connection_refused(*errors, DIRECTION_FROM, true, op)))
        return fd;
    kernel_close(fd);
    if (errors != NULL)
        kernel_close(*errors);
    return -1;
}

/* A call `call` to `host`, guarded; `reserved`: from a reserved port. */
#define CLIENT(op, host, port, family, errors, reserved, call)                                                         \
    struct servers servers;                                                                                            \
    int fd;                                                                                                            \
                                                                                                                       \
    if (!concerned(KINDS) || !policy_ready(KINDS))                                                                     \
        return call;                                                                                                   \
    if (!plainly_bad(host) && host_refused(*(host), (uint16_t)(port), family, op))                                     \
        return -1;                                                                                                     \
    servers_leave_out(&servers, op, NULL, false, 0);                                                                   \
    fd = call;                                                                                                         \
    servers_put_back(&servers, false);                                                                                 \
    return opened(fd, errors, reserved, op)

EXPORT int rcmd(char **restrict host, unsigned short port, const char *restrict local, const char *restrict remote,
                const char *restrict command, int *restrict errors)
{
    CLIENT("rcmd", host, port, AF_INET, errors, true, RARE_REAL(rcmd)(host, port, local, remote, command, errors));
}

EXPORT int rcmd_af(char **restrict host, unsigned short port, const char *restrict local, const char *restrict remote,
                   const char *restrict command, int *restrict errors, sa_family_t family)
{
    CLIENT("rcmd_af", host, port, family, errors, true,
           RARE_REAL(rcmd_af)(host, port, local, remote, command, errors, family));
}

EXPORT int rexec(char **restrict host, int port, const char *restrict name, const char *restrict password,
                 const char *restrict command, int *restrict errors)
{
    CLIENT("rexec", host, port, AF_INET, errors, false, RARE_REAL(rexec)(host, port, name, password, command, errors));
}

EXPORT int rexec_af(char **restrict host, int port, const char *restrict name, const char *restrict password,
                    const char *restrict command, int *restrict errors, sa_family_t family)
{
    CLIENT("rexec_af", host, port, family, errors, false,
           RARE_REAL(rexec_af)(host, port, name, password, command, errors, family));
}
