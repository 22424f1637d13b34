/* SPDX-License-Identifier: MIT */
/* What Sockade itself has to tell a person: one line on stderr, as long as that is what it was at the start. */
#ifndef SOCKADE_SHIM_SAY_H
#define SOCKADE_SHIM_SAY_H

#include <stdbool.h>

/* Notes what descriptor 2 is. Called once, at the start; before that nothing is said. */
void say_start(void);

/*
 * Writes the parts, which a NULL ends, as one line, if that does not block. Control characters become question marks.
 * errno is preserved. Not for two threads at once: its callers are the start, and what is said once a process.
 */
void say(const char *const *parts);

/* Whether a person is likely to read it: stderr is what it was, and a terminal. errno is preserved. */
bool say_reaches_terminal(void);

/* What descriptor 2 was at the start, for a log place; false where it was closed. */
struct log_place;
bool say_stderr(struct log_place *out);

#endif
