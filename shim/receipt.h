/* SPDX-License-Identifier: MIT */
/*
 * One receive of one datagram, in a form that can be made again when what came is refused.
 *
 * recvfrom, recv and read are all made by recvfrom(2), recvmsg and readv by recvmsg(2), with room of our own for the
 * source: so the caller's is written only once something may be handed over, and it does not matter whether the caller
 * asked for it.
 */
#ifndef SOCKADE_SHIM_RECEIPT_H
#define SOCKADE_SHIM_RECEIPT_H

#include <stddef.h>
#include <sys/socket.h>

struct receipt {
    int fd;
    int flags;
    const char *op; /* for the log */
    void *buffer;   /* where the data goes, unless `message` is set */
    size_t size;
    const struct msghdr *message; /* the caller's header, or NULL */

    struct msghdr received;         /* out: what the kernel made of a copy of it */
    struct sockaddr_storage source; /* out */
    socklen_t source_length;        /* out: as the kernel reports it */
};

/* Field by field: an initialiser would clear the room for the source on every receive. */
static inline void receipt_for_buffer(struct receipt *receipt, int fd, void *buffer, size_t size, int flags,
                                      const char *op)
{
    receipt->fd = fd;
    receipt->flags = flags;
    receipt->op = op;
    receipt->buffer = buffer;
    receipt->size = size;
    receipt->message = NULL;
}

static inline void receipt_for_message(struct receipt *receipt, int fd, const struct msghdr *message, int flags,
                                       const char *op)
{
    receipt->fd = fd;
    receipt->flags = flags;
    receipt->op = op;
    receipt->message = message;
}

/*
 * Receives until something is allowed or the caller's patience ends. Returns what the system call returns; errno is
 * touched only on failure. A cancellation point.
 */
ssize_t receipt_take(struct receipt *receipt);

/* Hands the source over as the kernel does: as much as fits, and the whole length. */
void receipt_source(const struct receipt *receipt, void *address, socklen_t *length);

#endif
