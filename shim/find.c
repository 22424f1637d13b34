/* SPDX-License-Identifier: MIT */
/*
 * Which image is to hold for a layer, in this order: a fresh one; one compiled on the spot; the last good one; none,
 * and the layer fails closed. Only "does not exist" means "no policy".
 *
 * Used by the start and by reloads, of which there is never more than one at a time: what is large is static, since a
 * hook may run on a small stack.
 */
#include "shim/find.h"

#include "shim/process.h"
#include "shim/start.h"
#include "state/kernel.h"
#include "state/large.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* Judges a mapped file, which is the candidate's from here on, as an image for this program. */
static bool candidate_open(struct candidate *out, const struct image_file *file)
{
    enum image_error error = image_open(&out->view, file->base, file->size, NULL);

    out->file = *file;
    if (error == IMAGE_OK && out->view.programs.count > 0)
        error = image_open(&out->view, file->base, file->size, process_names());
    return error == IMAGE_OK;
}

void candidate_drop(struct candidate *candidate)
{
    generation_unmap(&candidate->generation);
    image_file_close(&candidate->file);
}

/* One folder that may hold the image of a text. */
struct image_place {
    const char *folder;
    const char *name;
    bool system;
    bool control; /* its control file is to be mapped */
};

/* Opens the image, and the folder's control file before it: what comes in between is then noticed. */
static bool candidate_take(struct candidate *out, const struct search *search, const struct image_place *at,
                           union generation_place *word)
{
    LARGE static char path[PATH_MAX];
    struct image_file file = {0};
    uid_t uid = search->surroundings->uid;
    int fd = AT_FDCWD;

    memset(out, 0, sizeof(*out));
    if (at->system) {
        if (!path_join(path, at->folder, at->name) ||
            image_file_open(&file, fd, path, uid, true, true) != IMAGE_FILE_OK)
            file.base = NULL;
    } else {
        fd = image_folder_open(at->folder, uid, false);
        if (fd < 0)
            return false;
        if (at->control)
            generation_map(&out->generation, fd, GENERATION_FILE, uid, false, word);
        if (image_file_open(&file, fd, at->name, uid, false, true) != IMAGE_FILE_OK)
            file.base = NULL;
        kernel_close(fd);
    }
    if (file.base != NULL && candidate_open(out, &file))
        return true;
    candidate_drop(out);
    return false;
}

/* Looks into one folder for the image of a text; keeps the first one that is good at all, and any fresh one. */
static void candidate_look(struct candidate *best, const struct search *search, const struct image_place *at)
{
    static struct candidate found;
    union generation_place *word = best->generation.place == NULL ? search->word : NULL;

    if (best->fresh || !candidate_take(&found, search, at, word))
        return;
    found.fresh = image_is_fresh(&found.view);
    if (!found.fresh && best->file.base != NULL) {
        candidate_drop(&found);
        return;
    }
    candidate_drop(best);
    *best = found;
}

/*
 * The system layer's word is root's, where there is one, also while the image that holds is one that this user's
 * processes made of a text that root had not published: what root publishes next is to reach them all.
 */
void candidate_find(struct candidate *best, const struct search *search)
{
    const struct layer_place *place = search->place;
    struct generation roots = {0};
    LARGE static char folder[PATH_MAX];
    char name[IMAGE_NAME];

    image_name(name, place->path, NULL);
    if (place->system) {
        generation_map(&roots, AT_FDCWD, SYSTEM_STATE_FOLDER "/" GENERATION_FILE, search->surroundings->uid, true,
                       search->word);
        candidate_look(best, search, &(struct image_place){SYSTEM_STATE_FOLDER, name, true, false});
    }
    for (int i = 0; i < IMAGE_FOLDERS && !best->fresh && !search->surroundings->secure; i++) {
        if (image_folder(search->surroundings, i, folder))
            candidate_look(best, search, &(struct image_place){folder, name, false, roots.page == NULL});
    }
    if (roots.page == NULL)
        return;
    if (best->file.base == NULL) {
        generation_unmap(&roots);
        return;
    }
    generation_unmap(&best->generation);
    best->generation = roots;
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
static bool home_is_foreign(const struct surroundings *surroundings)
{
    struct stat st;

    return surroundings->home != NULL && (stat(surroundings->home, &st) != 0 || st.st_uid != surroundings->uid);
}

static int text_exists(const struct search *search)
{
    const struct layer_place *place = search->place;
    int main_text, folder, whole;

    if (!place->system) {
        int exists = path_exists(place->path);

        return exists < 0 && errno == EACCES && !search->explicit_path && home_is_foreign(search->surroundings)
                   ? 0
                   : exists;
    }
    whole = path_exists(SYSTEM_FOLDER); /* most machines have no policy of their own: one look, not two */
    if (whole != 1)
        return whole;
    main_text = path_exists(SYSTEM_FOLDER "/policy.conf");
    folder = main_text == 1 ? 0 : path_exists(SYSTEM_FOLDER "/policy.d");
    return main_text == 0 ? folder : main_text;
}

/* Whether what was named is one of the images that Sockade names itself. */
static bool has_image_name(const struct layer_place *place)
{
    const char *slash = strrchr(place->path, '/');

    return slash != NULL && is_image_name(slash + 1);
}

/* The control file beside such an image. */
static void control_beside(struct generation *out, const struct search *search)
{
    LARGE static char path[PATH_MAX];
    const char *place = search->place->path;
    size_t length;

    memset(out, 0, sizeof(*out));
    if (!has_image_name(search->place))
        return;
    length = (size_t)(strrchr(place, '/') + 1 - place);
    memcpy(path, place, length); /* it is shorter than the name that it takes the place of */
    memcpy(path + length, GENERATION_FILE, sizeof(GENERATION_FILE));
    generation_map(out, AT_FDCWD, path, search->surroundings->uid, false, search->word);
}

enum image_file_outcome candidate_open_named(struct candidate *out, const struct search *search, const char **why)
{
    enum image_file_outcome outcome;
    struct generation control;
    struct image_file file;

    control_beside(&control, search);
    outcome = image_file_open(&file, AT_FDCWD, search->place->path, search->surroundings->uid, false, false);
    *why = outcome == IMAGE_FILE_UNREADABLE ? "it cannot be read" : file.why;
    if (outcome != IMAGE_FILE_OK) {
        generation_unmap(&control);
        return outcome;
    }
    memset(out, 0, sizeof(*out));
    out->named = true;
    out->generation = control;
    if (candidate_open(out, &file)) {
        out->combined = has_image_name(search->place) && view_origin(&out->view)[0] != '\0';
        return IMAGE_FILE_OK;
    }
    candidate_drop(out);
    *why = "the policy image is damaged or of another version";
    return IMAGE_FILE_BAD;
}

/* An image that was named is what it is, but for one that was combined. */
static bool named_is_fresh(const struct candidate *candidate)
{
    return !candidate->combined || image_is_fresh(&candidate->view);
}

/* Compiles a text that has no fresh image; `found` keeps the best that there is then. */
static enum fate compile_text(struct candidate *found, const struct search *search, const char **why)
{
    static struct candidate newer;
    struct search elsewhere = *search; /* than what was found before, and is still held */
    bool compiled = search->compile && !search->surroundings->secure &&
                    compile_child_run(search->place, search->surroundings);

    if (compiled) {
        memset(&newer, 0, sizeof(newer));
        elsewhere.word = NULL;
        candidate_find(&newer, &elsewhere);
        if (newer.file.base != NULL) {
            candidate_drop(found);
            *found = newer;
            return FATE_HOLDS;
        }
    }
    *why = "the policy could not be compiled";
    return found->file.base != NULL ? FATE_STALE : FATE_CLOSED;
}

/*
 * Where the path itself may be an image: what became of it, or FATE_NONE for a text. One that `sockade run` combined of
 * a text that has changed since is combined anew.
 */
static enum fate find_named(struct candidate *found, const struct search *search, const char **why)
{
    static struct candidate named;
    enum image_file_outcome outcome = candidate_open_named(&named, search, why);
    bool stale = outcome == IMAGE_FILE_OK && !named_is_fresh(&named);

    if (stale && search->compile && !search->surroundings->secure &&
        compile_child_run(search->place, search->surroundings)) {
        candidate_drop(&named);
        outcome = candidate_open_named(&named, search, why);
        stale = outcome == IMAGE_FILE_OK && !named_is_fresh(&named);
    }
    if (outcome == IMAGE_FILE_NO_IMAGE)
        return FATE_NONE;
    candidate_drop(found);
    if (outcome != IMAGE_FILE_OK)
        return FATE_CLOSED;
    *found = named;
    if (stale)
        *why = "the policy could not be compiled";
    return stale ? FATE_STALE : FATE_HOLDS;
}

enum fate find_layer(struct candidate *found, const struct search *search, const char **why)
{
    int exists = 1;

    if (search->place->relative) {
        *why = "SOCKADE_POLICY must be an absolute path";
        return FATE_CLOSED;
    }
    if (!search->explicit_path) {
        exists = text_exists(search);
        if (exists == 0)
            return FATE_NONE;
    }
    if (exists == 1)
        candidate_find(found, search);
    if (found->fresh)
        return FATE_HOLDS;
    if (search->explicit_path)
        exists = text_exists(search);
    if (exists != 1) {
        *why = exists == 0 ? "the policy is not there" : "the policy cannot be reached";
        candidate_drop(found);
        return FATE_CLOSED;
    }
    if (search->explicit_path) {
        enum fate fate = find_named(found, search, why);

        if (fate != FATE_NONE)
            return fate;
    }
    return compile_text(found, search, why);
}
