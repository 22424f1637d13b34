/* SPDX-License-Identifier: MIT */
/*
 * Sets: named once, read once, wherever in the layer they stand. A set may name others, in any order; so all names are
 * collected first, and each set is read when it is first needed.
 */
#include "config/read_internal.h"

#include "config/lists.h"
#include "config/memory.h"
#include "config/progress.h"

#include <stdlib.h>
#include <string.h>

#define LIST_LIMIT ((size_t)512 << 20) /* no image could hold what a larger one names */
#define SET_DEPTH 32                   /* of sets that name sets */

static struct named_set *find_set(const struct policy *policy, const char *name)
{
    for (size_t i = 0; i < policy->set_count; i++) {
        if (strcmp(policy->sets[i].name, name) == 0)
            return &policy->sets[i];
    }
    return NULL;
}

static void collect(struct reader *reader, config_setting_t *setting)
{
    struct policy *policy = reader->policy;
    const char *name = config_setting_name(setting);
    const struct named_set *first = find_set(policy, name);

    if (first) {
        complain(reader, setting, "set " QUOTE " stands twice in this layer; it stands already at %s:%d", name,
                 first->place.file, first->place.line);
        return;
    }
    reader->set_sources = memory_grow(reader->set_sources, policy->set_count, &reader->set_source_room,
                                      sizeof *reader->set_sources);
    reader->set_sources[policy->set_count] = (struct set_source){setting, SET_UNREAD};
    policy->sets = memory_grow(policy->sets, policy->set_count, &policy->set_room, sizeof *policy->sets);
    policy->sets[policy->set_count++] = (struct named_set){.name = memory_text(name), .place = place_of(setting)};
}

void sets_collect(struct reader *reader, config_setting_t *root)
{
    config_setting_t *sets = key_get(root, "sets");

    if (!sets || !group_value(reader, sets))
        return;
    for (int i = 0; i < config_setting_length(sets); i++)
        collect(reader, config_setting_get_elem(sets, (unsigned)i));
}

/* Reads a list's bytes, which are freed, into the set, and notes what they came to. `path` is the set's from now on. */
static void take_list(struct reader *reader, struct named_set *set, char *path, const struct file_bytes *bytes)
{
    struct range_set ranges = {0};
    struct list_report report = list_read(bytes->bytes, bytes->size, path, &ranges, reader->messages);
    struct list_file file = {
        .path = path,
        .entries = report.entries,
        .mtime_ns = (int64_t)bytes->st.st_mtim.tv_sec * 1000000000 + bytes->st.st_mtim.tv_nsec,
    };

    free(bytes->bytes);
    progress_tell((struct progress){.work = WORK_SORT, .name = path});
    file.merge = range_set_normalise(&ranges);
    set->files = memory_grow(set->files, set->file_count, &set->file_room, sizeof *set->files);
    set->files[set->file_count++] = file;
    if (range_set_is_empty(&set->ranges)) {
        range_set_free(&set->ranges);
        set->ranges = ranges;
        return;
    }
    range_set_add_all(&set->ranges, &ranges);
    range_set_free(&ranges);
}

/* One list file into the set. */
static void read_list(struct reader *reader, size_t index, config_setting_t *setting, const char *name, bool optional)
{
    struct policy *policy = reader->policy;
    struct file_bytes bytes;
    char *path = path_beside(text_of(setting)->folder, name);

    switch (file_read(reader, path, LIST_LIMIT, place_of(setting), &bytes)) {
    case FILE_READ:
        take_list(reader, &policy->sets[index], path, &bytes);
        return;
    case FILE_ABSENT:
        source_note(policy, path, SOURCE_ABSENT, NULL);
        if (!optional)
            complain(reader, setting, "list " QUOTE " does not exist; write optional = true if it may be absent", path);
        break;
    case FILE_FAILED:
        break;
    }
    free(path);
}

/* { file = ...; optional = ...; } */
static void read_list_set(struct reader *reader, size_t index, config_setting_t *group)
{
    static const char *const keys[] = {"file", "optional"};
    config_setting_t *file = key_get(group, "file");
    config_setting_t *optional = key_get(group, "optional");
    bool may_be_absent = false;

    keys_check(reader, group, keys, COUNT(keys), "a set");
    reader->policy->sets[index].from_list = true;
    if (optional)
        flag_value(reader, optional, &may_be_absent);
    if (!file) {
        complain(reader, group, "set " QUOTE " lacks its list; write file = \"...\"", config_setting_name(group));
        return;
    }
    size_t count = element_count(reader, file);
    for (size_t i = 0; i < count; i++) {
        const char *name = text_value(reader, element(file, i));
        if (name && name[0] == '\0')
            complain(reader, element(file, i), "'file' is empty");
        else if (name)
            read_list(reader, index, element(file, i), name, may_be_absent);
    }
    if (count == 0 && !config_setting_is_group(file))
        complain(reader, file, "'file' is empty");
}

/* Addresses and other sets. The array of sets does not grow any more, but their order is all that is relied on. */
static void read_inline_set(struct reader *reader, size_t index, config_setting_t *setting)
{
    struct named_set *set = &reader->policy->sets[index];
    struct addresses addresses = {0};
    char *key = memory_print("sets.%.100s", set->name);
    const struct address_use use = {.key = key, .in_set = true};
    size_t count = element_count(reader, setting);

    for (size_t i = 0; i < count; i++) {
        config_setting_t *one = element(setting, i);
        const char *text = text_value(reader, one);
        if (text)
            address_add(reader, &use, text, place_of(one), &addresses);
    }
    note_repeats(reader, setting);
    range_set_add_all(&set->ranges, &addresses.ranges);
    set->wildcard = addresses.wildcard;
    for (size_t i = 0; i < addresses.set_count; i++) {
        const struct named_set *other = &reader->policy->sets[addresses.sets[i]];
        range_set_add_all(&set->ranges, &other->ranges);
        set->from_list |= other->from_list;
    }
    addresses_free(&addresses);
    free(key);
}

static void read_set(struct reader *reader, size_t index)
{
    struct set_source *source = &reader->set_sources[index];
    struct named_set *set = &reader->policy->sets[index];

    source->state = SET_BEING_READ;
    if (config_setting_is_group(source->setting))
        read_list_set(reader, index, source->setting);
    else
        read_inline_set(reader, index, source->setting);
    set->entries = set->ranges.v4_count + set->ranges.v6_count;
    set->merge = range_set_normalise(&set->ranges);
    source->state = SET_READ;
}

void sets_read(struct reader *reader)
{
    for (size_t i = 0; i < reader->policy->set_count; i++) {
        if (reader->set_sources[i].state == SET_UNREAD)
            read_set(reader, i);
    }
}

static void complain_no_set(struct reader *reader, const char *name, struct place place)
{
    const struct policy *policy = reader->policy;
    const char **names = memory_new(policy->set_count * sizeof *names);

    for (size_t i = 0; i < policy->set_count; i++)
        names[i] = policy->sets[i].name;
    const char *near = nearest_name(name, names, policy->set_count);
    const char *only = only_near_name(name, names, policy->set_count);
    char *token = memory_print("@%s", name), *fix = only ? memory_print("@%s", only) : NULL;
    if (near)
        messages_add(reader->messages, MESSAGE_ERROR, place, "unknown set '@%.200s'; did you mean '@%s'?", name, near);
    else
        messages_add(reader->messages, MESSAGE_ERROR, place, "unknown set '@%.200s'; name it in 'sets'", name);
    messages_detail(reader->messages, "unknown-set", token, fix);
    free(token);
    free(fix);
    free(names);
}

/* How many sets are being read, one for the other. */
static size_t reading_depth(const struct reader *reader)
{
    size_t depth = 0;

    for (size_t i = 0; i < reader->policy->set_count; i++)
        depth += reader->set_sources[i].state == SET_BEING_READ;
    return depth;
}

struct named_set *set_use(struct reader *reader, const char *name, struct place place)
{
    struct named_set *set = find_set(reader->policy, name);

    if (!set) {
        complain_no_set(reader, name, place);
        return NULL;
    }
    set->used = true;
    if (!reader->set_sources)
        return set;
    size_t index = (size_t)(set - reader->policy->sets);
    switch (reader->set_sources[index].state) {
    case SET_BEING_READ:
        messages_add(reader->messages, MESSAGE_ERROR, place,
                     "set '@%.200s' names itself, if not at once then by others", name);
        return NULL;
    case SET_UNREAD:
        if (reading_depth(reader) == SET_DEPTH) {
            messages_add(reader->messages, MESSAGE_ERROR, place, "sets name sets more than %d deep", SET_DEPTH);
            return NULL;
        }
        read_set(reader, index);
        break;
    case SET_READ:
        break;
    }
    return set;
}
