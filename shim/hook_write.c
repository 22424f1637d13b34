/* SPDX-License-Identifier: MIT */
/*
 * Sending without an address: send, write, writev. Such data go where connect was judged to go, so no policy looks at
 * them; they are hooked for translated sockets and probes alone. On anything else, and in any process without those,
 * write makes no system call but its own (a descriptor that nobody knows yet is asked about once).
 */
#include "shim/icmp/put.h"
#include "shim/judge.h"
#include "shim/real.h"

#include <limits.h>
#include <sys/uio.h>

/* More than SSIZE_MAX is the kernel's to refuse. */
static __attribute__((noinline)) ssize_t inspected_send(int fd, const void *data, size_t size, int flags)
{
    ssize_t sent;

    if (process_ready(WATCH_PUT) && size <= SSIZE_MAX && put_buffer(fd, data, size, flags, NULL, 0, "send", &sent))
        return sent;
    return real.send(fd, data, size, flags);
}

static inline ssize_t sockade_send(int fd, const void *data, size_t size, int flags)
{
    if (!watching(WATCH_PUT))
        return real.send(fd, data, size, flags);
    return inspected_send(fd, data, size, flags);
}

static __attribute__((noinline)) ssize_t inspected_write(int fd, const void *data, size_t size)
{
    ssize_t sent;

    if (process_ready(WATCH_PUT) && size <= SSIZE_MAX && put_buffer(fd, data, size, 0, NULL, 0, "write", &sent))
        return sent;
    return real.write(fd, data, size);
}

static inline ssize_t sockade_write(int fd, const void *data, size_t size)
{
    if (!watching(WATCH_PUT))
        return real.write(fd, data, size);
    return inspected_write(fd, data, size);
}

static __attribute__((noinline)) ssize_t inspected_writev(int fd, const struct iovec *parts, int count)
{
    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)parts, .msg_iovlen = (size_t)count};
    ssize_t sent;

    if (process_ready(WATCH_PUT) && count > 0 && count <= IOV_MAX && !plainly_bad(parts) &&
        put_message(fd, &message, 0, "writev", &sent))
        return sent;
    return real.writev(fd, parts, count);
}

static inline ssize_t sockade_writev(int fd, const struct iovec *parts, int count)
{
    if (!watching(WATCH_PUT))
        return real.writev(fd, parts, count);
    return inspected_writev(fd, parts, count);
}

EXPORT ssize_t send(int fd, const void *data, size_t size, int flags)
{
    return sockade_send(fd, data, size, flags);
}

EXPORT ssize_t __send(int fd, const void *data, size_t size, int flags)
{
    return sockade_send(fd, data, size, flags);
}

EXPORT ssize_t write(int fd, const void *data, size_t size)
{
    return sockade_write(fd, data, size);
}

EXPORT ssize_t __write(int fd, const void *data, size_t size)
{
    return sockade_write(fd, data, size);
}

EXPORT ssize_t writev(int fd, const struct iovec *parts, int count)
{
    return sockade_writev(fd, parts, count);
}
