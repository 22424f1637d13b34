/* SPDX-License-Identifier: MIT */
/* A file with capabilities, started through its dynamic loader: it gains none, and our object gets in. */
#ifndef SOCKADE_SHIM_CHILD_LOADER_H
#define SOCKADE_SHIM_CHILD_LOADER_H

#include "shim/child_file.h"

/* Returns what the call returns. */
int child_start_by_loader(const struct child *child, const struct child_file *file);

#endif
