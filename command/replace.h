/* SPDX-License-Identifier: MIT */
/* A user's own file that is rewritten: read once, and replaced as a whole or not at all. */
#ifndef SOCKADE_COMMAND_REPLACE_H
#define SOCKADE_COMMAND_REPLACE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

struct original {
    char path[PATH_MAX];  /* the file itself, whatever links lead to it */
    char fresh[PATH_MAX]; /* the file that is to take its place; "": none yet */
    struct stat st;
    char *text; /* a NUL behind it and none in it */
    int folder; /* locked while the file is to be written; -1: it is not */
};

/*
 * Reads a text. Says why where it is none: no regular file, an image, bytes that no text has, or (`to_write`) one that
 * this user may not replace as it is: another's, one of several names, in a folder that takes no file. With `to_write`
 * all others who come to write wait until original_free, by a lock on the folder, which leaves nothing behind.
 */
bool file_take(struct original *out, const char *path, bool to_write);
void original_free(struct original *original);

/*
 * Writes the text that is to take its place to `fresh`, beside it, with its mode and owner. Says why where it cannot.
 */
bool fresh_write(struct original *original, const char *text);

/*
 * Puts that in its place by rename(2); with `keep` the text before stays as PATH.bak. Says why where it cannot, and
 * nothing has changed then. A file that changed since it was read stays.
 */
bool fresh_put(struct original *original, bool keep);

#endif
