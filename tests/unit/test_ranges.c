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

        if (i > 0)
            assert_true(compare128(r[-1].last_hi, r[-1].last_lo, r->first_hi, r->first_lo) < 0);
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

static void add(struct range_set *set, const char *text)
{
    struct address_range range;

    assert_int_equal(range_parse(text, false, &range, NULL, NULL), ADDRESS_OK);
    range_set_add(set, &range);
}

/* Adds the texts in this order and in the reverse one, and expects these counts. */
static void merges(const char *const *texts, size_t count, struct range_merge expected, size_t remaining)
{
    for (int turned = 0; turned < 2; turned++) {
        struct range_set set = {0};

        for (size_t i = 0; i < count; i++)
            add(&set, texts[turned ? count - 1 - i : i]);
        struct range_merge merge = range_set_normalise(&set);
        assert_int_equal(merge.duplicates, expected.duplicates);
        assert_int_equal(merge.inside, expected.inside);
        assert_int_equal(merge.joined, expected.joined);
        assert_int_equal(set.v4_count + set.v6_count, remaining);
        assert_int_equal(merge.duplicates + merge.inside + merge.joined + remaining, count);
        assert_normal(&set);
        range_set_free(&set);
    }
}

#define MERGES(duplicates, inside, joined, remaining, ...)                                                             \
    do {                                                                                                               \
        static const char *const texts[] = {__VA_ARGS__};                                                              \
        merges(texts, sizeof(texts) / sizeof(texts[0]), (struct range_merge){duplicates, inside, joined}, remaining);  \
    } while (0)

static void test_what_became_of_each_range(void **state)
{
    (void)state;
    MERGES(0, 0, 0, 2, "10.0.0.0/8", "192.0.2.1");
    MERGES(2, 0, 0, 1, "10.0.0.0/8", "10.0.0.0/8", "10.0.0.0-10.255.255.255");
    MERGES(0, 3, 0, 1, "10.0.0.0/8", "10.0.0.0/9", "10.128.0.0/9", "10.3.0.0/16");
    MERGES(1, 1, 0, 1, "10.0.0.0/8", "10.3.0.0/16", "10.3.0.0/16");
    MERGES(0, 0, 1, 1, "10.0.0.0/9", "10.128.0.0/9");
    MERGES(0, 0, 1, 1, "192.0.2.1-192.0.2.9", "192.0.2.5-192.0.2.20");
    MERGES(1, 3, 0, 2, "255.255.255.255", "255.255.255.254", "255.255.255.254/31", "0.0.0.0/1", "0.0.0.0", "0.0.0.0");
    MERGES(0, 1, 0, 1, "0.0.0.0/0", "255.255.255.255");
    MERGES(2, 0, 0, 1, "2001:db8::/32", "2001:db8::/32", "2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff");
    MERGES(0, 3, 0, 1, "2001:db8::/32", "2001:db8::/48", "2001:db8::", "2001:db8:ffff::/48");
    MERGES(0, 0, 2, 1, "2001:db8::/33", "2001:db8:8000::/33", "2001:db7:ffff::-2001:db8::1");
    MERGES(0, 2, 0, 1, "::/0", "ffff::", "ffff::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    MERGES(1, 0, 0, 2, "::ffff:192.0.2.1", "192.0.2.1", "::192.0.2.1");
}

/* Enough for every pass of the sort, with ranges that share their first address and with all in one network. */
static void test_many_ranges_in_any_order(void **state)
{
    (void)state;
    srand(20260102);
    for (int kind = 0; kind < 6; kind++) {
        struct range_set set = {0}, again = {0};
        size_t count = 20000;

        for (size_t i = 0; i < count; i++) {
            uint64_t a = (uint64_t)rand() << 32 ^ (uint64_t)rand() << 11 ^ (uint64_t)rand();
            uint64_t b = (uint64_t)rand() << 33 ^ (uint64_t)rand();
            uint32_t first = kind == 0 ? (uint32_t)a : kind == 2 ? (uint32_t)(a % 1000) << 12 : 0x0a000000;
            uint32_t length = kind == 0 ? (uint32_t)(b % 64) : (uint32_t)b >> 8;
            struct address_range range;

            if (kind < 3) {
                range.first = address_from_v4(first);
                range.last = address_from_v4(first > UINT32_MAX - length ? UINT32_MAX : first + length);
            } else {
                range.first = (struct address){kind == 3   ? a
                                               : kind == 4 ? a % 500 + 1
                                                           : 7,
                                               kind == 5 ? b : 0, ADDRESS_INET6};
                range.last = range.first;
                range.last.lo |= a % 1000;
            }
            range_set_add(&set, &range);
        }
        struct range_merge merge = range_set_normalise(&set);
        size_t remaining = set.v4_count + set.v6_count;
        assert_int_equal(merge.duplicates + merge.inside + merge.joined + remaining, count);
        assert_normal(&set);
        range_set_add_all(&again, &set);
        merge = range_set_normalise(&again);
        assert_int_equal(merge.duplicates + merge.inside + merge.joined, 0);
        range_set_free(&set);
        range_set_free(&again);
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
    struct range_merge merge = range_set_normalise(&set);
    assert_int_equal(merge.duplicates, 10);
    assert_int_equal(merge.joined, 9);
    assert_int_equal(set.v4_count, 1);
    range_set_free(&set);
    assert_true(range_set_is_empty(&set));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_operations),
        cmocka_unit_test(test_merged_count),
        cmocka_unit_test(test_what_became_of_each_range),
        cmocka_unit_test(test_many_ranges_in_any_order),
    };

    return cmocka_run_group_tests_name("ranges", tests, NULL, NULL);
}
