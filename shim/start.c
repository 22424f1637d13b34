/* SPDX-License-Identifier: MIT */
/*
 * Finding the layers that hold for this process and mapping their images.
 *
 * For each layer, in this order: a fresh image; one compiled on the spot; the last good image, with one line on stderr;
 * fail closed, with one line on stderr. Only "does not exist" means "no policy".
 */
#include "shim/start.h"

#include "shim/pin.h"
#include "shim/process.h"
#include "shim/say.h"
#include "state/control.h"
#include "state/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

/* What was found for one layer so far. */
struct candidate {
    struct image_file file;
    struct view view;
    bool fresh;
};

/* How a layer ended. */
enum fate {
    FATE_NONE,   /* it does not exist: no policy */
    FATE_HOLDS,  /* mapped */
    FATE_STALE,  /* mapped, but it is the last good image and not the present text */
    FATE_CLOSED, /* broken: fail closed */
};

static struct surroundings surroundings;
static struct layer_place places[LAYERS_MAX];

static void say_broken(const struct layer_place *place, const char *why, bool stale, bool allowed)
{
    say((const char *const[]){"sockade: ", place->path, ": ", why, "; ",
                              stale     ? "the last good policy stays in force"
                              : allowed ? "everything is allowed (SOCKADE_ON_ERROR=allow)"
                                        : "network calls fail with EACCES",
                              ". See `sockade check`.", NULL});
}

/* Judges a mapped file as an image for this program. */
static bool candidate_open(struct candidate *out, const struct image_file *file)
{
    enum image_error error = image_open(&out->view, file->base, file->size, NULL);

    if (error == IMAGE_OK && out->view.programs.count > 0)
        error = image_open(&out->view, file->base, file->size, process_names());
    out->file = *file;
    return error == IMAGE_OK;
}

/* Looks into one folder for the image of a text; keeps the first one that is good at all, and any fresh one. */
static void candidate_look(struct candidate *best, const char *folder, const char *name, bool system_folder)
{
    char path[PATH_MAX];
    struct image_file file;
    struct candidate found = {0};
    uid_t uid = surroundings.uid;

    if (best->fresh || !path_join(path, folder, name))
        return;
    if (!system_folder) {
        int fd = image_folder_open(folder, uid, false);

        if (fd < 0)
            return;
        if (image_file_open(&file, fd, name, uid, false, true, true) != IMAGE_FILE_OK)
            file.base = NULL;
        close(fd);
    } else if (image_file_open(&file, AT_FDCWD, path, uid, true, true, true) != IMAGE_FILE_OK) {
        file.base = NULL;
    }
    if (file.base == NULL)
        return;
    if (!candidate_open(&found, &file)) {
        image_file_close(&file);
        return;
    }
    found.fresh = image_is_fresh(&found.view);
    if (!found.fresh && best->file.base != NULL) {
        image_file_close(&file);
        return;
    }
    if (best->file.base != NULL)
        image_file_close(&best->file);
    *best = found;
}

/* The best image of a text in all the folders where one may be. */
static void candidate_find(struct candidate *best, const struct layer_place *place)
{
    char name[IMAGE_NAME];
    char folder[PATH_MAX];

    image_name(name, place->path, NULL);
    if (place->system)
        candidate_look(best, SYSTEM_STATE_FOLDER, name, true);
    for (int i = 0; i < IMAGE_FOLDERS && !best->fresh && !surroundings.secure; i++) {
        if (image_folder(&surroundings, i, folder))
            candidate_look(best, folder, name, false);
    }
}

/* Whether a text is there: 1, 0, or -1 with errno where that can't be found out. */
static int path_exists(const char *path)
{
    struct stat st;

    if (stat(path, &st) == 0)
        return 1;
    return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
}

/*
 * The default path is made from $HOME, which may still be another user's after a change of uid. A home that is not ours
 * and does not let us in holds no policy of ours; our own that does not is an error.
 */
static bool home_is_foreign(void)
{
    struct stat st;

    return surroundings.home != NULL && (stat(surroundings.home, &st) != 0 || st.st_uid != surroundings.uid);
}

static int text_exists(const struct layer_place *place, bool explicit_path)
{
    int main_text, folder;

    if (!place->system) {
        int exists = path_exists(place->path);

        return exists < 0 && errno == EACCES && !explicit_path && home_is_foreign() ? 0 : exists;
    }
    main_text = path_exists(SYSTEM_FOLDER "/policy.conf");
    folder = main_text == 1 ? 0 : path_exists(SYSTEM_FOLDER "/policy.d");
    return main_text == 0 ? folder : main_text;
}

/* A file that was named outright may itself be an image, as one that was compiled when a container was built. */
static enum image_file_outcome open_named_image(struct candidate *out, const struct layer_place *place,
                                                const char **why)
{
    struct image_file file;
    enum image_file_outcome outcome = image_file_open(&file, AT_FDCWD, place->path, surroundings.uid, false, false,
                                                      true);

    *why = outcome == IMAGE_FILE_UNREADABLE ? "it cannot be read" : file.why;
    if (outcome != IMAGE_FILE_OK)
        return outcome;
    if (candidate_open(out, &file))
        return IMAGE_FILE_OK;
    image_file_close(&file);
    *why = "the policy image is damaged or of another version";
    return IMAGE_FILE_BAD;
}

/* Compiles a text that has no fresh image; `found` keeps the best that there is then. */
static enum fate compile_text(struct candidate *found, const struct layer_place *place, const char **why)
{
    bool compiled = !surroundings.secure && compile_child_run(place, &surroundings);

    if (compiled) {
        struct candidate newer = {0};

        candidate_find(&newer, place);
        if (newer.file.base != NULL) {
            if (found->file.base != NULL)
                image_file_close(&found->file);
            *found = newer;
            return FATE_HOLDS;
        }
    }
    *why = "the policy could not be compiled";
    return found->file.base != NULL ? FATE_STALE : FATE_CLOSED;
}

static enum fate find_layer(struct candidate *found, const struct layer_place *place, bool explicit_path,
                            const char **why)
{
    int exists = 1;

    if (place->relative) {
        *why = "SOCKADE_POLICY must be an absolute path";
        return FATE_CLOSED;
    }
    if (!explicit_path) {
        exists = text_exists(place, explicit_path);
        if (exists == 0)
            return FATE_NONE;
    }
    if (exists == 1)
        candidate_find(found, place);
    if (found->fresh)
        return FATE_HOLDS;
    if (explicit_path)
        exists = text_exists(place, explicit_path);
    if (exists != 1) {
        *why = exists == 0 ? "the policy is not there" : "the policy cannot be reached";
        if (found->file.base != NULL)
            image_file_close(&found->file);
        return FATE_CLOSED;
    }
    if (explicit_path) {
        struct candidate named = {0};
        enum image_file_outcome outcome = open_named_image(&named, place, why);

        if (outcome != IMAGE_FILE_NO_IMAGE && found->file.base != NULL)
            image_file_close(&found->file);
        if (outcome == IMAGE_FILE_OK) {
            *found = named;
            return FATE_HOLDS;
        }
        if (outcome != IMAGE_FILE_NO_IMAGE)
            return FATE_CLOSED;
    }
    return compile_text(found, place, why);
}

/* Takes a layer into the process' record. */
static void layer_add(const struct layer_place *place, const struct candidate *found, bool closed)
{
    struct layer *layer = &process.layers[process.layer_count++];

    layer->system = place->system;
    layer->closed = closed;
    if (closed)
        return;
    layer->slots[0] = found->view;
    if (!log_place_make(&layer->log, view_string(&found->view, found->view.settings.log_to),
                        found->view.settings.log_max_size, &surroundings))
        layer->log.target = LOG_TO_NOWHERE;
}

/* Whether a layer was found (or failed closed) and thus must hold for our children too. */
static bool start_layer(const struct layer_place *place, bool explicit_path)
{
    struct candidate found = {0};
    const char *why = "it cannot be used";
    enum fate fate = find_layer(&found, place, explicit_path, &why);
    bool allowed = surroundings.allow_on_error && !place->system;

    switch (fate) {
    case FATE_NONE:
        return false;
    case FATE_HOLDS:
        layer_add(place, &found, false);
        return true;
    case FATE_STALE:
        say_broken(place, why, true, false);
        layer_add(place, &found, false);
        return true;
    case FATE_CLOSED:
        break;
    }
    if (place->foreign) /* pinned by another user, whose files are none of ours */
        return false;
    say_broken(place, why, false, allowed);
    if (!allowed)
        layer_add(place, &found, true);
    return true;
}

void start_layers(void)
{
    uid_t uid = kernel_effective_uid();
    bool secure = getauxval(AT_SECURE) != 0 || kernel_real_uid() != uid || getgid() != getegid();
    bool pinned[LAYERS_MAX] = {false};
    int count;

    surroundings_read(&surroundings, environ, uid, secure);
    say_start();
    process.uid = surroundings.uid;
    process.exe = "";
    count = locate_layers(&surroundings, places);
    if (count < 0) {
        say((const char *const[]){"sockade: SOCKADE_PINNED cannot be read; network calls fail with EACCES.", NULL});
        process.layers[0].closed = true;
        process.layer_count = 1;
        return;
    }
    for (int i = 0; i < count; i++) {
        bool explicit_path = places[i].pinned || places[i].foreign || places[i].relative ||
                             (surroundings.policy != NULL && strcmp(surroundings.policy, places[i].path) == 0);

        pinned[i] = start_layer(&places[i], explicit_path && !places[i].system) && !places[i].system;
    }
    if (process.layer_count > 0)
        process_names();
    pin_children(&surroundings, places, pinned, count);
}
