/* SPDX-License-Identifier: MIT */
/*
 * Addresses and sockaddrs out of anything. Each input is taken as a text, as a pattern and a text with a line end
 * between them, and as a sockaddr of which the first byte chooses direction and meaning.
 */
#include "policy/query.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_ROOM 512
#define PATTERN_ROOM 64

/* Stops the fuzzer where what must hold does not. */
static void must(bool condition)
{
    if (!condition)
        __builtin_trap();
}

static bool same_range(const struct address_range *a, const struct address_range *b)
{
    return address_compare(&a->first, &b->first) == 0 && address_compare(&a->last, &b->last) == 0;
}

/* Parse, format, parse: the same address, and a text that fits. */
static void check_address(const char *text)
{
    struct address a;
    struct address back;
    char written[ADDRESS_TEXT];
    if (address_parse(text, &a) != ADDRESS_OK)
        return;
    must(a.family == ADDRESS_INET || a.family == ADDRESS_INET6);
    size_t length = address_format(&a, written);
    must(length < sizeof(written) && length == strlen(written));
    must(address_parse(written, &back) == ADDRESS_OK && address_compare(&a, &back) == 0);
}

/* A range that was taken is in order and comes back from its text; a hint is taken as it stands. */
static void check_range(const char *text, bool mask)
{
    struct address_range r;
    struct address_range back;
    bool masked;
    char hint[RANGE_TEXT];
    char written[RANGE_TEXT];
    if (range_parse(text, mask, &r, &masked, hint) != ADDRESS_OK) {
        must(!masked);
        must(hint[0] == '\0' || range_parse(hint, false, &back, NULL, NULL) == ADDRESS_OK);
        return;
    }
    must(hint[0] == '\0' && (mask || !masked));
    must(r.first.family == r.last.family && address_compare(&r.first, &r.last) <= 0);
    size_t length = range_format(&r, written);
    must(length < sizeof(written) && length == strlen(written));
    must(range_parse(written, false, &back, NULL, NULL) == ADDRESS_OK && same_range(&r, &back));
    must(masked == (range_parse(text, false, &back, NULL, NULL) == ADDRESS_HOST_BITS));
}

/* By the definition, byte for byte. */
static bool matches_by_definition(const char *pattern, size_t pattern_length, const char *text, size_t text_length)
{
    bool matched[PATTERN_ROOM + 1] = {true};
    for (size_t p = 0; p < pattern_length; p++)
        matched[p + 1] = matched[p] && pattern[p] == '*';
    for (size_t t = 0; t < text_length; t++) {
        bool next[PATTERN_ROOM + 1] = {false};
        for (size_t p = 0; p < pattern_length; p++)
            next[p + 1] = pattern[p] == '*' ? next[p] || matched[p + 1] : matched[p] && pattern[p] == text[t];
        memcpy(matched, next, sizeof(matched));
    }
    return matched[pattern_length];
}

/* The fuzzer's own time limit tells of a pattern that does not end. */
static void check_pattern(const char *bytes, size_t size)
{
    const char *line_end = size > 0 ? memchr(bytes, '\n', size) : NULL;
    if (!line_end)
        return;
    size_t pattern_length = (size_t)(line_end - bytes);
    size_t text_length = size - pattern_length - 1;
    bool match = pattern_matches(bytes, pattern_length, line_end + 1, text_length);
    if (pattern_length <= PATTERN_ROOM)
        must(match == matches_by_definition(bytes, pattern_length, line_end + 1, text_length));
}

static void check_sockaddr(const uint8_t *data, size_t size)
{
    if (size == 0)
        return;
    enum direction direction = data[0] % DIRECTIONS;
    enum unspec unspec = data[0] / DIRECTIONS % 3;
    unsigned protos = data[0] & PROTO_ANY;
    /* Blocks of their own and of that very size, so that the sanitizer sees each byte too many. */
    uint8_t *address = malloc(size);
    char *path = malloc(QUERY_PATH);
    must(address && path);
    memcpy(address, data + 1, size - 1);

    struct query query;
    enum query_outcome outcome = query_from_sockaddr(&query, direction, (struct sockaddr *)address,
                                                     (socklen_t)(size - 1), unspec, protos, path);
    must(query.direction == direction && !query.strict && !query.same_file);
    if (outcome == QUERY_JUDGE) {
        must(query.address.family != ADDRESS_NONE);
        must(query.address.family != ADDRESS_INET || (query.address.hi == 0 && query.address.lo <= UINT32_MAX));
        must(direction != DIRECTION_TO || !address_is_wildcard(&query.address));
        must((query.protos & ~protos) == 0 && (protos == 0 || query.protos != 0));
        must(!query.port_known || direction != DIRECTION_FROM);
        if (query.address.family == ADDRESS_UNIX)
            must(query.path == path && query.path_length < QUERY_PATH && path[query.path_length] == '\0');
        else
            must(!query.path && query.path_length == 0);
    }
    free(address);
    free(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[TEXT_ROOM];
    size_t length = size < sizeof(text) ? size : sizeof(text) - 1;
    if (length > 0)
        memcpy(text, data, length);
    text[length] = '\0';

    check_address(text);
    check_range(text, false);
    check_range(text, true);
    check_pattern((const char *)data, size);
    check_sockaddr(data, size);
    return 0;
}
