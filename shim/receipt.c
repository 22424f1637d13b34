/* SPDX-License-Identifier: MIT */
/* Receiving, judging, discarding, until something may be handed over. */
#include "shim/receipt.h"

#include "shim/inbound.h"
#include "shim/passed.h"
#include "shim/patience.h"
#include "shim/readiness.h"
#include "shim/real.h"

#include <errno.h>
#include <string.h>

/* The real call, with fresh room for everything that it writes. */
static ssize_t take_once(struct receipt *receipt, int flags)
{
    struct sockaddr *source = (struct sockaddr *)&receipt->source;
    ssize_t got;

    receipt->source_length = sizeof(receipt->source);
    if (receipt->message == NULL)
        return real.recvfrom(receipt->fd, receipt->buffer, receipt->size, flags, source, &receipt->source_length);
    receipt->received = *receipt->message;
    receipt->received.msg_name = source;
    receipt->received.msg_namelen = sizeof(receipt->source);
    got = real.recvmsg(receipt->fd, &receipt->received, flags);
    receipt->source_length = receipt->received.msg_namelen;
    return got;
}

/*
 * Throws away what was just received. A packet that was only peeked at is taken out of the queue, which frees what was
 * passed with it. If another thread takes it first, this takes the one behind it: a program that peeks and receives from
 * two threads at once can lose a datagram so, as it can on the way here.
 */
static void discard(const struct receipt *receipt)
{
    char nothing;

    if (receipt->message != NULL)
        passed_close(&receipt->received);
    if (receipt->flags & MSG_PEEK)
        real.recvfrom(receipt->fd, &nothing, 0, MSG_DONTWAIT, NULL, NULL);
}

/* The next one in the queue; when that is empty, for as long as the caller would wait. */
static ssize_t take_next(struct receipt *receipt, struct patience *patience)
{
    ssize_t got = -1;
    bool wait = false;

    errno = EAGAIN;
    if (patience_goes_on(patience))
        got = take_once(receipt, receipt->flags | MSG_DONTWAIT);
    while (got < 0 && errno == EAGAIN && !wait && patience_waits(patience, NULL, &wait))
        got = take_once(receipt, wait ? receipt->flags : receipt->flags | MSG_DONTWAIT);
    return got;
}

/* The part that only refusals reach: from the first discard to the end of the call. */
static __attribute__((noinline)) ssize_t take_others(struct receipt *receipt, struct patience *patience,
                                                     enum inbound outcome)
{
    ssize_t got;

    do {
        discard(receipt);
        if (outcome == INBOUND_FAIL) {
            errno = EACCES;
            return -1;
        }
        got = take_next(receipt, patience);
        if (got < 0)
            return -1;
        outcome = inbound_judge(receipt->fd, &receipt->source, receipt->source_length, receipt->op);
    } while (outcome != INBOUND_PASS);
    return got;
}

ssize_t receipt_take(struct receipt *receipt)
{
    int saved = errno;
    struct patience patience;
    enum inbound outcome;
    ssize_t got;

    patience_begin(&patience, receipt->fd, receipt->flags);
    got = take_once(receipt, receipt->flags);
    if (likely(got >= 0)) {
        outcome = inbound_judge(receipt->fd, &receipt->source, receipt->source_length, receipt->op);
        if (unlikely(outcome != INBOUND_PASS))
            got = take_others(receipt, &patience, outcome);
    }
    readiness_end(receipt->fd);
    if (likely(got >= 0))
        errno = saved;
    return got;
}

void receipt_source(const struct receipt *receipt, void *address, socklen_t *length)
{
    socklen_t room = *length < receipt->source_length ? *length : receipt->source_length;

    memcpy(address, &receipt->source, room < sizeof(receipt->source) ? room : sizeof(receipt->source));
    *length = receipt->source_length;
}
