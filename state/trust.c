/* SPDX-License-Identifier: MIT */
/* Whom to believe about a policy: judged by owner and mode of what is open, never by where it stands. */
#include "state/folder.h"
#include "state/kernel.h"
#include "state/locate.h"

#include <string.h>

/* Reads the decimal number at `*at`, behind any blanks, and moves on. -1: there is none, or it is no 32-bit one. */
static int64_t number_read(const char **at)
{
    int64_t value = 0;
    const char *digit = *at + strspn(*at, " \t\n");

    if (*digit < '0' || *digit > '9')
        return -1;
    for (; *digit >= '0' && *digit <= '9'; digit++) {
        value = value * 10 + (*digit - '0');
        if (value > UINT32_MAX)
            return -1;
    }
    *at = digit;
    return value;
}

/* The head of a small file of /proc as text; false where it cannot be read. */
static bool proc_read(const char *path, char *out, size_t size)
{
    int descriptor = kernel_open(AT_FDCWD, path, O_RDONLY | O_NOCTTY, 0);
    ssize_t length;

    if (descriptor < 0)
        return false;
    length = kernel_read(descriptor, out, size - 1);
    kernel_close(descriptor);
    if (length <= 0)
        return false;
    out[length] = '\0';
    return true;
}

/*
 * Whether this process lives in a user namespace other than the first, where "0 0 4294967295" maps every uid to itself
 * (user_namespaces(7)). A namespace whose creator was allowed that same map hides no owner, so it counts as the first.
 */
static bool in_user_namespace(void)
{
    char text[256];
    const char *at = text;
    int64_t inside, outside, count;

    if (!proc_read("/proc/self/uid_map", text, sizeof(text)))
        return false;
    inside = number_read(&at);
    outside = number_read(&at);
    count = number_read(&at);
    return inside != 0 || outside != 0 || count != UINT32_MAX;
}

/* Which uid the kernel shows for owners that this user namespace does not map. */
static uid_t overflow_uid(void)
{
    char text[32];
    const char *at = text;
    int64_t uid = -1;

    if (proc_read("/proc/sys/kernel/overflowuid", text, sizeof(text)))
        uid = number_read(&at);
    return uid < 0 ? 65534 : (uid_t)uid;
}

const char *trust_problem(const struct stat *st, uid_t uid, bool system)
{
    if ((st->st_mode & S_IWOTH) != 0)
        return "others may write to it";
    if (system)
        return NULL;
    /* /proc is read only where the owner is neither: no common start gets here. */
    if (st->st_uid != uid && st->st_uid != 0 && !(in_user_namespace() && st->st_uid == overflow_uid()))
        return "it belongs to another user";
    /* A group of the user's own number is the user's own: umask 002 goes with such groups. */
    if ((st->st_mode & S_IWGRP) != 0 && st->st_gid != uid)
        return "its group may write to it";
    return NULL;
}

int image_folder_open(const char *path, uid_t uid, bool create)
{
    const int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW;
    int folder = kernel_open(AT_FDCWD, path, flags, 0);
    struct stat st;

    if (folder < 0 && errno == ENOENT && create) {
        const char *name;
        int parent = folder_of(path, uid, false, &name);

        if (parent < 0)
            return -1;
        if (folder_may_hold_new(parent, uid) && (mkdirat(parent, name, 0700) == 0 || errno == EEXIST))
            folder = kernel_open(parent, name, flags, 0);
        kernel_close(parent);
    }
    if (folder < 0)
        return -1;
    if (fstat(folder, &st) == 0 && st.st_uid == uid && (st.st_mode & 077) == 0)
        return folder;
    kernel_close(folder);
    errno = EACCES;
    return -1;
}
