/* SPDX-License-Identifier: MIT */
/*
 * An endpoint's text is cut from its end: first the protocol (letters behind the last slash), then the port (behind
 * the colon that belongs to no IPv6 address), and what is left is the address, which others read.
 */
#include "config/endpoint.h"

#include "config/messages.h"
#include "policy/address.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define FORM "the form is ADDRESS[:PORT[-PORT]][/PROTO]"
#define QUOTED 80 /* bytes of a text that a message repeats */

const char *const proto_names[] = {"tcp", "udp", "icmp", "icmp6", "sctp", "raw", "any"};
const size_t proto_name_count = sizeof proto_names / sizeof proto_names[0];

/* In the order of proto_names. */
static const unsigned proto_sets[] = {PROTO_TCP, PROTO_UDP, PROTO_ICMP, PROTO_ICMP6, PROTO_SCTP, PROTO_RAW, PROTO_ANY};

_Static_assert(sizeof proto_sets / sizeof proto_sets[0] == sizeof proto_names / sizeof proto_names[0],
               "a set for each name");

unsigned proto_parse(const char *name)
{
    for (size_t i = 0; i < proto_name_count; i++) {
        if (strcmp(name, proto_names[i]) == 0)
            return proto_sets[i];
    }
    return 0;
}

const char *proto_text(unsigned protos)
{
    for (size_t i = 0; i < proto_name_count; i++) {
        if (protos == proto_sets[i])
            return proto_names[i];
    }
    return "several";
}

/* Reads one port off `*text`. A leading zero is refused: 080 is eighty to some and octal to others. */
static bool take_port(const char **text, uint16_t *port)
{
    unsigned value = 0;
    size_t digits = 0;

    while (isdigit((unsigned char)(*text)[digits]) && digits < 6)
        value = value * 10 + (unsigned)((*text)[digits++] - '0');
    if (digits == 0 || **text == '0' || value > 65535)
        return false;
    *text += digits;
    *port = (uint16_t)value;
    return true;
}

bool port_range_parse(const char *text, struct image_port_range *out)
{
    struct image_port_range range;

    if (!take_port(&text, &range.first))
        return false;
    range.last = range.first;
    if (*text == '-') {
        text++;
        if (!take_port(&text, &range.last))
            return false;
    }
    if (*text != '\0' || range.last < range.first)
        return false;
    *out = range;
    return true;
}

/* Cuts "/tcp" off the end of `text`. Digits behind the last slash are a prefix length and stay. */
static bool cut_proto(char *text, struct endpoint *out, char *problem, size_t size)
{
    char *slash = strrchr(text, '/');

    if (!slash || (slash[1] != '\0' && !isalpha((unsigned char)slash[1])))
        return true;
    if (slash[1] == '\0')
        return problem_say(problem, size, "'%.*s' ends in a slash; " FORM, QUOTED, text);
    out->protos = proto_parse(slash + 1);
    if (out->protos == 0) {
        const char *near = nearest_name(slash + 1, proto_names, proto_name_count);
        return near ? problem_say(problem, size, "unknown protocol '%.*s'; did you mean '%s'?", QUOTED, slash + 1, near)
                    : problem_say(problem, size, "unknown protocol '%.*s'; " FORM, QUOTED, slash + 1);
    }
    *slash = '\0';
    return true;
}

/* Reads what stands behind the colon. */
static bool read_port(const char *text, struct endpoint *out, char *problem, size_t size)
{
    if (!port_range_parse(text, &out->port))
        return problem_say(problem, size, "'%.*s' is no port from 1 to 65535 and no range of them; " FORM, QUOTED,
                           text);
    out->has_port = true;
    return true;
}

/* "[ADDRESS]" or "[ADDRESS]:PORT". */
static bool read_bracketed(char *text, struct endpoint *out, char *problem, size_t size)
{
    char *close = strchr(text, ']');

    if (!close)
        return problem_say(problem, size, "'%.*s' lacks the closing bracket; " FORM, QUOTED, text);
    char *rest = close + 1;
    *close = '\0';
    text++;
    if (!strchr(text, ':'))
        return problem_say(problem, size, "brackets are for IPv6; write '%.*s%.*s'", QUOTED, text, QUOTED, rest);
    if (*rest == '/' || *rest == '-')
        return problem_say(problem, size, "a prefix or range stands inside the brackets, as in '[%.*s%.*s]'", QUOTED,
                           text, QUOTED, rest);
    if (*rest != '\0' && *rest != ':')
        return problem_say(problem, size, "'%.*s' behind the bracket is no port; " FORM, QUOTED, rest);
    memcpy(out->address, text, strlen(text) + 1);
    return *rest == '\0' || read_port(rest + 1, out, problem, size);
}

/*
 * True where unbracketed IPv6 text may end in a port: what stands before its last colon is complete by itself, and
 * what stands behind reads as a port. `2001:db8::1` is not (`2001:db8:` is no address), `2001:db8::1:443` is.
 */
static bool may_end_in_port(const char *text, const char *last_colon)
{
    struct image_port_range port;
    struct address_range range;
    char head[sizeof(((struct endpoint *)NULL)->address)];
    size_t length = (size_t)(last_colon - text);

    if (!port_range_parse(last_colon + 1, &port))
        return false;
    memcpy(head, text, length);
    head[length] = '\0';
    return range_parse(head, true, &range, NULL, NULL) == ADDRESS_OK;
}

/* Text with more than one colon and no brackets: an IPv6 address without a port. */
static bool read_plain_inet6(const char *text, struct endpoint *out, char *problem, size_t size)
{
    const char *colon = strrchr(text, ':');
    struct address_range range;

    if (may_end_in_port(text, colon)) {
        int head = (int)(colon - text);
        if (range_parse(text, true, &range, NULL, NULL) == ADDRESS_OK)
            return problem_say(problem, size, "'%.*s' may end in a port or not; write '[%.*s]:%s' or '[%.*s]'", QUOTED,
                               text, head, text, colon + 1, QUOTED, text);
        return problem_say(problem, size, "IPv6 stands in brackets where a port follows; write '[%.*s]:%s'", head, text,
                           colon + 1);
    }
    memcpy(out->address, text, strlen(text) + 1);
    return true;
}

/* Everything without brackets: names, @sets, IPv4, and IPv6 without a port. */
static bool read_plain(char *text, struct endpoint *out, char *problem, size_t size)
{
    char *colon = strchr(text, ':');

    if (colon && text[0] != '@' && strchr(colon + 1, ':'))
        return read_plain_inet6(text, out, problem, size);
    if (colon == text)
        return problem_say(problem, size, "no address stands before '%.*s'; write 'any%.*s'", QUOTED, text, QUOTED,
                           text);
    if (text[0] != '\0' && text[strspn(text, "0123456789-")] == '\0')
        return problem_say(problem, size, "'%.*s' is a port without an address; write 'any:%.*s'", QUOTED, text, QUOTED,
                           text);
    if (colon)
        *colon = '\0';
    memcpy(out->address, text, strlen(text) + 1);
    return !colon || read_port(colon + 1, out, problem, size);
}

bool endpoint_parse(const char *text, struct endpoint *out, char *problem, size_t problem_size)
{
    char rest[sizeof out->address];
    size_t length = strlen(text);

    *out = (struct endpoint){0};
    if (length >= sizeof rest)
        return problem_say(problem, problem_size, "'%.*s...' is too long for an endpoint", QUOTED, text);
    if (strncmp(text, "unix:", 5) == 0) {
        memcpy(out->address, text, length + 1);
        return true;
    }
    memcpy(rest, text, length + 1);
    if (!cut_proto(rest, out, problem, problem_size))
        return false;
    if (rest[0] == '\0')
        return problem_say(problem, problem_size, "'%.*s' names no address; " FORM, QUOTED, text);
    bool right = rest[0] == '[' ? read_bracketed(rest, out, problem, problem_size)
                                : read_plain(rest, out, problem, problem_size);
    if (right && out->has_port && out->protos && !(out->protos & PROTO_WITH_PORTS))
        return problem_say(problem, problem_size, "protocol '%s' has no ports; leave out the port in '%.*s'",
                           proto_text(out->protos), QUOTED, text);
    return right;
}
