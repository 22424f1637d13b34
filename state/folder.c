/* SPDX-License-Identifier: MIT */
/* Walks down a path by openat(2), one name at a time: 256 bytes of stack in place of a copy of the whole path. */
#include "state/folder.h"

#include "state/kernel.h"

#include <limits.h>
#include <string.h>
#include <sys/stat.h>

bool folder_may_hold_new(int folder, uid_t uid)
{
    struct stat st;

    if (uid != 0)
        return true;
    if (fstat(folder, &st) != 0)
        return false;
    if (st.st_uid == 0 || (st.st_mode & S_ISVTX) != 0)
        return true;
    errno = EACCES;
    return false;
}

/* Opens the folder `name` inside `folder`, where `make` and it is missing after making it. */
static int folder_enter(int folder, const char *name, uid_t uid, bool make)
{
    int inner = kernel_open(folder, name, O_PATH | O_DIRECTORY, 0);

    if (inner >= 0 || errno != ENOENT || !make)
        return inner;
    if (!folder_may_hold_new(folder, uid) || (mkdirat(folder, name, 0700) != 0 && errno != EEXIST))
        return -1;
    return kernel_open(folder, name, O_PATH | O_DIRECTORY, 0);
}

int folder_of(const char *path, uid_t uid, bool make, const char **name)
{
    char part[NAME_MAX + 1];
    const char *last = strrchr(path, '/');
    int folder;

    if (path[0] != '/' || last[1] == '\0') {
        errno = EINVAL;
        return -1;
    }
    *name = last + 1;
    folder = kernel_open(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
    while (folder >= 0) {
        size_t length;
        int inner;

        path += strspn(path, "/");
        if (path >= last)
            break;
        length = strcspn(path, "/");
        if (length > NAME_MAX) {
            errno = ENAMETOOLONG;
            inner = -1;
        } else {
            memcpy(part, path, length);
            part[length] = '\0';
            inner = folder_enter(folder, part, uid, make);
        }
        kernel_close(folder);
        folder = inner;
        path += length;
    }
    return folder;
}
