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
#include "state/locate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#ifndef INSTALLED_OBJECT
#define INSTALLED_OBJECT "/usr/local/$LIB/sockade/libsockade.so"
#endif

#define OBJECT_NAME "libsockade.so"

/* The object beside the running command; false where it is not there. */
static bool object_beside(char *out)
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
    return path_join(out, folder, OBJECT_NAME) && access(out, F_OK) == 0;
}

/*
 * The file that INSTALLED_OBJECT is for the loader of programs like ourselves. What $LIB becomes is compiled into each
 * loader; these are the usual ones (Debian's multiarch folder, lib64, lib).
 */
static bool object_installed(char *out)
{
    static const char installed[] = INSTALLED_OBJECT;
    const char *token = strstr(installed, "$LIB");
    const char *expansions[] = {NULL, "lib64", "lib", "lib32"};
    struct utsname host;
    char multiarch[sizeof(host.machine) + sizeof("lib/-linux-gnu")];

    if (token == NULL) {
        snprintf(out, PATH_MAX, "%s", installed);
        return access(out, F_OK) == 0;
    }
    if (uname(&host) == 0) {
        snprintf(multiarch, sizeof(multiarch), "lib/%s-linux-gnu", host.machine);
        expansions[0] = multiarch;
    }
    for (size_t i = 0; i < sizeof(expansions) / sizeof(expansions[0]); i++) {
        if (expansions[i] == NULL)
            continue;
        snprintf(out, PATH_MAX, "%.*s%s%s", (int)(token - installed), installed, expansions[i], token + strlen("$LIB"));
        if (access(out, F_OK) == 0)
            return true;
    }
    return false;
}

/* Whether the loader could map the object; says why not. */
static bool object_usable(const struct preload *preload, bool beside)
{
    struct statvfs place;

    /* Space and colon separate objects in LD_PRELOAD and cannot be escaped; a $ may begin a token. */
    if (strpbrk(preload->value, beside ? " :$" : " :") != NULL) {
        complain("'%s': LD_PRELOAD cannot hold a path with a space, a colon or a '$'; move the command and " OBJECT_NAME
                 " to another folder",
                 preload->value);
        return false;
    }
    if (access(preload->file, R_OK) != 0) {
        complain("'%s' cannot be read: %s; the loader would leave it out", preload->file, strerror(errno));
        return false;
    }
    if (statvfs(preload->file, &place) == 0 && (place.f_flag & ST_NOEXEC)) {
        complain("'%s' lies on a file system that is mounted noexec, so the loader would leave it out; move it",
                 preload->file);
        return false;
    }
    return true;
}

bool preload_find(struct preload *out)
{
    if (object_beside(out->file)) {
        memcpy(out->value, out->file, sizeof(out->value));
        return object_usable(out, true);
    }
    if (object_installed(out->file)) {
        snprintf(out->value, sizeof(out->value), "%s", INSTALLED_OBJECT);
        return object_usable(out, false);
    }
    complain("found " OBJECT_NAME " neither beside this command nor as '%s'; build or install it", INSTALLED_OBJECT);
    return false;
}

/* Whether `list`, separated as LD_PRELOAD is, names `object`. */
static bool list_names(const char *list, const char *object)
{
    size_t length = strlen(object);

    for (list += strspn(list, " :"); *list != '\0'; list += strspn(list, " :")) {
        size_t next = strcspn(list, " :");

        if (next == length && memcmp(list, object, length) == 0)
            return true;
        list += next;
    }
    return false;
}

bool preload_set(const struct preload *preload)
{
    const char *old = getenv("LD_PRELOAD");
    char *value;
    bool set;

    if (old != NULL && list_names(old, preload->value))
        return true;
    value = memory_print("%s%s%s", preload->value, old != NULL && *old != '\0' ? ":" : "", old != NULL ? old : "");
    set = setenv("LD_PRELOAD", value, 1) == 0;
    if (!set)
        complain("setenv LD_PRELOAD: %s", strerror(errno));
    free(value);
    return set;
}
