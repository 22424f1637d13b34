/* SPDX-License-Identifier: MIT */
/* Judging the local side of a socket: what bind is told, and what listen and accept find bound already. */
#ifndef SOCKADE_SHIM_LOCAL_H
#define SOCKADE_SHIM_LOCAL_H

#include "shim/outbound.h"

/*
 * Judges the address that `fd` is bound to (getsockname). `wildcard`, where not NULL, tells whether it is 0.0.0.0 or ::.
 * Returns true where it is refused, with errno set; errno is left alone otherwise.
 */
bool bound_address_refused(int fd, const char *op, bool *wildcard);

/* Judges an address that bind(2) was told; true where it is refused, with errno set. */
bool bind_address_refused(int fd, const struct own_address *address, const char *op);

#endif
