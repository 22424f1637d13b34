/* SPDX-License-Identifier: MIT */
/* What /proc/thread-self/fdinfo says of an epoll set: which descriptors are registered in it, and with what data. */
#ifndef SOCKADE_SHIM_FDINFO_H
#define SOCKADE_SHIM_FDINFO_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Calls `visit` for each registration until it returns true; returns that, false at the end. `*complete` is false where /proc
 * does not tell, or not all. errno is not kept.
 */
bool fdinfo_targets(int epoll_fd, bool (*visit)(int fd, uint64_t data, void *context), void *context, bool *complete);

#endif
