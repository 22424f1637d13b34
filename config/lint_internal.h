/* SPDX-License-Identifier: MIT */
/*
 * What the checks share. Each adds advice with an id that is short, stable, listed in the manual, and silenced by
 * `# sockade: ignore ID` in the line or the one above.
 *
 *   lint.c           all of them in order; sets, programs, settings, errnos
 *   lint_relate.c    what two rules have in common
 *   lint_order.c     rules that earlier ones decide, or decide in part
 *   lint_needless.c  rules without which everything would be decided the same
 *   lint_lists.c     lists that are old or empty, or cover what one lives from
 *   lint_closed.c    closed policies that cannot resolve names or reach their own machine
 */
#ifndef SOCKADE_CONFIG_LINT_INTERNAL_H
#define SOCKADE_CONFIG_LINT_INTERNAL_H

#include "config/lint.h"

#define advise(messages, kind, id, place, ...)                                                                         \
    (messages_add(messages, kind, place, __VA_ARGS__), messages_detail(messages, id, NULL, NULL))
#define warn(messages, id, place, ...) advise(messages, MESSAGE_WARNING, id, place, __VA_ARGS__)
#define note(messages, id, place, ...) advise(messages, MESSAGE_NOTE, id, place, __VA_ARGS__)

/* "policy.conf:7 ('name')", or without a name. The caller frees it. */
char *rule_called(const struct rule *rule);

/* ---- lint_relate.c: rules of one direction ---- */

/*
 * What of a rule tells most others apart from it. Of many rules nearly all pairs have nothing in common, and to find
 * that out must not cost a look at their addresses.
 */
struct brief {
    unsigned chain;
    uint8_t kind, protos;
    bool other; /* Unix patterns or families */
    uint16_t first_port, last_port;
    uint32_t first4, last4;
    uint64_t first6, last6; /* upper halves */
};

/* False where no call may be named by both. */
static inline bool briefs_may_meet(const struct brief *a, const struct brief *b)
{
    if (a->kind != b->kind)
        return false;
    return (a->other && b->other) ||
           ((a->protos & b->protos) && a->first_port <= b->last_port && b->first_port <= a->last_port &&
            ((a->first4 <= b->last4 && b->first4 <= a->last4) || (a->first6 <= b->last6 && b->first6 <= a->last6)));
}

/* How much may be compared; what is left over then is not looked at. */
struct work {
    struct brief *briefs; /* of each rule */
    size_t left;
    bool out;    /* it was not enough */
    bool *never; /* of each rule: others decide all that it names, so it is told of once */
};

struct brief rule_brief(const struct rule *rule);
bool rule_is_empty(const struct rule *rule);

/* Whether every call that `inner` names is named by `outer`. */
bool rule_holds(const struct rule *outer, const struct rule *inner, struct work *work);

/* Whether some call may be named by both; Unix patterns are not compared, so any two may. */
bool rules_meet(const struct rule *a, const struct rule *b, struct work *work);

/* Whether the ports of `inner` are all among those of `outer`. */
bool ports_hold(const struct rule *outer, const struct rule *inner);

/* What is written here, or else what is written in general. */
static inline int setting(int own, int general)
{
    return own >= 0 ? own : general;
}

/* ---- the checks ---- */

#define LINT_RULES 20000 /* each is compared with all before it: some seconds */

void lint_order(const struct policy *policy, struct messages *messages, struct work *work);
void lint_needless(const struct policy *policy, struct messages *messages, struct work *work);
void lint_lists(const struct policy *policy, const struct range_set *resolvers, struct messages *messages);
void lint_closed(const struct policy *policy, const struct range_set *resolvers, struct messages *messages);

#endif
