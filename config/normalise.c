/* SPDX-License-Identifier: MIT */
/*
 * A set in order: sorted by the bytes of the first addresses, in time linear in their number, then merged in one walk.
 *
 * Of ranges that start together the longest stands first. So a range is a duplicate of the one before it, or inside
 * what was kept last, or it makes that longer, or it is kept; and each of these is counted.
 */
#include "config/ranges.h"

#include "config/memory.h"

#include <stdlib.h>
#include <string.h>

#define LOWEST_BYTE_LAST (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)

/* Where in memory byte `n` of an integer stands; byte 0 is the lowest. */
static size_t byte_offset(size_t size, size_t n)
{
    return LOWEST_BYTE_LAST ? size - 1 - n : n;
}

/*
 * One pass of a radix sort, by the byte at `offset` of each element; false where that is the same in all, and nothing
 * was moved. Inlined, so that `size` is a constant and the copies are plain moves.
 */
static inline __attribute__((always_inline)) bool sort_pass(const unsigned char *from, unsigned char *to, size_t count,
                                                            size_t size, size_t offset)
{
    size_t starts[257] = {0};

    for (size_t i = 0; i < count; i++)
        starts[from[i * size + offset] + 1]++;
    if (starts[from[offset] + 1] == count)
        return false;
    for (size_t b = 0; b < 256; b++)
        starts[b + 1] += starts[b];
    for (size_t i = 0; i < count; i++)
        memcpy(to + size * starts[from[i * size + offset]]++, from + i * size, size);
    return true;
}

/* ---- IPv4 ---- */

static int v4_order(const void *a, const void *b)
{
    const struct range4 *x = a;
    const struct range4 *y = b;

    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return (x->last < y->last) - (x->last > y->last);
}

static bool v4_is_sorted(const struct range4 *ranges, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (v4_order(&ranges[i - 1], &ranges[i]) > 0)
            return false;
    }
    return true;
}

static void v4_sort_firsts(struct range_set *set)
{
    struct range4 *scratch = memory_new(set->v4_count * sizeof(*scratch));
    struct range4 *from = set->v4, *to = scratch;

    for (size_t n = 0; n < sizeof(from->first); n++) {
        size_t offset = offsetof(struct range4, first) + byte_offset(sizeof(from->first), n);
        struct range4 *sorted = to;

        if (!sort_pass((const unsigned char *)from, (unsigned char *)to, set->v4_count, sizeof(*from), offset))
            continue;
        to = from;
        from = sorted;
    }
    if (from != set->v4)
        memcpy(set->v4, from, set->v4_count * sizeof(*from));
    free(scratch);
}

static void v4_sort(struct range_set *set)
{
    size_t end;

    if (v4_is_sorted(set->v4, set->v4_count))
        return;
    v4_sort_firsts(set);
    for (size_t i = 0; i < set->v4_count; i = end) {
        for (end = i + 1; end < set->v4_count && set->v4[end].first == set->v4[i].first; end++)
            continue;
        if (!v4_is_sorted(set->v4 + i, end - i))
            qsort(set->v4 + i, end - i, sizeof(*set->v4), v4_order);
    }
}

/* Whether `next` begins inside `last` or right behind it. */
static bool v4_touches(const struct range4 *last, const struct range4 *next)
{
    return last->last == UINT32_MAX || next->first <= last->last + 1;
}

static void v4_merge(struct range_set *set, struct range_merge *merge)
{
    struct range4 before = {0};
    size_t kept = 0;

    for (size_t i = 0; i < set->v4_count; i++) {
        struct range4 next = set->v4[i];
        struct range4 *last = kept > 0 ? &set->v4[kept - 1] : NULL;

        if (last != NULL && v4_order(&before, &next) == 0) {
            merge->duplicates++;
        } else if (last != NULL && next.last <= last->last) {
            merge->inside++;
        } else if (last != NULL && v4_touches(last, &next)) {
            merge->joined++;
            last->last = next.last;
        } else {
            set->v4[kept++] = next;
        }
        before = next;
    }
    set->v4_count = kept;
}

/* ---- IPv6 ---- */

static int v6_order(const void *a, const void *b)
{
    const struct range6 *x = a;
    const struct range6 *y = b;
    int order = compare128(x->first_hi, x->first_lo, y->first_hi, y->first_lo);

    return order != 0 ? order : compare128(y->last_hi, y->last_lo, x->last_hi, x->last_lo);
}

static bool v6_is_sorted(const struct range6 *ranges, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (v6_order(&ranges[i - 1], &ranges[i]) > 0)
            return false;
    }
    return true;
}

static void v6_sort_firsts(struct range_set *set)
{
    struct range6 *scratch = memory_new(set->v6_count * sizeof(*scratch));
    struct range6 *from = set->v6, *to = scratch;

    for (size_t n = 0; n < 16; n++) {
        size_t offset = byte_offset(8, n % 8) +
                        (n < 8 ? offsetof(struct range6, first_lo) : offsetof(struct range6, first_hi));
        struct range6 *sorted = to;

        if (!sort_pass((const unsigned char *)from, (unsigned char *)to, set->v6_count, sizeof(*from), offset))
            continue;
        to = from;
        from = sorted;
    }
    if (from != set->v6)
        memcpy(set->v6, from, set->v6_count * sizeof(*from));
    free(scratch);
}

static void v6_sort(struct range_set *set)
{
    size_t end;

    if (v6_is_sorted(set->v6, set->v6_count))
        return;
    v6_sort_firsts(set);
    for (size_t i = 0; i < set->v6_count; i = end) {
        const struct range6 *first = &set->v6[i];

        for (end = i + 1; end < set->v6_count && set->v6[end].first_hi == first->first_hi &&
                          set->v6[end].first_lo == first->first_lo;
             end++)
            continue;
        if (!v6_is_sorted(first, end - i))
            qsort(set->v6 + i, end - i, sizeof(*set->v6), v6_order);
    }
}

static bool v6_touches(const struct range6 *last, const struct range6 *next)
{
    uint64_t lo = last->last_lo + 1;
    uint64_t hi = last->last_hi + (lo == 0);

    if (lo == 0 && hi == 0) /* `last` ends with the highest address */
        return true;
    return compare128(next->first_hi, next->first_lo, hi, lo) <= 0;
}

static void v6_merge(struct range_set *set, struct range_merge *merge)
{
    struct range6 before = {0};
    size_t kept = 0;

    for (size_t i = 0; i < set->v6_count; i++) {
        struct range6 next = set->v6[i];
        struct range6 *last = kept > 0 ? &set->v6[kept - 1] : NULL;

        if (last != NULL && v6_order(&before, &next) == 0) {
            merge->duplicates++;
        } else if (last != NULL && compare128(next.last_hi, next.last_lo, last->last_hi, last->last_lo) <= 0) {
            merge->inside++;
        } else if (last != NULL && v6_touches(last, &next)) {
            merge->joined++;
            last->last_hi = next.last_hi;
            last->last_lo = next.last_lo;
        } else {
            set->v6[kept++] = next;
        }
        before = next;
    }
    set->v6_count = kept;
}

struct range_merge range_set_normalise(struct range_set *set)
{
    struct range_merge merge = {0};

    v4_sort(set);
    v4_merge(set, &merge);
    v6_sort(set);
    v6_merge(set, &merge);
    return merge;
}
