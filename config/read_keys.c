/* SPDX-License-Identifier: MIT */
/*
 * Keys and values as the language wants them: each function gives a value of the right kind, or tells what is wrong
 * with it and gives none.
 */
#include "config/read_internal.h"

#include "config/memory.h"

#include <stdlib.h>
#include <string.h>

#define FEW 8 /* names that a message can list */

static bool is_among(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return false;
}

/* "a, b or c". */
static char *join_names(const char *const *names, size_t count)
{
    char *joined = memory_text("");

    for (size_t i = 0; i < count; i++) {
        char *longer = memory_print("%s%s'%s'", joined, i == 0 ? "" : i + 1 == count ? " or " : ", ", names[i]);
        free(joined);
        joined = longer;
    }
    return joined;
}

void complain_unknown(struct reader *reader, struct place place, const char *what, const char *value,
                      const char *const *names, size_t count)
{
    const char *near = nearest_name(value, names, count);

    if (near) {
        messages_add(reader->messages, MESSAGE_ERROR, place, "%s " QUOTE "; did you mean '%s'?", what, value, near);
    } else if (count <= FEW) {
        char *all = join_names(names, count);
        messages_add(reader->messages, MESSAGE_ERROR, place, "%s " QUOTE "; it is %s", what, value, all);
        free(all);
    } else {
        messages_add(reader->messages, MESSAGE_ERROR, place, "%s " QUOTE "; the manual lists them", what, value);
    }
    messages_detail(reader->messages, "unknown-value", value, only_near_name(value, names, count));
}

bool keys_check(struct reader *reader, config_setting_t *group, const char *const *names, size_t count,
                const char *what)
{
    bool all_known = true;

    for (int i = 0; i < config_setting_length(group); i++) {
        config_setting_t *member = config_setting_get_elem(group, (unsigned)i);
        const char *name = config_setting_name(member);
        if (is_among(name, names, count))
            continue;
        all_known = false;
        const char *near = nearest_name(name, names, count);
        char *all = join_names(names, count);
        if (near)
            complain(reader, member, "unknown key " QUOTE "; did you mean '%s'?", name, near);
        else
            complain(reader, member, "unknown key " QUOTE "; %s knows %s", name, what, all);
        messages_detail(reader->messages, "unknown-key", name, only_near_name(name, names, count));
        free(all);
    }
    return all_known;
}

config_setting_t *key_get(config_setting_t *group, const char *key)
{
    return config_setting_get_member(group, key);
}

const char *key_name(const config_setting_t *setting)
{
    while (!setting->name && setting->parent)
        setting = setting->parent;
    return setting->name ? setting->name : "the text";
}

static const char *kind_of(const config_setting_t *setting)
{
    switch (config_setting_type(setting)) {
    case CONFIG_TYPE_GROUP:
        return "a group { }";
    case CONFIG_TYPE_ARRAY:
        return "an array [ ]";
    case CONFIG_TYPE_LIST:
        return "a list ( )";
    case CONFIG_TYPE_STRING:
        return "a text";
    case CONFIG_TYPE_BOOL:
        return "true or false";
    case CONFIG_TYPE_FLOAT:
        return "a number with a point";
    default:
        return "a number";
    }
}

static void complain_kind(struct reader *reader, const config_setting_t *setting, const char *wanted)
{
    complain(reader, setting, "%s'%s' must be %s, not %s", setting->name ? "" : "an element of ", key_name(setting),
             wanted, kind_of(setting));
}

const char *text_value(struct reader *reader, config_setting_t *setting)
{
    if (config_setting_type(setting) != CONFIG_TYPE_STRING) {
        complain_kind(reader, setting, "a text in quotes");
        return NULL;
    }
    return config_setting_get_string(setting);
}

bool flag_value(struct reader *reader, config_setting_t *setting, bool *out)
{
    if (config_setting_type(setting) != CONFIG_TYPE_BOOL) {
        complain_kind(reader, setting, "true or false");
        return false;
    }
    *out = config_setting_get_bool(setting) != CONFIG_FALSE;
    return true;
}

bool number_value(struct reader *reader, config_setting_t *setting, long long least, long long most, long long *out)
{
    int type = config_setting_type(setting);

    if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64) {
        complain_kind(reader, setting, "a number");
        return false;
    }
    long long value = type == CONFIG_TYPE_INT ? config_setting_get_int(setting) : config_setting_get_int64(setting);
    if (value < least || value > most) {
        complain(reader, setting, "'%s' must be a number from %lld to %lld, not %lld", key_name(setting), least, most,
                 value);
        return false;
    }
    *out = value;
    return true;
}

bool group_value(struct reader *reader, config_setting_t *setting)
{
    if (config_setting_is_group(setting))
        return true;
    complain_kind(reader, setting, "a group { }");
    return false;
}

int choice_value(struct reader *reader, config_setting_t *setting, const char *const *names, size_t count)
{
    const char *value = text_value(reader, setting);

    if (!value)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(value, names[i]) == 0)
            return (int)i;
    }
    char *what = memory_print("'%s' cannot be", key_name(setting));
    complain_unknown(reader, place_of(setting), what, value, names, count);
    free(what);
    return -1;
}

size_t element_count(struct reader *reader, config_setting_t *setting)
{
    if (config_setting_is_array(setting) || config_setting_is_list(setting))
        return (size_t)config_setting_length(setting);
    if (config_setting_is_group(setting)) {
        complain_kind(reader, setting, "one value, an array or a list");
        return 0;
    }
    return 1;
}

config_setting_t *element(config_setting_t *setting, size_t index)
{
    if (config_setting_is_array(setting) || config_setting_is_list(setting))
        return config_setting_get_elem(setting, (unsigned)index);
    return setting;
}
