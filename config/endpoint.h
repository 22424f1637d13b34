/* SPDX-License-Identifier: MIT */
/*
 * Endpoints: `ADDRESS[:PORT[-PORT]][/PROTO]`, the shorthand of deny_to, `explain` and `run --deny-to`.
 *
 * Digits behind `/` are a prefix length, letters a protocol. IPv6 stands in brackets where a port follows, its prefix
 * inside them. `unix:` takes the rest as it stands. ADDRESS may be a name (any, loopback, ...) or an @set; which of
 * them are known is not this file's business.
 */
#ifndef SOCKADE_CONFIG_ENDPOINT_H
#define SOCKADE_CONFIG_ENDPOINT_H

#include "policy/image.h"

#include <stdbool.h>
#include <stddef.h>

struct endpoint {
    char address[256]; /* without brackets, port and protocol; "unix:..." as it stands */
    bool has_port;
    struct image_port_range port;
    unsigned protos; /* 0: not named */
};

/* Splits `text`. On a mistake returns false with one sentence, hint included, in `problem`. */
bool endpoint_parse(const char *text, struct endpoint *out, char *problem, size_t problem_size);

/* "443" or "8000-8999"; false where it is no port or range of ports from 1 to 65535, lower end first. */
bool port_range_parse(const char *text, struct image_port_range *out);

/* A protocol's name to its PROTO_* set ("any" is PROTO_ANY); 0 where it is none. */
unsigned proto_parse(const char *name);
const char *proto_text(unsigned protos); /* "tcp", ..., "any"; "tcp|udp" as a static text is not needed: "several" */

/* The names proto_parse knows, for "did you mean". */
extern const char *const proto_names[];
extern const size_t proto_name_count;

#endif
