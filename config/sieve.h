/* SPDX-License-Identifier: MIT */
/* Which rules of one chain and direction may hold by port and protocol, as bits by position. */
#ifndef SOCKADE_CONFIG_SIEVE_H
#define SOCKADE_CONFIG_SIEVE_H

#include "config/pool.h"
#include "config/rules.h"

/* The words of an image's sieves, one behind the other. */
struct sieve_words {
    uint32_t *words;
    size_t count, room;
};

/*
 * The sieve for the rules `numbers` (`count` of them, in order); an empty one where they are too few for a long list.
 */
struct image_sieve sieve_make(const struct rule *rules, const uint32_t *numbers, size_t count, struct pool *pool,
                              struct sieve_words *out);

#endif
