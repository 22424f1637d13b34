/* SPDX-License-Identifier: MIT */
/* connect(2): whom the program reaches by streams and connected datagrams. */
#include "shim/hints.h"
#include "shim/icmp/options.h"
#include "shim/icmp/probe.h"
#include "shim/outbound.h"
#include "shim/real.h"

#include <errno.h>

#define KINDS (WATCH_TO | WATCH_TO_UNIX)
#define TRANSLATED (WATCH_ICMP | WATCH_PROBES)

/* The call itself, for whatever the socket is. */
static int connect_socket(int fd, const struct sockaddr *address, socklen_t length)
{
    struct icmp_socket *socket = icmp_of(fd);
    struct probe *probe;

    if (socket != NULL)
        return icmp_connect(socket, fd, address, length);
    probe = probe_of(fd);
    if (probe != NULL)
        return probe_connect(probe, fd, address, length);
    return real.connect(fd, address, length);
}

static __attribute__((noinline)) int connect_judged(int fd, const struct sockaddr *address, socklen_t length)
{
    struct own_address own;
    char path[QUERY_PATH];
    struct query query;
    struct ruling ruling;

    if (!policy_ready(KINDS | TRANSLATED))
        return real.connect(fd, address, length);
    if (!watching(KINDS) || !address_take(&own, address, length))
        return connect_socket(fd, address, length);
    if (query_from_sockaddr(&query, DIRECTION_TO, (struct sockaddr *)&own.storage, own.length, UNSPEC_IS_NOTHING,
                            hint_get(fd).protos, path) == QUERY_JUDGE) {
        judge(&ruling, &query, fd, "connect");
        if (ruling.refused) {
            errno = ruling.drop ? ETIMEDOUT : ruling.error;
            cancellation_point();
            return -1;
        }
    }
    return connect_socket(fd, (struct sockaddr *)&own.storage, own.length);
}

static inline int sockade_connect(int fd, const struct sockaddr *address, socklen_t length)
{
    if (!watching(KINDS | TRANSLATED | WATCH_FOLLOW))
        return real.connect(fd, address, length);
    return connect_judged(fd, address, length);
}

EXPORT int connect(int fd, const struct sockaddr *address, socklen_t length)
{
    return sockade_connect(fd, address, length);
}

EXPORT int __connect(int fd, const struct sockaddr *address, socklen_t length)
{
    return sockade_connect(fd, address, length);
}
