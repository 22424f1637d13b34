/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/maps names each mapped file, also one that was replaced since (with " (deleted)" behind it). An image's
 * name is a hash of its text's path, so it is enough to look for that.
 */
#include "command/followers.h"

#include "state/generation.h"

#include <ctype.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Whether a line of maps ends with "/NAME" or "/NAME (deleted)". */
static bool names_file(const char *line, const char *name)
{
    const char *at = strstr(line, name);
    const char *rest = at == NULL ? NULL : at + strlen(name);

    return at != NULL && at > line && at[-1] == '/' &&
           (*rest == '\n' || *rest == '\0' || strncmp(rest, " (deleted)", 10) == 0);
}

static void count_process(struct followers *out, const char *pid, const char *image_name)
{
    char path[64];
    char *line = NULL;
    size_t room = 0;
    bool image = false, control = false;
    FILE *maps;

    snprintf(path, sizeof(path), "/proc/%.20s/maps", pid);
    maps = fopen(path, "re");
    if (maps == NULL)
        return;
    while (getline(&line, &room, maps) > 0) {
        image = image || names_file(line, image_name);
        control = control || names_file(line, GENERATION_FILE);
    }
    free(line);
    fclose(maps);
    out->at_once += image && control;
    out->later += image && !control;
}

void followers_count(struct followers *out, const char *image_name)
{
    DIR *processes = opendir("/proc");
    const struct dirent *entry;

    memset(out, 0, sizeof(*out));
    while (processes != NULL && (entry = readdir(processes)) != NULL) {
        if (isdigit((unsigned char)entry->d_name[0]) && atol(entry->d_name) != (long)getpid())
            count_process(out, entry->d_name, image_name);
    }
    if (processes != NULL)
        closedir(processes);
}
