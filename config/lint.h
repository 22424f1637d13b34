/* SPDX-License-Identifier: MIT */
/* Advice about a policy that is right but perhaps not meant: what `sockade check` adds to the reader's errors. */
#ifndef SOCKADE_CONFIG_LINT_H
#define SOCKADE_CONFIG_LINT_H

#include "config/rules.h"

/*
 * Adds warnings and notes, each with an id: rules that earlier ones shadow, reach before them or overlap, rules without
 * which nothing would change, sets that no rule uses, lists that are empty, old, or cover loopback, a private net or a
 * configured resolver (`resolvers`, may be NULL), closed policies without resolver or loopback, programs that are
 * absent or named twice, errnos that programs misunderstand, `except` that takes nothing out.
 */
void policy_lint(const struct policy *policy, const struct range_set *resolvers, struct messages *messages);

#endif
