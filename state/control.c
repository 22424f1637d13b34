/* SPDX-License-Identifier: MIT */
/* An image file is judged by what was opened, then mapped; a start costs open, fstat, getrlimit, mmap, mmap, close. */
#include "state/control.h"

#include "state/kernel.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define MAGIC_SIZE 8

/* Whether the file behind a name of the user's starts like an image; anything else may be a policy's text. */
static bool starts_like_image(int descriptor)
{
    char magic[MAGIC_SIZE];

    return kernel_read(descriptor, magic, sizeof(magic)) == (ssize_t)sizeof(magic) &&
           memcmp(magic, IMAGE_MAGIC, sizeof(magic)) == 0;
}

/*
 * Address space for the largest image, of which nothing is used yet; MAP_FAILED where that much is not to be had. Under
 * a limit on address space (ulimit -v, common on shared hosts) it would be taken from the program, so none is kept.
 */
static void *range_reserve(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur != RLIM_INFINITY)
        return MAP_FAILED;
    return mmap(NULL, IMAGE_LIMIT, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

/*
 * Maps the whole file, with `reserve` at the start of a larger range. Cutting the file short under a mapping would
 * bring SIGBUS; whoever may write the file is trusted not to, and publish only ever replaces images by rename(2).
 */
static bool image_map(struct image_file *out, int descriptor, bool reserve)
{
    void *range = reserve ? range_reserve() : MAP_FAILED;
    void *base;

    if (range == MAP_FAILED) {
        base = mmap(NULL, out->size, PROT_READ, MAP_PRIVATE, descriptor, 0);
        out->reserved = out->size;
    } else {
        base = mmap(range, out->size, PROT_READ, MAP_PRIVATE | MAP_FIXED, descriptor, 0);
        out->reserved = IMAGE_LIMIT;
    }
    if (base == MAP_FAILED) {
        out->error = errno;
        out->reserved = 0;
        if (range != MAP_FAILED)
            munmap(range, IMAGE_LIMIT);
        return false;
    }
    out->base = base;
    return true;
}

static enum image_file_outcome refuse(struct image_file *out, enum image_file_outcome outcome, const char *why)
{
    out->why = why;
    return outcome;
}

/*
 * Judges and maps what is open. `ours` is a name that only Sockade writes: an image, or broken. So the magic is looked
 * for where the mapping must be touched anyway; any other file is asked before, since a text is not worth a mapping.
 */
static enum image_file_outcome image_take(struct image_file *out, int descriptor, uid_t uid, bool system, bool ours,
                                          bool reserve)
{
    struct stat st;
    const char *problem;

    if (fstat(descriptor, &st) != 0) {
        out->error = errno;
        return IMAGE_FILE_UNREADABLE;
    }
    if (!S_ISREG(st.st_mode))
        return IMAGE_FILE_NO_IMAGE;
    problem = trust_problem(&st, uid, system);
    if (problem != NULL)
        return refuse(out, IMAGE_FILE_UNTRUSTED, problem);
    if (!ours && !starts_like_image(descriptor))
        return IMAGE_FILE_NO_IMAGE;
    if ((uint64_t)st.st_size < sizeof(struct image_header))
        return refuse(out, IMAGE_FILE_BAD, image_error_text(IMAGE_TRUNCATED));
    if ((uint64_t)st.st_size > IMAGE_LIMIT)
        return refuse(out, IMAGE_FILE_BAD, "it is larger than any policy image");
    out->size = (size_t)st.st_size;
    if (!image_map(out, descriptor, reserve))
        return IMAGE_FILE_UNREADABLE;
    if (ours && memcmp(out->base, IMAGE_MAGIC, MAGIC_SIZE) != 0) {
        image_file_close(out);
        return IMAGE_FILE_NO_IMAGE;
    }
    return IMAGE_FILE_OK;
}

enum image_file_outcome image_file_open(struct image_file *out, int folder, const char *path, uid_t uid, bool system,
                                        bool no_follow, bool reserve)
{
    int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | (no_follow ? O_NOFOLLOW : 0);
    enum image_file_outcome outcome;
    int descriptor;

    memset(out, 0, sizeof(*out));
    descriptor = kernel_open(folder, path, flags, 0);
    if (descriptor < 0) {
        out->error = errno;
        return errno == ENOENT || errno == ENOTDIR ? IMAGE_FILE_ABSENT : IMAGE_FILE_UNREADABLE;
    }
    outcome = image_take(out, descriptor, uid, system, no_follow, reserve);
    kernel_close(descriptor);
    return outcome;
}

void image_file_close(struct image_file *file)
{
    if (file->base != NULL)
        munmap(file->base, file->reserved);
    memset(file, 0, sizeof(*file));
}

/* Unsigned on the way, so that no time a file system may claim overflows. */
static int64_t nanoseconds(struct timespec time)
{
    return (int64_t)((uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec);
}

static bool source_is_fresh(const struct image_source *source, const char *path)
{
    struct stat st;
    bool there = stat(path, &st) == 0;

    switch (source->kind) {
    case SOURCE_ABSENT:
        return !there && (errno == ENOENT || errno == ENOTDIR);
    case SOURCE_FOLDER:
        /* Its size and ctime change with other things than its names; a name that comes or goes moves mtime. */
        return there && S_ISDIR(st.st_mode) && (uint64_t)st.st_ino == source->inode &&
               nanoseconds(st.st_mtim) == source->mtime_ns;
    case SOURCE_FILE:
        return there && S_ISREG(st.st_mode) && (uint64_t)st.st_ino == source->inode &&
               (uint64_t)st.st_size == source->size && nanoseconds(st.st_mtim) == source->mtime_ns &&
               nanoseconds(st.st_ctim) == source->ctime_ns;
    default:
        return false;
    }
}

bool image_is_fresh(const struct view *view)
{
    struct image_source source;
    int error = errno;
    bool fresh = true;

    for (uint32_t i = 0; fresh && view_source(view, i, &source); i++)
        fresh = source_is_fresh(&source, view_string(view, source.path));
    errno = error;
    return fresh;
}
