/* SPDX-License-Identifier: MIT */
/*
 * A rule, key by key. Each key is read by itself, then what cannot stand together is judged; so one rule with three
 * mistakes has three messages. A rule with a mistake is left out: its policy is not used anyway.
 */
#include "config/read_internal.h"

#include "config/endpoint.h"
#include "config/memory.h"
#include "config/names.h"

#include <stdlib.h>
#include <string.h>

static const char *const kind_keys[] = {
    [DIRECTION_TO] = "to",
    [DIRECTION_FROM] = "from",
    [DIRECTION_ON] = "on",
    [KIND_FAMILY] = "family",
};

void rule_free(struct rule *rule)
{
    for (size_t i = 0; i < rule->path_count; i++)
        free(rule->paths[i]);
    for (size_t i = 0; i < rule->path_except_count; i++)
        free(rule->path_excepts[i]);
    free(rule->paths);
    free(rule->path_excepts);
    free(rule->families);
    free(rule->ports);
    free(rule->sets);
    free(rule->name);
    free(rule->reason);
    *rule = (struct rule){0};
}

void rule_add(struct policy *policy, const struct rule *rule)
{
    policy->rules = memory_grow(policy->rules, policy->rule_count, &policy->rule_room, sizeof *policy->rules);
    policy->rules[policy->rule_count++] = *rule;
}

static bool is_everything(const struct range_set *set)
{
    return set->v4_count == 1 && set->v4[0].first == 0 && set->v4[0].last == UINT32_MAX && set->v6_count == 1 &&
           set->v6[0].first_hi == 0 && set->v6[0].first_lo == 0 && set->v6[0].last_hi == UINT64_MAX &&
           set->v6[0].last_lo == UINT64_MAX;
}

void rule_take_addresses(struct reader *reader, struct rule *rule, struct addresses *addresses,
                         struct addresses *excepts)
{
    bool idle, from_list = false;

    rule->cover = cover_make(reader, addresses, excepts, rule->place, &idle);
    for (size_t i = 0; i < addresses->set_count; i++)
        from_list |= reader->policy->sets[addresses->sets[i]].from_list;
    /* what a list holds changes, so that an `except` may wait for it */
    rule->except_idle = idle && !from_list && excepts && excepts->path_count == 0;
    rule->covers_all = is_everything(rule->cover);
    if (excepts) {
        rule->path_excepts = excepts->paths;
        rule->path_except_count = excepts->path_count;
        excepts->paths = NULL;
        excepts->path_count = 0;
        addresses_free(excepts);
    }
    rule->paths = addresses->paths;
    rule->path_count = addresses->path_count;
    rule->sets = addresses->sets;
    rule->set_count = addresses->set_count;
    range_set_free(&addresses->ranges);
    *addresses = (struct addresses){0};
}

/* ---- the peer: to, from, on, family, except ---- */

static void read_addresses(struct reader *reader, config_setting_t *setting, const char *key, unsigned kind,
                           struct addresses *out)
{
    const struct address_use use = {.key = key, .to = kind == DIRECTION_TO, .from = kind == DIRECTION_FROM};
    size_t count = element_count(reader, setting);

    for (size_t i = 0; i < count; i++) {
        config_setting_t *one = element(setting, i);
        const char *text = text_value(reader, one);
        if (text)
            address_add(reader, &use, text, place_of(one), out);
    }
    note_repeats(reader, setting);
}

static void read_families(struct reader *reader, config_setting_t *setting, struct rule *rule)
{
    size_t count = element_count(reader, setting);

    rule->families = memory_resize(rule->families, count * sizeof *rule->families);
    rule->family_count = 0;
    for (size_t i = 0; i < count; i++) {
        config_setting_t *one = element(setting, i);
        const char *name = text_value(reader, one);
        int family = name ? family_by_name(name) : -1;
        if (family >= 0)
            rule->families[rule->family_count++] = family;
        else if (name)
            complain_unknown(reader, place_of(one), "unknown family", name, family_names, family_name_count);
    }
}

/* An empty list must not stand for "any". */
static void refuse_empty(struct reader *reader, config_setting_t *setting)
{
    if (config_setting_is_aggregate(setting) && !config_setting_is_group(setting) &&
        config_setting_length(setting) == 0)
        complain(reader, setting, "'%s' is empty; leave the key out, or name what it is about", key_name(setting));
}

/*
 * Reads whichever of to, from, on and family the rule has, and tells if it has not exactly one. A key that is not known
 * was told already, and is most likely the one that is missing.
 */
static void read_peer(struct reader *reader, config_setting_t *group, bool keys_known, struct rule *rule,
                      struct addresses *addresses)
{
    const char *first = NULL;

    for (unsigned kind = 0; kind < COUNT(kind_keys); kind++) {
        config_setting_t *setting = key_get(group, kind_keys[kind]);
        if (!setting)
            continue;
        if (first)
            complain(reader, setting,
                     "'%s' stands beside '%s'; a rule has one of 'to', 'from', 'on' and 'family': make "
                     "two rules of it",
                     kind_keys[kind], first);
        else
            rule->kind = kind;
        first = first ? first : kind_keys[kind];
        refuse_empty(reader, setting);
        if (kind == KIND_FAMILY)
            read_families(reader, setting, rule);
        else
            read_addresses(reader, setting, kind_keys[kind], kind, addresses);
    }
    if (!first && keys_known)
        complain(reader, group, "the rule names no peer; write one of 'to', 'from', 'on' and 'family'");
}

/* Tells of a rule that can match nothing; an optional list that is absent or empty is no mistake. */
static void warn_empty(struct reader *reader, const struct rule *rule, bool was_empty)
{
    if (rule->path_except_count > 0 && rule->path_count == 0)
        messages_add(reader->messages, MESSAGE_WARNING, rule->place,
                     "'except' names a Unix socket, and the rule names none");
    if (rule->path_except_count > 0 && rule->path_count == 0)
        messages_detail(reader->messages, "except-idle", "except", NULL);
    if (rule->kind == KIND_FAMILY || !range_set_is_empty(rule->cover) || rule->path_count > 0)
        return;
    for (size_t i = 0; was_empty && i < rule->set_count; i++) {
        if (reader->policy->sets[rule->sets[i]].from_list)
            return;
    }
    messages_add(reader->messages, MESSAGE_WARNING, rule->place, "the rule matches nothing: %s",
                 was_empty ? "its sets are empty" : "'except' takes out all that it names");
    messages_detail(reader->messages, "matches-nothing", NULL, NULL);
}

/* Whether no address is named, not even by a set. */
static bool names_no_address(const struct policy *policy, const struct addresses *addresses)
{
    for (size_t i = 0; i < addresses->set_count; i++) {
        if (!range_set_is_empty(&policy->sets[addresses->sets[i]].ranges))
            return false;
    }
    return range_set_is_empty(&addresses->ranges);
}

/* Joins what the rule names with what `except` takes out; tells whether it named no address before. */
static bool read_cover(struct reader *reader, config_setting_t *group, struct rule *rule, struct addresses *addresses)
{
    config_setting_t *setting = key_get(group, "except");
    struct addresses excepts = {0};

    if (setting && rule->kind == KIND_FAMILY) {
        complain(reader, setting, "'except' is for addresses; leave it out of a 'family' rule");
        return false;
    }
    if (setting)
        read_addresses(reader, setting, "except", rule->kind, &excepts);
    bool was_empty = names_no_address(reader->policy, addresses);
    rule_take_addresses(reader, rule, addresses, &excepts);
    return was_empty;
}

/* ---- port and proto ---- */

static int compare_ports(const void *left, const void *right)
{
    const struct image_port_range *a = left, *b = right;

    return (a->first > b->first) - (a->first < b->first);
}

static void normalise_ports(struct rule *rule)
{
    size_t kept = 0;

    qsort(rule->ports, rule->port_count, sizeof *rule->ports, compare_ports);
    for (size_t i = 1; i < rule->port_count; i++) {
        struct image_port_range *last = &rule->ports[kept];
        const struct image_port_range *next = &rule->ports[i];
        if (next->first > last->last + 1)
            rule->ports[++kept] = *next;
        else if (next->last > last->last)
            last->last = next->last;
    }
    rule->port_count = kept + 1;
}

static void read_ports(struct reader *reader, config_setting_t *group, struct rule *rule)
{
    config_setting_t *setting = key_get(group, "port");
    long long number;

    if (!setting)
        return;
    refuse_empty(reader, setting);
    size_t count = element_count(reader, setting);
    rule->ports = memory_new(count * sizeof *rule->ports);
    for (size_t i = 0; i < count; i++) {
        config_setting_t *one = element(setting, i);
        struct image_port_range range = {0, 0};
        if (config_setting_type(one) == CONFIG_TYPE_STRING) {
            const char *text = config_setting_get_string(one);
            if (!port_range_parse(text, &range))
                complain(reader, one, QUOTE " is no port from 1 to 65535 and no range such as \"8000-8999\"", text);
        } else if (number_value(reader, one, 1, 65535, &number)) {
            range.first = range.last = (uint16_t)number;
        }
        if (range.first > 0)
            rule->ports[rule->port_count++] = range;
    }
    if (rule->port_count > 0)
        normalise_ports(rule);
}

/* The protocols that are written; PROTO_ANY where none is. */
static unsigned read_protos(struct reader *reader, config_setting_t *setting)
{
    unsigned protos = 0;

    if (!setting)
        return PROTO_ANY;
    refuse_empty(reader, setting);
    size_t count = element_count(reader, setting);
    for (size_t i = 0; i < count; i++) {
        config_setting_t *one = element(setting, i);
        const char *name = text_value(reader, one);
        unsigned proto = name ? proto_parse(name) : 0;
        if (name && proto == 0)
            complain_unknown(reader, place_of(one), "unknown proto", name, proto_names, proto_name_count);
        protos |= proto;
    }
    return protos;
}

static void read_service(struct reader *reader, config_setting_t *group, struct rule *rule)
{
    config_setting_t *port = key_get(group, "port"), *proto = key_get(group, "proto");

    read_ports(reader, group, rule);
    rule->protos = read_protos(reader, proto);
    if (rule->kind == KIND_FAMILY && port)
        complain(reader, port, "'port' is for addresses; leave it out of a 'family' rule");
    if (rule->kind == KIND_FAMILY && proto)
        complain(reader, proto, "'proto' is for addresses; leave it out of a 'family' rule");
    if (rule->path_count > 0 && (port || rule->protos != PROTO_ANY))
        complain(reader, port ? port : proto, "a Unix socket has no %s; give 'unix:%.200s' a rule of its own",
                 port ? "port" : "protocol", rule->paths[0]);
    if (!port)
        return;
    if (rule->protos == PROTO_ANY)
        rule->protos = PROTO_WITH_PORTS;
    else if (rule->protos & ~(unsigned)PROTO_WITH_PORTS)
        complain(reader, port,
                 "'port' cannot stand with proto icmp, icmp6 or raw, which have none; make two rules of "
                 "it");
}

/* ---- what to do: action, errno; and what people read ---- */

static bool read_action(struct reader *reader, config_setting_t *group, bool keys_known, struct rule *rule)
{
    static const char *const actions[] = {
        [ACTION_ALLOW] = "allow",
        [ACTION_DENY] = "deny",
        [ACTION_DROP] = "drop",
    };
    config_setting_t *setting = key_get(group, "action");

    if (!setting) {
        if (keys_known)
            complain(reader, group, "the rule lacks 'action'; write action = \"deny\", \"drop\" or \"allow\"");
        return false;
    }
    int action = choice_value(reader, setting, actions, COUNT(actions));
    if (action >= 0)
        rule->action = (enum rule_action)action;
    return action >= 0;
}

/* What the action cannot stand with. */
static void judge_action(struct reader *reader, config_setting_t *group, const struct rule *rule)
{
    config_setting_t *error = key_get(group, "errno");

    if (rule->action == ACTION_DROP && (rule->kind == DIRECTION_ON || rule->kind == KIND_FAMILY))
        complain(reader, key_get(group, "action"), "'drop' is for 'to' and 'from'; with '%s' write 'deny'",
                 kind_keys[rule->kind]);
    if (error && rule->action != ACTION_DENY)
        complain(reader, error, "'errno' is for action 'deny'; '%s' has none of its choice",
                 rule->action == ACTION_DROP ? "drop" : "allow");
}

static void read_errno(struct reader *reader, config_setting_t *group, struct rule *rule)
{
    config_setting_t *setting = key_get(group, "errno");
    const char *name = setting ? text_value(reader, setting) : NULL;

    if (!name)
        return;
    rule->error = errno_by_name(name);
    if (rule->error == 0)
        complain_unknown(reader, place_of(setting), "unknown errno", name, errno_names, errno_name_count);
    else if (errno_makes_loops(rule->error))
        complain(reader, setting,
                 "errno '%s' makes programs try for ever or take it for success; choose another, such "
                 "as 'EACCES'",
                 name);
}

static void read_words(struct reader *reader, config_setting_t *group, struct rule *rule)
{
    config_setting_t *name = key_get(group, "name"), *reason = key_get(group, "reason");
    config_setting_t *log = key_get(group, "log"), *audit = key_get(group, "audit");

    if (name)
        rule->name = memory_text(text_value(reader, name));
    if (rule->name && rule->name[0] == '\0')
        complain(reader, name, "'name' is empty; leave it out or name the rule");
    if (reason)
        rule->reason = memory_text(text_value(reader, reason));
    if (log)
        flag_value(reader, log, &rule->log);
    if (audit)
        flag_value(reader, audit, &rule->audit);
}

static void read_rule(struct reader *reader, config_setting_t *group, unsigned chain)
{
    static const char *const keys[] = {"name", "action", "to",    "from",   "on",  "family", "except",
                                       "port", "proto",  "errno", "reason", "log", "audit"};
    size_t errors = reader->messages->errors;
    struct rule rule = {.chain = chain, .place = place_of(group)};
    struct addresses addresses = {0};

    if (!group_value(reader, group))
        return;
    bool keys_known = keys_check(reader, group, keys, COUNT(keys), "a rule");
    read_words(reader, group, &rule);
    read_peer(reader, group, keys_known, &rule, &addresses);
    bool was_empty = read_cover(reader, group, &rule, &addresses);
    read_service(reader, group, &rule);
    if (read_action(reader, group, keys_known, &rule))
        judge_action(reader, group, &rule);
    read_errno(reader, group, &rule);
    addresses_free(&addresses);
    if (reader->messages->errors > errors) {
        rule_free(&rule);
        return;
    }
    warn_empty(reader, &rule, was_empty);
    rule_add(reader->policy, &rule);
}

config_setting_t *group_list(struct reader *reader, config_setting_t *group, const char *key)
{
    config_setting_t *list = key_get(group, key);

    if (list && !config_setting_is_list(list)) {
        complain(reader, list, "'%s' must be a list of groups: %s = ( { ... }, { ... } );", key, key);
        return NULL;
    }
    return list;
}

void read_rules(struct reader *reader, config_setting_t *group, unsigned chain)
{
    config_setting_t *list = group_list(reader, group, "rules");

    for (int i = 0; list && i < config_setting_length(list); i++)
        read_rule(reader, config_setting_get_elem(list, (unsigned)i), chain);
}
