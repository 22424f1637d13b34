/* SPDX-License-Identifier: MIT */
/* getsockname(2), getpeername(2): what a raw ICMP socket or a probe is called is not what the kernel calls ours. */
#include "shim/icmp/options.h"
#include "shim/icmp/probe.h"
#include "shim/real.h"

#define KINDS (WATCH_ICMP | WATCH_PROBES)

static __attribute__((noinline)) int getsockname_translated(int fd, struct sockaddr *address, socklen_t *length)
{
    struct icmp_socket *socket;
    struct probe *probe;

    if (!process_ready(KINDS))
        return real.getsockname(fd, address, length);
    socket = icmp_of(fd);
    if (socket != NULL)
        return icmp_getsockname(socket, fd, address, length);
    probe = probe_of(fd);
    if (probe != NULL)
        return probe_getsockname(probe, fd, address, length);
    return real.getsockname(fd, address, length);
}

static inline int sockade_getsockname(int fd, struct sockaddr *address, socklen_t *length)
{
    if (!watching(KINDS))
        return real.getsockname(fd, address, length);
    return getsockname_translated(fd, address, length);
}

EXPORT int getsockname(int fd, struct sockaddr *address, socklen_t *length)
{
    return sockade_getsockname(fd, address, length);
}

/* A raw ICMP socket's peer is as the kernel knows it. */
static __attribute__((noinline)) int getpeername_translated(int fd, struct sockaddr *address, socklen_t *length)
{
    struct probe *probe;

    if (!process_ready(WATCH_PROBES))
        return real.getpeername(fd, address, length);
    probe = probe_of(fd);
    if (probe != NULL)
        return probe_getpeername(probe, fd, address, length);
    return real.getpeername(fd, address, length);
}

static inline int sockade_getpeername(int fd, struct sockaddr *address, socklen_t *length)
{
    if (!watching(WATCH_PROBES))
        return real.getpeername(fd, address, length);
    return getpeername_translated(fd, address, length);
}

EXPORT int getpeername(int fd, struct sockaddr *address, socklen_t *length)
{
    return sockade_getpeername(fd, address, length);
}
