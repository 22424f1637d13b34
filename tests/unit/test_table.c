/* SPDX-License-Identifier: MIT */
/*
 * Tables against the boundaries that they were made of: what a look-up finds is what the last boundary below it leads
 * to.
 */
#include "config/memory.h"
#include "config/table.h"
#include "policy/find.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t state = 5;

static uint64_t random_next(void)
{
    state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return state ^ state >> 29;
}

/* Numbers of all sizes, many of them close together. */
static uint64_t random_key(unsigned clusters)
{
    uint64_t key = (random_next() % clusters) * UINT64_C(0x9e3779b97f4a7c15);

    return key + (random_next() >> (random_next() % 64));
}

static int key_order(const void *a, const void *b)
{
    const struct image_key6 *x = a;
    const struct image_key6 *y = b;

    if (x->hi != y->hi)
        return x->hi < y->hi ? -1 : 1;
    return (x->lo > y->lo) - (x->lo < y->lo);
}

/*
 * Boundaries in order, the lowest address among them, neighbours with different values; half of them lead to no list.
 */
static struct flat_table random_table(size_t count, unsigned clusters, unsigned values, bool six)
{
    struct flat_table flat = {0};
    struct image_key6 *keys = memory_new((count + 1) * sizeof(*keys));

    flat.keys4 = memory_new((count + 1) * sizeof(*flat.keys4));
    flat.keys6 = memory_new((count + 1) * sizeof(*flat.keys6));
    flat.values = memory_new((count + 1) * sizeof(*flat.values));
    for (size_t i = 1; i <= count; i++) {
        uint64_t key = random_key(clusters);

        keys[i] = six ? (struct image_key6){key, random_next() % 4 == 0 ? random_key(clusters) : 0}
                      : (struct image_key6){0, key >> 32};
        if (six && random_next() % 3 == 0) /* several boundaries in one upper half */
            keys[i].hi = keys[i - 1].hi;
    }
    qsort(keys, count + 1, sizeof(*keys), key_order);
    for (size_t i = 0; i <= count; i++) {
        uint32_t value = random_next() % 2 ? 0 : 1 + (uint32_t)(random_next() % values);

        if (flat.count > 0 && (key_order(&keys[i], &keys[i - 1]) == 0 || flat.values[flat.count - 1] == value))
            continue;
        flat.keys4[flat.count] = (uint32_t)keys[i].lo;
        flat.keys6[flat.count] = keys[i];
        flat.values[flat.count++] = value;
    }
    free(keys);
    return flat;
}

static uint32_t expected(const struct flat_table *flat, const struct image_key6 *key)
{
    size_t low = 0;
    size_t high = flat->count;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (key_order(&flat->keys6[middle], key) <= 0)
            low = middle;
        else
            high = middle;
    }
    return flat->values[low];
}

static uint32_t found(const struct view *view, const struct image_table *table, const struct image_key6 *key, bool six)
{
    return six ? find6(view, table, key->hi, key->lo) : find4(view, table, (uint32_t)key->lo);
}

/* One address further, or back; in IPv4 the carry is nobody's. */
static struct image_key6 beside(struct image_key6 key, int step)
{
    uint64_t lo = key.lo + (uint64_t)(int64_t)step;

    if (step > 0 && lo == 0)
        key.hi++;
    if (step < 0 && lo == UINT64_MAX)
        key.hi--;
    key.lo = lo;
    return key;
}

static void check_table(size_t count, unsigned clusters, unsigned values, bool six)
{
    struct flat_table flat = random_table(count, clusters, values, six);
    struct builder builder = {0}; /* of which a table needs the bytes alone */
    struct image_table table = build_table(&builder, &flat, six);
    struct view view = {.base = builder.bytes, .size = (uint32_t)builder.size};

    for (size_t i = 0; i < flat.count; i++) {
        for (int step = -1; step <= 1; step++) {
            struct image_key6 key = beside(flat.keys6[i], step);

            if (!six)
                key = (struct image_key6){0, (uint32_t)key.lo};
            assert_int_equal(found(&view, &table, &key, six), expected(&flat, &key));
        }
    }
    for (size_t i = 0; i < 1000; i++) {
        struct image_key6 key = {random_key(clusters), random_key(clusters)};

        if (!six)
            key = (struct image_key6){0, key.hi >> 32};
        assert_int_equal(found(&view, &table, &key, six), expected(&flat, &key));
    }
    flat_table_free(&flat);
    free(builder.bytes);
}

static void check_family(bool six)
{
    static const size_t counts[] = {0, 1, 2, 5, 8, 13, 30, 100, 1000, 20000};
    static const unsigned clusters[] = {1, 3, 1000, 1000000000};
    static const unsigned values[] = {1, 3, 100000};

    for (size_t n = 0; n < sizeof(counts) / sizeof(counts[0]); n++) {
        for (size_t c = 0; c < sizeof(clusters) / sizeof(clusters[0]); c++) {
            for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
                size_t times = counts[n] < 1000 ? 40 : 1;

                for (size_t i = 0; i < times; i++)
                    check_table(counts[n], clusters[c], values[v], six);
            }
        }
    }
    check_table(1500000, 1000000000, 1, six); /* in IPv4 enough for dense blocks */
}

static void test_inet(void **unused)
{
    (void)unused;
    check_family(false);
}

static void test_inet6(void **unused)
{
    (void)unused;
    check_family(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inet),
        cmocka_unit_test(test_inet6),
    };

    return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
