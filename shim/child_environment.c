/* SPDX-License-Identifier: MIT */
/*
 * Put together at the call and not kept up to date in `__environ`: a program may write there by itself, and clearenv(3)
 * or unsetenv(3) that did not do what they say would be noticed.
 */
#include "shim/child_environment.h"

#include "shim/judge.h"
#include "shim/pin.h"
#include "shim/real.h"
#include "shim/sandbox.h"
#include "state/preload.h"
#include "state/program.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#define PRELOAD_NAME "LD_PRELOAD="
#define LIB_TOKEN "$LIB"

enum setting { SETTING_PIN, SETTING_POLICY, SETTING_ON_ERROR, SETTING_HOME };

_Static_assert(SETTING_HOME + 1 == CHILD_SETTINGS, "a name for each");

static const char *const names[CHILD_SETTINGS] = {PIN_NAME, POLICY_NAME, "SOCKADE_ON_ERROR=", HOME_NAME};

static char preload[sizeof(PRELOAD_NAME) + PATH_MAX]; /* "LD_PRELOAD=OBJECT" */
static char object[PATH_MAX];
static const char *settings[CHILD_SETTINGS]; /* "NAME=VALUE"; NULL: there is none */

/*
 * Whether an entry of LD_PRELOAD with the loader's token $LIB became `file`: one value then serves 64-bit and 32-bit
 * children.
 */
static bool became(const char *entry, size_t length, const char *file)
{
    const char *token = memmem(entry, length, LIB_TOKEN, strlen(LIB_TOKEN));
    size_t before, behind, whole = strlen(file);

    if (token == NULL)
        return false;
    before = (size_t)(token - entry);
    behind = length - before - strlen(LIB_TOKEN);
    return whole >= before + behind && memcmp(entry, file, before) == 0 &&
           memcmp(token + strlen(LIB_TOKEN), file + whole - behind, behind) == 0;
}

/*
 * Whether an entry is the bare name of `file`, which the loader found in the system's folders. It finds it there for
 * children too, also for those that 64-bit processes start as 32-bit ones.
 */
static bool is_bare(const char *entry, size_t length, const char *file)
{
    const char *base = strrchr(file, '/');

    return base != NULL && strlen(base + 1) == length && memcmp(base + 1, entry, length) == 0 &&
           environment_get(environment_now(), "LD_LIBRARY_PATH") == NULL;
}

/* The object's path made absolute: the folder may be another one when a child is started. */
static bool object_find(const char *file)
{
    size_t length = strlen(file);
    size_t folder = 0;

    if (length == 0 || length >= sizeof(object))
        return false;
    if (file[0] != '/' && getcwd(object, sizeof(object)) != NULL && object[0] == '/' &&
        strpbrk(object, PRELOAD_SEPARATORS "$") == NULL && strlen(object) < sizeof(object) - length - 1) {
        folder = strlen(object);
        object[folder++] = '/';
    }
    memcpy(object + folder, file, length + 1);
    return true;
}

/* Notes the entry of LD_PRELOAD that children get. */
static void preload_note(const char *list)
{
    size_t name = strlen(PRELOAD_NAME);
    const char *entry = object;
    size_t length = strlen(object);

    for (list += strspn(list, PRELOAD_SEPARATORS); *list != '\0'; list += strspn(list, PRELOAD_SEPARATORS)) {
        size_t next = strcspn(list, PRELOAD_SEPARATORS);

        if (next < PATH_MAX && (became(list, next, object) || is_bare(list, next, object))) {
            entry = list;
            length = next;
        }
        list += next;
    }
    memcpy(preload, PRELOAD_NAME, name);
    memcpy(preload + name, entry, length);
    preload[name + length] = '\0';
}

void child_environment_start(const struct surroundings *surroundings)
{
    const char *list = environment_get(environment_now(), "LD_PRELOAD");

    if (surroundings->secure || !object_find(own_object()))
        return;
    preload_note(list == NULL ? "" : list);
    settings[SETTING_PIN] = pin_variable();
    settings[SETTING_ON_ERROR] = surroundings->allow_on_error ? "SOCKADE_ON_ERROR=allow" : NULL;
    settings[SETTING_POLICY] = surroundings->policy == NULL ? NULL : surroundings->policy - strlen(POLICY_NAME);
    settings[SETTING_HOME] = surroundings->home == NULL ? NULL : surroundings->home - strlen(HOME_NAME);
}

const char *child_object(void)
{
    return object;
}

const char *child_object_value(void)
{
    return preload + strlen(PRELOAD_NAME);
}

static bool begins(const char *variable, const char *name)
{
    return strncmp(variable, name, strlen(name)) == 0;
}

/* Takes one variable into account. Of LD_PRELOAD the loader reads the last one, of the others we read the first. */
static void notice(struct lack *out, size_t at, const char *variable, bool *has_home)
{
    if (variable[0] == 'L' && begins(variable, PRELOAD_NAME)) {
        out->preload_at = at;
        out->preload_old = variable;
    } else if (variable[0] == 'H' && begins(variable, "HOME=/")) {
        *has_home = true;
    } else if (variable[0] == 'S' && begins(variable, "SOCKADE_")) {
        for (unsigned i = 0; i < CHILD_SETTINGS; i++) {
            if (!(out->settings & 1u << i) || !begins(variable, names[i]))
                continue;
            out->settings &= ~(1u << i);
            if (i != SETTING_PIN)
                continue;
            out->pin_at = at;
            out->pin_old = variable;
        }
    }
}

/* Whether the loader can find the object now, as far as can be told. After chroot(2) it may not, and would say so. */
static bool object_is_there(void)
{
    int saved = errno;
    bool there = sandboxed() || access(object, R_OK) == 0 || !error_is_of_path(errno);

    errno = saved;
    return there;
}

/* What has to be changed of what was found. */
static void lack_settle(struct lack *out)
{
    out->preload_length = out->preload_old == NULL ? 0 : strlen(out->preload_old);
    out->preload = !(out->preload_old != NULL &&
                     preload_names(out->preload_old + strlen(PRELOAD_NAME), preload + strlen(PRELOAD_NAME))) &&
                   object_is_there();
    out->pin_length = out->pin_old == NULL ? 0 : strlen(out->pin_old);
    out->pin = out->pin_old != NULL && settings[SETTING_PIN] != NULL && !pin_holds(out->pin_old, settings[SETTING_PIN]);
    out->added = out->preload && out->preload_old == NULL;
    for (unsigned i = 0; i < CHILD_SETTINGS; i++)
        out->added += out->settings >> i & 1;
}

bool environment_lacks(struct lack *out, char *const *envp)
{
    bool has_home = false;

    memset(out, 0, sizeof(*out));
    if (preload[0] == '\0' || (envp != NULL && plainly_bad(envp)))
        return false;
    for (unsigned i = 0; i < CHILD_SETTINGS; i++)
        out->settings |= (unsigned)(settings[i] != NULL) << i;
    for (; envp != NULL && envp[out->count] != NULL; out->count++) {
        if (!plainly_bad(envp[out->count]))
            notice(out, out->count, envp[out->count], &has_home);
    }
    if (out->preload_old == NULL)
        out->preload_at = out->count;
    if (has_home)
        out->settings &= ~(1u << SETTING_HOME);
    lack_settle(out);
    return out->preload || out->pin || out->settings != 0;
}

size_t environment_size(const struct lack *lack)
{
    size_t size = (lack->count + lack->added + 1) * sizeof(char *);

    if (lack->preload)
        size += lack->preload_length + strlen(preload) + 2;
    if (lack->pin)
        size += lack->pin_length + strlen(settings[SETTING_PIN]) + 1;
    return size;
}

size_t environment_changes_length(const struct lack *lack)
{
    size_t length = environment_size(lack); /* of the texts that are made */

    for (unsigned i = 0; i < CHILD_SETTINGS; i++)
        length += lack->settings >> i & 1 ? strlen(settings[i]) : 0;
    return length;
}

/* Writes our object behind those that are in the list; returns how many bytes that took. */
static size_t preload_write(char *out, const struct lack *lack)
{
    size_t name = strlen(PRELOAD_NAME);
    size_t length = lack->preload_length;
    const char *value = preload + name;

    if (length <= name) {
        memcpy(out, preload, strlen(preload) + 1);
        return strlen(preload) + 1;
    }
    memcpy(out, lack->preload_old, length);
    out[length++] = ':';
    memcpy(out + length, value, strlen(value) + 1);
    return length + strlen(value) + 1;
}

size_t environment_changes(char *text, const struct lack *lack, struct environment_change out[ENVIRONMENT_CHANGES])
{
    size_t count = 0;

    if (lack->preload) {
        out[count++] = (struct environment_change){lack->preload_at, text};
        text += preload_write(text, lack);
    }
    if (lack->pin) {
        pin_join(text, lack->pin_old, lack->pin_length, settings[SETTING_PIN]);
        out[count++] = (struct environment_change){lack->pin_at, text};
    }
    for (unsigned i = 0; i < CHILD_SETTINGS; i++) {
        if (lack->settings & 1u << i)
            out[count++] = (struct environment_change){lack->count, settings[i]};
    }
    return count;
}

char *const *environment_complete(void *memory, const struct lack *lack, char *const *envp)
{
    struct environment_change changes[ENVIRONMENT_CHANGES];
    const char **list = memory;
    size_t end = lack->count;
    size_t count = environment_changes((char *)(list + end + lack->added + 1), lack, changes);

    if (end > 0)
        memcpy(list, envp, end * sizeof(*list));
    for (size_t i = 0; i < count; i++)
        list[changes[i].at < lack->count ? changes[i].at : end++] = changes[i].variable;
    list[end] = NULL;
    return memory;
}
