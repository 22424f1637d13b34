/* SPDX-License-Identifier: MIT */
/*
 * Any control bytes, any entry of an error queue, any reply, any room: what is rebuilt stays in bounds, and has the
 * lengths and checksums that every receiver checks.
 */
#include "shim/icmp/packet.h"

#include <stdlib.h>
#include <string.h>

#define HEAD 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What an input begins with; control bytes and data follow. */
struct choices {
    uint8_t flags;
    uint8_t tos;
    uint8_t ttl;
    uint8_t protocol;
    uint16_t length;
    uint16_t room;
    uint16_t control;
    uint16_t identifier;
};

enum {
    FLAG_SIX = 1,
    FLAG_HEAD = 2,
    FLAG_UNFRAGMENTED = 4,
    FLAG_HUGE = 8,
};

/* Ends the run with a finding. */
static void must(bool holds)
{
    if (!holds)
        abort();
}

/* A copy of its own size, so that a byte past it is seen. */
static unsigned char *copied(const uint8_t *bytes, size_t size)
{
    unsigned char *copy = malloc(size + 1);

    must(copy != NULL);
    memcpy(copy + 1, bytes, size); /* from an odd address on */
    return copy;
}

static void header_check(const unsigned char *header, size_t total)
{
    size_t length = (header[0] & 0xfu) * 4;

    must(header[0] >> 4 == 4 && length >= IPV4_HEADER && length <= IPV4_HEADER_MAX);
    must(checksum_finish(checksum_add(0, header, length)) == 0);
    must((size_t)(header[2] << 8 | header[3]) == (total < 65535 ? total : 65535));
}

/* A whole error packet. */
static void error_check(const unsigned char *packet, size_t length, const struct quote *quote)
{
    size_t at = 0;
    uint32_t sum = 0;

    if (quote->six) {
        unsigned char pseudo[8] = {0, 0, (unsigned char)(length >> 8), (unsigned char)length, 0, 0, 0, IPPROTO_ICMPV6};

        must(length < 65536 && packet[ICMP_HEADER] >> 4 == 6);
        sum = checksum_add(sum, &quote->facts->offender6, sizeof(struct in6_addr));
        sum = checksum_add(sum, &quote->facts->local6, sizeof(struct in6_addr));
        sum = checksum_add(sum, pseudo, sizeof(pseudo));
    } else {
        header_check(packet, length);
        at = (packet[0] & 0xfu) * 4;
        must(checksum_finish(checksum_add(0, packet + at + ICMP_HEADER, IPV4_HEADER)) == 0);
        must(packet[at + ICMP_HEADER] == 0x45);
    }
    must(checksum_finish(checksum_add(sum, packet + at, length - at)) == 0);
    must(packet[at] == quote->facts->error.ee_type && packet[at + 1] == quote->facts->error.ee_code);
    must(quote->data_length == 0 || memcmp(packet + length - quote->data_length, quote->data, quote->data_length) == 0);
}

static void quote_check(const struct quote *quote, size_t room)
{
    size_t most = IPV4_HEADER_MAX + ICMP_HEADER + IPV6_HEADER + quote->head_length + quote->data_length;
    unsigned char *whole = malloc(most);
    unsigned char *cut = malloc(room + 1);
    size_t length;

    must(whole != NULL && cut != NULL);
    length = quote_packet(whole, most, quote);
    must((length > 0) == is_icmp_error(quote->facts, quote->six));
    must(length <= most);
    if (length > 0)
        error_check(whole, length, quote);
    must(quote_packet(cut, room, quote) == (room < length ? room : length));
    must(memcmp(whole, cut, room < length ? room : length) == 0);
    free(whole);
    free(cut);
}

static void reply_check(const struct facts *facts, const unsigned char *data, size_t length, uint16_t identifier)
{
    unsigned char header[IPV4_HEADER_MAX];
    unsigned char *reply;
    struct in_addr source = facts->offender;
    size_t header_length = ipv4_header(header, facts, source, length);
    uint16_t checksum;

    header_check(header, header_length + length);
    if (length < ICMP_HEADER)
        return;
    reply = copied(data, length);
    memset(reply + 3, 0, 2);
    checksum = checksum_finish(checksum_add(0, reply + 1, length));
    memcpy(reply + 3, &checksum, sizeof(checksum));
    echo_rename(reply + 1, reply[2], identifier, (uint16_t)length);
    must(checksum_finish(checksum_add(0, reply + 1, length)) == 0);
    free(reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct choices choices;
    struct msghdr message = {.msg_control = NULL};
    struct facts facts;
    struct quote quote = {.facts = &facts};
    unsigned char *control;
    unsigned char *bytes;

    if (size < sizeof(choices) || size > 60000)
        return 0;
    memcpy(&choices, data, sizeof(choices));
    data += sizeof(choices);
    size -= sizeof(choices);
    message.msg_controllen = choices.control < size ? choices.control : size;
    control = copied(data, message.msg_controllen);
    message.msg_control = control + 1;
    facts_read(&facts, &message);
    must(facts.options_length <= sizeof(facts.options));
    must(facts.has_error || !facts.offender_known);
    size -= message.msg_controllen;
    bytes = copied(data + message.msg_controllen, size);
    quote.six = (choices.flags & FLAG_SIX) != 0;
    quote.dont_fragment = (choices.flags & FLAG_UNFRAGMENTED) != 0;
    quote.protocol = choices.protocol;
    quote.tos = choices.tos;
    quote.ttl = choices.ttl;
    quote.length = (choices.flags & FLAG_HUGE) != 0 ? SIZE_MAX - choices.length : choices.length;
    quote.head_length = (choices.flags & FLAG_HEAD) != 0 && size >= HEAD ? HEAD : 0;
    quote.head = quote.head_length > 0 ? bytes + 1 : NULL;
    quote.data = bytes + 1 + quote.head_length;
    quote.data_length = size - quote.head_length;
    quote_check(&quote, choices.room);
    reply_check(&facts, bytes + 1, size, choices.identifier);
    free(control);
    free(bytes);
    return 0;
}
