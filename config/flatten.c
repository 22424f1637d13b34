/* SPDX-License-Identifier: MIT */
/*
 * A sweep over the starts and ends of all ranges, in order of address, with the set of rules that are open as a bitmap
 * in rule order.
 *
 * Rules that cover the same addresses (one large list, many ports) are one area, whose start or end is a few
 * exclusive-ors. The bitmap is made of groups of 128 rules, which remember the bitmaps of their last few states, and
 * bundles of these, which are made again where a rule of theirs has opened or closed; so what is done at a boundary is
 * a look at each bundle. The areas' ranges are sorted already and are merged by a heap, so no copy of them is made.
 */
#include "config/flatten.h"

#include "config/memory.h"
#include "config/progress.h"

#include <stdlib.h>
#include <string.h>

#define TELL_STEPS 16384 /* of the sweep, after which it is told how far it is */

bool rule_is_unconditional(const struct rule *rule)
{
    return rule->port_count == 0 && rule->protos == PROTO_ANY && !rule->audit;
}

/* Rules of 128 neighbouring positions: which are open, and the bitmaps of states that were met before. */

#define GROUP_RULES IMAGE_BITMAP_RULES
#define GROUP_WORDS (GROUP_RULES / 64)
#define REMEMBERED 8 /* states of a group: those of a handful of large sets, each in or out */

struct group {
    uint64_t open[GROUP_WORDS];
    uint64_t unconditional[GROUP_WORDS];
    struct {
        uint64_t open[GROUP_WORDS];
        uint32_t bitmap; /* 0: not yet used */
    } states[REMEMBERED];
};

/* Eight groups, as in a bundle of an image. Of 10,000 rules one opens or closes at a time: most bundles stay. */
struct bundle {
    bool stale;      /* a rule of it has opened or closed since the rest was made */
    bool ended;      /* an unconditional rule is open in it */
    uint32_t number; /* in the pool, of what is reached */
};

/* All positions; the summary has a bit for each group in which a rule is open. */
struct open_rules {
    struct group *groups;
    struct bundle *bundles;
    size_t group_count;
    uint64_t *summary;
    size_t summaries;
};

/* What one area opens and closes in one word of the bitmap. */
struct mask {
    uint32_t word;
    uint64_t bits;
};

static void open_rules_init(struct open_rules *open, const struct rule *rules, const uint32_t *numbers, size_t count)
{
    size_t groups = (count + GROUP_RULES - 1) / GROUP_RULES;

    open->group_count = groups;
    open->summaries = (groups + 63) / 64;
    open->groups = memory_new(groups * sizeof(*open->groups));
    open->bundles = memory_new((groups / IMAGE_BUNDLE_BITMAPS + 1) * sizeof(*open->bundles));
    open->summary = memory_new(open->summaries * sizeof(*open->summary));
    for (size_t i = 0; i < count; i++) {
        if (rule_is_unconditional(&rules[numbers[i]]))
            open->groups[i / GROUP_RULES].unconditional[i / 64 % GROUP_WORDS] |= UINT64_C(1) << i % 64;
    }
}

static void open_rules_free(struct open_rules *open)
{
    free(open->groups);
    free(open->bundles);
    free(open->summary);
}

static void open_rules_toggle(struct open_rules *open, const struct mask *mask)
{
    size_t number = mask->word / GROUP_WORDS;
    struct group *group = &open->groups[number];
    uint64_t any = 0;

    group->open[mask->word % GROUP_WORDS] ^= mask->bits;
    open->bundles[number / IMAGE_BUNDLE_BITMAPS].stale = true;
    for (size_t w = 0; w < GROUP_WORDS; w++)
        any |= group->open[w];
    if (any != 0)
        open->summary[number / 64] |= UINT64_C(1) << number % 64;
    else
        open->summary[number / 64] &= ~(UINT64_C(1) << number % 64);
}

/* The group's open rules up to the first unconditional one, behind which nothing decides; true where there is one. */
static bool group_reached(const struct group *group, uint64_t reached[GROUP_WORDS])
{
    bool ended = false;

    for (size_t w = 0; w < GROUP_WORDS; w++) {
        uint64_t last = group->open[w] & group->unconditional[w];

        reached[w] = ended ? 0 : group->open[w];
        if (ended || last == 0)
            continue;
        reached[w] &= last ^ (last - 1); /* up to the lowest bit of `last` */
        ended = true;
    }
    return ended;
}

/* Writes the numbers of the reached rules to `out`, at most `room`. Returns how many there are, or room + 1. */
static size_t group_numbers(const uint64_t reached[GROUP_WORDS], const uint32_t *numbers, uint32_t *out, size_t room)
{
    size_t found = 0;

    for (size_t w = 0; w < GROUP_WORDS; w++) {
        for (uint64_t bits = reached[w]; bits != 0; bits &= bits - 1) {
            if (found == room)
                return room + 1;
            out[found++] = numbers[w * 64 + (size_t)__builtin_ctzll(bits)];
        }
    }
    return found;
}

/* ---- areas: rules that cover the same addresses ---- */

struct area {
    const struct range_set *cover;
    const struct mask *masks;
    size_t mask_count;
    struct image_key6 next; /* where it starts or ends next; IPv4 stands in `lo` */
    size_t at;              /* the range that it is in, or comes to next */
    bool inside;
};

struct areas {
    struct area *list;
    size_t count;
    struct mask *masks;
    uint32_t *heap; /* areas that are not at their end, the nearest first */
    size_t heap_count;
    size_t passed, ranges; /* how many lie behind us, of all */
};

/* One rule's cover and its position, to be sorted. */
struct covered {
    const struct range_set *cover;
    uint32_t position;
};

static int covered_order(const void *a, const void *b)
{
    const struct covered *x = a;
    const struct covered *y = b;

    if (x->cover != y->cover)
        return (uintptr_t)x->cover < (uintptr_t)y->cover ? -1 : 1;
    return (x->position > y->position) - (x->position < y->position);
}

/* Finds the key of the area's next start or end; false where there is none. */
static bool area_aim(struct area *area, bool six)
{
    const struct range_set *cover = area->cover;

    if (area->at == (six ? cover->v6_count : cover->v4_count))
        return false;
    if (six) {
        const struct range6 *range = &cover->v6[area->at];
        uint64_t behind = range->last_lo + 1;

        area->next = area->inside ? (struct image_key6){range->last_hi + (behind == 0), behind}
                                  : (struct image_key6){range->first_hi, range->first_lo};
        return !area->inside || area->next.hi != 0 || area->next.lo != 0;
    }
    area->next.lo = area->inside ? (uint64_t)cover->v4[area->at].last + 1 : cover->v4[area->at].first;
    return area->next.lo <= UINT32_MAX;
}

/* Goes on to what comes behind `next`; false where nothing does. */
static bool area_advance(struct area *area, bool six)
{
    area->at += area->inside;
    area->inside = !area->inside;
    return area_aim(area, six);
}

static bool area_is_nearer(const struct areas *areas, uint32_t a, uint32_t b)
{
    const struct image_key6 *x = &areas->list[a].next;
    const struct image_key6 *y = &areas->list[b].next;

    return compare128(x->hi, x->lo, y->hi, y->lo) < 0;
}

/* Moves the element at `i` down to where it belongs. */
static void heap_sink(struct areas *areas, size_t i)
{
    uint32_t moved = areas->heap[i];

    for (;;) {
        size_t child = 2 * i + 1;

        if (child + 1 < areas->heap_count && area_is_nearer(areas, areas->heap[child + 1], areas->heap[child]))
            child++;
        if (child >= areas->heap_count || !area_is_nearer(areas, areas->heap[child], moved))
            break;
        areas->heap[i] = areas->heap[child];
        i = child;
    }
    areas->heap[i] = moved;
}

/* Groups the positions by cover; `covered` is sorted. */
static void areas_fill(struct areas *areas, const struct covered *covered, size_t count)
{
    struct mask *mask = areas->masks;

    for (size_t i = 0; i < count; i++) {
        uint32_t word = covered[i].position / 64;
        uint64_t bit = UINT64_C(1) << covered[i].position % 64;
        struct area *area;

        if (i == 0 || covered[i].cover != covered[i - 1].cover)
            areas->list[areas->count++] = (struct area){.cover = covered[i].cover, .masks = mask};
        area = &areas->list[areas->count - 1];
        if (area->mask_count > 0 && mask[-1].word == word) {
            mask[-1].bits |= bit;
            continue;
        }
        *mask++ = (struct mask){word, bit};
        area->mask_count++;
    }
}

static void areas_init(struct areas *areas, const struct rule *rules, const uint32_t *numbers, size_t count, bool six)
{
    struct covered *covered = memory_new(count * sizeof(*covered));

    for (size_t i = 0; i < count; i++)
        covered[i] = (struct covered){rules[numbers[i]].cover, (uint32_t)i};
    qsort(covered, count, sizeof(*covered), covered_order);
    *areas = (struct areas){
        .list = memory_new(count * sizeof(*areas->list)),
        .masks = memory_new(count * sizeof(*areas->masks)),
        .heap = memory_new(count * sizeof(*areas->heap)),
    };
    areas_fill(areas, covered, count);
    free(covered);
    for (size_t i = 0; i < areas->count; i++) {
        areas->ranges += six ? areas->list[i].cover->v6_count : areas->list[i].cover->v4_count;
        if (area_aim(&areas->list[i], six))
            areas->heap[areas->heap_count++] = (uint32_t)i;
    }
    for (size_t i = areas->heap_count / 2; i-- > 0;)
        heap_sink(areas, i);
}

static void areas_free(struct areas *areas)
{
    free(areas->list);
    free(areas->masks);
    free(areas->heap);
}

/* ---- the sweep ---- */

struct sweep {
    const uint32_t *numbers;
    bool six;
    uint32_t *list; /* scratch: a long one */
    struct open_rules open;
    struct areas areas;
    struct pool *pool;
    struct flat_table table;
};

/* The number of the bitmap of a group's reached rules. */
static uint32_t group_bitmap(struct sweep *sweep, size_t number, const uint64_t reached[GROUP_WORDS])
{
    struct group *group = &sweep->open.groups[number];
    uint64_t mixed = (reached[0] ^ reached[1] * 0x9e3779b97f4a7c15u) * 0xff51afd7ed558ccdu;
    size_t state = mixed >> 61;

    if (group->states[state].bitmap == 0 || memcmp(group->states[state].open, reached, sizeof(group->open)) != 0) {
        memcpy(group->states[state].open, reached, sizeof(group->open));
        group->states[state].bitmap = pool_bitmap(sweep->pool, reached);
    }
    return group->states[state].bitmap;
}

/* The next group from `from` on in which a rule is open; open.summaries * 64 or more where there is none. */
static size_t next_group(const struct open_rules *open, size_t from)
{
    size_t s = from / 64;
    uint64_t some = s < open->summaries ? open->summary[s] & (~UINT64_C(0) << from % 64) : 0;

    while (some == 0 && ++s < open->summaries)
        some = open->summary[s];
    return s * 64 + (some != 0 ? (size_t)__builtin_ctzll(some) : 0);
}

/* The rules that are open, where there are so few that their list is kept whole; else IMAGE_FEW + 1. */
static size_t few_rules(const struct sweep *sweep, uint32_t list[IMAGE_FEW])
{
    const struct open_rules *open = &sweep->open;
    size_t count = 0;
    bool ended = false;

    for (size_t g = next_group(open, 0); g < open->summaries * 64 && !ended; g = next_group(open, g + 1)) {
        uint64_t reached[GROUP_WORDS];

        ended = group_reached(&open->groups[g], reached);
        count += group_numbers(reached, sweep->numbers + g * GROUP_RULES, list + count, IMAGE_FEW - count);
        if (count > IMAGE_FEW)
            break;
    }
    return count;
}

/* Makes a bundle of what is open in its groups, up to the first unconditional rule. */
static void bundle_make(struct sweep *sweep, size_t number)
{
    const struct open_rules *open = &sweep->open;
    struct bundle *bundle = &open->bundles[number];
    uint32_t bitmaps[IMAGE_BUNDLE_BITMAPS] = {0};

    *bundle = (struct bundle){0};
    for (size_t i = 0; i < IMAGE_BUNDLE_BITMAPS && !bundle->ended; i++) {
        size_t group = number * IMAGE_BUNDLE_BITMAPS + i;
        uint64_t reached[GROUP_WORDS];

        if (group == open->group_count)
            break;
        bundle->ended = group_reached(&open->groups[group], reached);
        bitmaps[i] = group_bitmap(sweep, group, reached);
    }
    bundle->number = pool_bundle(sweep->pool, bitmaps);
}

/* The list of what is open now. */
static uint32_t sweep_list(struct sweep *sweep)
{
    const struct open_rules *open = &sweep->open;
    uint32_t few[IMAGE_FEW];
    size_t count = few_rules(sweep, few);
    bool ended = false;
    uint32_t used = 0;

    if (count <= IMAGE_FEW)
        return pool_list(sweep->pool, few, count);
    for (uint32_t b = 0; (size_t)b * IMAGE_BUNDLE_BITMAPS < open->group_count && !ended; b++) {
        if (open->bundles[b].stale)
            bundle_make(sweep, b);
        ended = open->bundles[b].ended;
        sweep->list[1 + b] = open->bundles[b].number;
        used = sweep->list[1 + b] != 0 ? b + 1 : used;
    }
    sweep->list[0] = IMAGE_LONG | used;
    return pool_list(sweep->pool, sweep->list, used + 1);
}

/* Notes that from this key on the open rules hold, unless that changes nothing. */
static void sweep_emit(struct sweep *sweep, const struct image_key6 *key)
{
    struct flat_table *table = &sweep->table;
    uint32_t list = sweep_list(sweep);

    if (table->count > 0 && table->values[table->count - 1] == list)
        return;
    table->values = memory_grow(table->values, table->count, &table->value_room, sizeof(*table->values));
    table->values[table->count] = list;
    if (sweep->six) {
        table->keys6 = memory_grow(table->keys6, table->count, &table->room, sizeof(*table->keys6));
        table->keys6[table->count++] = *key;
    } else {
        table->keys4 = memory_grow(table->keys4, table->count, &table->room, sizeof(*table->keys4));
        table->keys4[table->count++] = (uint32_t)key->lo;
    }
}

/* Toggles all that starts or ends at the nearest key, which is returned. */
static struct image_key6 sweep_step(struct sweep *sweep)
{
    struct areas *areas = &sweep->areas;
    struct image_key6 key = areas->list[areas->heap[0]].next;

    while (areas->heap_count > 0) {
        struct area *area = &areas->list[areas->heap[0]];

        if (area->next.lo != key.lo || area->next.hi != key.hi)
            break;
        for (size_t i = 0; i < area->mask_count; i++)
            open_rules_toggle(&sweep->open, &area->masks[i]);
        areas->passed += area->inside;
        if (!area_advance(area, sweep->six))
            areas->heap[0] = areas->heap[--areas->heap_count];
        heap_sink(areas, 0);
    }
    return key;
}

static bool is_first_key(const struct image_key6 *key)
{
    return key->hi == 0 && key->lo == 0;
}

struct flat_table flatten(const struct rule *rules, const uint32_t *numbers, size_t count, bool six, struct pool *pool)
{
    struct sweep sweep = {.numbers = numbers, .six = six, .pool = pool};

    open_rules_init(&sweep.open, rules, numbers, count);
    areas_init(&sweep.areas, rules, numbers, count, six);
    sweep.list = memory_new((count / GROUP_RULES / IMAGE_BUNDLE_BITMAPS + 2) * sizeof(*sweep.list));
    if (sweep.areas.heap_count > 0 && !is_first_key(&sweep.areas.list[sweep.areas.heap[0]].next))
        sweep_emit(&sweep, &(struct image_key6){0, 0});
    for (size_t steps = 0; sweep.areas.heap_count > 0; steps++) {
        struct image_key6 key = sweep_step(&sweep);

        sweep_emit(&sweep, &key);
        if (steps % TELL_STEPS == 0)
            progress_tell(
                (struct progress){six ? WORK_JOIN6 : WORK_JOIN4, NULL, 0, sweep.areas.passed, sweep.areas.ranges});
    }
    open_rules_free(&sweep.open);
    areas_free(&sweep.areas);
    free(sweep.list);
    return sweep.table;
}

void flat_table_free(struct flat_table *table)
{
    free(table->keys4);
    free(table->keys6);
    free(table->values);
}
