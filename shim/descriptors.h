/* SPDX-License-Identifier: MIT */
/* The descriptors of this process. */
#ifndef SOCKADE_SHIM_DESCRIPTORS_H
#define SOCKADE_SHIM_DESCRIPTORS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

/*
 * Visits every open descriptor (and without /proc every low number, open or not). Async-signal-safe; errno is
 * preserved.
 */
void descriptors_each(void (*visit)(int fd));

/*
 * One thread at a time looks through all of them for `claim`, which it sets back to 0. A claim that another thread had
 * when the process was forked does not count. False: somebody is at it, maybe this thread itself.
 */
bool descriptors_claim(_Atomic pid_t *claim);

#endif
