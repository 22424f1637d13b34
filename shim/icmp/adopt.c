/* SPDX-License-Identifier: MIT */
/*
 * Taking up translated sockets that others have opened, by the label on them (label.h). The kernel is asked and not
 * another preload, inside of whose own start this may happen (socket_wrapper opens libraries within pthread_once).
 */
#include "shim/icmp/label.h"
#include "shim/icmp/socket.h"
#include "shim/sandbox.h"
#include "state/call.h"

#include <errno.h>

static bool is_socket_of(int fd, int domain, int protocol)
{
    static const int names[] = {SO_TYPE, SO_DOMAIN, SO_PROTOCOL};
    const int wanted[] = {SOCK_DGRAM, domain, protocol};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        int value = -1;
        socklen_t length = sizeof(value);

        if (kernel_call(SYS_getsockopt, fd, SOL_SOCKET, names[i], &value, &length) != 0 || value != wanted[i])
            return false;
    }
    return true;
}

/* The label on a ping socket; false where there is none, or on what is none: anybody may write one. */
static bool label_read(int fd, struct label *label)
{
    uint64_t word = 0;
    socklen_t length = sizeof(word);
    bool six;

    if (kernel_call(SYS_getsockopt, fd, SOL_SOCKET, SO_MAX_PACING_RATE, &word, &length) != 0 ||
        length != sizeof(word) || !label_unpack(label, word))
        return false;
    six = label->kind == KIND_ICMP6 || label->kind == KIND_SENDER6;
    return is_socket_of(fd, six ? AF_INET6 : AF_INET, six ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
}

void icmp_adopt(int fd)
{
    struct label label;
    int saved = errno;

    if (sandboxed())
        return;
    if (label_read(fd, &label) && (!watching(WATCH_ICMP) || icmp_find(fd) == NULL))
        icmp_register_as(fd, &label);
    errno = saved;
}
