/* SPDX-License-Identifier: MIT */
/*
 * Datagrams in without a source: read and readv. The source is asked for by recvfrom and recvmsg in their place.
 *
 * Only on descriptors that may give datagrams, by their hint: on streams and on what is no socket read makes no system
 * call but its own. A stale hint (close is not watched) costs such a descriptor one ENOTSOCK.
 */
#include "shim/hints.h"
#include "shim/icmp/put.h"
#include "shim/icmp/take.h"
#include "shim/inbound.h"
#include "shim/judge.h"
#include "shim/real.h"
#include "shim/receipt.h"
#include "shim/sandbox.h"

#include <errno.h>
#include <limits.h>

/* Whether what `fd` gives is judged; asks the kernel only about what may give datagrams. */
static bool is_judged(int fd)
{
    struct hint hint;

    if (unlikely(!inbound_ready()) || !watching(WATCH_INBOUND))
        return false;
    hint = hint_get(fd);
    if (hint.datagram && hint.state == HINT_UNKNOWN)
        hint = hint_ask(fd);
    if (sandboxed() && (unsigned)fd >= HINT_COUNT) /* nothing is remembered of it, and most are files */
        return false;
    return hint.datagram;
}

/*
 * Whether a read needs a look at all: the second branch of a process that judges datagrams, for all that can give none.
 * Until the process has started it watches everything, so that the real call is bound where this says no.
 */
static inline bool needs_look(int fd)
{
    return watching(WATCH_INBOUND | WATCH_TAKEN) && unlikely(watching(WATCH_TAKEN) || hint_may_give_datagrams(fd));
}

/* What a receive in place of a read came to: true, or false where it is no socket after all and `read` shall go on. */
static bool is_answered(const struct receipt *receipt, ssize_t got, int saved)
{
    if (likely(got >= 0) || errno != ENOTSOCK)
        return true;
    hint_set_no_socket(receipt->fd);
    errno = saved;
    return false;
}

/* Whether `fd` may be what this process translates: what is no socket is asked about once at most. */
static bool may_be_taken(int fd)
{
    return watching(WATCH_TAKEN) && process_ready(WATCH_TAKEN) && may_be_translated(fd);
}

/* In a sandbox a datagram's source may not be asked for: a socket that anybody sends to is not read from. */
static ssize_t unknown_source(void)
{
    errno = EACCES;
    return -1;
}

/* A read of nothing takes nothing, where a receive would; one of more than SSIZE_MAX is refused by the kernel. */
static __attribute__((noinline)) ssize_t inspected_read(int fd, void *buffer, size_t size)
{
    struct receipt receipt;
    int saved = errno;
    ssize_t got;

    if (size > 0 && may_be_taken(fd) && take_buffer(fd, buffer, size, 0, NULL, NULL, &got))
        return got;
    if (!is_judged(fd) || size == 0 || size > SSIZE_MAX)
        return real.read(fd, buffer, size);
    if (sandboxed())
        return unknown_source();
    receipt_for_buffer(&receipt, fd, buffer, size, 0, "read");
    got = receipt_take(&receipt);
    return is_answered(&receipt, got, saved) ? got : real.read(fd, buffer, size);
}

static inline __attribute__((always_inline)) ssize_t judged_read(int fd, void *buffer, size_t size)
{
    if (!needs_look(fd))
        return real.read(fd, buffer, size);
    return inspected_read(fd, buffer, size);
}

static ssize_t judged_read_chk(int fd, void *buffer, size_t size, size_t buffer_size)
{
    if (unlikely(size > buffer_size)) {
        process_ready(0);
        return real.__read_chk(fd, buffer, size, buffer_size);
    }
    return judged_read(fd, buffer, size);
}

/* Whether there is room for anything; false also for what readv refuses. */
static bool takes_anything(const struct iovec *vectors, int count)
{
    if (count <= 0 || count > IOV_MAX || plainly_bad(vectors))
        return false;
    for (int i = 0; i < count; i++) {
        if (vectors[i].iov_len > 0)
            return true;
    }
    return false;
}

static __attribute__((noinline)) ssize_t inspected_readv(int fd, const struct iovec *vectors, int count)
{
    struct receipt receipt;
    struct msghdr message;
    int saved = errno;
    ssize_t got;

    if (may_be_taken(fd) && takes_anything(vectors, count)) {
        message = (struct msghdr){.msg_iov = (struct iovec *)vectors, .msg_iovlen = (size_t)count};
        if (take_message(fd, &message, 0, &got))
            return got;
    }
    if (!is_judged(fd) || !takes_anything(vectors, count))
        return real.readv(fd, vectors, count);
    if (sandboxed())
        return unknown_source();
    message = (struct msghdr){.msg_iov = (struct iovec *)vectors, .msg_iovlen = (size_t)count};
    receipt_for_message(&receipt, fd, &message, 0, "readv");
    got = receipt_take(&receipt);
    return is_answered(&receipt, got, saved) ? got : real.readv(fd, vectors, count);
}

static inline ssize_t judged_readv(int fd, const struct iovec *vectors, int count)
{
    if (!needs_look(fd))
        return real.readv(fd, vectors, count);
    return inspected_readv(fd, vectors, count);
}

EXPORT ssize_t read(int fd, void *buffer, size_t size)
{
    return judged_read(fd, buffer, size);
}

EXPORT ssize_t __read(int fd, void *buffer, size_t size)
{
    return judged_read(fd, buffer, size);
}

EXPORT ssize_t __read_chk(int fd, void *buffer, size_t size, size_t buffer_size)
{
    return judged_read_chk(fd, buffer, size, buffer_size);
}

EXPORT ssize_t readv(int fd, const struct iovec *vectors, int count)
{
    return judged_readv(fd, vectors, count);
}
