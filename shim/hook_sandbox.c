/* SPDX-License-Identifier: MIT */
/*
 * prctl(2), for the moment when the process puts itself under a seccomp filter (sandbox.h); seccomp(2) comes by
 * syscall(2).
 *
 * What descriptors are, what listeners are bound to and whom datagram sockets are connected to is asked at the last
 * moment when anything may be asked.
 */
#include "shim/sandbox.h"

#include "shim/answers.h"
#include "shim/descriptors.h"
#include "shim/hints.h"
#include "shim/local.h"
#include "shim/process.h"
#include "shim/real.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

/* Answers from the peer of a connected socket pass; the kernel lets no others in. */
static void settle_datagrams(int fd)
{
    struct own_address peer = {.length = sizeof(peer.storage)};
    char path[QUERY_PATH];
    struct query query;
    uint16_t port = 0;

    if (real.getpeername(fd, (struct sockaddr *)&peer.storage, &peer.length) != 0)
        return;
    hint_set_connected(fd);
    if (query_from_sockaddr(&query, DIRECTION_FROM, (struct sockaddr *)&peer.storage, peer.length, UNSPEC_IS_NOTHING,
                            PROTO_ANY, path) != QUERY_JUDGE)
        return;
    name_port(&peer, &port);
    if (query.address.family == ADDRESS_INET || query.address.family == ADDRESS_INET6)
        answers_expect(&query.address, port);
}

static bool is_listener(int fd)
{
    int listens = 0;
    socklen_t length = sizeof(listens);

    return real.getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) == 0 && listens != 0;
}

static void settle(int fd)
{
    struct hint hint = hint_ask(fd);

    if (hint.datagram)
        settle_datagrams(fd);
    else if (hint.stream && is_listener(fd))
        listener_settle(fd);
}

void sandbox_begin(void)
{
    int saved = errno;

    if (!sandboxed() && process_ready(WATCH_HINTS))
        descriptors_each(settle);
    atomic_fetch_add(&sandbox_state, 1);
    errno = saved;
}

void sandbox_end(bool installed)
{
    if (installed)
        atomic_fetch_or(&sandbox_state, SANDBOX_INSTALLED);
    atomic_fetch_sub(&sandbox_state, 1);
}

typedef int prctl_function(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d);

static int call_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
    prctl_function *real_call = (prctl_function *)RARE_REAL(prctl);

    return real_call(option, a, b, c, d);
}

static __attribute__((noinline)) int prctl_seccomp(unsigned long mode, unsigned long b, unsigned long c,
                                                   unsigned long d)
{
    int result;

    sandbox_begin();
    result = call_prctl(PR_SET_SECCOMP, mode, b, c, d);
    sandbox_end(result == 0);
    return result;
}

static inline int sockade_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
    if (unlikely(option == PR_SET_SECCOMP) && (a == SECCOMP_MODE_STRICT || a == SECCOMP_MODE_FILTER))
        return prctl_seccomp(a, b, c, d);
    return call_prctl(option, a, b, c, d);
}

/*
 * What it takes is passed on as libc takes it, whatever there is of it; named, as ioctl's argument is (hook_ioctl.c).
 */
EXPORT int prctl_hook(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d) __asm__("prctl");
int prctl_hook(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
    return sockade_prctl(option, a, b, c, d);
}

#if __SIZEOF_LONG__ == 4
/* What 32-bit programs with times of 64 bits call; no time is among what it takes. */
EXPORT prctl_function prctl_time64_hook __asm__("__prctl_time64");
int prctl_time64_hook(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
    return sockade_prctl(option, a, b, c, d);
}
#endif
