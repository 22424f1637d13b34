/* SPDX-License-Identifier: MIT */
/* Rules that earlier ones of their chain decide: wholly, all together, or in part and otherwise. */
#include "config/lint_internal.h"

#include "config/memory.h"

#include <stdlib.h>

/* Whether rule `i` may decide some of rule `at` before it. */
static bool may_come_first(const struct work *work, size_t i, size_t at)
{
    return work->briefs[i].chain == work->briefs[at].chain && briefs_may_meet(&work->briefs[i], &work->briefs[at]);
}

static bool refuses(const struct rule *rule)
{
    return rule->action != ACTION_ALLOW;
}

static void tell_shadowed(const struct rule *later, const struct rule *earlier, struct messages *messages)
{
    char *called = rule_called(earlier);

    warn(messages, "shadowed", later->place, "this rule is never reached: the one at %s decides all that it names",
         called);
    free(called);
}

/* Whether the rules before number `at` leave nothing of it to one protocol. */
static bool taken(const struct policy *policy, size_t at, unsigned proto, struct work *work)
{
    const struct rule *later = &policy->rules[at];
    struct range_set left = {0};
    bool none = false;

    range_set_add_all(&left, later->cover);
    for (size_t i = 0; i < at && !none; i++) {
        const struct rule *earlier = &policy->rules[i];

        if (!may_come_first(work, i, at) || earlier->audit || !(earlier->protos & proto) ||
            !ports_hold(earlier, later) || !rules_meet(earlier, later, work) || work->out)
            continue;
        range_set_subtract(&left, earlier->cover);
        none = range_set_is_empty(&left);
    }
    range_set_free(&left);
    return none;
}

/* `meeting` rules before it name something of it, none of them all. */
static void check_unreachable(const struct policy *policy, size_t at, size_t meeting, struct messages *messages,
                              struct work *work)
{
    const struct rule *rule = &policy->rules[at];
    size_t price = meeting * (1 + rule->cover->v4_count + rule->cover->v6_count);

    if (meeting < 2 || rule->path_count > 0 || rule->kind == KIND_FAMILY || price > work->left)
        return;
    work->left -= price;
    for (unsigned proto = 1; proto <= PROTO_RAW; proto <<= 1) {
        if ((rule->protos & proto) && !taken(policy, at, proto, work))
            return;
    }
    work->never[at] = true;
    warn(messages, "unreachable", rule->place,
         "this rule is never reached: the rules before it decide, together, all that it names");
}

/* The first address that both name, as a text. */
static void common_address(const struct rule *a, const struct rule *b, char text[ADDRESS_TEXT])
{
    struct range_set common = range_set_intersect(a->cover, b->cover);
    struct address address = {.family = ADDRESS_INET};

    text[0] = '\0';
    if (common.v4_count > 0)
        address = address_from_v4(common.v4[0].first);
    else if (common.v6_count > 0)
        address = (struct address){.family = ADDRESS_INET6, .hi = common.v6[0].first_hi, .lo = common.v6[0].first_lo};
    if (!range_set_is_empty(&common))
        address_format(&address, text);
    range_set_free(&common);
}

static void tell_overlap(const struct rule *later, const struct rule *earlier, struct messages *messages)
{
    char *called = rule_called(earlier);
    char address[ADDRESS_TEXT];

    common_address(later, earlier, address);
    note(messages, "overlap", later->place,
         "this rule %s a part of what the one at %s %s, such as %s; the earlier one decides there, so their order "
         "matters",
         refuses(later) ? "refuses" : "allows", called, refuses(earlier) ? "refuses" : "allows", address);
    free(called);
}

/* One rule against all before it. */
static void check_rule(const struct policy *policy, size_t at, struct messages *messages, struct work *work)
{
    const struct rule *later = &policy->rules[at], *other = NULL;
    size_t meeting = 0;

    for (size_t i = 0; i < at; i++) {
        const struct rule *earlier = &policy->rules[i];

        if (!may_come_first(work, i, at) || earlier->audit || !rules_meet(earlier, later, work))
            continue;
        if (rule_holds(earlier, later, work)) {
            tell_shadowed(later, earlier, messages);
            work->never[at] = true;
            return;
        }
        meeting++;
        /* A narrow rule in front of a wide one is an exception, as it is meant to be. */
        if (!other && !later->audit && refuses(earlier) != refuses(later) &&
            range_sets_meet(earlier->cover, later->cover) && !rule_holds(later, earlier, work) && !work->out)
            other = earlier;
    }
    if (other)
        tell_overlap(later, other, messages);
    check_unreachable(policy, at, meeting, messages, work);
}

void lint_order(const struct policy *policy, struct messages *messages, struct work *work)
{
    for (size_t i = 1; i < policy->rule_count; i++) {
        if (i == LINT_RULES) {
            warn(messages, "too-many", policy->rules[i].place,
                 "behind %d rules shadowed ones are not looked for; many addresses are better kept in a list file",
                 LINT_RULES);
            return;
        }
        if (!rule_is_empty(&policy->rules[i]))
            check_rule(policy, i, messages, work);
    }
}
