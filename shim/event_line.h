/* SPDX-License-Identifier: MIT */
/*
 * Room for the line of an event, which is not on the stack: a refusal may be found deep inside a call (of a translated
 * socket that listens), and a thread's whole stack may be 16 KiB.
 */
#ifndef SOCKADE_SHIM_EVENT_LINE_H
#define SOCKADE_SHIM_EVENT_LINE_H

#include "state/event.h"

/* EVENT_MAX bytes, to be given back; NULL without memory, and the event then counts as left out. errno is preserved. */
char *event_line_take(void);
void event_line_give(char *line);

#endif
