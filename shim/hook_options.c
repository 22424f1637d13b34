/* SPDX-License-Identifier: MIT */
/*
 * setsockopt and getsockopt: SCTP connects and binds by socket options (sctp(7), linux/sctp.h); raw ICMP sockets and
 * probes are asked elsewhere. SO_RCVTIMEO is only noticed, for receives that have to wait on after a refusal.
 *
 * libsctp's sctp_connectx asks first by getsockopt(SCTP_SOCKOPT_CONNECTX3), then by setsockopt(SCTP_SOCKOPT_CONNECTX),
 * then by the old number.
 */
#include "shim/hints.h"
#include "shim/icmp/options.h"
#include "shim/icmp/probe.h"
#include "shim/outbound.h"
#include "shim/patience.h"
#include "shim/real.h"

#include <errno.h>
#include <string.h>

#define KINDS (WATCH_TO | WATCH_ON)
#define TRANSLATED (WATCH_ICMP | WATCH_PROBES)

#define SCTP_BINDX_ADD 100
#define SCTP_CONNECTX_OLD 107
#define SCTP_CONNECTX 110
#define SCTP_CONNECTX3 111

/* struct sctp_getaddrs_old of linux/sctp.h, which not every system has installed. */
struct connectx3 {
    int32_t assoc_id;
    int32_t size;
    const void *addresses;
};

/* Judges `size` bytes of sockaddrs, one behind the other without gaps; the kernel refuses what is cut short. */
static bool addresses_refused(int fd, const unsigned char *at, size_t size, enum direction direction, const char *op)
{
    while (size >= sizeof(sa_family_t)) {
        struct own_address own = {0};
        char path[QUERY_PATH];
        struct query query;
        sa_family_t family;

        memcpy(&family, at, sizeof(family));
        own.length = family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
        if (own.length > size)
            return false;
        memcpy(&own.storage, at, own.length);
        if (query_from_sockaddr(&query, direction, (struct sockaddr *)&own.storage, own.length, UNSPEC_IS_NOTHING,
                                PROTO_SCTP, path) == QUERY_JUDGE) {
            struct ruling ruling;

            judge(&ruling, &query, fd, op);
            if (ruling.refused) {
                errno = ruling.drop ? ETIMEDOUT : ruling.error;
                return true;
            }
        }
        at += own.length;
        size -= own.length;
    }
    return false;
}

static __attribute__((noinline)) int setsockopt_judged(int fd, int name, const void *value, socklen_t length)
{
    bool binds = name == SCTP_BINDX_ADD;

    if (policy_ready(KINDS) && !plainly_bad(value) && (int)length > 0 &&
        addresses_refused(fd, value, length, binds ? DIRECTION_ON : DIRECTION_TO, binds ? "bindx" : "connectx"))
        return -1;
    return real.setsockopt(fd, IPPROTO_SCTP, name, value, length);
}

/* An option of what is neither may make it a probe. */
static __attribute__((noinline)) int setsockopt_translated(int fd, int level, int name, const void *value,
                                                           socklen_t length)
{
    struct icmp_socket *socket;
    struct probe *probe;
    int result;

    if (!process_ready(TRANSLATED))
        return real.setsockopt(fd, level, name, value, length);
    socket = icmp_of(fd);
    if (socket != NULL)
        return icmp_setsockopt(socket, fd, level, name, value, length);
    probe = probe_of(fd);
    if (probe != NULL)
        return probe_setsockopt(probe, fd, level, name, value, length);
    result = real.setsockopt(fd, level, name, value, length);
    if (result == 0)
        probe_expect(fd, level, name, value, length);
    return result;
}

/* Everything that is more than the real call. */
static __attribute__((noinline)) int setsockopt_inspected(int fd, int level, int name, const void *value,
                                                          socklen_t length)
{
    if (level == IPPROTO_SCTP && (name == SCTP_BINDX_ADD || name == SCTP_CONNECTX || name == SCTP_CONNECTX_OLD) &&
        (watching(KINDS) || policy_may_have_moved()))
        return setsockopt_judged(fd, name, value, length);
    if (watching(TRANSLATED))
        return setsockopt_translated(fd, level, name, value, length);
    return real.setsockopt(fd, level, name, value, length);
}

/* SO_RCVTIMEO, or an option of that number. */
static __attribute__((noinline)) int setsockopt_time(int fd, int level, int name, const void *value, socklen_t length)
{
    if (level == SOL_SOCKET)
        patience_expect_timeouts();
    return setsockopt_inspected(fd, level, name, value, length);
}

/* Until the process has started it watches everything; so the real call is bound where nothing is watched. */
static inline int sockade_setsockopt(int fd, int level, int name, const void *value, socklen_t length)
{
    if (unlikely(name == SO_RCVTIMEO))
        return setsockopt_time(fd, level, name, value, length);
    if (watching(TRANSLATED) || unlikely(level == IPPROTO_SCTP))
        return setsockopt_inspected(fd, level, name, value, length);
    return real.setsockopt(fd, level, name, value, length);
}

EXPORT int setsockopt(int fd, int level, int name, const void *value, socklen_t length)
{
    return sockade_setsockopt(fd, level, name, value, length);
}

static __attribute__((noinline)) int getsockopt_judged(int fd, void *value, socklen_t *length)
{
    struct connectx3 asked;

    if (policy_ready(KINDS) && !plainly_bad(value) && !plainly_bad(length) && *length >= sizeof(asked)) {
        memcpy(&asked, value, sizeof(asked));
        if (asked.size > 0 && !plainly_bad(asked.addresses) &&
            addresses_refused(fd, asked.addresses, (size_t)asked.size, DIRECTION_TO, "connectx"))
            return -1;
    }
    return real.getsockopt(fd, IPPROTO_SCTP, SCTP_CONNECTX3, value, length);
}

static __attribute__((noinline)) int getsockopt_translated(int fd, int level, int name, void *value, socklen_t *length)
{
    struct icmp_socket *socket;
    struct probe *probe;

    if (!process_ready(TRANSLATED))
        return real.getsockopt(fd, level, name, value, length);
    socket = icmp_of(fd);
    if (socket != NULL)
        return icmp_getsockopt(socket, fd, level, name, value, length);
    probe = probe_of(fd);
    if (probe != NULL)
        return probe_getsockopt(probe, fd, level, name, value, length);
    return real.getsockopt(fd, level, name, value, length);
}

static inline int sockade_getsockopt(int fd, int level, int name, void *value, socklen_t *length)
{
    if (unlikely(level == IPPROTO_SCTP) && name == SCTP_CONNECTX3 && (watching(KINDS) || policy_may_have_moved()))
        return getsockopt_judged(fd, value, length);
    if (watching(TRANSLATED))
        return getsockopt_translated(fd, level, name, value, length);
    return real.getsockopt(fd, level, name, value, length);
}

EXPORT int getsockopt(int fd, int level, int name, void *value, socklen_t *length)
{
    return sockade_getsockopt(fd, level, name, value, length);
}
