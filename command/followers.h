/* SPDX-License-Identifier: MIT */
/* Which running processes are under a policy, by what they have mapped. */
#ifndef SOCKADE_COMMAND_FOLLOWERS_H
#define SOCKADE_COMMAND_FOLLOWERS_H

#include <stddef.h>

struct followers {
    size_t at_once; /* have the image mapped, and a control file that tells them of a newer one */
    size_t later;   /* have the image, and no control file: they notice within a second of their next new socket */
};

/* Counts the other processes whose maps may be read, which are the user's own; for root everybody's. */
void followers_count(struct followers *out, const char *image_name);

#endif
