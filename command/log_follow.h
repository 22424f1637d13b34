/* SPDX-License-Identifier: MIT */
/* Logs as they grow: over renames, new files and shortened ones. */
#ifndef SOCKADE_COMMAND_LOG_FOLLOW_H
#define SOCKADE_COMMAND_LOG_FOLLOW_H

#include "command/log_files.h"

/* Called when all that is there was read; `first`: for the first time. */
typedef void log_caught_up(void *context, bool first);

/*
 * Hands the events of all files to `take`, then those that are added, until Ctrl-C, or until nobody reads standard
 * output any more. What was there before comes log by log, not in the order of time.
 */
void log_follow(const struct log_files *files, log_taker *take, log_caught_up *caught_up, void *context,
                struct log_faults *faults);

#endif
