/* SPDX-License-Identifier: MIT */
/* A sweep over the ports at which rules begin and end: between two of them the same rules name each port. */
#include "config/sieve.h"

#include "config/memory.h"

#include <stdlib.h>
#include <string.h>

#define PORTS 65536u
#define BITMAP_WORDS (IMAGE_BITMAP_RULES / 64)

/* From this port on the rule at a position names ports that it did not name, or the other way round. */
struct turn {
    uint32_t port;
    uint32_t position;
};

struct maker {
    const struct rule *rules;
    const uint32_t *numbers;
    size_t count;
    size_t bitmap_count;
    uint64_t *open; /* by position: the rules that are in the list which is made */
    struct pool *pool;
    uint32_t *classes; /* first ports */
    size_t class_count, class_room;
    uint32_t *begins; /* of each list's pairs */
    size_t begin_count, begin_room;
    uint32_t *pairs; /* two words each */
    size_t pair_words, pair_room;
};

static int turn_order(const void *a, const void *b)
{
    const struct turn *x = a;
    const struct turn *y = b;

    if (x->port != y->port)
        return x->port < y->port ? -1 : 1;
    return (x->position > y->position) - (x->position < y->position);
}

static uint32_t *push(uint32_t *words, size_t *count, size_t *room, uint32_t word)
{
    words = memory_grow(words, *count, room, sizeof(*words));
    words[(*count)++] = word;
    return words;
}

static void list_begin(struct maker *maker)
{
    maker->begins = push(maker->begins, &maker->begin_count, &maker->begin_room, (uint32_t)(maker->pair_words / 2));
}

/* The pairs of what is open now. */
static void list_make(struct maker *maker)
{
    list_begin(maker);
    for (size_t i = 0; i < maker->bitmap_count; i++) {
        uint32_t bitmap = pool_bitmap(maker->pool, maker->open + i * BITMAP_WORDS);

        if (bitmap == 0)
            continue;
        maker->pairs = push(maker->pairs, &maker->pair_words, &maker->pair_room, (uint32_t)i);
        maker->pairs = push(maker->pairs, &maker->pair_words, &maker->pair_room, bitmap);
    }
}

static void toggle(struct maker *maker, size_t position)
{
    maker->open[position / 64] ^= UINT64_C(1) << position % 64;
}

static void clear(struct maker *maker)
{
    memset(maker->open, 0, maker->bitmap_count * sizeof(struct image_bitmap));
}

static size_t turns_make(const struct maker *maker, struct turn *turns)
{
    size_t made = 0;

    for (size_t i = 0; i < maker->count; i++) {
        const struct rule *rule = &maker->rules[maker->numbers[i]];

        for (size_t p = 0; p < rule->port_count; p++) {
            turns[made++] = (struct turn){rule->ports[p].first, (uint32_t)i};
            turns[made++] = (struct turn){rule->ports[p].last + 1u, (uint32_t)i};
        }
    }
    qsort(turns, made, sizeof(*turns), turn_order);
    return made;
}

static void class_make(struct maker *maker, uint32_t port)
{
    maker->classes = push(maker->classes, &maker->class_count, &maker->class_room, port);
    list_make(maker);
}

/* The classes of ports, each with its list. */
static void classes_make(struct maker *maker)
{
    size_t total = 0;
    size_t count;
    struct turn *turns;

    for (size_t i = 0; i < maker->count; i++)
        total += 2 * maker->rules[maker->numbers[i]].port_count;
    turns = memory_new((total + 1) * sizeof(*turns));
    count = turns_make(maker, turns);
    if (count == 0 || turns[0].port > 0)
        class_make(maker, 0);
    for (size_t i = 0; i < count && turns[i].port < PORTS;) {
        uint32_t port = turns[i].port;

        for (; i < count && turns[i].port == port; i++)
            toggle(maker, turns[i].position);
        class_make(maker, port);
    }
    free(turns);
}

/* The lists of rules that name no port: for each protocol those that name it, then all. */
static void portless_make(struct maker *maker)
{
    for (uint32_t list = 0; list < IMAGE_SIEVE_PROTOS; list++) {
        clear(maker);
        for (size_t i = 0; i < maker->count; i++) {
            const struct rule *rule = &maker->rules[maker->numbers[i]];

            if (rule->port_count == 0 && (list == IMAGE_SIEVE_PROTOS - 1 || rule->protos >> list & 1))
                toggle(maker, i);
        }
        list_make(maker);
    }
    list_begin(maker); /* where the last one ends */
}

static void words_add(struct sieve_words *out, const uint32_t *words, size_t count)
{
    if (count == 0)
        return;
    if (out->count + count > out->room) {
        out->room = 2 * (out->count + count);
        out->words = memory_resize(out->words, out->room * sizeof(*out->words));
    }
    memcpy(out->words + out->count, words, count * sizeof(*words));
    out->count += count;
}

struct image_sieve sieve_make(const struct rule *rules, const uint32_t *numbers, size_t count, struct pool *pool,
                              struct sieve_words *out)
{
    struct maker maker = {.rules = rules, .numbers = numbers, .count = count, .pool = pool};
    struct image_sieve sieve = {0};

    if (count <= IMAGE_FEW)
        return sieve;
    maker.bitmap_count = (count + IMAGE_BITMAP_RULES - 1) / IMAGE_BITMAP_RULES;
    maker.open = memory_new(maker.bitmap_count * sizeof(struct image_bitmap));
    classes_make(&maker);
    portless_make(&maker);
    sieve = (struct image_sieve){(uint32_t)count, (uint32_t)maker.class_count, (uint32_t)(maker.pair_words / 2),
                                 (uint32_t)out->count};
    words_add(out, numbers, count);
    words_add(out, maker.classes, maker.class_count);
    words_add(out, maker.begins, maker.begin_count);
    words_add(out, maker.pairs, maker.pair_words);
    free(maker.open);
    free(maker.classes);
    free(maker.begins);
    free(maker.pairs);
    return sieve;
}
