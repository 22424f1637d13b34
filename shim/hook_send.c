/* SPDX-License-Identifier: MIT */
/*
 * sendto, sendmsg, sendmmsg: destinations that are named a call, and TCP Fast Open, which connects by sending.
 *
 * send, write and a send without an address go where connect was judged to go. What the policy lets pass is translated
 * where the socket is (shim/icmp/put.h).
 */
#include "shim/icmp/put.h"
#include "shim/outbound.h"
#include "shim/reached.h"
#include "shim/real.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#define KINDS (WATCH_TO | WATCH_TO_UNIX | WATCH_FROM_DATAGRAM)
#define LOOK (KINDS | WATCH_PUT)

/* The bytes of a message in all its parts, as the kernel would tell that it sent them. */
static size_t message_length(const struct msghdr *message)
{
    size_t total = 0;

    for (size_t i = 0; i < message->msg_iovlen && i < IOV_MAX; i++)
        total += message->msg_iov[i].iov_len;
    return total;
}

/*
 * Whether there is an address to judge; the message itself must be readable. A name that is too long is cut by the
 * kernel, not refused as sendto's is (copy_msghdr_from_user; proved in tests/kernel/short_sockaddr.c).
 */
static bool message_take(struct own_address *own, const struct msghdr *message)
{
    socklen_t length;

    if (plainly_bad(message) || (message->msg_iovlen > 0 && plainly_bad(message->msg_iov)))
        return false;
    length = message->msg_namelen;
    if (length > sizeof(own->storage) && length <= INT_MAX)
        length = sizeof(own->storage);
    return address_take(own, message->msg_name, length);
}

static enum outcome judge_message(int fd, const struct own_address *own, const struct msghdr *message, int flags,
                                  const char *op)
{
    return judge_send(fd, own, flags, message->msg_iov, message->msg_iovlen, op);
}

/* sendto */

/* Behind the policy. */
static ssize_t sendto_passed(int fd, const void *data, size_t length, int flags, const struct sockaddr *address,
                             socklen_t address_length)
{
    ssize_t sent;

    if (watching(WATCH_PUT) && put_buffer(fd, data, length, flags, address, address_length, "sendto", &sent))
        return sent;
    return real.sendto(fd, data, length, flags, address, address_length);
}

static __attribute__((noinline)) ssize_t sendto_judged(int fd, const void *data, size_t length, int flags,
                                                       const struct sockaddr *address, socklen_t address_length)
{
    struct iovec part = {(void *)(uintptr_t)data, length};
    struct own_address own;

    if (!policy_ready(LOOK))
        return real.sendto(fd, data, length, flags, address, address_length);
    if (!watching(KINDS) || !address_take(&own, address, address_length))
        return sendto_passed(fd, data, length, flags, address, address_length);
    switch (judge_send(fd, &own, flags, &part, 1, "sendto")) {
    case OUTCOME_REFUSE:
        cancellation_point();
        return -1;
    case OUTCOME_SWALLOW:
        cancellation_point();
        return (ssize_t)length;
    case OUTCOME_PASS:
        break;
    }
    return sendto_passed(fd, data, length, flags, (struct sockaddr *)&own.storage, own.length);
}

/*
 * As it says in sockade_sendto, where the peer's answers must be expected too. Apart, or its registers would burden the
 * rest.
 */
static __attribute__((noinline)) ssize_t sendto_awaited(int fd, const void *data, size_t length, int flags,
                                                        const struct sockaddr *address, socklen_t address_length)
{
    union reached_address copy;

    if (likely(watching(WATCH_FROM_DATAGRAM)) && likely(!(flags & MSG_FASTOPEN)) &&
        likely(reached_copy4(&copy, address)) && likely(reached_knows4(&reached_by_sendto, fd, &copy, true)))
        return real.sendto(fd, data, length, flags, (struct sockaddr *)&copy.inet, address_length);
    return sendto_judged(fd, data, length, flags, address, address_length);
}

static __attribute__((noinline)) ssize_t sendto_awaited6(int fd, const void *data, size_t length, int flags,
                                                         const struct sockaddr *address, socklen_t address_length)
{
    union reached_address copy;

    if (likely(watching(WATCH_FROM_DATAGRAM)) && address_length == sizeof(copy.inet6) && !(flags & MSG_FASTOPEN) &&
        reached_copy6(&copy, address) && reached_knows6(&reached_by_sendto, fd, &copy, true))
        return real.sendto(fd, data, length, flags, (struct sockaddr *)&copy.inet6, address_length);
    return sendto_judged(fd, data, length, flags, address, address_length);
}

/* Under a policy, with whatever is not as long as an IPv4 address. */
static __attribute__((noinline)) ssize_t sendto_watched(int fd, const void *data, size_t length, int flags,
                                                        const struct sockaddr *address, socklen_t address_length)
{
    union reached_address copy;

    if (address_length == sizeof(copy.inet6) && !(flags & MSG_FASTOPEN) && reached_copy6(&copy, address) &&
        reached_knows6(&reached_by_sendto, fd, &copy, false))
        return real.sendto(fd, data, length, flags, (struct sockaddr *)&copy.inet6, address_length);
    return sendto_awaited6(fd, data, length, flags, address, address_length);
}

/* Where this thread sends again and again costs no decision. */
static inline __attribute__((always_inline)) ssize_t sockade_sendto(int fd, const void *data, size_t length, int flags,
                                                                    const struct sockaddr *address,
                                                                    socklen_t address_length)
{
    union reached_address copy;

    if (!concerned(LOOK))
        return real.sendto(fd, data, length, flags, address, address_length);
    if (unlikely(address_length != sizeof(copy.inet)))
        return sendto_watched(fd, data, length, flags, address, address_length);
    if (likely(!(flags & MSG_FASTOPEN)) && likely(reached_copy4(&copy, address)) &&
        likely(reached_knows4(&reached_by_sendto, fd, &copy, false)))
        return real.sendto(fd, data, length, flags, (struct sockaddr *)&copy.inet, address_length);
    return sendto_awaited(fd, data, length, flags, address, address_length);
}

EXPORT ssize_t sendto(int fd, const void *data, size_t length, int flags, const struct sockaddr *address,
                      socklen_t address_length)
{
    return sockade_sendto(fd, data, length, flags, address, address_length);
}

/* sendmsg */

/* Judges one message; `op` is the call's name. `own` and `passed` take what is to be sent in its place. */
static enum outcome message_judge(int fd, const struct msghdr *message, int flags, const char *op,
                                  struct own_address *own, struct msghdr *passed)
{
    *passed = *message;
    if (!watching(KINDS) || !message_take(own, message))
        return OUTCOME_PASS;
    passed->msg_name = &own->storage;
    passed->msg_namelen = own->length;
    return judge_message(fd, own, passed, flags, op);
}

static __attribute__((noinline)) ssize_t sendmsg_judged(int fd, const struct msghdr *message, int flags)
{
    struct own_address own;
    struct msghdr passed;
    ssize_t sent;

    if (!policy_ready(LOOK) || plainly_bad(message))
        return real.sendmsg(fd, message, flags);
    switch (message_judge(fd, message, flags, "sendmsg", &own, &passed)) {
    case OUTCOME_REFUSE:
        cancellation_point();
        return -1;
    case OUTCOME_SWALLOW:
        cancellation_point();
        return (ssize_t)message_length(&passed);
    case OUTCOME_PASS:
        break;
    }
    if (watching(WATCH_PUT) && put_message(fd, &passed, flags, "sendmsg", &sent))
        return sent;
    return real.sendmsg(fd, &passed, flags);
}

static inline ssize_t sockade_sendmsg(int fd, const struct msghdr *message, int flags)
{
    if (!concerned(LOOK))
        return real.sendmsg(fd, message, flags);
    return sendmsg_judged(fd, message, flags);
}

EXPORT ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    return sockade_sendmsg(fd, message, flags);
}

/* sendmmsg: runs of allowed entries go to the kernel as they stand; a batch stops at the first refused one. */

/* How many entries from `first` on may go, and what is to become of the one behind them. */
static unsigned run_length(int fd, struct mmsghdr *entries, unsigned count, int flags, enum outcome *next)
{
    for (unsigned i = 0; i < count; i++) {
        struct own_address own;

        if (!message_take(&own, &entries[i].msg_hdr))
            continue;
        *next = judge_message(fd, &own, &entries[i].msg_hdr, flags, "sendmmsg");
        if (*next != OUTCOME_PASS)
            return i;
    }
    *next = OUTCOME_PASS;
    return count;
}

/*
 * A batch of what is translated: one by one. It stops at the first that fails, which is told where it is the first of
 * all.
 */
static int sendmmsg_put(int fd, struct mmsghdr *entries, unsigned count, int flags)
{
    int before = errno;
    unsigned done;

    for (done = 0; done < count; done++) {
        struct own_address own;
        struct msghdr passed;
        enum outcome outcome = message_judge(fd, &entries[done].msg_hdr, flags, "sendmmsg", &own, &passed);
        ssize_t sent = -1;

        if (outcome == OUTCOME_REFUSE) {
            cancellation_point();
            break;
        }
        if (outcome == OUTCOME_SWALLOW)
            sent = (ssize_t)message_length(&passed);
        else if (!put_message(fd, &passed, flags, "sendmmsg", &sent))
            sent = real.sendmsg(fd, &passed, flags); /* closed under us, and the number used again */
        if (sent < 0)
            break;
        entries[done].msg_len = (unsigned)sent;
    }
    if (done == 0)
        return -1;
    errno = before;
    return (int)done;
}

static int sendmmsg_runs(int fd, struct mmsghdr *entries, unsigned count, int flags)
{
    int before = errno;
    unsigned done = 0;

    while (done < count) {
        enum outcome next;
        unsigned run = run_length(fd, entries + done, count - done, flags, &next);
        int refusal = errno;

        if (run > 0) {
            int sent = real.sendmmsg(fd, entries + done, run, flags);

            if (sent < 0 && done == 0)
                return -1;
            done += sent > 0 ? (unsigned)sent : 0;
            if (sent < (int)run)
                break;
        }
        if (next == OUTCOME_REFUSE && done == 0) {
            errno = refusal;
            cancellation_point();
            return -1;
        }
        if (next != OUTCOME_SWALLOW)
            break;
        entries[done].msg_len = (unsigned)message_length(&entries[done].msg_hdr);
        done++;
    }
    errno = before;
    return (int)done;
}

static __attribute__((noinline)) int sendmmsg_judged(int fd, struct mmsghdr *entries, unsigned count, int flags)
{
    if (!policy_ready(LOOK) || plainly_bad(entries) || count == 0)
        return real.sendmmsg(fd, entries, count, flags);
    if (count > UIO_MAXIOV) /* the kernel takes no more at once */
        count = UIO_MAXIOV;
    if (watching(WATCH_PUT) && is_put(fd))
        return sendmmsg_put(fd, entries, count, flags);
    if (!watching(KINDS))
        return real.sendmmsg(fd, entries, count, flags);
    return sendmmsg_runs(fd, entries, count, flags);
}

static inline int sockade_sendmmsg(int fd, struct mmsghdr *entries, unsigned count, int flags)
{
    if (!concerned(LOOK))
        return real.sendmmsg(fd, entries, count, flags);
    return sendmmsg_judged(fd, entries, count, flags);
}

EXPORT int sendmmsg(int fd, struct mmsghdr *entries, unsigned count, int flags)
{
    return sockade_sendmmsg(fd, entries, count, flags);
}
