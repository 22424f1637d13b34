/* SPDX-License-Identifier: MIT */
/*
 * What a rule covers. Covers that are equal are made once and shared: many rules may name one list of a million
 * prefixes, each with ports of its own, and none of them needs a copy.
 */
#include "config/read_internal.h"

#include "config/memory.h"

#include <stdlib.h>
#include <string.h>

size_t policy_cover_limit = (size_t)1 << 30;

/* Of two covers with the same description one is made. */
struct cover_entry {
    uint64_t *key; /* the sets by number and the ranges, of what is named and of what is taken out */
    size_t words;
    const struct range_set *cover;
    bool idle; /* nothing of what is taken out was there */
};

/* By the hash of the key; open addressing, at most half full. */
struct cover_table {
    struct cover_entry *entries;
    size_t room, used;
};

static int compare_indices(const void *left, const void *right)
{
    size_t a = *(const size_t *)left, b = *(const size_t *)right;

    return (a > b) - (a < b);
}

/* The order in which sets are named, and how often, makes no difference. */
static size_t *sorted_sets(const struct addresses *addresses, size_t *count)
{
    size_t *sets = memory_new(addresses->set_count * sizeof *sets);
    size_t kept = 0;

    if (addresses->set_count > 0) {
        memcpy(sets, addresses->sets, addresses->set_count * sizeof *sets);
        qsort(sets, addresses->set_count, sizeof *sets, compare_indices);
    }
    for (size_t i = 0; i < addresses->set_count; i++) {
        if (kept == 0 || sets[i] != sets[kept - 1])
            sets[kept++] = sets[i];
    }
    *count = kept;
    return sets;
}

/* Appends one side of a description; its ranges are normalised. */
static void describe(struct cover_entry *entry, const struct addresses *addresses)
{
    const struct range_set *ranges = &addresses->ranges;
    size_t count;
    size_t *sets = sorted_sets(addresses, &count);
    size_t more = 3 + count + ranges->v4_count + 4 * ranges->v6_count;
    uint64_t *key = memory_resize(entry->key, (entry->words + more) * sizeof *key);
    uint64_t *at = key + entry->words;

    *at++ = count;
    *at++ = ranges->v4_count;
    *at++ = ranges->v6_count;
    for (size_t i = 0; i < count; i++)
        *at++ = sets[i];
    for (size_t i = 0; i < ranges->v4_count; i++)
        *at++ = (uint64_t)ranges->v4[i].first << 32 | ranges->v4[i].last;
    for (size_t i = 0; i < ranges->v6_count; i++) {
        *at++ = ranges->v6[i].first_hi;
        *at++ = ranges->v6[i].first_lo;
        *at++ = ranges->v6[i].last_hi;
        *at++ = ranges->v6[i].last_lo;
    }
    free(sets);
    entry->key = key;
    entry->words += more;
}

static uint64_t key_hash(const struct cover_entry *entry)
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (size_t i = 0; i < entry->words; i++) {
        hash = (hash ^ entry->key[i]) * 0x100000001b3u;
        hash ^= hash >> 29;
    }
    return hash;
}

/* Where an entry with this key stands, or where it may be put. */
static struct cover_entry *table_slot(const struct cover_table *table, const struct cover_entry *wanted)
{
    size_t slot = key_hash(wanted) & (table->room - 1);

    for (;; slot = (slot + 1) & (table->room - 1)) {
        struct cover_entry *entry = &table->entries[slot];

        if (!entry->cover || (entry->words == wanted->words &&
                              memcmp(entry->key, wanted->key, wanted->words * sizeof *wanted->key) == 0))
            return entry;
    }
}

static void table_grow(struct cover_table *table)
{
    struct cover_table larger = {.room = table->room ? 2 * table->room : 64, .used = table->used};

    larger.entries = memory_new(larger.room * sizeof *larger.entries);
    for (size_t i = 0; i < table->room; i++) {
        if (table->entries[i].cover)
            *table_slot(&larger, &table->entries[i]) = table->entries[i];
    }
    free(table->entries);
    *table = larger;
}

void covers_forget(struct reader *reader)
{
    struct cover_table *table = reader->covers;

    for (size_t i = 0; table && i < table->room; i++)
        free(table->entries[i].key);
    if (table)
        free(table->entries);
    free(table);
    reader->covers = NULL;
}

/* All that one side of a description names, normalised. */
static struct range_set gather(const struct policy *policy, struct addresses *addresses)
{
    struct range_set all = addresses->ranges;

    addresses->ranges = (struct range_set){0};
    for (size_t i = 0; i < addresses->set_count; i++)
        range_set_add_all(&all, &policy->sets[addresses->sets[i]].ranges);
    range_set_normalise(&all);
    return all;
}

static bool is_nothing(const struct addresses *addresses)
{
    return addresses->set_count == 0 && range_set_is_empty(&addresses->ranges);
}

static size_t cover_size(const struct range_set *cover)
{
    return cover->v4_count * sizeof *cover->v4 + cover->v6_count * sizeof *cover->v6;
}

/* Makes the cover, which is the policy's. Beyond the limit, which is told once, it is any: the policy is not used. */
static const struct range_set *cover_new(struct reader *reader, struct addresses *what, struct addresses *less,
                                         struct place place, bool *idle)
{
    struct policy *policy = reader->policy;
    struct range_set *cover;

    if (policy->cover_bytes > policy_cover_limit)
        return policy->covers[policy->cover_count - 1];
    cover = memory_new(sizeof *cover);
    policy->covers = memory_grow(policy->covers, policy->cover_count, &policy->cover_room, sizeof(struct range_set *));
    policy->covers[policy->cover_count++] = cover;
    *cover = gather(policy, what);
    if (less) {
        struct range_set others = gather(policy, less);
        *idle = !range_set_is_empty(cover) && !range_set_is_empty(&others) && !range_sets_meet(cover, &others);
        range_set_subtract(cover, &others);
        range_set_free(&others);
    }
    policy->cover_bytes += cover_size(cover);
    if (policy->cover_bytes > policy_cover_limit)
        messages_add(
            reader->messages, MESSAGE_ERROR, place,
            "with this rule the addresses take more than %zu MiB; rules that name the same sets, with the same "
            "'except' and nothing beside them, take that room once",
            policy_cover_limit >> 20);
    return cover;
}

const struct range_set *cover_make(struct reader *reader, struct addresses *what, struct addresses *less,
                                   struct place place, bool *idle)
{
    struct cover_entry wanted = {0}, *entry;

    *idle = false;
    if (less && is_nothing(less))
        less = NULL;
    if (!less && what->set_count == 1 && range_set_is_empty(&what->ranges))
        return &reader->policy->sets[what->sets[0]].ranges;
    range_set_normalise(&what->ranges);
    describe(&wanted, what);
    if (less) {
        range_set_normalise(&less->ranges);
        describe(&wanted, less);
    }
    if (!reader->covers)
        reader->covers = memory_new(sizeof *reader->covers);
    if (reader->covers->used * 2 >= reader->covers->room)
        table_grow(reader->covers);
    entry = table_slot(reader->covers, &wanted);
    if (entry->cover) {
        free(wanted.key);
        *idle = entry->idle;
        return entry->cover;
    }
    wanted.cover = cover_new(reader, what, less, place, &wanted.idle);
    *idle = wanted.idle;
    reader->covers->used++;
    *entry = wanted;
    return wanted.cover;
}
