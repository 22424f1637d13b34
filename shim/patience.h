/* SPDX-License-Identifier: MIT */
/*
 * How long a call may still wait, once what it was given had to be thrown away.
 *
 * A refused datagram or connection is taken out of the queue, and the next one is tried without waiting. Only when the
 * queue is empty the question comes up whether the caller would wait: not if it is non-blocking or was just told
 * "readable", else for what is left of SO_RCVTIMEO. None of that is asked before something was refused.
 */
#ifndef SOCKADE_SHIM_PATIENCE_H
#define SOCKADE_SHIM_PATIENCE_H

#include "shim/process.h"

#include <stdbool.h>
#include <sys/socket.h>
#include <time.h>

struct patience {
    int fd;
    int flags; /* the caller's MSG_* */
    unsigned discards;
    bool asked;      /* the next two are known */
    bool impatient;  /* EAGAIN when the queue is empty */
    bool limited;    /* by `deadline` */
    bool error_only; /* poll was woken by the error queue, which is none of our business */
    bool entered_known;
    struct timespec entered; /* when the call began; taken only where SO_RCVTIMEO is in use */
    struct timespec deadline;
};

/* Whether calls take the time at their entry (see patience_expect_timeouts). */
extern _Atomic bool patience_timed __attribute__((visibility("hidden")));

/* Takes the time into `entered`. */
void patience_clock(struct patience *patience);

/* At a call's entry. Costs a load, and a look at the clock in processes that use SO_RCVTIMEO. */
static inline void patience_enter(struct patience *patience, int flags)
{
    patience->entered_known = false;
    if (unlikely(atomic_load_explicit(&patience_timed, memory_order_relaxed)) && !(flags & MSG_DONTWAIT))
        patience_clock(patience);
}

/* At a call's first discard. */
void patience_begin(struct patience *patience, int fd, int flags);

/*
 * After a discard: whether to try again without waiting. If not, as if the queue were empty: so many came in this one
 * call that the caller's turn to decide has come (see patience.c).
 */
bool patience_goes_on(struct patience *patience);

/*
 * When the queue is empty. True: try again, without waiting where `*wait` is false. False: give up with the errno that
 * was set (EAGAIN, EINTR). `limit`, or NULL, is what is left of a timeout of the call's own and is counted down.
 */
bool patience_waits(struct patience *patience, struct timespec *limit, bool *wait);

/* To be called where setsockopt sees SO_RCVTIMEO: from now on calls take the time at their entry. */
void patience_expect_timeouts(void);

#endif
