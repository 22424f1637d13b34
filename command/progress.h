/* SPDX-License-Identifier: MIT */
/* One line on the terminal while something takes long. */
#ifndef SOCKADE_COMMAND_PROGRESS_H
#define SOCKADE_COMMAND_PROGRESS_H

#include <stdbool.h>

/* False with --quiet: nothing is shown. */
extern bool progress_wanted;

/*
 * From here to progress_end it is shown how far the work is, on stderr where that is a terminal that can erase a line,
 * once half a second has gone by since the first call of this process. Not to be nested; nothing else may be written to
 * a terminal in between.
 */
void progress_begin(void);

/* Takes the line away. errno is kept. */
void progress_end(void);

#endif
