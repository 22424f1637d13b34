/* SPDX-License-Identifier: MIT */
/* Handing the layers that were found to the children of this process. */
#ifndef SOCKADE_SHIM_PIN_H
#define SOCKADE_SHIM_PIN_H

#include "state/locate.h"

#define PIN_NAME "SOCKADE_PINNED="

/*
 * Writes SOCKADE_PINNED into `environ` so that children keep the user layers with `held` set, wherever a changed HOME,
 * a chroot or a mount namespace would otherwise lead them. Leaves the environment alone where there is nothing to pin
 * or the pin already says so. Allocates by mmap(2) alone, since malloc may be another library's that is not ready yet.
 */
void pin_children(const struct surroundings *surroundings, const struct layer_place *places, const bool *held,
                  int count);

/* The pin could not be read, so this process fails closed, and so is every child to. */
void pin_unreadable(void);

/* The variable SOCKADE_PINNED as children are to have it; NULL: nothing is pinned. It stays. */
const char *pin_variable(void);

/* Whether the variable `theirs` pins all that `ours` does. */
bool pin_holds(const char *theirs, const char *ours);

/*
 * Writes a variable that pins what both do, at most as long as they are together; a pin of another user's is left out.
 * `theirs` has `length` bytes and may change meanwhile.
 */
void pin_join(char *out, const char *theirs, size_t length, const char *ours);

#endif
