/* SPDX-License-Identifier: MIT */
/*
 * Taking messages out of the kernel's queues before the program asks for them, turning them into a raw socket's packets
 * and holding those that the program is to see.
 */
#ifndef SOCKADE_SHIM_ICMP_PULL_H
#define SOCKADE_SHIM_ICMP_PULL_H

#include "shim/icmp/socket.h"

/*
 * All errors that are queued, and replies until one is held; for a listener also what the family's other sockets and
 * the probes have, for a sender beside a listener everything. Never waits. errno is preserved.
 */
void icmp_pull(struct icmp_socket *socket, int fd);

/*
 * Holds all that has come so far: before an option changes that decides what a packet that comes is good for. Nothing
 * where nothing was sent yet. errno is preserved.
 */
void icmp_pull_all(struct icmp_socket *socket, int fd);

/*
 * Puts the program's own identifier and sequence number into a reply's ICMP header, if it is an echo reply. False: it
 * answers nothing that was sent from here, and is to be dropped.
 */
bool reply_rename(const struct icmp_socket *socket, unsigned char header[8]);

/* The errnos that a ping socket gives for an ICMP error that came, once, in place of sending or receiving. */
bool is_icmp_errno(int error);

#endif
