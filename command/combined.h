/* SPDX-License-Identifier: MIT */
/*
 * What `sockade run` combined of a text and its own options is an image that names both, so that it can be combined
 * anew when the text has changed.
 */
#ifndef SOCKADE_COMMAND_COMBINED_H
#define SOCKADE_COMMAND_COMBINED_H

#include "command/followers.h"
#include "command/texts.h"

struct combined {
    struct layer_place place; /* the text */
    struct additions additions;
    char *memory;
};

/* Whether `file` is such an image that this user may trust; what it was combined of, to be freed then. */
bool combined_of_file(struct combined *out, const char *file, const struct surroundings *surroundings);
void combined_free(struct combined *combined);

/*
 * After the text at `place` was published: publishes each image anew that was combined of it and that some process runs
 * under, and adds those processes to `followers`. False, and said, where one of them could not be.
 */
bool combined_publish(const struct layer_place *place, const struct surroundings *surroundings,
                      struct followers *followers);

#endif
