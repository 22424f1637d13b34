/* SPDX-License-Identifier: MIT */
/*
 * Calls by number that differ from libc's functions: the kernel writes back what is left of their time, a signal mask
 * comes with its size, and on 32-bit machines there is one number for each width of time.
 */
#ifndef SOCKADE_SHIM_NUMBERS_WAIT_H
#define SOCKADE_SHIM_NUMBERS_WAIT_H

#include "shim/numbers.h"

#include <stdbool.h>

/* A wait, WAY_POLL to WAY_EPOLL_CTL, by its hook. False: it is the kernel's own to make or to refuse. */
bool numbers_wait(enum way way, const long at[6], long *answer);

/* recvmmsg(2), likewise. */
bool numbers_recvmmsg(enum way way, const long at[6], long *answer);

#endif
