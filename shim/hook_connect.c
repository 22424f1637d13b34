/* SPDX-License-Identifier: MIT */
/* connect(2): whom the program reaches by streams and connected datagrams. */
#include "shim/hints.h"
#include "shim/icmp/options.h"
#include "shim/icmp/probe.h"
#include "shim/outbound.h"
#include "shim/reached.h"
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
    struct reached_claim claim;

    if (!policy_ready(KINDS | TRANSLATED))
        return real.connect(fd, address, length);
    if (!watching(KINDS) || !address_take(&own, address, length))
        return connect_socket(fd, address, length);
    reached_expect(&claim, &reached_by_connect, fd, (struct sockaddr *)&own.storage, own.length);
    if (query_from_sockaddr(&query, DIRECTION_TO, (struct sockaddr *)&own.storage, own.length, UNSPEC_IS_NOTHING,
                            hint_get(fd).protos, path) == QUERY_JUDGE) {
        unsigned protos = query.protos;

        judge(&ruling, &query, fd, "connect");
        if (ruling.refused) {
            errno = ruling.drop ? ETIMEDOUT : ruling.error;
            cancellation_point();
            return -1;
        }
        if (!watching(TRANSLATED) && !ruling.reportable && !query.strict && query.protos == protos)
            reached_allow(&claim, fd, (struct answer_note){0});
    }
    return connect_socket(fd, (struct sockaddr *)&own.storage, own.length);
}

/* Under a policy, of whatever is not as long as an IPv4 address. */
static __attribute__((noinline)) int connect_watched(int fd, const struct sockaddr *address, socklen_t length)
{
    union reached_address copy;

    if (length == sizeof(copy.inet6) && reached_copy6(&copy, address) &&
        reached_knows6(&reached_by_connect, fd, &copy, false))
        return real.connect(fd, (struct sockaddr *)&copy.inet6, length);
    return connect_judged(fd, address, length);
}

/* Where this thread connects again and again costs no decision. */
static inline __attribute__((always_inline)) int sockade_connect(int fd, const struct sockaddr *address,
                                                                 socklen_t length)
{
    union reached_address copy;

    if (!concerned(KINDS | TRANSLATED))
        return real.connect(fd, address, length);
    if (unlikely(length != sizeof(copy.inet)))
        return connect_watched(fd, address, length);
    if (likely(reached_copy4(&copy, address)) && likely(reached_knows4(&reached_by_connect, fd, &copy, false)))
        return real.connect(fd, (struct sockaddr *)&copy.inet, length);
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
