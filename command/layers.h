/* SPDX-License-Identifier: MIT */
/* The layers as a program that is started here would have them. */
#ifndef SOCKADE_COMMAND_LAYERS_H
#define SOCKADE_COMMAND_LAYERS_H

#include "command/texts.h"

enum layer_outcome {
    LAYER_ABSENT,    /* it does not exist, or is another user's and let go: it says nothing */
    LAYER_READY,     /* the image that programs map, or what they would compile */
    LAYER_LAST_GOOD, /* the text is in error, and an older image stands */
    LAYER_CLOSED,    /* fail-closed: no image and no usable text */
};

struct layer {
    struct layer_place place;
    enum layer_outcome outcome;
    struct image_file file; /* one of the two holds the image */
    struct compiled compiled;
    const void *base;
    size_t size;
};

/* As locate_layers, which says why where it fails. */
int layers_locate(const struct surroundings *surroundings, struct layer_place layers[LAYERS_MAX]);

/* What stands at a layer's path. */
enum layer_form { FORM_ABSENT, FORM_TEXT, FORM_IMAGE, FORM_UNUSABLE };

/* Looks at a layer's path; an image is mapped into `file`. What is unusable is told in `messages`. */
enum layer_form layer_look(const struct layer_place *place, const struct surroundings *surroundings,
                           struct image_file *file, struct messages *messages);

/* Loads every layer; returns their number, or -1 where it was said why nothing can be told. */
int layers_load(struct layer layers[LAYERS_MAX], const struct surroundings *surroundings, struct messages *messages);

/* The same as a program that is started here would have them, with `policy` (NULL: none) in place of SOCKADE_POLICY. */
int layers_load_here(struct layer layers[LAYERS_MAX], const char *policy, struct messages *messages);
void layers_free(struct layer *layers, int count);

/* Loads one text or image that the user named, whoever it belongs to; absence is an error. */
bool layer_load_file(struct layer *layer, const char *file, struct messages *messages);

/* Whether the file begins as an image does; false where it cannot be read, which whoever reads it will say. */
bool file_is_image(const char *path);

/* Whether somebody named this layer, so that it must be there: its absence fails closed. */
bool layer_is_named(const struct layer_place *place, const struct surroundings *surroundings);

/* "system" or "user". */
const char *layer_kind(const struct layer *layer);

#endif
