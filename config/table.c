/* SPDX-License-Identifier: MIT */
/*
 * Sorted ranges into blocks: the keys from the first range to the last are divided into so many slots that a few ranges are
 * in each, and a slot with more than its block has room for is divided again.
 */
#include "config/table.h"

#include "config/memory.h"

#include <stdlib.h>
#include <string.h>

#define ALL_THE_REST 63u     /* a range's size that reaches as far as the next range, or as the slot */
#define DENSE_FROM 200000u   /* IPv4 ranges: with more, blocks of lower halves take less room */
#define ROOT_SLOTS (1u << 18) /* as many are thought of, at most */
#define DENSE_BITS 16u

/* How many ranges a slot is to have: about half of what its block has room for. */
static const uint32_t aims[BLOCK_KINDS] = {[BLOCK_DENSE] = 14, [BLOCK_INET] = 6, [BLOCK_INET6] = 4};

/* Keys that lead to one list. */
struct run {
    uint64_t first;
    uint64_t last;
    uint32_t value;
};

/* Sorted runs. */
struct runs {
    struct run *list;
    size_t count, room;
};

/* A table's arrays as they grow. */
struct maker {
    enum image_block_kind kind;
    uint32_t capacity; /* of a block */
    unsigned char *blocks;
    uint32_t *values; /* `capacity` for each block */
    size_t block_count, block_room;
    struct image_node *nodes;
    size_t node_count, node_room;
    struct image_part *parts;
    size_t part_count, part_room;
    bool any;     /* there is a range */
    bool differ;  /* there are two that lead elsewhere */
    uint32_t all; /* where the first one leads to */
};

/* What a block has at one place. */
struct entry {
    uint64_t first;
    uint8_t size;
    uint32_t value;
};

/* Keys from `first` to `last`, all that a node or slot may be asked for. */
struct bounds {
    uint64_t first;
    uint64_t last;
};

static void runs_push(struct runs *runs, uint64_t first, uint64_t last, uint32_t value)
{
    runs->list = memory_grow(runs->list, runs->count, &runs->room, sizeof(*runs->list));
    runs->list[runs->count++] = (struct run){first, last, value};
}

/* ---- blocks ---- */

static void entry_put(struct entry *entries, uint32_t *count, uint32_t room, struct entry entry)
{
    if (*count < room)
        entries[*count] = entry;
    ++*count;
}

/* The power of two that `size` is, or ALL_THE_REST where it is none; 0 stands for 2^64. */
static uint8_t size_code(uint64_t size)
{
    return size != 0 && (size & (size - 1)) == 0 ? (uint8_t)__builtin_ctzll(size) : ALL_THE_REST;
}

/*
 * The entries for the runs [from, to) inside a slot, as many as there is room for. Returns how many there would be. A
 * run of more than 2^63 keys takes two.
 */
static uint32_t entries_make(const struct runs *runs, size_t from, size_t to, struct bounds slot, struct entry *entries,
                             uint32_t room)
{
    uint32_t count = 0;

    for (size_t i = from; i < to && count <= room; i++) {
        const struct run *run = &runs->list[i];
        uint64_t first = run->first > slot.first ? run->first : slot.first;
        uint64_t last = run->last < slot.last ? run->last : slot.last;
        uint8_t code;

        if (last - first >= UINT64_C(1) << 63) {
            entry_put(entries, &count, room, (struct entry){first, 63, run->value});
            first += UINT64_C(1) << 63;
        }
        code = size_code(last - first + 1);
        entry_put(entries, &count, room, (struct entry){first, code, run->value});
        if (code == ALL_THE_REST && last < slot.last && (i + 1 == to || runs->list[i + 1].first != last + 1))
            entry_put(entries, &count, room, (struct entry){last + 1, IMAGE_NO_RANGE, run->value});
    }
    return count;
}

/* Room for `count` blocks, all of zeroes. Returns the number of the first. */
static uint32_t blocks_take(struct maker *maker, uint32_t count)
{
    size_t first = maker->block_count;

    if (first + count > maker->block_room) {
        maker->block_room = (first + count) * 2;
        maker->blocks = memory_resize(maker->blocks, maker->block_room * IMAGE_BLOCK);
        maker->values = memory_resize(maker->values, maker->block_room * maker->capacity * sizeof(*maker->values));
    }
    memset(maker->blocks + first * IMAGE_BLOCK, 0, count * IMAGE_BLOCK);
    memset(maker->values + first * maker->capacity, 0, (size_t)count * maker->capacity * sizeof(*maker->values));
    maker->block_count += count;
    return (uint32_t)first;
}

static void place_write(struct maker *maker, uint32_t number, uint32_t at, const struct entry *entry)
{
    unsigned char *block = maker->blocks + (size_t)number * IMAGE_BLOCK;

    switch (maker->kind) {
    case BLOCK_DENSE:
        ((struct image_dense *)(void *)block)->first[at] = (uint16_t)entry->first;
        ((struct image_dense *)(void *)block)->size[at] = entry->size;
        break;
    case BLOCK_INET:
        ((struct image_inet *)(void *)block)->first[at] = (uint32_t)entry->first;
        ((struct image_inet *)(void *)block)->size[at] = entry->size;
        break;
    default:
        ((struct image_inet6 *)(void *)block)->first[at] = entry->first;
        ((struct image_inet6 *)(void *)block)->size[at] = entry->size;
        break;
    }
    maker->values[(size_t)number * maker->capacity + at] = entry->value;
}

/* Writes a block; what is left over repeats the last entry, so that a search ends there or at its like. */
static void block_write(struct maker *maker, uint32_t number, const struct entry *entries, uint32_t count)
{
    static const struct entry none = {.size = IMAGE_NO_RANGE};

    for (uint32_t at = 0; at < maker->capacity; at++)
        place_write(maker, number, at, count == 0 ? &none : &entries[at < count ? at : count - 1]);
    if (count > 0 && !maker->any) {
        maker->any = true;
        maker->all = entries[0].value;
    }
    for (uint32_t at = 0; at < count; at++)
        maker->differ = maker->differ || entries[at].value != maker->all;
}

static void block_divide(struct maker *maker, uint32_t number, const struct image_node *node)
{
    unsigned char *block = maker->blocks + (size_t)number * IMAGE_BLOCK;
    uint32_t name;

    maker->nodes = memory_grow(maker->nodes, maker->node_count, &maker->node_room, sizeof(*maker->nodes));
    maker->nodes[maker->node_count++] = *node;
    name = (uint32_t)maker->node_count;
    memcpy(block, &name, sizeof(name));
    block[IMAGE_BLOCK - 1] = IMAGE_DIVIDED;
}

/* ---- nodes ---- */

static uint32_t shift_for(uint64_t span, uint64_t slots)
{
    uint32_t shift = 0;

    while (span >> shift >= slots)
        shift++;
    return shift;
}

/* In how many slots of 2^shift keys a run begins. */
static uint64_t slots_used(const struct runs *runs, size_t from, size_t to, uint32_t shift)
{
    uint64_t low = runs->list[from].first;
    uint64_t used = 1;

    for (size_t i = from + 1; i < to; i++)
        used += (runs->list[i].first - low) >> shift != (runs->list[i - 1].first - low) >> shift;
    return used;
}

/*
 * How the runs [from, to), of which there are two or more, are divided: by their number, but into fewer slots where most of
 * these would be empty. Each has at least one run less then, for the first and the last never share a slot.
 */
static struct image_node divide(const struct maker *maker, const struct runs *runs, size_t from, size_t to,
                                struct bounds bounds)
{
    uint64_t low = runs->list[from].first > bounds.first ? runs->list[from].first : bounds.first;
    uint64_t span = runs->list[to - 1].first - low;
    uint64_t slots = 2;
    uint32_t shift;

    while (slots < ROOT_SLOTS && slots * aims[maker->kind] < to - from)
        slots *= 2;
    if (maker->kind == BLOCK_DENSE) {
        uint32_t bits = (uint32_t)__builtin_ctzll(bounds.last - bounds.first + 1);

        while (slots > 2 && slots > (bounds.last - bounds.first) / 2)
            slots /= 2;
        return (struct image_node){
            .low = bounds.first, .last = (uint32_t)slots - 1, .shift = bits - (uint32_t)__builtin_ctzll(slots)};
    }
    shift = shift_for(span, slots);
    while (slots > 16 && slots_used(runs, from, to, shift) * 3 < (span >> shift)) {
        slots /= 4;
        shift = shift_for(span, slots);
    }
    return (struct image_node){.low = low, .last = (uint32_t)(span >> shift), .shift = shift};
}

static void node_fill(struct maker *maker, const struct runs *runs, size_t from, size_t to, struct image_node *node,
                      uint64_t last);

/* One slot: a block, or a node where there is no room in it for the runs [from, to). */
static void slot_fill(struct maker *maker, const struct runs *runs, size_t from, size_t to, uint32_t number,
                      struct bounds slot)
{
    struct entry entries[IMAGE_DENSE];
    uint32_t count = entries_make(runs, from, to, slot, entries, maker->capacity);
    struct image_node node;

    if (count <= maker->capacity) {
        block_write(maker, number, entries, count);
        return;
    }
    node = divide(maker, runs, from, to, slot);
    node_fill(maker, runs, from, to, &node, slot.last);
    block_divide(maker, number, &node);
}

/* The blocks of a node, and of the nodes below it. */
static void node_fill(struct maker *maker, const struct runs *runs, size_t from, size_t to, struct image_node *node,
                      uint64_t last)
{
    node->block = blocks_take(maker, node->last + 1);
    for (uint32_t i = 0; i <= node->last; i++) {
        struct bounds slot = {node->low + ((uint64_t)i << node->shift), last};
        size_t end;

        if (i < node->last)
            slot.last = slot.first + ((UINT64_C(1) << node->shift) - 1);
        while (from < to && runs->list[from].last < slot.first)
            from++;
        for (end = from; end < to && runs->list[end].first <= slot.last;)
            end++;
        slot_fill(maker, runs, from, end, node->block + i, slot);
    }
}

/* All the runs of a table, or of a part. */
static struct image_node root_fill(struct maker *maker, const struct runs *runs, uint64_t last)
{
    struct bounds bounds = {0, last};
    struct entry entries[IMAGE_DENSE];
    struct image_node node = {.low = runs->list[0].first, .shift = 63};

    if (maker->kind == BLOCK_DENSE)
        node = (struct image_node){.last = (1u << DENSE_BITS) - 1, .shift = DENSE_BITS};
    else if (entries_make(runs, 0, runs->count, bounds, entries, maker->capacity) > maker->capacity)
        node = divide(maker, runs, 0, runs->count, bounds);
    node_fill(maker, runs, 0, runs->count, &node, last);
    return node;
}

/* ---- runs ---- */

static size_t count_value(const struct flat_table *flat, uint32_t value)
{
    size_t count = 0;

    for (size_t i = 0; i < flat->count; i++)
        count += flat->values[i] == value;
    return count;
}

/*
 * What most boundaries lead to: what more than half of them do (Boyer and Moore find that), else what the lowest address
 * does, which is mostly the background, or no list; whichever is met most.
 */
static uint32_t usual_value(const struct flat_table *flat)
{
    uint32_t candidates[3] = {0, flat->count > 0 ? flat->values[0] : 0, 0};
    uint32_t best = 0;
    size_t ahead = 0;

    for (size_t i = 0; i < flat->count; i++) {
        if (ahead == 0)
            candidates[2] = flat->values[i];
        ahead = flat->values[i] == candidates[2] ? ahead + 1 : ahead - 1;
    }
    for (size_t c = 1; c < 3; c++) {
        if (count_value(flat, candidates[c]) > count_value(flat, best))
            best = candidates[c];
    }
    return best;
}

static struct runs runs4(const struct flat_table *flat, uint32_t usual)
{
    struct runs runs = {0};

    for (size_t i = 0; i < flat->count; i++) {
        uint64_t last = i + 1 < flat->count ? flat->keys4[i + 1] - 1 : UINT32_MAX;

        if (flat->values[i] != usual)
            runs_push(&runs, flat->keys4[i], last, flat->values[i]);
    }
    return runs;
}

/* Ends a part: as such, or, where it has several runs, as a node. */
static void part_end(struct maker *maker, struct runs *runs, struct runs *part, uint64_t hi)
{
    struct image_part made;

    if (part->count == 0)
        return;
    made = (struct image_part){part->list[0].first, part->list[0].last, part->list[0].value, 0};
    if (part->count > 1) {
        struct image_node node = root_fill(maker, part, UINT64_MAX);

        maker->nodes = memory_grow(maker->nodes, maker->node_count, &maker->node_room, sizeof(*maker->nodes));
        maker->nodes[maker->node_count++] = node;
        made = (struct image_part){.node = (uint32_t)maker->node_count};
    }
    maker->parts = memory_grow(maker->parts, maker->part_count, &maker->part_room, sizeof(*maker->parts));
    maker->parts[maker->part_count] = made;
    runs_push(runs, hi, hi, IMAGE_PART | (uint32_t)maker->part_count++);
    part->count = 0;
}

/* A range of addresses: the end of one upper half, whole ones, the beginning of another; what there is of these. */
static struct runs runs6(struct maker *maker, const struct flat_table *flat, uint32_t usual)
{
    struct runs runs = {0};
    struct runs part = {0};
    uint64_t hi = 0; /* whose part is being gathered */

    for (size_t i = 0; i < flat->count; i++) {
        struct image_key6 first = flat->keys6[i];
        struct image_key6 last = {UINT64_MAX, UINT64_MAX};

        if (flat->values[i] == usual)
            continue;
        if (i + 1 < flat->count) {
            last = flat->keys6[i + 1];
            last.hi -= last.lo == 0;
            last.lo--;
        }
        if (first.hi != hi)
            part_end(maker, &runs, &part, hi);
        hi = first.hi;
        if (first.lo != 0) {
            runs_push(&part, first.lo, first.hi == last.hi ? last.lo : UINT64_MAX, flat->values[i]);
            if (first.hi == last.hi)
                continue;
            part_end(maker, &runs, &part, hi);
            first.hi++;
        }
        if (last.lo == UINT64_MAX || first.hi < last.hi)
            runs_push(&runs, first.hi, last.lo == UINT64_MAX ? last.hi : last.hi - 1, flat->values[i]);
        hi = last.hi;
        if (last.lo != UINT64_MAX)
            runs_push(&part, 0, last.lo, flat->values[i]);
    }
    part_end(maker, &runs, &part, hi);
    free(part.list);
    return runs;
}

/* ---- the table ---- */

/* The values of all places of all blocks: none where all are the same, narrow ones where they fit. */
static void build_values(struct builder *builder, const struct maker *maker, struct image_table *table)
{
    size_t count = maker->block_count * maker->capacity;
    uint16_t *narrow;

    table->all = maker->all;
    if (!maker->differ && (maker->all & IMAGE_PART) == 0)
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
    struct image_table table = {.usual = usual_value(flat)};
    struct maker maker = {.kind = BLOCK_INET6, .capacity = IMAGE_INET6};
    struct runs runs;

    if (six) {
        runs = runs6(&maker, flat, table.usual);
    } else {
        runs = runs4(flat, table.usual);
        maker.kind = runs.count > DENSE_FROM ? BLOCK_DENSE : BLOCK_INET;
        maker.capacity = image_block_room(maker.kind);
    }
    if (runs.count > 0) {
        table.kind = (uint16_t)maker.kind;
        table.root = root_fill(&maker, &runs, six ? UINT64_MAX : UINT32_MAX);
        builder_align(builder, IMAGE_BLOCK);
        table.blocks = builder_add(builder, maker.blocks, maker.block_count, IMAGE_BLOCK);
        table.nodes = builder_add(builder, maker.nodes, maker.node_count, sizeof(*maker.nodes));
        table.parts = builder_add(builder, maker.parts, maker.part_count, sizeof(*maker.parts));
        build_values(builder, &maker, &table);
    }
    free(runs.list);
    free(maker.blocks);
    free(maker.values);
    free(maker.nodes);
    free(maker.parts);
    return table;
}
