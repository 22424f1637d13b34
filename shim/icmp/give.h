/* SPDX-License-Identifier: MIT */
/* What the receiving calls hand over beside the packet: its source, and its length where the program's room ends. */
#ifndef SOCKADE_SHIM_ICMP_GIVE_H
#define SOCKADE_SHIM_ICMP_GIVE_H

#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

static inline void name_give(struct msghdr *message, const void *name, size_t length)
{
    if (message->msg_name == NULL)
        return;
    memcpy(message->msg_name, name, message->msg_namelen < length ? message->msg_namelen : length);
    message->msg_namelen = (socklen_t)length;
}

/* What recvmsg returns for a packet of `length` bytes where `room` fit, and MSG_TRUNC in msg_flags. */
static inline ssize_t length_give(struct msghdr *message, size_t length, size_t room, int flags)
{
    if (length > room)
        message->msg_flags |= MSG_TRUNC;
    return (ssize_t)(length > room && !(flags & MSG_TRUNC) ? room : length);
}

#endif
