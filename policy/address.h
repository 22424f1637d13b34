/* SPDX-License-Identifier: MIT */
/*
 * The one address type of the project.
 *
 * An address is a family and 128 bits in host byte order; an IPv4 address stands in the low 32 bits. Everything that
 * reads a sockaddr or a text goes through this file, and a v4-mapped IPv6 address (RFC 4291, section 2.5.5.2) becomes
 * its IPv4 address here and nowhere else.
 *
 * No function here allocates or makes a system call; all are async-signal-safe.
 */
#ifndef SOCKADE_POLICY_ADDRESS_H
#define SOCKADE_POLICY_ADDRESS_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum address_family {
    ADDRESS_NONE,   /* no address: a field that was not set */
    ADDRESS_INET,   /* IPv4 */
    ADDRESS_INET6,  /* IPv6 that is not v4-mapped */
    ADDRESS_UNIX,   /* a path or an abstract name; the bytes are kept beside the address */
    ADDRESS_EXEMPT, /* netlink and AF_ALG: default and fail-closed never touch them */
    ADDRESS_OTHER,  /* vsock, packet, ...: no address rule can name them, but default and fail-closed hold */
};

struct address {
    uint64_t hi; /* the high half of an IPv6 address; 0 for IPv4 */
    uint64_t lo; /* the low half; for IPv4 the address itself */
    enum address_family family;
};

/* An inclusive range of addresses of one family. */
struct address_range {
    struct address first;
    struct address last;
};

/* Long enough for any address, range or endpoint that address_format and range_format write, with its NUL. */
#define ADDRESS_TEXT 48
#define RANGE_TEXT (2 * ADDRESS_TEXT)

/* What went wrong in a text; `range_parse` fills `hint` with the corrected text where there is one. */
enum address_error {
    ADDRESS_OK,
    ADDRESS_NOT_AN_ADDRESS, /* neither IPv4 nor IPv6: perhaps a host name */
    ADDRESS_BAD_PREFIX,     /* the prefix length is no number, or too long for the family */
    ADDRESS_HOST_BITS,      /* a CIDR with host bits set; hint: the same with the bits cleared */
    ADDRESS_BACKWARDS,      /* the range's end lies before its start */
    ADDRESS_MIXED,          /* a range from one family to another */
    ADDRESS_ZONE,           /* %zone where none can be matched; hint: the text without it */
};

/* What stands above the IPv4 address in the low half of a v4-mapped one. */
#define ADDRESS_MAPPED_TOP UINT64_C(0xffff)

static inline struct address address_from_v4(uint32_t host_order)
{
    return (struct address){.lo = host_order, .family = ADDRESS_INET};
}

/* An IPv6 address as its bytes say, v4-mapped or not. */
static inline struct address address_from_bytes(const uint8_t bytes[16])
{
    uint64_t words[2];

    memcpy(words, bytes, sizeof(words));
    return (struct address){.hi = be64toh(words[0]), .lo = be64toh(words[1]), .family = ADDRESS_INET6};
}

static inline bool address_is_mapped(const struct address *a)
{
    return a->family == ADDRESS_INET6 && a->hi == 0 && a->lo >> 32 == ADDRESS_MAPPED_TOP;
}

/* A v4-mapped IPv6 address as its IPv4 one, any other as it is. */
static inline struct address address_normalised(struct address a)
{
    return address_is_mapped(&a) ? address_from_v4((uint32_t)a.lo) : a;
}

static inline struct address address_from_v6(const uint8_t bytes[16])
{
    return address_normalised(address_from_bytes(bytes));
}

/* -1, 0 or 1 as `a` sorts before, with or after `b`; families sort first. */
int address_compare(const struct address *a, const struct address *b);

bool address_is_loopback(const struct address *a); /* 127.0.0.0/8, ::1 */

/* 0.0.0.0, :: */
static inline bool address_is_wildcard(const struct address *a)
{
    return (a->hi | a->lo) == 0 && (a->family == ADDRESS_INET || a->family == ADDRESS_INET6);
}

/*
 * Reads an IPv4 or IPv6 address (inet_pton(3) forms, so no leading zeros), with or without a %zone, which is skipped.
 * v4-mapped addresses come out as IPv4. Returns ADDRESS_OK or ADDRESS_NOT_AN_ADDRESS.
 */
enum address_error address_parse(const char *text, struct address *out);

/*
 * Reads an address, a CIDR or an `a-b` range; a v4-mapped CIDR of /96 or longer is its IPv4 CIDR.
 * With `mask` host bits are cleared instead of refused and `*masked` (may be NULL) tells of it.
 * On an error `hint` (RANGE_TEXT bytes, may be NULL) holds the corrected text, or "" where there is none.
 */
enum address_error range_parse(const char *text, bool mask, struct address_range *out, bool *masked, char *hint);

/* Writes the usual text (RFC 5952 for IPv6). `out` has ADDRESS_TEXT bytes. Returns the length. */
size_t address_format(const struct address *a, char *out);

/* Writes one address, a CIDR where the range is one, else `a-b`. `out` has RANGE_TEXT bytes. Returns the length. */
size_t range_format(const struct address_range *r, char *out);

/*
 * Matches a Unix path or abstract name against a rule's pattern, in which `*` stands for any run of bytes (slashes
 * too) and everything else for itself. Time is bounded by the product of both lengths.
 */
bool pattern_matches(const char *pattern, size_t pattern_length, const char *text, size_t text_length);

#endif
