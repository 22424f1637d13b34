/* SPDX-License-Identifier: MIT */
/*
 * Datagrams in: recvfrom, recv, recvmsg, recvmmsg and their fortified names.
 *
 * What libc or the kernel would refuse anyway (pointers that are plainly bad, negative lengths) goes there as it is.
 */
#include "shim/batch.h"
#include "shim/hints.h"
#include "shim/icmp/take.h"
#include "shim/inbound.h"
#include "shim/judge.h"
#include "shim/passed.h"
#include "shim/real.h"
#include "shim/receipt.h"

#include <limits.h>

/*
 * Whether the kernel will take a place for the source as it is, and we may write there. NULL: the source is not wanted.
 */
static bool is_writable(const void *address, const socklen_t *length)
{
    return address == NULL || (!plainly_bad(address) && !plainly_bad(length) && *length <= INT_MAX);
}

/* A newer policy may be the first to judge datagrams. What is known to be a stream is no reason to look for one. */
static void follow_before(int fd)
{
    if (policy_may_have_moved() && !hint_get(fd).stream)
        policy_ready(WATCH_INBOUND);
}

static __attribute__((noinline)) ssize_t inspected_recvfrom(int fd, void *buffer, size_t size, int flags,
                                                            struct sockaddr *address, socklen_t *length)
{
    struct receipt receipt;
    ssize_t got;

    follow_before(fd);
    if (unlikely(!inbound_ready()) && !watching(WATCH_TAKEN))
        return real.recvfrom(fd, buffer, size, flags, address, length);
    if (unlikely(watching(WATCH_TAKEN)) && is_writable(address, length) &&
        take_buffer(fd, buffer, size, flags, address, length, &got))
        return got;
    if (!watching(WATCH_INBOUND) || (flags & UNJUDGED_FLAGS) || unlikely(!is_writable(address, length)))
        return real.recvfrom(fd, buffer, size, flags, address, length);
    receipt_for_buffer(&receipt, fd, buffer, size, flags, "recvfrom");
    got = receipt_take(&receipt);
    if (got >= 0 && address != NULL)
        receipt_source(&receipt, address, length);
    return got;
}

static ssize_t judged_recvfrom(int fd, void *buffer, size_t size, int flags, struct sockaddr *address,
                               socklen_t *length)
{
    if (!concerned(WATCH_INBOUND | WATCH_TAKEN))
        return real.recvfrom(fd, buffer, size, flags, address, length);
    return inspected_recvfrom(fd, buffer, size, flags, address, length);
}

static ssize_t judged_recvfrom_chk(int fd, void *buffer, size_t size, size_t buffer_size, int flags,
                                   struct sockaddr *address, socklen_t *length)
{
    if (unlikely(size > buffer_size)) {
        process_ready(0);
        return real.__recvfrom_chk(fd, buffer, size, buffer_size, flags, address, length);
    }
    return judged_recvfrom(fd, buffer, size, flags, address, length);
}

static __attribute__((noinline)) ssize_t inspected_recv(int fd, void *buffer, size_t size, int flags)
{
    struct receipt receipt;
    ssize_t got;

    follow_before(fd);
    if (unlikely(!inbound_ready()) && !watching(WATCH_TAKEN))
        return real.recv(fd, buffer, size, flags);
    if (unlikely(watching(WATCH_TAKEN)) && take_buffer(fd, buffer, size, flags, NULL, NULL, &got))
        return got;
    if (!watching(WATCH_INBOUND) || (flags & UNJUDGED_FLAGS))
        return real.recv(fd, buffer, size, flags);
    receipt_for_buffer(&receipt, fd, buffer, size, flags, "recv");
    return receipt_take(&receipt);
}

static ssize_t judged_recv(int fd, void *buffer, size_t size, int flags)
{
    if (!concerned(WATCH_INBOUND | WATCH_TAKEN))
        return real.recv(fd, buffer, size, flags);
    return inspected_recv(fd, buffer, size, flags);
}

static ssize_t judged_recv_chk(int fd, void *buffer, size_t size, size_t buffer_size, int flags)
{
    if (unlikely(size > buffer_size)) {
        process_ready(0);
        return real.__recv_chk(fd, buffer, size, buffer_size, flags);
    }
    return judged_recv(fd, buffer, size, flags);
}

/* Descriptors that came along may be translated sockets of another program. */
static ssize_t adopted(const struct msghdr *message, ssize_t got)
{
    if (got >= 0 && unlikely(message->msg_controllen >= CMSG_LEN(sizeof(int))))
        passed_each(message, icmp_adopt);
    return got;
}

static __attribute__((noinline)) ssize_t inspected_recvmsg(int fd, struct msghdr *message, int flags)
{
    struct receipt receipt;
    ssize_t got;
    bool ready;

    follow_before(fd);
    ready = process_ready(WATCH_HINTS);
    if (plainly_bad(message))
        return real.recvmsg(fd, message, flags);
    if (!ready)
        return adopted(message, real.recvmsg(fd, message, flags));
    if (watching(WATCH_TAKEN) && is_writable(message->msg_name, &message->msg_namelen) &&
        take_message(fd, message, flags, &got))
        return got;
    if (!watching(WATCH_INBOUND) || (flags & UNJUDGED_FLAGS) ||
        !is_writable(message->msg_name, &message->msg_namelen)) {
        got = real.recvmsg(fd, message, flags);
    } else {
        receipt_for_message(&receipt, fd, message, flags, "recvmsg");
        got = receipt_take(&receipt);
        if (got >= 0) {
            if (message->msg_name != NULL)
                receipt_source(&receipt, message->msg_name, &message->msg_namelen);
            message->msg_controllen = receipt.received.msg_controllen;
            message->msg_flags = receipt.received.msg_flags;
        }
    }
    if (got >= 0)
        hint_forget_passed(message);
    return adopted(message, got);
}

/* Where sources are not judged only descriptors that may come along are of interest, and without room none can. */
static ssize_t judged_recvmsg(int fd, struct msghdr *message, int flags)
{
    if (!concerned(WATCH_INBOUND | WATCH_TAKEN) && likely(!plainly_bad(message)) && message->msg_controllen == 0)
        return real.recvmsg(fd, message, flags);
    return inspected_recvmsg(fd, message, flags);
}

static __attribute__((noinline)) int inspected_recvmmsg(int fd, struct mmsghdr *entries, unsigned count, int flags,
                                                        struct timespec *timeout)
{
    int got;

    follow_before(fd);
    if (!process_ready(WATCH_HINTS) || plainly_bad(entries) || (timeout != NULL && plainly_bad(timeout)))
        return real.recvmmsg(fd, entries, count, flags, timeout);
    if (watching(WATCH_TAKEN) && take_batch(fd, entries, count, flags, timeout, &got))
        return got;
    if (watching(WATCH_INBOUND) && !(flags & UNJUDGED_FLAGS))
        got = batch_take(fd, entries, count, flags, timeout);
    else
        got = real.recvmmsg(fd, entries, count, flags, timeout);
    for (int i = 0; i < got; i++) {
        hint_forget_passed(&entries[i].msg_hdr);
        adopted(&entries[i].msg_hdr, 0);
    }
    return got;
}

static int judged_recvmmsg(int fd, struct mmsghdr *entries, unsigned count, int flags, struct timespec *timeout)
{
    int got;

    if (watching(WATCH_HINTS))
        return inspected_recvmmsg(fd, entries, count, flags, timeout);
    got = real.recvmmsg(fd, entries, count, flags, timeout);
    for (int i = 0; i < got; i++)
        adopted(&entries[i].msg_hdr, 0);
    return got;
}

EXPORT ssize_t recvfrom(int fd, void *restrict buffer, size_t size, int flags, __SOCKADDR_ARG address,
                        socklen_t *restrict length)
{
    return judged_recvfrom(fd, buffer, size, flags, address.__sockaddr__, length);
}

EXPORT ssize_t __recvfrom_chk(int fd, void *buffer, size_t size, size_t buffer_size, int flags,
                              struct sockaddr *address, socklen_t *length)
{
    return judged_recvfrom_chk(fd, buffer, size, buffer_size, flags, address, length);
}

EXPORT ssize_t recv(int fd, void *buffer, size_t size, int flags)
{
    return judged_recv(fd, buffer, size, flags);
}

EXPORT ssize_t __recv_chk(int fd, void *buffer, size_t size, size_t buffer_size, int flags)
{
    return judged_recv_chk(fd, buffer, size, buffer_size, flags);
}

EXPORT ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    return judged_recvmsg(fd, message, flags);
}

EXPORT int recvmmsg(int fd, struct mmsghdr *entries, unsigned count, int flags, struct timespec *timeout)
{
    return judged_recvmmsg(fd, entries, count, flags, timeout);
}
