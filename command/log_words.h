/* SPDX-License-Identifier: MIT */
/* What `log` says of an event, wherever it says it: lines, the summary, the page. Not yet fit to print. */
#ifndef SOCKADE_COMMAND_LOG_WORDS_H
#define SOCKADE_COMMAND_LOG_WORDS_H

#include "command/colour.h"
#include "command/events.h"

/* The last part of the program's path; "?" where it is not known. */
const char *event_program(const struct event_record *event);

/* Whether a name was looked up, and this was an answer: `target` and `peer`. */
bool event_is_lookup(const struct event_record *event);

/*
 * Direction and endpoint, as a policy has them: "to 192.0.2.1:443/tcp", "family packet"; "runs /bin/x" of a child,
 * "name a.example is 192.0.2.1". The caller frees it.
 */
char *event_where(const struct event_record *event);

/* By what it was decided: 'rule "web", /home/you/policy.conf:4: no web'. NULL: the event does not say. */
char *event_because(const struct event_record *event);

/* The line to add if it was wanted, as a policy has it; NULL where there is none. */
char *event_remedy(const struct event_record *event);

enum colour verdict_colour(const char *verdict);

#endif
