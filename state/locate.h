/* SPDX-License-Identifier: MIT */
/*
 * Which files hold the policy of a process, where its images are kept, and whom to trust.
 *
 * Used by the shim before anything of libc may be ready, so: system calls and memory of the caller's only.
 */
#ifndef SOCKADE_STATE_LOCATE_H
#define SOCKADE_STATE_LOCATE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#define SYSTEM_FOLDER "/etc/sockade"           /* policy.conf and policy.d/ of the system layer */
#define SYSTEM_STATE_FOLDER "/var/lib/sockade" /* its image, compiled by root */

/* The environment of a process, as far as it matters here. Pointers into `envp`; NULL where a name is absent or "". */
struct surroundings {
    uid_t uid;               /* effective */
    bool secure;             /* AT_SECURE, or real and effective ids differ: the environment counts for nothing */
    bool allow_on_error;     /* SOCKADE_ON_ERROR=allow: a broken user layer allows */
    const char *policy;      /* SOCKADE_POLICY */
    const char *pinned;      /* SOCKADE_PINNED */
    const char *config_home; /* XDG_CONFIG_HOME, absolute ones only, as the XDG specification says */
    const char *runtime_dir; /* XDG_RUNTIME_DIR */
    const char *cache_home;  /* XDG_CACHE_HOME */
    const char *state_home;  /* XDG_STATE_HOME */
    const char *home;        /* HOME, or what a parent says that it was */
};

void surroundings_read(struct surroundings *out, char *const *envp, uid_t uid, bool secure);

/* The value of `name` in `envp`, or NULL. */
const char *environment_get(char *const *envp, const char *name);

/* One system layer and eight of the user. */
#define LAYERS_MAX 9

struct layer_place {
    bool system;
    bool pinned;   /* it must be there: a missing one fails closed */
    bool foreign;  /* pinned by another uid: where it can't be read or is not trusted it is let go without a word */
    bool relative; /* SOCKADE_POLICY names no absolute path: an error */
    char path[PATH_MAX]; /* the text, or an image; SYSTEM_FOLDER for the system layer */
};

/*
 * The layers that may hold, in the order system, pinned ones, SOCKADE_POLICY, default path; whether each exists is
 * for whoever opens them to find out. The default path is used only where nothing is pinned and SOCKADE_POLICY is
 * not set. A path that stands twice is listed once.
 * Returns their number; -1 where the pin cannot be read or there are more than LAYERS_MAX: fail closed.
 */
int locate_layers(const struct surroundings *surroundings, struct layer_place layers[LAYERS_MAX]);

/*
 * Writes the value of SOCKADE_PINNED for the user layers with `held` set: "1:UID:PATH:PATH..." with %XX for `%`, `:`
 * and control bytes. Returns its length, or 0 where there is nothing to pin or it does not fit.
 */
size_t pin_format(char *out, size_t size, uid_t uid, const struct layer_place *layers, const bool *held, int count);

/*
 * Where images of texts live: $XDG_RUNTIME_DIR/sockade, else $XDG_CACHE_HOME/sockade (~/.cache), else
 * /dev/shm/sockade-UID.
 */
#define IMAGE_FOLDERS 3

/*
 * Writes candidate `which` (0 to 2) into `out` (PATH_MAX bytes); false where its variable is missing or it is too long.
 */
bool image_folder(const struct surroundings *surroundings, int which, char *out);

/*
 * Opens a folder for images: without following a link in its last part, our own, mode 0700 at most. With `create` a
 * missing one is made, but none above it: $XDG_RUNTIME_DIR is not ours to make (publish makes ~/.cache). Returns a
 * descriptor (O_PATH | O_DIRECTORY | O_CLOEXEC) or -1 with errno (EACCES where it is not to be trusted).
 */
int image_folder_open(const char *path, uid_t uid, bool create);

/*
 * The file name of a text's image: a hash of the absolute path by which the text is reached, the format's version and
 * ".image". By that path and not by the file's real one, so that a text that is swapped by symlink keeps its last good
 * image. `options` is the command line's part (NULL: none), see `sockade run`.
 */
#define IMAGE_NAME 64
void image_name(char out[IMAGE_NAME], const char *text_path, const char *options);

/* Whether `name` is of that form. */
bool is_image_name(const char *name);

/*
 * Why a file of this owner and mode must not be used by `uid`, as one clause for a message; NULL: trusted.
 * A user's file belongs to `uid` or root (in a user namespace also to the overflow uid) and is writable neither by
 * others nor by a group that is not the user's own (gid equal to the uid, or to the process' own primary group of the
 * same number); the system's (`system`) is refused only where others may write.
 */
const char *trust_problem(const struct stat *st, uid_t uid, bool system);

/* Joins into `out` (PATH_MAX bytes); false where it does not fit. */
bool path_join(char *out, const char *folder, const char *name);

#endif
