/* SPDX-License-Identifier: MIT */
/*
 * Which texts make a layer, and in what order their parts are read.
 *
 * All texts are parsed first, then all sets are read, since any part of any text may name any set; then the settings,
 * rules and programs of each text in turn, and at last the shorthand lists of each, which are judged after all rules.
 */
#include "config/read.h"

#include "config/memory.h"
#include "config/read_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define POLICY_LIMIT ((size_t)64 << 20)

static void settings_free(struct settings *settings)
{
    free(settings->log_to);
}

void settings_init(struct settings *settings)
{
    *settings = (struct settings){
        .default_action = {-1, -1, -1},
        .default_loopback = -1,
        .unprotected = -1,
        .icmp_translate = -1,
        .icmp_hint = -1,
        .icmp_pretend_root = -1,
        .log_what = -1,
        .log_limit = -1,
        .log_max_size = -1,
    };
}

void policy_init(struct policy *policy)
{
    *policy = (struct policy){.mode = MODE_ENFORCE};
    settings_init(&policy->settings);
}

static void program_free(struct program_entry *program)
{
    for (size_t i = 0; i < program->exe_count; i++)
        free(program->exes[i]);
    free(program->exes);
    settings_free(&program->settings);
}

static void set_free(struct named_set *set)
{
    for (size_t i = 0; i < set->file_count; i++)
        free(set->files[i].path);
    free(set->files);
    range_set_free(&set->ranges);
    free(set->name);
}

void policy_free(struct policy *policy)
{
    for (size_t i = 0; i < policy->program_count; i++)
        program_free(&policy->programs[i]);
    for (size_t i = 0; i < policy->set_count; i++)
        set_free(&policy->sets[i]);
    for (size_t i = 0; i < policy->rule_count; i++)
        rule_free(&policy->rules[i]);
    for (size_t i = 0; i < policy->source_count; i++)
        free(policy->sources[i].path);
    for (size_t i = 0; i < policy->file_count; i++)
        free(policy->files[i]);
    settings_free(&policy->settings);
    free(policy->origin);
    free(policy->programs);
    free(policy->sets);
    free(policy->rules);
    free(policy->sources);
    for (size_t i = 0; i < policy->cover_count; i++) {
        range_set_free(policy->covers[i]);
        free(policy->covers[i]);
    }
    free(policy->files);
    free(policy->covers);
    messages_free(&policy->advice);
    policy_init(policy);
}

static void read_version(struct reader *reader, const struct text *text, config_setting_t *root)
{
    config_setting_t *setting = key_get(root, "version");
    long long version;

    if (!setting) {
        messages_add(reader->messages, MESSAGE_ERROR, (struct place){text->name, 0},
                     "'version' is missing; write 'version = 1;'");
        messages_detail(reader->messages, "missing-version", NULL, "version = 1;");
    } else if (number_value(reader, setting, INT32_MIN, INT32_MAX, &version) && version != 1)
        complain(reader, setting, "version %lld is unknown; this program reads version 1", version);
}

/* The keys that may stand at the top of a text, each read or passed over on purpose. */
static void check_top(struct reader *reader, const struct text *text, config_setting_t *root)
{
    static const char *const keys[] = {"version", "mode",      "default", "sets", "rules", "programs",
                                       "deny_to", "deny_from", "deny_on", "icmp", "log",   "unprotected"};

    keys_check(reader, root, keys, COUNT(keys), "a policy");
    read_version(reader, text, root);
}

static config_setting_t *root_of(const struct text *text)
{
    return text->parsed ? config_root_setting(&text->config) : NULL;
}

/* Turns the parsed texts into the policy. */
static void read_texts(struct reader *reader)
{
    for (const struct text *text = reader->texts; text; text = text->next) {
        config_setting_t *root = root_of(text);
        if (root) {
            check_top(reader, text, root);
            sets_collect(reader, root);
        }
    }
    sets_read(reader);
    for (const struct text *text = reader->texts; text; text = text->next) {
        config_setting_t *root = root_of(text);
        if (root) {
            read_mode(reader, root);
            read_settings(reader, root, &reader->policy->settings, true);
            read_rules(reader, root, CHAIN_GENERAL);
            read_programs(reader, root);
        }
    }
    for (const struct text *text = reader->texts; text; text = text->next) {
        config_setting_t *root = root_of(text);
        if (root)
            read_shorthand(reader, root);
    }
    warn_shared_names(reader);
}

/* Reads the texts that were added and gives back what only the reading needed; true where no error was told. */
static bool finish(struct reader *reader, size_t errors_before)
{
    read_texts(reader);
    for (struct text *text = reader->texts; text; text = reader->texts) {
        reader->texts = text->next;
        text_free(text);
    }
    free(reader->set_sources);
    covers_forget(reader);
    return reader->messages->errors == errors_before;
}

/* Opens and adds one text; an absent one is noted as a source, and is a mistake where it is `needed`. */
static void add_file(struct reader *reader, const char *path, bool needed)
{
    struct place place = {policy_file_name(reader->policy, path), 0};
    struct file_bytes bytes;

    switch (file_read(reader, path, POLICY_LIMIT, place, &bytes)) {
    case FILE_READ:
        text_add(reader, path, bytes.bytes, bytes.size);
        free(bytes.bytes);
        break;
    case FILE_ABSENT:
        source_note(reader->policy, path, SOURCE_ABSENT, NULL);
        if (needed)
            messages_add(reader->messages, MESSAGE_ERROR, place, "the policy does not exist");
        break;
    case FILE_FAILED:
        break;
    }
}

bool policy_read_file(struct policy *policy, const char *path, bool trust_anyone, struct messages *messages)
{
    struct reader reader = {.policy = policy, .messages = messages, .trust_anyone = trust_anyone};
    size_t errors = messages->errors;

    policy_init(policy);
    add_file(&reader, path, true);
    return finish(&reader, errors);
}

/* Adds FOLDER/policy.d/ *.conf. A folder that cannot be trusted or read adds none, and is an error. */
static void add_parts(struct reader *reader, const char *folder)
{
    char *parts = path_beside(folder, "policy.d");
    char **names;
    size_t count;

    bool right = folder_read(reader, parts, &names, &count);
    for (size_t i = 0; i < count; i++) {
        char *path = path_beside(parts, names[i]);
        if (right)
            add_file(reader, path, false);
        free(path);
        free(names[i]);
    }
    free(names);
    free(parts);
}

bool policy_read_system(struct policy *policy, const char *folder, bool trust_anyone, struct messages *messages)
{
    struct reader reader = {.policy = policy, .messages = messages, .trust_anyone = trust_anyone};
    size_t errors = messages->errors;
    char *main_text = path_beside(folder, "policy.conf");

    policy_init(policy);
    policy->system = true;
    folder_judge(&reader, folder);
    add_file(&reader, main_text, false);
    add_parts(&reader, folder);
    free(main_text);
    return finish(&reader, errors);
}

bool policy_read_text(struct policy *policy, const char *text, const char *name, struct messages *messages)
{
    struct reader reader = {.policy = policy, .messages = messages, .trust_anyone = true};
    size_t errors = messages->errors;

    policy_init(policy);
    text_add(&reader, name, text, strlen(text));
    return finish(&reader, errors);
}
