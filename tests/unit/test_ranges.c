/* SPDX-License-Identifier: MIT */
/* Sets of addresses against a plain bitmap over a small space. */
#include "config/ranges.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SPACE 512

/* Where the small space lies: at the start, in the middle, and at the very end of both families. */
static const uint32_t bases4[] = {0, 0x0a000000, UINT32_MAX - SPACE + 1};
static const struct {
    uint64_t hi, lo;
} bases6[] = {{0, 0}, {0x20010db800000000u, UINT64_MAX - 255}, {UINT64_MAX, UINT64_MAX - SPACE + 1}};

static struct address at4(int base, unsigned i)
{
    return address_from_v4(bases4[base] + i);
}

static struct address at6(int base, unsigned i)
{
    struct address address = {bases6[base].hi, bases6[base].lo + i, ADDRESS_INET6};

    address.hi += address.lo < bases6[base].lo;
    return address;
}

static struct address at(int base, bool six, unsigned i)
{
    return six ? at6(base, i) : at4(base, i);
}

static void random_set(struct range_set *set, bool map[SPACE], int base, bool six)
{
    memset(map, 0, SPACE);
    for (int n = rand() % 12; n > 0; n--) {
        unsigned first = (unsigned)rand() % SPACE;
        unsigned last = first + (unsigned)rand() % 40;
        struct address_range range;

        if (last >= SPACE)
            last = SPACE - 1;
        range = (struct address_range){at(base, six, first), at(base, six, last)};
        range_set_add(set, &range);
        memset(map + first, 1, last - first + 1);
    }
    range_set_normalise(set);
}

static void assert_equals(const struct range_set *set, const bool map[SPACE], int base, bool six)
{
    for (unsigned i = 0; i < SPACE; i++) {
        struct address address = at(base, six, i);

        assert_int_equal(range_set_has(set, &address), map[i]);
    }
}

/* Disjoint, ascending, and no two that touch. */
static void assert_normal(const struct range_set *set)
{
    for (size_t i = 1; i < set->v4_count; i++)
        assert_true((uint64_t)set->v4[i - 1].last + 1 < set->v4[i].first);
    for (size_t i = 0; i < set->v6_count; i++) {
        const struct range6 *r = &set->v6[i];

        assert_true(r->first_hi < r->last_hi || (r->first_hi == r->last_hi && r->first_lo <= r->last_lo));
    }
}

static void test_set_operations(void **state)
{
    (void)state;
    srand(20260101);
    for (int round = 0; round < 3000; round++) {
        struct range_set a = {0};
        struct range_set b = {0};
        struct range_set both;
        bool in_a[SPACE], in_b[SPACE], want[SPACE];
        int base = round % 3;
        bool six = round / 3 % 2;

        random_set(&a, in_a, base, six);
        random_set(&b, in_b, base, six);
        assert_equals(&a, in_a, base, six);
        assert_normal(&a);
        both = range_set_intersect(&a, &b);
        for (int i = 0; i < SPACE; i++)
            want[i] = in_a[i] && in_b[i];
        assert_equals(&both, want, base, six);
        range_set_subtract(&a, &b);
        for (int i = 0; i < SPACE; i++)
            want[i] = in_a[i] && !in_b[i];
        assert_equals(&a, want, base, six);
        assert_normal(&a);
        range_set_free(&a);
        range_set_free(&b);
        range_set_free(&both);
    }
}

static void test_merged_count(void **state)
{
    struct range_set set = {0};
    struct address_range range;

    (void)state;
    for (uint32_t i = 0; i < 10; i++) {
        range = (struct address_range){address_from_v4(100 + i), address_from_v4(100 + i)};
        range_set_add(&set, &range);
        range_set_add(&set, &range);
    }
    assert_int_equal(range_set_normalise(&set), 19);
    assert_int_equal(set.v4_count, 1);
    range_set_free(&set);
    assert_true(range_set_is_empty(&set));
}

static int u64_order(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static void test_radix_sort(void **state)
{
    enum { COUNT = 5000 };
    uint64_t *keys = malloc(COUNT * sizeof(*keys));
    uint64_t *want = malloc(COUNT * sizeof(*want));
    uint64_t *scratch = malloc(COUNT * sizeof(*scratch));

    (void)state;
    for (int shift = 0; shift < 64; shift += 7) {
        for (int i = 0; i < COUNT; i++)
            keys[i] = want[i] = (uint64_t)rand() << shift ^ (uint64_t)rand();
        qsort(want, COUNT, sizeof(*want), u64_order);
        radix_sort_u64(keys, scratch, COUNT);
        assert_memory_equal(keys, want, COUNT * sizeof(*keys));
    }
    free(keys);
    free(want);
    free(scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_operations),
        cmocka_unit_test(test_merged_count),
        cmocka_unit_test(test_radix_sort),
    };

    return cmocka_run_group_tests_name("ranges", tests, NULL, NULL);
}
