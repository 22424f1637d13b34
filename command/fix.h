/* SPDX-License-Identifier: MIT */
/* `sockade check --fix`: mends in a policy's text what is mechanical. */
#ifndef SOCKADE_COMMAND_FIX_H
#define SOCKADE_COMMAND_FIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/*
 * Puts in place what the messages about the text `path` propose, as far as the text is better then: no message comes
 * instead of one that goes, and a text that was right still compiles to the same image. Tells each change on `stream`.
 * With `dry_run` it prints a unified diff and writes nothing. `fixes` gets how many there are. Returns EXIT_FINE, or
 * what to end with where it said why nothing can be done.
 */
int fix_file(const char *path, bool dry_run, FILE *stream, size_t *fixes);

#endif
