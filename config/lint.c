/* SPDX-License-Identifier: MIT */
/*
 * Advice: what is right by the language but perhaps not meant. Each check is a function that looks at the rules as they
 * were read, so that what it says holds for what is enforced and not for how it was written.
 */
#include "config/lint.h"

#include "config/memory.h"
#include "config/names.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define STALE_DAYS 30
#define DAY_NS ((int64_t)86400 * 1000000000)
#define RESOLVER_PORT 53
#define SHADOW_RULES 20000 /* each is compared with all before it: some seconds */

#define warn(messages, place, ...) messages_add(messages, MESSAGE_WARNING, place, __VA_ARGS__)

/* ---- a rule that an earlier one shadows ---- */

/* Whether the normalised `outer` holds all of `inner`; stops at the first range that it does not. */
static bool holds_inet(const struct range_set *outer, const struct range_set *inner)
{
    for (size_t i = 0; i < inner->v4_count; i++) {
        size_t low = 0, high = outer->v4_count;
        while (low < high) { /* the first range that ends at or behind this one's end */
            size_t middle = low + (high - low) / 2;
            if (outer->v4[middle].last < inner->v4[i].last)
                low = middle + 1;
            else
                high = middle;
        }
        if (low == outer->v4_count || outer->v4[low].first > inner->v4[i].first)
            return false;
    }
    return true;
}

static bool holds_inet6(const struct range_set *outer, const struct range_set *inner)
{
    for (size_t i = 0; i < inner->v6_count; i++) {
        const struct range6 *range = &inner->v6[i];
        size_t low = 0, high = outer->v6_count;
        while (low < high) {
            size_t middle = low + (high - low) / 2;
            const struct range6 *other = &outer->v6[middle];
            if (compare128(other->last_hi, other->last_lo, range->last_hi, range->last_lo) < 0)
                low = middle + 1;
            else
                high = middle;
        }
        if (low == outer->v6_count ||
            compare128(outer->v6[low].first_hi, outer->v6[low].first_lo, range->first_hi, range->first_lo) > 0)
            return false;
    }
    return true;
}

/* The ports of a rule are sorted and disjoint, so one range must lie in one. */
static bool holds_ports(const struct rule *outer, const struct rule *inner)
{
    if (outer->port_count == 0)
        return true;
    if (inner->port_count == 0)
        return false;
    for (size_t i = 0; i < inner->port_count; i++) {
        bool held = false;
        for (size_t j = 0; j < outer->port_count && !held; j++)
            held = outer->ports[j].first <= inner->ports[i].first && outer->ports[j].last >= inner->ports[i].last;
        if (!held)
            return false;
    }
    return true;
}

static bool has_text(char *const *texts, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(texts[i], text) == 0)
            return true;
    }
    return false;
}

/* Patterns are compared as texts: what it takes to know that one pattern covers another is not worth it. */
static bool holds_paths(const struct rule *outer, const struct rule *inner)
{
    for (size_t i = 0; i < inner->path_count; i++) {
        if (!has_text(outer->paths, outer->path_count, inner->paths[i]))
            return false;
    }
    for (size_t i = 0; inner->path_count > 0 && i < outer->path_except_count; i++) {
        if (!has_text(inner->path_excepts, inner->path_except_count, outer->path_excepts[i]))
            return false;
    }
    return true;
}

static bool holds_families(const struct rule *outer, const struct rule *inner)
{
    for (size_t i = 0; i < inner->family_count; i++) {
        bool held = false;
        for (size_t j = 0; j < outer->family_count && !held; j++)
            held = outer->families[j] == inner->families[i];
        if (!held)
            return false;
    }
    return true;
}

static bool is_empty(const struct rule *rule)
{
    return range_set_is_empty(rule->cover) && rule->path_count == 0 && rule->family_count == 0;
}

static bool shadows(const struct rule *earlier, const struct rule *later)
{
    return earlier->chain == later->chain && earlier->kind == later->kind && !earlier->audit &&
           (later->protos & ~earlier->protos) == 0 && holds_ports(earlier, later) && holds_paths(earlier, later) &&
           holds_families(earlier, later) && holds_inet(earlier->cover, later->cover) &&
           holds_inet6(earlier->cover, later->cover);
}

static void check_shadows(const struct policy *policy, struct messages *messages)
{
    for (size_t i = 1; i < policy->rule_count; i++) {
        const struct rule *later = &policy->rules[i];
        if (i == SHADOW_RULES) {
            warn(messages, later->place,
                 "behind %d rules shadowed ones are not looked for; many addresses are better kept "
                 "in a list file",
                 SHADOW_RULES);
            break;
        }
        for (size_t j = 0; j < i && !is_empty(later); j++) {
            const struct rule *earlier = &policy->rules[j];
            if (!shadows(earlier, later))
                continue;
            warn(messages, later->place,
                 "this rule is never reached: the one at %s:%d%s%.200s%s decides all that it names",
                 earlier->place.file, earlier->place.line, earlier->name ? " ('" : "",
                 earlier->name ? earlier->name : "", earlier->name ? "')" : "");
            break;
        }
    }
}

/* ---- sets and lists ---- */

static void check_unused_sets(const struct policy *policy, struct messages *messages)
{
    for (size_t i = 0; i < policy->set_count; i++) {
        if (!policy->sets[i].used)
            warn(messages, policy->sets[i].place, "set '%.200s' is named by no rule", policy->sets[i].name);
    }
}

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* A list that nobody fetches any more looks like protection. */
static void check_lists(const struct policy *policy, struct messages *messages)
{
    int64_t now = now_ns();

    for (size_t i = 0; i < policy->set_count; i++) {
        const struct named_set *set = &policy->sets[i];
        for (size_t j = 0; j < set->file_count; j++) {
            const struct list_file *list = &set->files[j];
            int64_t days = list->mtime_ns < now ? (now - list->mtime_ns) / DAY_NS : 0;
            if (list->entries == 0)
                warn(messages, set->place, "list '%s' of set '%.200s' is empty", list->path, set->name);
            else if (days > STALE_DAYS)
                warn(messages, set->place,
                     "list '%s' of set '%.200s' was last changed %lld days ago; is it still fetched?", list->path,
                     set->name, (long long)days);
        }
    }
}

/* Whether the rule refuses something of both the set and `what`. */
static bool refuses_part(const struct rule *rule, const struct named_set *set, const struct range_set *what)
{
    struct range_set part = range_set_intersect(what, rule->cover);
    struct range_set common = range_set_intersect(&part, &set->ranges);
    bool found = !range_set_is_empty(&common);

    range_set_free(&part);
    range_set_free(&common);
    return found;
}

/* Public feeds hold "bogons": a private or loopback address in one cuts off what the user lives from. */
static void check_cover(const struct policy *policy, const struct rule *rule, const char *name,
                        const struct range_set *what, struct messages *messages)
{
    if (rule->action == ACTION_ALLOW)
        return;
    for (size_t i = 0; i < rule->set_count; i++) {
        const struct named_set *set = &policy->sets[rule->sets[i]];
        if (set->from_list && refuses_part(rule, set, what))
            warn(messages, rule->place,
                 "the list behind '@%.200s' covers %s addresses; take them out by 'except' if that "
                 "is not meant",
                 set->name, name);
    }
}

static void check_covers(const struct policy *policy, const struct range_set *resolvers, struct messages *messages)
{
    static const char *const names[] = {"loopback", "private"};
    struct range_set known[2] = {{0}};

    for (size_t i = 0; i < 2; i++) {
        address_name_add(names[i], &known[i]);
        range_set_normalise(&known[i]);
    }
    for (size_t i = 0; i < policy->rule_count; i++) {
        const struct rule *rule = &policy->rules[i];
        for (size_t j = 0; j < 2; j++)
            check_cover(policy, rule, names[j], &known[j], messages);
        if (resolvers && rule->kind == DIRECTION_TO)
            check_cover(policy, rule, "this machine's resolver", resolvers, messages);
    }
    for (size_t i = 0; i < 2; i++)
        range_set_free(&known[i]);
}

/* ---- a closed policy that cannot resolve names ---- */

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

/* What is written here, or else what is written in general. */
static int setting(int own, int general)
{
    return own >= 0 ? own : general;
}

static void check_closed(const struct policy *policy, const struct settings *own, unsigned chain,
                         const struct range_set *resolvers, struct messages *messages)
{
    int outbound = setting(own->default_action[DIRECTION_TO], policy->settings.default_action[DIRECTION_TO]);
    int loopback = setting(own->default_loopback, policy->settings.default_loopback);

    if (outbound != DEFAULT_DENY || resolver_allowed(policy, chain, loopback != DEFAULT_DENY, resolvers))
        return;
    warn(messages, own->default_place,
         "outbound is closed and none of this machine's resolvers is allowed, so names cannot be looked up; add "
         "{ action = \"allow\"; to = \"ADDRESS\"; port = 53; } for one of them");
}

static void check_resolvers(const struct policy *policy, const struct range_set *resolvers, struct messages *messages)
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

/* ---- root for everybody ---- */

static void check_pretence(const struct policy *policy, struct messages *messages)
{
    if (policy->settings.icmp_pretend_root == 1)
        warn(messages, policy->settings.icmp_place,
             "every program is told that it is root; put `icmp = { pretend_root = true; }` into a `programs` entry of "
             "those that refuse to ping without it");
}

void policy_lint(const struct policy *policy, const struct range_set *resolvers, struct messages *messages)
{
    check_shadows(policy, messages);
    check_unused_sets(policy, messages);
    check_lists(policy, messages);
    check_covers(policy, resolvers, messages);
    check_resolvers(policy, resolvers, messages);
    check_pretence(policy, messages);
}
