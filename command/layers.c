/* SPDX-License-Identifier: MIT */
/*
 * Loading the layers as the shim would: a fresh image where there is one, else the text compiled in memory, else the
 * last good image, else closed.
 */
#include "command/layers.h"

#include "command/command.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

const char *layer_kind(const struct layer *layer)
{
    return layer->place.system ? "system" : "user";
}

int layers_locate(const struct surroundings *surroundings, struct layer_place layers[LAYERS_MAX])
{
    int count = locate_layers(surroundings, layers);

    if (count < 0)
        complain(
            "SOCKADE_PINNED '%.100s' cannot be read, or names too many policies: programs started here refuse all; "
            "start from a shell without it",
            surroundings->pinned != NULL ? surroundings->pinned : "");
    return count;
}

static void layer_message(struct messages *messages, const struct layer_place *place, const char *what, const char *why)
{
    messages_add(messages, MESSAGE_ERROR, (struct place){place->path, 0}, "%s%s", what, why);
}

/* An image that was named outright. */
static enum layer_form look_at_image(const struct layer_place *place, struct image_file *file,
                                     struct messages *messages)
{
    struct view view;
    enum image_error error = image_open(&view, file->base, file->size, NULL);

    if (error == IMAGE_OK)
        return FORM_IMAGE;
    layer_message(messages, place, "cannot be used: ", image_error_text(error));
    image_file_close(file);
    return FORM_UNUSABLE;
}

/* The system layer is there as soon as one of its parts is. */
static enum layer_form look_at_system(const struct layer_place *place, struct messages *messages)
{
    static const char *const parts[] = {"policy.conf", "policy.d"};
    char path[PATH_MAX];
    struct stat st;

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (!path_join(path, place->path, parts[i]))
            continue;
        if (stat(path, &st) == 0)
            return FORM_TEXT;
        if (errno != ENOENT && errno != ENOTDIR) {
            layer_message(messages, place, "cannot be reached: ", strerror(errno));
            return FORM_UNUSABLE;
        }
    }
    return FORM_ABSENT;
}

enum layer_form layer_look(const struct layer_place *place, const struct surroundings *surroundings,
                           struct image_file *file, struct messages *messages)
{
    memset(file, 0, sizeof(*file));
    if (place->system)
        return look_at_system(place, messages);
    if (place->relative) {
        layer_message(messages, place, "SOCKADE_POLICY must be an absolute path", "");
        return FORM_UNUSABLE;
    }
    switch (image_file_open(file, AT_FDCWD, place->path, surroundings->uid, false, false)) {
    case IMAGE_FILE_OK:
        return look_at_image(place, file, messages);
    case IMAGE_FILE_NO_IMAGE:
        return FORM_TEXT;
    case IMAGE_FILE_ABSENT:
        return FORM_ABSENT;
    case IMAGE_FILE_UNTRUSTED:
        layer_message(messages, place, "is not trusted: ", file->why);
        break;
    case IMAGE_FILE_BAD:
        layer_message(messages, place, "cannot be used: ", file->why);
        break;
    case IMAGE_FILE_UNREADABLE:
        layer_message(messages, place, "cannot be read: ", strerror(file->error));
        break;
    }
    return FORM_UNUSABLE;
}

bool layer_is_named(const struct layer_place *place, const struct surroundings *surroundings)
{
    if (place->system)
        return false;
    return place->pinned || place->foreign || place->relative ||
           (surroundings->policy != NULL && strcmp(surroundings->policy, place->path) == 0);
}

/* The layer's image is what lies at `base`, if its header is right. */
static bool layer_take(struct layer *layer, const void *base, size_t size, struct messages *messages)
{
    struct view view;
    enum image_error error = image_open(&view, base, size, NULL);

    if (error != IMAGE_OK) {
        layer_message(messages, &layer->place, "cannot be used: ", image_error_text(error));
        layer->outcome = LAYER_CLOSED;
        return false;
    }
    layer->base = base;
    layer->size = size;
    layer->outcome = LAYER_READY;
    return true;
}

/* A layer that is a text, or the system's folder. */
static void load_text(struct layer *layer, const struct surroundings *surroundings, struct messages *messages)
{
    struct published published;
    char name[IMAGE_NAME];
    bool found;

    text_image_name(name, &layer->place, NULL);
    found = published_find(&published, surroundings, layer->place.system, name);
    layer->file = published.file;
    if (found && published.fresh) {
        layer_take(layer, layer->file.base, layer->file.size, messages);
        return;
    }
    if (text_compile(&layer->compiled, &layer->place, NULL, false, messages)) {
        layer_take(layer, layer->compiled.image.bytes, layer->compiled.image.size, messages);
        return;
    }
    layer->outcome = LAYER_CLOSED;
    if (found && layer_take(layer, layer->file.base, layer->file.size, messages))
        layer->outcome = LAYER_LAST_GOOD;
}

static void load_layer(struct layer *layer, const struct surroundings *surroundings, struct messages *messages)
{
    switch (layer_look(&layer->place, surroundings, &layer->file, messages)) {
    case FORM_IMAGE:
        layer_take(layer, layer->file.base, layer->file.size, messages);
        break;
    case FORM_TEXT:
        load_text(layer, surroundings, messages);
        break;
    case FORM_ABSENT:
        layer->outcome = LAYER_ABSENT;
        if (layer_is_named(&layer->place, surroundings)) {
            layer_message(messages, &layer->place, "does not exist, but SOCKADE_POLICY or SOCKADE_PINNED names it", "");
            layer->outcome = LAYER_CLOSED;
        }
        break;
    case FORM_UNUSABLE:
        layer->outcome = LAYER_CLOSED;
        break;
    }
}

int layers_load(struct layer layers[LAYERS_MAX], const struct surroundings *surroundings, struct messages *messages)
{
    struct layer_place places[LAYERS_MAX];
    int count = layers_locate(surroundings, places);

    for (int i = 0; i < count; i++) {
        struct layer *layer = &layers[i];
        struct messages quiet = {0};

        memset(layer, 0, sizeof(*layer));
        layer->place = places[i];
        load_layer(layer, surroundings, layer->place.foreign ? &quiet : messages);
        /* Another user's pinned policy never fails closed here. */
        if (layer->place.foreign && layer->outcome == LAYER_CLOSED)
            layer->outcome = LAYER_ABSENT;
        messages_free(&quiet);
    }
    return count;
}

int layers_load_here(struct layer layers[LAYERS_MAX], const char *policy, struct messages *messages)
{
    struct surroundings surroundings;
    char path[PATH_MAX];

    surroundings_here(&surroundings);
    if (policy != NULL && !path_absolute(path, policy))
        return -1;
    if (policy != NULL)
        surroundings.policy = path;
    return layers_load(layers, &surroundings, messages);
}

void layers_free(struct layer *layers, int count)
{
    for (int i = 0; i < count; i++) {
        image_file_close(&layers[i].file);
        compiled_free(&layers[i].compiled);
    }
}

bool file_is_image(const char *path)
{
    char magic[sizeof(IMAGE_MAGIC)];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    bool is = fd >= 0 && read(fd, magic, sizeof(magic)) == (ssize_t)sizeof(magic) &&
              memcmp(magic, IMAGE_MAGIC, sizeof(magic)) == 0;

    if (fd >= 0)
        close(fd);
    return is;
}

bool layer_load_file(struct layer *layer, const char *file, struct messages *messages)
{
    struct surroundings surroundings;

    memset(layer, 0, sizeof(*layer));
    surroundings_here(&surroundings);
    layer->outcome = LAYER_CLOSED;
    if (!path_absolute(layer->place.path, file))
        return false;
    if (file_is_image(layer->place.path))
        return layer_look(&layer->place, &surroundings, &layer->file, messages) == FORM_IMAGE &&
               layer_take(layer, layer->file.base, layer->file.size, messages);
    return text_compile(&layer->compiled, &layer->place, NULL, true, messages) &&
           layer_take(layer, layer->compiled.image.bytes, layer->compiled.image.size, messages);
}
