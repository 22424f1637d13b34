/* SPDX-License-Identifier: MIT */
/* A verdict in words. */
#ifndef SOCKADE_COMMAND_WORDING_H
#define SOCKADE_COMMAND_WORDING_H

#include "policy/decide.h"

/* "allow", "deny", "drop", or with "would-" before it where the layer only observes. */
const char *verdict_outcome(const struct verdict *verdict);

/* The refusal's errno by name, or by number where it has none of ours. The text lives until the next call. */
const char *error_text(int error);

/* `rule "NAME" at FILE:LINE (REASON)`, as far as each is there. The caller frees it. */
char *rule_words(const struct view *view, uint32_t rule);

/* What a layer says, as one clause: `denies with EACCES, by rule ...`. The caller frees it. */
char *verdict_words(const struct view *view, const struct verdict *verdict);

#endif
