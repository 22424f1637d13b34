/* SPDX-License-Identifier: MIT */
/* The descriptors of this process. */
#ifndef SOCKADE_SHIM_DESCRIPTORS_H
#define SOCKADE_SHIM_DESCRIPTORS_H

/* Visits every open descriptor (and without /proc every low number, open or not). Async-signal-safe; errno is preserved. */
void descriptors_each(void (*visit)(int fd));

#endif
