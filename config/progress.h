/* SPDX-License-Identifier: MIT */
/*
 * How far the work is: told by those who do it, shown by whoever listens.
 *
 * Telling costs next to nothing where nobody listens, so loops may do it every few thousand rounds.
 */
#ifndef SOCKADE_CONFIG_PROGRESS_H
#define SOCKADE_CONFIG_PROGRESS_H

#include <stddef.h>

enum work {
    WORK_WAIT,  /* for another process that does the same */
    WORK_READ,  /* a text or a list */
    WORK_SORT,  /* a list */
    WORK_JOIN4, /* the IPv4 addresses of all rules into one table */
    WORK_JOIN6, /* the same for IPv6 */
    WORK_WRITE, /* the image */
};

struct progress {
    enum work work;
    const char *name;   /* of the file, where it is about one; else NULL. Good for the call alone */
    size_t lines;       /* so many were read; 0: not counted */
    size_t done, total; /* in whatever unit; total 0: not known */
};

/* NULL: nobody listens. */
extern void (*progress_listener)(const struct progress *progress);

static inline void progress_tell(struct progress progress)
{
    if (progress_listener)
        progress_listener(&progress);
}

#endif
