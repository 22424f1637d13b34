/* SPDX-License-Identifier: MIT */
/* What lists of rules are made of in an image, equal ones kept once: lists, and bits that long ones share. */
#ifndef SOCKADE_CONFIG_POOL_H
#define SOCKADE_CONFIG_POOL_H

#include "policy/image.h"

/* Records of words, all of one length; record 0 is all zeroes. */
struct records {
    uint32_t *words;
    size_t length; /* words a record */
    size_t count, room;
    uint32_t *slots; /* hash table of record numbers, 0 empty */
    size_t slot_count;
};

struct pool {
    uint32_t *steps; /* lists, each ending with IMAGE_NO_RULE; list 0 is empty */
    size_t step_count, step_room;
    uint32_t *slots; /* hash table of list offsets, 0 empty */
    size_t slot_count, used;
    struct records bitmaps; /* struct image_bitmap */
    struct records bundles; /* struct image_bundle */
};

void pool_init(struct pool *pool);
void pool_free(struct pool *pool);

/*
 * The offset of a list of `count` steps, the number of a bitmap, of a bundle; each is added unless it is there already.
 */
uint32_t pool_list(struct pool *pool, const uint32_t *steps, size_t count);
uint32_t pool_bitmap(struct pool *pool, const uint64_t words[2]);
uint32_t pool_bundle(struct pool *pool, const uint32_t bitmaps[IMAGE_BUNDLE_BITMAPS]);

#endif
