/* SPDX-License-Identifier: MIT */
/* Two kinds of hash tables: one of lists of any length, one of records. */
#include "config/pool.h"

#include "config/memory.h"
#include "state/control.h"

#include <stdlib.h>
#include <string.h>

static uint64_t words_hash(const uint32_t *words, size_t count)
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (size_t i = 0; i < count; i++) {
        hash = (hash ^ words[i]) * 0x100000001b3u;
        hash ^= hash >> 29;
    }
    return hash;
}

/* ---- records ---- */

static void records_init(struct records *records, size_t size)
{
    *records = (struct records){.length = size / sizeof(uint32_t), .count = 1, .room = 64, .slot_count = 256};
    records->words = memory_new(records->room * size);
    records->slots = memory_new(records->slot_count * sizeof(*records->slots));
}

static const uint32_t *record_at(const struct records *records, size_t number)
{
    return records->words + number * records->length;
}

static size_t record_slot(const struct records *records, const uint32_t *words)
{
    size_t slot = words_hash(words, records->length) & (records->slot_count - 1);

    while (records->slots[slot] != 0 &&
           memcmp(record_at(records, records->slots[slot]), words, records->length * sizeof(*words)) != 0)
        slot = (slot + 1) & (records->slot_count - 1);
    return slot;
}

static void records_rehash(struct records *records)
{
    free(records->slots);
    records->slot_count *= 2;
    records->slots = memory_new(records->slot_count * sizeof(*records->slots));
    for (size_t i = 1; i < records->count; i++)
        records->slots[record_slot(records, record_at(records, i))] = (uint32_t)i;
}

static uint32_t records_intern(struct records *records, const uint32_t *words)
{
    size_t slot;
    size_t size = records->length * sizeof(*words);

    if (memcmp(words, records->words, size) == 0)
        return 0;
    slot = record_slot(records, words);
    if (records->slots[slot] != 0)
        return records->slots[slot];
    if (records->count > IMAGE_LIMIT / size) /* too large for any image, which will be told at the end */
        return 0;
    if (records->count == records->room) {
        records->room *= 2;
        records->words = memory_resize(records->words, records->room * size);
    }
    memcpy(records->words + records->count * records->length, words, size);
    records->slots[slot] = (uint32_t)records->count++;
    if (records->count * 2 > records->slot_count)
        records_rehash(records);
    return (uint32_t)records->count - 1;
}

uint32_t pool_bitmap(struct pool *pool, const uint64_t words[2])
{
    uint32_t record[4];

    memcpy(record, words, sizeof(record));
    return records_intern(&pool->bitmaps, record);
}

uint32_t pool_bundle(struct pool *pool, const uint32_t bitmaps[IMAGE_BUNDLE_BITMAPS])
{
    return records_intern(&pool->bundles, bitmaps);
}

/* ---- lists ---- */

static size_t list_length(const struct pool *pool, uint32_t at)
{
    size_t length = 0;

    while (pool->steps[at + length] != IMAGE_NO_RULE)
        length++;
    return length;
}

static void lists_rehash(struct pool *pool)
{
    uint32_t *old = pool->slots;
    size_t old_count = pool->slot_count;

    pool->slot_count *= 2;
    pool->slots = memory_new(pool->slot_count * sizeof(*pool->slots));
    for (size_t i = 0; i < old_count; i++) {
        size_t slot;

        if (old[i] == 0)
            continue;
        slot = words_hash(pool->steps + old[i], list_length(pool, old[i])) & (pool->slot_count - 1);
        while (pool->slots[slot] != 0)
            slot = (slot + 1) & (pool->slot_count - 1);
        pool->slots[slot] = old[i];
    }
    free(old);
}

static bool list_equals(const struct pool *pool, uint32_t at, const uint32_t *steps, size_t count)
{
    return pool->step_count - at > count && memcmp(pool->steps + at, steps, count * sizeof(*steps)) == 0 &&
           pool->steps[at + count] == IMAGE_NO_RULE;
}

uint32_t pool_list(struct pool *pool, const uint32_t *steps, size_t count)
{
    size_t slot = words_hash(steps, count) & (pool->slot_count - 1);
    uint32_t at;

    if (count == 0)
        return 0;
    for (; pool->slots[slot] != 0; slot = (slot + 1) & (pool->slot_count - 1)) {
        if (list_equals(pool, pool->slots[slot], steps, count))
            return pool->slots[slot];
    }
    if (pool->step_count > IMAGE_LIMIT / sizeof(*pool->steps))
        return 0;
    at = (uint32_t)pool->step_count;
    for (size_t i = 0; i <= count; i++) {
        pool->steps = memory_grow(pool->steps, pool->step_count, &pool->step_room, sizeof(*pool->steps));
        pool->steps[pool->step_count++] = i < count ? steps[i] : IMAGE_NO_RULE;
    }
    pool->slots[slot] = at;
    if (++pool->used * 2 > pool->slot_count)
        lists_rehash(pool);
    return at;
}

void pool_init(struct pool *pool)
{
    memset(pool, 0, sizeof(*pool));
    pool->slot_count = 1024;
    pool->slots = memory_new(pool->slot_count * sizeof(*pool->slots));
    pool->steps = memory_grow(pool->steps, 0, &pool->step_room, sizeof(*pool->steps));
    pool->steps[pool->step_count++] = IMAGE_NO_RULE;
    records_init(&pool->bitmaps, sizeof(struct image_bitmap));
    records_init(&pool->bundles, sizeof(struct image_bundle));
}

void pool_free(struct pool *pool)
{
    free(pool->steps);
    free(pool->slots);
    free(pool->bitmaps.words);
    free(pool->bitmaps.slots);
    free(pool->bundles.words);
    free(pool->bundles.slots);
}
