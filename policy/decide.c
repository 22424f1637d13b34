/* SPDX-License-Identifier: MIT */
/*
 * One look-up and a walk over the few rules that can match.
 *
 * Every number out of the payload is bounded where it is read, so that any bytes behind a good header give some verdict
 * in bounded time: a binary search shrinks by halves, a list of steps only moves forward, and a shared segment is
 * entered only from the top level.
 */
#include "policy/decide.h"

#include <errno.h>
#include <string.h>

/* How one rule answers. */
enum answer { ANSWER_NO, ANSWER_YES, ANSWER_UNKNOWN };

/* The walk's state: what was found so far. */
struct walk {
    const struct view *view;
    const struct query *query;
    struct verdict verdict;
    bool decided;
    uint64_t budget; /* steps that a sound image may still need: each rule and each segment once a chain */
};

/* A damaged image: refuse. */
static void walk_fail(struct walk *walk)
{
    walk->verdict.action = ACTION_DENY;
    walk->verdict.source = BY_FAILURE;
    walk->verdict.error = EACCES;
    walk->verdict.needs = 0;
    walk->decided = true;
}

static uint32_t u32_at(const struct view *view, struct image_section section, uint32_t i)
{
    return ((const uint32_t *)(const void *)(view->base + section.offset))[i];
}

/*
 * The part of the keys that can hold `top`, from an index over its leading bits: [*low, *low + result). Without an
 * index all keys.
 */
static uint32_t index_bounds(const struct view *view, const struct image_table *table, uint32_t top, uint32_t *low)
{
    uint32_t count = table->keys.count;
    uint32_t from, to;

    *low = 0;
    if (table->index.count == 0)
        return count;
    from = u32_at(view, table->index, top >> table->shift);
    to = u32_at(view, table->index, (top >> table->shift) + 1);
    if (from > to || to > count)
        return count;
    /* The range that holds an address may have begun in an earlier slot. */
    *low = from > 0 ? from - 1 : 0;
    return to - *low;
}

/* The number of the last key that is not above `key`; the first key is the lowest address there is. */
static uint32_t find4(const struct view *view, const struct image_table *table, uint32_t key)
{
    const uint32_t *keys = (const uint32_t *)(const void *)(view->base + table->keys.offset);
    uint32_t at;
    uint32_t count = index_bounds(view, table, key, &at);

    while (count > 1) {
        uint32_t half = count / 2;

        at += keys[at + half] <= key ? half : 0;
        count -= half;
    }
    return at;
}

static uint32_t find6(const struct view *view, const struct image_table *table, uint64_t hi, uint64_t lo)
{
    const struct image_key6 *keys = (const struct image_key6 *)(const void *)(view->base + table->keys.offset);
    uint32_t at;
    uint32_t count = index_bounds(view, table, (uint32_t)(hi >> 32), &at);

    while (count > 1) {
        uint32_t half = count / 2;
        const struct image_key6 *key = &keys[at + half];

        at += key->hi < hi || (key->hi == hi && key->lo <= lo) ? half : 0;
        count -= half;
    }
    return at;
}

/* The list of steps for the query's address; 0, the empty list, where there is none. */
static uint32_t list_find(const struct view *view, const struct image_chain *chain, const struct query *query)
{
    bool four = query->address.family == ADDRESS_INET;
    const struct image_table *table = four ? &chain->inet[query->direction] : &chain->inet6[query->direction];
    uint32_t at;

    if (table->keys.count == 0)
        return 0;
    if (four)
        at = find4(view, table, (uint32_t)query->address.lo);
    else
        at = find6(view, table, query->address.hi, query->address.lo);
    if (table->wide)
        return u32_at(view, table->values, at);
    return ((const uint16_t *)(const void *)(view->base + table->values.offset))[at];
}

static enum answer protocol_answer(const struct image_rule *rule, const struct query *query, unsigned *needs)
{
    unsigned possible = query->protos != 0 ? query->protos : PROTO_ANY;
    unsigned may = possible & rule->protos;

    if (may == possible)
        return ANSWER_YES;
    if (may == 0)
        return ANSWER_NO;
    *needs |= FACT_PROTOCOL;
    return ANSWER_UNKNOWN;
}

static enum answer port_answer(const struct view *view, const struct image_rule *rule, const struct query *query,
                               unsigned *needs)
{
    const struct image_port_range *ports = (const void *)(view->base + view->ports.offset);

    if (rule->port_count == 0)
        return ANSWER_YES;
    if (rule->ports > view->ports.count || rule->port_count > view->ports.count - rule->ports)
        return ANSWER_NO;
    if (!query->port_known) {
        *needs |= FACT_LOCAL_PORT;
        return ANSWER_UNKNOWN;
    }
    for (uint32_t i = rule->ports; i < rule->ports + rule->port_count; i++) {
        if (query->port >= ports[i].first && query->port <= ports[i].last)
            return ANSWER_YES;
    }
    return ANSWER_NO;
}

/* Whether a rule that covers the address holds for the query; strict queries judge what is unknown to their cost. */
static enum answer rule_answer(const struct view *view, const struct image_rule *rule, const struct query *query,
                               unsigned *needs)
{
    unsigned unknown = 0;
    enum answer port = port_answer(view, rule, query, &unknown);
    enum answer protocol = port == ANSWER_NO ? ANSWER_NO : protocol_answer(rule, query, &unknown);

    if (port == ANSWER_NO || protocol == ANSWER_NO)
        return ANSWER_NO;
    if (port == ANSWER_YES && protocol == ANSWER_YES)
        return ANSWER_YES;
    if (query->strict)
        return rule->action == ACTION_ALLOW || (rule->flags & RULE_AUDIT) ? ANSWER_NO : ANSWER_YES;
    *needs |= unknown;
    return ANSWER_UNKNOWN;
}

static void walk_note(struct walk *walk, uint32_t number)
{
    if (walk->verdict.note_count < VERDICT_NOTES)
        walk->verdict.notes[walk->verdict.note_count++] = number;
}

/* A rule that holds: the verdict, or for an audit rule a note. */
static void walk_take(struct walk *walk, const struct image_rule *rule, uint32_t number)
{
    if (rule->flags & RULE_AUDIT) {
        walk_note(walk, number);
        return;
    }
    walk->verdict.action = rule->action == ACTION_ALLOW  ? ACTION_ALLOW
                           : rule->action == ACTION_DROP ? ACTION_DROP
                                                         : ACTION_DENY;
    walk->verdict.source = BY_RULE;
    walk->verdict.rule = number;
    walk->verdict.error = rule->error;
    walk->verdict.error_named = (rule->flags & RULE_ERROR_NAMED) != 0;
    walk->verdict.log = (rule->flags & RULE_LOG) != 0;
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

/* Looks at a rule that covers the address. */
static void walk_rule(struct walk *walk, uint32_t number)
{
    const struct image_rule *rule = walk_fetch(walk, number);

    if (rule == NULL)
        return;
    switch (rule_answer(walk->view, rule, walk->query, &walk->verdict.needs)) {
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

/* Whether a sound image may still have a step for us. */
static bool walk_spend(struct walk *walk)
{
    if (walk->budget == 0)
        walk_fail(walk);
    else
        walk->budget--;
    return !walk->decided;
}

/* Walks the steps from `at`; a step may send us through a shared segment, which holds rules only. */
static void walk_list(struct walk *walk, uint32_t at)
{
    const struct view *view = walk->view;

    for (; at < view->steps.count && walk_spend(walk); at++) {
        uint32_t step = u32_at(view, view->steps, at);

        if (step == IMAGE_NO_RULE)
            return;
        if (!(step & IMAGE_SEGMENT)) {
            walk_rule(walk, step);
            continue;
        }
        for (uint32_t in = step & ~IMAGE_SEGMENT; in < view->steps.count && walk_spend(walk); in++) {
            uint32_t inner = u32_at(view, view->steps, in);

            if (inner & IMAGE_SEGMENT) /* IMAGE_NO_RULE has the bit too */
                break;
            walk_rule(walk, inner);
        }
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
    walk->verdict.action = ACTION_DENY;
    walk->verdict.source = BY_DEFAULT;
    walk->verdict.error = EACCES;
}

bool decide_plainly_allows(const struct view *view, const struct query *query)
{
    if (query->address.family != ADDRESS_INET && query->address.family != ADDRESS_INET6)
        return false;
    for (uint32_t c = 0; c < view->chain_count; c++) {
        if (list_find(view, &view->chains[c], query) != 0)
            return false;
    }
    return view->settings.default_action[query->direction] == DEFAULT_ALLOW;
}

struct verdict decide(const struct view *view, const struct query *query)
{
    struct walk walk = {.view = view, .query = query};

    if (view->mode == MODE_OFF)
        return walk.verdict;
    walk.verdict.audit_mode = view->mode == MODE_AUDIT;
    for (uint32_t c = 0; c < view->chain_count && !walk.decided; c++) {
        walk.budget = 3 * (uint64_t)view->rules.count + 2;
        switch (query->address.family) {
        case ADDRESS_INET:
        case ADDRESS_INET6:
            walk_list(&walk, list_find(view, &view->chains[c], query));
            break;
        case ADDRESS_UNIX:
            walk_paths(&walk, &view->chains[c]);
            break;
        default:
            break;
        }
    }
    if (!walk.decided)
        walk_default(&walk);
    return walk.verdict;
}

struct verdict decide_family(const struct view *view, int domain)
{
    static const struct query anything = {.protos = PROTO_ANY, .port_known = true};
    struct walk walk = {.view = view, .query = &anything};

    if (view->mode == MODE_OFF)
        return walk.verdict;
    walk.verdict.audit_mode = view->mode == MODE_AUDIT;
    for (uint32_t c = 0; c < view->chain_count; c++) {
        struct image_section section = view->chains[c].families;
        const struct image_family *families = (const void *)(view->base + section.offset);

        for (uint32_t i = 0; i < section.count && !walk.decided; i++) {
            if (families[i].domain == (uint32_t)domain)
                walk_named_rule(&walk, families[i].rule);
        }
    }
    return walk.verdict;
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
