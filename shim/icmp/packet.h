/* SPDX-License-Identifier: MIT */
/*
 * What a raw ICMP socket would have handed over, rebuilt from what the kernel hands over of a ping socket (or of an
 * error queue). Pure functions over bytes: no system call, no state, in bounds on any input.
 *
 * Formats: RFC 791, RFC 792, RFC 1122 3.2.2, RFC 4443, RFC 4884. Kernel structures: ip(7), ipv6(7), linux/errqueue.h.
 */
#ifndef SOCKADE_SHIM_ICMP_PACKET_H
#define SOCKADE_SHIM_ICMP_PACKET_H

#include <time.h> /* linux/errqueue.h needs struct timespec and does not say so */

#include <linux/errqueue.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define ICMP_HEADER 8
#define IPV4_HEADER 20
#define IPV4_HEADER_MAX 60
#define IPV6_HEADER 40

/* RFC 8335. */
#define EXTENDED_ECHO 42
#define EXTENDED_ECHO_REPLY 43
#define EXTENDED_ECHO6 160
#define EXTENDED_ECHO_REPLY6 161

/* Room that a control buffer needs for all that we ask the kernel for beside what the program asked for. */
#define CONTROL_ROOM 512

/* The control messages of one message of the kernel, read. What is absent is zero. */
struct facts {
    bool ttl_known;
    bool tos_known;
    uint8_t ttl; /* IP_TTL, IPV6_HOPLIMIT */
    uint8_t tos; /* IP_TOS, IPV6_TCLASS */
    uint8_t options_length;
    uint8_t options[40];            /* IP_RECVOPTS: IPv4 header options as they came */
    bool local_known;               /* the next two are known */
    int interface;                  /* index */
    struct in_addr local;           /* where the packet was sent to: ipi_addr */
    struct in6_addr local6;         /* ipi6_addr */
    bool asked_for;                 /* there are others, which only a program asks for */
    bool has_error;                 /* IP_RECVERR, IPV6_RECVERR: */
    struct sock_extended_err error; /* host byte order as the kernel gives it */
    bool offender_known;            /* who sent the error: */
    struct in_addr offender;
    struct in6_addr offender6;
};

/* Reads the control messages of a received message; stops at the first that is malformed. */
void facts_read(struct facts *out, const struct msghdr *message);

/*
 * One's complement sum over `length` bytes, added to `sum`; `sum` is kept unfolded, so that parts of even length can
 * be chained.
 */
uint32_t checksum_add(uint32_t sum, const void *bytes, size_t length);

/* The folded complement, as it stands in a header (network byte order). */
uint16_t checksum_finish(uint32_t sum);

/*
 * The IPv4 header of a packet of `data_length` bytes that came from `source`, with the options, TTL and TOS of
 * `facts`. The identification and the fragment bits are 0: the kernel tells neither, and Linux sends its echo replies
 * and errors without DF. Returns the header's length, 20 to 60.
 */
size_t ipv4_header(unsigned char out[IPV4_HEADER_MAX], const struct facts *facts, struct in_addr source,
                   size_t data_length);

/*
 * Puts code, identifier and sequence number (host byte order) into an ICMP or ICMPv6 echo header and mends its checksum
 * by difference (RFC 1624), so that neither the data nor a pseudo header is needed.
 */
void echo_rename(unsigned char header[ICMP_HEADER], uint8_t code, uint16_t identifier, uint16_t sequence);

/* A packet of ours that an ICMP error quotes, and the error's circumstances. */
struct quote {
    bool six;
    const struct facts *facts; /* of the error queue entry; has_error is true */
    struct in_addr source;     /* ours, as the quoted header shows it */
    struct in6_addr source6;
    struct in_addr destination; /* whom we sent to */
    struct in6_addr destination6;
    uint8_t protocol; /* of the quoted packet: IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_UDP, IPPROTO_TCP */
    uint8_t tos;
    uint8_t ttl; /* as the router saw it: 1 for time exceeded */
    bool dont_fragment;
    size_t length;             /* of what we sent behind the IP header; 0: not known, what is quoted counts */
    const unsigned char *head; /* UDP header to put before `data`, or NULL: TCP entries begin with the TCP header */
    size_t head_length;
    const unsigned char *data; /* what the error queue entry holds of our packet */
    size_t data_length;
};

/*
 * Whether an error queue entry stands for an ICMP message that came: not for errors of our own stack
 * (SO_EE_ORIGIN_LOCAL) or for timestamps.
 */
bool is_icmp_error(const struct facts *facts, bool six);

/*
 * Writes the ICMP error packet that a raw socket would have received: IPv4 with its outer header, ICMPv6 from the
 * ICMPv6 header on, checksums right. `room` bytes at `out`; what does not fit is cut off the quoted data (not out of
 * the lengths in headers). The rest of the header (MTU, pointer, gateway, RFC 4884 length) comes from ee_info and
 * ee_rfc4884. Returns the bytes written; 0 where it is no such error.
 */
size_t quote_packet(unsigned char *out, size_t room, const struct quote *quote);

#endif
