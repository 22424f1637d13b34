/* SPDX-License-Identifier: MIT */
/*
 * Rebuilt packets: the golden ones are what a raw socket of Linux 6.18 received, beside what the error queue of the
 * socket that had sent held of the same error, byte by byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/ip_icmp.h>
#include <stdlib.h>
#include <string.h>

#include "shim/icmp/packet.h"

#define PACKET_MAX 512
#define LOCAL "10.1.1.1"
#define LOCAL6 "fd01::1"
#define MPLS "20007bbd0008010112345105" /* RFC 4884 header, RFC 4950 object: label 74565 */

static size_t hex_read(const char *text, unsigned char *out)
{
    size_t length = 0;

    for (; text[0] != '\0' && text[1] != '\0'; text += 2) {
        char digits[3] = {text[0], text[1], '\0'};

        assert_true(length < PACKET_MAX);
        out[length++] = (unsigned char)strtoul(digits, NULL, 16);
    }
    return length;
}

static void checksums(void **state)
{
    /* RFC 1071 section 3 */
    static const unsigned char example[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
    static unsigned char many[65536];

    (void)state;
    assert_int_equal(checksum_finish(checksum_add(0, example, sizeof(example))), htons(0x220d));
    for (size_t cut = 0; cut <= sizeof(example); cut += 2)
        assert_int_equal(
            checksum_finish(checksum_add(checksum_add(0, example, cut), example + cut, sizeof(example) - cut)),
            htons(0x220d));
    assert_int_equal(checksum_finish(checksum_add(0, example, 3)), htons((uint16_t)~0xf201u));
    assert_int_equal(checksum_finish(checksum_add(0, many, sizeof(many))), 0xffff);
    assert_int_equal(checksum_finish(checksum_add(0, NULL, 0)), 0xffff);
    memset(many, 0xff, sizeof(many));
    assert_int_equal(checksum_finish(checksum_add(0xffffffff, many, sizeof(many))), 0);
    assert_int_equal(checksum_finish(checksum_add(checksum_add(0, many, sizeof(many)), many, 1)), htons(0x00ff));
}

static void header_expect(const struct facts *facts, size_t data_length, const char *expected)
{
    unsigned char out[IPV4_HEADER_MAX];
    unsigned char golden[PACKET_MAX];
    size_t length = hex_read(expected, golden);
    struct in_addr source;

    inet_pton(AF_INET, "10.7.7.7", &source);
    assert_int_equal(ipv4_header(out, facts, source, data_length), length);
    assert_memory_equal(out, golden, length);
}

static void outer_header(void **state)
{
    struct facts facts = {.ttl = 63, .tos = 0xc0};

    (void)state;
    inet_pton(AF_INET, LOCAL, &facts.local);
    header_expect(&facts, 44, "45c00040000000003f015eee0a0707070a010101");
    header_expect(&facts, 65515, "45c0ffff000000003f015f2e0a0707070a010101");
    header_expect(&facts, 65516, "45c0ffff000000003f015f2e0a0707070a010101");
    header_expect(&facts, SIZE_MAX, "45c0ffff000000003f015f2e0a0707070a010101");
    facts.options_length = 8;
    memcpy(facts.options, "\x07\x07\x08\x0a\x07\x07\x07", 8);
    header_expect(&facts, 44, "47c00048000000003f013fce0a0707070a0101010707080a07070700");
    /* Options that were cut are filled up with "end of options". */
    facts.options_length = 6;
    header_expect(&facts, 44, "47c00048000000003f0146ce0a0707070a0101010707080a07070000");
    facts.options_length = 255;
    memset(facts.options, 1, sizeof(facts.options));
    header_expect(&facts, 44,
                  "4fc00068000000003f0140b20a0707070a010101"
                  "01010101010101010101010101010101010101010101010101010101010101010101010101010101");
}

/* The checksum over everything, `sum` being that of a pseudo header. */
static void renamed_check(unsigned char *packet, size_t length, uint32_t sum, uint16_t identifier, uint16_t sequence)
{
    unsigned char expected[PACKET_MAX];
    uint16_t checksum;

    memcpy(expected, packet, length);
    expected[4] = (unsigned char)(identifier >> 8);
    expected[5] = (unsigned char)identifier;
    expected[6] = (unsigned char)(sequence >> 8);
    expected[7] = (unsigned char)sequence;
    memset(packet + 2, 0, 2);
    memset(expected + 2, 0, 2);
    checksum = checksum_finish(checksum_add(sum, packet, length));
    memcpy(packet + 2, &checksum, sizeof(checksum));
    checksum = checksum_finish(checksum_add(sum, expected, length));
    memcpy(expected + 2, &checksum, sizeof(checksum));
    echo_rename(packet, packet[1], identifier, sequence);
    assert_memory_equal(packet, expected, length);
}

static void rename_echo(void **state)
{
    unsigned char packet[64];

    (void)state;
    srandom(1);
    for (int round = 0; round < 20000; round++) {
        size_t length = ICMP_HEADER + (size_t)random() % (sizeof(packet) - ICMP_HEADER);

        for (size_t i = 0; i < length; i++)
            packet[i] = (unsigned char)random();
        renamed_check(packet, length, round % 2 == 0 ? 0 : (uint32_t)random() | 1, (uint16_t)random(),
                      (uint16_t)random());
    }
    /* Every identifier, with each of them before in turn: the two zeros of one's complement are among the sums. */
    for (uint32_t name = 0; name < 65536; name++) {
        memset(packet, 0, ICMP_HEADER);
        renamed_check(packet, ICMP_HEADER, 0, (uint16_t)name, 0);
        renamed_check(packet, ICMP_HEADER, 0, 0, 0);
        renamed_check(packet, ICMP_HEADER, 0, 0xffff, (uint16_t)name);
        packet[0] = ICMP_ECHO;
        renamed_check(packet, ICMP_HEADER, 0, (uint16_t)name, 0xf7ff);
    }
}

static void errors_told_apart(void **state)
{
    struct facts facts = {.has_error = true};
    unsigned found[2] = {0};

    (void)state;
    for (int type = 0; type < 256; type++) {
        facts.error.ee_type = (uint8_t)type;
        facts.error.ee_origin = SO_EE_ORIGIN_ICMP;
        found[0] += is_icmp_error(&facts, false);
        assert_false(is_icmp_error(&facts, true));
        facts.error.ee_origin = SO_EE_ORIGIN_ICMP6;
        found[1] += is_icmp_error(&facts, true);
        assert_false(is_icmp_error(&facts, false));
        facts.error.ee_origin = SO_EE_ORIGIN_LOCAL;
        assert_false(is_icmp_error(&facts, false) || is_icmp_error(&facts, true));
        facts.error.ee_origin = SO_EE_ORIGIN_TIMESTAMPING;
        assert_false(is_icmp_error(&facts, false) || is_icmp_error(&facts, true));
    }
    assert_int_equal(found[0], 5);
    assert_int_equal(found[1], 128);
    facts = (struct facts){.error = {.ee_origin = SO_EE_ORIGIN_ICMP, .ee_type = 3}};
    assert_false(is_icmp_error(&facts, false));
}

/* A golden error: what the error queue held and what a raw socket received. */
struct golden {
    uint8_t type;
    uint8_t code;
    uint8_t protocol;
    bool options;   /* the router's packet had a record route option */
    uint32_t info;  /* ee_info */
    uint16_t after; /* ee_rfc4884.len */
    uint16_t zeros; /* in the queue: that many bytes behind `data`, then MPLS */
    size_t length;  /* of what was sent */
    const char *head;
    const char *data;
    const char *raw; /* up to the end of `data` */
};

#define OUTER(length, id, sum) "45c0" length id "00003f01" sum "0a0707070a010101"
#define OUTER_OPTIONS(length, id, sum) "47c0" length id "00003f01" sum "0a0707070a0101010707080a07070700"
#define INNER(protocol, sum) "450000240000400001" protocol sum "0a0101010a090909"
#define INNER6(protocol) "600000000010" protocol "01fd010000000000000000000000000001fd090000000000000000000000000009"
#define TCP "bcfc829ad24c464400000000a002fff01e420000020404ec0402080a38f228fc000000000103030a"
#define TCP6 "89ce829a385e88dd00000000a002fbe0fa430000020404d80402080aab39fd02000000000103030a"

static const struct golden golden4[] = {
    {3, 4, IPPROTO_ICMP, false, 1300, 0, 0, 16, NULL, "08000e5876112e353c434a51585f666d",
     OUTER("0040", "3ceb", "2203") "0304f7e700000514" INNER("01", "5bc6")},
    {5, 0, IPPROTO_ICMP, false, 0x0a01014d, 0, 0, 16, NULL, "0800c81176113c434a51585f666d747b",
     OUTER("0040", "3cf9", "21f5") "0500efb10a01014d" INNER("01", "5bc6")},
    {11, 0, IPPROTO_ICMP, false, 0, 0, 0, 16, NULL, "0800b3fd761140474e555c636a71787f",
     OUTER("0040", "3cfd", "21f1") "0b00f4ff00000000" INNER("01", "5bc6")},
    {12, 0, IPPROTO_ICMP, false, 20, 0, 0, 16, NULL, "0800a4ee7611434a51585f666d747b82",
     OUTER("0040", "3d00", "21ee") "0c00dfff14000000" INNER("01", "5bc6")},
    {3, 1, IPPROTO_ICMP, true, 0, 0, 0, 16, NULL, "08007cc676114b525960676e757c838a",
     OUTER_OPTIONS("0048", "3d08", "02c6") "0301fcfe00000000" INNER("01", "5bc6")},
    {11, 0, IPPROTO_ICMP, true, 0, 108, 92, 16, NULL, "080077c176114c535a61686f767d848b",
     OUTER_OPTIONS("00b0", "3d09", "025d") "0b00f4df00200000" INNER("01", "5bc6")},
    {3, 3, IPPROTO_UDP, false, 0, 0, 0, 16, "d699829a00101e35", "080011181f262d34",
     OUTER("0040", "3d0e", "21e0") "0303201100000000" INNER("11", "5bb6")},
    {11, 0, IPPROTO_UDP, false, 0, 100, 92, 16, "d699829a00101e35", "08002a31383f464d",
     OUTER("00a8", "3fc0", "1ec6") "0b00cca800200000" INNER("11", "5bb6")},
    {11, 0, IPPROTO_TCP, false, 0, 0, 0, 40, NULL, TCP,
     OUTER("0058", "42d4", "1c02") "0b0065aa00000000"
                                   "4500003c09574000010652520a0101010a090909"},
};

static const struct golden golden6[] = {
    {2, 0, IPPROTO_ICMPV6, false, 1300, 0, 0, 16, NULL, "80008ce7761231383f464d545b626970",
     "0200649800000514" INNER6("3a")},
    {3, 0, IPPROTO_ICMPV6, false, 0x10000000, 88, 72, 16, NULL, "800064bf76123940474e555c636a7178",
     "0300585810000000" INNER6("3a")},
    {1, 4, IPPROTO_UDP, false, 0, 0, 0, 16, "b2a7829a0010fa36", "8000121920272e35", "0104894900000000" INNER6("11")},
    {3, 0, IPPROTO_TCP, false, 0, 0, 0, 40, NULL, TCP6,
     "03007f1e00000000"
     "6000000000280601fd010000000000000000000000000001fd090000000000000000000000000009"},
};

/* Clears what the kernel does not tell of an IPv4 header, having seen that its checksum was right, and mends that. */
static void header_forget(unsigned char *header)
{
    size_t length = (header[0] & 0xfu) * 4;
    uint16_t checksum;

    assert_int_equal(checksum_finish(checksum_add(0, header, length)), 0);
    memset(header + 4, 0, 2);
    memset(header + 10, 0, 2);
    checksum = checksum_finish(checksum_add(0, header, length));
    memcpy(header + 10, &checksum, sizeof(checksum));
}

static size_t golden_raw(const struct golden *golden, bool six, const unsigned char *tail, size_t tail_length,
                         unsigned char *out)
{
    size_t length = hex_read(golden->raw, out);

    length += hex_read(golden->head != NULL ? golden->head : "", out + length);
    memcpy(out + length, tail, tail_length);
    length += tail_length;
    if (!six) {
        header_forget(out);
        header_forget(out + (out[0] & 0xfu) * 4 + ICMP_HEADER);
    }
    return length;
}

/* The router's circumstances, the same in all golden errors. */
static struct facts golden_facts(const struct golden *golden, bool six)
{
    struct facts facts = {.tos = six ? 0 : 0xc0, .ttl = six ? 62 : 63, .has_error = true, .offender_known = true};

    facts.error.ee_origin = six ? SO_EE_ORIGIN_ICMP6 : SO_EE_ORIGIN_ICMP;
    facts.error.ee_type = golden->type;
    facts.error.ee_code = golden->code;
    facts.error.ee_info = golden->info;
    facts.error.ee_rfc4884.len = golden->after;
    inet_pton(AF_INET, LOCAL, &facts.local);
    inet_pton(AF_INET6, LOCAL6, &facts.local6);
    inet_pton(AF_INET, "10.7.7.7", &facts.offender);
    inet_pton(AF_INET6, "fd07::7", &facts.offender6);
    if (golden->options) {
        facts.options_length = 8;
        memcpy(facts.options, "\x07\x07\x08\x0a\x07\x07\x07", 8);
    }
    return facts;
}

/* Also in too little room, where the beginning of the same packet is written. */
static void quote_expect(const struct quote *quote, const unsigned char *expected, size_t length)
{
    unsigned char *out = malloc(length);

    assert_non_null(out);
    assert_int_equal(quote_packet(out, length, quote), length);
    assert_memory_equal(out, expected, length);
    free(out);
    for (size_t room = 0; room < length; room++) {
        out = malloc(room + 1);
        assert_non_null(out);
        memset(out, 0x55, room + 1);
        assert_int_equal(quote_packet(out, room, quote), room);
        assert_memory_equal(out, expected, room);
        assert_int_equal(out[room], 0x55);
        free(out);
    }
}

static void golden_check(const struct golden *golden, bool six)
{
    struct facts facts = golden_facts(golden, six);
    unsigned char head[PACKET_MAX];
    unsigned char data[PACKET_MAX] = {0};
    unsigned char expected[PACKET_MAX];
    struct quote quote = {.six = six, .facts = &facts, .protocol = golden->protocol, .ttl = 1, .dont_fragment = true};

    inet_pton(AF_INET, LOCAL, &quote.source);
    inet_pton(AF_INET6, LOCAL6, &quote.source6);
    inet_pton(AF_INET, "10.9.9.9", &quote.destination);
    inet_pton(AF_INET6, "fd09::9", &quote.destination6);
    quote.length = golden->length;
    quote.head = golden->head != NULL ? head : NULL;
    quote.head_length = golden->head != NULL ? hex_read(golden->head, head) : 0;
    quote.data = data;
    quote.data_length = hex_read(golden->data, data) + golden->zeros;
    if (golden->zeros > 0)
        quote.data_length += hex_read(MPLS, data + quote.data_length);
    quote_expect(&quote, expected, golden_raw(golden, six, data, quote.data_length, expected));
}

static void as_raw_sockets_see_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(golden4) / sizeof(*golden4); i++)
        golden_check(&golden4[i], false);
    for (size_t i = 0; i < sizeof(golden6) / sizeof(*golden6); i++)
        golden_check(&golden6[i], true);
}

/* The quoted total length where nobody remembers what was sent, and where no header can tell it. */
static void lengths(void **state)
{
    static unsigned char data[65535];
    unsigned char out[IPV4_HEADER + ICMP_HEADER + IPV4_HEADER];
    struct facts facts = {.has_error = true, .error = {.ee_origin = SO_EE_ORIGIN_ICMP, .ee_type = 11}};
    struct quote quote = {.facts = &facts, .protocol = IPPROTO_ICMP, .data = data, .data_length = 36};
    const unsigned char *length = out + 30;
    const unsigned char *words = out + 25;

    (void)state;
    assert_int_equal(quote_packet(out, sizeof(out), &quote), sizeof(out));
    assert_memory_equal(length, "\x00\x38\x00\x00\x00\x00", 6);
    quote.data_length = 200;
    facts.error.ee_rfc4884.len = 108;
    assert_int_equal(quote_packet(out, sizeof(out), &quote), sizeof(out));
    assert_memory_equal(length, "\x00\x80", 2);
    assert_int_equal(*words, 32);
    quote.head = data;
    quote.head_length = 8;
    facts.error.ee_rfc4884.len = 1000; /* no kernel says so */
    assert_int_equal(quote_packet(out, sizeof(out), &quote), sizeof(out));
    assert_memory_equal(length, "\x00\xe4", 2);
    facts.error.ee_rfc4884.len = 65535;
    assert_int_equal(quote_packet(out, sizeof(out), &quote), sizeof(out));
    assert_int_equal(*words, 0);
    quote.data_length = sizeof(data);
    assert_int_equal(quote_packet(out, sizeof(out), &quote), sizeof(out));
    assert_memory_equal(length, "\xff\xff", 2);
    assert_memory_equal(out + 2, "\xff\xff", 2);
    quote.length = SIZE_MAX;
    assert_int_equal(quote_packet(out, sizeof(out), &quote), sizeof(out));
    assert_memory_equal(length, "\xff\xff", 2);
    facts.error.ee_origin = SO_EE_ORIGIN_LOCAL;
    assert_int_equal(quote_packet(out, sizeof(out), &quote), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checksums),         cmocka_unit_test(outer_header),          cmocka_unit_test(rename_echo),
        cmocka_unit_test(errors_told_apart), cmocka_unit_test(as_raw_sockets_see_it), cmocka_unit_test(lengths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
