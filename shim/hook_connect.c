/* SPDX-License-Identifier: MIT */
/* connect(2): whom the program reaches by streams and connected datagrams. */
#include "shim/hints.h"
#include "shim/outbound.h"
#include "shim/real.h"

#include <errno.h>

#define KINDS (WATCH_TO | WATCH_TO_UNIX)

static __attribute__((noinline)) int connect_judged(int fd, const struct sockaddr *address, socklen_t length)
{
    struct own_address own;
    char path[QUERY_PATH];
    struct query query;
    struct ruling ruling;

    if (!process_ready(KINDS) || !address_take(&own, address, length))
        return real.connect(fd, address, length);
    if (query_from_sockaddr(&query, DIRECTION_TO, (struct sockaddr *)&own.storage, own.length, UNSPEC_IS_NOTHING,
                            hint_get(fd).protos, path) == QUERY_JUDGE) {
        judge(&ruling, &query, fd, "connect");
        if (ruling.refused) {
            errno = ruling.drop ? ETIMEDOUT : ruling.error;
            cancellation_point();
            return -1;
        }
    }
    return real.connect(fd, (struct sockaddr *)&own.storage, own.length);
}

static inline int sockade_connect(int fd, const struct sockaddr *address, socklen_t length)
{
    if (!watching(KINDS))
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
