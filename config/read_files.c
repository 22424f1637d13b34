/* SPDX-License-Identifier: MIT */
/*
 * Files of a policy: each is opened once, judged by what was opened and not by its name, read whole, and remembered
 * with what fstat(2) said of it, so that a later change makes the image stale.
 */
#include "config/read_internal.h"

#include "config/memory.h"
#include "config/progress.h"
#include "state/kernel.h"
#include "state/locate.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define FIRST_READ 4096

char *lookup_folder(const char *file)
{
    const char *slash = strrchr(file, '/');

    if (!slash)
        return memory_text(".");
    return memory_print("%.*s", slash == file ? 1 : (int)(slash - file), file);
}

char *path_beside(const char *folder, const char *name)
{
    if (name[0] == '/' || strcmp(folder, ".") == 0)
        return memory_text(name);
    return memory_print("%s/%s", strcmp(folder, "/") == 0 ? "" : folder, name);
}

const char *policy_file_name(struct policy *policy, const char *file)
{
    for (size_t i = 0; i < policy->file_count; i++) {
        if (strcmp(policy->files[i], file) == 0)
            return policy->files[i];
    }
    policy->files = memory_grow(policy->files, policy->file_count, &policy->file_room, sizeof *policy->files);
    return policy->files[policy->file_count++] = memory_text(file);
}

/* Sources are looked up by processes with other working directories. */
static char *absolute_path(const char *path)
{
    char *here = path[0] == '/' ? NULL : getcwd(NULL, 0);
    char *absolute = here ? memory_print("%s/%s", here, path) : memory_text(path);

    free(here);
    return absolute;
}

static int64_t nanoseconds(struct timespec time)
{
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

void source_note(struct policy *policy, const char *path, enum image_source_kind kind, const struct stat *st)
{
    struct source source = {.path = absolute_path(path), .kind = kind};

    if (st) {
        source.inode = st->st_ino;
        source.size = (uint64_t)st->st_size;
        source.mtime_ns = nanoseconds(st->st_mtim);
        source.ctime_ns = nanoseconds(st->st_ctim);
    }
    for (size_t i = 0; i < policy->source_count; i++) {
        const struct source *old = &policy->sources[i];
        /* the same list in two sets; one that changed between the two readings stands twice, and is stale at once */
        if (strcmp(old->path, source.path) == 0 && old->kind == kind && old->inode == source.inode &&
            old->size == source.size && old->mtime_ns == source.mtime_ns && old->ctime_ns == source.ctime_ns) {
            free(source.path);
            return;
        }
    }
    policy->sources = memory_grow(policy->sources, policy->source_count, &policy->source_room, sizeof *policy->sources);
    policy->sources[policy->source_count++] = source;
}

/* "cannot open 'list': no such file" at the place that names it; at the file itself its name stands there already. */
static void complain_file(struct reader *reader, struct place place, const char *path, const char *before,
                          const char *after)
{
    bool itself = place.line == 0 && strcmp(place.file, path) == 0;

    messages_add(reader->messages, MESSAGE_ERROR, place, "%s%s%.200s%s%s", before, itself ? "" : "'",
                 itself ? "the file" : path, itself ? "" : "'", after);
}

static void complain_errno(struct reader *reader, struct place place, const char *path, const char *before, int error)
{
    char *after = memory_print(": %s", strerror(error));

    complain_file(reader, place, path, before, after);
    free(after);
}

/* Whether what was opened may be a part of the policy at all. */
static bool judge(struct reader *reader, const char *path, const struct stat *st, size_t limit, struct place place)
{
    const char *why = reader->trust_anyone ? NULL : trust_problem(st, kernel_effective_uid(), reader->policy->system);

    if (!S_ISREG(st->st_mode)) {
        complain_file(reader, place, path, "", " is no regular file");
        return false;
    }
    if (!why && (uintmax_t)st->st_size <= limit)
        return true;
    char *after = why ? memory_print(" is not trusted: %s", why) : memory_print(" is larger than %zu MiB", limit >> 20);
    complain_file(reader, place, path, "", after);
    free(after);
    return false;
}

/* Reads until the end; false with errno where that fails or is too far away. */
static bool read_all(int fd, size_t limit, struct file_bytes *out)
{
    size_t room = (size_t)out->st.st_size + 2; /* one to see the end with, one for the NUL */

    if (room < FIRST_READ)
        room = FIRST_READ;
    out->bytes = memory_new(room);
    for (;;) {
        ssize_t got = read(fd, out->bytes + out->size, room - out->size - 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return false;
        out->size += (size_t)got;
        if (out->size > limit) {
            errno = EFBIG;
            return false;
        }
        if (got == 0)
            break;
        if (out->size == room - 1) {
            room *= 2;
            out->bytes = memory_resize(out->bytes, room);
        }
    }
    out->bytes[out->size] = '\0';
    return true;
}

enum file_outcome file_read(struct reader *reader, const char *path, size_t limit, struct place place,
                            struct file_bytes *out)
{
    /* without O_NONBLOCK a FIFO would hold us until somebody writes */
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    *out = (struct file_bytes){0};
    progress_tell((struct progress){.work = WORK_READ, .name = path});
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return FILE_ABSENT;
    if (fd < 0 || fstat(fd, &out->st) != 0) {
        complain_errno(reader, place, path, "cannot open ", errno);
        if (fd >= 0)
            close(fd);
        return FILE_FAILED;
    }
    bool right = judge(reader, path, &out->st, limit, place);
    if (right && !read_all(fd, limit, out)) {
        complain_errno(reader, place, path, "cannot read ", errno);
        right = false;
    }
    close(fd);
    if (!right) {
        free(out->bytes);
        out->bytes = NULL;
        return FILE_FAILED;
    }
    source_note(reader->policy, path, SOURCE_FILE, &out->st);
    return FILE_READ;
}

/*
 * A folder in which others may write lets them add a text. On a read-only mount nobody can, whatever the mode says:
 * Kubernetes mounts its ConfigMaps with mode 0777.
 */
static const char *folder_problem(const struct reader *reader, int fd, const struct stat *st)
{
    struct statvfs fs;
    const char *why = reader->trust_anyone ? NULL : trust_problem(st, kernel_effective_uid(), reader->policy->system);

    return why && fstatvfs(fd, &fs) == 0 && (fs.f_flag & ST_RDONLY) ? NULL : why;
}

void folder_judge(struct reader *reader, const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat st;

    if (fd < 0)
        return;
    const char *why = fstat(fd, &st) == 0 ? folder_problem(reader, fd, &st) : NULL;
    if (why)
        messages_add(reader->messages, MESSAGE_ERROR, (struct place){policy_file_name(reader->policy, folder), 0},
                     "the folder is not trusted: %s", why);
    close(fd);
}

static int compare_names(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static bool is_policy_name(const char *name)
{
    size_t length = strlen(name);

    return name[0] != '.' && length > 5 && strcmp(name + length - 5, ".conf") == 0;
}

/* Takes the names out of an open folder; closes it. */
static bool take_names(DIR *stream, char ***names, size_t *count)
{
    const struct dirent *entry;
    size_t room = 0;

    for (errno = 0; (entry = readdir(stream)) != NULL; errno = 0) {
        if (!is_policy_name(entry->d_name))
            continue;
        *names = memory_grow(*names, *count, &room, sizeof **names);
        (*names)[(*count)++] = memory_text(entry->d_name);
    }
    int error = errno;
    closedir(stream);
    if (*count > 0)
        qsort(*names, *count, sizeof **names, compare_names);
    errno = error;
    return error == 0;
}

bool folder_read(struct reader *reader, const char *folder, char ***names, size_t *count)
{
    struct place place = {policy_file_name(reader->policy, folder), 0};
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat st;

    *names = NULL;
    *count = 0;
    if (fd < 0 && (errno == ENOENT || (errno == ENOTDIR && stat(folder, &st) != 0))) {
        source_note(reader->policy, folder, SOURCE_ABSENT, NULL);
        return true;
    }
    DIR *stream = fd >= 0 && fstat(fd, &st) == 0 ? fdopendir(fd) : NULL;
    if (!stream) {
        messages_add(reader->messages, MESSAGE_ERROR, place, "cannot open the folder: %s", strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    const char *why = folder_problem(reader, fd, &st);
    if (why)
        messages_add(reader->messages, MESSAGE_ERROR, place, "the folder is not trusted: %s", why);
    source_note(reader->policy, folder, SOURCE_FOLDER, &st);
    if (!take_names(stream, names, count)) {
        messages_add(reader->messages, MESSAGE_ERROR, place, "cannot read the folder: %s", strerror(errno));
        return false;
    }
    return !why;
}
