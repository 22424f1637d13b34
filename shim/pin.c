/* SPDX-License-Identifier: MIT */
/* The pin: one variable more in `environ`, in memory of our own. */
#include "shim/pin.h"
#include "state/large.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PIN_NAME "SOCKADE_PINNED="

/* Every byte of the longest paths written as %XX. */
#define PIN_MAX (sizeof(PIN_NAME) + 16 + (size_t)LAYERS_MAX * PATH_MAX * 3)

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

    for (; environ[count] != NULL; count++) {
        if (strncmp(environ[count], PIN_NAME, sizeof(PIN_NAME) - 1) == 0) {
            environ[count] = variable;
            return;
        }
    }
    longer = list_room(count + 2, used);
    if (longer == NULL)
        return;
    memcpy(longer, environ, count * sizeof(*longer));
    longer[count] = variable;
    longer[count + 1] = NULL;
    environ = longer;
}

void pin_children(const struct surroundings *surroundings, const struct layer_place *places, const bool *held,
                  int count)
{
    const size_t name = sizeof(PIN_NAME) - 1;
    size_t length;

    if (surroundings->secure || environ == NULL)
        return;
    length = pin_format(room + name, sizeof(room) - name, surroundings->uid, places, held, count);
    if (length == 0 || (surroundings->pinned != NULL && strcmp(surroundings->pinned, room + name) == 0))
        return;
    memcpy(room, PIN_NAME, name);
    environment_put(room, name + length + 1);
}
