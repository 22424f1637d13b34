/* SPDX-License-Identifier: MIT */
/* Closed policies that cannot resolve names, or not even reach their own machine. */
#include "config/lint_internal.h"

#include "config/names.h"

#define RESOLVER_PORT 53

static bool has_port(const struct rule *rule, unsigned port)
{
    for (size_t i = 0; i < rule->port_count; i++) {
        if (rule->ports[i].first <= port && port <= rule->ports[i].last)
            return true;
    }
    return rule->port_count == 0;
}

/* Walks one chain as a datagram to each of `left` would; true where one is allowed. The decided ones are taken out. */
static bool chain_allows(const struct policy *policy, unsigned chain, struct range_set *left)
{
    for (size_t i = 0; i < policy->rule_count; i++) {
        const struct rule *rule = &policy->rules[i];
        if (rule->chain != chain || rule->kind != DIRECTION_TO || rule->audit || !(rule->protos & PROTO_UDP) ||
            !has_port(rule, RESOLVER_PORT))
            continue;
        struct range_set part = range_set_intersect(left, rule->cover);
        bool allowed = rule->action == ACTION_ALLOW && !range_set_is_empty(&part);
        range_set_free(&part);
        if (allowed)
            return true;
        range_set_subtract(left, rule->cover);
    }
    return false;
}

/* Whether the rules, and behind them the default's exemption of loopback, let one resolver through. */
static bool resolver_allowed(const struct policy *policy, unsigned chain, bool loopback_exempt,
                             const struct range_set *resolvers)
{
    struct range_set left = {0}, loopback = {0};

    range_set_add_all(&left, resolvers);
    bool allowed = chain_allows(policy, CHAIN_COMMAND_LINE, &left) ||
                   (chain != CHAIN_GENERAL && chain_allows(policy, chain, &left)) ||
                   chain_allows(policy, CHAIN_GENERAL, &left);
    if (!allowed && loopback_exempt) {
        address_name_add("loopback", &loopback);
        range_set_normalise(&loopback);
        struct range_set part = range_set_intersect(&left, &loopback);
        allowed = !range_set_is_empty(&part);
        range_set_free(&part);
        range_set_free(&loopback);
    }
    range_set_free(&left);
    return allowed;
}

/* Whether some rule allows a resolver all the same: the policy may be meant for another machine. */
static bool names_resolver(const struct policy *policy, unsigned chain)
{
    for (size_t i = 0; i < policy->rule_count; i++) {
        const struct rule *rule = &policy->rules[i];
        if (rule->action == ACTION_ALLOW && rule->kind == DIRECTION_TO && (rule->protos & PROTO_UDP) &&
            rule->port_count > 0 && has_port(rule, RESOLVER_PORT) && !rule->audit &&
            (rule->chain == chain || rule->chain == CHAIN_GENERAL))
            return true;
    }
    return false;
}

/* Whether any rule lets a program reach some of its own machine. */
static bool loopback_allowed(const struct policy *policy, unsigned chain)
{
    struct range_set loopback = {0};
    bool allowed = false;

    address_name_add("loopback", &loopback);
    range_set_normalise(&loopback);
    for (size_t i = 0; i < policy->rule_count && !allowed; i++) {
        const struct rule *rule = &policy->rules[i];
        allowed = rule->action == ACTION_ALLOW && rule->kind == DIRECTION_TO &&
                  (rule->chain == chain || rule->chain == CHAIN_GENERAL) && range_sets_meet(rule->cover, &loopback);
    }
    range_set_free(&loopback);
    return allowed;
}

static void check_closed(const struct policy *policy, const struct settings *own, unsigned chain,
                         const struct range_set *resolvers, struct messages *messages)
{
    int outbound = setting(own->default_action[DIRECTION_TO], policy->settings.default_action[DIRECTION_TO]);
    int loopback = setting(own->default_loopback, policy->settings.default_loopback);

    if (outbound == DEFAULT_DENY && loopback == DEFAULT_DENY && !loopback_allowed(policy, chain))
        warn(messages, "no-loopback", own->default_place,
             "outbound is closed, loopback too, and no rule allows any of it, so programs cannot reach their own "
             "machine; leave out loopback = \"deny\", or allow what they need");
    if (outbound != DEFAULT_DENY || resolver_allowed(policy, chain, loopback != DEFAULT_DENY, resolvers))
        return;
    if (names_resolver(policy, chain)) {
        note(
            messages, "other-resolver", own->default_place,
            "outbound is closed, and the resolvers that are allowed are none of this machine's; names cannot be looked "
            "up here");
        return;
    }
    warn(messages, "no-resolver", own->default_place,
         "outbound is closed and none of this machine's resolvers is allowed, so names cannot be looked up; add "
         "{ action = \"allow\"; to = \"ADDRESS\"; port = 53; } for one of them");
}

void lint_closed(const struct policy *policy, const struct range_set *resolvers, struct messages *messages)
{
    struct range_set anyone = {0};

    if (!resolvers || range_set_is_empty(resolvers)) { /* not known: one that any rule allows will do */
        address_name_add("any", &anyone);
        range_set_normalise(&anyone);
        resolvers = &anyone;
    }
    check_closed(policy, &policy->settings, CHAIN_GENERAL, resolvers, messages);
    for (size_t i = 0; i < policy->program_count; i++) {
        const struct program_entry *program = &policy->programs[i];
        if (program->settings.default_action[DIRECTION_TO] == DEFAULT_DENY)
            check_closed(policy, &program->settings, CHAIN_PROGRAMS + (unsigned)i, resolvers, messages);
    }
    range_set_free(&anyone);
}
