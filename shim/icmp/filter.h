/* SPDX-License-Identifier: MIT */
/*
 * The filters of a raw ICMP socket that a ping socket does not have: ICMP_FILTER (raw(7)), ICMP6_FILTER (RFC 3542
 * 3.2), and SO_ATTACH_FILTER programs, whose offsets count from the IP header on a raw IPv4 socket. Pure.
 */
#ifndef SOCKADE_SHIM_ICMP_FILTER_H
#define SOCKADE_SHIM_ICMP_FILTER_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* BPF_MAXINSNS of the kernel. */
#define FILTER_INSTRUCTIONS 4096

/* ICMP_FILTER: bit set = blocked, types above 31 always pass. ICMP6_FILTER: bit set = blocked. */
bool icmp_filter_blocks(uint32_t filter, uint8_t type);
bool icmp6_filter_blocks(const uint32_t filter[8], uint8_t type);

/* What a classic filter may ask beside the packet's bytes (SKF_AD_*). */
struct filter_packet {
    const unsigned char *bytes; /* as the raw socket shows it: from the IP header on for IPv4, from ICMPv6 for IPv6 */
    size_t length;
    uint16_t protocol; /* ETH_P_IP or ETH_P_IPV6, host byte order */
    int interface;
};

/*
 * Runs a classic BPF program (the kernel's bpf_prog_run of classic code, Documentation/networking/filter.rst) and
 * returns how many bytes of the packet it keeps, at most its length; 0 drops it. Terminates in bounds on any program:
 * jumps only go forward; a bad instruction, a load behind the packet, a division by zero drop the packet.
 */
uint32_t filter_run(const struct sock_filter *program, size_t count, const struct filter_packet *packet);

#endif
