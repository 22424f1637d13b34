/* SPDX-License-Identifier: MIT */
/* Which events somebody wants to see: by program, peer, rule, verdict and time. */
#ifndef SOCKADE_COMMAND_LOG_FILTER_H
#define SOCKADE_COMMAND_LOG_FILTER_H

#include "command/events.h"
#include "command/options.h"

/* What --verdict takes. */
extern const char *const verdict_names[];
extern const size_t verdict_name_count;

struct log_peer;

/* What was asked for. Of the same option any use may match; of different ones all must. */
struct log_filter {
    struct option_uses programs, peers, rules, verdicts;
    const char *since_text, *until_text;

    struct log_peer *ends; /* the peers, read */
    double since, until;   /* seconds since the epoch */
};

/* Reads what the options hold. Returns EXIT_FINE, or what the command has to end with, which was said. */
int log_filter_read(struct log_filter *filter, const struct usage *usage);
void log_filter_free(struct log_filter *filter);

/* Whether the event falls into the time, and is of the programs, that were asked for. */
bool log_filter_in_scope(const struct log_filter *filter, const struct event_record *event);

/* Whether it is also of the peers, rules and verdicts. */
bool log_filter_matches(const struct log_filter *filter, const struct event_record *event);

#endif
