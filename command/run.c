/* SPDX-License-Identifier: MIT */
/*
 * `sockade run`: everything that can be wrong is found out first, then the program is executed in our own place.
 *
 * What the program's shim will look for is made ready beforehand: each layer's image, fresh, where it looks. So a
 * mistake in a policy is an exit code here and never a program that runs unprotected or finds its network shut.
 */
#include "command/command.h"
#include "command/layers.h"
#include "command/options.h"
#include "command/preload.h"
#include "command/target.h"
#include "command/texts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

struct choices {
    const char *policy;
    bool keep_privileges;
    struct additions additions;
};

static bool has_additions(const struct additions *additions)
{
    return additions->audit || additions->rules.count > 0;
}

static bool set_policy(const char *path)
{
    if (setenv("SOCKADE_POLICY", path, 1) == 0)
        return true;
    complain("setenv SOCKADE_POLICY: %s", strerror(errno));
    return false;
}

/* Compiles a text and publishes its image; `where` gets its path. Prints what is wrong. */
static bool compile_and_publish(const struct layer_place *place, const struct additions *additions,
                                const struct surroundings *surroundings, const char *name, char where[PATH_MAX])
{
    struct messages messages = {0};
    struct compiled compiled;
    bool done = text_compile(&compiled, place, additions, false, &messages);

    messages_print(&messages, stderr);
    messages_free(&messages);
    if (done)
        done = text_publish(&compiled, surroundings, place->system, name, where);
    compiled_free(&compiled);
    return done;
}

/* Whether the image `name` is published and fresh; `where` gets its path. */
static bool find_fresh(const struct surroundings *surroundings, bool system, const char *name, char where[PATH_MAX])
{
    struct published published;
    bool fresh;

    if (!published_find(&published, surroundings, system, name))
        return false;
    fresh = published.fresh;
    memcpy(where, published.path, PATH_MAX);
    image_file_close(&published.file);
    return fresh;
}

/* Sees to it that a text's image is published and fresh. One of several that start at once does the work. */
static bool make_fresh(const struct layer_place *place, const struct additions *additions,
                       const struct surroundings *surroundings, char where[PATH_MAX])
{
    char name[IMAGE_NAME];
    bool done;
    int lock;

    text_image_name(name, place, additions);
    if (find_fresh(surroundings, place->system, name, where))
        return true;
    lock = text_lock(surroundings, name);
    done = find_fresh(surroundings, place->system, name, where) ||
           compile_and_publish(place, additions, surroundings, name, where);
    if (lock >= 0)
        close(lock);
    return done;
}

/* Looks at a layer as the program will find it; says what is wrong. */
static enum layer_form look(const struct layer_place *place, const struct surroundings *surroundings)
{
    struct messages messages = {0};
    struct image_file file = {0};
    enum layer_form form = layer_look(place, surroundings, &file, &messages);

    image_file_close(&file);
    if (form == FORM_ABSENT && layer_is_named(place, surroundings)) {
        messages_add(&messages, MESSAGE_ERROR, (struct place){place->path, 0}, "the policy does not exist");
        form = FORM_UNUSABLE;
    }
    messages_print(&messages, stderr);
    messages_free(&messages);
    return form;
}

/* A layer that stays as it is. */
static bool prepare_layer(const struct layer_place *place, const struct surroundings *surroundings)
{
    char where[PATH_MAX];
    enum layer_form form = look(place, surroundings);

    if (form == FORM_TEXT)
        return make_fresh(place, NULL, surroundings, where);
    return form != FORM_UNUSABLE;
}

/* Compiles what the command line adds, over the text at `own` or over nothing, and makes that the program's policy. */
static bool prepare_additions(const struct layer_place *own, const struct additions *additions,
                              const struct surroundings *surroundings)
{
    struct layer_place place = {0};
    enum layer_form form = own != NULL ? look(own, surroundings) : FORM_ABSENT;
    char where[PATH_MAX];

    if (form == FORM_UNUSABLE)
        return false;
    if (form == FORM_IMAGE) {
        complain("'%s' is an image, to which nothing can be added; name the text that it was made of", own->path);
        return false;
    }
    if (form == FORM_TEXT)
        place = *own;
    return make_fresh(&place, additions, surroundings, where) && set_policy(where);
}

/*
 * Prepares every layer. What is pinned holds for the program whatever we do, so additions go with the text that is
 * not, and under a pin they are one layer more. `named`: SOCKADE_POLICY is ours, and not a leftover of another user's.
 */
static bool prepare_layers(const struct surroundings *surroundings, const struct additions *additions, bool named)
{
    struct layer_place layers[LAYERS_MAX];
    const struct layer_place *own = NULL;
    int count = layers_locate(surroundings, layers);
    bool right = count >= 0;

    for (int i = 0; i < count; i++) {
        bool is_policy = surroundings->policy != NULL && strcmp(layers[i].path, surroundings->policy) == 0;

        if (layers[i].foreign && !(named && is_policy))
            continue; /* the program lets it go where it cannot be used */
        if (has_additions(additions) && !layers[i].system && !layers[i].pinned && (is_policy || !named))
            own = &layers[i];
        else
            right = prepare_layer(&layers[i], surroundings) && right;
    }
    if (right && has_additions(additions))
        right = prepare_additions(own, additions, surroundings);
    return right;
}

static bool prepare_policy(const struct choices *choices)
{
    struct surroundings surroundings;
    char path[PATH_MAX];

    if (choices->policy != NULL && !(path_absolute(path, choices->policy) && set_policy(path)))
        return false;
    surroundings_here(&surroundings);
    return prepare_layers(&surroundings, &choices->additions, choices->policy != NULL);
}

/* Judges the program and starts it. Returns only where that failed. */
static int start(struct target *target, struct preload *preload, bool keep_privileges)
{
    int code = target_find(target->path, target->argv[0], false);

    if (code == EXIT_FINE)
        code = target_follow(target, false);
    if (code == EXIT_FINE)
        code = target_judge(target, preload, keep_privileges);
    if (code != EXIT_FINE)
        return code;
    if (!keep_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        complain("prctl PR_SET_NO_NEW_PRIVS: %s; --keep-privileges does without", strerror(errno));
        return EXIT_OWN;
    }
    if (!preload_set(preload))
        return EXIT_OWN;
    return target_start(target, preload);
}

static int run(const struct choices *choices, char **argv)
{
    static struct preload preload;
    static struct target target;
    int code;

    if (!prepare_policy(choices) || !preload_find(&preload))
        return EXIT_OWN;
    target.argv = argv;
    code = start(&target, &preload, choices->keep_privileges);
    target_free(&target);
    return code;
}

int command_run(int argc, char **argv)
{
    struct choices choices = {0};
    struct option_uses *rules = &choices.additions.rules;
    const struct option_row rows[] = {
        {"policy", 0, "FILE", "the policy, text or image, in place of yours", NULL, &choices.policy, NULL},
        {"audit", 0, NULL, "refuse nothing, write what would be refused", &choices.additions.audit, NULL, NULL},
        {"keep-privileges", 0, NULL, "let set-user-id programs gain theirs", &choices.keep_privileges, NULL, NULL},
        {"deny-to", 0, "ENDPOINT", "refuse reaching ADDRESS[:PORT[-PORT]][/PROTO]", NULL, NULL, rules},
        {"deny-from", 0, "ENDPOINT", "refuse being reached from it, on this port of ours", NULL, NULL, rules},
        {"deny-on", 0, "ENDPOINT", "refuse listening on it", NULL, NULL, rules},
        {"allow-to", 0, "ENDPOINT", "allow reaching it", NULL, NULL, rules},
        {"allow-from", 0, "ENDPOINT", "allow being reached from it", NULL, NULL, rules},
        {"allow-on", 0, "ENDPOINT", "allow listening on it", NULL, NULL, rules},
    };
    const struct usage usage = {
        .command = "run",
        .arguments = "[OPTION]... [--] PROGRAM [ARG...]",
        .what = "Starts PROGRAM under the policy, in this process.",
        .more = "Rules of the command line come before those of the policy, in the order given.\n"
                "PROGRAM and its children cannot gain privileges unless --keep-privileges is given.\n"
                "Exit code: 125 nothing was started, 126 cannot be executed, 127 not found, else PROGRAM's own.",
        .error_exit = EXIT_OWN,
        .in_order = true,
        .rows = rows,
        .row_count = sizeof(rows) / sizeof(rows[0]),
    };
    int code;
    int operands = options_parse(&usage, argc, argv, &code);

    if (operands == 0)
        code = usage_error(&usage, "name a program");
    else if (operands > 0)
        code = run(&choices, argv);
    free(rules->list);
    return code;
}
