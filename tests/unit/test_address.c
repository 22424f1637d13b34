/* SPDX-License-Identifier: MIT */
/* Addresses and ranges: tables of texts, and random values against inet_ntop(3). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/address.h"

#include <arpa/inet.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define RANDOM_ROUNDS 200000

/* The same numbers in each run, so that a failure can be seen again. */
static uint64_t random_state;

static uint64_t random_u64(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static int random_start(void **state)
{
    (void)state;
    random_state = UINT64_C(0x9e3779b97f4a7c15);
    return 0;
}

/* An address of which about half of the 16-bit words are zero, as in those that people use. */
static void random_inet6(uint8_t bytes[16])
{
    unsigned zeros = (unsigned)random_u64() & 0xff;
    for (unsigned i = 0; i < 16; i++)
        bytes[i] = zeros >> (i / 2) & 1 ? 0 : (uint8_t)random_u64();
}

/* A row of a table fails by its text. */
static void assert_error(enum address_error error, enum address_error expected, const char *text)
{
    if (error != expected)
        fail_msg("\"%s\": %d instead of %d", text, (int)error, (int)expected);
}

static const struct {
    const char *text;
    const char *canonical; /* NULL: not an address */
    enum address_family family;
} addresses[] = {
    {"192.0.2.1", "192.0.2.1", ADDRESS_INET},
    {"0.0.0.0", "0.0.0.0", ADDRESS_INET},
    {"255.255.255.255", "255.255.255.255", ADDRESS_INET},
    {"::", "::", ADDRESS_INET6},
    {"::1", "::1", ADDRESS_INET6},
    {"1::", "1::", ADDRESS_INET6},
    {"2001:DB8::A", "2001:db8::a", ADDRESS_INET6},
    {"2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1", ADDRESS_INET6},
    /* RFC 5952, section 4.2: the longest run, the first of equals, and never a single word. */
    {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1", ADDRESS_INET6},
    {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1", ADDRESS_INET6},
    {"2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1", ADDRESS_INET6},
    {"0:1:1:1:1:1:1:0", "0:1:1:1:1:1:1:0", ADDRESS_INET6},
    {"1:2:3:4:5:6:0:0", "1:2:3:4:5:6::", ADDRESS_INET6},
    {"0:0:3:4:5:6:7:8", "::3:4:5:6:7:8", ADDRESS_INET6},
    {"64:ff9b::192.0.2.33", "64:ff9b::c000:221", ADDRESS_INET6},
    /* v4-compatible addresses are long gone: no dotted form. */
    {"::192.0.2.1", "::c000:201", ADDRESS_INET6},
    /* RFC 4291, section 2.5.5.2: v4-mapped is IPv4, however it is written. */
    {"::ffff:192.0.2.1", "192.0.2.1", ADDRESS_INET},
    {"::FFFF:c000:201", "192.0.2.1", ADDRESS_INET},
    {"0000:0000:0000:0000:0000:ffff:192.168.100.100", "192.168.100.100", ADDRESS_INET},
    {"::ffff:0.0.0.0", "0.0.0.0", ADDRESS_INET},
    {"::fffe:192.0.2.1", "::fffe:c000:201", ADDRESS_INET6},
    {"::1:ffff:192.0.2.1", "::1:ffff:c000:201", ADDRESS_INET6},
    {"1::ffff:192.0.2.1", "1::ffff:c000:201", ADDRESS_INET6},
    /* Zones are skipped. */
    {"fe80::1%eth0", "fe80::1", ADDRESS_INET6},
    {"fe80::1%2", "fe80::1", ADDRESS_INET6},
    {"fe80::1%br-lan", "fe80::1", ADDRESS_INET6},
    {"::ffff:192.0.2.1%eth0", "192.0.2.1", ADDRESS_INET},
    {"fe80::1%", NULL, ADDRESS_NONE},
    {"fe80::1%eth0%eth1", NULL, ADDRESS_NONE},
    {"fe80::1%eth 0", NULL, ADDRESS_NONE},
    {"fe80::1%eth:0", NULL, ADDRESS_NONE},
    {"fe80::1%sixteen-letters-", NULL, ADDRESS_NONE},
    {"%eth0", NULL, ADDRESS_NONE},
    {"192.0.2.1%eth0", NULL, ADDRESS_NONE},
    /* What inet_aton(3) takes and nobody can be sure of. */
    {"10.1", NULL, ADDRESS_NONE},
    {"010.0.0.1", NULL, ADDRESS_NONE},
    {"10.0.0.01", NULL, ADDRESS_NONE},
    {"0x7f.0.0.1", NULL, ADDRESS_NONE},
    {"2130706433", NULL, ADDRESS_NONE},
    {"256.0.0.1", NULL, ADDRESS_NONE},
    {"1.2.3.4.5", NULL, ADDRESS_NONE},
    {"1.2.3.", NULL, ADDRESS_NONE},
    {" 1.2.3.4", NULL, ADDRESS_NONE},
    {"1.2.3.4 ", NULL, ADDRESS_NONE},
    {"1.2.3.4/32", NULL, ADDRESS_NONE},
    {"-1.2.3.4", NULL, ADDRESS_NONE},
    {"", NULL, ADDRESS_NONE},
    {":", NULL, ADDRESS_NONE},
    {":::", NULL, ADDRESS_NONE},
    {"1::2::3", NULL, ADDRESS_NONE},
    {"1:2:3:4:5:6:7", NULL, ADDRESS_NONE},
    {"1:2:3:4:5:6:7:8:9", NULL, ADDRESS_NONE},
    {"12345::", NULL, ADDRESS_NONE},
    {"[::1]", NULL, ADDRESS_NONE},
    {"localhost", NULL, ADDRESS_NONE},
    {"example.com", NULL, ADDRESS_NONE},
    {"0000:0000:0000:0000:0000:ffff:0192.168.100.100", NULL, ADDRESS_NONE},
};

static void addresses_are_read_and_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(addresses); i++) {
        struct address a = {.family = ADDRESS_NONE};
        char text[ADDRESS_TEXT];
        enum address_error error = address_parse(addresses[i].text, &a);
        assert_error(error, addresses[i].canonical ? ADDRESS_OK : ADDRESS_NOT_AN_ADDRESS, addresses[i].text);
        assert_int_equal(a.family, addresses[i].family);
        if (!addresses[i].canonical)
            continue;
        assert_int_equal(address_format(&a, text), strlen(addresses[i].canonical));
        assert_string_equal(text, addresses[i].canonical);
    }
}

static const struct {
    const char *text;
    enum address_error error;
    const char *first; /* with ADDRESS_OK; else what the hint is */
    const char *last;
    const char *canonical;
} ranges[] = {
    {"192.0.2.1", ADDRESS_OK, "192.0.2.1", "192.0.2.1", "192.0.2.1"},
    {"192.0.2.1/32", ADDRESS_OK, "192.0.2.1", "192.0.2.1", "192.0.2.1"},
    {"192.0.2.0/24", ADDRESS_OK, "192.0.2.0", "192.0.2.255", "192.0.2.0/24"},
    {"192.0.2.0/31", ADDRESS_OK, "192.0.2.0", "192.0.2.1", "192.0.2.0/31"},
    {"128.0.0.0/1", ADDRESS_OK, "128.0.0.0", "255.255.255.255", "128.0.0.0/1"},
    {"0.0.0.0/0", ADDRESS_OK, "0.0.0.0", "255.255.255.255", "0.0.0.0/0"},
    {"::/0", ADDRESS_OK, "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::/0"},
    {"2001:db8::/32", ADDRESS_OK, "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db8::/32"},
    {"2001:db8::/63", ADDRESS_OK, "2001:db8::", "2001:db8:0:1:ffff:ffff:ffff:ffff", "2001:db8::/63"},
    {"2001:db8::/64", ADDRESS_OK, "2001:db8::", "2001:db8::ffff:ffff:ffff:ffff", "2001:db8::/64"},
    {"2001:db8::/65", ADDRESS_OK, "2001:db8::", "2001:db8::7fff:ffff:ffff:ffff", "2001:db8::/65"},
    {"2001:db8::/127", ADDRESS_OK, "2001:db8::", "2001:db8::1", "2001:db8::/127"},
    {"::1/128", ADDRESS_OK, "::1", "::1", "::1"},
    /* v4-mapped CIDRs: /96 and longer are IPv4, shorter ones reach beyond it and stay IPv6. */
    {"::ffff:0:0/96", ADDRESS_OK, "0.0.0.0", "255.255.255.255", "0.0.0.0/0"},
    {"::ffff:10.0.0.0/104", ADDRESS_OK, "10.0.0.0", "10.255.255.255", "10.0.0.0/8"},
    {"::ffff:10.1.2.3/128", ADDRESS_OK, "10.1.2.3", "10.1.2.3", "10.1.2.3"},
    {"::ffff:10.1.2.3/104", ADDRESS_HOST_BITS, "10.0.0.0/8", NULL, NULL},
    {"::ffff:0:0/95", ADDRESS_HOST_BITS, "::fffe:0:0/95", NULL, NULL},
    {"::ffff:0:0/80", ADDRESS_HOST_BITS, "::/80", NULL, NULL},
    {"::/80", ADDRESS_OK, "::", NULL, "::/80"}, /* its end is v4-mapped: see v4_mapped_ends */
    {"::/64", ADDRESS_OK, "::", "::ffff:ffff:ffff:ffff", "::/64"},
    {"::ffff:10.0.0.1/24", ADDRESS_HOST_BITS, "::/24", NULL, NULL},
    /* Host bits, and the text that was meant. */
    {"10.0.0.1/8", ADDRESS_HOST_BITS, "10.0.0.0/8", NULL, NULL},
    {"192.0.2.128/24", ADDRESS_HOST_BITS, "192.0.2.0/24", NULL, NULL},
    {"192.0.2.1/31", ADDRESS_HOST_BITS, "192.0.2.0/31", NULL, NULL},
    {"1.2.3.4/0", ADDRESS_HOST_BITS, "0.0.0.0/0", NULL, NULL},
    {"2001:db8::1/32", ADDRESS_HOST_BITS, "2001:db8::/32", NULL, NULL},
    {"2001:db8::1:0:0:1/64", ADDRESS_HOST_BITS, "2001:db8::/64", NULL, NULL},
    {"::1/0", ADDRESS_HOST_BITS, "::/0", NULL, NULL},
    /* Prefix lengths. */
    {"10.0.0.0/33", ADDRESS_BAD_PREFIX, "", NULL, NULL},
    {"2001:db8::/129", ADDRESS_BAD_PREFIX, "", NULL, NULL},
    {"10.0.0.0/", ADDRESS_BAD_PREFIX, "", NULL, NULL},
    {"10.0.0.0/08", ADDRESS_BAD_PREFIX, "", NULL, NULL},
    {"10.0.0.0/-8", ADDRESS_BAD_PREFIX, "", NULL, NULL},
    {"10.0.0.0/+8", ADDRESS_BAD_PREFIX, "", NULL, NULL},
    {"10.0.0.0/8 ", ADDRESS_BAD_PREFIX, "", NULL, NULL},
    {"10.0.0.0/8/8", ADDRESS_BAD_PREFIX, "", NULL, NULL},
    {"10.0.0.0/0x8", ADDRESS_BAD_PREFIX, "", NULL, NULL},
    {"10.0.0.0/4294967304", ADDRESS_BAD_PREFIX, "", NULL, NULL},
    {"10.0.0.0/tcp", ADDRESS_BAD_PREFIX, "", NULL, NULL},
    {"10.0.0.0/255.0.0.0", ADDRESS_BAD_PREFIX, "10.0.0.0/8", NULL, NULL},
    {"10.0.0.1/255.0.0.0", ADDRESS_BAD_PREFIX, "10.0.0.0/8", NULL, NULL},
    {"10.0.0.1/0.0.0.0", ADDRESS_BAD_PREFIX, "0.0.0.0/0", NULL, NULL},
    {"10.0.0.1/255.255.255.255", ADDRESS_BAD_PREFIX, "10.0.0.1", NULL, NULL},
    {"10.0.0.0/0.255.255.255", ADDRESS_BAD_PREFIX, "", NULL, NULL},
    {"2001:db8::/255.0.0.0", ADDRESS_BAD_PREFIX, "", NULL, NULL},
    {"example.com/24", ADDRESS_NOT_AN_ADDRESS, "", NULL, NULL},
    {"/24", ADDRESS_NOT_AN_ADDRESS, "", NULL, NULL},
    /* Ranges. */
    {"10.0.0.5-10.0.0.9", ADDRESS_OK, "10.0.0.5", "10.0.0.9", "10.0.0.5-10.0.0.9"},
    {"10.0.0.5-10.0.0.5", ADDRESS_OK, "10.0.0.5", "10.0.0.5", "10.0.0.5"},
    {"10.0.0.0-10.255.255.255", ADDRESS_OK, "10.0.0.0", "10.255.255.255", "10.0.0.0/8"},
    {"10.0.0.1-10.255.255.255", ADDRESS_OK, "10.0.0.1", "10.255.255.255", "10.0.0.1-10.255.255.255"},
    {"10.0.0.2-10.0.0.5", ADDRESS_OK, "10.0.0.2", "10.0.0.5", "10.0.0.2-10.0.0.5"}, /* four, but not aligned */
    {"2001:db8::1-2001:db8::ff", ADDRESS_OK, "2001:db8::1", "2001:db8::ff", "2001:db8::1-2001:db8::ff"},
    {"2001:db8::-2001:db8::ff", ADDRESS_OK, "2001:db8::", "2001:db8::ff", "2001:db8::/120"},
    {"2001:db8::-2001:db8:0:1::", ADDRESS_OK, "2001:db8::", "2001:db8:0:1::", "2001:db8::-2001:db8:0:1::"},
    {"1:0:0:1::-1:0:0:2:ffff:ffff:ffff:ffff", ADDRESS_OK, "1:0:0:1::", "1::2:ffff:ffff:ffff:ffff",
     "1:0:0:1::-1::2:ffff:ffff:ffff:ffff"},
    {"::fffe:0:0-::1:0:0:0", ADDRESS_OK, "::fffe:0:0", "::1:0:0:0", "::fffe:0:0-::1:0:0:0"},
    {"::ffff:10.0.0.5-10.0.0.9", ADDRESS_OK, "10.0.0.5", "10.0.0.9", "10.0.0.5-10.0.0.9"},
    {"10.0.0.9-10.0.0.5", ADDRESS_BACKWARDS, "10.0.0.5-10.0.0.9", NULL, NULL},
    {"10.255.255.255-10.0.0.0", ADDRESS_BACKWARDS, "10.0.0.0-10.255.255.255", NULL, NULL},
    {"2001:db8::ff-2001:db8::1", ADDRESS_BACKWARDS, "2001:db8::1-2001:db8::ff", NULL, NULL},
    {"10.0.0.1-2001:db8::1", ADDRESS_MIXED, "", NULL, NULL},
    {"2001:db8::1-10.0.0.1", ADDRESS_MIXED, "", NULL, NULL},
    {"::1-::ffff:10.0.0.1", ADDRESS_MIXED, "", NULL, NULL},
    {"10.0.0.1-", ADDRESS_NOT_AN_ADDRESS, "", NULL, NULL},
    {"-10.0.0.1", ADDRESS_NOT_AN_ADDRESS, "", NULL, NULL},
    {"10.0.0.1-20", ADDRESS_NOT_AN_ADDRESS, "", NULL, NULL},
    {"10.0.0.1--10.0.0.2", ADDRESS_NOT_AN_ADDRESS, "", NULL, NULL},
    {"10.0.0.1-10.0.0.2-10.0.0.3", ADDRESS_NOT_AN_ADDRESS, "", NULL, NULL},
    {"10.0.0.1 - 10.0.0.2", ADDRESS_NOT_AN_ADDRESS, "", NULL, NULL},
    {"my-host.example.com", ADDRESS_NOT_AN_ADDRESS, "", NULL, NULL},
    {"", ADDRESS_NOT_AN_ADDRESS, "", NULL, NULL},
    {"-", ADDRESS_NOT_AN_ADDRESS, "", NULL, NULL},
    {"----------------", ADDRESS_NOT_AN_ADDRESS, "", NULL, NULL},
    /* Zones. */
    {"fe80::1%eth0", ADDRESS_ZONE, "fe80::1", NULL, NULL},
    {"fe80::1%br-lan", ADDRESS_ZONE, "fe80::1", NULL, NULL},
    {"fe80::%eth0/64", ADDRESS_ZONE, "fe80::/64", NULL, NULL},
    {"fe80::1%eth0/64", ADDRESS_ZONE, "fe80::/64", NULL, NULL},
    {"fe80::/64%eth0", ADDRESS_BAD_PREFIX, "", NULL, NULL},
    {"fe80::1%eth0-fe80::9%eth0", ADDRESS_ZONE, "fe80::1-fe80::9", NULL, NULL},
    {"fe80::1%br-lan-fe80::9", ADDRESS_ZONE, "fe80::1-fe80::9", NULL, NULL},
    {"fe80::9%eth0-fe80::1", ADDRESS_BACKWARDS, "fe80::1-fe80::9", NULL, NULL},
};

static void ranges_are_read_and_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(ranges); i++) {
        struct address_range r;
        bool masked = true;
        char text[RANGE_TEXT];
        char hint[RANGE_TEXT] = "left over";
        assert_error(range_parse(ranges[i].text, false, &r, &masked, hint), ranges[i].error, ranges[i].text);
        assert_false(masked);
        if (ranges[i].error != ADDRESS_OK) {
            assert_string_equal(hint, ranges[i].first);
            continue;
        }
        assert_string_equal(hint, "");
        address_format(&r.first, text);
        assert_string_equal(text, ranges[i].first);
        if (ranges[i].last) {
            address_format(&r.last, text);
            assert_string_equal(text, ranges[i].last);
        }
        assert_int_equal(range_format(&r, text), strlen(ranges[i].canonical));
        assert_string_equal(text, ranges[i].canonical);
    }
}

/* A hint is there to be pasted, so it must be right. */
static void hints_are_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(ranges); i++) {
        struct address_range r;
        if (ranges[i].error != ADDRESS_OK && ranges[i].first[0])
            assert_error(range_parse(ranges[i].first, false, &r, NULL, NULL), ADDRESS_OK, ranges[i].first);
    }
}

static void host_bits_are_masked_where_asked(void **state)
{
    static const struct {
        const char *text;
        const char *canonical;
        bool masked;
    } cases[] = {
        {"10.1.2.3/8", "10.0.0.0/8", true},
        {"10.0.0.0/8", "10.0.0.0/8", false},
        {"10.1.2.3/32", "10.1.2.3", false},
        {"10.1.2.3", "10.1.2.3", false},
        {"10.0.0.5-10.0.0.9", "10.0.0.5-10.0.0.9", false},
        {"2001:db8::5/32", "2001:db8::/32", true},
        {"::ffff:10.1.2.3/104", "10.0.0.0/8", true},
        {"::ffff:0:0/95", "::fffe:0:0/95", true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct address_range r;
        bool masked = !cases[i].masked;
        char text[RANGE_TEXT];
        char hint[RANGE_TEXT];
        assert_int_equal(range_parse(cases[i].text, true, &r, &masked, hint), ADDRESS_OK);
        assert_int_equal(masked, cases[i].masked);
        assert_string_equal(hint, "");
        range_format(&r, text);
        assert_string_equal(text, cases[i].canonical);
    }
    struct address_range r;
    bool masked = true;
    assert_int_equal(range_parse("10.0.0.9-10.0.0.1", true, &r, &masked, NULL), ADDRESS_BACKWARDS);
    assert_int_equal(range_parse("fe80::1%eth0/64", true, &r, &masked, NULL), ADDRESS_ZONE);
    assert_int_equal(range_parse("10.0.0.1/33", true, &r, NULL, NULL), ADDRESS_BAD_PREFIX);
    assert_false(masked);
}

/* ::/80 ends in v4-mapped addresses without being IPv4: its end stays IPv6, and dotted (RFC 5952, section 5). */
static void v4_mapped_ends(void **state)
{
    struct address_range r;
    char text[RANGE_TEXT];

    (void)state;
    assert_int_equal(range_parse("::/80", false, &r, NULL, NULL), ADDRESS_OK);
    assert_int_equal(r.last.family, ADDRESS_INET6);
    assert_true(r.last.hi == 0 && r.last.lo == UINT64_C(0xffffffffffff));
    address_format(&r.last, text);
    assert_string_equal(text, "::ffff:255.255.255.255");
    r.first.lo = 1;
    range_format(&r, text);
    assert_string_equal(text, "::1-::ffff:255.255.255.255");
}

/* glibc writes ::0.1.0.2 for ::1:2, which RFC 5952 has no place for: those are compared by value. */
static void format_is_inet_ntop(void **state)
{
    (void)state;
    for (int i = 0; i < RANDOM_ROUNDS; i++) {
        uint8_t bytes[16];
        uint8_t back[16];
        char ours[ADDRESS_TEXT];
        char theirs[INET6_ADDRSTRLEN];
        static const uint8_t zeros[12];

        random_inet6(bytes);
        struct address a = address_from_v6(bytes);
        size_t length = address_format(&a, ours);
        assert_int_equal(length, strlen(ours));
        assert_int_equal(inet_pton(AF_INET6, ours, back), 1);
        assert_memory_equal(bytes, back, sizeof(bytes));
        if (memcmp(bytes, zeros, sizeof(zeros)) != 0) {
            assert_non_null(inet_ntop(AF_INET6, bytes, theirs, sizeof(theirs)));
            assert_string_equal(ours, theirs);
        }

        struct in_addr inet = {.s_addr = htonl((uint32_t)random_u64())};
        a = address_from_v4(ntohl(inet.s_addr));
        address_format(&a, ours);
        assert_non_null(inet_ntop(AF_INET, &inet, theirs, sizeof(theirs)));
        assert_string_equal(ours, theirs);
    }
}

/* Each way to leave out zeros, all 256 of them. */
static void every_pattern_of_zeros(void **state)
{
    (void)state;
    for (unsigned zeros = 0; zeros < 256; zeros++) {
        uint8_t bytes[16];
        char ours[ADDRESS_TEXT];
        char theirs[INET6_ADDRSTRLEN];
        for (unsigned i = 0; i < 16; i++)
            bytes[i] = zeros >> (i / 2) & 1 ? 0 : (uint8_t)(i + 1);
        if ((zeros & 0x3f) == 0x3f)
            continue; /* as above */
        struct address a = address_from_v6(bytes);
        address_format(&a, ours);
        assert_non_null(inet_ntop(AF_INET6, bytes, theirs, sizeof(theirs)));
        assert_string_equal(ours, theirs);
    }
}

static void random_ranges_come_back(void **state)
{
    (void)state;
    for (int i = 0; i < RANDOM_ROUNDS; i++) {
        uint8_t bytes[16];
        struct address_range r;
        struct address_range back;
        char text[RANGE_TEXT];

        random_inet6(bytes);
        r.first = i % 2 ? address_from_v4((uint32_t)random_u64()) : address_from_v6(bytes);
        random_inet6(bytes);
        r.last = i % 2 ? address_from_v4((uint32_t)random_u64()) : address_from_v6(bytes);
        if (i % 3 == 0) { /* often a CIDR */
            r.last = r.first;
            unsigned bits = (unsigned)random_u64() % 32;
            r.first.lo &= ~((UINT64_C(1) << bits) - 1);
            r.last.lo |= (UINT64_C(1) << bits) - 1;
        }
        if (address_compare(&r.first, &r.last) > 0) {
            struct address other = r.first;
            r.first = r.last;
            r.last = other;
        }
        if (r.first.family != r.last.family)
            continue;
        size_t length = range_format(&r, text);
        assert_int_equal(length, strlen(text));
        assert_int_equal(range_parse(text, false, &back, NULL, NULL), ADDRESS_OK);
        assert_int_equal(address_compare(&r.first, &back.first), 0);
        assert_int_equal(address_compare(&r.last, &back.last), 0);
    }
}

/* The longest texts fit, with their NUL, into what the header promises. */
static void longest_texts_fit(void **state)
{
    static const char *const longest[] = {
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff0-ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe",
        "255.255.255.253-255.255.255.254",
    };
    char text[RANGE_TEXT];

    (void)state;
    for (size_t i = 0; i < COUNT(longest); i++) {
        struct address_range r;
        assert_int_equal(range_parse(longest[i], false, &r, NULL, NULL), ADDRESS_OK);
        assert_true(range_format(&r, text) < RANGE_TEXT);
        assert_string_equal(text, longest[i]);
    }
    /* Not even nonsense overflows: a range of ends that do not belong together. */
    struct address_range odd = {{.lo = UINT64_MAX, .hi = UINT64_MAX, .family = ADDRESS_INET6},
                                {.lo = UINT64_MAX, .hi = UINT64_MAX, .family = ADDRESS_INET}};
    assert_true(range_format(&odd, text) < RANGE_TEXT);
    odd.first.family = odd.last.family = ADDRESS_NONE;
    odd.first.lo = 0;
    assert_true(range_format(&odd, text) < RANGE_TEXT);
}

static void order_and_kinds(void **state)
{
    static const char *const sorted[] = {
        "0.0.0.0", "127.0.0.1", "255.255.255.255", "::", "::1", "1::", "8000::", "ffff::ffff"};

    (void)state;
    for (size_t i = 0; i < COUNT(sorted); i++) {
        for (size_t j = 0; j < COUNT(sorted); j++) {
            struct address a;
            struct address b;
            assert_int_equal(address_parse(sorted[i], &a), ADDRESS_OK);
            assert_int_equal(address_parse(sorted[j], &b), ADDRESS_OK);
            assert_int_equal(address_compare(&a, &b), i < j ? -1 : i > j ? 1 : 0);
        }
    }

    static const struct {
        const char *text;
        bool loopback;
        bool wildcard;
    } kinds[] = {
        {"127.0.0.0", true, false},
        {"127.255.255.255", true, false},
        {"126.255.255.255", false, false},
        {"128.0.0.0", false, false},
        {"::1", true, false},
        {"::2", false, false},
        {"::ffff:127.0.0.1", true, false},
        {"1::1", false, false},
        {"0.0.0.0", false, true},
        {"::", false, true},
        {"::ffff:0:0", false, true},
        {"0.0.0.1", false, false},
    };
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct address a;
        assert_int_equal(address_parse(kinds[i].text, &a), ADDRESS_OK);
        assert_int_equal(address_is_loopback(&a), kinds[i].loopback);
        assert_int_equal(address_is_wildcard(&a), kinds[i].wildcard);
    }
    struct address none = {.family = ADDRESS_UNIX, .lo = 1};
    assert_false(address_is_loopback(&none));
    none.lo = 0;
    assert_false(address_is_wildcard(&none));
}

/* What is no IP address has a name too, for messages. */
static void other_families_have_names(void **state)
{
    static const struct {
        enum address_family family;
        const char *text;
    } names[] = {{ADDRESS_NONE, "none"}, {ADDRESS_UNIX, "unix"}, {ADDRESS_EXEMPT, "exempt"}, {ADDRESS_OTHER, "other"}};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const struct address_range range = {{.family = names[i].family}, {.family = names[i].family}};
        char text[RANGE_TEXT];

        assert_int_equal(address_format(&range.first, text), strlen(names[i].text));
        assert_string_equal(text, names[i].text);
        assert_int_equal(range_format(&range, text), strlen(text));
        assert_true(strncmp(text, names[i].text, strlen(names[i].text)) == 0);
    }
}

/* An interface's name has no slash, colon, percent sign, blank or control byte in it, and at most 15 bytes. */
static void zones_are_names(void **state)
{
    static const char *const plausible[] = {"fe80::1%eth0", "fe80::1%2", "fe80::1%abcdefghijklmno"};
    static const char *const others[] = {"fe80::1%",     "fe80::1%a/b", "fe80::1%a:b",   "fe80::1%a%b",
                                         "fe80::1%a\tb", "fe80::1% ",   "fe80::1%a\x7f", "fe80::1%abcdefghijklmnop"};
    struct address_range range;
    bool masked;

    (void)state;
    for (size_t i = 0; i < sizeof(plausible) / sizeof(plausible[0]); i++)
        assert_error(range_parse(plausible[i], false, &range, &masked, NULL), ADDRESS_ZONE, plausible[i]);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        enum address_error error = range_parse(others[i], false, &range, &masked, NULL);

        assert_error(error == ADDRESS_BAD_PREFIX ? ADDRESS_NOT_AN_ADDRESS : error, ADDRESS_NOT_AN_ADDRESS, others[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read_and_written),
        cmocka_unit_test(ranges_are_read_and_written),
        cmocka_unit_test(hints_are_accepted),
        cmocka_unit_test(host_bits_are_masked_where_asked),
        cmocka_unit_test(v4_mapped_ends),
        cmocka_unit_test(format_is_inet_ntop),
        cmocka_unit_test(every_pattern_of_zeros),
        cmocka_unit_test(random_ranges_come_back),
        cmocka_unit_test(longest_texts_fit),
        cmocka_unit_test(order_and_kinds),
        cmocka_unit_test(other_families_have_names),
        cmocka_unit_test(zones_are_names),
    };
    return cmocka_run_group_tests(tests, random_start, NULL);
}
