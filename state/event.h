/* SPDX-License-Identifier: MIT */
/*
 * One event as one line of JSON, and where such lines go.
 *
 * Async-signal-safe: no allocation, no stdio, no descriptor kept, errno preserved.
 */
#ifndef SOCKADE_STATE_EVENT_H
#define SOCKADE_STATE_EVENT_H

#include "policy/address.h"
#include "policy/image.h"
#include "state/locate.h"

#include <time.h>

#define EVENT_VERSION 1
#define EVENT_MAX 4096 /* bytes of a line with its newline: one write(2), atomic on a pipe (PIPE_BUF) */

struct event {
    struct timespec time; /* CLOCK_REALTIME */
    pid_t pid;
    const char *exe;    /* the program's path; any bytes */
    const char *op;     /* "connect", "accept", ... */
    const char *target; /* the file that a child was to run; NULL: the event is about something else */
    enum direction direction;
    const struct address *address; /* NULL: none (family rules, unix) */
    const char *path;              /* Unix path or "@name", path_length bytes */
    size_t path_length;
    int port;            /* -1: none */
    const char *proto;   /* "tcp", ...; NULL: not known */
    int domain;          /* AF_* of a family rule; -1 */
    const char *verdict; /* "deny", "drop", "allow", "would-deny", "would-drop", "would-allow", "error" */
    const char *rule;    /* name; NULL: none */
    const char *file;    /* `at` is "file:line" */
    unsigned line;
    const char *layer; /* "system", "user" */
    const char *reason;
    const char *hint;  /* the line to add if it was wanted; NULL */
    unsigned left_out; /* events that the limit swallowed before this one */
};

/*
 * Writes the line with its newline into `out`; always valid UTF-8 (bytes that are not become U+FFFD) and valid JSON.
 * Texts are shortened where the line would not fit. Returns its length.
 * Keys in this order, absent ones left out: v time pid exe op target dst|src|on|family port proto verdict rule at layer
 * reason hint left_out.
 * `time` is RFC 3339 in UTC with milliseconds.
 */
size_t event_format(const struct event *event, char out[EVENT_MAX]);

/* Where the lines of a layer go, made once at the start. */
enum log_target { LOG_TO_NOWHERE, LOG_TO_STDERR, LOG_TO_FILE, LOG_TO_SYSLOG };

/* Stands for %p in a path that was made; a setting that holds this byte itself is refused. */
#define LOG_PID_MARK '\x01'

struct log_place {
    enum log_target target;
    bool per_process; /* the path holds %p (as LOG_PID_MARK), which is put in at each write */
    uint64_t max_size;
    /* What descriptor 2 was at the start; stderr is written only while it is still that. */
    dev_t stderr_device;
    ino_t stderr_inode;
    char path[PATH_MAX]; /* expanded: ~ is the home folder, %u the uid, %p the pid (of the process that writes) */
};

/*
 * Reads a log setting ("stderr", "syslog", "file:PATH"; "" is the default: events.jsonl in
 * $XDG_STATE_HOME/sockade, ~/.local/state/sockade). With `surroundings->secure` the user's files are left alone:
 * LOG_TO_NOWHERE for a file. Returns false, with target NOWHERE, where there is no place.
 */
bool log_place_make(struct log_place *out, const char *to, uint64_t max_size, const struct surroundings *surroundings);

/*
 * Writes one line. A file is opened for it (O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, mode 0600, folders made on
 * first need with mode 0700), must be regular, ours and with one link; past max_size it is renamed to PATH.1 first.
 * Descriptors 0 to 2 are never left to hold it. stderr only if it would not block. syslog by a datagram to /dev/log.
 * SIGPIPE and SIGXFSZ that the write raises never reach the program. Returns false where the line was lost.
 */
bool log_write(const struct log_place *place, const char *line, size_t length, uid_t uid, pid_t pid);

/*
 * A limit of `per_second` lines a second, by CLOCK_MONOTONIC_COARSE; lock-free, one for each process. `*left_out` gets
 * the count of lines refused since the last one that was let through.
 */
struct log_limit {
    _Atomic uint64_t window; /* second << 32 | lines in it */
    _Atomic uint32_t left_out;
};
bool log_limit_pass(struct log_limit *limit, uint32_t per_second, unsigned *left_out);

#endif
