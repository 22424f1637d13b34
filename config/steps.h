/* SPDX-License-Identifier: MIT */
/* Lists of steps, which the ranges of a table lead to. */
#ifndef SOCKADE_CONFIG_STEPS_H
#define SOCKADE_CONFIG_STEPS_H

#include <stddef.h>
#include <stdint.h>

/*
 * The pool of steps: lists of rule numbers, each ending with IMAGE_NO_RULE, equal ones kept once. List 0 is the empty
 * one. A list ends at its first unconditional rule, since nothing behind it can decide. A long list is made of
 * segments, which hold the rules of 128 neighbours: where many ranges overlap, the lists of two neighbouring ranges
 * differ by one rule, so all their segments but one are shared.
 */
struct step_pool {
    uint32_t *steps;
    size_t count, room;
    uint32_t *slots; /* hash table of list offsets, 0 empty */
    size_t slot_count, used;
};

void step_pool_init(struct step_pool *pool);
void step_pool_free(struct step_pool *pool);

/* The offset of a list of `count` steps, which is added unless it is there already. */
uint32_t step_pool_intern(struct step_pool *pool, const uint32_t *steps, size_t count);

#endif
