/* SPDX-License-Identifier: MIT */
/* Rules to image: flattens addresses into sorted disjoint ranges that lead to the ordered rules covering them. */
#ifndef SOCKADE_CONFIG_COMPILE_H
#define SOCKADE_CONFIG_COMPILE_H

#include "config/rules.h"

struct image_bytes {
    unsigned char *bytes;
    size_t size;
};

/*
 * Compiles a policy that was read without errors. Returns false, with an error in `messages`, where the image would
 * grow past IMAGE_LIMIT. The bytes are the caller's to free(3).
 */
bool policy_compile(const struct policy *policy, struct image_bytes *out, struct messages *messages);

#endif
