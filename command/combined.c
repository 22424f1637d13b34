/* SPDX-License-Identifier: MIT */
/*
 * An image's origin is what additions_text makes, `audit` or nothing and a line OPTION=ENDPOINT each, and behind it the
 * path of the text, which begins with a slash as no option does.
 */
#include "command/combined.h"

#include "command/command.h"
#include "command/findings.h"
#include "config/memory.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Takes an origin apart in a copy of it. */
static bool combined_read(struct combined *out, const char *origin)
{
    struct option_uses *rules = &out->additions.rules;
    char *rest, *line;

    memset(out, 0, sizeof(*out));
    out->memory = rest = memory_text(origin);
    line = strsep(&rest, "\n");
    out->additions.audit = strcmp(line, "audit") == 0;
    while (rest != NULL && rest[0] != '/') {
        char *value = strsep(&rest, "\n");
        char *name = strsep(&value, "=");

        if (value == NULL)
            break;
        rules->list = memory_grow(rules->list, rules->count, &rules->room, sizeof(*rules->list));
        rules->list[rules->count++] = (struct option_use){name, value};
    }
    if (rest != NULL && rest[0] == '/' && strlen(rest) < sizeof(out->place.path)) {
        memcpy(out->place.path, rest, strlen(rest) + 1);
        return true;
    }
    combined_free(out);
    return false;
}

void combined_free(struct combined *combined)
{
    free(combined->additions.rules.list);
    free(combined->memory);
    memset(combined, 0, sizeof(*combined));
}

/* Reads the origin of a mapped image, which may be of any kind. */
static bool combined_of_image(struct combined *out, const struct image_file *file)
{
    struct view view;

    return image_open(&view, file->base, file->size, NULL) == IMAGE_OK && view_origin(&view)[0] != '\0' &&
           combined_read(out, view_origin(&view));
}

bool combined_of_file(struct combined *out, const char *file, const struct surroundings *surroundings)
{
    struct image_file image;
    bool right;

    if (image_file_open(&image, AT_FDCWD, file, surroundings->uid, false, false) != IMAGE_FILE_OK)
        return false;
    right = combined_of_image(out, &image);
    image_file_close(&image);
    return right;
}

/* Combines anew what is stale. */
static bool publish_again(const struct combined *combined, const struct surroundings *surroundings, const char *name)
{
    struct messages messages = {0};
    struct compiled compiled;
    char where[PATH_MAX];
    int lock = text_lock(surroundings, name);
    bool done = text_compile(&compiled, &combined->place, &combined->additions, false, &messages) &&
                text_publish(&compiled, surroundings, false, name, where);

    findings_show(&messages, stderr);
    messages_free(&messages);
    compiled_free(&compiled);
    if (lock >= 0)
        close(lock);
    return done;
}

/* One name in a folder of images. */
static bool look_at(const char *name, const struct layer_place *place, const struct surroundings *surroundings,
                    struct followers *followers)
{
    struct followers own = {0};
    struct published published;
    struct combined combined;
    bool done = true;

    if (!published_find(&published, surroundings, false, name))
        return true;
    if (combined_of_image(&combined, &published.file)) {
        if (strcmp(combined.place.path, place->path) == 0)
            followers_count(&own, name);
        if (own.at_once + own.later > 0 && !published.fresh)
            done = publish_again(&combined, surroundings, name);
        combined_free(&combined);
    }
    image_file_close(&published.file);
    followers->at_once += own.at_once;
    followers->later += own.later;
    return done;
}

/* A name that stands in several folders is looked at in the first one. */
static bool stood_before(const struct surroundings *surroundings, int which, const char *name)
{
    char folder[PATH_MAX], path[PATH_MAX];

    for (int i = 0; i < which; i++) {
        if (image_folder(surroundings, i, folder) && path_join(path, folder, name) && access(path, F_OK) == 0)
            return true;
    }
    return false;
}

bool combined_publish(const struct layer_place *place, const struct surroundings *surroundings,
                      struct followers *followers)
{
    char path[PATH_MAX];
    bool done = true;

    for (int which = 0; which < IMAGE_FOLDERS; which++) {
        DIR *folder = image_folder(surroundings, which, path) ? opendir(path) : NULL;
        const struct dirent *entry;

        while (folder != NULL && (entry = readdir(folder)) != NULL) {
            const char *ending = strrchr(entry->d_name, '.');

            if (ending != NULL && strcmp(ending, ".image") == 0 && strlen(entry->d_name) < IMAGE_NAME &&
                !stood_before(surroundings, which, entry->d_name))
                done = look_at(entry->d_name, place, surroundings, followers) && done;
        }
        if (folder != NULL)
            closedir(folder);
    }
    return done;
}
