/* SPDX-License-Identifier: MIT */
/* An image as it grows: sections are written one behind the other. */
#ifndef SOCKADE_CONFIG_BUILDER_H
#define SOCKADE_CONFIG_BUILDER_H

#include "config/flatten.h"
#include "config/sieve.h"
#include "policy/image.h"

struct builder {
    unsigned char *bytes;
    size_t size, room;
    struct image_header header;
    char *strings;
    size_t string_size, string_room;
    uint32_t *slots; /* hash table of string offsets */
    size_t slot_count, string_count;
    struct image_port_range *ports;
    size_t port_count, port_room;
    struct pool pool;
    struct image_sieve *sieves;
    size_t sieve_count, sieve_room;
    struct sieve_words sieve_words;
};

/* Adds a section of `count` elements. An image that becomes too large is told at the end. */
struct image_section builder_add(struct builder *builder, const void *data, size_t count, size_t element_size);

/* Puts the next section at a multiple of `alignment` bytes. */
void builder_align(struct builder *builder, size_t alignment);

#endif
