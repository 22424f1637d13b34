/* SPDX-License-Identifier: MIT */
/*
 * `programs`: whose rules and settings are a program's own; and names that two rules of one chain share.
 */
#include "config/read_internal.h"

#include "config/memory.h"

#include <stdlib.h>
#include <string.h>

static void read_exes(struct reader *reader, config_setting_t *group, struct program_entry *program)
{
    config_setting_t *setting = key_get(group, "exe");

    if (!setting) {
        complain(reader, group, "the entry lacks 'exe'; write exe = \"/path/of/program\"");
        return;
    }
    size_t count = element_count(reader, setting);
    program->exes = memory_new(count * sizeof *program->exes);
    for (size_t i = 0; i < count; i++) {
        config_setting_t *one = element(setting, i);
        const char *pattern = text_value(reader, one);
        if (pattern && pattern[0] != '/')
            complain(reader, one, "exe " QUOTE " is not absolute; write the whole path, such as '/usr/bin/%.200s'",
                     pattern, pattern[0] ? pattern : "curl");
        else if (pattern)
            program->exes[program->exe_count++] = memory_text(pattern);
    }
    if (count == 0 && !config_setting_is_group(setting))
        complain(reader, setting, "'exe' is empty; name a program, or leave the entry out");
}

static void read_program(struct reader *reader, config_setting_t *group)
{
    static const char *const keys[] = {"exe", "rules", "default", "icmp", "log", "unprotected"};
    struct policy *policy = reader->policy;
    struct program_entry program = {.place = place_of(group)};

    if (!group_value(reader, group))
        return;
    settings_init(&program.settings);
    keys_check(reader, group, keys, COUNT(keys), "an entry of 'programs'");
    read_exes(reader, group, &program);
    read_settings(reader, group, &program.settings, false);
    read_rules(reader, group, CHAIN_PROGRAMS + (unsigned)policy->program_count);
    policy->programs = memory_grow(policy->programs, policy->program_count, &policy->program_room,
                                   sizeof *policy->programs);
    policy->programs[policy->program_count++] = program;
}

void read_programs(struct reader *reader, config_setting_t *root)
{
    config_setting_t *list = group_list(reader, root, "programs");

    for (int i = 0; list && i < config_setting_length(list); i++)
        read_program(reader, config_setting_get_elem(list, (unsigned)i));
}

struct named_rule {
    const struct rule *rule;
};

/* By chain, name and order; rules without a name are not sorted at all. */
static int compare_rule_names(const void *left, const void *right)
{
    const struct rule *a = ((const struct named_rule *)left)->rule, *b = ((const struct named_rule *)right)->rule;

    if (a->chain != b->chain)
        return a->chain < b->chain ? -1 : 1;
    int order = strcmp(a->name, b->name);
    return order ? order : (a > b) - (a < b);
}

void warn_shared_names(struct reader *reader)
{
    const struct policy *policy = reader->policy;
    struct named_rule *rules = memory_new(policy->rule_count * sizeof *rules);
    size_t count = 0, first = 0;

    for (size_t i = 0; i < policy->rule_count; i++) {
        if (policy->rules[i].name)
            rules[count++].rule = &policy->rules[i];
    }
    qsort(rules, count, sizeof *rules, compare_rule_names);
    for (size_t i = 1; i < count; i++) {
        const struct rule *earlier = rules[first].rule, *rule = rules[i].rule;
        if (rule->chain != earlier->chain || strcmp(rule->name, earlier->name) != 0) {
            first = i;
            continue;
        }
        messages_add(reader->messages, MESSAGE_WARNING, rule->place,
                     "rule name " QUOTE " stands twice; the log cannot tell it from the one at %s:%d", rule->name,
                     earlier->place.file, earlier->place.line);
        messages_detail(reader->messages, "name-twice", rule->name, NULL);
    }
    free(rules);
}
