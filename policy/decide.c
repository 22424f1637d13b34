/* SPDX-License-Identifier: MIT */
/*
 * One look-up and a walk over the few rules that can match.
 *
 * Every number out of the payload is bounded where it is read, so that any bytes behind a good header give some verdict
 * in bounded time.
 */
#include "policy/decide.h"

#include "policy/candidates.h"
#include "policy/find.h"

#include <errno.h>
#include <string.h>

/* How one rule answers. */
enum answer { ANSWER_NO, ANSWER_YES, ANSWER_UNKNOWN };

/* The walk's state: what was found so far. */
struct walk {
    const struct view *view;
    const struct query *query;
    struct verdict *verdict;
    bool decided;
};

/* A damaged image: refuse. */
static void walk_fail(struct walk *walk)
{
    walk->verdict->action = ACTION_DENY;
    walk->verdict->source = BY_FAILURE;
    walk->verdict->error = EACCES;
    walk->verdict->needs = 0;
    walk->decided = true;
}

/* The list of rules for the query's address; 0, the empty list, where there is none. */
static inline uint32_t list_find(const struct view *view, const struct image_chain *chain, const struct query *query)
{
    if (query->address.family == ADDRESS_INET)
        return find4(view, &chain->inet[query->direction], (uint32_t)query->address.lo);
    return find6(view, &chain->inet6[query->direction], query->address.hi, query->address.lo);
}

/* Whether one of a rule's ports, of which it has some, is `port`. */
static inline bool port_is_named(const struct view *view, const struct image_rule *rule, uint16_t port)
{
    const struct image_port_range *at = (const void *)(view->base + view->ports.offset);
    const struct image_port_range *end;

    if (rule->ports > view->ports.count || rule->port_count > view->ports.count - rule->ports)
        return false;
    at += rule->ports;
    end = at + rule->port_count;
    for (; at < end; at++) {
        if (port >= at->first && port <= at->last)
            return true;
    }
    return false;
}

/* Whether a rule that covers the address cannot hold, whatever is learnt: what most answers are. */
static inline bool rule_misses(const struct view *view, const struct image_rule *rule, const struct query *query)
{
    unsigned possible = query->protos != 0 ? query->protos : PROTO_ANY;

    return (possible & rule->protos) == 0 ||
           (rule->port_count != 0 && query->port_known && !port_is_named(view, rule, query->port));
}

/* Whether a rule that does not miss holds; strict queries judge what is unknown to their cost. */
static enum answer rule_answer(const struct image_rule *rule, const struct query *query, unsigned *needs)
{
    unsigned possible = query->protos != 0 ? query->protos : PROTO_ANY;
    bool proto_known = (possible & rule->protos) == possible;
    bool port_known = rule->port_count == 0 || query->port_known;

    if (proto_known && port_known)
        return ANSWER_YES;
    if (query->strict)
        return rule->action == ACTION_ALLOW || (rule->flags & RULE_AUDIT) ? ANSWER_NO : ANSWER_YES;
    *needs |= (proto_known ? 0 : FACT_PROTOCOL) | (port_known ? 0 : FACT_LOCAL_PORT);
    return ANSWER_UNKNOWN;
}

static void walk_note(struct walk *walk, uint32_t number)
{
    if (walk->verdict->note_count < VERDICT_NOTES)
        walk->verdict->notes[walk->verdict->note_count++] = number;
}

/* A rule that holds: the verdict, or for an audit rule a note. */
static void walk_take(struct walk *walk, const struct image_rule *rule, uint32_t number)
{
    if (rule->flags & RULE_AUDIT) {
        walk_note(walk, number);
        return;
    }
    walk->verdict->action = rule->action == ACTION_ALLOW  ? ACTION_ALLOW
                            : rule->action == ACTION_DROP ? ACTION_DROP
                                                          : ACTION_DENY;
    walk->verdict->source = BY_RULE;
    walk->verdict->rule = number;
    walk->verdict->error = rule->error;
    walk->verdict->error_named = (rule->flags & RULE_ERROR_NAMED) != 0;
    walk->verdict->log = (rule->flags & RULE_LOG) != 0;
    walk->decided = true;
}

/* Rule `number`, or NULL with the walk at its end where the image has no such rule. */
static const struct image_rule *walk_fetch(struct walk *walk, uint32_t number)
{
    const struct view *view = walk->view;

    if (number >= view->rules.count) {
        walk_fail(walk);
        return NULL;
    }
    return (const struct image_rule *)(const void *)(view->base + view->rules.offset) + number;
}

/* Looks at a rule that covers the address and may hold. */
static void walk_rule(struct walk *walk, uint32_t number)
{
    const struct image_rule *rule = walk_fetch(walk, number);

    if (rule == NULL)
        return;
    switch (rule_answer(rule, walk->query, &walk->verdict->needs)) {
    case ANSWER_YES:
        walk_take(walk, rule, number);
        break;
    case ANSWER_UNKNOWN:
        walk->decided = true; /* with `needs`: learn and ask again */
        break;
    case ANSWER_NO:
        break;
    }
}

/* A rule whose path or family is the query's: nothing else of it matters. */
static void walk_named_rule(struct walk *walk, uint32_t number)
{
    const struct image_rule *rule = walk_fetch(walk, number);

    if (rule != NULL)
        walk_take(walk, rule, number);
}

/* The next rule of a list that may hold. */
static inline uint32_t next_that_may_hold(struct candidates *candidates, const struct query *query)
{
    const struct view *view = candidates->view;
    const struct image_rule *rules = (const void *)(view->base + view->rules.offset);

    for (;;) {
        uint32_t number = candidates_next(candidates);

        if (number >= view->rules.count || !rule_misses(view, &rules[number], query))
            return number;
    }
}

/* Looks through the rest of a list, of which `number` is the next rule that may hold. */
static void walk_list(struct walk *walk, struct candidates *candidates, uint32_t number)
{
    for (; number != IMAGE_NO_RULE; number = next_that_may_hold(candidates, walk->query)) {
        walk_rule(walk, number);
        if (walk->decided)
            return;
    }
}

static bool path_matches(const struct view *view, const struct image_pattern *pattern, const struct query *query)
{
    const char *text = view_string(view, pattern->text);

    if (pattern->length == 0 || strnlen(text, view->strings.count) != pattern->length)
        return false;
    if (pattern_matches(text, pattern->length, query->path, query->path_length))
        return true;
    if (query->same_file == NULL || text[0] != '/' || memchr(text, '*', pattern->length) != NULL)
        return false;
    return query->path_length > 0 && query->path[0] != '@' && query->same_file(query, text);
}

/* Unix names: every pattern of the direction in rule order, each followed by its exceptions. */
static void walk_paths(struct walk *walk, const struct image_chain *chain)
{
    struct image_section section = chain->paths[walk->query->direction];
    const struct image_pattern *patterns = (const void *)(walk->view->base + section.offset);

    for (uint32_t i = 0; i < section.count && !walk->decided;) {
        uint32_t excepts = patterns[i].excepts;
        bool matches = path_matches(walk->view, &patterns[i], walk->query);
        uint32_t rule = patterns[i].rule;

        for (i++; excepts > 0 && i < section.count; excepts--, i++) {
            if (matches && path_matches(walk->view, &patterns[i], walk->query))
                matches = false;
        }
        if (matches)
            walk_named_rule(walk, rule);
    }
}

/* What stands where no rule decided. Unix, netlink and AF_ALG are never touched; loopback only if the text says so. */
static void walk_default(struct walk *walk)
{
    const struct image_settings *settings = &walk->view->settings;
    const struct query *query = walk->query;

    if (query->address.family == ADDRESS_UNIX || query->address.family == ADDRESS_EXEMPT)
        return;
    if (settings->default_action[query->direction] == DEFAULT_ALLOW)
        return;
    if (settings->default_loopback != DEFAULT_DENY && address_is_loopback(&query->address))
        return;
    walk->verdict->action = ACTION_DENY;
    walk->verdict->source = BY_DEFAULT;
    walk->verdict->error = EACCES;
}

static struct verdict verdict_empty(const struct view *view)
{
    return (struct verdict){.audit_mode = view->mode == MODE_AUDIT};
}

static bool is_inet(const struct query *query)
{
    return query->address.family == ADDRESS_INET || query->address.family == ADDRESS_INET6;
}

/*
 * The rest of a decision about an IP address from chain `c` on: a rule of it may hold, the next of which `candidates`
 * and `number` tell. Not inlined, since most decisions never come here.
 */
static __attribute__((noinline)) void decide_by_rules(struct walk *walk, uint32_t c, struct candidates *candidates,
                                                      uint32_t number)
{
    const struct view *view = walk->view;

    walk_list(walk, candidates, number);
    for (c++; c < view->chain_count && !walk->decided; c++) {
        candidates_begin(candidates, view, &view->chains[c], walk->query,
                         list_find(view, &view->chains[c], walk->query));
        walk_list(walk, candidates, next_that_may_hold(candidates, walk->query));
    }
    if (!walk->decided)
        walk_default(walk);
}

/* The same for whatever is no IP address. */
static __attribute__((noinline)) void decide_by_path(struct walk *walk)
{
    const struct view *view = walk->view;

    for (uint32_t c = 0; c < view->chain_count && !walk->decided; c++) {
        if (walk->query->address.family == ADDRESS_UNIX)
            walk_paths(walk, &view->chains[c]);
    }
    if (!walk->decided)
        walk_default(walk);
}

/* decide_tells() for an IP address that some list is about; `list` is the first chain's. */
static __attribute__((noinline)) bool lists_tell(const struct view *view, const struct query *query, uint32_t list,
                                                 struct verdict *verdict)
{
    struct walk walk = {.view = view, .query = query, .verdict = verdict};
    struct candidates candidates;

    for (uint32_t c = 0; c < view->chain_count; c++) {
        uint32_t number;

        if (c > 0)
            list = list_find(view, &view->chains[c], query);
        if (list == 0)
            continue;
        candidates_begin(&candidates, view, &view->chains[c], query, list);
        number = next_that_may_hold(&candidates, query);
        if (number == IMAGE_NO_RULE)
            continue;
        *verdict = verdict_empty(view);
        decide_by_rules(&walk, c, &candidates, number);
        return true;
    }
    if (view->settings.default_action[query->direction] == DEFAULT_ALLOW)
        return false;
    *verdict = verdict_empty(view);
    walk_default(&walk);
    return true;
}

/* The same for what is no IP address, or under no rule at all. */
static __attribute__((noinline)) bool others_tell(const struct view *view, const struct query *query,
                                                  struct verdict *verdict)
{
    struct walk walk = {.view = view, .query = query, .verdict = verdict};

    *verdict = verdict_empty(view);
    if (view->mode != MODE_OFF)
        decide_by_path(&walk);
    return true;
}

bool decide_tells(const struct view *view, const struct query *query, struct verdict *verdict)
{
    uint32_t list;

    if (!is_inet(query) || view->mode == MODE_OFF || view->chain_count == 0)
        return others_tell(view, query, verdict);
    list = list_find(view, view->chains, query);
    if (list == 0 && view->chain_count == 1 && view->settings.default_action[query->direction] == DEFAULT_ALLOW)
        return false; /* what most of them are */
    return lists_tell(view, query, list, verdict);
}

struct verdict decide(const struct view *view, const struct query *query)
{
    struct verdict verdict;

    if (!decide_tells(view, query, &verdict))
        verdict = verdict_empty(view);
    return verdict;
}

struct verdict decide_family(const struct view *view, int domain)
{
    static const struct query anything = {.protos = PROTO_ANY, .port_known = true};
    struct verdict verdict = verdict_empty(view);
    struct walk walk = {.view = view, .query = &anything, .verdict = &verdict};

    if (view->mode == MODE_OFF)
        return verdict;
    for (uint32_t c = 0; c < view->chain_count; c++) {
        struct image_section section = view->chains[c].families;
        const struct image_family *families = (const void *)(view->base + section.offset);

        for (uint32_t i = 0; i < section.count && !walk.decided; i++) {
            if (families[i].domain == (uint32_t)domain)
                walk_named_rule(&walk, families[i].rule);
        }
    }
    return verdict;
}

struct verdict decide_closed(const struct query *query)
{
    struct verdict verdict = {.action = ACTION_DENY, .source = BY_FAILURE, .error = EACCES};

    if (query->address.family == ADDRESS_UNIX || query->address.family == ADDRESS_EXEMPT)
        verdict = (struct verdict){.action = ACTION_ALLOW};
    return verdict;
}

bool verdict_refuses(const struct verdict *verdict)
{
    return verdict->action != ACTION_ALLOW && !verdict->audit_mode;
}

bool verdict_is_stricter(const struct verdict *b, const struct verdict *a)
{
    return verdict_refuses(b) && !verdict_refuses(a);
}
