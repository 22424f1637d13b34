/* SPDX-License-Identifier: MIT */
/* The pin: one variable more in `environ`, in memory of our own. */
#include "shim/pin.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PIN_NAME "SOCKADE_PINNED="
#define PIN_MAX 65536u

static struct layer_place held_places[LAYERS_MAX];

static void *pages(size_t size)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return at == MAP_FAILED ? NULL : at;
}

/* Puts `variable` in the place of an older one of its name, or behind the last in a longer copy of the list. */
static void environment_put(char *variable)
{
    size_t count = 0;
    char **longer;

    for (; environ[count] != NULL; count++) {
        if (strncmp(environ[count], PIN_NAME, sizeof(PIN_NAME) - 1) == 0) {
            environ[count] = variable;
            return;
        }
    }
    longer = pages((count + 2) * sizeof(*longer));
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
    size_t name = sizeof(PIN_NAME) - 1;
    int kept = 0;
    char *variable;

    for (int i = 0; i < count; i++) {
        if (held[i])
            held_places[kept++] = places[i];
    }
    if (kept == 0 || surroundings->secure || environ == NULL)
        return;
    variable = pages(PIN_MAX);
    if (variable == NULL)
        return;
    memcpy(variable, PIN_NAME, name);
    if (pin_format(variable + name, PIN_MAX - name, surroundings->uid, held_places, kept) > 0 &&
        (surroundings->pinned == NULL || strcmp(surroundings->pinned, variable + name) != 0)) {
        environment_put(variable);
        return;
    }
    munmap(variable, PIN_MAX);
}
