/* SPDX-License-Identifier: MIT */
/*
 * A receive goes one of two ways. Where nothing has to be sorted out the kernel writes a reply straight into the
 * program's buffers, 20 bytes in on IPv4, and the header is put in front. Else messages are pulled (pull.c) and the
 * first that is held is handed over.
 *
 * Blocking is left to the kernel where this process has one thread, so that EINTR and SA_RESTART stay exact. With
 * several, one thread's send may consume the pending error while another sleeps in a receive, which would sleep on: so
 * there the wait is a ppoll, whose POLLERR comes from the error queue itself.
 */
#include "shim/icmp/receive.h"

#include "shim/icmp/control.h"
#include "shim/icmp/give.h"
#include "shim/icmp/linger.h"
#include "shim/icmp/packet.h"
#include "shim/icmp/parts.h"
#include "shim/icmp/probe.h"
#include "shim/icmp/pull.h"
#include "shim/icmp/wait_parts.h"
#include "shim/real.h"
#include "state/large.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

/* Parts of a program's buffer that are received into directly; with more a packet is pulled and copied. */
#define PARTS 16

/* Behind the program's buffers: what does not fit, so that the length is known all the same. Never read. */
LARGE static unsigned char overflow[65536];

/* Room of our own in front of that, where the ICMP header can still be read if the program has no room for it. */
#define TAIL 80

struct reception {
    struct icmp_socket *socket;
    int fd;
    struct msghdr *message;
    int flags;
    struct lingering linger;
};

bool icmp_needs_look(const struct icmp_socket *socket)
{
    bool six = icmp_is_six(socket);

    if (socket->screened || socket->look || socket->pending != 0 || atomic_load(&socket->packets.count) > 0 ||
        atomic_load(&socket->errors.count) > 0 || watching(WATCH_FROM_PING))
        return true;
    return socket->has_sent ? icmp_has_listeners(six) : watching(WATCH_PROBES) || icmp_has_senders(six);
}

bool icmp_readable(struct icmp_socket *socket, int fd)
{
    icmp_mark_listened(socket);
    if (icmp_is_sender(socket))
        return false;
    if (atomic_load(&socket->packets.count) == 0 || (socket->asked & ASKED_RECVERR))
        icmp_pull(socket, fd);
    return atomic_load(&socket->packets.count) > 0;
}

bool icmp_shows_error(const struct icmp_socket *socket)
{
    return !icmp_is_sender(socket) && (socket->pending != 0 || atomic_load(&socket->errors.count) > 0);
}

unsigned icmp_sources(const struct icmp_socket *socket, int *fds, unsigned most)
{
    bool six = icmp_is_six(socket);
    const struct icmp_socket *other;
    unsigned count = 0;
    unsigned at = 0;
    int fd;

    if (!icmp_is_listener(socket))
        return 0;
    while (count < most && (other = icmp_next(&at, &fd)) != NULL) {
        if (other != socket && icmp_is_six(other) == six && other->has_sent)
            fds[count++] = fd;
    }
    if (count < most && watching(WATCH_PROBES))
        count += probe_sources(six, fds + count, most - count);
    return count;
}

/* Handing over */

/* After shutdown(2): as the kernel's recvmsg ends a wait then. */
static ssize_t nothing_give(struct msghdr *message)
{
    name_give(message, "", 0);
    message->msg_controllen = 0;
    message->msg_flags = 0;
    return 0;
}

/* Hands over the first message of an inbox. False: there is none. */
static bool held_give(struct reception *reception, struct inbox *inbox, bool error, ssize_t *got)
{
    struct msghdr *message = reception->message;
    struct inbox_guard guard;
    struct held held;
    bool found;

    if (!inbox_lock(inbox, &guard))
        return false;
    found = inbox_first(inbox, &held);
    if (found) {
        message->msg_flags = error ? MSG_ERRQUEUE : 0;
        parts_write(message->msg_iov, message->msg_iovlen, 0, held.data, held.length);
        name_give(message, held.name, held.name_length);
        control_give(message, held.control, held.control_length, reception->socket->asked, error);
        *got = length_give(message, held.length, parts_size(message->msg_iov, message->msg_iovlen), reception->flags);
        if (!(reception->flags & MSG_PEEK) || error) /* the error queue knows no peeking */
            inbox_drop(inbox);
    }
    inbox_unlock(inbox, &guard);
    return found;
}

/* The errno that the next error in the queue leaves behind when one is taken (sock_dequeue_err_skb). */
static int errno_of_next(struct icmp_socket *socket)
{
    struct inbox_guard guard;
    struct facts facts = {0};
    struct held held;

    if (!inbox_lock(&socket->errors, &guard))
        return 0;
    if (inbox_first(&socket->errors, &held)) {
        struct msghdr control = {.msg_control = (void *)(uintptr_t)held.control, .msg_controllen = held.control_length};

        facts_read(&facts, &control);
    }
    inbox_unlock(&socket->errors, &guard);
    return facts.has_error ? (int)facts.error.ee_errno : 0;
}

/* MSG_ERRQUEUE: never waits. */
static ssize_t receive_error(struct reception *reception)
{
    struct icmp_socket *socket = reception->socket;
    int saved = errno;
    ssize_t got;

    icmp_pull(socket, reception->fd);
    if (!held_give(reception, &socket->errors, true, &got)) {
        errno = EAGAIN;
        return -1;
    }
    socket->pending = errno_of_next(socket);
    errno = saved;
    return got;
}

/* The direct way */

struct direct {
    struct msghdr message;
    struct iovec parts[PARTS + 2];
    size_t count;
    struct sockaddr_in6 name; /* or sockaddr_in */
    unsigned char tail[TAIL];
    _Alignas(struct cmsghdr) unsigned char control[CONTROL_ROOM];
};

/* The program's parts behind the first `skip` bytes, then the tail and the overflow. */
static void direct_prepare(struct direct *direct, const struct msghdr *message, size_t skip)
{
    size_t count = 0;

    for (size_t i = 0; i < message->msg_iovlen; i++) {
        struct iovec part = message->msg_iov[i];
        size_t less = part.iov_len < skip ? part.iov_len : skip;

        skip -= less;
        if (part.iov_len > less)
            direct->parts[count++] = (struct iovec){(unsigned char *)part.iov_base + less, part.iov_len - less};
    }
    direct->parts[count++] = (struct iovec){direct->tail, sizeof(direct->tail)};
    direct->parts[count++] = (struct iovec){overflow, sizeof(overflow)};
    direct->count = count;
    direct->message = (struct msghdr){.msg_name = &direct->name,
                                      .msg_namelen = sizeof(direct->name),
                                      .msg_iov = direct->parts,
                                      .msg_iovlen = count,
                                      .msg_control = direct->control,
                                      .msg_controllen = sizeof(direct->control)};
}

/* Puts the IPv4 header in front of what was received, which has to make way for IP options. */
static size_t header_give(struct direct *direct, const struct msghdr *message, size_t length)
{
    const struct sockaddr_in *source = (const struct sockaddr_in *)(const void *)&direct->name;
    unsigned char header[IPV4_HEADER_MAX];
    struct facts facts;
    size_t size;

    facts_read(&facts, &direct->message);
    size = ipv4_header(header, &facts, source->sin_addr, length);
    if (size > IPV4_HEADER)
        parts_move_up(message->msg_iov, message->msg_iovlen, IPV4_HEADER, size, length);
    parts_write(message->msg_iov, message->msg_iovlen, 0, header, size);
    return size;
}

/* Names the reply that was received as the program knows it; false: it answers nothing from here. */
static bool direct_rename(struct direct *direct, const struct icmp_socket *socket, size_t length)
{
    unsigned char header[ICMP_HEADER];
    unsigned char before[ICMP_HEADER];

    if (length < sizeof(header))
        return true;
    parts_read(direct->parts, direct->count, 0, header, sizeof(header));
    memcpy(before, header, sizeof(header));
    if (!reply_rename(socket, header))
        return false;
    if (memcmp(before, header, sizeof(header)) != 0)
        parts_write(direct->parts, direct->count, 0, header, sizeof(header));
    return true;
}

/* What became of a look at the kernel's queue. */
enum found { FOUND_PACKET, FOUND_NOTHING, FOUND_ERROR, FOUND_AGAIN };

/* Receives into the program's buffers. AGAIN: what came is not for the program, or has to be pulled. */
static __attribute__((noinline)) enum found receive_direct(struct reception *reception, int flags, ssize_t *got)
{
    struct icmp_socket *socket = reception->socket;
    struct msghdr *message = reception->message;
    size_t skip = icmp_is_six(socket) ? 0 : IPV4_HEADER;
    struct direct direct;
    size_t length;
    int saved = errno;

    direct_prepare(&direct, message, skip);
    *got = real.recvmsg(reception->fd, &direct.message, flags);
    if (*got < 0) {
        if (is_icmp_errno(errno)) {
            socket->look = true;
            errno = saved;
            return FOUND_AGAIN;
        }
        return errno == EAGAIN ? FOUND_NOTHING : FOUND_ERROR;
    }
    length = (size_t)*got;
    if (length == 0) { /* no packet is as short as that */
        nothing_give(message);
        errno = saved;
        return FOUND_PACKET;
    }
    if (!direct_rename(&direct, socket, length)) {
        if (flags & MSG_PEEK)
            real.recvfrom(reception->fd, &(char){0}, 0, MSG_DONTWAIT, NULL, NULL);
        errno = saved;
        return FOUND_AGAIN;
    }
    if (!icmp_is_six(socket))
        length += header_give(&direct, message, length);
    message->msg_flags = direct.message.msg_flags & ~MSG_TRUNC;
    name_give(message, &direct.name, direct.message.msg_namelen);
    control_give(message, direct.control, direct.message.msg_controllen, socket->asked, false);
    *got = length_give(message, length, parts_size(message->msg_iov, message->msg_iovlen), reception->flags);
    errno = saved;
    return FOUND_PACKET;
}

/* The long way: what is held, after all that has to be held was pulled. */
static enum found receive_pulled(struct reception *reception, ssize_t *got)
{
    struct icmp_socket *socket = reception->socket;
    int pending;

    if (icmp_is_sender(socket))
        return FOUND_NOTHING;
    if (atomic_load(&socket->packets.count) == 0 || socket->look || (socket->asked & ASKED_RECVERR))
        icmp_pull(socket, reception->fd);
    pending = atomic_exchange(&socket->pending, 0); /* comes before any packet (__skb_try_recv_datagram) */
    if (pending != 0) {
        errno = pending;
        return FOUND_ERROR;
    }
    if (held_give(reception, &socket->packets, false, got))
        return FOUND_PACKET;
    return FOUND_NOTHING;
}

static ssize_t receive_packet(struct reception *reception)
{
    struct icmp_socket *socket = reception->socket;
    bool threads = wait_has_threads();

    for (;;) {
        bool pulled = icmp_needs_look(socket) || reception->message->msg_iovlen > PARTS;
        int flags = reception->flags | (threads ? MSG_DONTWAIT : 0);
        int saved = errno;
        ssize_t got = -1;
        enum found found;

        found = pulled ? receive_pulled(reception, &got) : receive_direct(reception, flags, &got);
        if (found == FOUND_PACKET || found == FOUND_ERROR)
            return got;
        if (found == FOUND_AGAIN)
            continue;
        if ((reception->flags & MSG_DONTWAIT) || (!pulled && !threads)) {
            errno = EAGAIN;
            return -1;
        }
        if (!linger(&reception->linger, socket, reception->fd, threads) && !reception->linger.ended)
            return -1;
        errno = saved;
        if (reception->linger.ended)
            return nothing_give(reception->message);
    }
}

ssize_t icmp_receive(struct icmp_socket *socket, int fd, struct msghdr *message, int flags)
{
    struct reception reception = {.socket = socket, .fd = fd, .message = message, .flags = flags};

    if ((flags & MSG_OOB) || message->msg_iovlen > IOV_MAX || parts_are_bad(message->msg_iov, message->msg_iovlen))
        return real.recvmsg(fd, message, flags);
    icmp_mark_listened(socket);
    if (flags & MSG_ERRQUEUE)
        return receive_error(&reception);
    return receive_packet(&reception);
}

/* As the kernel's recvmmsg: the timeout is looked at after each message only. */
int icmp_receive_many(struct icmp_socket *socket, int fd, struct mmsghdr *entries, unsigned count, int flags,
                      struct timespec *timeout)
{
    struct timespec end = {0};
    unsigned done = 0;

    if (timeout != NULL && !linger_deadline(timeout, &end)) {
        errno = EINVAL;
        return -1;
    }
    while (done < count && done < IOV_MAX) {
        ssize_t got = icmp_receive(socket, fd, &entries[done].msg_hdr, flags & ~MSG_WAITFORONE);

        if (got < 0)
            break;
        entries[done++].msg_len = (unsigned)got;
        if (flags & MSG_WAITFORONE)
            flags |= MSG_DONTWAIT;
        if (timeout != NULL && !linger_left(&end, timeout))
            break;
    }
    return done > 0 || count == 0 ? (int)done : -1;
}
