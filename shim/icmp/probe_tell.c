/* SPDX-License-Identifier: MIT */
/*
 * The circumstances of an error (its TTL, TOS, whom it came to) are told by control messages. What of that the program
 * does not want to be told with its own datagrams is switched on only while errors are taken: the kernel reads it out
 * of the packet when a message is received, not when it comes.
 */
#include "shim/icmp/probe_table.h"

#include <sys/socket.h>

/* A socket that the errors of this family are shown on; -1 where there is none. */
static int listener_of(bool six)
{
    const struct icmp_socket *socket;
    unsigned at = 0;
    int fd;

    while ((socket = icmp_next(&at, &fd)) != NULL) {
        if (icmp_is_six(socket) == six && !socket->has_sent && !icmp_is_sender(socket))
            return fd;
    }
    return -1;
}

/* The kernel's names for RFC 2292's options. */
#ifndef IPV6_2292PKTINFO
#define IPV6_2292PKTINFO 2
#define IPV6_2292HOPLIMIT 8
#endif

/* What tells of a message. */
static const struct telling {
    int family;
    bool always; /* needed to build the packet; else only where the listener asked for it */
    int level;
    int name;
} tellings[] = {
    {AF_INET, true, IPPROTO_IP, IP_PKTINFO},
    {AF_INET, true, IPPROTO_IP, IP_RECVTTL},
    {AF_INET, true, IPPROTO_IP, IP_RECVTOS},
    {AF_INET6, true, IPPROTO_IPV6, IPV6_RECVPKTINFO},
    {AF_INET6, false, IPPROTO_IPV6, IPV6_RECVHOPLIMIT},
    {AF_INET6, false, IPPROTO_IPV6, IPV6_RECVTCLASS},
    {AF_INET6, false, IPPROTO_IPV6, IPV6_2292PKTINFO},
    {AF_INET6, false, IPPROTO_IPV6, IPV6_2292HOPLIMIT},
    {AF_UNSPEC, false, SOL_SOCKET, SO_TIMESTAMP},
    {AF_UNSPEC, false, SOL_SOCKET, SO_TIMESTAMPNS},
};
#define TELLINGS (sizeof(tellings) / sizeof(tellings[0]))

static bool is_on(int fd, const struct telling *telling)
{
    return fd >= 0 && option_get(fd, telling->level, telling->name, 0) != 0;
}

/*
 * Whether the probe itself has it on, or something that it would switch off (one kind of time stamp does so to the
 * other).
 */
static bool is_taken(int fd, const struct telling *telling)
{
    return is_on(fd, telling) || (telling->level == SOL_SOCKET && (option_get(fd, SOL_SOCKET, SO_TIMESTAMP, 0) != 0 ||
                                                                   option_get(fd, SOL_SOCKET, SO_TIMESTAMPNS, 0) != 0));
}

unsigned probe_tell_more(const struct probe *probe, int fd)
{
    int listener = listener_of(probe->six);
    unsigned changed = 0;

    for (unsigned i = 0; i < TELLINGS; i++) {
        const struct telling *telling = &tellings[i];

        if (telling->family == (probe->six ? AF_INET : AF_INET6) || (!telling->always && !is_on(listener, telling)) ||
            is_taken(fd, telling))
            continue;
        option_set(fd, telling->level, telling->name, 1);
        changed |= 1u << i;
    }
    return changed;
}

void probe_tell_as_before(int fd, unsigned changed)
{
    for (unsigned i = 0; i < TELLINGS; i++) {
        if (changed & 1u << i)
            option_set(fd, tellings[i].level, tellings[i].name, 0);
    }
}
