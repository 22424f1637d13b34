/* SPDX-License-Identifier: MIT */
/* A layer's text on its way to an image: read, compiled, published, found again. */
#ifndef SOCKADE_COMMAND_TEXTS_H
#define SOCKADE_COMMAND_TEXTS_H

#include "command/options.h"
#include "config/compile.h"
#include "state/control.h"
#include "state/locate.h"

/* What `run` adds to a text; both empty: nothing. */
struct additions {
    struct option_uses rules; /* "deny-to" and its endpoint, ...; "log" and its target, "closed" and "" */
    bool audit;
};

/* A text that was read and compiled. */
struct compiled {
    struct policy policy;
    struct image_bytes image;
};

/* Where our own process stands; AT_SECURE counts as for the shim. */
void surroundings_here(struct surroundings *out);

/*
 * Makes `path` absolute as the shim would name it in SOCKADE_POLICY. False, and said, where it is too long or the
 * current folder is not to be had.
 */
bool path_absolute(char out[PATH_MAX], const char *path);

/*
 * Reads and compiles the text at `place` (its path "": no text, additions alone), and holds the image against its own
 * checksum. Returns false where `messages` got an error; what was made is to be given to compiled_free in any case.
 */
bool text_compile(struct compiled *out, const struct layer_place *place, const struct additions *additions,
                  bool trust_anyone, struct messages *messages);
void compiled_free(struct compiled *compiled);

/* The name of the image of a text with additions (NULL: none). */
void text_image_name(char out[IMAGE_NAME], const struct layer_place *place, const struct additions *additions);

/*
 * Looks for the published image `name` of a layer where the shim looks, and maps it: a fresh one, else any that can be
 * used. False where there is none.
 */
struct published {
    struct image_file file;
    char path[PATH_MAX];
    bool fresh;
};
bool published_find(struct published *out, const struct surroundings *surroundings, bool system, const char *name);

/*
 * Takes the lock of a text's image: of several processes that want it made, one does the work. A descriptor to close,
 * or -1 where it cannot be had, which is no reason not to go on.
 */
int text_lock(const struct surroundings *surroundings, const char *name);

/*
 * Publishes an image where the shim looks: root's system image in the installed state folder, all others in a folder of
 * the user's own. `where` gets the path. Says why it cannot.
 */
bool text_publish(const struct compiled *compiled, const struct surroundings *surroundings, bool system,
                  const char *name, char where[PATH_MAX]);

/* Writes an image to the file `path`, for everybody to read. Says why it cannot. */
bool text_write(const struct compiled *compiled, const char *path);

#endif
