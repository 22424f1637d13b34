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
#define SLOTS_MAX (1u << 18) /* of a node */
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
    const struct runs *runs; /* all keys, gaps too */
    uint32_t usual;
    enum image_block_kind kind;
    uint32_t places; /* of a block */
    unsigned char *blocks;
    uint32_t *values; /* `places` + 1 for each block */
    size_t block_count, block_room;
    struct image_node *nodes;
    size_t node_count, node_room;
    struct image_part *parts;
    size_t part_count, part_room;
    uint32_t most; /* where most ranges lead to */
    bool differ;   /* there are values that have to be told */
};

/* What a block has at one place. */
struct place_entry {
    uint64_t first;
    uint32_t value;
    uint8_t size;
};

/* A slot, or all that a node may be asked for: its keys, and the runs [from, to) that have any of them. */
struct stretch {
    uint64_t first;
    uint64_t last;
    size_t from;
    size_t to;
    bool plain; /* lower keys come here too, and lead to `usual` */
};

static void runs_push(struct runs *runs, uint64_t first, uint64_t last, uint32_t value)
{
    struct run *before = runs->count > 0 ? &runs->list[runs->count - 1] : NULL;

    if (before != NULL && before->value == value && !(value & IMAGE_PART)) {
        before->last = last;
        return;
    }
    runs->list = memory_grow(runs->list, runs->count, &runs->room, sizeof(*runs->list));
    runs->list[runs->count++] = (struct run){first, last, value};
}

/* ---- blocks ---- */

static void entry_put(struct place_entry *entries, uint32_t *count, uint32_t room, struct place_entry entry)
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
 * The entries for a slot's runs but those that lead to `otherwise`, as many as there are places for. Returns how many there
 * would be. A run of more than 2^63 keys takes two.
 */
static uint32_t entries_make(const struct maker *maker, const struct stretch *slot, uint32_t otherwise,
                             struct place_entry *entries)
{
    uint32_t count = 0;

    for (size_t i = slot->from; i < slot->to && count <= maker->places; i++) {
        const struct run *run = &maker->runs->list[i];
        uint64_t first = run->first > slot->first ? run->first : slot->first;
        uint64_t last = run->last < slot->last ? run->last : slot->last;
        uint8_t code;

        if (run->value == otherwise)
            continue;
        if (last - first >= UINT64_C(1) << 63) {
            entry_put(entries, &count, maker->places, (struct place_entry){first, run->value, 63});
            first += UINT64_C(1) << 63;
        }
        code = size_code(last - first + 1);
        entry_put(entries, &count, maker->places, (struct place_entry){first, run->value, code});
        if (code == ALL_THE_REST && last < slot->last && run[1].value == otherwise)
            entry_put(entries, &count, maker->places, (struct place_entry){last + 1, otherwise, IMAGE_NO_RANGE});
    }
    return count;
}

/* What most of a slot's runs lead to, where every other one does: the first one's or the second one's value. */
static uint32_t slot_background(const struct maker *maker, const struct stretch *slot)
{
    const struct run *runs = maker->runs->list + slot->from;
    size_t count = slot->to - slot->from;
    size_t first = 0;
    size_t second = 0;

    for (size_t i = 0; i < count; i++) {
        first += runs[i].value == runs[0].value;
        second += runs[i].value == runs[1].value;
    }
    return first >= second ? runs[0].value : runs[1].value;
}

/* Takes `count` blocks of zeroes. Returns the number of the first. */
static uint32_t blocks_take(struct maker *maker, uint32_t count)
{
    size_t first = maker->block_count;
    size_t values = maker->places + 1;

    if (first + count > maker->block_room) {
        maker->block_room = (first + count) * 2;
        maker->blocks = memory_resize(maker->blocks, maker->block_room * IMAGE_BLOCK);
        maker->values = memory_resize(maker->values, maker->block_room * values * sizeof(*maker->values));
    }
    memset(maker->blocks + first * IMAGE_BLOCK, 0, (size_t)count * IMAGE_BLOCK);
    memset(maker->values + first * values, 0, count * values * sizeof(*maker->values));
    maker->block_count += count;
    return (uint32_t)first;
}

static void place_write(const struct maker *maker, unsigned char *block, uint32_t at, const struct place_entry *entry)
{
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
}

/* Writes a block; what is left over repeats the last entry, so that a search ends there or at its like. */
static void block_write(struct maker *maker, uint32_t number, const struct place_entry *entries, uint32_t count,
                        uint32_t otherwise)
{
    const struct place_entry none = {.value = otherwise, .size = IMAGE_NO_RANGE};
    unsigned char *block = maker->blocks + (size_t)number * IMAGE_BLOCK;
    uint32_t *values = maker->values + (size_t)number * (maker->places + 1);

    for (uint32_t at = 0; at < maker->places; at++) {
        struct place_entry entry = count == 0 ? none : entries[at < count ? at : count - 1];

        if (entry.size != IMAGE_NO_RANGE && entry.value != maker->most) {
            entry.size |= IMAGE_VALUE;
            maker->differ = true;
        }
        place_write(maker, block, at, &entry);
        values[at] = entry.value;
    }
    values[maker->places] = otherwise;
    if (otherwise != maker->usual) {
        block[IMAGE_BLOCK - 1] = BLOCK_OTHER;
        maker->differ = true;
    }
}

static uint32_t node_push(struct maker *maker, const struct image_node *node)
{
    maker->nodes = memory_grow(maker->nodes, maker->node_count, &maker->node_room, sizeof(*maker->nodes));
    maker->nodes[maker->node_count++] = *node;
    return (uint32_t)maker->node_count;
}

static void block_divide(struct maker *maker, uint32_t number, uint32_t node)
{
    unsigned char *block = maker->blocks + (size_t)number * IMAGE_BLOCK;

    memcpy(block, &node, sizeof(node));
    block[IMAGE_BLOCK - 1] = BLOCK_DIVIDED;
}

/* ---- nodes ---- */

/* The smallest shift by which `span` is less than `slots`. */
static uint32_t shift_for(uint64_t span, uint64_t slots)
{
    uint32_t shift = 0;

    while (span >> shift >= slots)
        shift++;
    return shift;
}

/* In how many slots of 2^shift keys from `low` on a run begins. */
static uint64_t slots_used(const struct run *runs, size_t count, uint64_t low, uint32_t shift)
{
    uint64_t used = 1;

    for (size_t i = 2; i < count; i++)
        used += (runs[i].first - low) >> shift != (runs[i - 1].first - low) >> shift;
    return used;
}

/* As many slots as give each its share of ranges; of the runs every other one is a gap. */
static uint64_t slots_wanted(const struct maker *maker, size_t runs)
{
    uint64_t slots = 2;

    while (slots < SLOTS_MAX && slots * aims[maker->kind] * 2 < runs)
        slots *= 2;
    return slots;
}

/* Dense blocks have the lower halves of addresses, so their slots are cut where these are. */
static struct image_node divide_dense(const struct maker *maker, const struct stretch *all)
{
    uint32_t bits = (uint32_t)__builtin_ctzll(all->last - all->first + 1);
    uint64_t slots = slots_wanted(maker, all->to - all->from);

    while (slots >> bits > 1)
        slots /= 2;
    return (struct image_node){
        .low = all->first, .last = (uint32_t)slots - 1, .shift = bits - (uint32_t)__builtin_ctzll(slots)};
}

/*
 * How a stretch of two runs or more is divided: by their number, but into fewer slots where most of these would be empty.
 * The first and the last run never begin in the same slot, so in the end each has few enough.
 */
static struct image_node divide(const struct maker *maker, const struct stretch *all)
{
    const struct run *runs = maker->runs->list + all->from;
    size_t count = all->to - all->from;
    uint64_t slots, span;
    uint64_t low = all->first;
    uint32_t shift;

    if (maker->kind == BLOCK_DENSE)
        return divide_dense(maker, all);
    if (runs[count - 1].value == maker->usual && count > 2)
        count--;
    if (runs[0].value == maker->usual && count > 2 && !all->plain) {
        low = runs[1].first;
        runs++;
        count--;
    }
    slots = slots_wanted(maker, count);
    span = runs[count - 1].first - low;
    shift = shift_for(span, slots);
    while (slots > 16 && slots_used(runs, count, low, shift) * 3 < span >> shift) {
        slots /= 4;
        shift = shift_for(span, slots);
    }
    return (struct image_node){.low = low, .last = (uint32_t)(span >> shift), .shift = shift};
}

static void node_fill(struct maker *maker, const struct stretch *all, struct image_node *node);

/* One slot: a block, with what is usual in the table or else in the slot left out; or a node where both is too much. */
static void slot_fill(struct maker *maker, const struct stretch *slot, uint32_t number)
{
    struct place_entry entries[IMAGE_DENSE];
    uint32_t otherwise = maker->usual;
    uint32_t count = entries_make(maker, slot, otherwise, entries);
    struct image_node node;

    if (count > maker->places && !slot->plain) {
        otherwise = slot_background(maker, slot);
        count = entries_make(maker, slot, otherwise, entries);
    }
    if (count <= maker->places) {
        block_write(maker, number, entries, count, otherwise);
        return;
    }
    node = divide(maker, slot);
    node_fill(maker, slot, &node);
    block_divide(maker, number, node_push(maker, &node));
}

/* The blocks of a node, and of the nodes below it. */
static void node_fill(struct maker *maker, const struct stretch *all, struct image_node *node)
{
    const struct run *runs = maker->runs->list;
    size_t from = all->from;

    node->block = blocks_take(maker, node->last + 1);
    for (uint32_t i = 0; i <= node->last; i++) {
        struct stretch slot = {.first = node->low + ((uint64_t)i << node->shift), .last = all->last};

        if (i < node->last)
            slot.last = slot.first + ((UINT64_C(1) << node->shift) - 1);
        else
            slot.plain = all->plain || node->low > all->first;
        while (runs[from].last < slot.first)
            from++;
        slot.from = slot.to = from;
        while (slot.to < all->to && runs[slot.to].first <= slot.last)
            slot.to++;
        slot_fill(maker, &slot, node->block + i);
    }
}

/* The blocks for all of some runs, which have every key up to `last`. */
static struct image_node root_fill(struct maker *maker, const struct runs *runs, uint64_t last)
{
    struct stretch all = {.last = last, .to = runs->count};
    struct place_entry entries[IMAGE_DENSE];
    struct image_node node = {.shift = 63};

    maker->runs = runs;
    if (maker->kind == BLOCK_DENSE)
        node = (struct image_node){.last = (1u << DENSE_BITS) - 1, .shift = DENSE_BITS};
    else if (entries_make(maker, &all, maker->usual, entries) > maker->places)
        node = divide(maker, &all);
    node_fill(maker, &all, &node);
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
 * What most boundaries lead to, but for those that lead to `but`: what more than half of them do (Boyer and Moore find that), else
 * what the lowest address does, which is mostly the background, or no list; whichever is met most.
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
static struct image_part part_make(struct maker *maker, const struct runs *part)
{
    const struct run *runs = part->list;
    size_t count = part->count;
    struct image_node node;

    if (count == 2)
        return (struct image_part){runs[0].first, runs[0].last, runs[0].value, runs[1].value};
    if (count == 3 && runs[0].value == runs[2].value)
        return (struct image_part){runs[1].first, runs[1].last, runs[1].value, runs[0].value};
    node = root_fill(maker, part, UINT64_MAX);
    return (struct image_part){.value = IMAGE_PART | node_push(maker, &node)};
}

/* Ends the part of one upper half, if one was begun, and leads the half to it. */
static void part_end(struct maker *maker, struct runs *runs, struct runs *part, uint64_t hi)
{
    struct image_part made;

    if (part->count == 0)
        return;
    made = part_make(maker, part);
    maker->parts = memory_grow(maker->parts, maker->part_count, &maker->part_room, sizeof(*maker->parts));
    maker->parts[maker->part_count] = made;
    runs_push(runs, hi, hi, IMAGE_PART | (uint32_t)maker->part_count++);
    part->count = 0;
}

/* Each range of addresses is the end of one upper half, whole ones, the beginning of another; what there is of these. */
static struct runs runs6(struct maker *maker, const struct flat_table *flat)
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
            part_end(maker, &runs, &part, first.hi);
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
static void build_values(struct builder *builder, const struct maker *maker, struct image_table *table)
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
    struct maker maker = {.usual = usual, .most = most, .kind = BLOCK_INET6, .places = IMAGE_INET6};
    struct runs runs;

    if (six) {
        runs = runs6(&maker, flat);
    } else {
        runs = runs4(flat);
        maker.kind = runs.count > 2 * DENSE_FROM ? BLOCK_DENSE : BLOCK_INET;
        maker.places = image_block_places(maker.kind);
    }
    if (runs.count > 1) { /* else all keys are alike */
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
