/* SPDX-License-Identifier: MIT */
/* The body that all hooks of the resolver share. */
#ifndef SOCKADE_SHIM_ASKING_H
#define SOCKADE_SHIM_ASKING_H

#include "shim/found_names.h"
#include "shim/real.h"
#include "shim/servers.h"

/* Whether a policy may refuse a server, or wants to hear of it. */
static inline bool servers_matter(void)
{
    return concerned(WATCH_TO) && policy_ready(WATCH_TO);
}

/*
 * The body of a hook of `type`: `call` as it is, or with the servers left out. `unanswered` tells from its `result`
 * whether it failed as it does without any server; `found` is the statement that tells of an answer's names.
 */
#define ASKING_NAMES(type, op, state, early, question, call, unanswered, found)                                        \
    struct servers servers;                                                                                            \
    type result;                                                                                                       \
                                                                                                                       \
    if (!servers_matter())                                                                                             \
        return call;                                                                                                   \
    servers_leave_out(&servers, op, state, early, (size_t)(question));                                                 \
    result = call;                                                                                                     \
    servers_put_back(&servers, unanswered);                                                                            \
    if (found_names_matter())                                                                                          \
        found;                                                                                                         \
    return result

/* The same for calls whose answers have no names in them, or none that could be read. */
#define ASKING(type, op, state, early, question, call, unanswered)                                                     \
    ASKING_NAMES(type, op, state, early, question, call, unanswered, (void)0)

#endif
