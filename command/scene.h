/* SPDX-License-Identifier: MIT */
/* The layers that hold here as one program sees them, and what they say to a question: for `explain`. */
#ifndef SOCKADE_COMMAND_SCENE_H
#define SOCKADE_COMMAND_SCENE_H

#include "command/layers.h"
#include "command/question.h"

#include <jansson.h>

struct scene {
    struct layer layers[LAYERS_MAX];
    int count;
    struct view opened[LAYERS_MAX];
    const struct layer *present[LAYERS_MAX]; /* those that exist, */
    const struct view *views[LAYERS_MAX];    /* and their views; NULL: closed */
    int present_count;
};

/* Loads what holds here, with `policy` in place of SOCKADE_POLICY. False, and said, where nothing can be told. */
bool scene_load(struct scene *scene, const char *policy);

/* Takes a program's view of it; NULL: none with rules of its own. It may be done again for another program. */
void scene_open(struct scene *scene, const struct program_names *names);
void scene_free(struct scene *scene);

/* The name of the `programs` entry that holds; NULL: none. */
const char *view_program_name(const struct view *view);

/* A question, and how it was asked. */
struct asked {
    const char *direction; /* "to", ... */
    const char *text;
    struct question question;
};

/* What is the same for several protocols is one answer. */
struct answer {
    unsigned protos;
    struct judgement judgement;
    int code; /* EXIT_FINE: allowed, EXIT_NEGATIVE, or EXIT_UNKNOWN */
};

struct answers {
    struct answer list[6];
    int count;
    int code; /* the strictest */
};

struct answers scene_ask(const struct scene *scene, const struct asked *asked);
void answers_print(const struct answers *answers, const struct scene *scene, const struct asked *asked);

/* An array with an object for each answer. */
json_t *answers_json(const struct answers *answers, const struct scene *scene);

#endif
