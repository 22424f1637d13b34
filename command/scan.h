/* SPDX-License-Identifier: MIT */
/* What `sockade scan` found: each peer of each program with the policy's verdict, and how it is shown. */
#ifndef SOCKADE_COMMAND_SCAN_H
#define SOCKADE_COMMAND_SCAN_H

#include "command/layers.h"

#include <stdio.h>

/* One peer (or own address, or family) of a program. All texts are its own but `direction`, `proto` and `layer`. */
struct sight {
    pid_t pid;
    char *program;
    bool shimmed;          /* the program is under Sockade already */
    const char *direction; /* "to", "from", "on", "family" */
    const char *proto;     /* "tcp", ...; "": none */
    char *peer;            /* as `explain` takes it: 192.0.2.1:443, unix:/path, inet */
    bool refused;          /* else the policy allows it */
    const char *outcome;   /* "allow", "deny", "drop", "would-deny", ... */
    char *error;           /* "EACCES"; "": none */
    const char *layer;     /* "system", "user" */
    char *rule;            /* its name, or what else decided, such as "default" */
    char *at;              /* FILE:LINE; "" */
    char *reason;          /* "" */
    size_t sockets;
};

/* A process that could not be looked at. */
struct unseen {
    pid_t pid;
    char *program;
    char *why;
};

struct sights {
    struct sight *list;
    size_t count, room;
    struct unseen *unseen;
    size_t unseen_count, unseen_room;
    size_t processes, sockets, refused; /* looked at; sockets that would be refused */
    bool without_peers;                 /* the other ends of Unix sockets are not known */
    bool policy;                        /* there is one */
};

/* The policy that scan asks. */
struct scan_policy {
    struct layer layers[LAYERS_MAX];
    int count;
};

/* Looks at everything once. With `all` what is allowed is listed too. False where nothing could be looked at. */
bool scan_look(struct sights *out, const struct scan_policy *policy, bool all);
void sights_free(struct sights *sights);

/* In order, one a program, direction and rule, with its peers behind it. */
void scan_show(const struct sights *sights, FILE *stream);

/* One line of JSON. */
void scan_show_json(const struct sights *sights, FILE *stream);

/* What has come (+) and gone (-) between two looks; `before` may be empty. */
void scan_show_changes(const struct sights *before, const struct sights *now, FILE *stream);

#endif
