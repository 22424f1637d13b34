/* SPDX-License-Identifier: MIT */
/*
 * The few system calls of state/ that go past libc's names.
 *
 * For two reasons. The shim hooks some of these names, and its own work must not come back to it. And open(2), read(2),
 * write(2), close(2) and poll(2) are cancellation points in libc: a thread that is cancelled in the middle of our work
 * would leave a descriptor open. A plain system call is no cancellation point. Calls that are neither hooked nor
 * cancellation points (stat, mkdir, rename, mmap, flock, ...) are made by their libc names.
 */
#ifndef SOCKADE_STATE_KERNEL_H
#define SOCKADE_STATE_KERNEL_H

#include "state/call.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/net.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

/* The kernel's signal set, 64 signals nearly everywhere, is the head of libc's. */
#define KERNEL_SIGNAL_BYTES ((size_t)(NSIG - 1) / 8)

/* O_LARGEFILE: 32-bit processes get it from libc's open and must ask for it here. */
static inline int kernel_open(int folder, const char *path, int flags, mode_t mode)
{
    return (int)kernel_call(SYS_openat, folder, path, flags | O_LARGEFILE | O_CLOEXEC, mode);
}

/* Keeps errno, so that it can stand on the way out of a failure. Linux closes even where it reports an error. */
static inline void kernel_close(int descriptor)
{
    int error = errno;

    kernel_call(SYS_close, descriptor);
    errno = error;
}

static inline ssize_t kernel_read(int descriptor, void *bytes, size_t size)
{
    return kernel_call(SYS_read, descriptor, bytes, size);
}

/*
 * pread(2), which every loader calls, so that no sandbox of a program that starts others can do without it. 32-bit
 * machines pass its offset in different ways; that of preadv(2) is in two halves everywhere.
 */
static inline ssize_t kernel_read_at(int descriptor, void *bytes, size_t size, uint64_t offset)
{
#if UINTPTR_MAX > UINT32_MAX
    return kernel_call(SYS_pread64, descriptor, bytes, size, offset);
#else
    struct iovec part = {bytes, size};

    return kernel_call(SYS_preadv, descriptor, &part, 1, (unsigned long)offset, (unsigned long)(offset >> 32));
#endif
}

static inline ssize_t kernel_write(int descriptor, const void *bytes, size_t size)
{
    return kernel_call(SYS_write, descriptor, bytes, size);
}

/* The lowest free descriptor from `least` on, for the same file, closed on exec. */
static inline int kernel_duplicate(int descriptor, int least)
{
    return (int)kernel_call(SYS_fcntl, descriptor, F_DUPFD_CLOEXEC, least);
}

/*
 * The calls on sockets. 32-bit x86 has had numbers for them since Linux 4.3 only, and libc goes by socketcall(2): that
 * is what a sandbox will know there.
 */
#ifdef __i386__
static inline long kernel_socket_call(long call, long a, long b, long c)
{
    const long arguments[] = {a, b, c};

    return kernel_call(SYS_socketcall, call, arguments);
}
#define KERNEL_SOCKET_CALL(name, number, a, b, c) kernel_socket_call(number, (long)(a), (long)(b), (long)(c))
#else
#define KERNEL_SOCKET_CALL(name, number, a, b, c) kernel_call(SYS_##name, a, b, c)
#endif

static inline int kernel_socket(int domain, int type, int protocol)
{
    return (int)KERNEL_SOCKET_CALL(socket, SYS_SOCKET, domain, type, protocol);
}

static inline ssize_t kernel_sendmsg(int descriptor, const struct msghdr *message, int flags)
{
    return KERNEL_SOCKET_CALL(sendmsg, SYS_SENDMSG, descriptor, message, flags);
}

static inline ssize_t kernel_recvmsg(int descriptor, struct msghdr *message, int flags)
{
    return KERNEL_SOCKET_CALL(recvmsg, SYS_RECVMSG, descriptor, message, flags);
}

/* poll(2) without waiting. A zero timeout reads the same with any width of time. */
static inline int kernel_poll(struct pollfd *entries, unsigned count)
{
    const long long no_time[2] = {0, 0};

    return (int)kernel_call(SYS_ppoll, entries, count, no_time, NULL, KERNEL_SIGNAL_BYTES);
}

/* What poll says of one descriptor now; 0 also where it fails. */
static inline short kernel_readiness(int descriptor, short events)
{
    struct pollfd entry = {.fd = descriptor, .events = events};

    return kernel_poll(&entry, 1) == 1 ? entry.revents : 0;
}

/* Whether `descriptor` takes bytes now and shows no error. */
static inline bool kernel_is_writable(int descriptor)
{
    return kernel_readiness(descriptor, POLLOUT) == POLLOUT;
}

/* 32-bit kernels know real and effective ids of 16 bits under the old names. */
#ifdef SYS_getuid32
#define KERNEL_GETUID SYS_getuid32
#define KERNEL_GETEUID SYS_geteuid32
#else
#define KERNEL_GETUID SYS_getuid
#define KERNEL_GETEUID SYS_geteuid
#endif

/* What the user really is: getuid(2) and geteuid(2) may tell a program that it is root (`icmp.pretend_root`). */
static inline uid_t kernel_real_uid(void)
{
    return (uid_t)kernel_call(KERNEL_GETUID, 0);
}

static inline uid_t kernel_effective_uid(void)
{
    return (uid_t)kernel_call(KERNEL_GETEUID, 0);
}

static inline void kernel_signal_mask(const sigset_t *set, sigset_t *old)
{
    kernel_call(SYS_rt_sigprocmask, SIG_SETMASK, set, old, KERNEL_SIGNAL_BYTES);
}

static inline void kernel_signals_pending(sigset_t *out)
{
    kernel_call(SYS_rt_sigpending, out, KERNEL_SIGNAL_BYTES);
}

/* Takes one pending signal of `set` away, if there is one. */
static inline void kernel_signal_take(const sigset_t *set)
{
    const long long no_time[2] = {0, 0};

    kernel_call(SYS_rt_sigtimedwait, set, NULL, no_time, KERNEL_SIGNAL_BYTES);
}

/* riscv32 and whatever is younger have no other; the time is short enough for the old one everywhere else. */
#ifdef SYS_futex
#define KERNEL_FUTEX SYS_futex
typedef __kernel_long_t kernel_futex_time;
#else
#define KERNEL_FUTEX SYS_futex_time64
typedef long long kernel_futex_time;
#endif

/* Sleeps while `*word` is `value`, for this long at most, unless it is woken or interrupted. False: it cannot sleep. */
static inline bool kernel_sleep_on(const void *word, uint32_t value, uint64_t nanoseconds)
{
    const kernel_futex_time left[2] = {(kernel_futex_time)(nanoseconds / 1000000000),
                                       (kernel_futex_time)(nanoseconds % 1000000000)};

    return kernel_call(KERNEL_FUTEX, word, FUTEX_WAIT_PRIVATE, value, left, NULL, 0) == 0 || errno == EAGAIN ||
           errno == EINTR || errno == ETIMEDOUT;
}

static inline void kernel_wake_all(const void *word)
{
    kernel_call(KERNEL_FUTEX, word, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
}

#endif
