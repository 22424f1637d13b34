/* SPDX-License-Identifier: MIT */
/*
 * Options and names of a translated socket, as a raw socket would take and tell them. All as the calls of the same
 * names; what needs no translation goes to the kernel. errno is touched only on failure.
 */
#ifndef SOCKADE_SHIM_ICMP_OPTIONS_H
#define SOCKADE_SHIM_ICMP_OPTIONS_H

#include "shim/icmp/socket.h"

#include <sys/socket.h>

int icmp_setsockopt(struct icmp_socket *socket, int fd, int level, int name, const void *value, socklen_t length);
int icmp_getsockopt(struct icmp_socket *socket, int fd, int level, int name, void *value, socklen_t *length);

/* getsockname: the port is the protocol's number, and a bound address is the program's. */
int icmp_getsockname(struct icmp_socket *socket, int fd, struct sockaddr *address, socklen_t *length);

/*
 * bind: the address is checked by binding a socket of no use to it, and kept: packets to others are not shown, and ours
 * leave from it (by a control message). In the kernel only the identifier is ever bound (send.c). The port is ignored.
 */
int icmp_bind(struct icmp_socket *socket, int fd, const struct sockaddr *address, socklen_t length);

/*
 * connect: the kernel's own, and the peer is kept, since a ping socket shows packets from everybody. AF_UNSPEC ends it.
 */
int icmp_connect(struct icmp_socket *socket, int fd, const struct sockaddr *address, socklen_t length);

/* ioctl: FIONREAD (SIOCINQ) and SIOCOUTQ (TIOCOUTQ), which ping sockets do not know. */
int icmp_ioctl(struct icmp_socket *socket, int fd, unsigned long request, void *argument);

#endif
