/* SPDX-License-Identifier: MIT */
/* One layer's policy as it was read: what read.c makes of text and compile.c makes into an image. */
#ifndef SOCKADE_CONFIG_RULES_H
#define SOCKADE_CONFIG_RULES_H

#include "config/messages.h"
#include "config/ranges.h"
#include "policy/image.h"

/* A list file that a set was read from. */
struct list_file {
    char *path;
    size_t entries;
    struct range_merge merge; /* what became of those that are no ranges of their own */
    int64_t mtime_ns;
};

/* One of `sets`. */
struct named_set {
    char *name;
    struct place place;
    struct range_set ranges;  /* normalised */
    size_t entries;           /* what it holds, each list as the ranges that remained of it */
    struct range_merge merge; /* of these */
    struct list_file *files;  /* its own; none for inline sets and for optional lists that are absent */
    size_t file_count, file_room;
    bool from_list; /* it, or a set it names, comes from a file */
    bool wildcard;  /* 0.0.0.0 or :: stand in the text as addresses: no destination */
    bool used;      /* by a rule or another set */
};

/* A rule about socket(2)'s domain, beside the three directions of addresses. */
#define KIND_FAMILY DIRECTIONS

/* Which chain a rule belongs to; CHAIN_PROGRAMS + n is program n's. */
struct rule {
    unsigned kind; /* enum direction, or KIND_FAMILY */
    unsigned chain;
    enum rule_action action;
    const struct range_set *cover; /* normalised, `except` already taken out; the policy's, and often shared */
    bool covers_all; /* what it names is `any` with nothing taken out (for WATCH_ON_SPECIFIC and for lint) */
    char **paths;    /* Unix patterns; "@name" for abstract ones */
    size_t path_count;
    char **path_excepts;
    size_t path_except_count;
    int *families; /* AF_* */
    size_t family_count;
    struct image_port_range *ports; /* sorted, disjoint; none: any port */
    size_t port_count;
    unsigned protos; /* PROTO_*; a rule with ports and no proto holds PROTO_WITH_PORTS */
    int error;       /* errno; 0 where the text names none */
    bool log;
    bool audit;
    bool except_idle; /* its `except` takes nothing out */
    char *name;       /* may be NULL */
    char *reason;     /* may be NULL */
    size_t *sets;     /* which of the policy's sets its to, from or on names */
    size_t set_count;
    struct place place;
};

/* What may stand in general and in a `programs` entry; `given` tells what was written there. */
struct settings {
    int default_action[DIRECTIONS]; /* DEFAULT_*; -1: not written */
    int default_loopback;           /* DEFAULT_*; -1 */
    int unprotected;                /* UNPROTECTED_*; -1 */
    int icmp_translate;             /* TRANSLATE_*; -1 */
    int icmp_hint;                  /* 0, 1; -1 */
    int icmp_pretend_root;          /* 0, 1; -1 */
    int log_what;                   /* LOG_*; -1 */
    char *log_to;                   /* NULL: not written */
    long long log_limit;            /* -1 */
    long long log_max_size;         /* bytes; -1 */
    bool log_given;
    struct place default_place; /* of the `default` group; file NULL: not written */
    struct place icmp_place;    /* of the `icmp` group, the same */
};

struct program_entry {
    char **exes; /* absolute patterns */
    size_t exe_count;
    struct settings settings; /* as written; compile.c fills what is not written from the general ones */
    struct place place;
};

struct source {
    char *path; /* absolute */
    enum image_source_kind kind;
    uint64_t inode, size;
    int64_t mtime_ns, ctime_ns;
};

struct policy {
    bool system;
    char *origin; /* for the image: what it is made of beside its sources; NULL: nothing */
    enum image_mode mode;
    struct settings settings;
    struct program_entry *programs;
    size_t program_count, program_room;
    struct named_set *sets;
    size_t set_count, set_room;
    struct rule *rules; /* in the order of judgement within each chain */
    size_t rule_count, rule_room;
    struct source *sources;
    size_t source_count, source_room;
    char **files; /* names that places point to */
    size_t file_count, file_room;
    struct range_set **covers; /* of rules whose cover is not that of one set */
    size_t cover_count, cover_room, cover_bytes;
    struct messages advice; /* what only the text shows, kept for policy_lint */
};

void policy_free(struct policy *policy);

#endif
