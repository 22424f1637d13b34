/* SPDX-License-Identifier: MIT */
/* Allocation that does not fail: the `sockade` program ends with a message and exit code 125 instead. */
#ifndef SOCKADE_CONFIG_MEMORY_H
#define SOCKADE_CONFIG_MEMORY_H

#include <stddef.h>

void *memory_new(size_t size);                                                     /* zeroed */
void *memory_resize(void *old, size_t size);                                       /* as realloc(3) */
char *memory_text(const char *text);                                               /* as strdup(3); NULL stays NULL */
char *memory_print(const char *format, ...) __attribute__((format(printf, 1, 2))); /* as asprintf(3) */

/* Makes room for one more element in an array that doubles: `array`, `count` and `room` are the caller's. */
void *memory_grow(void *array, size_t count, size_t *room, size_t element_size);

#endif
