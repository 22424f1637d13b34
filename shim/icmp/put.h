/* SPDX-License-Identifier: MIT */
/*
 * The sending calls on what this process translates: raw ICMP sockets and probes. What every sending hook asks, once
 * the policy has judged the address.
 */
#ifndef SOCKADE_SHIM_ICMP_PUT_H
#define SOCKADE_SHIM_ICMP_PUT_H

#include "shim/icmp/socket.h"

#include <stdbool.h>
#include <sys/socket.h>

/* Under these a sending call has to ask. */
#define WATCH_PUT (WATCH_ICMP | WATCH_PROBES)

/* Whether `fd` may be one of these, by its hint: a question to the kernel only if there is none. errno is preserved. */
bool may_be_translated(int fd);

/* Whether `fd` is one of these. By its hint what is none costs no question. errno is preserved. */
bool is_put(int fd);

/*
 * Each tells whether `fd` is one of these; then `*sent` is the call's result, with errno. `op` is its name for the log.
 * The message itself is readable; an address of sendto(2) that the kernel refuses by its length is left to it.
 */
bool put_message(int fd, const struct msghdr *message, int flags, const char *op, ssize_t *sent);
bool put_buffer(int fd, const void *data, size_t size, int flags, const struct sockaddr *address, socklen_t length,
                const char *op, ssize_t *sent);

#endif
