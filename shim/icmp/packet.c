/* SPDX-License-Identifier: MIT */
/*
 * Bytes to bytes: the headers of packets and the ICMP errors that the kernel keeps from an ordinary user are written
 * once more out of what it does tell. Numbers are put byte by byte, so that no alignment and no byte order matters.
 */
#include "shim/icmp/packet.h"

#include <netinet/ip_icmp.h>
#include <string.h>

/* The largest length that an IP header can tell. */
#define TOTAL_MAX 65535u

static void put16(unsigned char *at, size_t value)
{
    at[0] = (unsigned char)(value >> 8);
    at[1] = (unsigned char)value;
}

static void put32(unsigned char *at, uint32_t value)
{
    put16(at, value >> 16);
    put16(at + 2, value & 0xffff);
}

/* RFC 1071: the sum may be taken in words of any size and in the machine's byte order; the carries are kept. */
uint32_t checksum_add(uint32_t sum, const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    uint64_t wide = sum;
    uint32_t word;

    for (; length >= sizeof(word); length -= sizeof(word), at += sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        wide += word;
    }
    if (length > 0) {
        word = 0;
        memcpy(&word, at, length);
        wide += word;
    }
    wide = (wide & 0xffffffffu) + (wide >> 32);
    return (uint32_t)((wide & 0xffffffffu) + (wide >> 32));
}

uint16_t checksum_finish(uint32_t sum)
{
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

/* Puts the checksum of `sum` to where it belongs; it is in network byte order by itself. */
static void checksum_put(unsigned char *at, uint32_t sum)
{
    uint16_t checksum = checksum_finish(sum);

    memcpy(at, &checksum, sizeof(checksum));
}

/* The fields of an IPv4 header, with the options that stand behind the first 20 bytes already. */
static void header4_fill(unsigned char *header, size_t header_length, uint8_t tos, size_t total)
{
    header[0] = (unsigned char)(0x40 | (header_length / 4));
    header[1] = tos;
    put16(header + 2, total < TOTAL_MAX ? total : TOTAL_MAX);
}

size_t ipv4_header(unsigned char out[IPV4_HEADER_MAX], const struct facts *facts, struct in_addr source,
                   size_t data_length)
{
    size_t options = facts->options_length < sizeof(facts->options) ? facts->options_length : sizeof(facts->options);
    size_t header_length = IPV4_HEADER + ((options + 3) & ~(size_t)3);

    memset(out, 0, IPV4_HEADER);
    header4_fill(out, header_length, facts->tos, data_length < TOTAL_MAX ? header_length + data_length : TOTAL_MAX);
    out[8] = facts->ttl;
    out[9] = IPPROTO_ICMP;
    memcpy(out + 12, &source, sizeof(source));
    memcpy(out + 16, &facts->local, sizeof(facts->local));
    if (options > 0) {
        memset(out + IPV4_HEADER, 0, IPV4_HEADER_MAX - IPV4_HEADER);
        memcpy(out + IPV4_HEADER, facts->options, options);
    }
    checksum_put(out + 10, checksum_add(0, out, header_length));
    return header_length;
}

/* RFC 1624 section 3: the new sum is the old one less the old words (their complements added) and with the new ones. */
void echo_rename(unsigned char header[ICMP_HEADER], uint8_t code, uint16_t identifier, uint16_t sequence)
{
    static const unsigned char nothing[ICMP_HEADER];
    uint16_t words[4]; /* type and code, checksum, identifier, sequence */
    uint32_t sum = 0;

    memcpy(words, header, sizeof(words));
    for (size_t i = 0; i < 4; i++)
        sum += (uint16_t)~words[i];
    header[1] = code;
    put16(header + 4, identifier);
    put16(header + 6, sequence);
    checksum_put(header + 2, checksum_add(checksum_add(sum, header, 2), header + 4, 4));
    /* A reply of nothing but zeros: its sum is 0, and differences give the other zero of one's complement, 0xffff. */
    if (memcmp(header, nothing, sizeof(nothing)) == 0)
        memset(header + 2, 0xff, 2);
}

/* Where the pieces of a packet are put one behind another, as far as they fit. */
struct writer {
    unsigned char *out;
    size_t room;
    size_t written;
};

static void append(struct writer *writer, const void *bytes, size_t length)
{
    size_t left = writer->room - writer->written;

    if (length > left)
        length = left;
    if (length == 0)
        return;
    memcpy(writer->out + writer->written, bytes, length);
    writer->written += length;
}

bool is_icmp_error(const struct facts *facts, bool six)
{
    if (!facts->has_error)
        return false;
    /* RFC 4443 section 2.1: errors have the types below 128. */
    if (six)
        return facts->error.ee_origin == SO_EE_ORIGIN_ICMP6 && facts->error.ee_type < 128;
    if (facts->error.ee_origin != SO_EE_ORIGIN_ICMP)
        return false;
    switch (facts->error.ee_type) {
    case ICMP_DEST_UNREACH:
    case ICMP_SOURCE_QUENCH:
    case ICMP_REDIRECT:
    case ICMP_TIME_EXCEEDED:
    case ICMP_PARAMETERPROB:
        return true;
    default:
        return false;
    }
}

/*
 * How long the packet was that is quoted, from behind its IP header: told, or else what is quoted without extensions.
 */
static size_t quoted_length(const struct quote *quote)
{
    size_t original = quote->facts->error.ee_rfc4884.len;

    if (quote->length > 0)
        return quote->length;
    if (original == 0 || original > quote->data_length)
        original = quote->data_length;
    return original < TOTAL_MAX ? quote->head_length + original : TOTAL_MAX;
}

/*
 * RFC 4884 section 5.1: how long the original datagram is within an ICMPv4 error, in 32-bit words. The kernel counts
 * from what it hands over (ip_icmp_error_rfc4884), which is behind the quoted IP header and, for UDP, the quoted UDP
 * header.
 */
static unsigned char extension_words(const struct quote *quote)
{
    size_t original = quote->facts->error.ee_rfc4884.len;
    size_t words = (IPV4_HEADER + quote->head_length + original) / 4;

    return (unsigned char)(original == 0 || words > UINT8_MAX ? 0 : words);
}

/*
 * Bytes 4 to 7 of an ICMPv4 error out of ee_info, which icmp_unreach and icmp_redirect (net/ipv4/icmp.c) took from
 * there.
 */
static void rest4_fill(unsigned char rest[4], const struct quote *quote)
{
    const struct sock_extended_err *error = &quote->facts->error;

    switch (error->ee_type) {
    case ICMP_REDIRECT:
        put32(rest, error->ee_info);
        return;
    case ICMP_DEST_UNREACH:
        if (error->ee_code == ICMP_FRAG_NEEDED)
            put16(rest + 2, error->ee_info < TOTAL_MAX ? error->ee_info : TOTAL_MAX);
        break;
    case ICMP_PARAMETERPROB:
        rest[0] = (unsigned char)error->ee_info;
        break;
    case ICMP_TIME_EXCEEDED:
        break;
    default:
        return;
    }
    rest[1] = extension_words(quote);
}

static void quoted4_fill(unsigned char header[IPV4_HEADER], const struct quote *quote)
{
    size_t length = quoted_length(quote);

    header4_fill(header, IPV4_HEADER, quote->tos, length < TOTAL_MAX ? IPV4_HEADER + length : TOTAL_MAX);
    header[6] = quote->dont_fragment ? 0x40 : 0;
    header[8] = quote->ttl;
    header[9] = quote->protocol;
    memcpy(header + 12, &quote->source, sizeof(quote->source));
    memcpy(header + 16, &quote->destination, sizeof(quote->destination));
    checksum_put(header + 10, checksum_add(0, header, IPV4_HEADER));
}

static void quoted6_fill(unsigned char header[IPV6_HEADER], const struct quote *quote)
{
    size_t length = quoted_length(quote);

    put32(header, UINT32_C(6) << 28 | (uint32_t)quote->tos << 20);
    put16(header + 4, length < TOTAL_MAX ? length : TOTAL_MAX);
    header[6] = quote->protocol;
    header[7] = quote->ttl;
    memcpy(header + 8, &quote->source6, sizeof(quote->source6));
    memcpy(header + 24, &quote->destination6, sizeof(quote->destination6));
}

/* RFC 8200 section 8.1: an ICMPv6 checksum also covers both addresses, the length and the protocol. */
static uint32_t pseudo_header_sum(const struct facts *facts, size_t length)
{
    unsigned char bytes[IPV6_HEADER] = {0};

    memcpy(bytes, &facts->offender6, sizeof(facts->offender6));
    memcpy(bytes + 16, &facts->local6, sizeof(facts->local6));
    put32(bytes + 32, (uint32_t)length);
    bytes[39] = IPPROTO_ICMPV6;
    return checksum_add(0, bytes, sizeof(bytes));
}

size_t quote_packet(unsigned char *out, size_t room, const struct quote *quote)
{
    struct writer writer = {.out = out, .room = room};
    unsigned char error[ICMP_HEADER + IPV6_HEADER] = {0}; /* the ICMP header and the quoted IP header */
    size_t error_length = ICMP_HEADER + (quote->six ? IPV6_HEADER : IPV4_HEADER);
    size_t length = error_length + quote->head_length + quote->data_length;
    uint32_t sum = 0;

    if (!is_icmp_error(quote->facts, quote->six))
        return 0;
    error[0] = quote->facts->error.ee_type;
    error[1] = quote->facts->error.ee_code;
    if (quote->six) {
        /* icmpv6_notify (net/ipv6/icmp.c) takes all four bytes whatever the type, so the RFC 4884 length is in them. */
        put32(error + 4, quote->facts->error.ee_info);
        quoted6_fill(error + ICMP_HEADER, quote);
        sum = pseudo_header_sum(quote->facts, length);
    } else {
        unsigned char outer[IPV4_HEADER_MAX];
        size_t outer_length = ipv4_header(outer, quote->facts, quote->facts->offender, length);

        rest4_fill(error + 4, quote);
        quoted4_fill(error + ICMP_HEADER, quote);
        append(&writer, outer, outer_length);
    }
    /* The data last: only they may be of odd length. */
    sum = checksum_add(sum, error, error_length);
    sum = checksum_add(sum, quote->head, quote->head_length);
    checksum_put(error + 2, checksum_add(sum, quote->data, quote->data_length));
    append(&writer, error, error_length);
    append(&writer, quote->head, quote->head_length);
    append(&writer, quote->data, quote->data_length);
    return writer.written;
}
