/* SPDX-License-Identifier: MIT */
/*
 * What boundaries become: runs of keys, which for IPv6 are upper halves, and parts of these; and the values beside the
 * blocks.
 */
#include "config/table.h"

#include "config/blocks.h"
#include "config/memory.h"

#include <stdlib.h>

#define DENSE_FROM 200000u /* IPv4 ranges: with more, blocks of lower halves take less room */

/* The parts of upper halves. */
struct parts {
    struct block_maker *maker;
    struct image_part *list;
    size_t count, room;
};

static size_t count_value(const struct flat_table *flat, uint32_t value)
{
    size_t count = 0;

    for (size_t i = 0; i < flat->count; i++)
        count += flat->values[i] == value;
    return count;
}

/*
 * What most boundaries lead to, but for those that lead to `but`: what more than half of them do (Boyer and Moore find
 * that), else what the lowest address does, which is mostly the background, or no list; whichever is met most.
 */
static uint32_t usual_value(const struct flat_table *flat, uint32_t but)
{
    uint32_t candidates[3] = {0, flat->count > 0 ? flat->values[0] : 0, 0};
    uint32_t best = but;
    size_t ahead = 0;
    size_t most = 0;

    for (size_t i = 0; i < flat->count; i++) {
        if (flat->values[i] == but)
            continue;
        if (ahead == 0)
            candidates[2] = flat->values[i];
        ahead = flat->values[i] == candidates[2] ? ahead + 1 : ahead - 1;
    }
    for (size_t c = 0; c < 3; c++) {
        size_t count = candidates[c] == but ? 0 : count_value(flat, candidates[c]);

        if (count > most) {
            most = count;
            best = candidates[c];
        }
    }
    return best;
}

static struct runs runs4(const struct flat_table *flat)
{
    struct runs runs = {0};

    for (size_t i = 0; i < flat->count; i++)
        runs_push(&runs, flat->keys4[i], i + 1 < flat->count ? flat->keys4[i + 1] - 1 : UINT32_MAX, flat->values[i]);
    return runs;
}

/* What the runs of one upper half become: one range and what is beside it where that is all, else a node. */
static struct image_part part_make(struct block_maker *maker, const struct runs *part)
{
    const struct run *runs = part->list;
    size_t count = part->count;
    struct image_node node;

    if (count == 2)
        return (struct image_part){runs[0].first, runs[0].last, runs[0].value, runs[1].value};
    if (count == 3 && runs[0].value == runs[2].value)
        return (struct image_part){runs[1].first, runs[1].last, runs[1].value, runs[0].value};
    node = blocks_make(maker, part, UINT64_MAX);
    return (struct image_part){.value = IMAGE_PART | node_push(maker, &node)};
}

/* Ends the part of one upper half, if one was begun, and leads the half to it. */
static void part_end(struct parts *parts, struct runs *runs, struct runs *part, uint64_t hi)
{
    struct image_part made;

    if (part->count == 0)
        return;
    made = part_make(parts->maker, part);
    parts->list = memory_grow(parts->list, parts->count, &parts->room, sizeof(*parts->list));
    parts->list[parts->count] = made;
    runs_push(runs, hi, hi, IMAGE_PART | (uint32_t)parts->count++);
    part->count = 0;
}

/*
 * Each range of addresses is the end of one upper half, whole ones, the beginning of another; what there is of these.
 */
static struct runs runs6(struct parts *parts, const struct flat_table *flat)
{
    struct runs runs = {0};
    struct runs part = {0};

    for (size_t i = 0; i < flat->count; i++) {
        struct image_key6 first = flat->keys6[i];
        struct image_key6 last = {UINT64_MAX, UINT64_MAX};
        uint32_t value = flat->values[i];

        if (i + 1 < flat->count) {
            last = flat->keys6[i + 1];
            last.hi -= last.lo == 0;
            last.lo--;
        }
        if (first.lo != 0) {
            runs_push(&part, first.lo, first.hi == last.hi ? last.lo : UINT64_MAX, value);
            if (first.hi == last.hi && last.lo != UINT64_MAX)
                continue;
            part_end(parts, &runs, &part, first.hi);
            if (first.hi == last.hi)
                continue;
            first.hi++;
        }
        if (last.lo == UINT64_MAX || first.hi < last.hi)
            runs_push(&runs, first.hi, last.lo == UINT64_MAX ? last.hi : last.hi - 1, value);
        if (last.lo != UINT64_MAX)
            runs_push(&part, 0, last.lo, value);
    }
    free(part.list);
    return runs;
}

/* ---- the table ---- */

/* The values of all blocks: none where no block needs them, narrow ones where they fit. */
static void build_values(struct builder *builder, const struct block_maker *maker, struct image_table *table)
{
    size_t count = maker->block_count * (maker->places + 1);
    uint16_t *narrow;

    if (!maker->differ)
        return;
    for (size_t i = 0; i < count; i++)
        table->wide |= maker->values[i] > UINT16_MAX;
    if (table->wide) {
        table->values = builder_add(builder, maker->values, count, sizeof(*maker->values));
        return;
    }
    narrow = memory_new(count * sizeof(*narrow));
    for (size_t i = 0; i < count; i++)
        narrow[i] = (uint16_t)maker->values[i];
    table->values = builder_add(builder, narrow, count, sizeof(*narrow));
    free(narrow);
}

struct image_table build_table(struct builder *builder, const struct flat_table *flat, bool six)
{
    uint32_t usual = usual_value(flat, IMAGE_NO_RULE);
    uint32_t most = usual_value(flat, usual);
    struct image_table table = {.usual = flat->count > 0 ? usual : 0, .most = most};
    struct block_maker maker = {.usual = usual, .most = most, .kind = BLOCK_INET6, .places = IMAGE_INET6};
    struct parts parts = {.maker = &maker};
    struct runs runs;

    if (six) {
        runs = runs6(&parts, flat);
    } else {
        runs = runs4(flat);
        maker.kind = runs.count > 2 * DENSE_FROM ? BLOCK_DENSE : BLOCK_INET;
        maker.places = image_block_places(maker.kind);
    }
    if (runs.count > 1) { /* else all keys are alike */
        table.kind = (uint16_t)maker.kind;
        table.root = blocks_make(&maker, &runs, six ? UINT64_MAX : UINT32_MAX);
        builder_align(builder, IMAGE_BLOCK);
        table.blocks = builder_add(builder, maker.blocks, maker.block_count, IMAGE_BLOCK);
        table.nodes = builder_add(builder, maker.nodes, maker.node_count, sizeof(*maker.nodes));
        table.parts = builder_add(builder, parts.list, parts.count, sizeof(*parts.list));
        build_values(builder, &maker, &table);
    }
    free(runs.list);
    free(maker.blocks);
    free(maker.values);
    free(maker.nodes);
    free(parts.list);
    return table;
}
