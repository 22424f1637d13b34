/* SPDX-License-Identifier: MIT */
/* An image into a slot of its layer, and the latch raised; by the start, or by the thread that was elected. */
#ifndef SOCKADE_SHIM_INSTALL_H
#define SOCKADE_SHIM_INSTALL_H

#include "shim/find.h"
#include "shim/process.h"

/* What is in force for a layer, and the range that the images after its first one lie in. */
struct installed {
    dev_t device;
    ino_t inode;
    int64_t mtime_ns;
    unsigned char *range; /* NULL: there was no newer image yet, or no room for one */
    size_t room;          /* of each of its halves */
    size_t mapped[2];     /* bytes of each half that are an image's */
    struct generation generation;
    bool told; /* that an image did not fit */
};

/*
 * Gives layer `i` of the process its first image; one without an image is closed. The candidate is taken over. With
 * `i` equal to the number of layers it is a new one.
 */
void install_first(int i, const struct search *search, struct candidate *found, struct installed *image);

/* Makes the process' only layer one that refuses, whatever comes later. */
void install_closed(void);

/*
 * Replaces the image of layer `i`, or drops a candidate that is the same. False where that cannot be, with `why` (NULL:
 * it was told before); the candidate is dropped then too.
 */
bool install_newer(int i, const struct search *search, struct candidate *found, struct installed *image,
                   const char **why);

/* Leaves an event: the policy at `place` could not be followed, and the old one stays in force. NULL: none. */
void install_event(const struct layer *layer, const struct layer_place *place, const char *why);

/* The same for a place that has no layer yet, and so no log: one line on stderr. */
void install_say(const struct layer_place *place, const char *why);

/* The image in force. Stable for the elected thread alone. */
static inline const struct view *layer_view(const struct layer *layer)
{
    return &layer->slots[atomic_load_explicit(&layer->latch, memory_order_acquire) & LATCH_SLOT];
}

#endif
