/* SPDX-License-Identifier: MIT */
/*
 * Following the policy while the program runs: by the word in the control file, which every process has mapped, and,
 * for what a word cannot reach, by a look at the sources once a second.
 *
 * One thread of a process does it, elected by compare-and-swap, with signals blocked; the others go on with what they
 * have. Nothing waits, errno is preserved.
 */
#ifndef SOCKADE_SHIM_FOLLOW_H
#define SOCKADE_SHIM_FOLLOW_H

#include "shim/find.h"
#include "shim/process.h"

/*
 * Takes what the start found for place `i` (in the order of locate_layers) into the process' record, and remembers how
 * it was found. FATE_NONE adds no layer, nor does FATE_CLOSED where that is `allowed`, but the place is looked at
 * later.
 */
void follow_start(int i, const struct search *search, struct candidate *found, enum fate fate, bool allowed);

/* The path by which layer `layer` of the process was reached; "" where it cannot be told. */
const char *follow_path(int layer);

/* Takes newer images of the layers whose word has moved. To be called where policy_has_moved(). */
void follow_words(void);

/*
 * For socket, bind, listen and accept: looks at the sources, where the last look was a second ago, and takes or
 * compiles what is newer. The clock costs no system call.
 */
void follow_sources(void);

#endif
