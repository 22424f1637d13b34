/* SPDX-License-Identifier: MIT */
/*
 * Finding the object that is preloaded.
 *
 * The loader goes on without an object that it cannot map, with nothing but a line on stderr (ld.so(8)): a program
 * would run unprotected. So all that could make it fail is looked at here first.
 */
#include "command/preload.h"

#include "command/command.h"
#include "config/memory.h"
#include "config/messages.h"
#include "state/locate.h"
#include "state/preload.h"
#include "state/program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#ifndef INSTALLED_OBJECT
#define INSTALLED_OBJECT "/usr/local/$LIB/sockade/libsockade.so"
#endif

#define OBJECT_NAME "libsockade.so"

/* The file that `value` is for the loader of programs like ourselves. */
static bool object_of_ours(const char *value, char *out)
{
    struct machine own;
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    bool found = fd >= 0 && machine_read(&own, fd) && object_for(value, &own, out);

    if (fd >= 0)
        close(fd);
    return found;
}

/*
 * The object beside the running command; false where it is not there. In a build folder there are several, laid out as
 * they will be installed: one value of LD_PRELOAD then serves programs of 64 and of 32 bits.
 */
static bool object_beside(struct preload *out)
{
    char folder[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", folder, sizeof(folder) - 1);
    char *slash;

    if (length <= 0)
        return false;
    folder[length] = '\0';
    slash = strrchr(folder, '/');
    if (slash == NULL)
        return false;
    *slash = '\0';
    if (strchr(folder, '$') == NULL && path_join(out->value, folder, "$LIB/" OBJECT_NAME) &&
        object_of_ours(out->value, out->file))
        return true;
    if (!path_join(out->file, folder, OBJECT_NAME) || access(out->file, F_OK) != 0)
        return false;
    memcpy(out->value, out->file, sizeof(out->value));
    return true;
}

/* Whether the loader could map the object. */
static bool object_usable(const struct preload *preload, char *problem, size_t size)
{
    struct statvfs place;

    /* Space and colon separate objects in LD_PRELOAD and cannot be escaped; a $ may begin a token. */
    if (strpbrk(preload->file, " :$") != NULL)
        return problem_say(
            problem, size,
            "'%s': LD_PRELOAD cannot hold a path with a space, a colon or a '$'; move the command and " OBJECT_NAME
            " to another folder",
            preload->file);
    if (access(preload->file, R_OK) != 0)
        return problem_say(problem, size, "'%s' cannot be read: %s; the loader would leave it out", preload->file,
                           strerror(errno));
    if (statvfs(preload->file, &place) == 0 && (place.f_flag & ST_NOEXEC))
        return problem_say(
            problem, size,
            "'%s' lies on a file system that is mounted noexec, so the loader would leave it out; move it",
            preload->file);
    return true;
}

bool preload_look(struct preload *out, char *problem, size_t size)
{
    if (object_beside(out))
        return object_usable(out, problem, size);
    if (object_of_ours(INSTALLED_OBJECT, out->file)) {
        snprintf(out->value, sizeof(out->value), "%s", INSTALLED_OBJECT);
        return object_usable(out, problem, size);
    }
    return problem_say(problem, size,
                       "found " OBJECT_NAME " neither beside this command nor as '%s'; build or install it",
                       INSTALLED_OBJECT);
}

bool preload_find(struct preload *out)
{
    char problem[PATH_MAX + 256];
    bool found = preload_look(out, problem, sizeof(problem));

    if (!found)
        complain("%s", problem);
    return found;
}

bool preload_set(const struct preload *preload)
{
    const char *old = getenv("LD_PRELOAD");
    char *value;
    bool set;

    if (old != NULL && preload_names(old, preload->value))
        return true;
    value = memory_print("%s%s%s", preload->value, old != NULL && *old != '\0' ? ":" : "", old != NULL ? old : "");
    set = setenv("LD_PRELOAD", value, 1) == 0;
    if (!set)
        complain("setenv LD_PRELOAD: %s", strerror(errno));
    free(value);
    return set;
}
