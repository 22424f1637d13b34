/* SPDX-License-Identifier: MIT */
/*
 * Addresses that were seen, as nets where several of them fall close together.
 *
 * A net takes the place of addresses where at least NETS_LEAST of them fall into it, it is no wider than /24 or, for
 * IPv6, /64, and of an IPv4 net at least one address in NETS_SHARE was seen. It is the smallest one that holds them.
 * All others stay what they are.
 */
#ifndef SOCKADE_CONFIG_NETS_H
#define SOCKADE_CONFIG_NETS_H

#include "policy/address.h"

#define NETS_LEAST 4
#define NETS_SHARE 8
#define NETS_WIDEST4 24
#define NETS_WIDEST6 64

struct net {
    struct address_range range;
    size_t first, count; /* which of the addresses fall into it */
};

/*
 * Makes nets of `count` sorted addresses without duplicates; `out` has room for as many. `may_join` is asked before a
 * range takes the place of addresses (NULL: always). Returns how many there are, in the order of the addresses.
 */
size_t nets_make(struct net *out, const struct address *addresses, size_t count,
                 bool (*may_join)(const struct address_range *range, void *data), void *data);

#endif
