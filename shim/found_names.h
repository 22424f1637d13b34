/* SPDX-License-Identifier: MIT */
/*
 * What libc's resolver told the program: one event for each address, with the name that was looked up, so that whoever
 * reads the log can put names to addresses. Only where some layer wants events of all that happens (`what = "all"`).
 */
#ifndef SOCKADE_SHIM_FOUND_NAMES_H
#define SOCKADE_SHIM_FOUND_NAMES_H

#include "shim/process.h"
#include "shim/sandbox.h"

#include <netdb.h>
#include <sys/socket.h>

static inline bool found_names_matter(void)
{
    return unlikely(atomic_load_explicit(&process.log_all, memory_order_relaxed)) && !sandboxed();
}

/* Of a list, 16 addresses at most are told. `name` may be NULL: the program asked for none. errno is preserved. */
void found_addresses(const char *op, const char *name, const struct addrinfo *list);
void found_host(const char *op, const char *name, const struct hostent *host);
void found_name(const char *op, const char *name, const struct sockaddr *address, socklen_t length);

#endif
