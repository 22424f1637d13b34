/* SPDX-License-Identifier: MIT */
/* Memory for what a child is started with, where the stack is too small for it. */
#ifndef SOCKADE_SHIM_CHILD_MEMORY_H
#define SOCKADE_SHIM_CHILD_MEMORY_H

#include <stddef.h>

/* What one call may hold at once. */
enum child_memory { MEMORY_ARGUMENTS, MEMORY_ENVIRONMENT, CHILD_MEMORIES };

/* `size` bytes of private memory by mmap(2); NULL with errno. */
void *child_memory_take(enum child_memory which, size_t size);

/* Gives them back after the call has failed, or has started a process of its own. NULL does nothing. Keeps errno. */
void child_memory_give(enum child_memory which, void *memory);

#endif
