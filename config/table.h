/* SPDX-License-Identifier: MIT */
/* From flattened boundaries to the tables in which an image looks addresses up. */
#ifndef SOCKADE_CONFIG_TABLE_H
#define SOCKADE_CONFIG_TABLE_H

#include "config/builder.h"

struct image_table build_table(struct builder *builder, const struct flat_table *flat, bool six);

#endif
