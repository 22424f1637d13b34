/* SPDX-License-Identifier: MIT */
/* As raw_v4_match and raw_rcv, rawv6_rcv and __raw_v6_lookup of the kernel do it, and then the policy. */
#include "shim/icmp/screen.h"

#include "shim/icmp/packet.h"
#include "shim/inbound.h"

#include <linux/if_ether.h>
#include <string.h>

/* Where a packet goes to and of what type it is. */
struct outline {
    struct in_addr source;
    struct in_addr destination;
    struct in6_addr source6;
    struct in6_addr destination6;
    int interface;
    uint8_t type;
};

static bool outline_read(struct outline *out, const struct icmp_socket *socket, const struct held *packet)
{
    const unsigned char *bytes = packet->data;
    struct msghdr control = {.msg_control = (void *)(uintptr_t)packet->control,
                             .msg_controllen = packet->control_length};
    size_t header = 0;
    struct facts facts;

    memset(out, 0, sizeof(*out));
    facts_read(&facts, &control);
    out->interface = facts.interface;
    if (icmp_is_six(socket)) {
        struct sockaddr_in6 name = {0};

        memcpy(&name, packet->name, packet->name_length < sizeof(name) ? packet->name_length : sizeof(name));
        out->source6 = name.sin6_addr;
        out->destination6 = facts.local6;
    } else {
        if (packet->length < IPV4_HEADER)
            return false;
        header = (size_t)(bytes[0] & 15) * 4;
        memcpy(&out->source, bytes + 12, sizeof(out->source));
        memcpy(&out->destination, bytes + 16, sizeof(out->destination));
    }
    if (packet->length <= header)
        return false;
    out->type = bytes[header];
    return true;
}

/* A socket that is bound to an address or connected sees only what fits to that. */
static bool is_for(const struct icmp_socket *socket, const struct outline *outline)
{
    if (icmp_is_six(socket))
        return (!socket->connected || memcmp(&socket->peer6, &outline->source6, sizeof(struct in6_addr)) == 0) &&
               (!socket->bound || IN6_IS_ADDR_MULTICAST(&outline->destination6) ||
                memcmp(&socket->local6, &outline->destination6, sizeof(struct in6_addr)) == 0);
    return (!socket->connected || socket->peer.s_addr == outline->source.s_addr) &&
           (!socket->bound || socket->local.s_addr == outline->destination.s_addr);
}

static bool program_keeps(const struct icmp_socket *socket, const struct outline *outline, struct held *packet)
{
    uint32_t count = atomic_load_explicit(&socket->program_count, memory_order_acquire);
    struct filter_packet input = {.bytes = packet->data,
                                  .length = packet->length,
                                  .protocol = icmp_is_six(socket) ? ETH_P_IPV6 : ETH_P_IP,
                                  .interface = outline->interface};
    uint32_t kept;

    if (count == 0)
        return true;
    kept = filter_run(socket->program, count < FILTER_INSTRUCTIONS ? count : FILTER_INSTRUCTIONS, &input);
    if (kept < packet->length)
        packet->length = kept;
    return kept > 0;
}

static bool policy_allows(int fd, const struct held *packet)
{
    struct sockaddr_storage source = {0};

    if (!watching(WATCH_FROM_PING))
        return true;
    memcpy(&source, packet->name, packet->name_length < sizeof(source) ? packet->name_length : sizeof(source));
    return inbound_judge(fd, &source, (socklen_t)packet->name_length, "recvmsg") == INBOUND_PASS;
}

bool icmp_screen(const struct icmp_socket *socket, int fd, struct held *packet)
{
    struct outline outline;

    if (!outline_read(&outline, socket, packet) || !is_for(socket, &outline))
        return false;
    if (icmp_is_six(socket) ? icmp6_filter_blocks(socket->icmp6_filter, outline.type)
                            : icmp_filter_blocks(socket->icmp_filter, outline.type))
        return false;
    return program_keeps(socket, &outline, packet) && policy_allows(fd, packet);
}
