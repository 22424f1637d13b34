/* SPDX-License-Identifier: MIT */
/*
 * Events read back: the lines that state/event.h writes, for all that look at them (`learn`, `log`, `explain`).
 *
 * A log may hold anything: lines of a newer version, lines that were cut by a full disk, lines that somebody else
 * wrote.
 */
#ifndef SOCKADE_COMMAND_EVENTS_H
#define SOCKADE_COMMAND_EVENTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* One event. Texts are NULL where the line has none; they live until event_free. */
struct event_record {
    json_t *object;
    double time;       /* seconds since the epoch; negative: not known */
    const char *stamp; /* the same as it stands in the line, RFC 3339 */
    long pid;          /* 0: not known */
    const char *exe, *op, *target;
    const char *direction; /* "to", "from", "on", "family"; NULL: the event is about something else */
    const char *peer;      /* an address, or "unix:PATH" */
    int family;            /* of a family event; -1 */
    int port;              /* -1: none */
    const char *proto, *verdict, *rule, *at, *layer, *reason, *hint;
    long left_out; /* events that the limit swallowed before this one */
};

/*
 * Reads one line (with or without its newline). Returns false, with one sentence in `problem`, where it is
 * no event of a version that we know; nothing is to be freed then. What a key of the wrong type says is taken as
 * absent.
 */
bool event_read(struct event_record *out, const char *line, size_t length, char *problem, size_t problem_size);
void event_free(struct event_record *event);

/* Whether the program was refused something, or would have been. */
bool event_is_refusal(const struct event_record *event);

/*
 * An endpoint as the command line and a policy's shorthand take it: "192.0.2.1:443/tcp", "[2001:db8::1]:53/udp",
 * "unix:/run/x"; "family 17" for a family event, the target for an event about a child. The caller frees it.
 */
char *event_endpoint(const struct event_record *event);

#endif
