/* SPDX-License-Identifier: MIT */
/* Taking up translated sockets that others have opened, by the label on them (label.h). */
#include "shim/icmp/label.h"
#include "shim/icmp/socket.h"
#include "shim/real.h"
#include "shim/sandbox.h"
#include "state/kernel.h"

#include <errno.h>

static bool is_socket_of(int fd, int domain, int protocol)
{
    static const int names[] = {SO_TYPE, SO_DOMAIN, SO_PROTOCOL};
    const int wanted[] = {SOCK_DGRAM, domain, protocol};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        int value = -1;
        socklen_t length = sizeof(value);

        if (real.getsockopt(fd, SOL_SOCKET, names[i], &value, &length) != 0 || value != wanted[i])
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

    if (real.getsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &word, &length) != 0 || length != sizeof(word) ||
        !label_unpack(label, word))
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

/* Numbers that are looked at together. The start of every program pays for one step, so it is one system call. */
#define INHERITED_STEP 64

/* Takes up what is labelled among so many descriptors; false where all of them are closed, and the look ends. */
static bool inherited_step(int first)
{
    struct pollfd numbers[INHERITED_STEP];
    bool any = false;
    bool told;

    for (int i = 0; i < INHERITED_STEP; i++)
        numbers[i] = (struct pollfd){.fd = first + i};
    /* Refused where the process may not have so many descriptors; then each is asked about, once. */
    told = kernel_poll(numbers, INHERITED_STEP) >= 0;
    for (int i = 0; i < INHERITED_STEP; i++) {
        if (numbers[i].revents & POLLNVAL)
            continue;
        any = told;
        icmp_adopt(first + i);
    }
    return any;
}

void icmp_inherited(void)
{
    int saved = errno;

    for (int first = 0; inherited_step(first); first += INHERITED_STEP)
        ;
    errno = saved;
}
