/* SPDX-License-Identifier: MIT */
/* Address lists by reference: FireHOL netsets, Spamhaus DROP, ipset save files, plain lists. */
#ifndef SOCKADE_CONFIG_LISTS_H
#define SOCKADE_CONFIG_LISTS_H

#include "config/messages.h"
#include "config/ranges.h"

struct list_report {
    size_t entries; /* addresses, CIDRs and ranges read */
    size_t masked;  /* of them with host bits set, which were cleared */
    size_t bad;     /* unreadable lines */
    size_t names;   /* of them host names, which are one error; of the others the first 20 are told */
};

/*
 * Reads `size` bytes of list text named `file` into `set` (appended, not normalised). One address, CIDR or range a
 * line; `#` and `;` start a comment; CRLF and a byte order mark are tolerated; `add NAME ENTRY ...` and `create ...`
 * lines of ipset save are understood. Masked host bits are one warning a file.
 */
struct list_report list_read(const char *text, size_t size, const char *file, struct range_set *set,
                             struct messages *messages);

#endif
