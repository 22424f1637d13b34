/* SPDX-License-Identifier: MIT */
/* ioctl(2): how much waits on a raw ICMP socket. */
#include "shim/icmp/options.h"
#include "shim/real.h"

#include <linux/sockios.h>
#include <stdint.h>

static __attribute__((noinline)) int ioctl_translated(int fd, unsigned long request, void *argument)
{
    struct icmp_socket *socket = NULL;

    /* Only these two are asked about: the rest is not ours, and most of it is for terminals and files. */
    if (process_ready(WATCH_ICMP) && ((uint32_t)request == SIOCINQ || (uint32_t)request == SIOCOUTQ))
        socket = icmp_of(fd);
    if (socket != NULL)
        return icmp_ioctl(socket, fd, request, argument);
    return real.ioctl(fd, request, argument);
}

static inline int sockade_ioctl(int fd, unsigned long request, void *argument)
{
    if (!watching(WATCH_ICMP))
        return real.ioctl(fd, request, argument);
    return ioctl_translated(fd, request, argument);
}

/*
 * There is one argument or none; a register holds something either way, as libc's own function has it. Named, under
 * another name in C: on Linux an optional pointer is passed where a named one is, and va_arg would save every register
 * first.
 */
EXPORT int ioctl_hook(int fd, unsigned long request, void *argument) __asm__("ioctl");
int ioctl_hook(int fd, unsigned long request, void *argument)
{
    return sockade_ioctl(fd, request, argument);
}
