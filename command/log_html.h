/* SPDX-License-Identifier: MIT */
/* Events as one page for a browser, which needs nothing else and asks nobody for anything. */
#ifndef SOCKADE_COMMAND_LOG_HTML_H
#define SOCKADE_COMMAND_LOG_HTML_H

#include "command/log_summary.h"

/* So many events stand in a page one by one, the newest; what is older is in its summary alone. */
#define LOG_PAGE_EVENTS 20000

struct log_page_event;

struct log_page {
    struct log_page_event *events;
    size_t count, room;
    size_t all;      /* events, those that do not stand in it too */
    json_t *strings; /* each text once, */
    json_t *numbers; /* and its number there */
};

void log_page_add(struct log_page *page, const struct event_record *event);

/*
 * Writes the page to `path` ("-": standard output), complete or not at all. `summary` is sorted. False, and said, where
 * it cannot.
 */
bool log_page_write(const struct log_page *page, const struct log_summary *summary, size_t unreadable,
                    const char *path);
void log_page_free(struct log_page *page);

#endif
