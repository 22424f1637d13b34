/* SPDX-License-Identifier: MIT */
/*
 * Sending and receiving on a probe. An ICMP error that a bare socket would not show makes the kernel's call fail once:
 * then the error is taken out of the queue and the call is made again.
 *
 * A connected UDP socket gets no errors of what it sends elsewhere, and busybox traceroute does nothing but that. So at
 * the first such datagram the connect is undone in the kernel, keeping address and port ("split"), and lives on here.
 * On IPv6 that is done only for other ports of the peer: after connect(AF_UNSPEC) the kernel still minds the peer's
 * address (udp_disconnect leaves sk_v6_daddr), so that errors of other addresses would not arrive in any case.
 */
#include "shim/icmp/linger.h"
#include "shim/icmp/packet.h"
#include "shim/icmp/parts.h"
#include "shim/icmp/probe_table.h"
#include "shim/icmp/pull.h"
#include "shim/icmp/wait_parts.h"
#include "shim/judge.h"
#include "shim/real.h"
#include "state/kernel.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/time.h>

/* How often a datagram is sent again after errors of earlier ones. */
#define TRIES 8

/* How long a receive sleeps before it looks whether another thread has taken out the error that it waits for. */
#define SLICE_NS (100 * 1000 * 1000L)

/* Splitting */

/* Whether undoing the connect makes errors of what is sent to `to` arrive. */
static bool split_helps(const struct probe *probe, const struct sockaddr_in6 *to)
{
    return probe->connected && !probe->split && !probe_same_name(to, &probe->peer) &&
           (!probe->six || memcmp(&to->sin6_addr, &probe->peer.sin6_addr, sizeof(to->sin6_addr)) == 0);
}

/* The address that a message goes to, as far as it is a plain one of the probe's family. */
static bool target_of(const struct probe *probe, const struct msghdr *message, struct sockaddr_in6 *out)
{
    size_t whole = probe->six ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);

    memset(out, 0, sizeof(*out));
    if (message->msg_name == NULL || message->msg_namelen < whole || plainly_bad(message->msg_name))
        return false;
    memcpy(out, message->msg_name, whole);
    return out->sin6_family == (probe->six ? AF_INET6 : AF_INET) && out->sin6_port != 0 &&
           !(probe->six && IN6_IS_ADDR_V4MAPPED(&out->sin6_addr));
}

/*
 * Undoes the connect in the kernel. connect(AF_UNSPEC) drops an address and port that bind did not name, and the device
 * that came with a link-local peer (__udp_disconnect), so all three are set again.
 */
static void split(struct probe *probe, int fd)
{
    const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    socklen_t whole = probe->six ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    socklen_t length = sizeof(probe->name);
    int device = option_get(fd, SOL_SOCKET, SO_BINDTOIFINDEX, 0);
    int saved = errno;

    probe_drain(probe, fd);
    memset(&probe->name, 0, sizeof(probe->name));
    if (real.getsockname(fd, (struct sockaddr *)&probe->name, &length) == 0 &&
        real.connect(fd, &nobody, sizeof(nobody)) == 0) {
        probe->split = true;
        if (device != 0)
            option_set(fd, SOL_SOCKET, SO_BINDTOIFINDEX, device);
        real.bind(fd, (struct sockaddr *)&probe->name, whole);
    }
    errno = saved;
}

/* Sending */

static void remember(struct probe *probe, const struct sockaddr_in6 *to, const struct msghdr *message, size_t length)
{
    struct sent sent = {.port = to->sin6_port, .length = (uint16_t)length, .ttl = probe->ttl, .tos = probe->tos};
    struct facts asked;

    if (length > UINT16_MAX)
        return;
    facts_read(&asked, message); /* IP_TTL and IP_TOS for this datagram alone */
    if (asked.ttl_known)
        sent.ttl = asked.ttl;
    if (asked.tos_known)
        sent.tos = asked.tos;
    probe_address(to, sent.address);
    probe_remember(probe, &sent, message->msg_iov, message->msg_iovlen);
}

/* Sends, and again where an error that nobody is to see was in the way. */
static ssize_t send_past_errors(struct probe *probe, int fd, const struct msghdr *message, int flags)
{
    for (int tries = 1;; tries++) {
        uint32_t before = atomic_load(&probe->pulled);
        ssize_t sent = real.sendmsg(fd, message, flags);
        int error = errno;

        if (sent >= 0)
            return sent;
        /* Full queues on the way out are told only to who asked for errors (udp_send_skb). */
        if (error == ENOBUFS)
            return (ssize_t)parts_size(message->msg_iov, message->msg_iovlen);
        if (!is_icmp_errno(error))
            return -1;
        probe_drain(probe, fd);
        if (probe_fails(probe))
            return -1;
        errno = error;
        if (tries == TRIES || atomic_load(&probe->pulled) == before)
            return -1;
    }
}

static ssize_t stream_send(struct probe *probe, int fd, const struct msghdr *message, int flags)
{
    if (probe_fails(probe))
        return -1;
    probe_settle(probe, fd);
    return real.sendmsg(fd, message, flags);
}

ssize_t probe_send(struct probe *probe, int fd, const struct msghdr *message, int flags)
{
    struct msghdr own = *message;
    struct sockaddr_in6 to;
    int saved = errno;
    ssize_t sent;
    bool named;

    if (probe->stream)
        return stream_send(probe, fd, message, flags);
    if (message->msg_iovlen > IOV_MAX || (message->msg_iovlen > 0 && plainly_bad(message->msg_iov)))
        return real.sendmsg(fd, message, flags);
    if (probe_fails(probe))
        return -1;
    named = target_of(probe, message, &to);
    if (named && split_helps(probe, &to))
        split(probe, fd);
    if (message->msg_name == NULL && probe->connected) {
        to = probe->peer;
        named = true;
        if (probe->split) {
            own.msg_name = &probe->peer;
            own.msg_namelen = probe->six ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
        }
    }
    sent = send_past_errors(probe, fd, &own, flags);
    if (sent < 0)
        return -1;
    if (named)
        remember(probe, &to, &own, (size_t)sent);
    errno = saved;
    return sent;
}

/* Receiving */

/* How a call waits. */
struct waiting {
    bool by_poll; /* not in the kernel's recvmsg */
    bool limited; /* until `end` */
    struct timespec end;
};

/*
 * A receive that may be woken for nothing must know the time that is left; and one that waits for an error must not
 * miss it where another thread takes it out of the queue. Else the kernel waits, and EINTR and SA_RESTART are its own.
 */
static void waiting_prepare(struct waiting *waiting, const struct probe *probe, int fd, int flags)
{
    struct timeval timeout = {0};
    socklen_t length = sizeof(timeout);

    *waiting = (struct waiting){0};
    if ((flags & MSG_DONTWAIT) || (real.fcntl(fd, F_GETFL) & O_NONBLOCK))
        return;
    if (real.getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, &length) == 0 &&
        (timeout.tv_sec != 0 || timeout.tv_usec != 0)) {
        struct timespec from = {timeout.tv_sec, timeout.tv_usec * 1000L};

        waiting->limited = linger_deadline(&from, &waiting->end);
    }
    waiting->by_poll = waiting->limited || (probe->connected && wait_has_threads());
}

/* False with errno: EAGAIN when the time is over, EINTR. */
static bool wait_on(const struct waiting *waiting, int fd)
{
    struct pollfd entry = {.fd = fd, .events = POLLIN};
    struct timespec slice = {0, SLICE_NS};
    struct timespec left;

    if (waiting->limited) {
        if (!linger_left(&waiting->end, &left)) {
            errno = EAGAIN;
            return false;
        }
        if (left.tv_sec == 0 && left.tv_nsec < slice.tv_nsec)
            slice = left;
    }
    return real.ppoll(&entry, 1, &slice, NULL) >= 0;
}

/* Receives from the peer of a split probe; what others sent is thrown away, as it would not have come. */
static ssize_t receive_from_peer(struct probe *probe, int fd, struct msghdr *message, int flags)
{
    for (;;) {
        struct sockaddr_in6 from = {0};
        struct msghdr look = {.msg_name = &from, .msg_namelen = sizeof(from)};
        ssize_t got;

        if (real.recvmsg(fd, &look, (flags & MSG_DONTWAIT) | MSG_PEEK) < 0)
            return -1;
        if (!probe_same_name(&from, &probe->peer)) {
            look = (struct msghdr){0};
            kernel_recvmsg(fd, &look, MSG_DONTWAIT);
            continue;
        }
        got = real.recvmsg(fd, message, flags | MSG_DONTWAIT);
        if (got >= 0 || errno != EAGAIN) /* another thread may have got it */
            return got;
    }
}

static ssize_t datagram_receive(struct probe *probe, int fd, struct msghdr *message, int flags)
{
    struct waiting waiting;
    int saved = errno;

    waiting_prepare(&waiting, probe, fd, flags);
    if (waiting.by_poll)
        flags |= MSG_DONTWAIT;
    for (;;) {
        uint32_t before = atomic_load(&probe->pulled);
        ssize_t got;

        if (probe_fails(probe))
            return -1;
        got = probe->split ? receive_from_peer(probe, fd, message, flags) : real.recvmsg(fd, message, flags);
        if (got >= 0) {
            errno = saved;
            return got;
        }
        if (is_icmp_errno(errno)) {
            int error = errno;

            probe_drain(probe, fd);
            errno = error;
            if (atomic_load(&probe->pulled) == before)
                return -1;
        } else if (errno != EAGAIN || !waiting.by_poll || !wait_on(&waiting, fd)) {
            return -1;
        }
    }
}

ssize_t probe_receive(struct probe *probe, int fd, struct msghdr *message, int flags)
{
    if (flags & MSG_ERRQUEUE) { /* a bare socket's is empty */
        probe_drain(probe, fd);
        probe->queued = false;
        errno = EAGAIN;
        return -1;
    }
    if (!probe->stream)
        return datagram_receive(probe, fd, message, flags);
    if (probe_fails(probe))
        return -1;
    probe_settle(probe, fd);
    return real.recvmsg(fd, message, flags);
}

/* Readiness */

/* Whether a split probe has a datagram of its peer; others are thrown away. */
static bool has_from_peer(const struct probe *probe, int fd)
{
    for (;;) {
        struct sockaddr_in6 from = {0};
        struct msghdr look = {.msg_name = &from, .msg_namelen = sizeof(from)};

        if (kernel_recvmsg(fd, &look, MSG_DONTWAIT | MSG_PEEK) < 0)
            return false;
        if (probe_same_name(&from, &probe->peer))
            return true;
        look = (struct msghdr){0};
        kernel_recvmsg(fd, &look, MSG_DONTWAIT);
    }
}

static short stream_events(struct probe *probe, int fd, short events)
{
    if ((events & (POLLOUT | POLLERR | POLLHUP)) == POLLOUT && probe->pending == 0) {
        probe_settle(probe, fd);
        return events;
    }
    events &= ~POLLERR;
    if (probe->pending != 0 || (probe->queued && !probe->six) || (kernel_readiness(fd, 0) & POLLERR))
        events |= POLLERR;
    return events;
}

short probe_events(struct probe *probe, int fd, short events)
{
    int saved = errno;

    if (probe->hidden)
        return 0;
    if (events & POLLERR)
        probe_drain(probe, fd);
    if (probe->stream) {
        events = stream_events(probe, fd, events);
    } else {
        /* What is left after that is no ICMP error of ours, and the kernel's to tell. */
        if ((events & POLLERR) && !(kernel_readiness(fd, 0) & POLLERR))
            events &= ~POLLERR;
        if (probe->pending != 0)
            events |= POLLERR;
        if (probe->split && (events & (POLLIN | POLLRDNORM)) && !has_from_peer(probe, fd))
            events &= ~(POLLIN | POLLRDNORM);
    }
    errno = saved;
    return events;
}
