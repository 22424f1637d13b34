/* SPDX-License-Identifier: MIT */
/* What the waits of poll, select and epoll have in common: the time, what else has to be watched, what is shown. */
#ifndef SOCKADE_SHIM_ICMP_WAIT_PARTS_H
#define SOCKADE_SHIM_ICMP_WAIT_PARTS_H

#include "shim/icmp/socket.h"

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <time.h>

/* poll's bits and epoll's are the same numbers. */
#define SHOWN_READABLE (POLLIN | POLLRDNORM)

/* How long a wait may last. */
struct span {
    bool endless;
    bool none; /* not at all */
    struct timespec end;
};

/* Begins now; NULL is for ever. False where it is no valid time. */
bool span_begin(struct span *span, const struct timespec *timeout);

/*
 * The timeout of the next real wait, in `left`; NULL is for ever. With `in_turns` a short one, after which everything
 * is looked at again.
 */
const struct timespec *span_next(const struct span *span, bool in_turns, struct timespec *left);
bool span_is_over(const struct span *span);

/*
 * Whether this process ever had a second thread. What one thread takes from the kernel into an inbox does not wake
 * another that sleeps in the kernel: so with threads waits are made in turns.
 */
bool wait_has_threads(void);

/* Descriptors to watch beside the program's own: what makes listeners readable. */
#define WAIT_SOURCES 32
struct wait_sources {
    struct pollfd entries[WAIT_SOURCES];
    unsigned count;
    bool asked[2]; /* by family */
    bool special;  /* something was found of which the kernel does not know enough */
};

/* Adds those of a socket, if it is a listener. All listeners of a family have the same. */
void wait_sources_add(struct wait_sources *sources, const struct icmp_socket *socket);

/* Whether there may be more than found room. */
static inline bool wait_sources_overflow(const struct wait_sources *sources)
{
    return sources->count == WAIT_SOURCES;
}

/* Whether what the kernel found for a translated socket may be wrong. No system call. */
bool wait_doubts(const struct icmp_socket *socket, short found);

/*
 * What is shown of a translated socket for which the kernel says `found`, or nothing yet. Takes from the kernel what
 * has to be looked at, so that an error is not found again. errno is preserved.
 */
short wait_shown(struct icmp_socket *socket, int fd, short wanted, short found);

/*
 * A wait that ended for nothing again and again, since something cannot be taken away that the kernel reports: pauses a
 * little, so that no processor is kept busy. False with errno EINTR after a signal.
 */
bool wait_fruitless(unsigned *rounds, const sigset_t *mask);

/*
 * Signals are kept out but inside the real waits, so that none is handled between two of them and then waited over.
 * Returns the mask for the real waits.
 */
const sigset_t *wait_hold_signals(sigset_t *before, const sigset_t *mask);

#endif
