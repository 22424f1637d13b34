/* SPDX-License-Identifier: MIT */
/* What became of the lines of `sockade test`: for people, as TAP, as JSON; and which rules no line reached. */
#ifndef SOCKADE_COMMAND_OUTCOMES_H
#define SOCKADE_COMMAND_OUTCOMES_H

#include "command/source.h"
#include "policy/image.h"

#include <jansson.h>

enum outcomes_format { OUTCOMES_PLAIN, OUTCOMES_TAP, OUTCOMES_JSON };

/* One line that was held against the policy. */
struct outcome {
    const char *file;
    int line;
    const char *text;     /* the line as it was written */
    const char *asked;    /* NULL: it could not be read */
    const char *expected; /* the same */
    const char *got;      /* "deny EACCES"; NULL: nothing was decided */
    const char *why;      /* `denies with EACCES, by rule ...`, or what is wrong with the line */
    struct span place;    /* what was expected, or what is wrong */
    bool passed;
};

struct outcomes {
    enum outcomes_format format;
    bool coverage;
    const char *policy;
    json_t *cases;
    size_t passed, failed;
    bool *reached; /* by rule of the image */
};

void outcomes_add(struct outcomes *outcomes, const struct outcome *outcome);

/* Ends the output; returns how many rules no line reached. */
size_t outcomes_end(struct outcomes *outcomes, const struct view *view);

#endif
