/* SPDX-License-Identifier: MIT */
/*
 * What the reader's parts share, and nobody else sees.
 *
 *   read.c           which texts make a layer, and in what order their parts are read
 *   read_files.c     opening, judging and reading a file once, and remembering that it was a source
 *   read_text.c      a text with its @includes spliced in, through libconfig, with places that are right
 *   read_keys.c      keys and values of the right kind, or a message
 *   read_settings.c  default, mode, icmp, log, unprotected
 *   read_sets.c      sets and list files
 *   read_address.c   one address expression
 *   read_cover.c     what a rule covers, equal ones made once
 *   read_repeats.c   elements of an array that stand in others already
 *   read_rules.c     a rule's keys
 *   read_programs.c  entries of `programs`
 *   read_endpoint.c  shorthand lists and the command line
 */
#ifndef SOCKADE_CONFIG_READ_INTERNAL_H
#define SOCKADE_CONFIG_READ_INTERNAL_H

#include "config/read.h"

#include <libconfig.h>
#include <sys/stat.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* How messages quote what stands in a text: it may be of any length. */
#define QUOTE "'%.200s'"

/* From line `first` of the spliced text on, lines are those of `file`, starting at `line`. */
struct line_span {
    int first;
    const char *file;
    int line;
};

/* One policy text with its @includes spliced in. */
struct text {
    struct text *next; /* in the order in which they were added */
    const char *name;  /* as messages call it; one of the policy's files */
    char *folder;      /* where its lists and @includes are looked up */
    char *bytes;       /* what libconfig reads */
    size_t size, room;
    struct line_span *spans;
    size_t span_count, span_room;
    int *string_lines; /* of each string value, in order: libconfig notes the line of the token behind it */
    size_t string_count, string_room;
    config_t config; /* its settings lead back here, see text_of */
    bool parsed;
};

/* Settings of the whole layer that may stand in one of its texts only. */
enum layer_key { LAYER_MODE, LAYER_DEFAULT, LAYER_ICMP, LAYER_LOG, LAYER_UNPROTECTED, LAYER_KEYS };

/* Where a set stands, until it is read. */
struct set_source {
    config_setting_t *setting;
    enum { SET_UNREAD, SET_BEING_READ, SET_READ } state;
};

/* Each question to a resolver that does not answer takes ten seconds. */
#define RESOLVED_NAMES 3

struct reader {
    struct policy *policy;
    struct messages *messages;
    bool trust_anyone;
    struct text *texts, *last_text;
    struct set_source *set_sources; /* as many as the policy's sets; none once they are all read */
    size_t set_source_room;
    struct place layer_places[LAYER_KEYS]; /* file NULL: not yet written */
    unsigned resolved_names;               /* the resolver was asked so often */
    struct cover_table *covers;            /* what was made already; NULL: nothing */
    size_t compared;                       /* pairs of addresses that were held against each other, for advice */
};

/* An error at the place of a setting. */
#define complain(reader, setting, ...) messages_add((reader)->messages, MESSAGE_ERROR, place_of(setting), __VA_ARGS__)

/* ---- read.c ---- */

/* Every setting not written. */
void settings_init(struct settings *settings);

/* ---- read_files.c ---- */

struct file_bytes {
    char *bytes; /* the caller's to free; one NUL behind them */
    size_t size;
    struct stat st;
};

enum file_outcome { FILE_READ, FILE_ABSENT, FILE_FAILED };

/*
 * Opens a file without blocking, judges it by what was opened, and reads it whole. All failures but absence are told,
 * at `place`. What was read is noted as a source.
 */
enum file_outcome file_read(struct reader *reader, const char *path, size_t limit, struct place place,
                            struct file_bytes *out);

/* Notes what the policy was made of. `st` may be NULL for what is absent. */
void source_note(struct policy *policy, const char *path, enum image_source_kind kind, const struct stat *st);

/* The names of FOLDER/ *.conf in name order, judged and noted as file_read does; false where it failed. */
bool folder_read(struct reader *reader, const char *folder, char ***names, size_t *count);

/* Tells where others may write to the folder of a layer; an absent one is no mistake. */
void folder_judge(struct reader *reader, const char *folder);

/* A copy of `file` that lives as long as the policy. */
const char *policy_file_name(struct policy *policy, const char *file);

char *lookup_folder(const char *file);                   /* "." where it names none */
char *path_beside(const char *folder, const char *name); /* `name` itself where it is absolute */

/* ---- read_text.c ---- */

/* Splices and parses `bytes`, and adds the result to the reader's texts. */
void text_add(struct reader *reader, const char *name, const char *bytes, size_t size);
void text_free(struct text *text);
struct text *text_of(const config_setting_t *setting);
struct place place_of(const config_setting_t *setting);

/* ---- read_keys.c ---- */

/*
 * Complains of each key of `group` that is not among `names`; true where all are. `what` is what the group is: "a
 * rule".
 */
bool keys_check(struct reader *reader, config_setting_t *group, const char *const *names, size_t count,
                const char *what);

/* The key's setting, or NULL where it is absent. */
config_setting_t *key_get(config_setting_t *group, const char *key);

/* The setting's name, or its list's where it is an element. */
const char *key_name(const config_setting_t *setting);

/* Values of the right kind; false or NULL, with a message, where it is another. */
const char *text_value(struct reader *reader, config_setting_t *setting);
bool flag_value(struct reader *reader, config_setting_t *setting, bool *out);
bool number_value(struct reader *reader, config_setting_t *setting, long long least, long long most, long long *out);
bool group_value(struct reader *reader, config_setting_t *setting);

/* Which of `names` the text is; -1, with a message, where none. */
int choice_value(struct reader *reader, config_setting_t *setting, const char *const *names, size_t count);

/* "`what` 'VALUE'", and the nearest of `names`, or all where they are few. */
void complain_unknown(struct reader *reader, struct place place, const char *what, const char *value,
                      const char *const *names, size_t count);

/* One scalar, or an array or list of them: how many, and each. A group is told and counts as none. */
size_t element_count(struct reader *reader, config_setting_t *setting);
config_setting_t *element(config_setting_t *setting, size_t index);

/* ---- read_settings.c ---- */

void read_mode(struct reader *reader, config_setting_t *root);

/* default, icmp, log and unprotected of a text's root (`general`) or of a `programs` entry. */
void read_settings(struct reader *reader, config_setting_t *group, struct settings *settings, bool general);

/* Notes that the layer's `key` stands at `setting`; false, with a message naming both places, where it did before. */
bool layer_key_once(struct reader *reader, enum layer_key key, config_setting_t *setting);

/* ---- read_sets.c ---- */

void sets_collect(struct reader *reader, config_setting_t *root);
void sets_read(struct reader *reader);

/* The set `name` (without @), read; NULL, with a message, where there is none or it names itself. */
struct named_set *set_use(struct reader *reader, const char *name, struct place place);

/* ---- read_address.c ---- */

/* What address expressions came to: sets by number, and beside them ranges that were written out. */
struct addresses {
    struct range_set ranges;
    char **paths;
    size_t path_count, path_room;
    size_t *sets;
    size_t set_count, set_room;
    bool wildcard; /* 0.0.0.0 or :: was named as an address */
};

/* Where an expression stands, and so what it may be. */
struct address_use {
    const char *key; /* for messages: "to", "deny_to", "sets.office" */
    bool in_set;     /* no unix: patterns; wildcards are judged where the set is used */
    bool to, from;   /* the direction, for what wildcards mean */
    bool endpoint;   /* port and protocol were cut off already */
};

bool address_add(struct reader *reader, const struct address_use *use, const char *text, struct place place,
                 struct addresses *out);
void addresses_free(struct addresses *addresses);

/* ---- read_cover.c ---- */

/*
 * The addresses of `what` without those of `less` (NULL: nothing is taken out), both of which are used up but for sets
 * and paths. The result is the policy's. `place` is the rule's. `idle` tells that `less` has nothing of `what`.
 */
const struct range_set *cover_make(struct reader *reader, struct addresses *what, struct addresses *less,
                                   struct place place, bool *idle);
void covers_forget(struct reader *reader);

/* ---- read_repeats.c ---- */

/* Keeps as advice which elements of an array of addresses stand in others already. */
void note_repeats(struct reader *reader, config_setting_t *setting);

/* ---- read_rules.c ---- */

void read_rules(struct reader *reader, config_setting_t *group, unsigned chain);

/* The list of groups that `key` must be; NULL where it is absent or, with a message, something else. */
config_setting_t *group_list(struct reader *reader, config_setting_t *group, const char *key);

/* Fills the rule's cover and paths; `excepts` may be NULL. Both are used up. */
void rule_take_addresses(struct reader *reader, struct rule *rule, struct addresses *addresses,
                         struct addresses *excepts);
void rule_add(struct policy *policy, const struct rule *rule);
void rule_free(struct rule *rule);

/* ---- read_programs.c ---- */

void read_programs(struct reader *reader, config_setting_t *root);

/* Warns of names that two rules of one chain share. */
void warn_shared_names(struct reader *reader);

/* ---- read_endpoint.c ---- */

void read_shorthand(struct reader *reader, config_setting_t *root);

#endif
