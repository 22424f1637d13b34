/* SPDX-License-Identifier: MIT */
/*
 * Numbers as setsockopt(2) takes them and getsockopt(2) gives them. Each level has its own manner (net/core/sock.c,
 * net/ipv4/ip_sockglue.c, net/ipv6/ipv6_sockglue.c, net/ipv6/raw.c of Linux 6.18); tests/conformance/every_option.c
 * compares all of them. The functions return 0 or an errno.
 */
#ifndef SOCKADE_SHIM_ICMP_OPTION_VALUE_H
#define SOCKADE_SHIM_ICMP_OPTION_VALUE_H

#include "shim/judge.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

enum manner {
    MANNER_SOCKET, /* an int and no less */
    MANNER_IP,     /* an int, a byte, or nothing, which is 0; a short buffer gets a small number as one byte */
    MANNER_IPV6,   /* an int and no less; no pointer is 0 */
    MANNER_RAW6,   /* taken as the first, given as the third */
};

static inline int option_take(enum manner manner, const void *value, socklen_t length, int *out)
{
    unsigned char byte;

    *out = 0;
    if ((int)length < 0)
        return EINVAL;
    if (length >= sizeof(*out)) {
        if (manner == MANNER_IPV6 && value == NULL)
            return 0;
        if (plainly_bad(value))
            return EFAULT;
        memcpy(out, value, sizeof(*out));
        return 0;
    }
    if (manner != MANNER_IP)
        return EINVAL;
    if (length == 0)
        return 0;
    if (plainly_bad(value))
        return EFAULT;
    memcpy(&byte, value, sizeof(byte));
    *out = byte;
    return 0;
}

/* Gives the first bytes of `bytes`, as many as there is room for; a negative length is refused. */
static inline int option_give_bytes(void *value, socklen_t *length, const void *bytes, size_t size)
{
    if (plainly_bad(length))
        return EFAULT;
    if ((int)*length < 0)
        return EINVAL;
    if (size > *length)
        size = *length;
    if (size > 0 && plainly_bad(value))
        return EFAULT;
    if (size > 0)
        memcpy(value, bytes, size);
    *length = (socklen_t)size;
    return 0;
}

static inline int option_give(enum manner manner, void *value, socklen_t *length, int number)
{
    unsigned char byte = (unsigned char)number;
    socklen_t all = sizeof(number);

    if (plainly_bad(length))
        return EFAULT;
    if (manner == MANNER_IP && *length > 0 && *length < sizeof(number) && number >= 0 && number <= UINT8_MAX)
        return option_give_bytes(value, length, &byte, sizeof(byte));
    if (manner >= MANNER_IPV6 && (int)*length < 0) {
        int error = option_give_bytes(value, &all, &number, sizeof(number));

        if (error == 0)
            *length = all;
        return error;
    }
    return option_give_bytes(value, length, &number, sizeof(number));
}

#endif
