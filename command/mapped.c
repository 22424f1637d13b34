/* SPDX-License-Identifier: MIT */
/* /proc/PID/maps names each mapped file, with " (deleted)" behind one that has gone since. */
#include "command/mapped.h"

#include "state/locate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OBJECT_NAME "libsockade.so"
#define GONE " (deleted)"

/* Takes the mark of a file that has gone off its name; whether it was there. */
static bool cut_gone(char *path)
{
    size_t length = strlen(path), mark = sizeof(GONE) - 1;

    if (length <= mark || strcmp(path + length - mark, GONE) != 0)
        return false;
    path[length - mark] = '\0';
    return true;
}

static void add_image(struct mapped *out, const char *path, bool gone)
{
    for (size_t i = 0; i < out->image_count; i++) {
        if (strcmp(out->images[i], path) == 0 && out->image_gone[i] == gone)
            return;
    }
    if (out->image_count == MAPPED_IMAGES)
        return;
    out->image_gone[out->image_count] = gone;
    snprintf(out->images[out->image_count++], PATH_MAX, "%s", path);
}

static void take_path(struct mapped *out, char *path)
{
    bool gone = cut_gone(path);
    const char *name = strrchr(path, '/') + 1;

    if (strcmp(name, OBJECT_NAME) == 0) {
        snprintf(out->object, sizeof(out->object), "%s", path);
        out->object_gone = gone;
    } else if (is_image_name(name)) {
        add_image(out, path, gone);
    }
}

void mapped_read(struct mapped *out, pid_t pid)
{
    char path[64];
    char *line = NULL;
    size_t room = 0;
    FILE *maps;

    out->object[0] = '\0';
    out->object_gone = false;
    out->image_count = 0;
    snprintf(path, sizeof(path), "/proc/%ld/maps", (long)pid);
    maps = fopen(path, "re");
    errno = maps != NULL ? 0 : errno;
    while (maps != NULL && getline(&line, &room, maps) > 0) {
        char *at = strchr(line, '/');

        line[strcspn(line, "\n")] = '\0';
        if (at != NULL)
            take_path(out, at);
    }
    out->error = errno;
    out->readable = maps != NULL && errno == 0;
    free(line);
    if (maps != NULL)
        fclose(maps);
}
