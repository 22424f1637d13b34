/* SPDX-License-Identifier: MIT */
/*
 * One address expression: an address, CIDR or range, a name such as `loopback`, a @set, or a Unix pattern.
 *
 * Most of this file is about texts that are none of them: what was meant, and how to write it.
 */
#include "config/read_internal.h"

#include "config/endpoint.h"
#include "config/memory.h"
#include "config/names.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define SHOWN_ADDRESSES 6 /* of a host name */
#define LONGEST_HOST 253  /* RFC 1035 section 2.3.4 */

bool policy_resolve_names_in_hints = true;

void addresses_free(struct addresses *addresses)
{
    range_set_free(&addresses->ranges);
    for (size_t i = 0; i < addresses->path_count; i++)
        free(addresses->paths[i]);
    free(addresses->paths);
    free(addresses->sets);
    *addresses = (struct addresses){0};
}

/* An error about `text`; always false, so that a caller can return it. */
#define refuse(reader, place, ...) (messages_add((reader)->messages, MESSAGE_ERROR, place, __VA_ARGS__), false)

static bool add_path(struct reader *reader, const struct address_use *use, const char *pattern, struct place place,
                     struct addresses *out)
{
    if (use->in_set)
        return refuse(reader, place, "'unix:%.200s' cannot stand in a set; name it in the rule itself", pattern);
    if (pattern[0] == '\0' || strcmp(pattern, "@") == 0)
        return refuse(reader, place, "'unix:%s' names no socket; write 'unix:/path' or 'unix:@name'", pattern);
    if (pattern[0] != '/' && pattern[0] != '@' && pattern[0] != '*')
        return refuse(reader, place,
                      "'unix:%.200s' is relative; write the whole path, 'unix:/...', or 'unix:@%.200s'"
                      " for an abstract name",
                      pattern, pattern);
    out->paths = memory_grow(out->paths, out->path_count, &out->path_room, sizeof *out->paths);
    out->paths[out->path_count++] = memory_text(pattern);
    return true;
}

/* As a destination the kernel takes 0.0.0.0 and :: for this machine; as a peer nobody has them. */
static bool judge_wildcard(struct reader *reader, const struct address_use *use, const char *text, struct place place)
{
    const char *holds = text[0] == '@' ? " holds 0.0.0.0 or ::, which" : "";

    if (use->to) {
        messages_add(reader->messages, MESSAGE_ERROR, place,
                     QUOTE "%s as a destination is this machine; write 'loopback' for that, or "
                           "'0.0.0.0/0', '::/0' or 'any' for every address",
                     text, holds);
        messages_detail(reader->messages, "unspecified", text, text[0] == '@' ? NULL : "loopback");
        return false;
    }
    if (use->from) {
        messages_add(reader->messages, MESSAGE_WARNING, place,
                     QUOTE "%s is no peer's address; write '0.0.0.0/0', "
                           "'::/0' or 'any' for every address",
                     text, holds);
        messages_detail(reader->messages, "unspecified", text, NULL);
    }
    return true;
}

/* `text` is "@name". */
static bool add_set(struct reader *reader, const struct address_use *use, const char *text, struct place place,
                    struct addresses *out)
{
    const struct named_set *set = set_use(reader, text + 1, place);

    if (!set)
        return false;
    if (set->wildcard && !judge_wildcard(reader, use, text, place))
        return false;
    out->wildcard |= set->wildcard;
    out->sets = memory_grow(out->sets, out->set_count, &out->set_room, sizeof *out->sets);
    out->sets[out->set_count++] = (size_t)(set - reader->policy->sets);
    return true;
}

static bool looks_like_host(const char *text)
{
    bool letters = false;
    size_t length = strlen(text);

    if (length == 0 || length > LONGEST_HOST || !isalnum((unsigned char)text[0]))
        return false;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (!isalnum(c) && c != '.' && c != '-' && c != '_')
            return false;
        letters |= isalpha(c) != 0;
    }
    return letters;
}

/* Appends the address to `joined`, unless it stands there or there are enough. */
static char *join_address(char *joined, const struct sockaddr *address, size_t *count)
{
    char text[INET6_ADDRSTRLEN];
    const void *bytes = address->sa_family == AF_INET ? (const void *)&((const struct sockaddr_in *)address)->sin_addr
                                                      : &((const struct sockaddr_in6 *)address)->sin6_addr;

    if (*count == SHOWN_ADDRESSES || !inet_ntop(address->sa_family, bytes, text, sizeof text))
        return joined;
    char *longer = memory_print("%s%s\"%s\"", joined, *count > 0 ? ", " : "", text);
    free(joined);
    ++*count;
    return longer;
}

/* The addresses that a host name has now, as they would stand in an array; NULL where there are none. */
static char *present_addresses(const char *host)
{
    /* no AI_ADDRCONFIG: a policy wants the IPv6 addresses also where IPv6 happens to be down */
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    char *joined = memory_text("");
    size_t count = 0;

    if (getaddrinfo(host, NULL, &hints, &found) == 0) {
        for (const struct addrinfo *one = found; one; one = one->ai_next) {
            if (one->ai_family == AF_INET || one->ai_family == AF_INET6)
                joined = join_address(joined, one->ai_addr, &count);
        }
        freeaddrinfo(found);
    }
    if (count == 0) {
        free(joined);
        return NULL;
    }
    return joined;
}

static bool refuse_host(struct reader *reader, const char *text, struct place place)
{
    bool ask = policy_resolve_names_in_hints && reader->resolved_names < RESOLVED_NAMES;
    char *present = ask ? present_addresses(text) : NULL;

    reader->resolved_names += ask;
    if (present)
        messages_add(reader->messages, MESSAGE_ERROR, place,
                     QUOTE " is a host name, and names change; write its "
                           "addresses, which are now [ %s ]",
                     text, present);
    else
        messages_add(reader->messages, MESSAGE_ERROR, place,
                     QUOTE " is a host name or no address at all; names "
                           "change, so write the addresses",
                     text);
    messages_detail(reader->messages, "host-name", text, NULL);
    free(present);
    return false;
}

/* "10.0.0.1:80" where an address alone may stand. */
static bool is_endpoint(const char *text, struct endpoint *endpoint)
{
    char problem[256];
    struct address_range range;

    if (!endpoint_parse(text, endpoint, problem, sizeof problem) ||
        !(endpoint->has_port || endpoint->protos || text[0] == '['))
        return false;
    for (size_t i = 0; i < address_name_count; i++) {
        if (strcmp(endpoint->address, address_names[i]) == 0)
            return true;
    }
    return range_parse(endpoint->address, true, &range, NULL, NULL) == ADDRESS_OK;
}

/* Whether a name or a set without its @ was meant. */
static const char *meant_name(const struct reader *reader, const char *text)
{
    for (size_t i = 0; i < reader->policy->set_count; i++) {
        if (strcmp(reader->policy->sets[i].name, text) == 0)
            return text;
    }
    return nearest_name(text, address_names, address_name_count);
}

/* Notes of the last message what is to stand in place of `text`; false, for callers to return. */
static bool proposed(struct reader *reader, const char *id, const char *text, const char *before, const char *fix)
{
    char *whole = fix[0] ? memory_print("%s%s", before, fix) : NULL;

    messages_detail(reader->messages, id, text, whole);
    free(whole);
    return false;
}

static bool refuse_misspelt(struct reader *reader, const char *text, const char *meant, struct place place)
{
    bool set = meant == text;

    messages_add(reader->messages, MESSAGE_ERROR, place, "unknown address " QUOTE "; did you mean '%s%.200s'?", text,
                 set ? "@" : "", meant);
    if (!set && !only_near_name(text, address_names, address_name_count))
        meant = "";
    return proposed(reader, "unknown-address", text, set ? "@" : "", meant);
}

/* `text` is neither name nor address. */
static bool refuse_text(struct reader *reader, const struct address_use *use, const char *text, struct place place)
{
    struct endpoint endpoint;
    const char *meant = meant_name(reader, text);

    if (meant)
        return refuse_misspelt(reader, text, meant, place);
    if (!use->endpoint && is_endpoint(text, &endpoint))
        return refuse(reader, place, QUOTE " holds more than an address; write '%s'%s", text, endpoint.address,
                      use->in_set ? "" : ", and the rest with the keys 'port' and 'proto'");
    if (strchr(text, '*') && strpbrk(text, "/:") == NULL)
        return refuse(reader, place, QUOTE " is no address; write a CIDR instead of '*', such as '192.0.2.0/24'", text);
    if (text[0] == '/') {
        messages_add(reader->messages, MESSAGE_ERROR, place,
                     QUOTE " is no address; write 'unix:%.200s' for a Unix socket", text, text);
        return proposed(reader, "address", text, "unix:", text);
    }
    if (looks_like_host(text))
        return refuse_host(reader, text, place);
    return refuse(reader, place,
                  QUOTE " in '%s' is no address; write an address, a CIDR, a range a-b, a @set or a name "
                        "such as 'loopback'",
                  text, use->key);
}

static bool refuse_range(struct reader *reader, const struct address_use *use, const char *text, struct place place,
                         enum address_error error, const char *hint)
{
    switch (error) {
    case ADDRESS_BAD_PREFIX:
        return refuse(reader, place, "the prefix length in " QUOTE " must be a number from 0 to %d", text,
                      strchr(text, ':') ? 128 : 32);
    case ADDRESS_HOST_BITS:
        messages_add(reader->messages, MESSAGE_ERROR, place,
                     QUOTE " has host bits set; write '%s', or '%.*s' for the one address", text, hint,
                     (int)strcspn(text, "/"), text);
        return proposed(reader, "host-bits", text, "", hint);
    case ADDRESS_BACKWARDS:
        messages_add(reader->messages, MESSAGE_ERROR, place, "the range " QUOTE " ends before it starts%s%s%s", text,
                     hint[0] ? "; write '" : "", hint, hint[0] ? "'" : "");
        return proposed(reader, "backwards", text, "", hint);
    case ADDRESS_MIXED:
        return refuse(reader, place, "the range " QUOTE " goes from one family to the other; write two", text);
    case ADDRESS_ZONE:
        messages_add(reader->messages, MESSAGE_ERROR, place, QUOTE " names a zone, which cannot be matched; %s%s%s",
                     text, hint[0] ? "write '" : "leave it out", hint, hint[0] ? "'" : "");
        return proposed(reader, "zone", text, "", hint);
    default:
        return refuse_text(reader, use, text, place);
    }
}

static bool is_wildcard(const struct address_range *range)
{
    return address_is_wildcard(&range->first) && address_compare(&range->first, &range->last) == 0;
}

bool address_add(struct reader *reader, const struct address_use *use, const char *text, struct place place,
                 struct addresses *out)
{
    char hint[RANGE_TEXT] = "";
    struct address_range range;

    if (text[0] == '\0')
        return refuse(reader, place, "an address in '%s' is empty; write 'any' for every address", use->key);
    if (strncmp(text, "unix:", 5) == 0)
        return add_path(reader, use, text + 5, place, out);
    if (text[0] == '@')
        return add_set(reader, use, text, place, out);
    if (address_name_add(text, &out->ranges))
        return true;
    enum address_error error = range_parse(text, false, &range, NULL, hint);
    if (error != ADDRESS_OK)
        return refuse_range(reader, use, text, place, error, hint);
    if (is_wildcard(&range)) {
        if (!judge_wildcard(reader, use, text, place))
            return false;
        out->wildcard = true;
    }
    range_set_add(&out->ranges, &range);
    return true;
}
