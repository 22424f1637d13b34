/* SPDX-License-Identifier: MIT */
/* The `icmp` group of all layers as one answer: what holds for this program. */
#ifndef SOCKADE_SHIM_ICMP_SETTINGS_H
#define SOCKADE_SHIM_ICMP_SETTINGS_H

#include "shim/process.h"

struct icmp_settings {
    int translate;     /* TRANSLATE_*: over several layers "never" goes before "always", and that before "auto" */
    bool hint;         /* false where any layer says so */
    bool pretend_root; /* true where any layer says so: it gains nothing that a layer could forbid */
};

/* Without any policy: "auto", with hint, no pretence. */
struct icmp_settings icmp_settings(void);

/*
 * The settings of one layer, copied out of the image that is in force. False for a layer that failed closed: it has
 * none.
 */
bool layer_settings(const struct layer *layer, struct image_settings *out);

#endif
