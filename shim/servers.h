/* SPDX-License-Identifier: MIT */
/*
 * The resolver inside libc sends past every hook. So the name servers that it would ask are judged before the call, as
 * what they are: destinations, port 53 by UDP. Those that are refused are left out of the resolver's state while the
 * call lasts. Without any left names fail at once with "try again", and what needs no server works: literals,
 * /etc/hosts, localhost.
 */
#ifndef SOCKADE_SHIM_SERVERS_H
#define SOCKADE_SHIM_SERVERS_H

#include "shim/process.h"

#include <resolv.h>
#include <stdbool.h>
#include <stddef.h>

/* Longer questions are sent by TCP at once (glibc's res_send, PACKETSZ). */
#define QUESTION_BY_UDP 512

/* One call: what was done to the state, to be undone. */
struct servers {
    const char *op;
    res_state state;      /* NULL: there is nothing to undo */
    unsigned long added;  /* options that the call has and the state had not */
    int count;            /* how many servers there were */
    int kept;             /* and how many of them are allowed: they stand in front */
    uint8_t order[MAXNS]; /* which of the servers stands in this place */
    bool own;             /* it is the thread's */
    bool by_tcp;          /* the question goes by TCP */
    bool has_news;        /* some layer may want an event about these servers */
    bool untouched;       /* no server had been asked by this state, as far as it can tell */
};

/*
 * Leaves out what is refused, for a call named `op`. `state`: the call's own, or NULL for the thread's, which is
 * brought up to date first as the call itself would do it; `early`: as those calls do it whose names begin with res_.
 * `question`: the length of what is sent, or 0 where libc makes it.
 */
void servers_leave_out(struct servers *servers, const char *op, res_state state, bool early, size_t question);

/*
 * Puts them back, and writes events where servers were asked, or there was none to ask: `unanswered` tells that the
 * call failed as it does then. errno is preserved.
 */
void servers_put_back(struct servers *servers, bool unanswered);

/* Whether any of this thread's servers is refused; nothing is changed. */
bool servers_are_refused(void);

#endif
