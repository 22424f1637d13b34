/* SPDX-License-Identifier: MIT */
/*
 * A question in words, as `explain` and `test` are asked it, put to layers by the very functions that the shim uses:
 * a sockaddr is built, and from it on it is query_from_sockaddr and decide.
 */
#ifndef SOCKADE_COMMAND_QUESTION_H
#define SOCKADE_COMMAND_QUESTION_H

#include "policy/decide.h"
#include "state/locate.h"

#include <limits.h>

struct question {
    enum direction direction; /* of an endpoint */
    int domain;               /* AF_* of a family question; else -1 */
    bool has_port;
    uint16_t port;   /* the service's: for `from` and `on` our own */
    unsigned protos; /* 0: not named */
    struct sockaddr_storage address;
    socklen_t length;
};

/*
 * Reads "to", "from" or "on" with an endpoint, or "family" with a family's name. Names of many addresses, ranges of
 * addresses and of ports are no question. Returns false with one sentence in `problem`.
 */
bool question_read(struct question *out, const char *direction, const char *text, char *problem, size_t problem_size);

/* The protocols that the question is about, where it names none: tcp and udp; none for Unix addresses and families. */
unsigned question_protos(const struct question *question);

/* What every layer says, and which layer's verdict stands. */
struct judgement {
    struct verdict verdicts[LAYERS_MAX];
    int standing;   /* index of the layer; -1: no layer at all */
    unsigned needs; /* FACT_*: what the question must say too */
    bool kernel;    /* nothing to judge: the kernel alone has a say */
};

/*
 * Puts the question, with one protocol of question_protos (0 where there is none), to `count` views; a NULL one is a
 * layer that failed closed. With `files` Unix paths are compared by device and inode too.
 */
struct judgement question_judge(const struct question *question, unsigned proto, const struct view *const *views,
                                int count, bool files);

/* The names by which `programs` entries know a program; what is absent is judged by its name alone. */
struct exe_names {
    struct program_names names;
    char executed[PATH_MAX], resolved[PATH_MAX], interpreter[PATH_MAX];
};
bool exe_names_find(struct exe_names *out, const char *exe);

#endif
