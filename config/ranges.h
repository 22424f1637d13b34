/* SPDX-License-Identifier: MIT */
/* Sets of addresses as the compiler needs them: two growing arrays, one a family. */
#ifndef SOCKADE_CONFIG_RANGES_H
#define SOCKADE_CONFIG_RANGES_H

#include "policy/address.h"

struct range4 {
    uint32_t first;
    uint32_t last; /* inclusive */
};

struct range6 {
    uint64_t first_hi, first_lo;
    uint64_t last_hi, last_lo; /* inclusive */
};

struct range_set {
    struct range4 *v4;
    size_t v4_count, v4_room;
    struct range6 *v6;
    size_t v6_count, v6_room;
};

/* All of these end the program with a message when memory runs out (see memory.h). A zeroed set is an empty one. */
void range_set_add(struct range_set *set, const struct address_range *range);
void range_set_add_all(struct range_set *set, const struct range_set *other);
void range_set_free(struct range_set *set);

/* What became of the ranges of a set that are no longer there. */
struct range_merge {
    size_t duplicates; /* stood there already */
    size_t inside;     /* named nothing that others did not */
    size_t joined;     /* overlapped a neighbour or stood right beside it */
};

/* Sorts, and merges what overlaps or touches. The set becomes smaller by all three numbers together. */
struct range_merge range_set_normalise(struct range_set *set);

/* Takes `less` out of `set`. Both must be normalised; the result is. */
void range_set_subtract(struct range_set *set, const struct range_set *less);

/* The ranges that stand in both; both must be normalised, the result is a new normalised set. */
struct range_set range_set_intersect(const struct range_set *a, const struct range_set *b);

/* Whether any address stands in both; both must be normalised. Looks the fewer ranges up among the more. */
bool range_sets_meet(const struct range_set *a, const struct range_set *b);

/* Whether all of `inner` stands in `outer`; both must be normalised. */
bool range_set_holds(const struct range_set *outer, const struct range_set *inner);

bool range_set_has(const struct range_set *set, const struct address *address); /* normalised sets only */
bool range_set_is_empty(const struct range_set *set);

/* -1, 0 or 1 as one 128-bit number is below, at or above the other. */
static inline int compare128(uint64_t a_hi, uint64_t a_lo, uint64_t b_hi, uint64_t b_lo)
{
    if (a_hi != b_hi)
        return a_hi < b_hi ? -1 : 1;
    return (a_lo > b_lo) - (a_lo < b_lo);
}

#endif
