/* SPDX-License-Identifier: MIT */
/*
 * Setting and getting filters.
 *
 * A classic program is kept and run by us, since its offsets are a raw socket's and since ICMP errors have to pass it as
 * well. The kernel judges it all the same: it is attached to a socket of no use and read back from there. An eBPF program stays the
 * kernel's; it sees what a ping socket's queue gets.
 */
#include "shim/icmp/option_filter.h"

#include "shim/icmp/option_value.h"
#include "shim/real.h"
#include "state/kernel.h"

_Static_assert(sizeof(((struct icmp_socket *)0)->icmp_filter) == sizeof(uint32_t), "ICMP_FILTER is 32 bits");

int type_filter_set(struct icmp_socket *socket, const void *value, socklen_t length)
{
    uint32_t four = atomic_load(&socket->icmp_filter);
    bool six = icmp_is_six(socket);
    size_t size = six ? sizeof(socket->icmp6_filter) : sizeof(four);

    if ((int)length < 0)
        return EINVAL;
    if (length < size)
        size = length;
    if (size > 0 && plainly_bad(value))
        return EFAULT;
    if (six && size > 0)
        memcpy(socket->icmp6_filter, value, size);
    if (!six && size > 0) {
        memcpy(&four, value, size);
        atomic_store(&socket->icmp_filter, four);
    }
    icmp_screen_changed(socket);
    return 0;
}

int type_filter_get(const struct icmp_socket *socket, void *value, socklen_t *length)
{
    uint32_t four = atomic_load(&socket->icmp_filter);

    return icmp_is_six(socket) ? option_give_bytes(value, length, socket->icmp6_filter, sizeof(socket->icmp6_filter))
                               : option_give_bytes(value, length, &four, sizeof(four));
}

/* A datagram socket of the family, for a moment; a negative errno where there is none to be had. */
static int scrap_socket(const struct icmp_socket *socket)
{
    int saved = errno;
    int scrap = real.socket(icmp_is_six(socket) ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int error = errno;

    errno = saved;
    return scrap >= 0 ? scrap : -error;
}

static bool is_locked(int fd)
{
    int locked = 0;
    socklen_t length = sizeof(locked);

    return real.getsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &locked, &length) == 0 && locked != 0;
}

static int program_attach(struct icmp_socket *socket, int fd, const void *value, socklen_t length)
{
    socklen_t count = FILTER_INSTRUCTIONS;
    int scrap = scrap_socket(socket);
    const int nothing = 0; /* SO_DETACH_FILTER wants an int and does not look at it */
    int error = 0;

    if (scrap < 0)
        return -scrap;
    if (is_locked(fd)) {
        int on = 1;

        real.setsockopt(scrap, SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof(on));
    }
    if (real.setsockopt(scrap, SOL_SOCKET, SO_ATTACH_FILTER, value, length) != 0) {
        error = errno;
    } else {
        /* A packet that is judged in between meets no filter, or a program of two halves, which is bounded all the same. */
        atomic_store(&socket->program_count, 0);
        if (real.getsockopt(scrap, SOL_SOCKET, SO_GET_FILTER, socket->program, &count) != 0)
            error = errno;
        else
            atomic_store(&socket->program_count, count);
        real.setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &nothing, sizeof(nothing));
        icmp_screen_changed(socket);
    }
    kernel_close(scrap);
    return error;
}

static int program_detach(struct icmp_socket *socket, int fd, const void *value, socklen_t length)
{
    /* The kernel says what is wrong with the call, that filters are locked, or that there is none. */
    int error = real.setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, value, length) == 0 ? 0 : errno;

    if (error != ENOENT || atomic_load(&socket->program_count) == 0)
        return error;
    atomic_store(&socket->program_count, 0);
    icmp_screen_changed(socket);
    return 0;
}

int program_set(struct icmp_socket *socket, int fd, int name, const void *value, socklen_t length)
{
    if (name == SO_ATTACH_FILTER)
        return program_attach(socket, fd, value, length);
    if (name == SO_DETACH_FILTER)
        return program_detach(socket, fd, value, length);
    if (real.setsockopt(fd, SOL_SOCKET, name, value, length) != 0)
        return errno;
    atomic_store(&socket->program_count, 0);
    icmp_screen_changed(socket);
    return 0;
}

int program_get(const struct icmp_socket *socket, int fd, void *value, socklen_t *length)
{
    uint32_t count = atomic_load(&socket->program_count);

    if (count == 0)
        return real.getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, value, length) == 0 ? 0 : errno;
    if (plainly_bad(length))
        return EFAULT;
    if ((int)*length < 0)
        return EINVAL;
    /* `length` counts instructions here; 0 asks for their number. */
    if (*length != 0) {
        if (*length < count)
            return EINVAL;
        if (plainly_bad(value))
            return EFAULT;
        memcpy(value, socket->program, count * sizeof(socket->program[0]));
    }
    *length = count;
    return 0;
}
