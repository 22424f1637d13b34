/* SPDX-License-Identifier: MIT */
/*
 * The files that events were written to: which they are for a user here, and all of them read as one log.
 *
 * Used by all that look back at events (`log`, `explain --file`).
 */
#ifndef SOCKADE_COMMAND_LOG_FILES_H
#define SOCKADE_COMMAND_LOG_FILES_H

#include "command/log_reader.h"

/* One log: a file, and the one that was renamed to PATH.1 when it had become too large; or many, one a process. */
struct log_file {
    char *path;   /* "-": standard input */
    bool named;   /* the user named it: read as it is, without a PATH.1, and it must be there */
    bool is_glob; /* a pattern for glob(3): %p stood in the setting */
};

struct log_files {
    struct log_file *list;
    size_t count, room;
    bool to_stderr, to_syslog; /* some layer's events go there, where nobody can read them back */
};

/* Adds the logs of the layers that hold for this user here, their `programs` entries' too; without one the default. */
void log_files_here(struct log_files *files);

/* Adds a file, or "-", that the user named. */
void log_files_name(struct log_files *files, const char *path);
void log_files_free(struct log_files *files);

/* The paths that exist now, without PATH.1: what each stands for. The caller frees them and the array, of `*count`. */
char **log_files_present(const struct log_files *files, size_t *count);

/* Takes an event, and the line that it was. Returns false where it wants no more of them. */
typedef bool log_taker(void *context, const struct event_record *event, const char *line, size_t length);

/* Hands every event of all files to `take`, the oldest first. */
void log_files_read(const struct log_files *files, log_taker *take, void *context, struct log_faults *faults);

/* Opens a log for reading; -1 with errno. One that nobody named must be a regular file. */
int log_file_open(const char *path, bool named);

#endif
