/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as SOCKADE_PINNED, SOCKADE_POLICY and HOME: the layers are few and have absolute paths, a pin that is made
 * of them says the same when it is read again, and one that is joined with another holds both.
 *
 * The input: a byte of choices, and texts with a NUL behind each.
 */
#include "shim/pin.h"
#include "state/locate.h"

#include <stdlib.h>
#include <string.h>

#define TEXTS 3
#define UID 1000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the run with a finding. */
static void must(bool holds)
{
    if (!holds)
        abort();
}

/* A variable NAME=TEXT of its own size; the text is the input's next one. */
static char *variable_take(const char *name, const uint8_t **data, size_t *size)
{
    size_t before = strlen(name);
    const uint8_t *end = *size > 0 ? memchr(*data, '\0', *size) : NULL;
    size_t length = end != NULL ? (size_t)(end - *data) : *size;
    char *out = malloc(before + length + 1);

    must(out != NULL);
    memcpy(out, name, before);
    if (length > 0)
        memcpy(out + before, *data, length);
    out[before + length] = '\0';
    length += end != NULL;
    *data += length;
    *size -= length;
    return out;
}

static void layers_check(const struct layer_place *layers, int count)
{
    must(count >= 1 && count <= LAYERS_MAX);
    must(layers[0].system);
    for (int i = 1; i < count; i++) {
        must(!layers[i].system);
        must(memchr(layers[i].path, '\0', sizeof(layers[i].path)) != NULL);
        must(layers[i].relative == (layers[i].path[0] != '/'));
        for (int before = 1; before < i; before++)
            must(strcmp(layers[before].path, layers[i].path) != 0);
    }
}

/* A pin of all layers, read again. */
static void pin_is_read_again(const struct layer_place *layers, int count)
{
    static struct layer_place again[LAYERS_MAX];
    static char pin[LAYERS_MAX * PATH_MAX * 3 + 32];
    struct surroundings surroundings = {.uid = UID, .pinned = pin};
    bool held[LAYERS_MAX];
    int at = 1, got;

    memset(held, true, sizeof(held));
    if (pin_format(pin, sizeof(pin), UID, layers, held, count) == 0)
        return;
    got = locate_layers(&surroundings, again);
    must(got >= 1);
    for (int i = 1; i < count; i++) {
        if (!layers[i].relative)
            must(at < got && again[at].pinned && strcmp(again[at++].path, layers[i].path) == 0);
    }
    must(at == got);
}

static void pins_are_joined(const char *theirs)
{
    static const char *const ours[] = {PIN_NAME "1:1000:/a:/b%25", PIN_NAME "unreadable", PIN_NAME "1:7:/a"};

    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
        char *out = malloc(strlen(theirs) + strlen(ours[i]) + 1); /* so that a byte past it is seen */

        must(out != NULL);
        pin_join(out, theirs, strlen(theirs), ours[i]);
        must(pin_holds(out, ours[i]));
        if (pin_holds(theirs, ours[i]) && strchr(theirs, ':') != NULL)
            must(strcmp(out, theirs) == 0);
        free(out);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[TEXTS] = {PIN_NAME, "SOCKADE_POLICY=", "HOME="};
    static struct layer_place layers[LAYERS_MAX];
    char *envp[TEXTS + 1] = {NULL};
    struct surroundings surroundings;
    char folder[PATH_MAX];
    uint8_t choice;
    int count;

    if (size < 1)
        return 0;
    choice = data[0];
    data++;
    size--;
    for (int i = 0; i < TEXTS; i++)
        envp[i] = variable_take(names[i], &data, &size);
    surroundings_read(&surroundings, envp, UID, choice & 1);
    memset(layers, 0xaa, sizeof(layers));
    count = locate_layers(&surroundings, layers);
    must(count >= 0 || surroundings.pinned != NULL || surroundings.policy != NULL);
    if (count >= 0) {
        layers_check(layers, count);
        pin_is_read_again(layers, count);
    }
    for (int i = 0; i < IMAGE_FOLDERS; i++)
        must(!image_folder(&surroundings, i, folder) || folder[0] == '/');
    pins_are_joined(envp[0]);
    for (int i = 0; i < TEXTS; i++)
        free(envp[i]);
    return 0;
}
