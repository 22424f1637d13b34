/* SPDX-License-Identifier: MIT */
/*
 * Receiving from a translated socket as from a raw one, and knowing beforehand whether that would give anything.
 *
 * Replies come from the ping socket's queue, ICMP errors from its error queue; both are turned into the packets that a
 * raw socket would have received. Where nothing has to be sorted out a reply goes straight into the program's buffers.
 */
#ifndef SOCKADE_SHIM_ICMP_RECEIVE_H
#define SOCKADE_SHIM_ICMP_RECEIVE_H

#include "shim/icmp/socket.h"

#include <sys/socket.h>
#include <time.h>

/*
 * As recvmsg(2), with MSG_ERRQUEUE too. `message` is readable and writable memory, its parts are the caller's to vouch
 * for. errno is touched only on failure. A cancellation point.
 */
ssize_t icmp_receive(struct icmp_socket *socket, int fd, struct msghdr *message, int flags);

/*
 * The quick way, by what a receive on `fd` found it to be, and without asking the kernel: never harmful, for what has
 * come to another socket that has the number by now is handed over as it came. False: nothing was done, or what came
 * was not for the program; go the long way. Else `*got` is as recvmsg(2)'s result.
 */
bool icmp_receive_plain(int fd, struct msghdr *message, int flags, ssize_t *got);

/* As recvmmsg(2). */
int icmp_receive_many(struct icmp_socket *socket, int fd, struct mmsghdr *entries, unsigned count, int flags,
                      struct timespec *timeout);

/*
 * Whether a receive would return a packet now. Takes what it must from the kernel and holds it. `fd` is the socket.
 * Never waits; errno is preserved. Marks the socket as listened to.
 */
bool icmp_readable(struct icmp_socket *socket, int fd);

/*
 * Whether a raw socket would show POLLERR: an error is pending, or the program set IP_RECVERR and its queue holds
 * something. To be asked after icmp_readable.
 */
bool icmp_shows_error(const struct icmp_socket *socket);

/*
 * Whether the kernel's own readiness of this socket may be wrong, so that icmp_readable has to be asked. No system
 * call.
 */
bool icmp_needs_look(const struct icmp_socket *socket);

/*
 * The other descriptors whose readiness may make this socket readable (it is a listener): up to `most` of them are
 * written to `fds`; returns how many there are. To be waited on for POLLIN; their POLLERR counts too.
 */
unsigned icmp_sources(const struct icmp_socket *socket, int *fds, unsigned most);

/*
 * Hands an ICMP error packet that a UDP or TCP probe caused (complete, as a raw socket shows it) to the family's
 * listeners.
 */
void icmp_deliver_to_listeners(bool six, const struct held *packet);

#endif
