/* SPDX-License-Identifier: MIT */
/*
 * The rules of a list, in order, that are worth a look: of a short list all, of a long one those that name the port, or
 * no port and the protocol.
 *
 * Any bytes may stand in the list: every number is bounded where it is read, and each walk ends.
 */
#ifndef SOCKADE_POLICY_CANDIDATES_H
#define SOCKADE_POLICY_CANDIDATES_H

#include "policy/query.h"

/* Pairs of a sieve, of which a walk comes to one after the other. */
struct pairs {
    const uint32_t *at;
    const uint32_t *end;
};

struct candidates {
    const struct view *view;
    /* A short list. */
    const uint32_t *steps;
    const uint32_t *steps_end;
    /* A long one; `bundles` is NULL otherwise. */
    const uint32_t *bundles;
    uint32_t bundle_count;
    const uint32_t *numbers; /* by position */
    uint32_t number_count;
    bool sifted; /* by these two; else every rule of the list is one */
    struct pairs named;
    struct pairs portless;
    uint32_t next;     /* of the list's bitmaps */
    uint32_t position; /* of the first bit in `bits` */
    uint64_t bits[2];
};

/* Begins with the list at offset `at` of `steps`, which an address of the query in `chain` leads to. */
void candidates_begin(struct candidates *candidates, const struct view *view, const struct image_chain *chain,
                      const struct query *query, uint32_t at);

/* Of a long list. */
uint32_t candidates_next_long(struct candidates *candidates);

/* The next rule's number, which may be any where the image is damaged; IMAGE_NO_RULE behind the last one. */
static inline uint32_t candidates_next(struct candidates *candidates)
{
    if (candidates->bundles != NULL)
        return candidates_next_long(candidates);
    return candidates->steps < candidates->steps_end ? *candidates->steps++ : IMAGE_NO_RULE;
}

#endif
