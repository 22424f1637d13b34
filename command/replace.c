/* SPDX-License-Identifier: MIT */
/* Rewriting a file without a moment in which it is half written. */
#include "command/replace.h"

#include "command/command.h"
#include "command/layers.h"
#include "config/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define LARGEST ((size_t)64 << 20) /* as for every text */

/* Says what went wrong, with errno's reason; false. */
static bool failed(const char *what, const char *path)
{
    complain("%s '%s': %s", what, path, strerror(errno));
    return false;
}

static bool read_text(struct original *out, int fd)
{
    size_t size = 0;
    ssize_t got;

    out->text = memory_new((size_t)out->st.st_size + 1);
    while (size < (size_t)out->st.st_size && (got = read(fd, out->text + size, (size_t)out->st.st_size - size)) != 0) {
        if (got < 0)
            return failed("read", out->path);
        size += (size_t)got;
    }
    if (memchr(out->text, '\0', size) != NULL) {
        complain("'%s' holds a NUL byte, so it is no text; nothing was changed", out->path);
        return false;
    }
    return true;
}

static bool judge_file(const struct original *out)
{
    if (!S_ISREG(out->st.st_mode) || (uintmax_t)out->st.st_size > LARGEST) {
        complain("'%s' is no regular file, or too large; nothing was changed", out->path);
        return false;
    }
    if (file_is_image(out->path)) {
        complain("'%s' is an image; mend the text that it was compiled from", out->path);
        return false;
    }
    return true;
}

/* Opens and locks the folder of `path`, which must be absolute. */
static int lock_folder(const char *path)
{
    char folder[PATH_MAX];
    size_t length = (size_t)(strrchr(path, '/') - path);
    int fd;

    snprintf(folder, sizeof(folder), "%.*s", length > 0 ? (int)length : 1, path);
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && flock(fd, LOCK_EX) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* Whether this user may rename another file over it, and all stays as it was but the text. */
static bool may_replace(const struct original *out)
{
    if (out->st.st_nlink > 1) {
        complain("'%s' has several names (hard links), which would no longer be one file; nothing was changed",
                 out->path);
        return false;
    }
    if (out->st.st_uid != geteuid() && geteuid() != 0) {
        complain("'%s' belongs to another user, and would not any more; nothing was changed", out->path);
        return false;
    }
    if (faccessat(AT_FDCWD, out->path, W_OK, AT_EACCESS) != 0 ||
        faccessat(out->folder, ".", W_OK | X_OK, AT_EACCESS) != 0)
        return failed("replace", out->path);
    return true;
}

bool file_take(struct original *out, const char *path, bool to_write)
{
    int fd;
    bool right;

    *out = (struct original){.folder = -1};
    if (realpath(path, out->path) == NULL)
        return failed("open", path);
    if (to_write && (out->folder = lock_folder(out->path)) < 0)
        return failed("lock the folder of", out->path);
    fd = open(out->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
    right = fd >= 0 && fstat(fd, &out->st) == 0;
    if (!right)
        failed("open", out->path);
    right = right && judge_file(out) && (!to_write || may_replace(out)) && read_text(out, fd);
    if (fd >= 0)
        close(fd);
    if (!right)
        original_free(out);
    return right;
}

void original_free(struct original *original)
{
    if (original->fresh[0] != '\0')
        unlink(original->fresh);
    if (original->folder >= 0)
        close(original->folder);
    free(original->text);
    *original = (struct original){.folder = -1};
}

/* Writes all of it, with the mode and owner of the file that it replaces. */
static bool write_whole(int fd, const struct original *original, const char *text)
{
    size_t size = strlen(text);

    while (size > 0) {
        ssize_t wrote = write(fd, text, size);

        if (wrote < 0)
            return false;
        text += wrote;
        size -= (size_t)wrote;
    }
    /*
     * First the owner, whose change clears bits of the mode. A group that is not ours to give is that of the process.
     */
    if (fchown(fd, original->st.st_uid, original->st.st_gid) != 0 && errno != EPERM)
        return false;
    return fchmod(fd, original->st.st_mode & 07777) == 0 && fsync(fd) == 0;
}

static bool is_unchanged(const struct original *original)
{
    struct stat st;

    return stat(original->path, &st) == 0 && st.st_ino == original->st.st_ino && st.st_size == original->st.st_size &&
           st.st_mtim.tv_sec == original->st.st_mtim.tv_sec && st.st_mtim.tv_nsec == original->st.st_mtim.tv_nsec;
}

/* The file itself, under its other name: a link, so that it is never gone. */
static bool keep_before(const struct original *original)
{
    char *backup = memory_print("%s.bak", original->path);
    bool kept = (unlink(backup) == 0 || errno == ENOENT) && link(original->path, backup) == 0;

    if (!kept)
        failed("keep the text before as", backup);
    free(backup);
    return kept;
}

bool fresh_write(struct original *original, const char *text)
{
    int fd;
    bool done;

    if (snprintf(original->fresh, sizeof(original->fresh), "%s.XXXXXX", original->path) >= PATH_MAX) {
        original->fresh[0] = '\0';
        errno = ENAMETOOLONG;
        return failed("write beside", original->path);
    }
    fd = mkostemp(original->fresh, O_CLOEXEC);
    if (fd < 0) {
        original->fresh[0] = '\0';
        return failed("write beside", original->path);
    }
    done = write_whole(fd, original, text);
    return (close(fd) == 0 && done) || failed("write", original->fresh);
}

bool fresh_put(struct original *original, bool keep)
{
    if (!is_unchanged(original)) {
        complain("'%s' was changed meanwhile; nothing was written, run it again", original->path);
        return false;
    }
    if (keep && !keep_before(original))
        return false;
    if (rename(original->fresh, original->path) != 0)
        return failed("replace", original->path);
    original->fresh[0] = '\0';
    fsync(original->folder);
    return true;
}
