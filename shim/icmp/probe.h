/* SPDX-License-Identifier: MIT */
/*
 * Probes: UDP and TCP sockets of a program that holds a raw ICMP socket, whose ICMP errors arrive on that.
 *
 * A raw ICMP socket sees the errors that anybody's UDP and TCP packets cause; classic traceroutes live on it. So the
 * errors of the program's own probing sockets are taken from their error queues (IP_RECVERR) and shown on its listeners
 * (socket.h), with the quoted UDP or TCP header rebuilt. To the program the probing sockets stay, to the byte, what
 * they were.
 */
#ifndef SOCKADE_SHIM_ICMP_PROBE_H
#define SOCKADE_SHIM_ICMP_PROBE_H

#include "shim/icmp/socket.h"

#include <sys/socket.h>

struct probe;

/* The probe behind `fd` (one getsockopt), NULL where it is none. errno is preserved. */
struct probe *probe_find(int fd);
static inline struct probe *probe_of(int fd)
{
    return watching(WATCH_PROBES) ? probe_find(fd) : NULL;
}

/*
 * setsockopt on what is no translated socket, in a process with WATCH_ICMP: a TTL or hop limit makes a UDP or TCP
 * socket a probe.
 */
void probe_expect(int fd, int level, int name, const void *value, socklen_t length);

/*
 * When a raw ICMP socket was opened: UDP sockets of this process whose TTL or hop limit differs from the default become
 * probes.
 */
void probe_inherited(void);

/* The calls on a probe, as the bare socket would answer them. */
int probe_connect(struct probe *probe, int fd, const struct sockaddr *address, socklen_t length);
ssize_t probe_send(struct probe *probe, int fd, const struct msghdr *message, int flags);
ssize_t probe_receive(struct probe *probe, int fd, struct msghdr *message, int flags);
int probe_setsockopt(struct probe *probe, int fd, int level, int name, const void *value, socklen_t length);
int probe_getsockopt(struct probe *probe, int fd, int level, int name, void *value, socklen_t *length);
int probe_getsockname(struct probe *probe, int fd, struct sockaddr *address, socklen_t *length);
int probe_getpeername(struct probe *probe, int fd, struct sockaddr *address, socklen_t *length);
int probe_bind(struct probe *probe, int fd, const struct sockaddr *address, socklen_t length);

/* Which of poll's events a bare socket would show, given what the kernel shows for the probe. */
short probe_events(struct probe *probe, int fd, short events);

/*
 * A packet with its own IPv4 header and UDP inside, from a KIND_SENDER or IP_HDRINCL socket: sent by a hidden UDP
 * socket.
 */
ssize_t probe_send_packet(struct icmp_socket *sender, const unsigned char *packet, size_t length, int flags);

/*
 * The payload of a UDP datagram of IPv6 whose header a program wrote, from a KIND_SENDER6 socket: likewise. `message`
 * has one part and an address of full length with the port, and says all the rest by control messages. Port and
 * checksum in network byte order; a checksum of 0, which UDP does not have on IPv6 (RFC 8200 section 8.1), is the
 * kernel's to write.
 */
ssize_t probe_send_datagram(const struct msghdr *message, uint16_t source_port, uint16_t checksum, int flags);

/* Descriptors of the family's probes, to wait on beside a listener: as icmp_sources. */
unsigned probe_sources(bool six, int *fds, unsigned most);

/* Takes the errors of the family's probes from the kernel and hands them to the listeners. errno is preserved. */
void probe_pull(bool six);

#endif
