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

static bool judge_file(const struct original *out, bool to_write)
{
    if (!S_ISREG(out->st.st_mode) || (uintmax_t)out->st.st_size > LARGEST) {
        complain("'%s' is no regular file, or too large; nothing was changed", out->path);
        return false;
    }
    if (file_is_image(out->path)) {
        complain("'%s' is an image; mend the text that it was compiled from", out->path);
        return false;
    }
    if (to_write && faccessat(AT_FDCWD, out->path, W_OK, AT_EACCESS) != 0) {
        complain("'%s' is not yours to write (%s); --dry-run shows what would change", out->path, strerror(errno));
        return false;
    }
    return true;
}

bool file_take(struct original *out, const char *path, bool to_write)
{
    int fd;
    bool right;

    *out = (struct original){0};
    if (realpath(path, out->path) == NULL)
        return failed("open", path);
    fd = open(out->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return failed("open", out->path);
    right = fstat(fd, &out->st) == 0 && judge_file(out, to_write) && read_text(out, fd);
    close(fd);
    if (!right)
        original_free(out);
    return right;
}

void original_free(struct original *original)
{
    free(original->text);
    original->text = NULL;
}

/* Writes all of it, with the mode and owner of the file that it replaces. */
static bool write_whole(int fd, const struct original *original, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t wrote = write(fd, text, size);

        if (wrote < 0)
            return false;
        text += wrote;
        size -= (size_t)wrote;
    }
    /* First the owner, whose change clears bits of the mode. Another's file may become ours, where we may write it. */
    if (fchown(fd, original->st.st_uid, original->st.st_gid) != 0 && fchown(fd, (uid_t)-1, original->st.st_gid) != 0 &&
        errno != EPERM)
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
static bool keep(const struct original *original)
{
    char *backup = memory_print("%s.bak", original->path);
    bool kept = (unlink(backup) == 0 || errno == ENOENT) && link(original->path, backup) == 0;

    if (!kept)
        failed("keep the text before as", backup);
    free(backup);
    return kept;
}

bool file_replace(const struct original *original, const char *text, size_t size)
{
    char *temporary = memory_print("%s.XXXXXX", original->path);
    int fd = mkostemp(temporary, O_CLOEXEC);
    bool done = fd >= 0 && write_whole(fd, original, text, size);

    if (!done)
        failed("write", temporary);
    if (fd >= 0)
        close(fd);
    if (done && !is_unchanged(original)) {
        complain("'%s' was changed meanwhile; nothing was written, run it again", original->path);
        done = false;
    }
    done = done && keep(original);
    if (done && rename(temporary, original->path) != 0)
        done = failed("replace", original->path);
    if (!done && fd >= 0)
        unlink(temporary);
    free(temporary);
    return done;
}
