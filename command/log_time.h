/* SPDX-License-Identifier: MIT */
/* Moments as people type and read them: "10m", "today", "14:30", RFC 3339. */
#ifndef SOCKADE_COMMAND_LOG_TIME_H
#define SOCKADE_COMMAND_LOG_TIME_H

#include <stdbool.h>
#include <stddef.h>

/* The forms that log_time_read takes, for messages. */
#define LOG_TIME_FORMS "write 10m, 2h, 1d, today, yesterday, 14:30, 2026-01-31, '2026-01-31 14:30' or RFC 3339"

/* Reads a moment, seen from `now`, into seconds since the epoch; false where the text is none. */
bool log_time_read(const char *text, double now, double *out);

/* Local time, by strftime(3); "?" where it is not known (negative) or cannot be told. */
void log_time_text(char *out, size_t size, const char *format, double time);

#endif
