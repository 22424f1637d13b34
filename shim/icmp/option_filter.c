/* SPDX-License-Identifier: MIT */
/*
 * Setting and getting filters.
 *
 * A classic program is kept and run by us, since its offsets are a raw socket's and since ICMP errors have to pass it
 * as well. The kernel judges it all the same: it is attached to a socket of no use and read back from there. An eBPF
 * program stays the kernel's; it sees what a ping socket's queue gets.
 *
 * One filter is ours. An ICMP6_FILTER that passes echo replies alone, which is what ping sets, blocks one more type
 * that a ping socket gets: the extended echo reply (RFC 8335). The kernel keeps that out, so that replies need no
 * second look.
 */
#include "shim/icmp/option_filter.h"

#include "shim/icmp/option_value.h"
#include "shim/icmp/packet.h"
#include "shim/real.h"
#include "state/kernel.h"

_Static_assert(sizeof(((struct icmp_socket *)0)->icmp_filter) == sizeof(uint32_t), "ICMP_FILTER is 32 bits");

/* Drops extended echo replies: offset 0 is the ICMPv6 header (proved in tests/kernel/ping_filter.c). */
static const struct sock_filter extended_out[] = {BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
                                                  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, EXTENDED_ECHO_REPLY6, 0, 1),
                                                  BPF_STMT(BPF_RET | BPF_K, 0), BPF_STMT(BPF_RET | BPF_K, UINT32_MAX)};

#define EXTENDED_OUT (sizeof(extended_out) / sizeof(extended_out[0]))

/* Whether the kernel has that filter: from us, or from an earlier program that had the socket. */
static bool extended_is_out(int fd)
{
    struct sock_filter found[EXTENDED_OUT];
    socklen_t count = EXTENDED_OUT;

    return real.getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, found, &count) == 0 && count == EXTENDED_OUT &&
           memcmp(found, extended_out, sizeof(found)) == 0;
}

void extended_let_in(struct icmp_socket *socket, int fd)
{
    const int nothing = 0;
    int saved = errno;

    if (socket->kind == KIND_ICMP6 && extended_is_out(fd)) {
        real.setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &nothing, sizeof(nothing));
        socket->extended_out = false;
        icmp_screen_changed(socket);
    }
    errno = saved;
}

/* Not where the program has a filter of its own; it may also have locked them. */
static void extended_keep_out(struct icmp_socket *socket, int fd)
{
    const struct sock_fprog filter = {EXTENDED_OUT, (struct sock_filter *)(uintptr_t)extended_out};
    socklen_t count = 0;

    if (socket->program_count == 0 && real.getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, NULL, &count) == 0 && count == 0)
        real.setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter));
    socket->extended_out = extended_is_out(fd);
}

int type_filter_set(struct icmp_socket *socket, int fd, const void *value, socklen_t length)
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
    if (socket->kind == KIND_ICMP6 && icmp6_filter_blocks(socket->icmp6_filter, EXTENDED_ECHO_REPLY6))
        extended_keep_out(socket, fd);
    else
        extended_let_in(socket, fd);
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
        /*
         * A packet that is judged in between meets no filter, or a program of two halves, which is bounded all the
         * same.
         */
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
    extended_let_in(socket, fd);
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

int program_get(struct icmp_socket *socket, int fd, void *value, socklen_t *length)
{
    uint32_t count = atomic_load(&socket->program_count);

    extended_let_in(socket, fd);
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
