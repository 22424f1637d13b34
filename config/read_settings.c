/* SPDX-License-Identifier: MIT */
/*
 * What is in force beside the rules: mode, default, icmp, log, unprotected. One function a key; what is not written
 * stays -1, so that a program's entry can take over the general setting.
 */
#include "config/read_internal.h"

#include "config/memory.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define LOG_LIMIT_MOST 1000000
#define LOG_SIZE_MOST (1LL << 50)

static const char *const layer_key_names[LAYER_KEYS] = {
    [LAYER_MODE] = "mode", [LAYER_DEFAULT] = "default",         [LAYER_ICMP] = "icmp",
    [LAYER_LOG] = "log",   [LAYER_UNPROTECTED] = "unprotected",
};

bool layer_key_once(struct reader *reader, enum layer_key key, config_setting_t *setting)
{
    struct place *first = &reader->layer_places[key];

    if (first->file) {
        complain(reader, setting, "'%s' stands twice in this layer; it stands already at %s:%d", layer_key_names[key],
                 first->file, first->line);
        return false;
    }
    *first = place_of(setting);
    return true;
}

void read_mode(struct reader *reader, config_setting_t *root)
{
    static const char *const modes[] = {
        [MODE_ENFORCE] = "enforce",
        [MODE_AUDIT] = "audit",
        [MODE_OFF] = "off",
    };
    config_setting_t *setting = key_get(root, "mode");

    if (!setting || !layer_key_once(reader, LAYER_MODE, setting))
        return;
    int mode = choice_value(reader, setting, modes, COUNT(modes));
    if (mode >= 0)
        reader->policy->mode = (enum image_mode)mode;
}

static void read_default(struct reader *reader, config_setting_t *group, struct settings *settings)
{
    static const char *const keys[] = {"outbound", "inbound", "listen", "loopback"};
    static const char *const actions[] = {
        [DEFAULT_ALLOW] = "allow",
        [DEFAULT_DENY] = "deny",
    };
    int *fields[] = {
        &settings->default_action[DIRECTION_TO],
        &settings->default_action[DIRECTION_FROM],
        &settings->default_action[DIRECTION_ON],
        &settings->default_loopback,
    };

    if (!group_value(reader, group))
        return;
    settings->default_place = place_of(group);
    keys_check(reader, group, keys, COUNT(keys), "'default'");
    for (size_t i = 0; i < COUNT(keys); i++) {
        config_setting_t *setting = key_get(group, keys[i]);
        if (setting)
            *fields[i] = choice_value(reader, setting, actions, COUNT(actions));
    }
}

static void read_icmp(struct reader *reader, config_setting_t *group, struct settings *settings)
{
    static const char *const keys[] = {"translate", "hint", "pretend_root"};
    static const char *const translations[] = {
        [TRANSLATE_AUTO] = "auto",
        [TRANSLATE_ALWAYS] = "always",
        [TRANSLATE_NEVER] = "never",
    };
    int *flags[] = {NULL, &settings->icmp_hint, &settings->icmp_pretend_root};

    if (!group_value(reader, group))
        return;
    settings->icmp_place = place_of(group);
    keys_check(reader, group, keys, COUNT(keys), "'icmp'");
    config_setting_t *translate = key_get(group, "translate");
    if (translate)
        settings->icmp_translate = choice_value(reader, translate, translations, COUNT(translations));
    for (size_t i = 1; i < COUNT(keys); i++) {
        config_setting_t *setting = key_get(group, keys[i]);
        bool value;
        if (setting && flag_value(reader, setting, &value))
            *flags[i] = value;
    }
}

/* The path of "file:PATH": absolute or in the home folder, with %p and %u. NULL: right; else what is wrong. */
static const char *log_path_problem(const char *path)
{
    if (path[0] != '/' && strncmp(path, "~/", 2) != 0)
        return "must be absolute or start with '~/'";
    if (path[strlen(path) - 1] == '/')
        return "ends in a slash and so names no file";
    if (strlen(path) >= PATH_MAX)
        return "is too long";
    for (const char *s = strchr(path, '%'); s; s = strchr(s + 2, '%')) {
        if (s[1] != 'p' && s[1] != 'u')
            return "may hold '%p' (process) and '%u' (user), no other '%'";
    }
    return NULL;
}

static void refuse_kind(struct reader *reader, config_setting_t *setting, const char *value)
{
    char *fix = memory_print("file:%s", value);

    complain(reader, setting, "'to' " QUOTE " lacks its kind; write 'file:%.200s'", value, value);
    messages_detail(reader->messages, "unknown-value", value, log_path_problem(value) ? NULL : fix);
    free(fix);
}

static void read_log_to(struct reader *reader, config_setting_t *setting, struct settings *settings)
{
    static const char *const places[] = {"stderr", "syslog", "file:PATH"};
    const char *value = text_value(reader, setting);

    if (!value)
        return;
    if (strncmp(value, "file:", 5) == 0) {
        const char *problem = log_path_problem(value + 5);
        if (problem) {
            complain(reader, setting, "the path in " QUOTE " %s", value, problem);
            return;
        }
    } else if (strcmp(value, "stderr") != 0 && strcmp(value, "syslog") != 0) {
        if (value[0] == '/' || value[0] == '~')
            refuse_kind(reader, setting, value);
        else
            complain_unknown(reader, place_of(setting), "'to' cannot be", value, places, COUNT(places));
        return;
    }
    settings->log_to = memory_text(value);
}

/* "16M" to bytes; -1 where it is no size. */
static long long parse_size(const char *text)
{
    static const char units[] = "KMG";
    long long value = 0;
    const char *s = text;

    for (; *s >= '0' && *s <= '9'; s++) {
        value = value * 10 + (*s - '0');
        if (value > LOG_SIZE_MOST)
            return -1;
    }
    if (s == text)
        return -1;
    if (*s != '\0') {
        const char *unit = strchr(units, *s);
        if (!unit || s[1] != '\0')
            return -1;
        for (long i = unit - units; i >= 0 && value <= LOG_SIZE_MOST; i--)
            value *= 1024;
    }
    return value > 0 && value <= LOG_SIZE_MOST ? value : -1;
}

static void read_log_size(struct reader *reader, config_setting_t *setting, struct settings *settings)
{
    if (config_setting_type(setting) != CONFIG_TYPE_STRING) {
        number_value(reader, setting, 1, LOG_SIZE_MOST, &settings->log_max_size);
        return;
    }
    settings->log_max_size = parse_size(config_setting_get_string(setting));
    if (settings->log_max_size < 0)
        complain(reader, setting,
                 "'max_size' " QUOTE " is no size; write bytes, or a text such as '64K', '16M' or '1G'",
                 config_setting_get_string(setting));
}

static void read_log(struct reader *reader, config_setting_t *group, struct settings *settings)
{
    static const char *const keys[] = {"to", "what", "limit", "max_size"};
    static const char *const choices[] = {
        [LOG_NONE] = "none",
        [LOG_DENIED] = "denied",
        [LOG_ALL] = "all",
    };

    if (!group_value(reader, group))
        return;
    settings->log_given = true;
    keys_check(reader, group, keys, COUNT(keys), "'log'");
    config_setting_t *to = key_get(group, "to"), *what = key_get(group, "what");
    config_setting_t *limit = key_get(group, "limit"), *max_size = key_get(group, "max_size");
    if (to)
        read_log_to(reader, to, settings);
    if (what)
        settings->log_what = choice_value(reader, what, choices, COUNT(choices));
    if (limit)
        number_value(reader, limit, 1, LOG_LIMIT_MOST, &settings->log_limit);
    if (max_size)
        read_log_size(reader, max_size, settings);
}

static void read_unprotected(struct reader *reader, config_setting_t *setting, struct settings *settings)
{
    static const char *const choices[] = {
        [UNPROTECTED_DENY] = "deny",
        [UNPROTECTED_WARN] = "warn",
        [UNPROTECTED_ALLOW] = "allow",
    };

    settings->unprotected = choice_value(reader, setting, choices, COUNT(choices));
}

void read_settings(struct reader *reader, config_setting_t *group, struct settings *settings, bool general)
{
    static void (*const readers[LAYER_KEYS])(struct reader *, config_setting_t *, struct settings *) = {
        [LAYER_DEFAULT] = read_default,
        [LAYER_ICMP] = read_icmp,
        [LAYER_LOG] = read_log,
        [LAYER_UNPROTECTED] = read_unprotected,
    };

    for (unsigned key = 0; key < LAYER_KEYS; key++) {
        config_setting_t *setting = readers[key] ? key_get(group, layer_key_names[key]) : NULL;
        if (setting && (!general || layer_key_once(reader, (enum layer_key)key, setting)))
            readers[key](reader, setting, settings);
    }
}
