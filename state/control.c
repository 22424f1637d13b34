/* SPDX-License-Identifier: MIT */
/* An image file is judged by what was opened, then mapped: open, fstat, mmap, close. */
#include "state/control.h"

#include "state/kernel.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define MAGIC_SIZE 8

/* Whether the file behind a name of the user's starts like an image; anything else may be a policy's text. */
static bool starts_like_image(int descriptor)
{
    char magic[MAGIC_SIZE];

    return kernel_read(descriptor, magic, sizeof(magic)) == (ssize_t)sizeof(magic) &&
           memcmp(magic, IMAGE_MAGIC, sizeof(magic)) == 0;
}

/* Of a limited address space so much at most is taken for what may never be used. */
#define LIMITED_SHARE 16

static size_t whole_pages(size_t size)
{
    size_t page = (size_t)getpagesize();

    return (size + page - 1) / page * page;
}

/*
 * How large one slot is to be. Under a limit on address space (ulimit -v, common on shared hosts) it is taken from the
 * program, so it is only what an image of this size needs, and nothing where even that is much.
 */
static size_t slot_room(size_t size)
{
    struct rlimit limit;
    size_t room;

    if (getrlimit(RLIMIT_AS, &limit) != 0)
        return 0;
    if (limit.rlim_cur == RLIM_INFINITY)
        return IMAGE_LIMIT;
    if (size > IMAGE_LIMIT / 8)
        return 0;
    room = whole_pages(4 * size + 2 * IMAGE_SLACK);
    return room <= limit.rlim_cur / (2 * LIMITED_SHARE) ? room : 0;
}

void *image_reserve(size_t size, size_t *room)
{
    void *range;

    *room = slot_room(size);
    if (*room == 0)
        return NULL;
    range = mmap(NULL, 2 * *room, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return range == MAP_FAILED ? NULL : range;
}

/*
 * Maps the whole file. Cutting it short under a mapping would bring SIGBUS; whoever may write the file is trusted not
 * to, and publish only ever replaces images by rename(2).
 */
static bool image_map(struct image_file *out, int descriptor)
{
    void *base = mmap(NULL, out->size, PROT_READ, MAP_PRIVATE, descriptor, 0);

    if (base == MAP_FAILED) {
        out->error = errno;
        return false;
    }
    out->base = base;
    return true;
}

/* Puts pages of nothing into a part of a slot; what stands there stays where that fails. */
static void fill_empty(void *at, size_t size)
{
    void *filled = mmap(at, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);

    (void)filled;
}

bool image_file_move(struct image_file *file, void *slot, size_t mapped)
{
    size_t size = whole_pages(file->size);
    size_t old = whole_pages(mapped);

    if (mremap(file->base, file->size, file->size, MREMAP_MAYMOVE | MREMAP_FIXED, slot) == MAP_FAILED) {
        /* The kernel may have taken away what was there before it found no memory for the rest. */
        fill_empty(slot, old > size ? old : size);
        return false;
    }
    /* Where this fails the end of the older image stays, which nobody reads. */
    if (old > size)
        fill_empty((char *)slot + size, old - size);
    memset(file, 0, sizeof(*file));
    return true;
}

static enum image_file_outcome refuse(struct image_file *out, enum image_file_outcome outcome, const char *why)
{
    out->why = why;
    return outcome;
}

/* Unsigned on the way, so that no time a file system may claim overflows. */
static int64_t nanoseconds(struct timespec time)
{
    return (int64_t)((uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec);
}

/*
 * Judges and maps what is open. `ours` is a name that only Sockade writes: an image, or broken. So the magic is looked
 * for where the mapping must be touched anyway; any other file is asked before, since a text is not worth a mapping.
 */
static enum image_file_outcome image_take(struct image_file *out, int descriptor, uid_t uid, bool system, bool ours)
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
    out->device = st.st_dev;
    out->inode = st.st_ino;
    out->mtime_ns = nanoseconds(st.st_mtim);
    if (!image_map(out, descriptor))
        return IMAGE_FILE_UNREADABLE;
    if (ours && memcmp(out->base, IMAGE_MAGIC, MAGIC_SIZE) != 0) {
        image_file_close(out);
        return IMAGE_FILE_NO_IMAGE;
    }
    return IMAGE_FILE_OK;
}

enum image_file_outcome image_file_open(struct image_file *out, int folder, const char *path, uid_t uid, bool system,
                                        bool no_follow)
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
    outcome = image_take(out, descriptor, uid, system, no_follow);
    kernel_close(descriptor);
    return outcome;
}

void image_file_close(struct image_file *file)
{
    if (file->base != NULL)
        munmap(file->base, file->size);
    memset(file, 0, sizeof(*file));
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

/* FNV-1a over 64-bit words. */
static uint64_t mix(uint64_t sum, uint64_t word)
{
    sum = (sum ^ word) * 0x100000001b3u;
    return sum ^ sum >> 32;
}

static uint64_t mix_path(uint64_t sum, const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return mix(sum, (uint64_t)errno);
    sum = mix(mix(sum, st.st_ino), st.st_mode);
    if (!S_ISDIR(st.st_mode))
        sum = mix(mix(sum, (uint64_t)st.st_size), (uint64_t)nanoseconds(st.st_ctim));
    return mix(sum, (uint64_t)nanoseconds(st.st_mtim));
}

uint64_t path_now(const char *path)
{
    int error = errno;
    uint64_t sum = mix_path(0xcbf29ce484222325u, path);

    errno = error;
    return sum;
}

uint64_t image_sources_now(const struct view *view)
{
    uint64_t sum = 0xcbf29ce484222325u;
    struct image_source source;
    int error = errno;

    for (uint32_t i = 0; view_source(view, i, &source); i++)
        sum = mix_path(sum, view_string(view, source.path));
    errno = error;
    return sum;
}
