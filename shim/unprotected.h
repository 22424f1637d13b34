/* SPDX-License-Identifier: MIT */
/* `unprotected`: what becomes of a child that the shim cannot get into, and the events that tell of it. */
#ifndef SOCKADE_SHIM_UNPROTECTED_H
#define SOCKADE_SHIM_UNPROTECTED_H

#include <stdbool.h>

/* Whether any layer decides, or only watches, at all: where none does nobody has to look at files. */
bool unprotected_matters(void);

/*
 * Whether some layer refuses a child that runs `target`, out of our reach for `reason`. Writes the events of the call
 * `op`. Keeps errno.
 */
bool unprotected_refused(const char *op, const char *target, const char *reason);

#endif
