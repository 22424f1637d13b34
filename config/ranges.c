/* SPDX-License-Identifier: MIT */
/* Sets of addresses: sorting, merging, taking one out of another. */
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

void range_set_add_all(struct range_set *set, const struct range_set *other)
{
    for (size_t i = 0; i < other->v4_count; i++) {
        set->v4 = memory_grow(set->v4, set->v4_count, &set->v4_room, sizeof(*set->v4));
        set->v4[set->v4_count++] = other->v4[i];
    }
    for (size_t i = 0; i < other->v6_count; i++) {
        set->v6 = memory_grow(set->v6, set->v6_count, &set->v6_room, sizeof(*set->v6));
        set->v6[set->v6_count++] = other->v6[i];
    }
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

/* Least significant byte first, eight passes at most; a pass whose byte is the same everywhere is skipped. */
void radix_sort_u64(uint64_t *keys, uint64_t *scratch, size_t count)
{
    uint64_t *from = keys;
    uint64_t *to = scratch;

    for (unsigned shift = 0; shift < 64 && count > 1; shift += 8) {
        size_t starts[257] = {0};
        uint64_t *other;

        for (size_t i = 0; i < count; i++)
            starts[((from[i] >> shift) & 255) + 1]++;
        if (starts[((from[0] >> shift) & 255) + 1] == count)
            continue;
        for (unsigned b = 0; b < 256; b++)
            starts[b + 1] += starts[b];
        for (size_t i = 0; i < count; i++)
            to[starts[(from[i] >> shift) & 255]++] = from[i];
        other = from;
        from = to;
        to = other;
    }
    if (from != keys)
        memcpy(keys, from, count * sizeof(*keys));
}

static bool v4_is_sorted(const struct range_set *set)
{
    for (size_t i = 1; i < set->v4_count; i++) {
        if (set->v4[i - 1].first > set->v4[i].first)
            return false;
    }
    return true;
}

static void v4_sort(struct range_set *set)
{
    size_t count = set->v4_count;
    uint64_t *keys;

    if (v4_is_sorted(set))
        return;
    keys = memory_new(2 * count * sizeof(*keys));
    for (size_t i = 0; i < count; i++)
        keys[i] = (uint64_t)set->v4[i].first << 32 | set->v4[i].last;
    radix_sort_u64(keys, keys + count, count);
    for (size_t i = 0; i < count; i++)
        set->v4[i] = (struct range4){(uint32_t)(keys[i] >> 32), (uint32_t)keys[i]};
    free(keys);
}

/* Merges what overlaps or touches; the ranges are sorted by their first address. */
static void v4_merge(struct range_set *set)
{
    size_t kept = 0;

    for (size_t i = 0; i < set->v4_count; i++) {
        struct range4 next = set->v4[i];

        if (kept > 0 && (set->v4[kept - 1].last == UINT32_MAX || next.first <= set->v4[kept - 1].last + 1)) {
            if (next.last > set->v4[kept - 1].last)
                set->v4[kept - 1].last = next.last;
        } else {
            set->v4[kept++] = next;
        }
    }
    set->v4_count = kept;
}

static int compare128(uint64_t a_hi, uint64_t a_lo, uint64_t b_hi, uint64_t b_lo)
{
    if (a_hi != b_hi)
        return a_hi < b_hi ? -1 : 1;
    return (a_lo > b_lo) - (a_lo < b_lo);
}

static int v6_order(const void *a, const void *b)
{
    const struct range6 *x = a;
    const struct range6 *y = b;

    return compare128(x->first_hi, x->first_lo, y->first_hi, y->first_lo);
}

static bool v6_is_sorted(const struct range_set *set)
{
    for (size_t i = 1; i < set->v6_count; i++) {
        if (v6_order(&set->v6[i - 1], &set->v6[i]) > 0)
            return false;
    }
    return true;
}

/* Whether `next` begins inside `last` or right behind it. */
static bool v6_touches(const struct range6 *last, const struct range6 *next)
{
    uint64_t lo = last->last_lo + 1;
    uint64_t hi = last->last_hi + (lo == 0);

    if (lo == 0 && hi == 0) /* `last` ends with the highest address */
        return true;
    return compare128(next->first_hi, next->first_lo, hi, lo) <= 0;
}

static void v6_merge(struct range_set *set)
{
    size_t kept = 0;

    for (size_t i = 0; i < set->v6_count; i++) {
        struct range6 next = set->v6[i];
        struct range6 *last = kept > 0 ? &set->v6[kept - 1] : NULL;

        if (last != NULL && v6_touches(last, &next)) {
            if (compare128(next.last_hi, next.last_lo, last->last_hi, last->last_lo) > 0) {
                last->last_hi = next.last_hi;
                last->last_lo = next.last_lo;
            }
        } else {
            set->v6[kept++] = next;
        }
    }
    set->v6_count = kept;
}

size_t range_set_normalise(struct range_set *set)
{
    size_t before = set->v4_count + set->v6_count;

    v4_sort(set);
    v4_merge(set);
    if (!v6_is_sorted(set))
        qsort(set->v6, set->v6_count, sizeof(*set->v6), v6_order);
    v6_merge(set);
    return before - set->v4_count - set->v6_count;
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
        const struct range6 *late = v6_order(x, y) > 0 ? x : y;
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
