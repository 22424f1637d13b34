/* SPDX-License-Identifier: MIT */
/* Sets of addresses: joining them, taking one out of another. normalise.c brings them into order. */
#include "config/ranges.h"

#include "config/memory.h"

#include <stdlib.h>
#include <string.h>

void range_set_add(struct range_set *set, const struct address_range *range)
{
    if (range->first.family == ADDRESS_INET) {
        set->v4 = memory_grow(set->v4, set->v4_count, &set->v4_room, sizeof(*set->v4));
        set->v4[set->v4_count++] = (struct range4){(uint32_t)range->first.lo, (uint32_t)range->last.lo};
    } else {
        set->v6 = memory_grow(set->v6, set->v6_count, &set->v6_room, sizeof(*set->v6));
        set->v6[set->v6_count++] = (struct range6){range->first.hi, range->first.lo, range->last.hi, range->last.lo};
    }
}

/* Makes room for `more` elements behind `count`. */
static void *room_for(void *array, size_t count, size_t more, size_t *room, size_t element_size)
{
    if (*room - count >= more)
        return array;
    *room = count + more > 2 * *room ? count + more : 2 * *room;
    return memory_resize(array, *room * element_size);
}

void range_set_add_all(struct range_set *set, const struct range_set *other)
{
    set->v4 = room_for(set->v4, set->v4_count, other->v4_count, &set->v4_room, sizeof(*set->v4));
    set->v6 = room_for(set->v6, set->v6_count, other->v6_count, &set->v6_room, sizeof(*set->v6));
    if (other->v4_count > 0)
        memcpy(set->v4 + set->v4_count, other->v4, other->v4_count * sizeof(*set->v4));
    if (other->v6_count > 0)
        memcpy(set->v6 + set->v6_count, other->v6, other->v6_count * sizeof(*set->v6));
    set->v4_count += other->v4_count;
    set->v6_count += other->v6_count;
}

void range_set_free(struct range_set *set)
{
    free(set->v4);
    free(set->v6);
    memset(set, 0, sizeof(*set));
}

bool range_set_is_empty(const struct range_set *set)
{
    return set->v4_count == 0 && set->v6_count == 0;
}

/* The ranges of the highest level: everything of a family. */
static const struct range4 all4 = {0, UINT32_MAX};
static const struct range6 all6 = {0, 0, UINT64_MAX, UINT64_MAX};

static void v4_push(struct range_set *set, uint32_t first, uint32_t last)
{
    set->v4 = memory_grow(set->v4, set->v4_count, &set->v4_room, sizeof(*set->v4));
    set->v4[set->v4_count++] = (struct range4){first, last};
}

static void v6_push(struct range_set *set, uint64_t first_hi, uint64_t first_lo, uint64_t last_hi, uint64_t last_lo)
{
    set->v6 = memory_grow(set->v6, set->v6_count, &set->v6_room, sizeof(*set->v6));
    set->v6[set->v6_count++] = (struct range6){first_hi, first_lo, last_hi, last_lo};
}

/* Everything that a normalised set does not hold. */
static struct range_set complement(const struct range_set *set)
{
    struct range_set out = {0};
    struct range4 rest4 = all4;
    struct range6 rest6 = all6;
    bool left = true;

    for (size_t i = 0; i < set->v4_count && left; i++) {
        if (set->v4[i].first > rest4.first)
            v4_push(&out, rest4.first, set->v4[i].first - 1);
        left = set->v4[i].last != UINT32_MAX;
        rest4.first = set->v4[i].last + 1;
    }
    if (left)
        v4_push(&out, rest4.first, rest4.last);
    left = true;
    for (size_t i = 0; i < set->v6_count && left; i++) {
        const struct range6 *r = &set->v6[i];

        if (compare128(r->first_hi, r->first_lo, rest6.first_hi, rest6.first_lo) > 0)
            v6_push(&out, rest6.first_hi, rest6.first_lo, r->first_hi - (r->first_lo == 0), r->first_lo - 1);
        rest6.first_lo = r->last_lo + 1;
        rest6.first_hi = r->last_hi + (rest6.first_lo == 0);
        left = rest6.first_lo != 0 || rest6.first_hi != 0;
    }
    if (left)
        v6_push(&out, rest6.first_hi, rest6.first_lo, rest6.last_hi, rest6.last_lo);
    return out;
}

static void v4_intersect(struct range_set *out, const struct range_set *a, const struct range_set *b)
{
    for (size_t i = 0, j = 0; i < a->v4_count && j < b->v4_count;) {
        uint32_t first = a->v4[i].first > b->v4[j].first ? a->v4[i].first : b->v4[j].first;
        uint32_t last = a->v4[i].last < b->v4[j].last ? a->v4[i].last : b->v4[j].last;

        if (first <= last)
            v4_push(out, first, last);
        if (a->v4[i].last < b->v4[j].last)
            i++;
        else
            j++;
    }
}

static void v6_intersect(struct range_set *out, const struct range_set *a, const struct range_set *b)
{
    for (size_t i = 0, j = 0; i < a->v6_count && j < b->v6_count;) {
        const struct range6 *x = &a->v6[i];
        const struct range6 *y = &b->v6[j];
        bool x_is_late = compare128(x->first_hi, x->first_lo, y->first_hi, y->first_lo) > 0;
        const struct range6 *late = x_is_late ? x : y;
        bool x_ends = compare128(x->last_hi, x->last_lo, y->last_hi, y->last_lo) < 0;
        const struct range6 *early = x_ends ? x : y;

        if (compare128(late->first_hi, late->first_lo, early->last_hi, early->last_lo) <= 0)
            v6_push(out, late->first_hi, late->first_lo, early->last_hi, early->last_lo);
        if (x_ends)
            i++;
        else
            j++;
    }
}

struct range_set range_set_intersect(const struct range_set *a, const struct range_set *b)
{
    struct range_set out = {0};

    v4_intersect(&out, a, b);
    v6_intersect(&out, a, b);
    return out;
}

void range_set_subtract(struct range_set *set, const struct range_set *less)
{
    struct range_set others;
    struct range_set left;

    if (range_set_is_empty(less))
        return;
    others = complement(less);
    left = range_set_intersect(set, &others);
    range_set_free(&others);
    range_set_free(set);
    *set = left;
}

bool range_set_has(const struct range_set *set, const struct address *address)
{
    size_t low = 0;
    size_t high = address->family == ADDRESS_INET ? set->v4_count : set->v6_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int before, behind;

        if (address->family == ADDRESS_INET) {
            before = address->lo < set->v4[middle].first ? 1 : 0;
            behind = address->lo > set->v4[middle].last ? 1 : 0;
        } else {
            const struct range6 *r = &set->v6[middle];

            before = compare128(address->hi, address->lo, r->first_hi, r->first_lo) < 0;
            behind = compare128(address->hi, address->lo, r->last_hi, r->last_lo) > 0;
        }
        if (!before && !behind)
            return true;
        if (before)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

/* Whether the normalised `outer` holds all of `inner`; stops at the first range that it does not. */
static bool holds_inet(const struct range_set *outer, const struct range_set *inner)
{
    for (size_t i = 0; i < inner->v4_count; i++) {
        size_t low = 0, high = outer->v4_count;
        while (low < high) { /* the first range that ends at or behind this one's end */
            size_t middle = low + (high - low) / 2;
            if (outer->v4[middle].last < inner->v4[i].last)
                low = middle + 1;
            else
                high = middle;
        }
        if (low == outer->v4_count || outer->v4[low].first > inner->v4[i].first)
            return false;
    }
    return true;
}

static bool holds_inet6(const struct range_set *outer, const struct range_set *inner)
{
    for (size_t i = 0; i < inner->v6_count; i++) {
        const struct range6 *range = &inner->v6[i];
        size_t low = 0, high = outer->v6_count;
        while (low < high) {
            size_t middle = low + (high - low) / 2;
            const struct range6 *other = &outer->v6[middle];
            if (compare128(other->last_hi, other->last_lo, range->last_hi, range->last_lo) < 0)
                low = middle + 1;
            else
                high = middle;
        }
        if (low == outer->v6_count ||
            compare128(outer->v6[low].first_hi, outer->v6[low].first_lo, range->first_hi, range->first_lo) > 0)
            return false;
    }
    return true;
}

bool range_set_holds(const struct range_set *outer, const struct range_set *inner)
{
    return holds_inet(outer, inner) && holds_inet6(outer, inner);
}

/* Whether a range of `many` meets this one. */
static bool meets_inet(const struct range_set *many, const struct range4 *range)
{
    size_t low = 0, high = many->v4_count;

    while (low < high) { /* the first range that ends at or behind this one's start */
        size_t middle = low + (high - low) / 2;
        if (many->v4[middle].last < range->first)
            low = middle + 1;
        else
            high = middle;
    }
    return low < many->v4_count && many->v4[low].first <= range->last;
}

static bool meets_inet6(const struct range_set *many, const struct range6 *range)
{
    size_t low = 0, high = many->v6_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare128(many->v6[middle].last_hi, many->v6[middle].last_lo, range->first_hi, range->first_lo) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < many->v6_count &&
           compare128(many->v6[low].first_hi, many->v6[low].first_lo, range->last_hi, range->last_lo) <= 0;
}

bool range_sets_meet(const struct range_set *a, const struct range_set *b)
{
    const struct range_set *few = a->v4_count < b->v4_count ? a : b, *many = few == a ? b : a;

    for (size_t i = 0; i < few->v4_count; i++) {
        if (meets_inet(many, &few->v4[i]))
            return true;
    }
    few = a->v6_count < b->v6_count ? a : b;
    many = few == a ? b : a;
    for (size_t i = 0; i < few->v6_count; i++) {
        if (meets_inet6(many, &few->v6[i]))
            return true;
    }
    return false;
}
