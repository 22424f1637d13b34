/* SPDX-License-Identifier: MIT */
/* RFC 791 headers, and the control messages of ip(7) that stand for their fields. */
#include "shim/icmp/own_header.h"

#include <errno.h>
#include <netinet/ip.h>
#include <string.h>

/*
 * Options as far as a control message can carry them. IP_RETOPTS takes source routes in another order of addresses and
 * makes the kernel send elsewhere first, so they are left out.
 */
static bool options_can_be_told(const unsigned char *options, size_t length)
{
    for (size_t at = 0; at < length && options[at] != IPOPT_EOL;) {
        if (options[at] == IPOPT_LSRR || options[at] == IPOPT_SSRR)
            return false;
        if (options[at] == IPOPT_NOP) {
            at++;
            continue;
        }
        if (at + 1 >= length || options[at + 1] < 2)
            return false;
        at += options[at + 1];
    }
    return true;
}

int own_header_read(struct own_header *out, const unsigned char *bytes, size_t size)
{
    struct iphdr ip;

    if (size < sizeof(ip))
        return EINVAL;
    memcpy(&ip, bytes, sizeof(ip));
    *out = (struct own_header){.length = (size_t)ip.ihl * 4,
                               .protocol = ip.protocol,
                               .ttl = ip.ttl,
                               .tos = ip.tos,
                               .dont_fragment = (ntohs(ip.frag_off) & IP_DF) != 0,
                               .source.s_addr = ip.saddr,
                               .destination.s_addr = ip.daddr,
                               .options = bytes + sizeof(ip)};
    if (out->length < sizeof(ip) || out->length > size)
        return EINVAL;
    out->options_length = out->length - sizeof(ip);
    if (ip.version != IPVERSION || ip.ttl == 0 || (ntohs(ip.frag_off) & (IP_MF | IP_OFFMASK)) != 0)
        return EPERM;
    return options_can_be_told(out->options, out->options_length) ? 0 : EPERM;
}

bool own_header_tell(const struct own_header *header, struct outgoing *out)
{
    struct sockaddr_in *address = (struct sockaddr_in *)(void *)&out->address.storage;
    const struct in_pktinfo source = {.ipi_spec_dst = header->source};
    int ttl = header->ttl;
    int tos = header->tos;

    if (!outgoing_control(out, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl)) ||
        !outgoing_control(out, IPPROTO_IP, IP_TOS, &tos, sizeof(tos)))
        return false;
    if (header->source.s_addr != 0 && !outgoing_control(out, IPPROTO_IP, IP_PKTINFO, &source, sizeof(source)))
        return false;
    if (header->options_length > 0 &&
        !outgoing_control(out, IPPROTO_IP, IP_RETOPTS, header->options, header->options_length))
        return false;
    if (header->destination.s_addr != 0) {
        *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = header->destination};
        out->message.msg_name = address;
        out->message.msg_namelen = sizeof(*address);
    }
    return true;
}
