/* SPDX-License-Identifier: MIT */
/*
 * An image comes to its place whole or not at all: written beside it, synced, renamed over it, and the folder synced.
 *
 * The temporary file is named after the image, NAME.new, and made under a lock on its folder. So what a killed writer
 * left behind is taken away by the next one, and there is never more than one. Signals wait until it has gone, so that
 * a Ctrl-C leaves none.
 */
#include "config/publish.h"

#include "config/progress.h"
#include "state/folder.h"
#include "state/generation.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

/* A writer holds a folder's lock for one file, so only one that is stopped or a hostile one keeps it this long. */
#define FOLDER_LOCK_SECONDS 10

#define LOCK_POLL_MILLISECONDS 5

/*
 * Whoever lets go of a file last that has no name frees its pages, which takes 5 ms for 17 MB of tmpfs and 25 of ext4
 * (Linux 6.18). It would be a call of some program that took a newer image over the one before the last. So large
 * images keep a name until then, and the next writer frees them.
 */
#define KEPT_SIZE (256 << 10)
#define OLD ".old"
#define OLDER ".older"

/* Where an image is to go, and where to say what went wrong on the way. */
struct destination {
    int folder;              /* open for reading, so that it can be locked and synced */
    const char *folder_path; /* for messages */
    const char *name;
    bool followed; /* a folder of images, with a control file */
    char temporary[NAME_MAX + 1];
    char *problem;
    size_t problem_size;
};

/* Tells which call failed on which file, by errno. Always false. */
static bool failed(const struct destination *to, const char *call, const char *name)
{
    int error = errno;

    snprintf(to->problem, to->problem_size, "The image was not written: %s of \"%s%s%s\" failed: %s.", call,
             to->folder_path, name[0] != '\0' ? "/" : "", name, strerror(error));
    errno = error;
    return false;
}

static long long milliseconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* flock(2) that gives up after `seconds`, with EWOULDBLOCK. */
static bool lock_take(int descriptor, int seconds)
{
    long long deadline = milliseconds_now() + seconds * 1000LL;

    while (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
        const struct timespec pause = {.tv_nsec = LOCK_POLL_MILLISECONDS * 1000000};

        if (errno != EWOULDBLOCK || milliseconds_now() >= deadline)
            return false;
        progress_tell((struct progress){.work = WORK_WAIT});
        nanosleep(&pause, NULL);
    }
    return true;
}

/*
 * Over a limit on the size of files (setrlimit(2)) a write kills before it fails; here it is a failure like any other.
 */
static void survive_size_limit(struct sigaction *before)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};

    sigaction(SIGXFSZ, &ignore, before);
}

static bool write_all(int descriptor, const unsigned char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(descriptor, bytes, size);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            errno = written == 0 ? EIO : errno;
            return false;
        }
        bytes += written;
        size -= (size_t)written;
    }
    return true;
}

/* Fills the open temporary file. The mode is set here, so that the umask takes no reader from a system's image. */
static bool temporary_fill(const struct destination *to, int descriptor, const struct image_bytes *image, mode_t mode)
{
    if (!write_all(descriptor, image->bytes, image->size))
        return failed(to, "write", to->temporary);
    if (fchmod(descriptor, mode) != 0)
        return failed(to, "fchmod", to->temporary);
    if (fsync(descriptor) != 0)
        return failed(to, "fsync", to->temporary);
    return true;
}

/* Writes the temporary file; what is there of it after a failure is taken away. */
static bool temporary_write(const struct destination *to, const struct image_bytes *image, mode_t mode)
{
    int descriptor = openat(to->folder, to->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool filled;

    if (descriptor < 0)
        return failed(to, "open", to->temporary);
    filled = temporary_fill(to, descriptor, image, mode);
    /* close(2) is where network file systems report a write that failed. */
    if (close(descriptor) != 0 && filled)
        filled = failed(to, "close", to->temporary);
    if (!filled) {
        int error = errno;

        unlinkat(to->folder, to->temporary, 0);
        errno = error;
    }
    return filled;
}

static bool kept_remove(const struct destination *to, const char *ending)
{
    char name[NAME_MAX + 1];

    snprintf(name, sizeof(name), "%s%s", to->name, ending);
    return unlinkat(to->folder, name, 0) == 0;
}

/* The image that is about to be replaced, and the one before it, keep a name where they are large. */
static void kept_move(const struct destination *to)
{
    char old[NAME_MAX + 1], older[NAME_MAX + 1];
    struct stat st;

    snprintf(old, sizeof(old), "%s" OLD, to->name);
    snprintf(older, sizeof(older), "%s" OLDER, to->name);
    renameat(to->folder, old, to->folder, older);
    if (fstatat(to->folder, to->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) && st.st_size >= KEPT_SIZE)
        linkat(to->folder, to->name, to->folder, old, 0);
}

/* Writes the temporary file and renames it over the image's name. A disk that is full is the older images' last day. */
static bool image_replace(const struct destination *to, const struct image_bytes *image, mode_t mode)
{
    bool written;

    if (to->followed)
        kept_remove(to, OLDER);
    written = temporary_write(to, image, mode);
    if (!written && to->followed && (errno == ENOSPC || errno == EDQUOT) && kept_remove(to, OLD))
        written = temporary_write(to, image, mode);
    if (!written)
        return false;
    if (to->followed)
        kept_move(to);
    if (renameat(to->folder, to->temporary, to->folder, to->name) != 0) {
        failed(to, "rename", to->temporary);
        unlinkat(to->folder, to->temporary, 0);
        return false;
    }
    /* Some file systems have nothing to sync in a folder and say EINVAL. */
    if (fsync(to->folder) != 0 && errno != EINVAL)
        return failed(to, "fsync", "");
    return true;
}

/*
 * Does it under the lock, which ends when the caller closes the folder. A file system that cannot lock a folder (NFS)
 * is written to without; a temporary file that is there already is then left alone, since it may be another's work, and
 * open(2) says EEXIST.
 */
static bool image_write(struct destination *to, const struct image_bytes *image, mode_t mode)
{
    bool locked = lock_take(to->folder, FOLDER_LOCK_SECONDS);
    struct sigaction sized;
    sigset_t all, before;
    bool written;

    if (!locked && errno == EWOULDBLOCK)
        return failed(to, "flock", "");
    if (strlen(to->name) + sizeof(".new") > sizeof(to->temporary)) {
        errno = ENAMETOOLONG;
        return failed(to, "open", to->name);
    }
    snprintf(to->temporary, sizeof(to->temporary), "%s.new", to->name);
    if (locked && unlinkat(to->folder, to->temporary, 0) != 0 && errno != ENOENT)
        return failed(to, "unlink", to->temporary);
    /* There before the image is, so that whoever maps that finds it. Without one the image is good all the same. */
    survive_size_limit(&sized);
    if (to->followed && locked)
        generation_make(to->folder, mode);
    progress_tell((struct progress){.work = WORK_WRITE});
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    written = image_replace(to, image, mode);
    sigprocmask(SIG_SETMASK, &before, NULL);
    sigaction(SIGXFSZ, &sized, NULL);
    return written;
}

/* Only a plain file is replaced: a device would be lost, and what a link leads to would stay as it was. */
static bool may_replace(const struct destination *to)
{
    struct stat st;

    if (fstatat(to->folder, to->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT || failed(to, "stat", to->name);
    if (S_ISREG(st.st_mode))
        return true;
    snprintf(to->problem, to->problem_size, "The image was not written: \"%s/%s\" is %s, not a plain file%s.",
             to->folder_path, to->name,
             S_ISDIR(st.st_mode)   ? "a folder"
             : S_ISLNK(st.st_mode) ? "a symbolic link"
                                   : "a device, pipe or socket",
             S_ISLNK(st.st_mode) ? "; name the file that it leads to" : "");
    return false;
}

/* Writes the file `path`; its folder and name are filled in. */
static bool publish_file(struct destination *to, const struct image_bytes *image, const char *path, mode_t mode)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t length = slash == NULL ? 1 : slash == path ? 1 : (size_t)(slash - path);
    bool written;

    to->name = slash == NULL ? path : slash + 1;
    if (to->name[0] == '\0' || length >= sizeof(folder)) {
        snprintf(to->problem, to->problem_size, "The image was not written: \"%s\" is no name of a file.", path);
        return false;
    }
    memcpy(folder, slash == NULL ? "." : path, length);
    folder[length] = '\0';
    to->folder_path = folder;
    to->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    written = to->folder >= 0 ? may_replace(to) && image_write(to, image, mode) : failed(to, "open", "");
    if (to->folder >= 0)
        close(to->folder);
    to->folder_path = NULL; /* it was our own */
    return written;
}

bool publish_to_file(const struct image_bytes *image, const char *path, mode_t mode, char *problem, size_t problem_size)
{
    struct destination to = {.problem = problem, .problem_size = problem_size};

    return publish_file(&to, image, path, mode);
}

/* Makes the folders above the image folder in the cache. Never $XDG_RUNTIME_DIR, nor a home that is not there. */
static void parents_make(const struct surroundings *surroundings, const char *path, int which)
{
    const char *name;
    int parent;

    if (which != 1 || (surroundings->cache_home == NULL && access(surroundings->home, F_OK) != 0))
        return;
    parent = folder_of(path, surroundings->uid, true, &name);
    if (parent >= 0)
        close(parent);
}

/* Opens image folder `which` for reading, with `create` after making it; `path` has PATH_MAX bytes. -1 with errno. */
static int folder_open(const struct surroundings *surroundings, int which, bool create, char *path)
{
    int trusted, readable;

    if (!image_folder(surroundings, which, path)) {
        path[0] = '\0';
        errno = ENOENT;
        return -1;
    }
    if (create)
        parents_make(surroundings, path, which);
    trusted = image_folder_open(path, surroundings->uid, create);
    if (trusted < 0)
        return -1;
    readable = openat(trusted, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    close(trusted);
    return readable;
}

/* What became of one image folder. */
enum folder_outcome {
    FOLDER_WRITTEN,
    FOLDER_SKIPPED, /* it holds no copy, and the image stands elsewhere already */
    FOLDER_FAILED,  /* an older copy may still be in it */
    FOLDER_CLOSED,  /* not there, or not ours: nobody takes an image from it */
};

static enum folder_outcome publish_in(const struct image_bytes *image, const struct surroundings *surroundings,
                                      int which, bool published, char *path, struct destination *to)
{
    enum folder_outcome outcome;
    struct stat st;

    to->folder_path = path;
    to->folder = folder_open(surroundings, which, !published, path);
    if (to->folder < 0) {
        /* Told only where nothing more was learnt: a folder that was open and could not be written says more. */
        if (!published && path[0] != '\0' && to->problem[0] == '\0')
            failed(to, "open", "");
        return FOLDER_CLOSED;
    }
    if (published && fstatat(to->folder, to->name, &st, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT)
        outcome = FOLDER_SKIPPED;
    else
        outcome = image_write(to, image, 0600) ? FOLDER_WRITTEN : FOLDER_FAILED;
    close(to->folder);
    return outcome;
}

/*
 * An older copy that could not be replaced would be found before the new image, or by processes with another
 * environment: it is removed, which also works on a full disk.
 */
static bool older_copy_remove(const struct surroundings *surroundings, int which, char *path, struct destination *to)
{
    bool removed;

    to->folder_path = path;
    to->folder = folder_open(surroundings, which, false, path);
    if (to->folder < 0)
        return true;
    removed = unlinkat(to->folder, to->name, 0) == 0 || errno == ENOENT || failed(to, "unlink", to->name);
    close(to->folder);
    return removed;
}

bool publish_image(const struct image_bytes *image, const struct surroundings *surroundings, const char *name,
                   char *where, char *problem, size_t problem_size)
{
    struct destination to = {.name = name, .followed = true, .problem = problem, .problem_size = problem_size};
    enum folder_outcome outcomes[IMAGE_FOLDERS];
    char path[PATH_MAX];
    char unheard[1]; /* that an older copy stays is worse */
    bool published = false, clean = true;

    problem[0] = '\0';
    for (int which = 0; which < IMAGE_FOLDERS; which++) {
        outcomes[which] = publish_in(image, surroundings, which, published, path, &to);
        if (outcomes[which] != FOLDER_WRITTEN)
            continue;
        if (!published && where != NULL)
            path_join(where, path, name);
        published = true;
    }
    for (int which = 0; published && which < IMAGE_FOLDERS; which++) {
        if (outcomes[which] == FOLDER_FAILED)
            clean = older_copy_remove(surroundings, which, path, &to) && clean;
    }
    if (published && clean)
        publish_raise(surroundings, false, problem, problem_size);
    else if (published)
        publish_raise(surroundings, false, unheard, sizeof(unheard));
    return published && clean;
}

/*
 * Raises the word of the folder that is open, under its lock where it can be had, and closes it. One that cannot be
 * raised is told: a disk that copies on write may be too full for it.
 */
static void folder_raise(struct destination *to, const char *path)
{
    struct sigaction before;

    if (to->folder < 0)
        return;
    lock_take(to->folder, FOLDER_LOCK_SECONDS);
    survive_size_limit(&before);
    if (!generation_raise(to->folder) && errno != ENOENT)
        snprintf(to->problem, to->problem_size,
                 "Running programs could not be told: write of \"%s/%s\" failed: %s. They find the new image within a "
                 "second of their next socket, bind, listen or accept.",
                 path, GENERATION_FILE, strerror(errno));
    sigaction(SIGXFSZ, &before, NULL);
    close(to->folder);
}

void publish_raise(const struct surroundings *surroundings, bool system, char *problem, size_t problem_size)
{
    struct destination to = {.problem = problem, .problem_size = problem_size};
    char path[PATH_MAX];

    problem[0] = '\0';
    if (system && surroundings->uid == 0) {
        to.folder = open(SYSTEM_STATE_FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        folder_raise(&to, SYSTEM_STATE_FOLDER);
    }
    for (int which = 0; which < IMAGE_FOLDERS; which++) {
        to.folder = folder_open(surroundings, which, false, path);
        folder_raise(&to, path);
    }
}

bool publish_system_image(const struct image_bytes *image, const char *name, char *where, char *problem,
                          size_t problem_size)
{
    struct destination to = {.followed = true, .problem = problem, .problem_size = problem_size};

    if (!path_join(where, SYSTEM_STATE_FOLDER, name) || !publish_file(&to, image, where, 0644))
        return false;
    problem[0] = '\0';
    to.folder = open(SYSTEM_STATE_FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    folder_raise(&to, SYSTEM_STATE_FOLDER);
    return true;
}

/* Opens the lock file in the first usable folder. It is never removed: a lock on a removed file locks nobody out. */
static int lock_open(const struct surroundings *surroundings, const char *lock_name)
{
    char path[PATH_MAX];

    for (int which = 0; which < IMAGE_FOLDERS; which++) {
        int folder = folder_open(surroundings, which, true, path);
        int descriptor;

        if (folder < 0)
            continue;
        descriptor = openat(folder, lock_name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
        close(folder);
        if (descriptor >= 0)
            return descriptor;
    }
    return -1;
}

int publish_lock(const struct surroundings *surroundings, const char *name, int seconds)
{
    char lock_name[NAME_MAX + 1];
    int descriptor;

    if (strlen(name) + sizeof(".lock") > sizeof(lock_name)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    snprintf(lock_name, sizeof(lock_name), "%s.lock", name);
    descriptor = lock_open(surroundings, lock_name);
    if (descriptor >= 0 && !lock_take(descriptor, seconds)) {
        int error = errno;

        close(descriptor);
        errno = error;
        descriptor = -1;
    }
    return descriptor;
}
