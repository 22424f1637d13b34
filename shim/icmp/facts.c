/* SPDX-License-Identifier: MIT */
/*
 * What the kernel tells about a message beside its bytes, read out of the control messages. The buffer is the
 * program's or ours: its alignment and its contents are not relied on.
 */
#include "shim/icmp/packet.h"

#include <string.h>

/* The kernel's names for RFC 2292's options, which come beside the new ones where a program asked for them. */
#ifndef IPV6_2292PKTINFO
#define IPV6_2292PKTINFO 2
#define IPV6_2292HOPLIMIT 8
#endif

/* One control message: where it stands, copied out, since a program's control buffer need not be aligned. */
struct item {
    int level;
    int type;
    const unsigned char *bytes;
    size_t length;
};

/* The number in a control message: an int, or for IP_TOS one byte (ip_cmsg_recv_tos). */
static bool number_read(const struct item *item, uint8_t *out)
{
    int value;

    if (item->length < 1)
        return false;
    if (item->length < sizeof(value)) {
        *out = item->bytes[0];
        return true;
    }
    memcpy(&value, item->bytes, sizeof(value));
    *out = (uint8_t)value;
    return true;
}

/* The address inside a v4-mapped one: a dual-stack socket's control messages show IPv4 so. */
static struct in_addr unmapped(const struct in6_addr *address)
{
    struct in_addr inner = {0};

    if (IN6_IS_ADDR_V4MAPPED(address))
        memcpy(&inner, &address->s6_addr[12], sizeof(inner));
    return inner;
}

/* IP_RECVERR and IPV6_RECVERR: the error and behind it a sockaddr, whose family is 0 where nobody sent the error. */
static void error_read(struct facts *out, const struct item *item)
{
    struct sockaddr_in from;
    struct sockaddr_in6 from6;
    const unsigned char *behind = item->bytes + sizeof(out->error);
    size_t length;
    sa_family_t family = AF_UNSPEC;

    if (item->length < sizeof(out->error))
        return;
    length = item->length - sizeof(out->error);
    memcpy(&out->error, item->bytes, sizeof(out->error));
    out->has_error = true;
    if (length >= sizeof(family))
        memcpy(&family, behind, sizeof(family));
    if (family == AF_INET && length >= sizeof(from)) {
        memcpy(&from, behind, sizeof(from));
        out->offender = from.sin_addr;
        out->offender_known = true;
    } else if (family == AF_INET6 && length >= sizeof(from6)) {
        memcpy(&from6, behind, sizeof(from6));
        out->offender6 = from6.sin6_addr;
        out->offender = unmapped(&from6.sin6_addr);
        out->offender_known = true;
    }
}

static void local_read(struct facts *out, const struct item *item)
{
    struct in_pktinfo info;

    if (item->length < sizeof(info))
        return;
    memcpy(&info, item->bytes, sizeof(info));
    out->local = info.ipi_addr;
    out->interface = info.ipi_ifindex;
    out->local_known = true;
}

static void local6_read(struct facts *out, const struct item *item)
{
    struct in6_pktinfo info;

    if (item->length < sizeof(info))
        return;
    memcpy(&info, item->bytes, sizeof(info));
    out->local6 = info.ipi6_addr;
    /* A dual-stack socket may bring IP_PKTINFO too, which is not to be lost. */
    if (IN6_IS_ADDR_V4MAPPED(&info.ipi6_addr))
        out->local = unmapped(&info.ipi6_addr);
    out->interface = (int)info.ipi6_ifindex;
    out->local_known = true;
}

static void options_read(struct facts *out, const struct item *item)
{
    size_t length = item->length < sizeof(out->options) ? item->length : sizeof(out->options);

    memset(out->options, 0, sizeof(out->options));
    memcpy(out->options, item->bytes, length);
    out->options_length = (uint8_t)length;
}

static void item4_read(struct facts *out, const struct item *item)
{
    switch (item->type) {
    case IP_TTL:
        out->ttl_known |= number_read(item, &out->ttl);
        break;
    case IP_TOS:
        out->tos_known |= number_read(item, &out->tos);
        break;
    case IP_RECVOPTS:
        options_read(out, item);
        break;
    case IP_PKTINFO:
        local_read(out, item);
        break;
    case IP_RECVERR:
        error_read(out, item);
        break;
    default:
        out->asked_for = true;
        break;
    }
}

static void item6_read(struct facts *out, const struct item *item)
{
    out->asked_for |= item->type != IPV6_PKTINFO && item->type != IPV6_RECVERR;
    switch (item->type) {
    case IPV6_HOPLIMIT:
    case IPV6_2292HOPLIMIT:
        out->ttl_known |= number_read(item, &out->ttl);
        break;
    case IPV6_TCLASS:
        out->tos_known |= number_read(item, &out->tos);
        break;
    case IPV6_PKTINFO:
    case IPV6_2292PKTINFO:
        local6_read(out, item);
        break;
    case IPV6_RECVERR:
        error_read(out, item);
        break;
    default:
        break;
    }
}

/* What nearly every reply to a translated IPv4 socket ends with: the three that are always on (ip_cmsg_recv_offset). */
struct usual {
    struct header { /* struct cmsghdr, which may stand at the end of a structure alone */
        size_t length;
        int level;
        int type;
    } local_header;
    struct in_pktinfo local;
    struct header ttl_header;
    int ttl;
    struct header tos_header;
    uint8_t tos;
};
_Static_assert(sizeof(struct usual) ==
                   CMSG_SPACE(sizeof(struct in_pktinfo)) + CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(uint8_t)),
               "control messages are padded as a structure is");

static bool is_header(const struct header *header, int type, size_t length)
{
    return header->length == CMSG_LEN(length) && header->level == IPPROTO_IP && header->type == type;
}

/* Reads those in one step; false where it is anything else. */
static bool usual_read(struct facts *out, const unsigned char *control)
{
    struct usual usual;

    memcpy(&usual, control, sizeof(usual));
    if (!is_header(&usual.local_header, IP_PKTINFO, sizeof(usual.local)) ||
        !is_header(&usual.ttl_header, IP_TTL, sizeof(usual.ttl)) ||
        !is_header(&usual.tos_header, IP_TOS, sizeof(usual.tos)))
        return false;
    out->local = usual.local.ipi_addr;
    out->interface = usual.local.ipi_ifindex;
    out->ttl = (uint8_t)usual.ttl;
    out->tos = usual.tos;
    out->local_known = out->ttl_known = out->tos_known = true;
    return true;
}

void facts_read(struct facts *out, const struct msghdr *message)
{
    const unsigned char *control = message->msg_control;
    size_t left = control != NULL ? message->msg_controllen : 0;
    struct cmsghdr header;

    memset(out, 0, sizeof(*out));
    while (left >= sizeof(header)) {
        struct item item;
        size_t step;

        if (left == sizeof(struct usual) && usual_read(out, control))
            return;
        memcpy(&header, control, sizeof(header));
        if (header.cmsg_len < CMSG_LEN(0) || header.cmsg_len > left)
            return;
        item.level = header.cmsg_level;
        item.type = header.cmsg_type;
        item.bytes = control + CMSG_LEN(0);
        item.length = header.cmsg_len - CMSG_LEN(0);
        if (item.level == IPPROTO_IP)
            item4_read(out, &item);
        else if (item.level == IPPROTO_IPV6)
            item6_read(out, &item);
        else
            out->asked_for = true;
        step = CMSG_ALIGN(header.cmsg_len);
        if (step > left)
            return;
        control += step;
        left -= step;
    }
}
