/* SPDX-License-Identifier: MIT */
/* Which of the packets that come a raw socket would show: by its peer, its address, its filters, and by the policy. */
#ifndef SOCKADE_SHIM_ICMP_SCREEN_H
#define SOCKADE_SHIM_ICMP_SCREEN_H

#include "shim/icmp/socket.h"

/*
 * Judges a packet in the program's eyes. A filter program may keep only a part of it: then its length is less
 * afterwards. `fd` is the socket. errno is preserved.
 */
bool icmp_screen(const struct icmp_socket *socket, int fd, struct held *packet);

#endif
