/* SPDX-License-Identifier: MIT */
/* Which text a subcommand that compiles works on. */
#include "command/choose.h"

#include "command/command.h"
#include "command/layers.h"

#include <string.h>

/* A text can be compiled; an image is one already. */
static int refuse_image(const struct layer_place *place)
{
    if (!file_is_image(place->path))
        return EXIT_FINE;
    complain("'%s' is an image already; name the text that it was made of", place->path);
    return EXIT_NEGATIVE;
}

static int choose_named(struct layer_place *place, const char *file)
{
    return path_absolute(place->path, file) ? refuse_image(place) : EXIT_OWN;
}

/* The last of the user's layers: SOCKADE_POLICY, else the default path. */
static int choose_own(struct layer_place *place, const struct surroundings *surroundings)
{
    struct layer_place layers[LAYERS_MAX];
    int count;

    count = layers_locate(surroundings, layers);
    if (count < 0)
        return EXIT_OWN;
    if (count < 2) {
        complain("there is no policy of yours: neither HOME nor XDG_CONFIG_HOME is set; name a file");
        return EXIT_OWN;
    }
    *place = layers[count - 1];
    if (place->relative) {
        complain("SOCKADE_POLICY '%s' must be an absolute path", place->path);
        return EXIT_OWN;
    }
    return refuse_image(place);
}

int text_choose(struct layer_place *place, const struct usage *usage, bool system, const char *file,
                const struct surroundings *surroundings)
{
    memset(place, 0, sizeof(*place));
    if (system && file != NULL)
        return usage_error(usage, "either '%s' or --system", file);
    if (system) {
        place->system = true;
        memcpy(place->path, SYSTEM_FOLDER, sizeof(SYSTEM_FOLDER));
        return EXIT_FINE;
    }
    return file != NULL ? choose_named(place, file) : choose_own(place, surroundings);
}

bool text_is_fresh(const struct surroundings *surroundings, const struct layer_place *place, const char *name)
{
    struct published old;

    if (!published_find(&old, surroundings, place->system, name))
        return false;
    image_file_close(&old.file);
    return old.fresh;
}
