/* SPDX-License-Identifier: MIT */
/* The pool of steps: a growing array, and a hash table of where its lists begin. */
#include "config/steps.h"

#include "config/memory.h"
#include "policy/image.h"
#include "state/control.h"

#include <stdlib.h>
#include <string.h>

static uint64_t steps_hash(const uint32_t *steps, size_t count)
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (size_t i = 0; i < count; i++) {
        hash = (hash ^ steps[i]) * 0x100000001b3u;
        hash ^= hash >> 29;
    }
    return hash;
}

void step_pool_init(struct step_pool *pool)
{
    memset(pool, 0, sizeof(*pool));
    pool->slot_count = 1024;
    pool->slots = memory_new(pool->slot_count * sizeof(*pool->slots));
    pool->steps = memory_grow(pool->steps, 0, &pool->room, sizeof(*pool->steps));
    pool->steps[pool->count++] = IMAGE_NO_RULE;
}

void step_pool_free(struct step_pool *pool)
{
    free(pool->steps);
    free(pool->slots);
}

static size_t list_length(const struct step_pool *pool, uint32_t at)
{
    size_t length = 0;

    while (pool->steps[at + length] != IMAGE_NO_RULE)
        length++;
    return length;
}

static void step_pool_rehash(struct step_pool *pool)
{
    uint32_t *old = pool->slots;
    size_t old_count = pool->slot_count;

    pool->slot_count *= 2;
    pool->slots = memory_new(pool->slot_count * sizeof(*pool->slots));
    for (size_t i = 0; i < old_count; i++) {
        size_t slot;

        if (old[i] == 0)
            continue;
        slot = steps_hash(pool->steps + old[i], list_length(pool, old[i])) & (pool->slot_count - 1);
        while (pool->slots[slot] != 0)
            slot = (slot + 1) & (pool->slot_count - 1);
        pool->slots[slot] = old[i];
    }
    free(old);
}

static bool list_equals(const struct step_pool *pool, uint32_t at, const uint32_t *steps, size_t count)
{
    return pool->count - at > count && memcmp(pool->steps + at, steps, count * sizeof(*steps)) == 0 &&
           pool->steps[at + count] == IMAGE_NO_RULE;
}

uint32_t step_pool_intern(struct step_pool *pool, const uint32_t *steps, size_t count)
{
    size_t slot = steps_hash(steps, count) & (pool->slot_count - 1);
    uint32_t at;

    if (count == 0)
        return 0;
    for (; pool->slots[slot] != 0; slot = (slot + 1) & (pool->slot_count - 1)) {
        if (list_equals(pool, pool->slots[slot], steps, count))
            return pool->slots[slot];
    }
    if (pool->count > IMAGE_LIMIT / sizeof(*pool->steps)) /* too large for any image, which will be told at the end */
        return 0;
    at = (uint32_t)pool->count;
    for (size_t i = 0; i <= count; i++) {
        pool->steps = memory_grow(pool->steps, pool->count, &pool->room, sizeof(*pool->steps));
        pool->steps[pool->count++] = i < count ? steps[i] : IMAGE_NO_RULE;
    }
    pool->slots[slot] = at;
    if (++pool->used * 2 > pool->slot_count)
        step_pool_rehash(pool);
    return at;
}
