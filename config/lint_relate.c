/* SPDX-License-Identifier: MIT */
/* What two rules of one direction have in common: as they were read, so that it holds for what is enforced. */
#include "config/lint_internal.h"

#include "config/memory.h"

#include <string.h>

char *rule_called(const struct rule *rule)
{
    if (rule->name)
        return memory_print("%s:%d ('%.200s')", rule->place.file, rule->place.line, rule->name);
    return memory_print("%s:%d", rule->place.file, rule->place.line);
}

/* Takes the price of a comparison off; false where it cannot be paid. */
static bool pay(struct work *work, size_t price)
{
    if (work->left < price) {
        work->out = true;
        return false;
    }
    work->left -= price;
    return true;
}

static size_t range_count(const struct range_set *set)
{
    return set->v4_count + set->v6_count;
}

/* The ports of a rule are sorted and disjoint, so one range must lie in one. */
bool ports_hold(const struct rule *outer, const struct rule *inner)
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

struct brief rule_brief(const struct rule *rule)
{
    const struct range_set *cover = rule->cover;
    struct brief brief = {
        .chain = rule->chain,
        .kind = (uint8_t)rule->kind,
        .protos = (uint8_t)rule->protos,
        .other = rule->path_count > 0 || rule->family_count > 0,
        .last_port = UINT16_MAX,
        .first4 = UINT32_MAX,
        .first6 = UINT64_MAX,
    };

    if (rule->port_count > 0) {
        brief.first_port = rule->ports[0].first;
        brief.last_port = rule->ports[rule->port_count - 1].last;
    }
    if (cover->v4_count > 0) {
        brief.first4 = cover->v4[0].first;
        brief.last4 = cover->v4[cover->v4_count - 1].last;
    }
    if (cover->v6_count > 0) {
        brief.first6 = cover->v6[0].first_hi;
        brief.last6 = cover->v6[cover->v6_count - 1].last_hi;
    }
    return brief;
}

bool rule_is_empty(const struct rule *rule)
{
    return range_set_is_empty(rule->cover) && rule->path_count == 0 && rule->family_count == 0;
}

bool rule_holds(const struct rule *outer, const struct rule *inner, struct work *work)
{
    if ((inner->protos & ~outer->protos) != 0 || !ports_hold(outer, inner) || !holds_paths(outer, inner) ||
        !holds_families(outer, inner))
        return false;
    if (outer->cover == inner->cover || range_set_is_empty(inner->cover))
        return true;
    return pay(work, 1 + range_count(inner->cover)) && range_set_holds(outer->cover, inner->cover);
}

static bool ports_meet(const struct rule *a, const struct rule *b)
{
    for (size_t i = 0; i < a->port_count; i++) {
        for (size_t j = 0; j < b->port_count; j++) {
            if (a->ports[i].first <= b->ports[j].last && b->ports[j].first <= a->ports[i].last)
                return true;
        }
    }
    return a->port_count == 0 || b->port_count == 0;
}

static bool families_meet(const struct rule *a, const struct rule *b)
{
    for (size_t i = 0; i < a->family_count; i++) {
        for (size_t j = 0; j < b->family_count; j++) {
            if (a->families[i] == b->families[j])
                return true;
        }
    }
    return false;
}

bool rules_meet(const struct rule *a, const struct rule *b, struct work *work)
{
    size_t ranges_a = range_count(a->cover), ranges_b = range_count(b->cover);

    if ((a->path_count > 0 && b->path_count > 0) || families_meet(a, b))
        return true;
    if (ranges_a == 0 || ranges_b == 0 || (a->protos & b->protos) == 0 || !ports_meet(a, b))
        return false;
    if (a->cover == b->cover)
        return true;
    /* What cannot be paid for may be; that spares advice that could be wrong. */
    return !pay(work, 1 + (ranges_a < ranges_b ? ranges_a : ranges_b)) || range_sets_meet(a->cover, b->cover);
}
