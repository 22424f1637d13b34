/* SPDX-License-Identifier: MIT */
/* The start of a process: finding its layers, mapping their images, compiling what is stale, pinning. */
#ifndef SOCKADE_SHIM_START_H
#define SOCKADE_SHIM_START_H

#include "state/locate.h"

/* Fills process.layers and their count. Makes system calls, allocates nothing, needs real_bind. */
void start_layers(void);

/*
 * Runs `sockade compile --fresh --quiet TEXT` (--system for the system layer) in a child that the program cannot
 * notice, with a clean environment and a time limit of COMPILE_SECONDS. Returns whether it ended well.
 */
#define COMPILE_SECONDS 30
bool compile_child_run(const struct layer_place *place, const struct surroundings *surroundings);

/* Finds out what execve(2) was told, and notes it as process.exe. */
void process_name(void);

/* The names of this process for `programs` entries; made once, all absolute. */
struct program_names;
const struct program_names *process_names(void);

#endif
