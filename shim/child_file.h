/* SPDX-License-Identifier: MIT */
/* The file that a child is to run: found as the call finds it, and looked at. */
#ifndef SOCKADE_SHIM_CHILD_FILE_H
#define SOCKADE_SHIM_CHILD_FILE_H

#include "shim/child.h"
#include "state/program.h"

#define CHILD_PATH 1024

/* Whether our object gets into it. */
enum reach {
    REACH_FULL,
    REACH_NOTHING,   /* there is nothing to be started: the kernel says why */
    REACH_BY_LOADER, /* where it is started through its dynamic loader: it carries capabilities */
    /* It does not: */
    REACH_STATIC,
    REACH_GO,
    REACH_FOREIGN,
    REACH_MUSL,
    REACH_SET_ID,
    REACH_CAPABILITIES, /* as by loader, where that cannot be done */
    REACH_IDS,
    REACH_UNREADABLE,
    REACH_UNSEEN, /* no descriptor or memory to look with: errno */
    REACH_NO_OBJECT,
};

struct child_file {
    enum reach reach;
    int error;              /* of REACH_UNSEEN */
    const char *path;       /* the caller's, or `found` */
    bool interpreted;       /* `script` is a script, whose interpreter is `program` */
    bool registered;        /* it is no script; its interpreter is one of binfmt_misc */
    struct program script;  /* its line */
    struct program program; /* what the kernel starts; its `text` is the dynamic loader */
    char found[CHILD_PATH]; /* along PATH, or behind a descriptor */
};

/* Looks at it, by a dozen system calls. Keeps errno. */
void child_file_look(struct child_file *out, const struct child *child);

/* Whether a file has capabilities, by one system call and without opening it. False where that cannot be told. */
bool child_file_is_capable(const struct child *child);

/* In words, for an event. */
const char *reach_text(enum reach reach);

#endif
