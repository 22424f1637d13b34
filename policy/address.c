/* SPDX-License-Identifier: MIT */
/*
 * Addresses as 128-bit numbers: everything that can be done with one is arithmetic, and text is only its edge.
 *
 * Text is read by inet_pton(3), which takes no short or octal forms and so leaves no doubt what is meant, and written
 * by hand, since stdio is not async-signal-safe. A v4-mapped address stays as it was read until its prefix length is
 * known: ::ffff:0:0/96 is all of IPv4, ::fffe:0:0/95 is a range of IPv6.
 */
#include "policy/address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#define MAPPED_PREFIX 96

int address_compare(const struct address *a, const struct address *b)
{
    if (a->family != b->family)
        return a->family < b->family ? -1 : 1;
    if (a->hi != b->hi)
        return a->hi < b->hi ? -1 : 1;
    if (a->lo != b->lo)
        return a->lo < b->lo ? -1 : 1;
    return 0;
}

bool address_is_loopback(const struct address *a)
{
    if (a->family == ADDRESS_INET)
        return a->lo >> 24 == 127;
    return a->family == ADDRESS_INET6 && a->hi == 0 && a->lo == 1;
}

/* Whether a zone could be an interface's name or number: Linux forbids slash, colon and white space in names. */
static bool zone_is_plausible(const char *zone, size_t length)
{
    if (length == 0 || length >= IF_NAMESIZE)
        return false;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)zone[i];
        if (c <= ' ' || c == 0x7f || c == '/' || c == ':' || c == '%')
            return false;
    }
    return true;
}

/* Reads one address of `length` bytes, without normalising it. `*zone` becomes true, never false, where one stands. */
static bool read_address(const char *text, size_t length, struct address *out, bool *zone)
{
    const char *percent = memchr(text, '%', length);
    if (percent) {
        size_t before = (size_t)(percent - text);
        if (!zone_is_plausible(percent + 1, length - before - 1))
            return false;
        length = before;
    }

    char copy[INET6_ADDRSTRLEN];
    if (length >= sizeof(copy))
        return false;
    memcpy(copy, text, length);
    copy[length] = '\0';

    struct in_addr inet;
    uint8_t bytes[16];
    if (!percent && inet_pton(AF_INET, copy, &inet) == 1)
        *out = address_from_v4(ntohl(inet.s_addr));
    else if (inet_pton(AF_INET6, copy, bytes) == 1)
        *out = address_from_bytes(bytes);
    else
        return false;
    *zone = *zone || percent;
    return true;
}

enum address_error address_parse(const char *text, struct address *out)
{
    bool zone = false;
    struct address read;
    if (!read_address(text, strlen(text), &read, &zone))
        return ADDRESS_NOT_AN_ADDRESS;
    *out = address_normalised(read);
    return ADDRESS_OK;
}

static unsigned family_width(enum address_family family)
{
    return family == ADDRESS_INET ? 32 : 128;
}

/* The lowest `bits` bits set, as an address's halves. */
static void low_bits(unsigned bits, uint64_t *hi, uint64_t *lo)
{
    *lo = bits >= 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
    *hi = bits >= 128 ? UINT64_MAX : bits > 64 ? (UINT64_C(1) << (bits - 64)) - 1 : 0;
}

/* The range that `prefix` leading bits of `a` leave open; `prefix` is not above the family's width. */
static struct address_range range_of_prefix(struct address a, unsigned prefix)
{
    uint64_t hi;
    uint64_t lo;
    low_bits(family_width(a.family) - prefix, &hi, &lo);

    struct address_range range = {a, a};
    range.first.hi &= ~hi;
    range.first.lo &= ~lo;
    range.last.hi |= hi;
    range.last.lo |= lo;
    return range;
}

/* A decimal number up to `limit`, without sign or leading zeros; -1 where it is none. */
static int read_prefix(const char *text, unsigned limit)
{
    size_t length = strnlen(text, 4);
    if (length == 0 || length > 3 || (text[0] == '0' && length > 1))
        return -1;

    unsigned value = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        value = value * 10 + (unsigned)(text[i] - '0');
    }
    return value <= limit ? (int)value : -1;
}

/* The prefix length that a netmask such as 255.255.255.0 stands for; -1 where the text is none. */
static int read_netmask(const char *text)
{
    struct in_addr inet;
    if (inet_pton(AF_INET, text, &inet) != 1)
        return -1;
    uint32_t hosts = ~ntohl(inet.s_addr);
    if ((hosts & (hosts + 1)) != 0)
        return -1;
    return __builtin_popcount(~hosts);
}

/* Reads a CIDR whose slash is at `slash`. */
static enum address_error read_cidr(const char *text, const char *slash, bool mask, struct address_range *out,
                                    bool *masked, char *hint)
{
    bool zone = false;
    struct address a;
    if (!read_address(text, (size_t)(slash - text), &a, &zone))
        return ADDRESS_NOT_AN_ADDRESS;

    struct address_range range;
    int prefix = read_prefix(slash + 1, family_width(a.family));
    if (prefix < 0) {
        prefix = a.family == ADDRESS_INET ? read_netmask(slash + 1) : -1;
        if (prefix >= 0) {
            range = range_of_prefix(a, (unsigned)prefix);
            range_format(&range, hint);
        }
        return ADDRESS_BAD_PREFIX;
    }
    if (address_is_mapped(&a) && prefix >= MAPPED_PREFIX) {
        a = address_normalised(a);
        prefix -= MAPPED_PREFIX;
    }

    range = range_of_prefix(a, (unsigned)prefix);
    bool host_bits = address_compare(&range.first, &a) != 0;
    if ((host_bits && !mask) || zone) {
        range_format(&range, hint);
        return zone ? ADDRESS_ZONE : ADDRESS_HOST_BITS;
    }
    *masked = host_bits;
    *out = range;
    return ADDRESS_OK;
}

/* Writes `a-b`, whether or not that is a CIDR. */
static size_t pair_format(const struct address *a, const struct address *b, char *out)
{
    size_t length = address_format(a, out);
    out[length++] = '-';
    return length + address_format(b, out + length);
}

/* Finds the dash between two addresses; a zone may hold dashes too (`br-lan`), so each is tried. */
static bool read_pair(const char *text, size_t length, struct address_range *out, bool *zone)
{
    const char *end = text + length;
    const char *dash = text;
    while ((dash = memchr(dash, '-', (size_t)(end - dash))) != NULL) {
        bool found = false;
        if (read_address(text, (size_t)(dash - text), &out->first, &found) &&
            read_address(dash + 1, (size_t)(end - dash - 1), &out->last, &found)) {
            *zone = found;
            return true;
        }
        dash++;
    }
    return false;
}

/* Reads one address, or two with a dash between them. */
static enum address_error read_range(const char *text, struct address_range *out, char *hint)
{
    bool zone = false;
    size_t length = strlen(text);
    struct address_range range;
    if (read_address(text, length, &range.first, &zone))
        range.last = range.first;
    else if (!read_pair(text, length, &range, &zone))
        return ADDRESS_NOT_AN_ADDRESS;

    range.first = address_normalised(range.first);
    range.last = address_normalised(range.last);
    if (range.first.family != range.last.family)
        return ADDRESS_MIXED;
    if (address_compare(&range.first, &range.last) > 0) {
        pair_format(&range.last, &range.first, hint);
        return ADDRESS_BACKWARDS;
    }
    if (zone) {
        range_format(&range, hint);
        return ADDRESS_ZONE;
    }
    *out = range;
    return ADDRESS_OK;
}

enum address_error range_parse(const char *text, bool mask, struct address_range *out, bool *masked, char *hint)
{
    bool masked_unasked;
    char hint_unasked[RANGE_TEXT];
    if (!masked)
        masked = &masked_unasked;
    if (!hint)
        hint = hint_unasked;
    *masked = false;
    hint[0] = '\0';

    const char *slash = strchr(text, '/');
    return slash ? read_cidr(text, slash, mask, out, masked, hint) : read_range(text, out, hint);
}

/* Writes `value` to base 10 or 16; returns the end of what was written. */
static char *write_number(char *out, uint32_t value, uint32_t base)
{
    char digits[10];
    size_t count = 0;
    do {
        digits[count++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value > 0);
    while (count > 0)
        *out++ = digits[--count];
    return out;
}

static char *write_text(char *out, const char *text)
{
    while (*text)
        *out++ = *text++;
    return out;
}

static char *write_inet(char *out, uint32_t address)
{
    for (unsigned shift = 32; shift > 0; shift -= 8) {
        if (shift < 32)
            *out++ = '.';
        out = write_number(out, address >> (shift - 8) & 0xff, 10);
    }
    return out;
}

/* The longest run of at least two zero words, the first of equals (RFC 5952, section 4.2). Start 8 where none is. */
static void find_zeros(const uint16_t words[8], unsigned *start, unsigned *end)
{
    *start = *end = 8;
    unsigned longest = 1;
    for (unsigned i = 0; i < 8; i++) {
        unsigned j = i;
        while (j < 8 && words[j] == 0)
            j++;
        if (j - i > longest) {
            longest = j - i;
            *start = i;
            *end = j;
        }
        if (j > i)
            i = j;
    }
}

static char *write_inet6(char *out, const struct address *a)
{
    uint16_t words[8];
    for (unsigned i = 0; i < 4; i++) {
        words[i] = (uint16_t)(a->hi >> (48 - 16 * i));
        words[4 + i] = (uint16_t)(a->lo >> (48 - 16 * i));
    }

    unsigned start;
    unsigned end;
    find_zeros(words, &start, &end);
    for (unsigned i = 0; i < 8; i++) {
        if (i == start) {
            *out++ = ':';
            if (end == 8)
                *out++ = ':';
            i = end - 1;
            continue;
        }
        if (i > 0)
            *out++ = ':';
        out = write_number(out, words[i], 16);
    }
    return out;
}

size_t address_format(const struct address *a, char *out)
{
    char *end = out;
    switch (a->family) {
    case ADDRESS_NONE:
        end = write_text(out, "none");
        break;
    case ADDRESS_INET:
        end = write_inet(out, (uint32_t)a->lo);
        break;
    case ADDRESS_INET6:
        if (address_is_mapped(a)) /* only as the end of a range that covers more than IPv4 */
            end = write_inet(write_text(out, "::ffff:"), (uint32_t)a->lo);
        else
            end = write_inet6(out, a);
        break;
    case ADDRESS_UNIX:
        end = write_text(out, "unix");
        break;
    case ADDRESS_EXEMPT:
        end = write_text(out, "exempt");
        break;
    case ADDRESS_OTHER:
        end = write_text(out, "other");
        break;
    }
    *end = '\0';
    return (size_t)(end - out);
}

/* The prefix length of a range that is a CIDR, or -1. */
static int range_prefix(const struct address_range *r)
{
    if (r->first.family != r->last.family || (r->first.family != ADDRESS_INET && r->first.family != ADDRESS_INET6))
        return -1;

    uint64_t hi = r->first.hi ^ r->last.hi;
    uint64_t lo = r->first.lo ^ r->last.lo;
    bool is_low_bits = hi == 0 ? (lo & (lo + 1)) == 0 : lo == UINT64_MAX && (hi & (hi + 1)) == 0;
    if (!is_low_bits || (r->first.hi & hi) != 0 || (r->first.lo & lo) != 0)
        return -1;
    return (int)family_width(r->first.family) - __builtin_popcountll(hi) - __builtin_popcountll(lo);
}

size_t range_format(const struct address_range *r, char *out)
{
    if (address_compare(&r->first, &r->last) == 0)
        return address_format(&r->first, out);

    int prefix = range_prefix(r);
    if (prefix < 0)
        return pair_format(&r->first, &r->last, out);

    char *end = out + address_format(&r->first, out);
    *end++ = '/';
    end = write_number(end, (uint32_t)prefix, 10);
    *end = '\0';
    return (size_t)(end - out);
}

/*
 * A star takes as little as it can; on a mismatch only the last star is asked to take one byte more. What an earlier
 * star might take instead, the last one can take as well, so nothing is missed and nothing grows exponentially.
 */
bool pattern_matches(const char *pattern, size_t pattern_length, const char *text, size_t text_length)
{
    size_t p = 0;
    size_t t = 0;
    bool starred = false;
    size_t after_star = 0; /* in the pattern, behind the last star */
    size_t taken = 0;      /* in the text, behind what the last star takes */

    while (t < text_length) {
        if (p < pattern_length && pattern[p] == '*') {
            starred = true;
            after_star = ++p;
            taken = t;
        } else if (p < pattern_length && pattern[p] == text[t]) {
            p++;
            t++;
        } else if (starred) {
            p = after_star;
            t = ++taken;
        } else {
            return false;
        }
    }
    while (p < pattern_length && pattern[p] == '*')
        p++;
    return p == pattern_length;
}
