/* SPDX-License-Identifier: MIT */
/*
 * The policy language: libconfig text to rules.
 *
 * Every mistake of a text is told, not only the first; where a mistake was told, the policy must not be used.
 */
#ifndef SOCKADE_CONFIG_READ_H
#define SOCKADE_CONFIG_READ_H

#include "config/rules.h"

/*
 * Reads one text as the user layer. `path` is absolute and is opened once; what was opened is judged by its owner and
 * mode (state/locate.h) unless `trust_anyone`. Relative list files and @includes are looked up beside the text.
 * Returns false where `messages` got an error.
 */
bool policy_read_file(struct policy *policy, const char *path, bool trust_anyone, struct messages *messages);

/*
 * Reads the system layer: `folder`/policy.conf, then `folder`/policy.d/ *.conf in name order, each a whole text with
 * its own version. Sets are common; rules and shorthand lists are appended; a second `default`, `mode`, `icmp`, `log`,
 * `unprotected` or set of one name is an error that names both places. Absent files are noted as sources.
 */
bool policy_read_system(struct policy *policy, const char *folder, bool trust_anyone, struct messages *messages);

/* The same for a text in memory, named `name` in messages; for tests and fuzzing. Lists are looked up beside `name`. */
bool policy_read_text(struct policy *policy, const char *text, const char *name, struct messages *messages);

/*
 * Adds one rule of the command line: `option` is "--deny-to", "--allow-from", ...; `endpoint` as in the shorthand
 * lists (of "--deny-family" a family), @sets of the policy included where one was read. Rules stand in
 * CHAIN_COMMAND_LINE in the order of the calls.
 */
bool policy_add_endpoint(struct policy *policy, const char *option, const char *endpoint, struct messages *messages);

/* What the command line says beside rules, for all programs: what no rule allows is refused; where events go. */
void policy_close(struct policy *policy);
void policy_log_to(struct policy *policy, const char *target);

/*
 * Whether a message about a host name shows the addresses it has at present. That asks the resolver, which may take
 * seconds; a program that waits for nobody turns it off.
 */
extern bool policy_resolve_names_in_hints;

/* How many bytes the addresses of all rules may take on the way to an image, shared ones once; for tests to lower. */
extern size_t policy_cover_limit;

/* An empty policy with every setting not written, mode enforce. */
void policy_init(struct policy *policy);

#endif
