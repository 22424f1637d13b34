/* SPDX-License-Identifier: MIT */
/*
 * Put in front of a hook test (gcc -include), makes every call of it by its number through syscall(2). The test is then
 * the same test of the other way in. What has no number of its own on this machine is made as libc makes it.
 */
#ifndef SOCKADE_TESTS_BY_NUMBER_H
#define SOCKADE_TESTS_BY_NUMBER_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define MASK_BYTES 8

/* A call by number is no cancellation point. This is how a program makes it one, and how older libcs made theirs. */
#define WAITING(...)                                                                                                   \
    ({                                                                                                                 \
        int waiting_type, waiting_error;                                                                               \
        long waiting_result;                                                                                           \
        pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &waiting_type);                                             \
        waiting_result = syscall(__VA_ARGS__);                                                                         \
        waiting_error = errno;                                                                                         \
        pthread_setcanceltype(waiting_type, NULL);                                                                     \
        errno = waiting_error;                                                                                         \
        waiting_result;                                                                                                \
    })

/* What libc's functions keep from the caller: the kernel writes back what is left of the time. */
static inline long ppoll_by_number(struct pollfd *entries, nfds_t count, const struct timespec *timeout,
                                   const sigset_t *mask)
{
    struct timespec left;

    if (timeout != NULL)
        left = *timeout;
    return WAITING(SYS_ppoll, entries, count, timeout == NULL ? NULL : &left, mask, MASK_BYTES);
}

static inline long pselect_by_number(int count, fd_set *reading, fd_set *writing, fd_set *exceptions,
                                     const struct timespec *timeout, const sigset_t *mask)
{
    const unsigned long sixth[2] = {(unsigned long)mask, MASK_BYTES};
    struct timespec left;

    if (timeout != NULL)
        left = *timeout;
    return WAITING(SYS_pselect6, count, reading, writing, exceptions, timeout == NULL ? NULL : &left, sixth);
}

#define socket(a, b, c) ((int)syscall(SYS_socket, a, b, c))
#define socketpair(a, b, c, d) ((int)syscall(SYS_socketpair, a, b, c, d))
#define connect(a, b, c) ((int)WAITING(SYS_connect, a, b, c))
#define accept(a, b, c) ((int)WAITING(SYS_accept, a, b, c))
#define accept4(a, b, c, d) ((int)WAITING(SYS_accept4, a, b, c, d))
#define bind(a, b, c) ((int)syscall(SYS_bind, a, b, c))
#define listen(a, b) ((int)syscall(SYS_listen, a, b))
#define send(a, b, c, d) WAITING(SYS_sendto, a, b, (size_t)(c), d, NULL, 0)
#define sendto(a, b, c, d, e, f) WAITING(SYS_sendto, a, b, (size_t)(c), d, e, f)
#define sendmsg(a, b, c) WAITING(SYS_sendmsg, a, b, c)
#define sendmmsg(a, b, c, d) ((int)WAITING(SYS_sendmmsg, a, b, c, d))
#define recv(a, b, c, d) WAITING(SYS_recvfrom, a, b, (size_t)(c), d, NULL, NULL)
#define recvfrom(a, b, c, d, e, f) WAITING(SYS_recvfrom, a, b, (size_t)(c), d, e, f)
#define recvmsg(a, b, c) WAITING(SYS_recvmsg, a, b, c)
#define recvmmsg(a, b, c, d, e) ((int)WAITING(SYS_recvmmsg, a, b, c, d, e))
#define read(a, b, c) WAITING(SYS_read, a, b, (size_t)(c))
#define readv(a, ...) WAITING(SYS_readv, a, __VA_ARGS__)
#define write(a, b, c) WAITING(SYS_write, a, b, (size_t)(c))
#define writev(a, ...) WAITING(SYS_writev, a, __VA_ARGS__)
#define setsockopt(a, b, c, d, e) ((int)syscall(SYS_setsockopt, a, b, c, d, e))
#define getsockopt(a, b, c, d, e) ((int)syscall(SYS_getsockopt, a, b, c, d, e))
#define getsockname(a, b, c) ((int)syscall(SYS_getsockname, a, b, c))
#define getpeername(a, b, c) ((int)syscall(SYS_getpeername, a, b, c))
#define ioctl(a, b, ...) ((int)syscall(SYS_ioctl, a, (unsigned long)(b), __VA_ARGS__))
#define fcntl(a, ...) ((int)syscall(SYS_fcntl, a, __VA_ARGS__))
#define dup(a) ((int)syscall(SYS_dup, a))
#define dup2(a, b) ((int)syscall(SYS_dup2, a, b))
#define dup3(a, b, c) ((int)syscall(SYS_dup3, a, b, c))
#define poll(a, b, c) ((int)WAITING(SYS_poll, a, b, c))
#define ppoll(a, b, c, d) ((int)ppoll_by_number(a, b, c, d))
#define select(a, b, c, d, e) ((int)WAITING(SYS_select, a, b, c, d, e))
#define pselect(a, b, c, d, e, f) ((int)pselect_by_number(a, b, c, d, e, f))
#define epoll_wait(a, b, c, d) ((int)WAITING(SYS_epoll_wait, a, b, c, d))
#define epoll_pwait(a, b, c, d, e) ((int)WAITING(SYS_epoll_pwait, a, b, c, d, e, MASK_BYTES))
#define epoll_pwait2(a, b, c, d, e) ((int)WAITING(SYS_epoll_pwait2, a, b, c, d, e, MASK_BYTES))
#define epoll_ctl(a, b, c, d) ((int)syscall(SYS_epoll_ctl, a, b, c, d))
#define execve(a, ...) ((int)syscall(SYS_execve, a, __VA_ARGS__))
#define execveat(a, ...) ((int)syscall(SYS_execveat, a, __VA_ARGS__))

#endif
