/* SPDX-License-Identifier: MIT */
/* A running process and its descendants: whether our object is in them, of which version, and what they decide by. */
#include "command/doctor.h"

#include "command/command.h"
#include "command/mapped.h"
#include "command/object_file.h"
#include "config/memory.h"
#include "policy/image.h"
#include "state/control.h"
#include "state/kernel.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef VERSION
#define VERSION "unreleased"
#endif

#define FAMILY_MOST 4096 /* processes of which parents are followed */

struct family {
    struct {
        pid_t pid, parent;
    } list[FAMILY_MOST];
    size_t count;
};

/* The parent of a process by /proc/PID/stat; the name in it may hold anything, so it is read from its end. */
static pid_t parent_of(pid_t pid)
{
    char path[64], text[512];
    const char *behind;
    FILE *file;
    size_t size;
    long parent = 0;

    snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
    file = fopen(path, "re");
    if (file == NULL)
        return 0;
    size = fread(text, 1, sizeof(text) - 1, file);
    text[size] = '\0';
    fclose(file);
    behind = strrchr(text, ')');
    if (behind == NULL || sscanf(behind, ") %*c %20ld", &parent) != 1)
        return 0;
    return (pid_t)parent;
}

static void family_read(struct family *out)
{
    DIR *processes = opendir("/proc");
    const struct dirent *entry;

    out->count = 0;
    while (processes != NULL && (entry = readdir(processes)) != NULL && out->count < FAMILY_MOST) {
        pid_t pid = (pid_t)atol(entry->d_name);

        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        out->list[out->count].pid = pid;
        out->list[out->count++].parent = parent_of(pid);
    }
    if (processes != NULL)
        closedir(processes);
}

static char *program_of(pid_t pid)
{
    char path[64], exe[PATH_MAX];
    ssize_t length;

    snprintf(path, sizeof(path), "/proc/%ld/exe", (long)pid);
    length = readlink(path, exe, sizeof(exe) - 1);
    if (length <= 0)
        return memory_text("a program that cannot be told");
    exe[length] = '\0';
    return memory_text(exe);
}

/* The text that an image was made of, as far as that can be told. */
static char *policy_of(const char *path)
{
    struct image_file file;
    struct view view;
    struct image_source source;
    char *name = NULL;

    if (image_file_open(&file, AT_FDCWD, path, kernel_effective_uid(), false, true) != IMAGE_FILE_OK)
        return memory_text(path);
    if (image_open(&view, file.base, file.size, NULL) == IMAGE_OK && view_source(&view, 0, &source))
        name = memory_print("%s, by %s", view_string(&view, source.path), path);
    image_file_close(&file);
    return name != NULL ? name : memory_text(path);
}

static void add_images(struct diagnosis *diagnosis, pid_t pid, const struct mapped *mapped)
{
    for (size_t i = 0; i < mapped->image_count; i++) {
        char *policy = policy_of(mapped->images[i]);

        if (mapped->image_gone[i]) {
            diagnosis_add(diagnosis, MARK_WARNING, "policy", "%ld decides by an older image of %s", (long)pid, policy);
            diagnosis_remedy(diagnosis, REMEDY_COMMAND, "sockade reload");
        } else {
            diagnosis_add(diagnosis, MARK_OK, "policy", "%ld decides by %s", (long)pid, policy);
        }
        free(policy);
    }
    if (mapped->image_count == 0)
        diagnosis_add(diagnosis, MARK_WARNING, "policy", "%ld has no policy that an image folder holds", (long)pid);
}

/* The object in a process: its version, where its file is still there. */
static void add_object(struct diagnosis *diagnosis, pid_t pid, const char *program, const struct mapped *mapped)
{
    struct object_facts facts;

    if (mapped->object_gone) {
        diagnosis_add(diagnosis, MARK_WARNING, "process", "%ld (%s) has %s, which was replaced since", (long)pid,
                      program, mapped->object);
        diagnosis_remedy(diagnosis, REMEDY_ADVICE, "start the program anew");
    } else if (object_facts_read(&facts, mapped->object) && strcmp(facts.version, VERSION) != 0) {
        diagnosis_add(diagnosis, MARK_WARNING, "process", "%ld (%s) has %s of version %s; this command is %s",
                      (long)pid, program, mapped->object, facts.version[0] != '\0' ? facts.version : "unknown",
                      VERSION);
        diagnosis_remedy(diagnosis, REMEDY_ADVICE, "start the program by 'sockade run' of the same version");
    } else {
        diagnosis_add(diagnosis, MARK_OK, "process", "%ld (%s) is under Sockade, by %s", (long)pid, program,
                      mapped->object);
    }
}

static void check_process(struct diagnosis *diagnosis, pid_t pid, bool child)
{
    static struct mapped mapped;
    char *program = program_of(pid);
    char *word;

    mapped_read(&mapped, pid);
    if (!mapped.readable && child && (mapped.error == ENOENT || mapped.error == ESRCH)) {
        /* it has ended meanwhile */
    } else if (!mapped.readable && mapped.error == ENOENT) {
        diagnosis_add(diagnosis, MARK_PROBLEM, "process", "there is no process %ld", (long)pid);
    } else if (!mapped.readable) {
        diagnosis_add(diagnosis, child ? MARK_WARNING : MARK_PROBLEM, "process", "%ld cannot be looked at: %s",
                      (long)pid, strerror(mapped.error));
        diagnosis_remedy(diagnosis, REMEDY_ADVICE, "ask as the user whose process it is");
    } else if (mapped.object[0] == '\0') {
        diagnosis_add(diagnosis, MARK_PROBLEM, "process", "%ld (%s) is not under Sockade", (long)pid, program);
        word = shell_word(program);
        diagnosis_remedy(diagnosis, REMEDY_COMMAND, "sockade doctor %s", word);
        free(word);
    } else {
        add_object(diagnosis, pid, program, &mapped);
        if (!child)
            add_images(diagnosis, pid, &mapped);
    }
    free(program);
}

void doctor_process(struct diagnosis *diagnosis, pid_t pid)
{
    static struct family family;
    pid_t *wanted = memory_new((FAMILY_MOST + 1) * sizeof(*wanted));
    size_t count = 1;

    wanted[0] = pid;
    check_process(diagnosis, pid, false);
    family_read(&family);
    for (size_t at = 0; at < count; at++) {
        for (size_t i = 0; i < family.count && count < FAMILY_MOST; i++) {
            if (family.list[i].parent != wanted[at] || family.list[i].pid == wanted[at] ||
                family.list[i].pid == getpid())
                continue;
            wanted[count++] = family.list[i].pid;
            check_process(diagnosis, family.list[i].pid, true);
        }
    }
    free(wanted);
}
