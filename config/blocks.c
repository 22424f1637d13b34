/* SPDX-License-Identifier: MIT */
/*
 * Sorted ranges into blocks: the keys from the first range to the last are divided into so many slots that a few ranges
 * are in each, and a slot with more than its block has room for is divided again.
 */
#include "config/blocks.h"

#include "config/memory.h"

#include <stdlib.h>
#include <string.h>

#define ALL_THE_REST 63u     /* a range's size that reaches as far as the next range, or as the slot */
#define SLOTS_MAX (1u << 18) /* of a node */
#define DENSE_BITS 16u

/* How many ranges a slot is to have: about half of what its block has room for. */
static const uint32_t aims[BLOCK_KINDS] = {[BLOCK_DENSE] = 14, [BLOCK_INET] = 6, [BLOCK_INET6] = 4};

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

void runs_push(struct runs *runs, uint64_t first, uint64_t last, uint32_t value)
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
 * The entries for a slot's runs but those that lead to `otherwise`, as many as there are places for. Returns how many
 * there would be. A run of more than 2^63 keys takes two.
 */
static uint32_t entries_make(const struct block_maker *maker, const struct stretch *slot, uint32_t otherwise,
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
static uint32_t slot_background(const struct block_maker *maker, const struct stretch *slot)
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
static uint32_t blocks_take(struct block_maker *maker, uint32_t count)
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

static void place_write(const struct block_maker *maker, unsigned char *block, uint32_t at,
                        const struct place_entry *entry)
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
static void block_write(struct block_maker *maker, uint32_t number, const struct place_entry *entries, uint32_t count,
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

uint32_t node_push(struct block_maker *maker, const struct image_node *node)
{
    maker->nodes = memory_grow(maker->nodes, maker->node_count, &maker->node_room, sizeof(*maker->nodes));
    maker->nodes[maker->node_count++] = *node;
    return (uint32_t)maker->node_count;
}

static void block_divide(struct block_maker *maker, uint32_t number, uint32_t node)
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
static uint64_t slots_wanted(const struct block_maker *maker, size_t runs)
{
    uint64_t slots = 2;

    while (slots < SLOTS_MAX && slots * aims[maker->kind] * 2 < runs)
        slots *= 2;
    return slots;
}

/* Dense blocks have the lower halves of addresses, so their slots are cut where these are. */
static struct image_node divide_dense(const struct block_maker *maker, const struct stretch *all)
{
    uint32_t bits = (uint32_t)__builtin_ctzll(all->last - all->first + 1);
    uint64_t slots = slots_wanted(maker, all->to - all->from);

    while (slots >> bits > 1)
        slots /= 2;
    return (struct image_node){
        .low = all->first, .last = (uint32_t)slots - 1, .shift = bits - (uint32_t)__builtin_ctzll(slots)};
}

/*
 * How a stretch of two runs or more is divided: by their number, but into fewer slots where most of these would be
 * empty. The first and the last run never begin in the same slot, so in the end each has few enough.
 */
static struct image_node divide(const struct block_maker *maker, const struct stretch *all)
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

static void node_fill(struct block_maker *maker, const struct stretch *all, struct image_node *node);

/* One slot: a block, with what is usual in the table or else in the slot left out; or a node where both is too much. */
static void slot_fill(struct block_maker *maker, const struct stretch *slot, uint32_t number)
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
static void node_fill(struct block_maker *maker, const struct stretch *all, struct image_node *node)
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

struct image_node blocks_make(struct block_maker *maker, const struct runs *runs, uint64_t last)
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
