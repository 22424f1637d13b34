/* SPDX-License-Identifier: MIT */
/* A sweep over the starts and ends of all ranges, with the set of rules that are open, as a bitmap in rule order. */
#include "config/flatten.h"

#include "config/memory.h"

#include <stdlib.h>
#include <string.h>

#define SEGMENT_RULES 128 /* rules by number that share a segment */
#define INLINE_RULES 64   /* lists up to this length are kept whole */

bool rule_is_unconditional(const struct rule *rule)
{
    return rule->port_count == 0 && rule->protos == PROTO_ANY && !rule->audit;
}

/* The pool */

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

/* The offset of a list of `count` steps, which is added unless it is there already. */
static uint32_t step_pool_intern(struct step_pool *pool, const uint32_t *steps, size_t count)
{
    size_t slot = steps_hash(steps, count) & (pool->slot_count - 1);
    uint32_t at;

    if (count == 0)
        return 0;
    for (; pool->slots[slot] != 0; slot = (slot + 1) & (pool->slot_count - 1)) {
        if (list_equals(pool, pool->slots[slot], steps, count))
            return pool->slots[slot];
    }
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

/* The open rules, as a bitmap over positions in `numbers` with a summary of its words that are not zero. */

struct open_rules {
    uint64_t *words;
    uint64_t *summary;
    size_t count;
};

static void open_rules_init(struct open_rules *open, size_t count)
{
    size_t words = count / 64 + 1;

    open->count = count;
    open->words = memory_new(words * sizeof(uint64_t));
    open->summary = memory_new((words / 64 + 1) * sizeof(uint64_t));
}

static void open_rules_toggle(struct open_rules *open, uint32_t position)
{
    size_t word = position / 64;

    open->words[word] ^= (uint64_t)1 << (position % 64);
    if (open->words[word] != 0)
        open->summary[word / 64] |= (uint64_t)1 << (word % 64);
    else
        open->summary[word / 64] &= ~((uint64_t)1 << (word % 64));
}

/* Writes the positions of the open rules in order, up to and with the first unconditional one. Returns their number. */
static size_t open_rules_list(const struct open_rules *open, const bool *unconditional, uint32_t *out)
{
    size_t summaries = (open->count / 64 + 1) / 64 + 1;
    size_t found = 0;

    for (size_t s = 0; s < summaries; s++) {
        for (uint64_t some = open->summary[s]; some != 0; some &= some - 1) {
            size_t word = s * 64 + (size_t)__builtin_ctzll(some);

            for (uint64_t bits = open->words[word]; bits != 0; bits &= bits - 1) {
                uint32_t position = (uint32_t)(word * 64) + (uint32_t)__builtin_ctzll(bits);

                out[found++] = position;
                if (unconditional[position])
                    return found;
            }
        }
    }
    return found;
}

/* The sweep */

/* A start or an end: in this place rule `position` opens or closes. */
struct event6 {
    uint64_t hi, lo;
    uint32_t position;
};

struct sweep {
    const uint32_t *numbers;
    bool *unconditional;
    uint32_t *list; /* scratch: positions, then rule numbers */
    uint32_t *top;  /* scratch: references to segments */
    struct open_rules open;
    struct step_pool *pool;
    struct flat_table table;
};

/* The list of what is open now. */
static uint32_t sweep_list(struct sweep *sweep)
{
    size_t count = open_rules_list(&sweep->open, sweep->unconditional, sweep->list);
    size_t tops = 0;

    if (count <= INLINE_RULES) {
        for (size_t i = 0; i < count; i++)
            sweep->list[i] = sweep->numbers[sweep->list[i]];
        return step_pool_intern(sweep->pool, sweep->list, count);
    }
    for (size_t from = 0; from < count;) {
        uint32_t group = sweep->list[from] / SEGMENT_RULES;
        size_t to = from;

        for (; to < count && sweep->list[to] / SEGMENT_RULES == group; to++)
            sweep->list[to] = sweep->numbers[sweep->list[to]];
        sweep->top[tops++] = IMAGE_SEGMENT | step_pool_intern(sweep->pool, sweep->list + from, to - from);
        from = to;
    }
    return step_pool_intern(sweep->pool, sweep->top, tops);
}

/* Notes that from this key on the open rules hold; false where that changes nothing. */
static bool sweep_emit(struct sweep *sweep)
{
    struct flat_table *table = &sweep->table;
    uint32_t list = sweep_list(sweep);

    if (table->count > 0 && table->values[table->count - 1] == list)
        return false;
    table->values = memory_grow(table->values, table->count, &table->value_room, sizeof(*table->values));
    table->values[table->count] = list;
    return true;
}

static void sweep_emit4(struct sweep *sweep, uint32_t key)
{
    struct flat_table *table = &sweep->table;

    if (!sweep_emit(sweep))
        return;
    table->keys4 = memory_grow(table->keys4, table->count, &table->room, sizeof(*table->keys4));
    table->keys4[table->count++] = key;
}

static void sweep_emit6(struct sweep *sweep, uint64_t hi, uint64_t lo)
{
    struct flat_table *table = &sweep->table;

    if (!sweep_emit(sweep))
        return;
    table->keys6 = memory_grow(table->keys6, table->count, &table->room, sizeof(*table->keys6));
    table->keys6[table->count++] = (struct image_key6){hi, lo};
}

static void sweep4(struct sweep *sweep, const struct rule *rules)
{
    size_t total = 0;
    size_t count = 0;
    uint64_t *events;

    for (size_t i = 0; i < sweep->open.count; i++)
        total += rules[sweep->numbers[i]].cover.v4_count;
    events = memory_new((4 * total + 1) * sizeof(*events));
    for (size_t i = 0; i < sweep->open.count; i++) {
        const struct range_set *cover = &rules[sweep->numbers[i]].cover;

        for (size_t r = 0; r < cover->v4_count; r++) {
            events[count++] = (uint64_t)cover->v4[r].first << 32 | i;
            if (cover->v4[r].last != UINT32_MAX)
                events[count++] = ((uint64_t)cover->v4[r].last + 1) << 32 | i;
        }
    }
    radix_sort_u64(events, events + 2 * total, count);
    if (count > 0 && events[0] >> 32 != 0)
        sweep_emit4(sweep, 0);
    for (size_t i = 0; i < count;) {
        uint32_t key = (uint32_t)(events[i] >> 32);

        for (; i < count && (uint32_t)(events[i] >> 32) == key; i++)
            open_rules_toggle(&sweep->open, (uint32_t)events[i]);
        sweep_emit4(sweep, key);
    }
    free(events);
}

static int event6_order(const void *a, const void *b)
{
    const struct event6 *x = a;
    const struct event6 *y = b;

    if (x->hi != y->hi)
        return x->hi < y->hi ? -1 : 1;
    return (x->lo > y->lo) - (x->lo < y->lo);
}

static void sweep6(struct sweep *sweep, const struct rule *rules)
{
    size_t total = 0;
    size_t count = 0;
    struct event6 *events;

    for (size_t i = 0; i < sweep->open.count; i++)
        total += rules[sweep->numbers[i]].cover.v6_count;
    events = memory_new((2 * total + 1) * sizeof(*events));
    for (uint32_t i = 0; i < sweep->open.count; i++) {
        const struct range_set *cover = &rules[sweep->numbers[i]].cover;

        for (size_t r = 0; r < cover->v6_count; r++) {
            const struct range6 *range = &cover->v6[r];
            uint64_t lo = range->last_lo + 1;
            uint64_t hi = range->last_hi + (lo == 0);

            events[count++] = (struct event6){range->first_hi, range->first_lo, i};
            if (lo != 0 || hi != 0)
                events[count++] = (struct event6){hi, lo, i};
        }
    }
    qsort(events, count, sizeof(*events), event6_order);
    if (count > 0 && (events[0].hi != 0 || events[0].lo != 0))
        sweep_emit6(sweep, 0, 0);
    for (size_t i = 0; i < count;) {
        uint64_t hi = events[i].hi;
        uint64_t lo = events[i].lo;

        for (; i < count && events[i].hi == hi && events[i].lo == lo; i++)
            open_rules_toggle(&sweep->open, events[i].position);
        sweep_emit6(sweep, hi, lo);
    }
    free(events);
}

struct flat_table flatten(const struct rule *rules, const uint32_t *numbers, size_t count, bool six,
                          struct step_pool *pool)
{
    struct sweep sweep = {.numbers = numbers, .pool = pool};

    open_rules_init(&sweep.open, count);
    sweep.unconditional = memory_new(count + 1);
    sweep.list = memory_new((count + 1) * sizeof(*sweep.list));
    sweep.top = memory_new((count / SEGMENT_RULES + 2) * sizeof(*sweep.top));
    for (size_t i = 0; i < count; i++)
        sweep.unconditional[i] = rule_is_unconditional(&rules[numbers[i]]);
    if (six)
        sweep6(&sweep, rules);
    else
        sweep4(&sweep, rules);
    free(sweep.open.words);
    free(sweep.open.summary);
    free(sweep.unconditional);
    free(sweep.list);
    free(sweep.top);
    return sweep.table;
}

void flat_table_free(struct flat_table *table)
{
    free(table->keys4);
    free(table->keys6);
    free(table->values);
}
