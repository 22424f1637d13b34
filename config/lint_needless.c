/* SPDX-License-Identifier: MIT */
/*
 * Rules without which every call would be decided the same: what comes behind them says the same, or nothing but the
 * default does, which says it too. An allow rule of that kind is often thought to close what it does not name.
 */
#include "config/lint_internal.h"

#include "config/names.h"

#include <stdlib.h>

enum fate {
    FATE_NEEDED, /* something behind the rule would decide otherwise */
    FATE_SAME,   /* `by` would decide the same */
    FATE_END,    /* nothing behind it names any of it: the default decides */
};

/* Where the calls of a rule would go without it. */
struct walk {
    const struct policy *policy;
    const struct rule *rule;
    const struct rule *by;
    size_t at; /* its number */
    struct work *work;
};

/* Whether a program cannot tell which of the two decided. */
static bool same_outcome(const struct rule *a, const struct rule *b)
{
    return a->action == b->action && a->error == b->error && a->log == b->log && a->audit == b->audit;
}

/* Walks the rules of one chain from number `first` on. */
static enum fate walk_chain(struct walk *walk, unsigned chain, size_t first)
{
    for (size_t i = first; i < walk->policy->rule_count; i++) {
        const struct rule *later = &walk->policy->rules[i];

        if (walk->work->briefs[i].chain != chain ||
            !briefs_may_meet(&walk->work->briefs[walk->at], &walk->work->briefs[i]) ||
            !rules_meet(walk->rule, later, walk->work))
            continue;
        if (!same_outcome(walk->rule, later))
            return FATE_NEEDED;
        if (rule_holds(later, walk->rule, walk->work)) {
            walk->by = later;
            return FATE_SAME;
        }
    }
    return FATE_END;
}

static enum fate walk_on(struct walk *walk, size_t at)
{
    enum fate fate = walk_chain(walk, walk->rule->chain, at + 1);

    if (fate != FATE_END || walk->rule->chain == CHAIN_GENERAL)
        return fate;
    return walk_chain(walk, CHAIN_GENERAL, 0);
}

/* Whether the default does to all that the rule names what the rule does, for one process' settings. */
static bool default_agrees(const struct rule *rule, const struct settings *own, const struct settings *general)
{
    int action = setting(own->default_action[rule->kind], general->default_action[rule->kind]);
    int loopback = setting(own->default_loopback, general->default_loopback);
    struct range_set exempt = {0};
    bool meets;

    if (rule->action == ACTION_ALLOW)
        return action != DEFAULT_DENY;
    if (action != DEFAULT_DENY || rule->action == ACTION_DROP || rule->error != 0 || rule->path_count > 0)
        return false;
    if (loopback == DEFAULT_DENY)
        return true;
    address_name_add("loopback", &exempt);
    range_set_normalise(&exempt);
    meets = range_sets_meet(&exempt, rule->cover);
    range_set_free(&exempt);
    return !meets;
}

/* The same for every process that the rule holds for. */
static bool defaults_agree(const struct policy *policy, const struct rule *rule)
{
    if (rule->kind == KIND_FAMILY)
        return rule->action == ACTION_ALLOW;
    if (rule->chain != CHAIN_GENERAL)
        return default_agrees(rule, &policy->programs[rule->chain - CHAIN_PROGRAMS].settings, &policy->settings);
    for (size_t i = 0; i < policy->program_count; i++) {
        if (!default_agrees(rule, &policy->programs[i].settings, &policy->settings))
            return false;
    }
    return default_agrees(rule, &policy->settings, &policy->settings);
}

static void tell_end(const struct rule *rule, struct messages *messages)
{
    if (rule->action == ACTION_ALLOW)
        warn(messages, "needless-allow", rule->place,
             "nothing behind this rule refuses what it allows, so it changes nothing; what no rule names is allowed "
             "unless 'default' says \"deny\"");
    else
        note(messages, "needless-deny", rule->place,
             "'default' refuses all of this already; the rule adds its name alone");
}

static void check_rule(const struct policy *policy, size_t at, struct messages *messages, struct work *work)
{
    struct walk walk = {.policy = policy, .rule = &policy->rules[at], .at = at, .work = work};
    enum fate fate;
    char *called;

    if (work->never[at] || walk.rule->audit || walk.rule->log || rule_is_empty(walk.rule) ||
        walk.rule->chain == CHAIN_COMMAND_LINE)
        return;
    fate = walk_on(&walk, at);
    if (work->out)
        return;
    if (fate == FATE_END && defaults_agree(policy, walk.rule))
        tell_end(walk.rule, messages);
    if (fate != FATE_SAME)
        return;
    called = rule_called(walk.by);
    note(messages, "redundant", walk.rule->place,
         "without this rule the one at %s would decide all of it in the same way", called);
    free(called);
}

void lint_needless(const struct policy *policy, struct messages *messages, struct work *work)
{
    for (size_t i = 0; i < policy->rule_count && i < LINT_RULES; i++)
        check_rule(policy, i, messages, work);
}
