/* SPDX-License-Identifier: MIT */
/*
 * Under which identifier and sequence number an echo request goes out.
 *
 * A ping socket has one identifier, the port that it is bound to before it sends first. So the first identifier that
 * the program uses is bound, and its echoes go out as they are. Where that cannot be, and for a second identifier, the
 * socket is mapped from then on: whatever identifier the kernel has, numbers of our own in sequence, and the table of
 * echoes gives back the names. No lock, and nobody waits: whoever comes second finds its echo mapped.
 */
#ifndef SOCKADE_SHIM_ICMP_IDENTIFIER_H
#define SOCKADE_SHIM_ICMP_IDENTIFIER_H

#include "shim/icmp/socket.h"

/*
 * Whether an echo of this name may go out as it is. Binds the first identifier; goes over to mapping where it is
 * another one. `fd` is the socket. errno is preserved.
 */
bool identifier_serves(struct icmp_socket *socket, int fd, uint16_t identifier, uint16_t sequence);

/* The same without a decision, and without a system call: true only where it surely may. */
bool identifier_served(struct icmp_socket *socket, uint16_t identifier, uint16_t sequence);

#endif
