/* SPDX-License-Identifier: MIT */
/*
 * Control messages on their way from the kernel to the program: only those that it asked for, in the room that it has.
 */
#ifndef SOCKADE_SHIM_ICMP_CONTROL_H
#define SOCKADE_SHIM_ICMP_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/*
 * Writes to `to` (whose msg_controllen is its capacity) the control messages of `length` bytes at `control` that a raw
 * socket would have given: those of ASKED_* only where asked, those about errors only with `error`. Sets msg_controllen
 * to what was written, and MSG_CTRUNC in msg_flags where something found no room, as put_cmsg of the kernel does.
 */
void control_give(struct msghdr *to, const void *control, size_t length, uint32_t asked, bool error);

#endif
