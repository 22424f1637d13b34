/* SPDX-License-Identifier: MIT */
/*
 * From needs to rules. Addresses that were reached by one protocol at one port become one rule, in which close ones are
 * nets (config/nets.h); rules that differ in their ports alone become one.
 */
#include "command/learn.h"

#include "config/endpoint.h"
#include "config/memory.h"

#include <stdlib.h>
#include <string.h>

/* What is asked about a net before it takes the place of addresses. */
struct bounds {
    const struct policy *base;
    enum direction direction;
    unsigned protos;
};

/* Whether no rule that refuses covers a part of the net; ports are left aside, so it is no too often. */
static bool may_join(const struct address_range *net, void *data)
{
    const struct bounds *bounds = data;
    struct range_set set = {0};
    bool free_of_it = true;

    range_set_add(&set, net);
    range_set_normalise(&set);
    for (size_t i = 0; bounds->base != NULL && i < bounds->base->rule_count && free_of_it; i++) {
        const struct rule *rule = &bounds->base->rules[i];
        struct range_set part;

        if (rule->action == ACTION_ALLOW || rule->kind != bounds->direction || (rule->protos & bounds->protos) == 0)
            continue;
        part = range_set_intersect(&set, rule->cover);
        free_of_it = range_set_is_empty(&part);
        range_set_free(&part);
    }
    range_set_free(&set);
    return free_of_it;
}

/* What is listened on at a wildcard address is listened on at all of them. */
static bool is_any(const struct need *need)
{
    return need->direction == DIRECTION_ON && address_is_wildcard(&need->address);
}

static int by_number(long long a, long long b)
{
    return (a > b) - (a < b);
}

/* Needs of one rule stand side by side, in the order of their addresses. */
static int compare_needs(const void *one, const void *two)
{
    const struct need *a = one, *b = two;
    int order = by_number((int)a->direction, (int)b->direction);

    if (order == 0)
        order = by_number(a->protos, b->protos);
    if (order == 0)
        order = by_number((int)a->kind, (int)b->kind);
    if (order == 0 && a->kind == PORT_ITSELF)
        order = by_number(a->port, b->port);
    if (order == 0)
        order = by_number(is_any(a), is_any(b));
    return order != 0 ? order : address_compare(&a->address, &b->address);
}

static bool same_rule(const struct need *a, const struct need *b)
{
    return a->direction == b->direction && a->protos == b->protos && a->kind == b->kind &&
           (a->kind != PORT_ITSELF || a->port == b->port) && is_any(a) == is_any(b);
}

static void add_words(struct words *words, const struct words *more)
{
    for (size_t i = 0; i < more->count; i++)
        words_add(words, more->list[i]);
}

/* All that tells two rules apart but their ports. */
static char *make_signature(const struct learnt_rule *rule)
{
    char *text = memory_print("%d %u %d %d", (int)rule->direction, rule->protos, rule->any, (int)rule->kind);

    for (size_t i = 0; i < rule->net_count; i++) {
        char range[RANGE_TEXT], *longer;

        range_format(&rule->nets[i].range, range);
        longer = memory_print("%s %s", text, range);
        free(text);
        text = longer;
    }
    return text;
}

/* One rule for needs that stand side by side. */
static struct learnt_rule make_rule(const struct need *needs, size_t count, const struct policy *base)
{
    const struct need *first = needs;
    struct bounds bounds = {base, first->direction, first->protos != 0 ? first->protos : PROTO_ANY};
    struct learnt_rule rule = {.direction = first->direction, .protos = first->protos, .kind = first->kind};

    rule.addresses = memory_new(count * sizeof(*rule.addresses));
    rule.nets = memory_new(count * sizeof(*rule.nets));
    for (const struct need *need = needs; need < needs + count; need++) {
        rule.any = rule.any || is_any(need);
        rule.calls += need->calls;
        add_words(&rule.exes, &need->exes);
        if (need->refused != NULL)
            words_add(&rule.refused, need->refused);
        if (rule.address_count == 0 || address_compare(&rule.addresses[rule.address_count - 1], &need->address) != 0)
            rule.addresses[rule.address_count++] = need->address;
    }
    if (!rule.any)
        rule.net_count = nets_make(rule.nets, rule.addresses, rule.address_count, may_join, &bounds);
    if (first->port >= 0) {
        rule.ports = memory_new(sizeof(*rule.ports));
        rule.ports[rule.port_count++] = (struct image_port_range){(uint16_t)first->port, (uint16_t)first->port};
    }
    rule.signature = make_signature(&rule);
    return rule;
}

static void rule_free(struct learnt_rule *rule)
{
    free(rule->addresses);
    free(rule->nets);
    free(rule->ports);
    free(rule->signature);
    words_free(&rule->exes);
    words_free(&rule->refused);
}

static int compare_rules(const void *one, const void *two)
{
    const struct learnt_rule *a = one, *b = two;
    int order = by_number((int)a->direction, (int)b->direction);

    if (order == 0)
        order = strcmp(a->signature, b->signature);
    return order != 0 || a->port_count == 0 ? order : by_number(a->ports[0].first, b->ports[0].first);
}

/* Whether the ports of `from` can be those of `into` too; then they are, and `from` is gone. */
static bool join_ports(struct learnt_rule *into, struct learnt_rule *from)
{
    if (into->direction != from->direction || strcmp(into->signature, from->signature) != 0 || into->port_count == 0 ||
        from->port_count == 0)
        return false;
    if (into->ports[into->port_count - 1].last + 1 == from->ports[0].first) {
        into->ports[into->port_count - 1].last = from->ports[0].last;
    } else {
        into->ports = memory_resize(into->ports, (into->port_count + 1) * sizeof(*into->ports));
        into->ports[into->port_count++] = from->ports[0];
    }
    into->calls += from->calls;
    add_words(&into->exes, &from->exes);
    add_words(&into->refused, &from->refused);
    rule_free(from);
    return true;
}

/* Copies of the needs of one fate that a rule can name, sorted; what they point to stays with the needs. */
static struct need *needs_select(const struct needs *needs, enum fate fate, size_t *count)
{
    struct need *selected = memory_new((needs->count + 1) * sizeof(*selected));

    *count = 0;
    for (size_t i = 0; i < needs->count; i++) {
        if (needs->list[i].fate == fate && needs->list[i].address.family != ADDRESS_UNIX)
            selected[(*count)++] = needs->list[i];
    }
    qsort(selected, *count, sizeof(*selected), compare_needs);
    return selected;
}

struct learnt_rules rules_make(const struct needs *needs, enum fate fate, const struct policy *base)
{
    struct learnt_rules rules = {0};
    size_t count, kept = 0;
    struct need *selected = needs_select(needs, fate, &count);

    for (size_t first = 0, end; first < count; first = end) {
        for (end = first + 1; end < count && same_rule(&selected[first], &selected[end]);)
            end++;
        rules.list = memory_grow(rules.list, rules.count, &rules.room, sizeof(*rules.list));
        rules.list[rules.count++] = make_rule(selected + first, end - first, base);
    }
    free(selected);
    if (rules.count > 0)
        qsort(rules.list, rules.count, sizeof(*rules.list), compare_rules);
    for (size_t i = 1; i < rules.count; i++) {
        if (!join_ports(&rules.list[kept], &rules.list[i]))
            rules.list[++kept] = rules.list[i];
    }
    rules.count = rules.count > 0 ? kept + 1 : 0;
    return rules;
}

void rules_free(struct learnt_rules *rules)
{
    for (size_t i = 0; i < rules->count; i++)
        rule_free(&rules->list[i]);
    free(rules->list);
    *rules = (struct learnt_rules){0};
}
