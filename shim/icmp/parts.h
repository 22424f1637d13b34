/* SPDX-License-Identifier: MIT */
/* Bytes in several pieces of memory (iovec) as if they stood in one. */
#ifndef SOCKADE_SHIM_ICMP_PARTS_H
#define SOCKADE_SHIM_ICMP_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

/* Whether some of the memory is plainly bad (judge.h), so that the kernel has to answer. */
bool parts_are_bad(const struct iovec *parts, size_t count);

/* All bytes; at most SSIZE_MAX. */
size_t parts_size(const struct iovec *parts, size_t count);

/* Copies `length` bytes to the parts, from offset `at` on; what lies behind their end is left out. */
void parts_write(const struct iovec *parts, size_t count, size_t at, const void *bytes, size_t length);

/* Copies up to `length` bytes from offset `at` on; returns how many there were. */
size_t parts_read(const struct iovec *parts, size_t count, size_t at, void *bytes, size_t length);

/*
 * Moves `length` bytes from offset `from` on up to offset `to`, which is higher; what lies behind the end is left out.
 */
void parts_move_up(const struct iovec *parts, size_t count, size_t from, size_t to, size_t length);

#endif
