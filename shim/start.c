/* SPDX-License-Identifier: MIT */
/*
 * The start: every layer found or failed closed, what was found pinned for children, and all of it handed to follow.c.
 */
#include "shim/start.h"

#include "shim/child_environment.h"
#include "shim/find.h"
#include "shim/follow.h"
#include "shim/install.h"
#include "shim/pin.h"
#include "shim/process.h"
#include "shim/real.h"
#include "shim/say.h"
#include "state/kernel.h"
#include "state/large.h"

#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

/* Room for the variables that later reloads need. */
#define KEPT_SIZE 16384

static struct surroundings surroundings;
LARGE static struct layer_place places[LAYERS_MAX];

static void say_broken(const struct layer_place *place, const char *why, bool stale, bool allowed)
{
    say((const char *const[]){"sockade: ", place->path, ": ", why, "; ",
                              stale     ? "the last good policy stays in force"
                              : allowed ? "everything is allowed (SOCKADE_ON_ERROR=allow)"
                                        : "network calls fail with EACCES",
                              ". See `sockade check`.", NULL});
}

/* Whether a layer was found (or failed closed) and thus must hold for our children too. */
static bool start_layer(int i, bool explicit_path)
{
    const struct layer_place *place = &places[i];
    const struct search search = {.place = place,
                                  .surroundings = &surroundings,
                                  .explicit_path = explicit_path,
                                  .compile = true,
                                  .word = &process_words[process.layer_count]};
    static struct candidate found;
    const char *why = "it cannot be used";
    bool allowed = surroundings.allow_on_error && !place->system;
    enum fate fate;

    memset(&found, 0, sizeof(found));
    fate = find_layer(&found, &search, &why);
    if (fate == FATE_CLOSED && place->foreign) /* pinned by another user, whose files are none of ours */
        fate = FATE_NONE;
    if (fate == FATE_STALE || fate == FATE_CLOSED)
        say_broken(place, why, fate == FATE_STALE, allowed);
    follow_start(i, &search, &found, fate, allowed);
    return fate != FATE_NONE;
}

/*
 * Copies one variable, since programs change and overwrite their environment; NULL where there is no room left. In
 * front of the copy stands `name`, as children get it.
 */
static const char *keep(const char *name, const char *value)
{
    LARGE static char kept[KEPT_SIZE];
    static size_t used;
    size_t name_length = strlen(name);
    size_t size = value == NULL ? 0 : strlen(value) + 1;
    char *copy = kept + used;

    if (value == NULL || name_length > sizeof(kept) - used || size > sizeof(kept) - used - name_length)
        return NULL;
    memcpy(copy, name, name_length);
    memcpy(copy + name_length, value, size);
    used += name_length + size;
    return copy + name_length;
}

/* What is not copied serves at the start alone. */
static void surroundings_keep(void)
{
    surroundings.pinned = NULL;
    surroundings.policy = keep(POLICY_NAME, surroundings.policy);
    surroundings.home = keep(HOME_NAME, surroundings.home);
    surroundings.config_home = keep("", surroundings.config_home);
    surroundings.runtime_dir = keep("", surroundings.runtime_dir);
    surroundings.cache_home = keep("", surroundings.cache_home);
    surroundings.state_home = keep("", surroundings.state_home);
    child_environment_start(&surroundings);
}

/*
 * The ids are those that the kernel noted at exec: asking for them costs four system calls, and a sandbox that refuses
 * these would make ids differ and hide the user's policy.
 */
void start_layers(void)
{
    uid_t uid = (uid_t)getauxval(AT_EUID);
    bool secure = getauxval(AT_SECURE) != 0 || getauxval(AT_UID) != uid || getauxval(AT_GID) != getauxval(AT_EGID);
    bool pinned[LAYERS_MAX] = {false};
    int count;

    surroundings_read(&surroundings, environment_now(), uid, secure);
    say_start();
    process.uid = surroundings.uid;
    process.exe = "";
    count = locate_layers(&surroundings, places);
    if (count < 0) {
        say((const char *const[]){"sockade: SOCKADE_PINNED cannot be read; network calls fail with EACCES.", NULL});
        install_closed();
        pin_unreadable();
        surroundings_keep();
        return;
    }
    for (int i = 0; i < count; i++) {
        bool explicit_path = places[i].pinned || places[i].foreign || places[i].relative ||
                             (surroundings.policy != NULL && strcmp(surroundings.policy, places[i].path) == 0);

        pinned[i] = start_layer(i, explicit_path && !places[i].system) && !places[i].system;
    }
    if (process.layer_count > 0)
        process_name();
    pin_children(&surroundings, places, pinned, count);
    surroundings_keep();
}
