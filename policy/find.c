/* SPDX-License-Identifier: MIT */
/*
 * Look-ups that wait for memory once: a block is found by arithmetic, and searched without a branch on what is found,
 * so that an address which nobody could foresee costs no branch that was guessed wrong.
 */
#include "policy/find.h"

#include <stddef.h>
#include <string.h>

/* Of nodes in nodes: each has smaller slots than the one before, so a sound image needs no more. */
#define DEPTH_MAX 64

/*
 * The block of a node's slot for `key`. One below the node's first slot comes to the last, where it is above no range's
 * first either, and is found in none.
 */
static inline const unsigned char *block_of(const unsigned char *blocks, const struct image_node *node, uint64_t key)
{
    uint64_t slot = (key - node->low) >> (node->shift & 63);

    return blocks + (node->block + (size_t)(slot < node->last ? slot : node->last)) * IMAGE_BLOCK;
}

/* A node by its number; NULL where it does not lie in the image. */
static inline const struct image_node *node_at(const struct view *view, const struct image_table *table,
                                               uint32_t number)
{
    const struct image_node *node = (const void *)(view->base + table->nodes.offset);

    if (number - 1 >= table->nodes.count)
        return NULL;
    node += number - 1;
    return node->last < table->blocks.count && node->block < table->blocks.count - node->last ? node : NULL;
}

/* What a block that is divided has for `key`; NULL where the image is damaged. */
static inline const unsigned char *block_below(const struct view *view, const struct image_table *table,
                                               const unsigned char *block, uint64_t key)
{
    for (int depth = 0; depth < DEPTH_MAX; depth++) {
        const struct image_node *node;
        uint32_t number;

        memcpy(&number, block, sizeof(number));
        node = node_at(view, table, number);
        if (node == NULL)
            return NULL;
        block = block_of(view->base + table->blocks.offset, node, key);
        if (block[IMAGE_BLOCK - 1] != BLOCK_DIVIDED)
            return block;
    }
    return NULL;
}

/* One step of a search: `half` further where the range there does not begin above the key. A conditional move. */
#define STEP(at, half, first, key)                                                                                     \
    do {                                                                                                               \
        uint32_t next = (at) + (half);                                                                                 \
                                                                                                                       \
        (at) = (first)[next] <= (key) ? next : (at);                                                                   \
        __asm__("" : "+r"(at)); /* else the compiler makes a branch of it */                                           \
    } while (0)

static inline uint32_t search_dense(const uint16_t first[IMAGE_DENSE], uint16_t key)
{
    uint32_t at = 0;

    STEP(at, 10, first, key);
    STEP(at, 5, first, key);
    STEP(at, 3, first, key);
    STEP(at, 1, first, key);
    STEP(at, 1, first, key);
    return at;
}

static inline uint32_t search_inet(const uint32_t first[IMAGE_INET], uint32_t key)
{
    uint32_t at = 0;

    STEP(at, 6, first, key);
    STEP(at, 3, first, key);
    STEP(at, 1, first, key);
    STEP(at, 1, first, key);
    return at;
}

static inline uint32_t search_inet6(const uint64_t first[IMAGE_INET6], uint64_t key)
{
    uint32_t at = 0;

    STEP(at, 3, first, key);
    STEP(at, 2, first, key);
    STEP(at, 1, first, key);
    return at;
}

/* Whether a range of 2^size keys holds the one that lies so far `behind` its first. */
static inline bool holds(uint64_t behind, uint8_t size)
{
    return ((behind >> (size & 63)) | (size & IMAGE_NO_RANGE)) == 0;
}

/* The value of place `at` of a block that has so many, or with at == places the block's own for what no range holds. */
static inline uint32_t value_at(const struct view *view, const struct image_table *table, const unsigned char *block,
                                uint32_t places, uint32_t at)
{
    const unsigned char *values = view->base + table->values.offset;
    size_t number = (size_t)(block - (view->base + table->blocks.offset)) / IMAGE_BLOCK;
    size_t i = number * (places + 1) + at;

    return table->wide ? ((const uint32_t *)(const void *)values)[i] : ((const uint16_t *)(const void *)values)[i];
}

/* Where the range at a place leads to. */
static inline uint32_t hit(const struct view *view, const struct image_table *table, const unsigned char *block,
                           uint32_t places, uint32_t at, uint8_t size)
{
    if (!(size & IMAGE_VALUE) || table->values.count == 0)
        return table->most;
    return value_at(view, table, block, places, at);
}

/* Where keys of a slot lead to that are in none of its ranges. */
static inline uint32_t miss(const struct view *view, const struct image_table *table, const unsigned char *block,
                            uint32_t places)
{
    if (__builtin_expect(block[IMAGE_BLOCK - 1] == BLOCK_PLAIN || table->values.count == 0, true))
        return table->usual;
    return value_at(view, table, block, places, places);
}

static inline uint32_t block_find4(const struct view *view, const struct image_table *table, const unsigned char *block,
                                   uint32_t address)
{
    uint32_t at;

    /* Of a range that begins behind the address the difference has all its upper bits. */
    if (table->kind == BLOCK_DENSE) {
        const struct image_dense *dense = (const void *)block;
        uint16_t low = (uint16_t)address;

        at = search_dense(dense->first, low);
        if (holds((uint64_t)low - dense->first[at], dense->size[at]))
            return hit(view, table, block, IMAGE_DENSE, at, dense->size[at]);
        return miss(view, table, block, IMAGE_DENSE);
    }
    const struct image_inet *inet = (const void *)block;

    at = search_inet(inet->first, address);
    if (holds((uint64_t)address - inet->first[at], inet->size[at]))
        return hit(view, table, block, IMAGE_INET, at, inet->size[at]);
    return miss(view, table, block, IMAGE_INET);
}

/* Where the root's block is divided. Apart, and last in its caller, so that the usual case has no registers to save. */
static __attribute__((noinline)) uint32_t find4_below(const struct view *view, const struct image_table *table,
                                                      const unsigned char *block, uint32_t address)
{
    block = block_below(view, table, block, address);
    return block != NULL ? block_find4(view, table, block, address) : table->usual;
}

uint32_t find4(const struct view *view, const struct image_table *table, uint32_t address)
{
    const unsigned char *block;

    if (table->blocks.count == 0)
        return table->usual;
    block = block_of(view->base + table->blocks.offset, &table->root, address);
    if (__builtin_expect(block[IMAGE_BLOCK - 1] == BLOCK_DIVIDED, false))
        return find4_below(view, table, block, address);
    return block_find4(view, table, block, address);
}

/* The same for one half of an IPv6 address. */
static inline uint32_t block_find6(const struct view *view, const struct image_table *table, const unsigned char *block,
                                   uint64_t key)
{
    const struct image_inet6 *inet6 = (const void *)block;
    uint32_t at = search_inet6(inet6->first, key);

    if ((key >= inet6->first[at]) & holds(key - inet6->first[at], inet6->size[at]))
        return hit(view, table, block, IMAGE_INET6, at, inet6->size[at]);
    return miss(view, table, block, IMAGE_INET6);
}

/* Of an upper half whose value has IMAGE_PART: where the lower half leads to. */
static __attribute__((noinline)) uint32_t find_part(const struct view *view, const struct image_table *table,
                                                    uint32_t value, uint64_t lo)
{
    const struct image_part *part = (const void *)(view->base + table->parts.offset);
    const struct image_node *node;
    const unsigned char *block;

    value &= ~IMAGE_PART;
    if (value >= table->parts.count)
        return table->usual;
    part += value;
    if (!(part->value & IMAGE_PART))
        return lo - part->first <= part->last - part->first ? part->value : part->otherwise;
    node = node_at(view, table, part->value & ~IMAGE_PART);
    if (node == NULL)
        return table->usual;
    block = block_of(view->base + table->blocks.offset, node, lo);
    if (block[IMAGE_BLOCK - 1] == BLOCK_DIVIDED)
        block = block_below(view, table, block, lo);
    return block != NULL ? block_find6(view, table, block, lo) : table->usual;
}

static __attribute__((noinline)) uint32_t find6_below(const struct view *view, const struct image_table *table,
                                                      const unsigned char *block, uint64_t hi, uint64_t lo)
{
    uint32_t value;

    block = block_below(view, table, block, hi);
    value = block != NULL ? block_find6(view, table, block, hi) : table->usual;
    return __builtin_expect((value & IMAGE_PART) != 0, false) ? find_part(view, table, value, lo) : value;
}

uint32_t find6(const struct view *view, const struct image_table *table, uint64_t hi, uint64_t lo)
{
    const unsigned char *block;
    uint32_t value;

    if (table->blocks.count == 0)
        return table->usual;
    block = block_of(view->base + table->blocks.offset, &table->root, hi);
    if (block[IMAGE_BLOCK - 1] == BLOCK_DIVIDED)
        return find6_below(view, table, block, hi, lo);
    value = block_find6(view, table, block, hi);
    return __builtin_expect((value & IMAGE_PART) != 0, false) ? find_part(view, table, value, lo) : value;
}
