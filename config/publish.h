/* SPDX-License-Identifier: MIT */
/* Images to their place: under a lock, by a temporary file, fsync and rename. */
#ifndef SOCKADE_CONFIG_PUBLISH_H
#define SOCKADE_CONFIG_PUBLISH_H

#include "config/compile.h"
#include "state/locate.h"

/*
 * Writes an image to the file `path` that the user named: temporary file beside it, fsync, rename; mode `mode`.
 * `problem` gets one sentence where that failed; its size must not be 0.
 */
bool publish_to_file(const struct image_bytes *image, const char *path, mode_t mode, char *problem,
                     size_t problem_size);

/*
 * Writes an image as `name` into the first image folder that can be used (made where missing), and over older copies of
 * that name in the other folders that exist, whose words are raised. `where` (PATH_MAX bytes, may be NULL) gets the
 * path. Returns false, with one sentence in `problem`, also where an older copy could be neither replaced nor removed.
 * Where all is well `problem` is empty, or tells that running programs could not be told.
 */
bool publish_image(const struct image_bytes *image, const struct surroundings *surroundings, const char *name,
                   char *where, char *problem, size_t problem_size);

/*
 * Raises the word of every image folder that exists, so that running processes look for a newer image; publish_image
 * has done that. With `system`, that of the system's folder too, if we may. `problem` is empty, or tells which could
 * not be.
 */
void publish_raise(const struct surroundings *surroundings, bool system, char *problem, size_t problem_size);

/* As publish_to_file for the image `name` of the system layer, in SYSTEM_STATE_FOLDER, whose word is raised. */
bool publish_system_image(const struct image_bytes *image, const char *name, char *where, char *problem,
                          size_t problem_size);

/*
 * Takes the lock of a text's image (a file NAME.lock in the first usable folder), waiting up to `seconds`: processes
 * that start at the same time share one compile. Returns a descriptor to close, or -1.
 */
int publish_lock(const struct surroundings *surroundings, const char *name, int seconds);

#endif
