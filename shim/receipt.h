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

#include "shim/patience.h"
#include "shim/readiness.h"
#include "shim/real.h"
#include "shim/recent.h"

#include <stddef.h>
#include <string.h>

struct receipt {
    int fd;
    int flags;
    const char *op; /* for the log */
    void *buffer;   /* where the data goes, unless `message` is set */
    size_t size;
    const struct msghdr *message; /* the caller's header, or NULL */
    struct patience patience;

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
 * The real call, with fresh room for everything that it writes. `message` is the receipt's: known where this is
 * inlined.
 */
static inline __attribute__((always_inline)) ssize_t receipt_call(struct receipt *receipt, const struct msghdr *message,
                                                                  int flags)
{
    struct sockaddr *source = (struct sockaddr *)&receipt->source;
    ssize_t got;

    receipt->source_length = sizeof(receipt->source);
    if (message == NULL)
        return real.recvfrom(receipt->fd, receipt->buffer, receipt->size, flags, source, &receipt->source_length);
    receipt->received = *message;
    receipt->received.msg_name = source;
    receipt->received.msg_namelen = sizeof(receipt->source);
    got = real.recvmsg(receipt->fd, &receipt->received, flags);
    receipt->source_length = receipt->received.msg_namelen;
    return got;
}

/* Judges what the first real call gave, `got`, and makes others until something is allowed. */
ssize_t receipt_settle(struct receipt *receipt, ssize_t got);

/*
 * Receives until something is allowed or the caller's patience ends. Returns what the system call returns; errno is
 * touched only on failure. A cancellation point. Inline, so that a datagram from a recent source costs no further call.
 */
static inline __attribute__((always_inline)) ssize_t receipt_take(struct receipt *receipt)
{
    const struct msghdr *message = receipt->message;
    int fd = receipt->fd;
    ssize_t got;

    patience_enter(&receipt->patience, receipt->flags);
    got = receipt_call(receipt, message, receipt->flags);
    if (unlikely(got < 0) || !recent_allows(fd, &receipt->source, receipt->source_length))
        return receipt_settle(receipt, got);
    readiness_end(fd);
    return got;
}

/* Hands the source over as the kernel does: as much as fits, and the whole length. */
static inline void receipt_source(const struct receipt *receipt, void *address, socklen_t *length)
{
    socklen_t have = receipt->source_length;

    if (likely(have == sizeof(struct sockaddr_in) && *length >= have))
        memcpy(address, &receipt->source, sizeof(struct sockaddr_in));
    else if (have <= sizeof(receipt->source))
        memcpy(address, &receipt->source, *length < have ? *length : have);
    *length = have;
}

#endif
