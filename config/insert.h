/* SPDX-License-Identifier: MIT */
/* Rules put into a policy's text, which stays as it is otherwise: comments, order and spaces. */
#ifndef SOCKADE_CONFIG_INSERT_H
#define SOCKADE_CONFIG_INSERT_H

#include <stdbool.h>
#include <stddef.h>

/* What is to be put in: whole lines, each with its newline. */
struct insertion {
    const char *rules;    /* rules, divided by commas and without one behind the last; "": none */
    const char *comments; /* lines of comment behind them */
};

/*
 * The text with the rules at the end of its list `rules`, or with such a list behind all else where it has none. The
 * caller frees it. NULL where the list cannot be found: the text has errors, or its `rules` are no list. Lines end as
 * the text's own do.
 */
char *rules_insert(const char *text, const struct insertion *insertion);

#endif
