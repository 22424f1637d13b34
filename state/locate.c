/* SPDX-License-Identifier: MIT */
/* From the environment to the files that hold: which layers, under which pin, and where their images are kept. */
#include "state/locate.h"

#include "policy/image.h"
#include "state/text.h"

#include <string.h>

const char *environment_get(char *const *envp, const char *name)
{
    size_t length = strlen(name);

    if (envp == NULL)
        return NULL;
    for (; *envp != NULL; envp++) {
        /* The first letter tells most apart without a call; this runs at every start. */
        if (**envp == *name && strncmp(*envp, name, length) == 0 && (*envp)[length] == '=')
            return *envp + length + 1;
    }
    return NULL;
}

/* A variable that is set and not empty. */
static const char *environment_text(char *const *envp, const char *name)
{
    const char *value = environment_get(envp, name);

    return value != NULL && value[0] != '\0' ? value : NULL;
}

/* Relative folders are ignored: the XDG specification says so, and nothing is ever looked up in the current folder. */
static const char *environment_folder(char *const *envp, const char *name)
{
    const char *value = environment_get(envp, name);

    return value != NULL && value[0] == '/' ? value : NULL;
}

void surroundings_read(struct surroundings *out, char *const *envp, uid_t uid, bool secure)
{
    const char *on_error;

    memset(out, 0, sizeof(*out));
    out->uid = uid;
    out->secure = secure;
    if (secure)
        return;
    on_error = environment_text(envp, "SOCKADE_ON_ERROR");
    out->allow_on_error = on_error != NULL && strcmp(on_error, "allow") == 0;
    out->policy = environment_text(envp, "SOCKADE_POLICY");
    out->pinned = environment_text(envp, "SOCKADE_PINNED");
    out->config_home = environment_folder(envp, "XDG_CONFIG_HOME");
    out->runtime_dir = environment_folder(envp, "XDG_RUNTIME_DIR");
    out->cache_home = environment_folder(envp, "XDG_CACHE_HOME");
    out->state_home = environment_folder(envp, "XDG_STATE_HOME");
    out->home = environment_folder(envp, "HOME");
    if (out->home == NULL)
        out->home = environment_folder(envp, "SOCKADE_HOME");
}

bool path_join(char *out, const char *folder, const char *name)
{
    size_t folder_length = strlen(folder);
    size_t name_length = strlen(name);

    while (folder_length > 0 && folder[folder_length - 1] == '/')
        folder_length--;
    if (folder_length >= PATH_MAX || name_length >= PATH_MAX - folder_length - 1)
        return false;
    memcpy(out, folder, folder_length + 1); /* with a slash or NUL, in whose place a slash comes */
    out[folder_length] = '/';
    memcpy(out + folder_length + 1, name, name_length + 1);
    return true;
}

/* Layers */

struct layer_list {
    struct layer_place *layers;
    int count;
    int room;
};

/* The next free layer with its flags clear, or NULL; it counts only after layer_keep. */
static struct layer_place *layer_next(struct layer_list *list)
{
    struct layer_place *layer;

    if (list->count >= list->room)
        return NULL;
    layer = &list->layers[list->count];
    layer->system = layer->pinned = layer->foreign = layer->relative = false;
    layer->path[0] = '\0';
    return layer;
}

/* Whether one of the user's layers has this path already. */
static bool layer_is_listed(const struct layer_list *list, const char *path)
{
    for (int i = 0; i < list->count; i++) {
        if (!list->layers[i].system && strcmp(list->layers[i].path, path) == 0)
            return true;
    }
    return false;
}

/* Counts the layer that layer_next gave, unless its path is listed already: the first of two stands. */
static void layer_keep(struct layer_list *list)
{
    if (!layer_is_listed(list, list->layers[list->count].path))
        list->count++;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

/* Reads "1:UID:", the head of a pin, and moves `at` behind it. */
static bool pin_read_head(const char **at, uid_t *uid)
{
    const char *digit = *at;
    uint64_t value = 0;

    if (digit[0] != '1' || digit[1] != ':')
        return false;
    digit += 2;
    if (*digit < '0' || *digit > '9')
        return false;
    for (; *digit >= '0' && *digit <= '9'; digit++) {
        value = value * 10 + (uint64_t)(*digit - '0');
        if (value > UINT32_MAX)
            return false;
    }
    if (*digit != ':')
        return false;
    *uid = (uid_t)value;
    *at = digit + 1;
    return true;
}

/* Reads one path up to `:` or the end into `out` (PATH_MAX bytes) and moves `at` behind it. It must be absolute. */
static bool pin_read_path(const char **at, char *out)
{
    const char *from = *at;
    size_t length = 0;

    for (; *from != '\0' && *from != ':'; from++) {
        char c = *from;

        if (c == '%') {
            int high = hex_digit(from[1]);
            int low = high < 0 ? -1 : hex_digit(from[2]);

            if (low < 0 || high * 16 + low == 0)
                return false;
            c = (char)(high * 16 + low);
            from += 2;
        }
        if (length + 1 >= PATH_MAX)
            return false;
        out[length++] = c;
    }
    out[length] = '\0';
    *at = *from == ':' ? from + 1 : from;
    /* A colon at the very end promises one path more. */
    return out[0] == '/' && !(*from == ':' && from[1] == '\0');
}

/*
 * Lists the paths of a pin. Of another user's only as many as there is room for: those may be let go. Returns false
 * where the pin cannot be read or, being our own, holds too many.
 */
static bool pin_read(struct layer_list *list, const char *at, bool foreign)
{
    do {
        struct layer_place *layer = layer_next(list);

        if (layer == NULL)
            return foreign;
        if (!pin_read_path(&at, layer->path))
            return false;
        layer->pinned = !foreign;
        layer->foreign = foreign;
        layer_keep(list);
    } while (*at != '\0');
    return true;
}

/* Lists SOCKADE_POLICY. Under another user's pin it is that user's too, and nothing about it can fail. */
static bool policy_add(struct layer_list *list, const char *path, bool foreign)
{
    struct layer_place *layer = layer_next(list);
    size_t length = strlen(path);

    if (layer == NULL || length >= PATH_MAX)
        return foreign || layer_is_listed(list, path);
    if (foreign && path[0] != '/')
        return true;
    memcpy(layer->path, path, length + 1);
    layer->foreign = foreign;
    layer->relative = path[0] != '/';
    layer_keep(list);
    return true;
}

/* Lists the user's own policy.conf; a path that is too long for the kernel leads nowhere and is left out. */
static void default_add(struct layer_list *list, const struct surroundings *surroundings)
{
    struct layer_place *layer = layer_next(list);
    const char *folder = surroundings->config_home != NULL ? surroundings->config_home : surroundings->home;
    const char *name = surroundings->config_home != NULL ? "sockade/policy.conf" : ".config/sockade/policy.conf";

    if (layer != NULL && folder != NULL && path_join(layer->path, folder, name))
        layer_keep(list);
}

int locate_layers(const struct surroundings *surroundings, struct layer_place layers[LAYERS_MAX])
{
    struct layer_list list = {.layers = layers, .room = LAYERS_MAX};
    struct layer_place *system = layer_next(&list);
    const char *pin = surroundings->pinned;
    bool foreign = false;

    system->system = true;
    memcpy(system->path, SYSTEM_FOLDER, sizeof(SYSTEM_FOLDER));
    list.count++;
    if (surroundings->secure)
        return list.count;

    if (pin != NULL) {
        uid_t uid;

        if (!pin_read_head(&pin, &uid))
            return -1;
        foreign = uid != surroundings->uid;
        if (foreign)
            list.room--; /* kept for this user's own policy, which is not to be crowded out by another's */
        if (!pin_read(&list, pin, foreign))
            return -1;
    }
    if (surroundings->policy != NULL && !policy_add(&list, surroundings->policy, foreign))
        return -1;
    list.room = LAYERS_MAX;
    if (foreign || (pin == NULL && surroundings->policy == NULL))
        default_add(&list, surroundings);
    return list.count;
}

/* Whether a byte of a path stands for itself in a pin. */
static bool pin_is_plain(unsigned char c)
{
    return c >= 0x20 && c != 0x7f && c != '%' && c != ':';
}

/* Appends ":PATH" at `length`; returns the new length, or 0 where that and a NUL do not fit. */
static size_t pin_add_path(char *out, size_t size, size_t length, const char *path)
{
    static const char hex[] = "0123456789ABCDEF";

    if (length + 1 >= size)
        return 0;
    out[length++] = ':';
    for (; *path != '\0'; path++) {
        unsigned char c = (unsigned char)*path;
        size_t need = pin_is_plain(c) ? 1 : 3;

        if (need >= size - length)
            return 0;
        if (need == 3) {
            out[length++] = '%';
            out[length++] = hex[c >> 4];
            out[length++] = hex[c & 15];
        } else {
            out[length++] = (char)c;
        }
    }
    return length;
}

size_t pin_format(char *out, size_t size, uid_t uid, const struct layer_place *layers, const bool *held, int count)
{
    size_t length = 2;
    bool any = false;

    if (size < 2 + DECIMAL_TEXT + 1)
        return 0;
    memcpy(out, "1:", 2);
    length += text_decimal(out + length, uid);
    for (int i = 0; i < count; i++) {
        if (!held[i] || layers[i].system || layers[i].relative)
            continue;
        length = pin_add_path(out, size, length, layers[i].path);
        if (length == 0)
            return 0;
        any = true;
    }
    out[length] = '\0';
    return any ? length : 0;
}

/* Images */

bool image_folder(const struct surroundings *surroundings, int which, char *out)
{
    static const char shared[] = "/dev/shm/sockade-";

    switch (which) {
    case 0:
        return surroundings->runtime_dir != NULL && path_join(out, surroundings->runtime_dir, "sockade");
    case 1:
        if (surroundings->cache_home != NULL)
            return path_join(out, surroundings->cache_home, "sockade");
        return surroundings->home != NULL && path_join(out, surroundings->home, ".cache/sockade");
    case 2:
        memcpy(out, shared, sizeof(shared) - 1);
        out[sizeof(shared) - 1 + text_decimal(out + sizeof(shared) - 1, surroundings->uid)] = '\0';
        return true;
    default:
        return false;
    }
}

#define HASH_DIGITS 32

/* FNV-1a in two lanes with multipliers of their own: names need no secrecy, only that no two paths ever share one. */
struct name_hash {
    uint64_t a, b;
};

static void name_hash_add(struct name_hash *hash, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        hash->a = (hash->a ^ (unsigned char)bytes[i]) * 0x100000001b3u;
        hash->b = (hash->b ^ (unsigned char)bytes[i]) * 0x9e3779b97f4a7c15u;
        hash->b ^= hash->b >> 29;
    }
}

/* Behind the hash: the format's version, and what it is. */
static void image_ending(char *out)
{
    static const char ending[] = ".image";
    size_t length = 1;

    out[0] = '-';
    length += text_decimal(out + length, IMAGE_VERSION);
    memcpy(out + length, ending, sizeof(ending));
}

bool is_image_name(const char *name)
{
    char ending[IMAGE_NAME];

    image_ending(ending);
    return strspn(name, "0123456789abcdef") == HASH_DIGITS && strcmp(name + HASH_DIGITS, ending) == 0;
}

void image_name(char out[IMAGE_NAME], const char *text_path, const char *options)
{
    struct name_hash hash = {.a = 0xcbf29ce484222325u, .b = 0x84222325cbf29ce4u};

    name_hash_add(&hash, text_path, strlen(text_path) + 1); /* with its NUL: it ends where the options begin */
    if (options != NULL)
        name_hash_add(&hash, options, strlen(options) + 1);
    text_hex(out, hash.a, 16);
    text_hex(out + 16, hash.b, 16);
    image_ending(out + HASH_DIGITS);
}
