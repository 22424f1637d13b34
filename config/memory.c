/* SPDX-License-Identifier: MIT */
/*
 * Allocation that does not fail.
 *
 * The reader and the compiler are short-lived programs: without memory there is nothing better to do than to say so,
 * and a check behind each call would hide the checks that matter.
 */
#include "config/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_ROOM 8

/* Ends the program. By write(2) and _exit(2), since stdio may want memory. */
static void out_of_memory(void) __attribute__((noreturn));

static void out_of_memory(void)
{
    static const char text[] = "sockade: out of memory\n";
    ssize_t written = write(STDERR_FILENO, text, sizeof text - 1);

    (void)written;
    _exit(125);
}

void *memory_new(size_t size)
{
    void *new = calloc(1, size ? size : 1);

    if (!new)
        out_of_memory();
    return new;
}

void *memory_resize(void *old, size_t size)
{
    void *new = realloc(old, size ? size : 1);

    if (!new)
        out_of_memory();
    return new;
}

char *memory_text(const char *text)
{
    if (!text)
        return NULL;

    char *copy = strdup(text);
    if (!copy)
        out_of_memory();
    return copy;
}

char *memory_print(const char *format, ...)
{
    va_list arguments;
    char *text;

    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0)
        out_of_memory();
    return text;
}

void *memory_grow(void *array, size_t count, size_t *room, size_t element_size)
{
    size_t bytes;

    if (count < *room)
        return array;
    size_t new_room = *room ? *room : FIRST_ROOM / 2;
    if (__builtin_mul_overflow(new_room, 2, &new_room) || __builtin_mul_overflow(new_room, element_size, &bytes))
        out_of_memory();
    *room = new_room;
    return memory_resize(array, bytes);
}
