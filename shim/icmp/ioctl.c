/* SPDX-License-Identifier: MIT */
/*
 * ioctl(2): how much waits to be read or to be sent, which ping sockets do not tell. As raw_ioctl of net/ipv4/raw.c and
 * rawv6_ioctl of net/ipv6/raw.c.
 */
#include "shim/icmp/options.h"

#include "shim/icmp/receive.h"
#include "shim/judge.h"
#include "shim/real.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include <string.h>

/*
 * The length of the first packet that a receive would give, 0 where there is none. An error that is pending stays so.
 */
static int readable_bytes(struct icmp_socket *socket, int fd)
{
    struct msghdr message = {.msg_iov = &(struct iovec){0}, .msg_iovlen = 1};
    int pending = atomic_exchange(&socket->pending, 0);
    ssize_t length;

    if (icmp_is_sender(socket))
        return 0;
    length = icmp_receive(socket, fd, &message, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
    if (length < 0 && errno != EAGAIN) {
        pending = pending != 0 ? pending : errno;
        length = icmp_receive(socket, fd, &message, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
    }
    if (pending != 0)
        atomic_compare_exchange_strong(&socket->pending, &(int){0}, pending);
    return length < 0 ? 0 : (int)length;
}

/* What the kernel counts for SIOCOUTQ, by another way to ask for it (SO_MEMINFO, Linux 4.12). */
static int unsent_bytes(int fd)
{
    uint32_t counts[SK_MEMINFO_VARS] = {0};
    socklen_t length = sizeof(counts);

    if (real.getsockopt(fd, SOL_SOCKET, SO_MEMINFO, counts, &length) != 0)
        return 0;
    return (int)counts[SK_MEMINFO_WMEM_ALLOC];
}

int icmp_ioctl(struct icmp_socket *socket, int fd, unsigned long request, void *argument)
{
    int saved = errno;
    int bytes;

    /* The request is 32 bits to the kernel. */
    if ((uint32_t)request != SIOCINQ && (uint32_t)request != SIOCOUTQ)
        return real.ioctl(fd, request, argument);
    bytes = (uint32_t)request == SIOCINQ ? readable_bytes(socket, fd) : unsent_bytes(fd);
    if (plainly_bad(argument)) {
        errno = EFAULT;
        return -1;
    }
    memcpy(argument, &bytes, sizeof(bytes));
    errno = saved;
    return 0;
}
