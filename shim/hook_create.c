/* SPDX-License-Identifier: MIT */
/*
 * socket and socketpair: rules about families, raw ICMP sockets, and the hint of what a new descriptor is. socketpair
 * makes a pair that reaches nobody, so no rule is asked about it.
 */
#include "shim/follow.h"
#include "shim/hints.h"
#include "shim/icmp/open.h"
#include "shim/judge.h"
#include "shim/readiness.h"
#include "shim/real.h"
#include "shim/sandbox.h"

#include <errno.h>

/* The number may have been another descriptor's: notes of that end here. */
static void created(int fd, int domain, int type, int protocol)
{
    if (!watching(WATCH_HINTS))
        return;
    hint_set(fd, domain, type, protocol);
    readiness_end(fd);
}

static __attribute__((noinline)) int inspected_socket(int domain, int type, int protocol)
{
    int fd;

    follow_sources();
    if (policy_ready(WATCH_FAMILY)) {
        struct ruling ruling;

        judge_family(&ruling, domain, "socket");
        if (ruling.refused) {
            errno = ruling.error;
            return -1;
        }
    }
    if (icmp_is_raw_request(domain, type, protocol) && !sandboxed()) {
        fd = icmp_open(domain, type, protocol);
        if (fd >= 0)
            readiness_end(fd);
        return fd;
    }
    fd = real.socket(domain, type, protocol);
    if (fd >= 0)
        created(fd, domain, type, protocol);
    return fd;
}

/* Raw ICMP sockets are looked at without any policy, too. */
static int judged_socket(int domain, int type, int protocol)
{
    if (!watching(WATCH_HINTS | WATCH_ABSENT) && likely(!icmp_is_raw_request(domain, type, protocol)))
        return real.socket(domain, type, protocol);
    return inspected_socket(domain, type, protocol);
}

static __attribute__((noinline)) int inspected_socketpair(int domain, int type, int protocol, int pair[2])
{
    int result;

    process_ready(WATCH_HINTS);
    result = RARE_REAL(socketpair)(domain, type, protocol, pair);
    if (result == 0) {
        created(pair[0], domain, type, protocol);
        created(pair[1], domain, type, protocol);
    }
    return result;
}

static int judged_socketpair(int domain, int type, int protocol, int pair[2])
{
    if (!watching(WATCH_HINTS))
        return RARE_REAL(socketpair)(domain, type, protocol, pair);
    return inspected_socketpair(domain, type, protocol, pair);
}

EXPORT int socket(int domain, int type, int protocol)
{
    return judged_socket(domain, type, protocol);
}

EXPORT int socketpair(int domain, int type, int protocol, int pair[2])
{
    return judged_socketpair(domain, type, protocol, pair);
}
