/* SPDX-License-Identifier: MIT */
/* Whether preloading reaches a program's file, and if not why: for those who ask without starting it. */
#ifndef SOCKADE_COMMAND_REACH_H
#define SOCKADE_COMMAND_REACH_H

#include "command/diagnosis.h"
#include "state/program.h"

enum reach {
    REACH_FULL,
    REACH_LOADER,    /* it carries capabilities: only through the dynamic loader, without them */
    REACH_PRIVILEGE, /* set-user-id or set-group-id: only where that is taken away (no_new_privs) */
    REACH_STATIC,
    REACH_GO,
    REACH_MUSL,
    REACH_FOREIGN,   /* of another architecture */
    REACH_NO_OBJECT, /* of this machine's other width, for which there is no object */
    REACH_NO_LOADER, /* its dynamic loader is not there */
    REACH_DAMAGED,
    REACH_UNREADABLE,
    REACH_NO_INTERPRETER, /* a script whose interpreter cannot be executed */
    REACH_TOO_DEEP,       /* interpreters of interpreters */
    REACH_LIBRARY,        /* a shared library with the executable bit, no program */
    REACH_KINDS
};

struct reached {
    enum reach kind;
    int error;              /* for those that could not be opened */
    int steps;              /* from script to interpreter */
    char program[PATH_MAX]; /* the ELF file at the end of the chain, or the one that stops it */
    char before[PATH_MAX];  /* the script that names `program`; "": none */
    struct program what;    /* of `program` */
};

/* Judges the file at `path` for an object as LD_PRELOAD names it. */
void reach_judge(struct reached *out, const char *path, const char *object);

/* A few words for a kind: "static", ... */
const char *reach_words(enum reach kind);

/* Whether the policy holds for it when `sockade run` starts it. */
bool reach_protects(enum reach kind);

/* The finding for the program at `path`, with its remedy. */
void reach_report(struct diagnosis *diagnosis, const char *check, const char *path, const struct reached *reached);

#endif
