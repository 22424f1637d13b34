/* SPDX-License-Identifier: MIT */
/* Advice about a policy that is right but perhaps not meant: what `sockade check` adds to the reader's errors. */
#ifndef SOCKADE_CONFIG_LINT_H
#define SOCKADE_CONFIG_LINT_H

#include "config/rules.h"

/*
 * Adds warnings: rules that an earlier one shadows wholly, a set that no rule uses, lists that cover loopback, a
 * private net or a configured resolver (`resolvers`, may be NULL), empty rules, a closed outbound default without any
 * allowed resolver, every program told that it is root.
 */
void policy_lint(const struct policy *policy, const struct range_set *resolvers, struct messages *messages);

#endif
