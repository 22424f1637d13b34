/* SPDX-License-Identifier: MIT */
/*
 * Flattening: from rules that each cover many addresses to sorted disjoint ranges that each lead to the ordered rules
 * covering them.
 */
#ifndef SOCKADE_CONFIG_FLATTEN_H
#define SOCKADE_CONFIG_FLATTEN_H

#include "config/rules.h"

/*
 * The pool of steps: lists of rule numbers, each ending with IMAGE_NO_RULE, equal ones kept once. List 0 is the empty
 * one. A list ends at its first unconditional rule, since nothing behind it can decide. A long list is made of segments,
 * which hold the rules of 128 neighbours: where many ranges overlap, the lists of two neighbouring ranges
 * differ by one rule, so all their segments but one are shared.
 */
struct step_pool {
    uint32_t *steps;
    size_t count, room;
    uint32_t *slots; /* hash table of list offsets, 0 empty */
    size_t slot_count, used;
};

void step_pool_init(struct step_pool *pool);
void step_pool_free(struct step_pool *pool);

struct image_key6 {
    uint64_t hi;
    uint64_t lo;
};

/* One flattened table; `keys4` or `keys6` by family. */
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
struct flat_table flatten(const struct rule *rules, const uint32_t *numbers, size_t count, bool six,
                          struct step_pool *pool);
void flat_table_free(struct flat_table *table);

/* Whether a rule holds for every query that its addresses cover. */
bool rule_is_unconditional(const struct rule *rule);

#endif
