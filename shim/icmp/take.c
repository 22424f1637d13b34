/* SPDX-License-Identifier: MIT */
/* From the many receiving calls to the one of each kind of socket. */
#include "shim/icmp/take.h"

#include "shim/icmp/probe.h"
#include "shim/icmp/receive.h"

#include <errno.h>
#include <limits.h>

bool take_message(int fd, struct msghdr *message, int flags, ssize_t *got)
{
    struct icmp_socket *socket;
    struct probe *probe;

    if (icmp_receive_plain(fd, message, flags, got))
        return true;
    socket = icmp_of(fd);
    if (socket != NULL) {
        icmp_verify(socket, fd);
        *got = icmp_receive(socket, fd, message, flags);
        return true;
    }
    probe = probe_of(fd);
    if (probe == NULL)
        return false;
    *got = probe_receive(probe, fd, message, flags);
    return true;
}

bool take_buffer(int fd, void *buffer, size_t size, int flags, struct sockaddr *address, socklen_t *length,
                 ssize_t *got)
{
    struct iovec part = {buffer, size};
    struct msghdr message = {
        .msg_name = address, .msg_namelen = address == NULL ? 0 : *length, .msg_iov = &part, .msg_iovlen = 1};

    if (!take_message(fd, &message, flags, got))
        return false;
    if (*got >= 0 && address != NULL)
        *length = message.msg_namelen;
    return true;
}

/* A probe's batch: one at a time, as far as they come without waiting after the first. */
static int probe_batch(struct probe *probe, int fd, struct mmsghdr *entries, unsigned count, int flags)
{
    unsigned done = 0;

    while (done < count && done < IOV_MAX) {
        ssize_t got = probe_receive(probe, fd, &entries[done].msg_hdr, flags & ~MSG_WAITFORONE);

        if (got < 0)
            break;
        entries[done++].msg_len = (unsigned)got;
        if (flags & MSG_WAITFORONE)
            flags |= MSG_DONTWAIT;
    }
    return done > 0 || count == 0 ? (int)done : -1;
}

bool take_batch(int fd, struct mmsghdr *entries, unsigned count, int flags, struct timespec *timeout, int *got)
{
    struct icmp_socket *socket = icmp_of(fd);
    struct probe *probe;
    int saved = errno;

    if (socket != NULL) {
        *got = icmp_receive_many(socket, fd, entries, count, flags, timeout);
    } else {
        probe = probe_of(fd);
        if (probe == NULL)
            return false;
        *got = probe_batch(probe, fd, entries, count, flags);
    }
    if (*got >= 0)
        errno = saved;
    return true;
}
