/* SPDX-License-Identifier: MIT */
/* What people read about a rule, copied out of the image, so that a reload cannot change it while it is used. */
#ifndef SOCKADE_SHIM_RULE_TEXTS_H
#define SOCKADE_SHIM_RULE_TEXTS_H

#include "shim/process.h"

struct rule_texts {
    char name[96];
    char reason[256];
    char file[320];
    unsigned line;
};

/* All-empty where a newer image has come since `latch`: its rule of that number is another. */
void rule_texts_copy(struct rule_texts *out, const struct layer *layer, uint32_t latch, uint32_t rule);

/* Copies as much as there is room for, with a NUL. */
void text_copy(char *out, size_t size, const char *text);

/* The same behind what is there. */
void text_append(char *out, size_t size, const char *text);

#endif
