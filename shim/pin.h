/* SPDX-License-Identifier: MIT */
/* Handing the layers that were found to the children of this process. */
#ifndef SOCKADE_SHIM_PIN_H
#define SOCKADE_SHIM_PIN_H

#include "state/locate.h"

/*
 * Writes SOCKADE_PINNED into `environ` so that children keep the user layers with `held` set, wherever a changed HOME,
 * a chroot or a mount namespace would otherwise lead them. Leaves the environment alone where there is nothing to pin or
 * the pin already says so. Allocates by mmap(2) alone, since malloc may be another library's that is not ready yet.
 */
void pin_children(const struct surroundings *surroundings, const struct layer_place *places, const bool *held,
                  int count);

#endif
