/* SPDX-License-Identifier: MIT */
/*
 * The object: whether it is there for both widths, of our version, and can be loaded; and what the loader is told.
 *
 * An object of another version than the command is what half an update leaves behind: both look for images under names
 * that the other one does not make.
 */
#include "command/doctor.h"

#include "command/object_file.h"
#include "config/memory.h"
#include "policy/image.h"
#include "state/preload.h"
#include "state/program.h"

#include <elf.h>
#include <errno.h>
#include <gnu/libc-version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef VERSION
#define VERSION "unreleased"
#endif

#define SYSTEM_PRELOAD "/etc/ld.so.preload"
#define OBJECT_NAME "libsockade.so"

static void check_version(struct diagnosis *diagnosis, const char *check, const char *file)
{
    struct object_facts facts;

    if (!object_facts_read(&facts, file)) {
        diagnosis_add(diagnosis, MARK_PROBLEM, check, "%s cannot be read: %s", file, strerror(errno));
        diagnosis_remedy(diagnosis, REMEDY_ADVICE, "build or install it again");
        return;
    }
    if (strcmp(facts.version, VERSION) == 0 && facts.image_version == IMAGE_VERSION) {
        diagnosis_add(diagnosis, MARK_OK, check, "%s, version %s as this command", file, facts.version);
        return;
    }
    diagnosis_add(diagnosis, MARK_PROBLEM, check, "%s is version %s (images of version %u), this command %s (%u)", file,
                  facts.version[0] != '\0' ? facts.version : "unknown", facts.image_version, VERSION, IMAGE_VERSION);
    diagnosis_remedy(diagnosis, REMEDY_ADVICE,
                     "install both from one build: 'make install', or the packages sockade and libsockade alike; then "
                     "start programs anew");
}

/* The libc of programs is taken to be the one that this command runs with. */
static void check_libc(struct diagnosis *diagnosis, const char *file)
{
    struct object_facts facts;
    unsigned major = 0, minor = 0;
    bool enough;

    if (!object_facts_read(&facts, file))
        return;
    if (sscanf(gnu_get_libc_version(), "%4u.%4u", &major, &minor) != 2)
        return;
    enough = major > facts.libc[0] || (major == facts.libc[0] && minor >= facts.libc[1]);
    diagnosis_add(diagnosis, enough ? MARK_OK : MARK_PROBLEM, "libc", "GNU C library %u.%u; the object asks for %u.%u",
                  major, minor, facts.libc[0], facts.libc[1]);
    if (!enough)
        diagnosis_remedy(diagnosis, REMEDY_ADVICE, "build the object on this system: make && make install");
}

/* Programs of 32 bits, where the kernel and a loader could run some. */
static void check_narrow(struct diagnosis *diagnosis, const struct preload *preload)
{
#ifdef __x86_64__
    const struct machine narrow = {ELFCLASS32, ELFDATA2LSB, EM_386};
    char file[PATH_MAX];

    if (object_for(preload->value, &narrow, file)) {
        check_version(diagnosis, "object, 32", file);
    } else if (access("/lib/ld-linux.so.2", F_OK) == 0) {
        diagnosis_add(diagnosis, MARK_WARNING, "object, 32",
                      "there is none for programs of 32 bits, which can run here: they are treated as 'unprotected'");
        diagnosis_remedy(diagnosis, REMEDY_ADVICE,
                         "install the package libsockade:i386, or gcc-multilib and build again");
    }
#else
    (void)diagnosis;
    (void)preload;
#endif
}

bool doctor_object(struct diagnosis *diagnosis, struct preload *preload)
{
    char problem[PATH_MAX + 256];

    if (!preload_look(preload, problem, sizeof(problem))) {
        diagnosis_add(diagnosis, MARK_PROBLEM, "object", "%s", problem);
        diagnosis_remedy(diagnosis, REMEDY_ADVICE,
                         "install command and object together, in a folder without such signs");
        return false;
    }
    check_version(diagnosis, "object", preload->file);
    check_narrow(diagnosis, preload);
    check_libc(diagnosis, preload->file);
    return true;
}

/* Which of our objects this very process has mapped; false: none. */
static bool shimmed_by(char out[PATH_MAX])
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char *line = NULL;
    size_t room = 0;
    bool found = false;

    while (maps != NULL && !found && getline(&line, &room, maps) > 0) {
        const char *path = strchr(line, '/');
        const char *name = strstr(line, "/" OBJECT_NAME);

        found = path != NULL && name != NULL && snprintf(out, PATH_MAX, "%.*s", (int)strcspn(path, "\n"), path) > 0;
    }
    free(line);
    if (maps != NULL)
        fclose(maps);
    return found;
}

/* Objects other than ours in a list; how many. */
static size_t others(const char *list)
{
    size_t count = 0;

    for (list += strspn(list, PRELOAD_SEPARATORS); *list != '\0'; list += strspn(list, PRELOAD_SEPARATORS)) {
        size_t length = strcspn(list, PRELOAD_SEPARATORS);
        size_t name = sizeof(OBJECT_NAME) - 1;

        count += length < name || memcmp(list + length - name, OBJECT_NAME, name) != 0;
        list += length;
    }
    return count;
}

static void check_variable(struct diagnosis *diagnosis, const struct preload *preload)
{
    const char *value = getenv("LD_PRELOAD");
    char mapped[PATH_MAX];
    bool shimmed = shimmed_by(mapped);

    if (value == NULL || value[0] == '\0') {
        if (shimmed)
            diagnosis_add(diagnosis, MARK_OK, "preload", "this shell's programs have %s", mapped);
        else
            diagnosis_add(diagnosis, MARK_OK, "preload",
                          "LD_PRELOAD is not set: programs run under a policy only by 'sockade run'");
        return;
    }
    if (strstr(value, OBJECT_NAME) != NULL && !shimmed) {
        diagnosis_add(diagnosis, MARK_PROBLEM, "preload",
                      "LD_PRELOAD names '%s', but the loader did not load it into this process: programs run without "
                      "protection",
                      value);
        if (preload != NULL)
            diagnosis_remedy(diagnosis, REMEDY_COMMAND, "export LD_PRELOAD='%s'", preload->value);
        return;
    }
    if (others(value) > 0)
        diagnosis_add(diagnosis, MARK_WARNING, "preload",
                      "LD_PRELOAD holds other objects too: '%s'; those before ours may go past it", value);
    else
        diagnosis_add(diagnosis, MARK_OK, "preload", "in force here: %s", shimmed ? mapped : value);
}

/* The file that the loader reads for every program of the host, those of all users too. */
static void check_system(struct diagnosis *diagnosis)
{
    FILE *file = fopen(SYSTEM_PRELOAD, "re");
    char *line = NULL;
    size_t room = 0;
    bool ours = false, other = false;

    if (file == NULL)
        return;
    while (getline(&line, &room, file) > 0) {
        line[strcspn(line, "#\n")] = '\0';
        ours = ours || strstr(line, OBJECT_NAME) != NULL;
        other = other || others(line) > 0;
    }
    free(line);
    fclose(file);
    if (other)
        diagnosis_add(diagnosis, MARK_WARNING, "preload",
                      SYSTEM_PRELOAD " preloads other objects into all programs; they come behind those of LD_PRELOAD");
    if (ours)
        diagnosis_add(diagnosis, MARK_OK, "preload", SYSTEM_PRELOAD " names our object: it is in all programs");
}

void doctor_preload(struct diagnosis *diagnosis, const struct preload *preload)
{
    if (ids_differ()) {
        diagnosis_add(
            diagnosis, MARK_PROBLEM, "preload",
            "real and effective user or group differ, so the loader ignores LD_PRELOAD in whatever is started");
        diagnosis_remedy(diagnosis, REMEDY_ADVICE, "start programs as one user, without set-user-id in between");
    }
    check_variable(diagnosis, preload);
    check_system(diagnosis);
}
