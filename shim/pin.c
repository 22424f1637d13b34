/* SPDX-License-Identifier: MIT */
/* The pin: one variable more in `__environ`, in memory of our own. */
#include "shim/pin.h"
#include "state/large.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Every byte of the longest paths written as %XX. */
#define PIN_MAX (sizeof(PIN_NAME) + 16 + (size_t)LAYERS_MAX * PATH_MAX * 3)

static const char *pinned;

/* The variable, and behind it the longer list where that fits: a start touches no more pages than it must. */
LARGE static char room[PIN_MAX] __attribute__((aligned(sizeof(char *))));

/* Memory for the list, aligned. */
static char **list_room(size_t entries, size_t used)
{
    size_t at = (used + sizeof(char *) - 1) / sizeof(char *) * sizeof(char *);
    void *pages;

    if (entries * sizeof(char *) <= sizeof(room) - at)
        return (char **)(void *)(room + at);
    pages = mmap(NULL, entries * sizeof(char *), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return pages == MAP_FAILED ? NULL : pages;
}

/* Puts `variable` in the place of an older one of its name, or behind the last in a longer copy of the list. */
static void environment_put(char *variable, size_t used)
{
    size_t count = 0;
    char **longer;

    for (; __environ[count] != NULL; count++) {
        if (strncmp(__environ[count], PIN_NAME, sizeof(PIN_NAME) - 1) == 0) {
            __environ[count] = variable;
            return;
        }
    }
    longer = list_room(count + 2, used);
    if (longer == NULL)
        return;
    memcpy(longer, __environ, count * sizeof(*longer));
    longer[count] = variable;
    longer[count + 1] = NULL;
    __environ = longer;
}

void pin_children(const struct surroundings *surroundings, const struct layer_place *places, const bool *held,
                  int count)
{
    const size_t name = sizeof(PIN_NAME) - 1;
    size_t length;

    if (surroundings->secure || __environ == NULL)
        return;
    length = pin_format(room + name, sizeof(room) - name, surroundings->uid, places, held, count);
    if (length == 0)
        return;
    memcpy(room, PIN_NAME, name);
    pinned = room;
    if (surroundings->pinned == NULL || strcmp(surroundings->pinned, room + name) != 0)
        environment_put(room, name + length + 1);
}

void pin_unreadable(void)
{
    pinned = PIN_NAME "unreadable";
}

const char *pin_variable(void)
{
    return pinned;
}

/*
 * The length of "SOCKADE_PINNED=1:UID", which all pins of one user begin with; the paths follow, each behind a colon.
 */
static size_t head_length(const char *variable)
{
    const char *uid = strchr(variable, ':');
    const char *paths = uid == NULL ? NULL : strchr(uid + 1, ':');

    return paths == NULL ? strlen(variable) : (size_t)(paths - variable);
}

/* Whether one of the paths in `length` bytes is this one; equal paths are written in the same way. */
static bool lists_path(const char *paths, size_t length, const char *path, size_t path_length)
{
    const char *end = paths + length;

    while (paths < end) {
        const char *next = memchr(paths + 1, ':', (size_t)(end - paths - 1));
        size_t this = (size_t)((next == NULL ? end : next) - paths);

        if (this == path_length && memcmp(paths, path, this) == 0)
            return true;
        paths += this;
    }
    return false;
}

/* The next path of a pin with its colon, from `*at` on; false behind the last one. */
static bool next_path(const char **at, const char **path, size_t *length)
{
    if (**at != ':')
        return false;
    *path = *at;
    *length = 1 + strcspn(*at + 1, ":");
    *at += *length;
    return true;
}

bool pin_holds(const char *theirs, const char *ours)
{
    size_t head = head_length(ours);
    const char *at = ours + head;
    const char *path;
    size_t length;

    if (strncmp(theirs, ours, head) != 0 || (theirs[head] != ':' && theirs[head] != '\0'))
        return false;
    while (next_path(&at, &path, &length)) {
        if (!lists_path(theirs + head, strlen(theirs + head), path, length))
            return false;
    }
    return true;
}

void pin_join(char *out, const char *theirs, size_t length, const char *ours)
{
    size_t head = head_length(ours);
    const char *at = ours + head;
    size_t used = length;
    const char *path;
    size_t path_length;

    memcpy(out, theirs, length);
    if (length <= head || memcmp(out, ours, head) != 0 || out[head] != ':') {
        memcpy(out, ours, strlen(ours) + 1);
        return;
    }
    while (next_path(&at, &path, &path_length)) {
        if (lists_path(out + head, used - head, path, path_length))
            continue;
        memcpy(out + used, path, path_length);
        used += path_length;
    }
    out[used] = '\0';
}
