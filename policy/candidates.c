/* SPDX-License-Identifier: MIT */
/* Lists walked: numbers one after the other, or the bits that a list has in common with a sieve. */
#include "policy/candidates.h"

#include <string.h>

static const void *section_at(const struct view *view, struct image_section section)
{
    return view->base + section.offset;
}

/* ---- the sieve ---- */

/* Where the parts of a sieve stand; each has been found to lie in the section. */
struct sieve {
    struct image_sieve counts;
    const uint32_t *numbers;
    const uint32_t *classes;
    const uint32_t *begins; /* of pairs */
    const uint32_t *pairs;
};

static bool sieve_open(struct sieve *sieve, const struct view *view, const struct image_chain *chain,
                       enum direction direction)
{
    const struct image_sieve *sieves = section_at(view, view->sieves);
    struct image_sieve counts;
    uint64_t words;

    if (chain->sieves >= view->sieves.count || view->sieves.count - chain->sieves < DIRECTIONS)
        return false;
    counts = sieves[chain->sieves + direction];
    words = (uint64_t)counts.rules + counts.classes + counts.classes + IMAGE_SIEVE_PROTOS + 1 +
            2 * (uint64_t)counts.pairs;
    if (counts.classes == 0 || counts.at > view->sieve_words.count || words > view->sieve_words.count - counts.at)
        return false;
    sieve->counts = counts;
    sieve->numbers = (const uint32_t *)section_at(view, view->sieve_words) + counts.at;
    sieve->classes = sieve->numbers + counts.rules;
    sieve->begins = sieve->classes + counts.classes;
    sieve->pairs = sieve->begins + counts.classes + IMAGE_SIEVE_PROTOS + 1;
    return true;
}

/* The class of a port: the last one that does not begin above it. */
static uint32_t class_of(const struct sieve *sieve, uint16_t port)
{
    uint32_t at = 0;

    for (uint32_t count = sieve->counts.classes; count > 1;) {
        uint32_t half = count / 2;

        at += sieve->classes[at + half] <= port ? half : 0;
        count -= half;
    }
    return at;
}

/*
 * Which of the lists of rules without ports a query needs: its protocol's, or the one of all where there may be
 * several.
 */
static uint32_t portless_of(const struct query *query)
{
    unsigned protos = query->protos & PROTO_ANY;

    return protos != 0 && (protos & (protos - 1)) == 0 ? (uint32_t)__builtin_ctz(protos) : IMAGE_SIEVE_PROTOS - 1;
}

static struct pairs sieve_pairs(const struct sieve *sieve, uint32_t list)
{
    uint32_t from = sieve->begins[list];
    uint32_t to = sieve->begins[list + 1];

    if (from > to || to > sieve->counts.pairs)
        from = to = 0;
    return (struct pairs){sieve->pairs + 2 * (size_t)from, sieve->pairs + 2 * (size_t)to};
}

/* ---- long lists ---- */

static struct image_bitmap bitmap_at(const struct view *view, uint32_t number)
{
    if (number >= view->bitmaps.count)
        return (struct image_bitmap){{0, 0}};
    return ((const struct image_bitmap *)section_at(view, view->bitmaps))[number];
}

/* The list's bitmap `number`. */
static struct image_bitmap list_bitmap(const struct candidates *candidates, uint32_t number)
{
    const struct view *view = candidates->view;
    const struct image_bundle *bundles = section_at(view, view->bundles);
    uint32_t bundle = number / IMAGE_BUNDLE_BITMAPS;

    if (bundle >= candidates->bundle_count || candidates->bundles[bundle] >= view->bundles.count)
        return (struct image_bitmap){{0, 0}};
    return bitmap_at(view, bundles[candidates->bundles[bundle]].bitmaps[number % IMAGE_BUNDLE_BITMAPS]);
}

/* Adds the rules of a sieve's next pair if they are of the list's bitmap `number`. */
static void pairs_take(const struct candidates *candidates, struct pairs *pairs, uint32_t number,
                       struct image_bitmap *wanted)
{
    struct image_bitmap more;

    if (pairs->at == pairs->end || pairs->at[0] != number)
        return;
    more = bitmap_at(candidates->view, pairs->at[1]);
    wanted->words[0] |= more.words[0];
    wanted->words[1] |= more.words[1];
    pairs->at += 2;
}

/* Goes on to the next bitmap of the list in which something may be; false behind the last one. */
static bool long_advance(struct candidates *candidates)
{
    struct image_bitmap wanted = {{~UINT64_C(0), ~UINT64_C(0)}};
    struct image_bitmap listed;
    uint32_t number = candidates->next;

    if (candidates->sifted) {
        struct pairs *named = &candidates->named;
        struct pairs *portless = &candidates->portless;

        number = UINT32_MAX;
        if (named->at < named->end)
            number = named->at[0];
        if (portless->at < portless->end && portless->at[0] < number)
            number = portless->at[0];
        memset(&wanted, 0, sizeof(wanted));
        pairs_take(candidates, named, number, &wanted);
        pairs_take(candidates, portless, number, &wanted);
    }
    if (number / IMAGE_BUNDLE_BITMAPS >= candidates->bundle_count)
        return false;
    listed = list_bitmap(candidates, number);
    candidates->next = number + 1;
    candidates->position = number * IMAGE_BITMAP_RULES;
    candidates->bits[0] = listed.words[0] & wanted.words[0];
    candidates->bits[1] = listed.words[1] & wanted.words[1];
    return true;
}

uint32_t candidates_next_long(struct candidates *candidates)
{
    while ((candidates->bits[0] | candidates->bits[1]) == 0) {
        if (!long_advance(candidates))
            return IMAGE_NO_RULE;
    }
    uint32_t word = candidates->bits[0] == 0;
    uint32_t position = candidates->position + word * 64 + (uint32_t)__builtin_ctzll(candidates->bits[word]);

    candidates->bits[word] &= candidates->bits[word] - 1;
    return position < candidates->number_count ? candidates->numbers[position] : IMAGE_NO_RULE - 1;
}

static __attribute__((noinline)) void long_begin(struct candidates *candidates, const struct image_chain *chain,
                                                 const struct query *query, uint32_t count)
{
    struct sieve sieve;

    candidates->bundles = candidates->steps + 1;
    candidates->bundle_count = 0;
    candidates->sifted = false;
    candidates->next = 0;
    candidates->bits[0] = candidates->bits[1] = 0;
    if (count >= (size_t)(candidates->steps_end - candidates->steps) ||
        !sieve_open(&sieve, candidates->view, chain, query->direction))
        return;
    candidates->bundle_count = count;
    candidates->numbers = sieve.numbers;
    candidates->number_count = sieve.counts.rules;
    if (!query->port_known)
        return;
    candidates->sifted = true;
    candidates->named = sieve_pairs(&sieve, class_of(&sieve, query->port));
    candidates->portless = sieve_pairs(&sieve, sieve.counts.classes + portless_of(query));
}

/* ---- lists ---- */

void candidates_begin(struct candidates *candidates, const struct view *view, const struct image_chain *chain,
                      const struct query *query, uint32_t at)
{
    const uint32_t *steps = section_at(view, view->steps);

    candidates->view = view;
    candidates->bundles = NULL;
    candidates->steps = steps + (at < view->steps.count ? at : view->steps.count);
    candidates->steps_end = steps + view->steps.count;
    if (candidates->steps < candidates->steps_end && candidates->steps[0] != IMAGE_NO_RULE &&
        candidates->steps[0] & IMAGE_LONG)
        long_begin(candidates, chain, query, candidates->steps[0] & ~IMAGE_LONG);
    else if ((size_t)(candidates->steps_end - candidates->steps) > IMAGE_FEW)
        candidates->steps_end = candidates->steps + IMAGE_FEW;
}
