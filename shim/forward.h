/* SPDX-License-Identifier: MIT */
/*
 * Moving a received message into another header, which may have less room: as if it had been received there.
 */
#ifndef SOCKADE_SHIM_FORWARD_H
#define SOCKADE_SHIM_FORWARD_H

#include <sys/socket.h>

/*
 * Moves data, control messages, flags and length of `from` into `to`, whose lengths are still its capacities; not the
 * source. `flags` are the call's. What does not fit is cut as the kernel cuts it, with MSG_TRUNC and MSG_CTRUNC;
 * descriptors in control messages that do not fit are closed.
 */
void message_forward(struct mmsghdr *to, const struct mmsghdr *from, int flags);

#endif
