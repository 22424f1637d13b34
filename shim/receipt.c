/* SPDX-License-Identifier: MIT */
/* Receiving, judging, discarding, until something may be handed over. */
#include "shim/receipt.h"

#include "shim/inbound.h"
#include "shim/passed.h"

#include <errno.h>

/*
 * Throws away what was just received. A packet that was only peeked at is taken out of the queue, which frees what was
 * passed with it. If another thread takes it first, this takes the one behind it: a program that peeks and receives
 * from two threads at once can lose a datagram so, as it can on the way here.
 */
static void discard(const struct receipt *receipt)
{
    struct msghdr no_message = {0};
    char nothing;

    if (receipt->message != NULL)
        passed_close(&receipt->received);
    if (!(receipt->flags & MSG_PEEK))
        return;
    if (receipt->message != NULL)
        real.recvmsg(receipt->fd, &no_message, MSG_DONTWAIT);
    else
        real.recvfrom(receipt->fd, &nothing, 0, MSG_DONTWAIT, NULL, NULL);
}

/* The next one in the queue; when that is empty, for as long as the caller would wait. */
static ssize_t take_next(struct receipt *receipt)
{
    ssize_t got = -1;
    bool wait = false;

    errno = EAGAIN;
    if (patience_goes_on(&receipt->patience))
        got = receipt_call(receipt, receipt->message, receipt->flags | MSG_DONTWAIT);
    while (got < 0 && errno == EAGAIN && !wait && patience_waits(&receipt->patience, NULL, &wait))
        got = receipt_call(receipt, receipt->message, wait ? receipt->flags : receipt->flags | MSG_DONTWAIT);
    return got;
}

/* The part that only refusals reach: from the first discard to the end of the call. */
static ssize_t take_others(struct receipt *receipt, enum inbound outcome)
{
    ssize_t got;

    patience_begin(&receipt->patience, receipt->fd, receipt->flags);
    do {
        discard(receipt);
        if (outcome == INBOUND_FAIL) {
            errno = EACCES;
            return -1;
        }
        got = take_next(receipt);
        if (got < 0)
            return -1;
        outcome = inbound_judge(receipt->fd, &receipt->source, receipt->source_length, receipt->op);
    } while (outcome != INBOUND_PASS);
    return got;
}

__attribute__((noinline)) ssize_t receipt_settle(struct receipt *receipt, ssize_t got)
{
    int saved = errno; /* what it was at the entry, if the first call succeeded */
    enum inbound outcome;

    if (got >= 0) {
        outcome = inbound_judge(receipt->fd, &receipt->source, receipt->source_length, receipt->op);
        if (unlikely(outcome != INBOUND_PASS))
            got = take_others(receipt, outcome);
        if (got >= 0)
            errno = saved;
    }
    readiness_end(receipt->fd);
    return got;
}
