/* SPDX-License-Identifier: MIT */
/* Finding the image that is to hold for a layer; by the start and by reloads, one at a time. */
#ifndef SOCKADE_SHIM_FIND_H
#define SOCKADE_SHIM_FIND_H

#include "state/control.h"
#include "state/generation.h"

/* What was found for one layer so far; all-zero: nothing. */
struct candidate {
    struct image_file file;
    struct generation generation; /* of the folder that the image stands in, if it has one */
    struct view view;
    bool fresh;
    bool named;    /* the layer's path is the image itself, */
    bool combined; /* which `sockade run` made of a text and its own options */
};

/* What is looked for, and how. */
struct search {
    const struct layer_place *place;
    const struct surroundings *surroundings;
    bool explicit_path;           /* somebody named it, so it must be there, and may be an image */
    bool compile;                 /* where there is no fresh image */
    union generation_place *word; /* where the control file goes at once; NULL: anywhere */
};

/* How a layer ended. */
enum fate {
    FATE_NONE,   /* it does not exist: no policy */
    FATE_HOLDS,  /* mapped */
    FATE_STALE,  /* mapped, but it is the last good image and not the present text */
    FATE_CLOSED, /* broken: fail closed */
};

/* All of it; `why` tells what is wrong where it is not FATE_HOLDS or FATE_NONE. `found` is all-zero before. */
enum fate find_layer(struct candidate *found, const struct search *search, const char **why);

/* The best image of a text in all the folders where one may be: a fresh one, or the first that is good at all. */
void candidate_find(struct candidate *best, const struct search *search);

/* The layer's path, opened as an image. */
enum image_file_outcome candidate_open_named(struct candidate *out, const struct search *search, const char **why);

void candidate_drop(struct candidate *candidate);

#endif
