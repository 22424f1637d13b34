/* SPDX-License-Identifier: MIT */
/*
 * What /proc says of descriptors: which are registered in an epoll set, and with what data; and how many the kernel has
 * a table for.
 */
#ifndef SOCKADE_SHIM_FDINFO_H
#define SOCKADE_SHIM_FDINFO_H

#include <stdbool.h>
#include <stdint.h>

typedef bool fdinfo_visit(int fd, uint64_t data, void *context);

/*
 * Calls `visit` for each registration until it returns true; returns that, false at the end. `*complete` is false where
 * /proc does not tell, or not all. errno is not kept.
 */
bool fdinfo_targets(int epoll_fd, fdinfo_visit *visit, void *context, bool *complete);

/* The same out of the open file. */
bool fdinfo_read(int info, fdinfo_visit *visit, void *context, bool *complete);

/* How many registrations have this data; false where /proc does not tell, or not all. errno is not kept. */
bool fdinfo_count(int epoll_fd, uint64_t data, unsigned *count);

/*
 * The size of the kernel's table of this process' descriptors, all of which are below it; -1 where /proc does not tell.
 * select looks at no more. errno is not kept.
 */
int fdinfo_table_size(void);

#endif
