/* SPDX-License-Identifier: MIT */
/* Judging the local side of a socket: what bind is told, and what listen and accept find bound already. */
#ifndef SOCKADE_SHIM_LOCAL_H
#define SOCKADE_SHIM_LOCAL_H

#include "shim/outbound.h"

/* The name that `fd` is bound to; false for what has none. errno is preserved. */
bool bound_name(int fd, struct own_address *name);

/* Judges that name; true where it is refused, with errno set. errno is left alone otherwise. */
bool bound_name_refused(int fd, const struct own_address *name, const char *op);

/* What accept knows of its listener. */
struct listener {
    int fd;
    bool wildcard;   /* bound to 0.0.0.0 or :: */
    bool remembered; /* allowed under this policy before, with `port`; the kernel was not asked again */
    uint16_t port;
};

/*
 * Judges the name that a listener is bound to, and fills what is known of it. Returns true where it is refused, with
 * errno set; errno is left alone otherwise.
 */
bool listener_refused(struct listener *listener);

/*
 * Before the process puts itself under a seccomp filter: judges the listener's name without a word, and remembers it
 * where it is allowed.
 */
void listener_settle(int fd);

/* A listener that was remembered is another one: its connection has this name. Forgets it, and judges it anew. */
bool listener_is_another(const struct listener *listener, const struct own_address *name);

/* Judges an address that bind(2) was told; true where it is refused, with errno set. */
bool bind_address_refused(int fd, const struct own_address *address, const char *op);

#endif
