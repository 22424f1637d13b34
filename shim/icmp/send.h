/* SPDX-License-Identifier: MIT */
/*
 * Sending on a translated socket as on a raw one: echo requests under the program's own identifiers, and packets with
 * their own IPv4 header (IP_HDRINCL, IPPROTO_RAW).
 */
#ifndef SOCKADE_SHIM_ICMP_SEND_H
#define SOCKADE_SHIM_ICMP_SEND_H

#include "shim/icmp/socket.h"

#include <sys/socket.h>

/*
 * As sendmsg(2). The address was judged by the caller (outbound.h); the destination inside a header of the program's
 * own is judged here. An error that is pending on the ping socket never costs a packet. No lock, no allocation:
 * programs send from signal handlers. errno is touched only on failure. A cancellation point.
 */
ssize_t icmp_send(struct icmp_socket *socket, int fd, const struct msghdr *message, int flags, const char *op);

/*
 * The quick way, by what `fd` was lately and without asking the kernel: sends where the buffer can go as it is, which
 * does no harm if `fd` is another socket by now. False: nothing was done, go the long way. Else `*sent` is as
 * sendto(2)'s result.
 */
bool icmp_send_plain(int fd, const void *data, size_t length, int flags, const struct sockaddr *address,
                     socklen_t address_length, ssize_t *sent);

#endif
