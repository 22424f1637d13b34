/* SPDX-License-Identifier: MIT */
/*
 * Lines of a table of decisions, as `sockade test` reads them:
 *
 *     DIRECTION ENDPOINT [as EXE] -> OUTCOME [ERRNO] [by RULE]
 *
 * DIRECTION is to, from, on or family; OUTCOME is allow, deny, drop, would-deny or would-drop (the last two of a policy
 * in audit mode); RULE is a rule's name, or `default`. Quotes hold spaces together, `#` begins a comment. Where no
 * protocol is named, it is tcp.
 */
#ifndef SOCKADE_COMMAND_CASES_H
#define SOCKADE_COMMAND_CASES_H

#include "command/question.h"
#include "command/source.h"

#define CASE_WORDS 16

/* One line cut into words. */
struct words {
    const char *list[CASE_WORDS];
    size_t starts[CASE_WORDS], ends[CASE_WORDS]; /* in the line */
    bool quoted[CASE_WORDS];                     /* a quoted word is never one of the language's own */
    int count;
};

struct test_case {
    struct words words;
    struct question question;
    const char *exe; /* NULL: no program's own rules */
    const char *outcome;
    int error;        /* 0: any */
    const char *rule; /* NULL: any */
    bool by_default;
    struct span expected; /* what stands behind the arrow */
};

enum case_outcome {
    CASE_NONE, /* a blank line, or a comment */
    CASE_READ,
    CASE_WRONG,
};

/* What is wrong with a line. */
struct case_problem {
    char text[512];
    struct span place; /* length 0: the line as a whole */
};

/* Reads a line, which is cut in place and has to live as long as the case. */
enum case_outcome case_read(struct test_case *out, char *line, struct case_problem *problem);

/* "to 192.0.2.1:80 as /usr/bin/curl"; the caller frees it. */
char *case_asked(const struct test_case *test);

/* "deny EPERM by web"; the caller frees it. */
char *case_expected(const struct test_case *test);

#endif
