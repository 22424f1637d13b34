/* SPDX-License-Identifier: MIT */
/* The blocks of a table, and the nodes by which they are found, out of keys in order. */
#ifndef SOCKADE_CONFIG_BLOCKS_H
#define SOCKADE_CONFIG_BLOCKS_H

#include "policy/image.h"

#include <stdbool.h>

/* Keys that lead to one list. */
struct run {
    uint64_t first;
    uint64_t last;
    uint32_t value;
};

/* Sorted runs. */
struct runs {
    struct run *list;
    size_t count, room;
};

/* A table's blocks as they grow. */
struct block_maker {
    const struct runs *runs; /* all keys, gaps too */
    uint32_t usual;
    enum image_block_kind kind;
    uint32_t places; /* of a block */
    unsigned char *blocks;
    uint32_t *values; /* `places` + 1 for each block */
    size_t block_count, block_room;
    struct image_node *nodes;
    size_t node_count, node_room;
    uint32_t most; /* where most ranges lead to */
    bool differ;   /* there are values that have to be told */
};

/* Adds the run behind the last one, or makes that longer where both lead to the same list. */
void runs_push(struct runs *runs, uint64_t first, uint64_t last, uint32_t value);

/* A table's or a part's blocks: `runs` have every key up to `last`. Returns the node by which they are found. */
struct image_node blocks_make(struct block_maker *maker, const struct runs *runs, uint64_t last);

/* Adds a node. Returns its number, the first of which is 1. */
uint32_t node_push(struct block_maker *maker, const struct image_node *node);

#endif
