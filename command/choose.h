/* SPDX-License-Identifier: MIT */
/* Which text a subcommand that compiles works on. */
#ifndef SOCKADE_COMMAND_CHOOSE_H
#define SOCKADE_COMMAND_CHOOSE_H

#include "command/options.h"
#include "command/texts.h"

/*
 * The text `file` that was named, the system's, or (NULL) the user's own. Returns EXIT_FINE, or what to end with after
 * the reason was told.
 */
int text_choose(struct layer_place *place, const struct usage *usage, bool system, const char *file,
                const struct surroundings *surroundings);

/* Whether the text's image of this name is there, and fresh. */
bool text_is_fresh(const struct surroundings *surroundings, const struct layer_place *place, const char *name);

#endif
