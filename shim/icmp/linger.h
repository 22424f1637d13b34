/* SPDX-License-Identifier: MIT */
/*
 * Waiting inside a receive until there may be a packet: as long as the caller would, and as the kernel's recvmsg does.
 */
#ifndef SOCKADE_SHIM_ICMP_LINGER_H
#define SOCKADE_SHIM_ICMP_LINGER_H

#include "shim/icmp/socket.h"

#include <stdbool.h>
#include <time.h>

/* Zeroed at a call's begin. */
struct lingering {
    bool asked;   /* the next ones are known */
    bool refused; /* the descriptor does not block */
    bool limited; /* SO_RCVTIMEO ends it at `end` */
    bool ended;   /* the socket was shut down: a receive that waits gives 0 */
    struct timespec end;
};

/*
 * Waits until the socket, or a source of a listener, may have something. False with errno: EAGAIN where the descriptor
 * does not block or the time is over, EINTR after a signal whose handler was not installed with SA_RESTART, EBADF where
 * the descriptor was closed meanwhile; or with `ended`.
 */
bool linger(struct lingering *linger, struct icmp_socket *socket, int fd, bool threads);

/* The time `from` now, on CLOCK_MONOTONIC; false where it is no valid time. */
bool linger_deadline(const struct timespec *from, struct timespec *end);

/* What is left until `end`; false, and zero, where it is over. */
bool linger_left(const struct timespec *end, struct timespec *left);

#endif
