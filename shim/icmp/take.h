/* SPDX-License-Identifier: MIT */
/*
 * The receiving calls on what this process translates: raw ICMP sockets and probes. What every receiving hook asks
 * first.
 */
#ifndef SOCKADE_SHIM_ICMP_TAKE_H
#define SOCKADE_SHIM_ICMP_TAKE_H

#include "shim/icmp/socket.h"

#include <stdbool.h>
#include <sys/socket.h>
#include <time.h>

/* Under these a receiving call has to ask. */
#define WATCH_TAKEN (WATCH_ICMP | WATCH_PROBES)

/* Each tells whether `fd` is one of these; then `*got` is the call's result, with errno. */
bool take_message(int fd, struct msghdr *message, int flags, ssize_t *got);
bool take_buffer(int fd, void *buffer, size_t size, int flags, struct sockaddr *address, socklen_t *length,
                 ssize_t *got);
bool take_batch(int fd, struct mmsghdr *entries, unsigned count, int flags, struct timespec *timeout, int *got);

#endif
