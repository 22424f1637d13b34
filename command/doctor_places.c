/* SPDX-License-Identifier: MIT */
/*
 * Where images and events go: whether they could be written, found out without writing any.
 *
 * What is looked at is what state/log.c and state/folder.c insist on: regular files of one's own with one name, folders
 * that may be made.
 */
#include "command/doctor.h"

#include "config/memory.h"
#include "state/event.h"
#include "state/folder.h"
#include "state/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <unistd.h>

#define DAEMON "/dev/log"
#define NOTHING_LEFT 4096 /* bytes: the longest line */

/* Cuts `path` to the folder above it that exists; false where there is none. */
static bool existing_folder(char *path)
{
    struct stat st;

    do {
        char *slash = strrchr(path, '/');

        if (slash == NULL)
            return false;
        slash[slash == path ? 1 : 0] = '\0';
        if (stat(path, &st) == 0 || errno != ENOENT)
            return true;
    } while (strcmp(path, "/") != 0);
    return true;
}

/* Why nothing new can be made in a folder, as errno; 0: it can. */
static int folder_refuses(const char *folder, uid_t uid)
{
    int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int error = 0;

    if (fd < 0)
        return errno;
    if (faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) != 0 || !folder_may_hold_new(fd, uid))
        error = errno;
    close(fd);
    return error;
}

/* The remedy for a folder that nothing can be made in. */
static void folder_remedy(struct diagnosis *diagnosis, const char *folder, uid_t uid, int error)
{
    char *word = shell_word(folder);
    struct stat st;

    if (error == EROFS)
        diagnosis_remedy(diagnosis, REMEDY_ADVICE, "mount a writable folder at %s, or name another place", folder);
    else if (error == ENOTDIR)
        diagnosis_remedy(diagnosis, REMEDY_COMMAND, "mv %s %s.old", word, word);
    else if (stat(folder, &st) == 0 && st.st_uid == uid)
        diagnosis_remedy(diagnosis, REMEDY_COMMAND, "chmod u+rwx %s", word);
    else
        diagnosis_remedy(diagnosis, REMEDY_ADVICE,
                         "name a place of yours: log = { to = \"file:/PATH/events.jsonl\"; };");
    free(word);
}

/* Whether the file system has room; said otherwise. */
static bool has_room(struct diagnosis *diagnosis, const char *path, const char *folder, const char *layer)
{
    struct statvfs place;
    struct rlimit limit;

    if (statvfs(folder, &place) == 0 && (uint64_t)place.f_bavail * place.f_frsize < NOTHING_LEFT) {
        diagnosis_add(diagnosis, MARK_PROBLEM, "log", "%s: %s: no space is left there", layer, path);
        diagnosis_remedy(diagnosis, REMEDY_ADVICE, "free some space on the file system of %s", folder);
        return false;
    }
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < NOTHING_LEFT) {
        diagnosis_add(diagnosis, MARK_PROBLEM, "log", "%s: %s: the limit on file sizes (RLIMIT_FSIZE) forbids it",
                      layer, path);
        diagnosis_remedy(diagnosis, REMEDY_COMMAND, "ulimit -f unlimited");
        return false;
    }
    return true;
}

/* A log file that exists. */
static bool file_is_usable(struct diagnosis *diagnosis, const char *path, const struct stat *st, uid_t uid,
                           const char *layer)
{
    const char *why = !S_ISREG(st->st_mode) ? "it is no regular file"
                      : st->st_uid != uid   ? "it belongs to another user"
                      : st->st_nlink != 1   ? "it has several names (hard links)"
                                            : NULL;
    char *word = shell_word(path);

    if (why != NULL) {
        diagnosis_add(diagnosis, MARK_PROBLEM, "log", "%s: %s is not written to: %s", layer, path, why);
        diagnosis_remedy(diagnosis, REMEDY_COMMAND, "mv %s %s.old", word, word);
    } else if (faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) != 0) {
        why = strerror(errno);
        diagnosis_add(diagnosis, MARK_PROBLEM, "log", "%s: %s cannot be written to: %s", layer, path, why);
        diagnosis_remedy(diagnosis, REMEDY_COMMAND, "chmod u+w %s", word);
    }
    free(word);
    return why == NULL;
}

static void check_file(struct diagnosis *diagnosis, const char *path, uid_t uid, const char *layer)
{
    char *folder = memory_text(path);
    bool usable = existing_folder(folder);
    bool exists;
    struct stat st;
    int error;

    exists = lstat(path, &st) == 0;
    error = exists ? 0 : errno;
    if (exists) {
        usable = file_is_usable(diagnosis, path, &st, uid, layer);
    } else {
        if (error == ENOENT)
            error = folder_refuses(folder, uid);
        usable = usable && error == 0;
        if (!usable) {
            diagnosis_add(diagnosis, MARK_PROBLEM, "log", "%s: %s cannot be made in %s: %s", layer, path, folder,
                          strerror(error));
            folder_remedy(diagnosis, folder, uid, error);
        }
    }
    if (usable && has_room(diagnosis, path, folder, layer))
        diagnosis_add(diagnosis, MARK_OK, "log", "%s: %s, %s", layer, path,
                      exists ? "writable" : "which is made with the first event");
    free(folder);
}

static void check_syslog(struct diagnosis *diagnosis, const char *layer)
{
    struct sockaddr_un daemon = {.sun_family = AF_UNIX, .sun_path = DAEMON};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool there = fd >= 0 && KERNEL_SOCKET_CALL(connect, SYS_CONNECT, fd, &daemon, sizeof(daemon)) == 0;
    int error = errno;

    if (fd >= 0)
        close(fd);
    diagnosis_add(diagnosis, there ? MARK_OK : MARK_PROBLEM, "log", "%s: syslog, by " DAEMON "%s%s", layer,
                  there ? "" : ": ", there ? "" : strerror(error));
    if (!there)
        diagnosis_remedy(diagnosis, REMEDY_ADVICE,
                         "start a syslog daemon, or take another place in the policy's log.to");
}

/* The path of this process, where the setting has %p. */
static void put_pid(const struct log_place *place, char out[PATH_MAX])
{
    size_t size = 0;

    for (const char *at = place->path; *at != '\0' && size + 24 < PATH_MAX; at++) {
        if (*at == LOG_PID_MARK)
            size += (size_t)sprintf(out + size, "%ld", (long)getpid());
        else
            out[size++] = *at;
    }
    out[size] = '\0';
}

void doctor_log(struct diagnosis *diagnosis, const char *to, uint64_t max_size, const struct surroundings *surroundings,
                const char *layer)
{
    static struct log_place place;
    char path[PATH_MAX];

    log_place_make(&place, to, max_size, surroundings);
    switch (place.target) {
    case LOG_TO_FILE:
        put_pid(&place, path);
        check_file(diagnosis, path, surroundings->uid, layer);
        break;
    case LOG_TO_SYSLOG:
        check_syslog(diagnosis, layer);
        break;
    case LOG_TO_STDERR:
        diagnosis_add(diagnosis, MARK_OK, "log", "%s: standard error", layer);
        break;
    case LOG_TO_NOWHERE:
        diagnosis_add(diagnosis, MARK_PROBLEM, "log",
                      "%s: there is no place for '%s': HOME is not set, or it is relative", layer,
                      to[0] != '\0' ? to : "~/.local/state/sockade/events.jsonl");
        diagnosis_remedy(diagnosis, REMEDY_COMMAND, "export HOME=~");
        break;
    }
}

/* One folder for images: whether it is there or could be made. The errno of why not, 0 where it can. */
static int image_folder_state(const char *path, uid_t uid)
{
    int fd = image_folder_open(path, uid, false);
    char *above;
    int error;

    if (fd >= 0) {
        error = faccessat(AT_FDCWD, path, W_OK | X_OK, AT_EACCESS) != 0 ? errno : 0;
        close(fd);
        return error;
    }
    if (errno != ENOENT)
        return errno;
    above = memory_text(path);
    error = existing_folder(above) ? folder_refuses(above, uid) : ENOENT;
    free(above);
    return error;
}

/* $XDG_RUNTIME_DIR that others could have made is no place for images; the specification says so too. */
static void check_runtime(struct diagnosis *diagnosis, const struct surroundings *surroundings)
{
    const char *value = getenv("XDG_RUNTIME_DIR");
    struct stat st;

    if (value == NULL || value[0] == '\0')
        return;
    if (surroundings->runtime_dir == NULL)
        diagnosis_add(diagnosis, MARK_WARNING, "folders", "XDG_RUNTIME_DIR is '%s', which is no absolute path: ignored",
                      value);
    else if (stat(value, &st) != 0)
        diagnosis_add(diagnosis, MARK_WARNING, "folders", "XDG_RUNTIME_DIR is '%s': %s", value, strerror(errno));
    else if (st.st_uid != surroundings->uid)
        diagnosis_add(diagnosis, MARK_WARNING, "folders", "XDG_RUNTIME_DIR is '%s', which belongs to another user",
                      value);
    else
        return;
    diagnosis_remedy(diagnosis, REMEDY_COMMAND, "unset XDG_RUNTIME_DIR");
}

void doctor_folders(struct diagnosis *diagnosis, const struct surroundings *surroundings)
{
    char path[PATH_MAX];
    char *tried = memory_text("");
    bool any = false;

    check_runtime(diagnosis, surroundings);
    for (int which = 0; which < IMAGE_FOLDERS && !any; which++) {
        int error;
        char *longer;

        if (!image_folder(surroundings, which, path))
            continue;
        error = image_folder_state(path, surroundings->uid);
        any = error == 0;
        longer = memory_print("%s%s%s (%s)", tried, tried[0] != '\0' ? ", " : "", path, strerror(error));
        free(tried);
        tried = longer;
    }
    if (any) {
        diagnosis_add(diagnosis, MARK_OK, "folders", "images are kept in %s", path);
    } else {
        diagnosis_add(diagnosis, MARK_PROBLEM, "folders", "there is no folder that images can be kept in: %s", tried);
        diagnosis_remedy(diagnosis, REMEDY_COMMAND, "export XDG_CACHE_HOME=\"$(mktemp -d)\"");
    }
    free(tried);
}
