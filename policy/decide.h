/* SPDX-License-Identifier: MIT */
/*
 * The decision: a query over one image, and the strictest of several.
 *
 * Async-signal-safe: no allocation, no system call, no lock. Terminates and stays inside the image whatever bytes the
 * payload holds.
 */
#ifndef SOCKADE_POLICY_DECIDE_H
#define SOCKADE_POLICY_DECIDE_H

#include "query.h"

/* At most so many audit rules are reported a decision; more are not. */
#define VERDICT_NOTES 4

enum verdict_source {
    BY_NOTHING, /* no rule named it and the default allows */
    BY_RULE,
    BY_DEFAULT,
    BY_FAILURE, /* fail-closed: the policy could not be read, or the image is damaged */
};

struct verdict {
    enum rule_action action;
    enum verdict_source source;
    bool log;         /* the rule asks for an event */
    bool error_named; /* `error` stands in the policy's text */
    bool audit_mode;  /* the layer only observes: log `action`, then allow */
    uint16_t error;   /* errno of a refusal */
    uint32_t rule;    /* for BY_RULE, its index */
    unsigned needs;   /* FACT_*: nothing was decided; learn these and ask again */
    unsigned note_count;
    uint32_t notes[VERDICT_NOTES]; /* audit rules that were passed, in order */
};

/* Judges an address query by one image. The result is complete where `needs` is 0. */
struct verdict decide(const struct view *view, const struct query *query);

/*
 * The same, but false where there is nothing to tell: no rule may hold and the default allows. That is what most calls
 * are, and costs one look-up; `verdict` is not written then.
 */
bool decide_tells(const struct view *view, const struct query *query, struct verdict *verdict);

/* Judges socket(2)'s domain by the family rules of one image. `error` is EAFNOSUPPORT where the rule names none. */
struct verdict decide_family(const struct view *view, int domain);

/* Fail-closed: refuses everything but Unix, netlink and AF_ALG addresses. */
struct verdict decide_closed(const struct query *query);

/* Whether a verdict refuses the call: one of a layer that only observes does not, and is only logged. */
bool verdict_refuses(const struct verdict *verdict);

/* Whether `b` is to stand in place of `a` when both judge the same call; of equals the first stands. */
bool verdict_is_stricter(const struct verdict *b, const struct verdict *a);

#endif
