/* SPDX-License-Identifier: MIT */
/* `sockade explain --file`: what was decided in an event, what would be decided now, and why the two differ. */
#ifndef SOCKADE_COMMAND_EXPLAIN_EVENT_H
#define SOCKADE_COMMAND_EXPLAIN_EVENT_H

#include "command/events.h"
#include "command/scene.h"

/* Which of the events of a file are meant. */
struct event_choice {
    const char *file; /* "-": standard input; NULL: `line_text` */
    const char *line_text;
    bool all;
    bool last; /* in place of a file: the newest refusal in this user's own logs */
    long line; /* 0: the last event */
};

/*
 * Explains the events that are chosen, each as its program or as `exe`. With `array` an object for each goes there in
 * place of words. Returns the strictest exit code.
 */
int explain_events(const struct event_choice *choice, struct scene *scene, const char *exe, json_t *array);

#endif
