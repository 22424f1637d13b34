/* SPDX-License-Identifier: MIT */
/* From the many sending calls to the one of each kind of socket. */
#include "shim/icmp/put.h"

#include "shim/hints.h"
#include "shim/icmp/probe.h"
#include "shim/icmp/send.h"
#include "shim/judge.h"

#include <errno.h>

/*
 * A hint is set where a socket is made and forgotten where a descriptor may become another one, so what is no socket,
 * or a socket of another protocol, is never one of ours. UDP and TCP may be probes.
 */
bool may_be_translated(int fd)
{
    struct hint hint;

    if ((unsigned)fd >= HINT_COUNT)
        return fd >= 0;
    hint = hint_ask(fd);
    if (hint.state == HINT_OTHER)
        return false;
    return (hint.protos & (unsigned)(PROTO_ICMP | PROTO_ICMP6)) != 0 || watching(WATCH_PROBES);
}

bool is_put(int fd)
{
    return may_be_translated(fd) && (icmp_of(fd) != NULL || probe_of(fd) != NULL);
}

/* A message that says no more than sendto does. */
static bool is_buffer(const struct msghdr *message)
{
    return message->msg_iovlen == 1 && message->msg_controllen == 0 && !plainly_bad(message->msg_iov) &&
           message->msg_namelen <= sizeof(struct sockaddr_storage);
}

/* The long way, after the quick one. */
static bool put_asking(int fd, const struct msghdr *message, int flags, const char *op, ssize_t *sent)
{
    struct icmp_socket *socket;
    struct probe *probe;

    if (!may_be_translated(fd))
        return false;
    socket = icmp_of(fd);
    if (socket != NULL) {
        *sent = icmp_send(socket, fd, message, flags, op);
        return true;
    }
    probe = probe_of(fd);
    if (probe == NULL)
        return false;
    *sent = probe_send(probe, fd, message, flags);
    return true;
}

bool put_message(int fd, const struct msghdr *message, int flags, const char *op, ssize_t *sent)
{
    return (is_buffer(message) && icmp_send_plain(fd, message->msg_iov->iov_base, message->msg_iov->iov_len, flags,
                                                  message->msg_name, message->msg_namelen, sent)) ||
           put_asking(fd, message, flags, op, sent);
}

static __attribute__((noinline)) bool put_buffer_asking(int fd, const void *data, size_t size, int flags,
                                                        const struct sockaddr *address, socklen_t length,
                                                        const char *op, ssize_t *sent)
{
    struct iovec part = {(void *)(uintptr_t)data, size};
    struct msghdr message = {.msg_name = (void *)(uintptr_t)address,
                             .msg_namelen = address == NULL ? 0 : length,
                             .msg_iov = &part,
                             .msg_iovlen = 1};

    /*
     * sendmsg cuts what is too long, and takes no length for no address, as raw IPv4 sockets do; sendto else refuses
     * it.
     */
    if (address != NULL && (length > sizeof(struct sockaddr_storage) || (length == 0 && icmp_of(fd) == NULL)))
        return false;
    return put_asking(fd, &message, flags, op, sent);
}

bool put_buffer(int fd, const void *data, size_t size, int flags, const struct sockaddr *address, socklen_t length,
                const char *op, ssize_t *sent)
{
    return icmp_send_plain(fd, data, size, flags, address, length, sent) ||
           put_buffer_asking(fd, data, size, flags, address, length, op, sent);
}
