/* SPDX-License-Identifier: MIT */
/*
 * recvmmsg(2) with refused entries left out: a batch is received in parts, judged, and what is allowed moves forward.
 */
#ifndef SOCKADE_SHIM_BATCH_H
#define SOCKADE_SHIM_BATCH_H

#include <sys/socket.h>
#include <time.h>

/*
 * As recvmmsg(2), with its return value. `entries` and `timeout` are no plainly bad pointers. errno is touched only on
 * failure. A cancellation point.
 */
int batch_take(int fd, struct mmsghdr *entries, unsigned count, int flags, struct timespec *timeout);

#endif
