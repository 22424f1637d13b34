/* SPDX-License-Identifier: MIT */
/* Which thread of the process may change what all of them read: one at a time. Others may wait until it is through. */
#ifndef SOCKADE_SHIM_ELECT_H
#define SOCKADE_SHIM_ELECT_H

#include <signal.h>
#include <stdbool.h>

/*
 * Makes the caller the one, with all signals blocked and the mask before that in `mask`; false where there is one
 * already, and in a child of vfork(2). errno is kept for elect_end.
 */
bool elect(sigset_t *mask);
void elect_end(const sigset_t *mask);

/*
 * Sleeps until the thread that is at work is through; a handler may leave the call by siglongjmp(3), and cancellation
 * may end it. False: no use to wait, since nobody of this process is at work, or has been for too long
 * (ELECT_PATIENCE_NS since one of its threads began to wait: then none waits for that one again). errno is preserved.
 */
bool elect_wait(void);

/*
 * Longer than a thread may be kept from the processor on a machine that is overloaded. What takes longer hangs, as an
 * open(2) on a dead network disk does, or waits for the thread that waits for it (a file system of the program's own).
 */
#define ELECT_PATIENCE_NS 1000000000

#endif
