/* SPDX-License-Identifier: MIT */
/* Which thread of the process may change what all of them read: one at a time, and nobody waits for it. */
#ifndef SOCKADE_SHIM_ELECT_H
#define SOCKADE_SHIM_ELECT_H

#include <signal.h>
#include <stdbool.h>

/*
 * Makes the caller the one, with all signals blocked and the mask before that in `mask`; false where there is one
 * already, also where it is the function that this signal handler interrupted. errno is kept for elect_end.
 */
bool elect(sigset_t *mask);
void elect_end(const sigset_t *mask);

#endif
