/* SPDX-License-Identifier: MIT */
/*
 * Endpoints as rules: the shorthand lists deny_to, deny_from, deny_on of a text, and the options of the command line.
 */
#include "config/read_internal.h"

#include "config/endpoint.h"
#include "config/memory.h"
#include "config/names.h"

#include <stdlib.h>
#include <string.h>

static const char *const shorthand_keys[DIRECTIONS] = {
    [DIRECTION_TO] = "deny_to",
    [DIRECTION_FROM] = "deny_from",
    [DIRECTION_ON] = "deny_on",
};

/* Fills the rule, whose kind is set, from an endpoint; false, with a message, where it is none. */
static bool read_endpoint(struct reader *reader, const char *text, const char *key, struct rule *rule)
{
    const struct address_use use = {
        .key = key,
        .to = rule->kind == DIRECTION_TO,
        .from = rule->kind == DIRECTION_FROM,
        .endpoint = true,
    };
    struct addresses addresses = {0};
    struct endpoint endpoint;
    char problem[512];

    if (text[0] == '/') { /* a path's last part is no protocol: it is told what it lacks */
        address_add(reader, &use, text, rule->place, &addresses);
        addresses_free(&addresses);
        return false;
    }
    if (!endpoint_parse(text, &endpoint, problem, sizeof problem)) {
        messages_add(reader->messages, MESSAGE_ERROR, rule->place, "%s: %s", key, problem);
        return false;
    }
    if (!address_add(reader, &use, endpoint.address, rule->place, &addresses)) {
        addresses_free(&addresses);
        return false;
    }
    rule_take_addresses(reader, rule, &addresses, NULL);
    rule->protos = endpoint.protos ? endpoint.protos : PROTO_ANY;
    if (endpoint.has_port) {
        rule->protos &= PROTO_WITH_PORTS;
        rule->ports = memory_new(sizeof *rule->ports);
        rule->ports[0] = endpoint.port;
        rule->port_count = 1;
    }
    return true;
}

static void read_list(struct reader *reader, config_setting_t *list, unsigned kind)
{
    size_t count = element_count(reader, list);

    for (size_t i = 0; i < count; i++) {
        config_setting_t *one = element(list, i);
        const char *text = text_value(reader, one);
        struct rule rule = {.kind = kind, .chain = CHAIN_GENERAL, .action = ACTION_DENY, .place = place_of(one)};
        if (text && read_endpoint(reader, text, shorthand_keys[kind], &rule))
            rule_add(reader->policy, &rule);
    }
}

void read_shorthand(struct reader *reader, config_setting_t *root)
{
    for (unsigned kind = 0; kind < DIRECTIONS; kind++) {
        config_setting_t *list = key_get(root, shorthand_keys[kind]);
        if (list)
            read_list(reader, list, kind);
    }
}

static size_t command_line_rules(const struct policy *policy)
{
    size_t count = 0;

    for (size_t i = 0; i < policy->rule_count; i++)
        count += policy->rules[i].chain == CHAIN_COMMAND_LINE;
    return count;
}

/* Fills a rule about a socket family; false, with a message, where there is none of that name. */
static bool read_family(struct reader *reader, const char *name, struct rule *rule)
{
    struct addresses none = {0};
    int family = family_by_name(name);

    if (family < 0) {
        complain_unknown(reader, rule->place, "unknown family", name, family_names, family_name_count);
        return false;
    }
    rule_take_addresses(reader, rule, &none, NULL);
    rule->protos = PROTO_ANY;
    rule->families = memory_new(sizeof *rule->families);
    rule->families[0] = family;
    rule->family_count = 1;
    return true;
}

bool policy_add_endpoint(struct policy *policy, const char *option, const char *endpoint, struct messages *messages)
{
    static const struct {
        const char *name;
        enum rule_action action;
        unsigned kind;
    } options[] = {
        {"--deny-to", ACTION_DENY, DIRECTION_TO},     {"--allow-to", ACTION_ALLOW, DIRECTION_TO},
        {"--deny-from", ACTION_DENY, DIRECTION_FROM}, {"--allow-from", ACTION_ALLOW, DIRECTION_FROM},
        {"--deny-on", ACTION_DENY, DIRECTION_ON},     {"--allow-on", ACTION_ALLOW, DIRECTION_ON},
        {"--deny-family", ACTION_DENY, KIND_FAMILY},
    };
    struct reader reader = {.policy = policy, .messages = messages};
    struct place place = {policy_file_name(policy, "command line"), 0};

    for (size_t i = 0; i < COUNT(options); i++) {
        if (strcmp(option, options[i].name) != 0)
            continue;
        struct rule rule = {.kind = options[i].kind, .chain = CHAIN_COMMAND_LINE, .action = options[i].action};
        rule.place = place;
        bool right = rule.kind == KIND_FAMILY ? read_family(&reader, endpoint, &rule)
                                              : read_endpoint(&reader, endpoint, option, &rule);
        covers_forget(&reader);
        if (!right)
            return false;
        rule.place.line = (int)command_line_rules(policy) + 1;
        rule.name = memory_print("%s %s", option, endpoint);
        rule_add(policy, &rule);
        return true;
    }
    messages_add(messages, MESSAGE_ERROR, place, "unknown option " QUOTE, option);
    return false;
}

/* A program's own settings would come before the general ones; the command line comes before both. */
void policy_close(struct policy *policy)
{
    const struct place place = {policy_file_name(policy, "command line"), 0};

    for (size_t i = 0; i <= policy->program_count; i++) {
        struct settings *settings = i == 0 ? &policy->settings : &policy->programs[i - 1].settings;

        for (unsigned kind = 0; kind < DIRECTIONS; kind++)
            settings->default_action[kind] = DEFAULT_DENY;
        settings->default_place = place;
    }
}

void policy_log_to(struct policy *policy, const char *target)
{
    for (size_t i = 0; i <= policy->program_count; i++) {
        struct settings *settings = i == 0 ? &policy->settings : &policy->programs[i - 1].settings;

        free(settings->log_to);
        settings->log_to = memory_text(target);
        settings->log_given = true;
        if (settings->log_what == LOG_NONE)
            settings->log_what = LOG_DENIED;
    }
}
