/* SPDX-License-Identifier: MIT */
/*
 * The table. Machines differ in which of the older numbers they have; those of MIPS begin at 4,000 and above, and are
 * not policed.
 */
#include "shim/numbers.h"

#include <linux/net.h>
#include <sys/syscall.h>

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441 /* the same everywhere, since Linux 5.11 */
#endif

const uint8_t numbers[512] = {
#ifndef __mips__
    [SYS_connect] = WAY_CONNECT,
    [SYS_bind] = WAY_BIND,
    [SYS_listen] = WAY_LISTEN,
    [SYS_socket] = WAY_SOCKET,
    [SYS_socketpair] = WAY_SOCKETPAIR,
    [SYS_accept4] = WAY_ACCEPT4,
    [SYS_sendto] = WAY_SENDTO,
    [SYS_sendmsg] = WAY_SENDMSG,
    [SYS_sendmmsg] = WAY_SENDMMSG,
    [SYS_recvfrom] = WAY_RECVFROM,
    [SYS_recvmsg] = WAY_RECVMSG,
    [SYS_setsockopt] = WAY_SETSOCKOPT,
    [SYS_getsockopt] = WAY_GETSOCKOPT,
    [SYS_getsockname] = WAY_GETSOCKNAME,
    [SYS_getpeername] = WAY_GETPEERNAME,
    [SYS_read] = WAY_READ,
    [SYS_readv] = WAY_READV,
    [SYS_write] = WAY_WRITE,
    [SYS_writev] = WAY_WRITEV,
    [SYS_ioctl] = WAY_IOCTL,
    [SYS_dup] = WAY_DUP,
    [SYS_dup3] = WAY_DUP3,
    [SYS_epoll_pwait] = WAY_EPOLL_PWAIT,
    [SYS_epoll_pwait2] = WAY_EPOLL_PWAIT2,
    [SYS_epoll_ctl] = WAY_EPOLL_CTL,
    [SYS_execve] = WAY_EXECVE,
    [SYS_execveat] = WAY_EXECVEAT,
    [SYS_prctl] = WAY_PRCTL,
    [SYS_seccomp] = WAY_SECCOMP,
    [425] = WAY_IO_URING_SETUP, /* the same everywhere, as the next */
    [438] = WAY_PIDFD_GETFD,
#ifdef SYS_accept
    [SYS_accept] = WAY_ACCEPT,
#endif
#ifdef SYS_send
    [SYS_send] = WAY_SEND,
#endif
#ifdef SYS_recv
    [SYS_recv] = WAY_RECV,
#endif
#ifdef SYS_recvmmsg
    [SYS_recvmmsg] = WAY_RECVMMSG,
#endif
#ifdef SYS_recvmmsg_time64
    [SYS_recvmmsg_time64] = WAY_RECVMMSG_TIME64,
#endif
#ifdef SYS_fcntl
    [SYS_fcntl] = WAY_FCNTL,
#endif
#ifdef SYS_fcntl64
    [SYS_fcntl64] = WAY_FCNTL,
#endif
#ifdef SYS_dup2
    [SYS_dup2] = WAY_DUP2,
#endif
#ifdef SYS_poll
    [SYS_poll] = WAY_POLL,
#endif
#ifdef SYS_ppoll
    [SYS_ppoll] = WAY_PPOLL,
#endif
#ifdef SYS_ppoll_time64
    [SYS_ppoll_time64] = WAY_PPOLL_TIME64,
#endif
#ifdef SYS__newselect
    [SYS__newselect] = WAY_SELECT,
#ifdef SYS_select
    [SYS_select] = WAY_OLD_SELECT,
#endif
#elif defined(SYS_select)
    [SYS_select] = WAY_SELECT,
#endif
#ifdef SYS_pselect6
    [SYS_pselect6] = WAY_PSELECT6,
#endif
#ifdef SYS_pselect6_time64
    [SYS_pselect6_time64] = WAY_PSELECT6_TIME64,
#endif
#ifdef SYS_epoll_wait
    [SYS_epoll_wait] = WAY_EPOLL_WAIT,
#endif
#ifdef SYS_socketcall
    [SYS_socketcall] = WAY_SOCKETCALL,
#endif
#endif
};

struct call {
    uint8_t way;
    uint8_t arguments;
};

enum way way_of_socketcall(long call, unsigned *arguments)
{
    static const struct call calls[] = {
        [SYS_SOCKET] = {WAY_SOCKET, 3},
        [SYS_BIND] = {WAY_BIND, 3},
        [SYS_CONNECT] = {WAY_CONNECT, 3},
        [SYS_LISTEN] = {WAY_LISTEN, 2},
        [SYS_ACCEPT] = {WAY_ACCEPT, 3},
        [SYS_GETSOCKNAME] = {WAY_GETSOCKNAME, 3},
        [SYS_GETPEERNAME] = {WAY_GETPEERNAME, 3},
        [SYS_SOCKETPAIR] = {WAY_SOCKETPAIR, 4},
        [SYS_SEND] = {WAY_SEND, 4},
        [SYS_RECV] = {WAY_RECV, 4},
        [SYS_SENDTO] = {WAY_SENDTO, 6},
        [SYS_RECVFROM] = {WAY_RECVFROM, 6},
        [SYS_SHUTDOWN] = {WAY_PLAIN, 2},
        [SYS_SETSOCKOPT] = {WAY_SETSOCKOPT, 5},
        [SYS_GETSOCKOPT] = {WAY_GETSOCKOPT, 5},
        [SYS_SENDMSG] = {WAY_SENDMSG, 3},
        [SYS_RECVMSG] = {WAY_RECVMSG, 3},
        [SYS_ACCEPT4] = {WAY_ACCEPT4, 4},
        [SYS_RECVMMSG] = {WAY_RECVMMSG, 5},
        [SYS_SENDMMSG] = {WAY_SENDMMSG, 4},
    };

    if (call < 0 || call >= (long)(sizeof(calls) / sizeof(calls[0])))
        return WAY_PLAIN;
    *arguments = calls[call].arguments;
    return (enum way)calls[call].way;
}
