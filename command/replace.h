/* SPDX-License-Identifier: MIT */
/* A user's own file that is rewritten: read once, and replaced as a whole or not at all. */
#ifndef SOCKADE_COMMAND_REPLACE_H
#define SOCKADE_COMMAND_REPLACE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

struct original {
    char path[PATH_MAX]; /* the file itself, whatever links lead to it */
    struct stat st;
    char *text; /* a NUL behind it and none in it */
};

/*
 * Reads a text. Says why where it is none: no regular file, an image, bytes that no text has, or (`to_write`) one that
 * this user may not write.
 */
bool file_take(struct original *out, const char *path, bool to_write);
void original_free(struct original *original);

/*
 * Keeps the file as PATH.bak and puts `text` in its place by rename(2), with its mode and, where that may be, its
 * owner. Says why where it cannot, and nothing has changed then. A file that changed since it was read stays.
 */
bool file_replace(const struct original *original, const char *text, size_t size);

#endif
