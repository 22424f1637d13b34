/* SPDX-License-Identifier: MIT */
/* One control message after the other is looked at, copied, and cut where the program's room ends. */
#include "shim/icmp/control.h"

#include "shim/icmp/packet.h"
#include "shim/icmp/socket.h"
#include "shim/judge.h"

#include <linux/errqueue.h>
#include <string.h>

/* Whether the program gets a control message. */
static bool is_wanted(const struct cmsghdr *control, uint32_t asked, bool error)
{
    if (control->cmsg_level == IPPROTO_IP) {
        switch (control->cmsg_type) {
        case IP_TTL:
            return (asked & ASKED_TTL) != 0;
        case IP_TOS:
            return (asked & ASKED_TOS) != 0;
        case IP_PKTINFO:
            return (asked & ASKED_PKTINFO) != 0;
        case IP_RECVOPTS:
            return (asked & ASKED_OPTIONS) != 0;
        case IP_RECVERR:
            return error;
        default:
            return true;
        }
    }
    if (control->cmsg_level == IPPROTO_IPV6) {
        if (control->cmsg_type == IPV6_PKTINFO)
            return (asked & ASKED_PKTINFO) != 0;
        if (control->cmsg_type == IPV6_RECVERR)
            return error;
    }
    return true;
}

/* As put_cmsg (net/core/scm.c): what does not fit is cut, not left out, and the flag is set. */
static void put(struct msghdr *to, unsigned char **at, size_t *room, const struct cmsghdr *control, const void *data,
                size_t length)
{
    struct cmsghdr copy = *control;
    size_t space = CMSG_SPACE(length);

    if (*room < sizeof(copy)) {
        to->msg_flags |= MSG_CTRUNC;
        return;
    }
    copy.cmsg_len = CMSG_LEN(length);
    if (*room < copy.cmsg_len) {
        to->msg_flags |= MSG_CTRUNC;
        copy.cmsg_len = *room;
    }
    memcpy(*at, &copy, sizeof(copy));
    memcpy(*at + CMSG_LEN(0), data, copy.cmsg_len - CMSG_LEN(0));
    if (space > *room)
        space = *room;
    *at += space;
    *room -= space;
}

/*
 * ipi_spec_dst is our own address that the packet reached, which the kernel fills in for raw sockets and leaves empty
 * for ping sockets: the packet's destination, unless that is one of many hosts.
 */
static void destination_fill(unsigned char *data, size_t length)
{
    struct in_pktinfo info;

    if (length < sizeof(info))
        return;
    memcpy(&info, data, sizeof(info));
    if (info.ipi_spec_dst.s_addr == 0 && !IN_MULTICAST(ntohl(info.ipi_addr.s_addr)) &&
        info.ipi_addr.s_addr != INADDR_BROADCAST)
        info.ipi_spec_dst = info.ipi_addr;
    memcpy(data, &info, sizeof(info));
}

/* What a raw socket shows otherwise; ee_rfc4884 is there only for programs that asked for it. */
static void data_prepare(unsigned char *data, size_t length, const struct cmsghdr *control, uint32_t asked)
{
    bool error = (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_RECVERR) ||
                 (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_RECVERR);
    const size_t at = offsetof(struct sock_extended_err, ee_data);

    if (error && !(asked & ASKED_RFC4884) && length >= sizeof(struct sock_extended_err))
        memset(data + at, 0, sizeof(((struct sock_extended_err *)NULL)->ee_data));
    if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO && !error)
        destination_fill(data, length);
}

void control_give(struct msghdr *to, const void *control, size_t length, uint32_t asked, bool error)
{
    const unsigned char *from = control;
    unsigned char *at = to->msg_control;
    size_t room = plainly_bad(at) ? 0 : to->msg_controllen;
    size_t capacity = room;

    while (length >= sizeof(struct cmsghdr)) {
        unsigned char data[CONTROL_ROOM];
        struct cmsghdr header;
        size_t size, step;

        memcpy(&header, from, sizeof(header));
        if (header.cmsg_len < CMSG_LEN(0) || header.cmsg_len > length)
            break;
        size = header.cmsg_len - CMSG_LEN(0);
        if (size <= sizeof(data) && is_wanted(&header, asked, error)) {
            memcpy(data, from + CMSG_LEN(0), size);
            data_prepare(data, size, &header, asked);
            put(to, &at, &room, &header, data, size);
        }
        step = CMSG_SPACE(size);
        if (step >= length)
            break;
        from += step;
        length -= step;
    }
    to->msg_controllen = capacity - room;
}
