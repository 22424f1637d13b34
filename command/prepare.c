/* SPDX-License-Identifier: MIT */
/*
 * What a program's shim will look for is made ready beforehand: each layer's image, fresh, where it looks. So a mistake
 * in a policy is an exit code of ours and never a program that runs unprotected or finds its network shut.
 */
#include "command/prepare.h"

#include "command/command.h"
#include "command/findings.h"
#include "command/layers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

    findings_show(&messages, stderr);
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
    findings_show(&messages, stderr);
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

bool prepare_policy(const char *policy, const struct additions *additions)
{
    struct surroundings surroundings;
    char path[PATH_MAX];

    if (policy != NULL && !(path_absolute(path, policy) && set_policy(path)))
        return false;
    surroundings_here(&surroundings);
    return prepare_layers(&surroundings, additions, policy != NULL);
}
