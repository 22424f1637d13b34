/* SPDX-License-Identifier: MIT */
/* One way from text to published image, for every subcommand that needs one. */
#include "command/texts.h"

#include "command/command.h"
#include "command/progress.h"
#include "config/memory.h"
#include "config/publish.h"
#include "config/read.h"
#include "state/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#define LOCK_SECONDS 30

void surroundings_here(struct surroundings *out)
{
    bool secure = getauxval(AT_SECURE) != 0 || kernel_real_uid() != kernel_effective_uid() || getgid() != getegid();

    surroundings_read(out, environ, kernel_effective_uid(), secure);
}

bool path_absolute(char out[PATH_MAX], const char *path)
{
    char here[PATH_MAX];

    if (path[0] == '/') {
        if (strlen(path) < PATH_MAX) {
            memcpy(out, path, strlen(path) + 1);
            return true;
        }
    } else {
        if (getcwd(here, sizeof(here)) == NULL) {
            complain("getcwd: %s; name '%s' by an absolute path", strerror(errno), path);
            return false;
        }
        /* Images are named by the path as text, so the plainest spelling is the one to give. */
        while (path[0] == '.' && path[1] == '/')
            path += 2 + strspn(path + 2, "/");
        if (path_join(out, here, path))
            return true;
    }
    complain("'%.100s...': %s", path, strerror(ENAMETOOLONG));
    return false;
}

/* Adds what `run` was told. */
static bool add_additions(struct policy *policy, const struct additions *additions, struct messages *messages)
{
    bool right = true;

    for (size_t i = 0; i < additions->rules.count; i++) {
        const struct option_use *use = &additions->rules.list[i];
        char *option = memory_print("--%s", use->name);

        if (strcmp(use->name, "closed") == 0)
            policy_close(policy);
        else if (strcmp(use->name, "log") == 0)
            policy_log_to(policy, use->value);
        else
            right = policy_add_endpoint(policy, option, use->value, messages) && right;
        free(option);
    }
    if (additions->audit)
        policy->mode = MODE_AUDIT;
    return right;
}

static bool read_text(struct compiled *out, const struct layer_place *place, bool trust_anyone,
                      struct messages *messages)
{
    if (place->system)
        return policy_read_system(&out->policy, place->path, trust_anyone, messages);
    return place->path[0] == '\0' || policy_read_file(&out->policy, place->path, trust_anyone, messages);
}

/* The additions as one text that tells any two of them apart; NULL where there are none. */
static char *additions_text(const struct additions *additions)
{
    char *text;

    if (additions == NULL || (!additions->audit && additions->rules.count == 0))
        return NULL;
    text = memory_text(additions->audit ? "audit" : "");
    for (size_t i = 0; i < additions->rules.count; i++) {
        const struct option_use *rule = &additions->rules.list[i];
        char *longer = memory_print("%s\n%s=%s", text, rule->name, rule->value);

        free(text);
        text = longer;
    }
    return text;
}

/*
 * The additions and the path of the text, for whoever is to combine them anew (combined.h); NULL where there is no
 * text, or a value that this form cannot hold.
 */
static char *origin_text(const struct layer_place *place, const struct additions *additions)
{
    char *text = additions_text(additions);
    char *origin = NULL;

    for (size_t i = 0; text != NULL && i < additions->rules.count; i++) {
        if (strchr(additions->rules.list[i].value, '\n') != NULL) {
            free(text);
            text = NULL;
        }
    }
    if (text != NULL && place->path[0] == '/')
        origin = memory_print("%s\n%s", text, place->path);
    free(text);
    return origin;
}

/* Text to image, which is held against its own checksum. */
static bool read_and_compile(struct compiled *out, const struct layer_place *place, const struct additions *additions,
                             bool trust_anyone, struct messages *messages)
{
    enum image_error error;
    bool right = read_text(out, place, trust_anyone, messages);

    if (additions != NULL) {
        right = add_additions(&out->policy, additions, messages) && right;
        out->policy.origin = origin_text(place, additions);
    }
    if (!right || !policy_compile(&out->policy, &out->image, messages))
        return false;
    error = image_verify(out->image.bytes, out->image.size);
    if (error != IMAGE_OK) {
        messages_add(messages, MESSAGE_ERROR, (struct place){place->path, 0},
                     "the image that was made of this policy cannot be used: %s; please report it",
                     image_error_text(error));
        return false;
    }
    return true;
}

bool text_compile(struct compiled *out, const struct layer_place *place, const struct additions *additions,
                  bool trust_anyone, struct messages *messages)
{
    bool done;

    memset(out, 0, sizeof(*out));
    policy_init(&out->policy);
    out->policy.system = place->system;
    progress_begin();
    done = read_and_compile(out, place, additions, trust_anyone, messages);
    progress_end();
    return done;
}

void compiled_free(struct compiled *compiled)
{
    policy_free(&compiled->policy);
    free(compiled->image.bytes);
    memset(compiled, 0, sizeof(*compiled));
}

void text_image_name(char out[IMAGE_NAME], const struct layer_place *place, const struct additions *additions)
{
    char *options = additions_text(additions);

    image_name(out, place->path, options);
    free(options);
}

/* Maps the image at `path` below `folder` if it can be used. */
static bool published_open(struct published *out, int folder, const char *path, uid_t uid, bool system)
{
    struct view view;

    if (image_file_open(&out->file, folder, path, uid, system, true) != IMAGE_FILE_OK)
        return false;
    if (image_open(&view, out->file.base, out->file.size, NULL) != IMAGE_OK) {
        image_file_close(&out->file);
        return false;
    }
    out->fresh = image_is_fresh(&view);
    return true;
}

/* Keeps `found` in place of a stale one, or lets it go; returns whether the search is over. */
static bool published_keep(struct published *out, bool *any, struct published *found)
{
    if (*any && !found->fresh) {
        image_file_close(&found->file);
        return false;
    }
    if (*any)
        image_file_close(&out->file);
    *out = *found;
    *any = true;
    return out->fresh;
}

bool published_find(struct published *out, const struct surroundings *surroundings, bool system, const char *name)
{
    struct published found;
    bool any = false;

    memset(out, 0, sizeof(*out));
    if (system && path_join(found.path, SYSTEM_STATE_FOLDER, name) &&
        published_open(&found, AT_FDCWD, found.path, surroundings->uid, true) && published_keep(out, &any, &found))
        return true;
    for (int which = 0; which < IMAGE_FOLDERS; which++) {
        char folder[PATH_MAX];
        int fd = image_folder(surroundings, which, folder) ? image_folder_open(folder, surroundings->uid, false) : -1;
        bool done;

        if (fd < 0)
            continue;
        done = path_join(found.path, folder, name) && published_open(&found, fd, name, surroundings->uid, false) &&
               published_keep(out, &any, &found);
        close(fd);
        if (done)
            break;
    }
    return any;
}

int text_lock(const struct surroundings *surroundings, const char *name)
{
    int lock;

    progress_begin();
    lock = publish_lock(surroundings, name, LOCK_SECONDS);
    progress_end();
    return lock;
}

/* Root's image of the system layer, for everybody to read. */
static bool publish_system(const struct compiled *compiled, const char *name, char where[PATH_MAX])
{
    char problem[PATH_MAX + 256] = "its name is too long";
    bool published;

    if (mkdir(SYSTEM_STATE_FOLDER, 0755) != 0 && errno != EEXIST) {
        complain("mkdir '" SYSTEM_STATE_FOLDER "': %s", strerror(errno));
        return false;
    }
    progress_begin();
    published = publish_system_image(&compiled->image, name, where, problem, sizeof(problem));
    progress_end();
    if (problem[0] != '\0')
        complain("%s", problem);
    return published;
}

bool text_publish(const struct compiled *compiled, const struct surroundings *surroundings, bool system,
                  const char *name, char where[PATH_MAX])
{
    char problem[PATH_MAX + 256] = "";
    bool published;

    if (system && surroundings->uid == 0)
        return publish_system(compiled, name, where);
    progress_begin();
    published = publish_image(&compiled->image, surroundings, name, where, problem, sizeof(problem));
    progress_end();
    if (problem[0] != '\0')
        complain("%s", problem);
    return published;
}

bool text_write(const struct compiled *compiled, const char *path)
{
    char problem[PATH_MAX + 256];
    bool written;

    progress_begin();
    written = publish_to_file(&compiled->image, path, 0644, problem, sizeof(problem));
    progress_end();
    if (!written)
        complain("%s", problem);
    return written;
}
