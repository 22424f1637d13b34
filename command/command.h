/* SPDX-License-Identifier: MIT */
/* What the subcommands share: their table, their exit codes and how they complain. */
#ifndef SOCKADE_COMMAND_COMMAND_H
#define SOCKADE_COMMAND_COMMAND_H

#include <stddef.h>

/* Exit codes. 125 to 127 are those of env(1) and container runtimes, so that scripts can tell us from PROGRAM. */
enum {
    EXIT_FINE = 0,
    EXIT_NEGATIVE = 1, /* errors in a policy, a refusal, a failed case */
    EXIT_USAGE = 2,
    EXIT_UNKNOWN = 3, /* `explain` cannot tell */
    EXIT_OWN = 125,   /* our own failure: nothing was started */
    EXIT_CANNOT_EXECUTE = 126,
    EXIT_NOT_FOUND = 127,
};

/* A subcommand: `argv[0]` is its name. Returns the exit code. */
struct command {
    const char *name;
    const char *what; /* one line, for `sockade --help` */
    int (*run)(int argc, char **argv);
};

int command_check(int argc, char **argv);
int command_compile(int argc, char **argv);
int command_reload(int argc, char **argv);
int command_learn(int argc, char **argv);
int command_doctor(int argc, char **argv);
int command_scan(int argc, char **argv);
int command_explain(int argc, char **argv);
int command_log(int argc, char **argv);
int command_env(int argc, char **argv);
int command_init(int argc, char **argv);
int command_run(int argc, char **argv);
int command_test(int argc, char **argv);

/* What stands behind a noun of which there are so many. */
static inline const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

/* "sockade: ..." and a newline on stderr. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
