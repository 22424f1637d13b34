/* SPDX-License-Identifier: MIT */
/* What the parts of `sockade learn` share: what a run needed, and what becomes of it. */
#ifndef SOCKADE_COMMAND_LEARN_H
#define SOCKADE_COMMAND_LEARN_H

#include "command/events.h"
#include "command/layers.h"
#include "config/nets.h"

#include <stdio.h>

/* Texts in the order in which they first came, each once. */
struct words {
    char **list;
    size_t count, room;
};

enum fate {
    FATE_ALLOW,   /* to be allowed */
    FATE_ALLOWED, /* the policy at hand allows it already */
    FATE_DENIED,  /* a rule of that policy denies it */
    FATE_PART,    /* another need stands for it */
};

/* What is to become of a port. */
enum port_kind {
    PORT_ITSELF, /* the service's */
    PORT_CHOSEN, /* the kernel chose it: the next run has another one */
    PORT_CLIENT, /* somebody's who asked, and is answered: the next one has another one */
    PORT_OWN,    /* one of several high ones that the program chose itself, at random most likely */
    PORT_LOW,    /* bindresvport(3) chose it */
};

/* One thing that the run did, or tried to: to, from or on an address, by a protocol, at a port. */
struct need {
    enum direction direction;
    unsigned protos; /* PROTO_*; 0: it could not be told */
    int port;        /* -1: none */
    enum port_kind kind;
    bool resolver;          /* libc's resolver did it */
    struct address address; /* family ADDRESS_UNIX: `path` */
    char *path;
    long calls;
    struct words exes;
    enum fate fate;
    char *refused; /* in words, by what; NULL: nothing known */
};

/* A program that preloading could not reach. */
struct unreached {
    char *target, *reason;
};

struct needs {
    struct need *list;
    size_t count, room;
    json_t *index; /* from a need's words to its number */
    json_t *names; /* from an address to the names that were looked up for it */
    json_t *bound; /* "tcp 8080" for each port that was bound by number */
    struct words exes, families, strange;
    struct unreached *unreached;
    size_t unreached_count, unreached_room;
    long events, calls, left_out, unreadable;
    bool full; /* there was no room for the log, or nearly none: more may have been lost */
};

/* Takes one line of the log into account. */
void needs_add(struct needs *needs, const char *line, size_t length);

/* To be called after the last line: tells ports that the kernel chose, and what stands for what. */
void needs_settle(struct needs *needs, bool replies_judged);
void needs_free(struct needs *needs);

/* The ports from which the kernel takes one where a program names none (ip(7)). */
void chosen_ports(int *first, int *last);

/* Puts a copy of `text` behind the others unless it is there. */
void words_add(struct words *words, const char *text);
void words_free(struct words *words);

/* A need as `explain` is asked about it: "to" and "192.0.2.1:443/tcp"; the caller frees the text. */
const char *need_direction(const struct need *need);
char *need_endpoint(const struct need *need);

/* ---- the run (learn_run.c) ---- */

struct run {
    char *const *argv;
    char folder[PATH_MAX], image[PATH_MAX], log[PATH_MAX];
    int log_file;
    double seconds;
    int status;   /* the exit code to end with */
    bool started; /* the program was executed */
    bool stays;   /* processes of the program go on; the folder is theirs */
    bool quiet;   /* no live count */
    time_t begun;
};

/* Makes the folder with the audit image; `base`, where not NULL, is the policy whose icmp settings hold. */
bool run_prepare(struct run *run, const struct policy *base);

/* Runs the program to its end and gathers what it did. False, and said, where nothing could be started. */
bool run_watch(struct run *run, struct needs *needs);
void run_end(struct run *run);

/* The live count: brought up to date, and taken away. */
void live_show(const struct needs *needs, double seconds);
void live_end(void);

/* ---- judging (learn_judge.c) ---- */

/* Sets what the policy in `layer` makes of each need; `layer` NULL: all is to be allowed. */
void needs_judge(struct needs *needs, const struct layer *layer);

/* Notes what the layers that held during the run refused, which no rule of the user's can open. */
void needs_note_layers(struct needs *needs);

/* ---- rules (learn_groups.c) ---- */

/* What one rule allows. */
struct learnt_rule {
    enum direction direction;
    unsigned protos;
    struct image_port_range *ports;
    size_t port_count;
    enum port_kind kind;
    struct net *nets; /* of `addresses` */
    size_t net_count;
    struct address *addresses;
    size_t address_count;
    bool any; /* on all addresses at once */
    long calls;
    struct words exes, refused;
    char *signature; /* equal ones differ in their ports alone */
};

struct learnt_rules {
    struct learnt_rule *list;
    size_t count, room;
};

/* Rules for the needs of one fate. A net never takes in what a rule of `base` (or NULL) denies. */
struct learnt_rules rules_make(const struct needs *needs, enum fate fate, const struct policy *base);
void rules_free(struct learnt_rules *rules);

/* ---- text (learn_print.c) ---- */

/* The rules, a comma between each two; with `commented` each line is a comment. */
void rules_print(FILE *out, const struct learnt_rules *rules, const struct needs *needs, bool commented);

/* What was seen and cannot be a rule, as comments; each line begins with `indent`. */
void remarks_print(FILE *out, const struct needs *needs, const char *indent);

/* A whole policy. */
void policy_print(FILE *out, const struct run *run, const struct needs *needs);

/* One line that tells when and of what was learnt. */
char *run_words(const struct run *run);

/* ---- files (learn_append.c) ---- */

/* Whether the file can be replaced by this user; says why not. */
bool append_possible(const char *file);

/* Merges what `file` does not allow yet into it. Returns the exit code; what could not be written goes to stdout. */
int append_rules(const char *file, const struct run *run, struct needs *needs);

/* Writes a new file; false, and said, where that cannot be. */
bool output_possible(const char *file);
bool output_write(const char *file, const char *text, size_t size);

#endif
