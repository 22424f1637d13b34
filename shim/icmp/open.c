/* SPDX-License-Identifier: MIT */
/*
 * socket(2) of a program that wants a raw ICMP socket.
 *
 * A raw socket is refused to whom the kernel does not trust with packets of any kind: EPERM by CAP_NET_RAW, EACCES by
 * security modules. A ping socket (Linux 3.0, IPv6 since 3.11) can do echo requests only, so the kernel grants it to
 * the groups of net.ipv4.ping_group_range, for both families.
 */
#include "shim/icmp/open.h"

#include "shim/hints.h"
#include "shim/icmp/advice.h"
#include "shim/icmp/probe.h"
#include "shim/icmp/settings.h"
#include "shim/icmp/socket.h"
#include "shim/real.h"
#include "state/kernel.h"

#include <errno.h>

/* The kernel's SOCK_TYPE_MASK; what lies above are flags. */
#define TYPE_BITS 15

/* A second socket to send UDP with: by itself it could not do what raw UDP sockets are for, which is to receive. */
static bool is_second_sender(int domain, int protocol)
{
    return domain == AF_INET6 && protocol == IPPROTO_UDP && watching(WATCH_ICMP) && icmp_holds(KIND_ICMP6);
}

bool icmp_is_raw_request(int domain, int type, int protocol)
{
    if ((type & TYPE_BITS) != SOCK_RAW)
        return false;
    return (domain == AF_INET && (protocol == IPPROTO_ICMP || protocol == IPPROTO_RAW)) ||
           (domain == AF_INET6 && protocol == IPPROTO_ICMPV6) || is_second_sender(domain, protocol);
}

static bool is_privilege_error(int error)
{
    return error == EPERM || error == EACCES;
}

/* What says that there are no ping sockets here, and is nothing that passes (as EMFILE and ENOBUFS do). */
static bool is_refusal(int error)
{
    return is_privilege_error(error) || error == EPROTONOSUPPORT || error == ESOCKTNOSUPPORT || error == EAFNOSUPPORT ||
           error == ENOSYS;
}

static enum icmp_kind kind_of(int domain, int protocol)
{
    if (domain == AF_INET6)
        return protocol == IPPROTO_UDP ? KIND_SENDER6 : KIND_ICMP6;
    return protocol == IPPROTO_RAW ? KIND_SENDER : KIND_ICMP;
}

/* The ping socket that becomes the program's raw one; -1 with its errno. */
static int open_ping(int domain, int type, int protocol, bool advise)
{
    int ping_type = (type & ~TYPE_BITS) | SOCK_DGRAM;
    int ping_protocol = domain == AF_INET6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
    int fd = real.socket(domain, ping_type, ping_protocol);

    if (fd < 0) {
        if (is_refusal(errno))
            icmp_advise(domain, errno, advise);
        return -1;
    }
    if (icmp_register(fd, kind_of(domain, protocol)) == NULL) {
        kernel_close(fd);
        errno = EPERM; /* no room for its state: as if there were no ping sockets */
        return -1;
    }
    hint_set(fd, domain, ping_type, ping_protocol);
    probe_inherited();
    return fd;
}

int icmp_open(int domain, int type, int protocol)
{
    struct icmp_settings settings = icmp_settings();
    int saved = errno;
    int raw_error = EPERM;
    int fd;

    /* A real raw UDP socket also receives, so it is left to whom the kernel grants it. */
    if (settings.translate != TRANSLATE_ALWAYS || protocol == IPPROTO_UDP) {
        fd = real.socket(domain, type, protocol);
        if (fd >= 0) {
            hint_set(fd, domain, type, protocol);
            return fd;
        }
        if (settings.translate == TRANSLATE_NEVER || !is_privilege_error(errno))
            return -1;
        raw_error = errno;
    }
    fd = open_ping(domain, type, protocol, settings.hint);
    if (fd >= 0)
        errno = saved;
    else if (is_refusal(errno))
        errno = raw_error;
    return fd;
}

bool icmp_pretends_root(void)
{
    return process.uid != 0 && kernel_real_uid() == process.uid && icmp_settings().pretend_root;
}
