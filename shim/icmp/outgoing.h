/* SPDX-License-Identifier: MIT */
/*
 * What goes to the kernel in place of a message of the program: another beginning (an ICMP header of ours), more
 * control messages, another address. The rest stays where the program has it, so nothing is copied but headers.
 *
 * On the caller's stack, without allocation: programs send from signal handlers. Only a message of very many parts, or
 * with very long control messages, takes pages of its own.
 */
#ifndef SOCKADE_SHIM_ICMP_OUTGOING_H
#define SOCKADE_SHIM_ICMP_OUTGOING_H

#include "shim/icmp/packet.h"
#include "shim/outbound.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define OUTGOING_PARTS 16
#define OUTGOING_CONTROL 512

struct outgoing {
    struct msghdr message; /* for sendmsg */
    unsigned char header[ICMP_HEADER];
    struct own_address address;
    struct iovec parts[OUTGOING_PARTS];
    _Alignas(struct cmsghdr) unsigned char control[OUTGOING_CONTROL];
    size_t control_room;
    void *pages[2]; /* of parts and control messages that were too many */
    size_t page_bytes[2];
};

/* Begins as the program's own message. */
void outgoing_begin(struct outgoing *out, const struct msghdr *message);

/* Puts `header` in place of the message's first `skip` bytes. False with errno where there is no memory. */
bool outgoing_replace(struct outgoing *out, const unsigned char header[ICMP_HEADER], size_t skip);

/* Adds a control message behind those of the program. False with errno where there is no memory. */
bool outgoing_control(struct outgoing *out, int level, int type, const void *data, size_t length);

/* Whether the program's control messages hold one of this kind. */
bool outgoing_has_control(const struct outgoing *out, int level, int type);

/* Gives back what it took; errno is preserved. */
void outgoing_end(struct outgoing *out);

#endif
