/* SPDX-License-Identifier: MIT */
/* Which system calls a program may make by number that are hooked by name, and how each is made then. */
#ifndef SOCKADE_SHIM_NUMBERS_H
#define SOCKADE_SHIM_NUMBERS_H

#include <stdint.h>

enum way {
    WAY_PLAIN, /* none of ours */
    WAY_SOCKET,
    WAY_SOCKETPAIR,
    WAY_CONNECT,
    WAY_ACCEPT,
    WAY_ACCEPT4,
    WAY_BIND,
    WAY_LISTEN,
    WAY_SEND,
    WAY_SENDTO,
    WAY_SENDMSG,
    WAY_SENDMMSG,
    WAY_RECV,
    WAY_RECVFROM,
    WAY_RECVMSG,
    WAY_RECVMMSG,
    WAY_RECVMMSG_TIME64,
    WAY_READ,
    WAY_READV,
    WAY_WRITE,
    WAY_WRITEV,
    WAY_SETSOCKOPT,
    WAY_GETSOCKOPT,
    WAY_GETSOCKNAME,
    WAY_GETPEERNAME,
    WAY_IOCTL,
    WAY_FCNTL,
    WAY_DUP,
    WAY_DUP2,
    WAY_DUP3,
    WAY_PIDFD_GETFD,
    WAY_POLL,
    WAY_PPOLL,
    WAY_PPOLL_TIME64,
    WAY_SELECT,
    WAY_OLD_SELECT,
    WAY_PSELECT6,
    WAY_PSELECT6_TIME64,
    WAY_EPOLL_WAIT,
    WAY_EPOLL_PWAIT,
    WAY_EPOLL_PWAIT2,
    WAY_EPOLL_CTL,
    WAY_EXECVE,
    WAY_EXECVEAT,
    WAY_PRCTL,
    WAY_SECCOMP,
    WAY_IO_URING_SETUP,
    WAY_SOCKETCALL,
};

/* The first and the last number in the table. */
extern const uint8_t numbers[512] __attribute__((visibility("hidden")));

/* The kernel looks at 32 bits of a number, and so do we. */
static inline enum way way_of(long number)
{
    uint32_t index = (uint32_t)number;

    return index < sizeof(numbers) ? (enum way)numbers[index] : WAY_PLAIN;
}

/* The way of one of socketcall(2)'s calls, which has so many arguments. */
enum way way_of_socketcall(long call, unsigned *arguments);

#endif
