/* SPDX-License-Identifier: MIT */
/*
 * Flattening: from rules that each cover many addresses to sorted disjoint ranges that each lead to the ordered rules
 * covering them.
 */
#ifndef SOCKADE_CONFIG_FLATTEN_H
#define SOCKADE_CONFIG_FLATTEN_H

#include "config/pool.h"
#include "config/rules.h"

struct image_key6 {
    uint64_t hi;
    uint64_t lo;
};

/* One flattened table: where another list begins to hold, from the lowest address on; `keys4` or `keys6` by family. */
struct flat_table {
    uint32_t *keys4;
    struct image_key6 *keys6;
    uint32_t *values; /* offsets into the pool */
    size_t count, room, value_room;
};

/*
 * Flattens the rules `numbers` (ascending indices into `rules`, `count` of them, all of one chain and direction) for
 * IPv4 (`six` false) or IPv6. A table without any rule comes out empty.
 */
struct flat_table flatten(const struct rule *rules, const uint32_t *numbers, size_t count, bool six, struct pool *pool);
void flat_table_free(struct flat_table *table);

/* Whether a rule holds for every query that its addresses cover. */
bool rule_is_unconditional(const struct rule *rule);

#endif
