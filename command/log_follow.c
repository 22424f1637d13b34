/* SPDX-License-Identifier: MIT */
/*
 * Following by looking four times a second: it works on every file system and over every way a file may be replaced,
 * and a log is for people, who do not notice.
 */
#include "command/log_follow.h"

#include "command/command.h"
#include "config/memory.h"
#include "config/messages.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAUSE_MS 250

/* One file that is followed; not open while it does not exist. */
struct followed {
    char *path;
    struct log_reader reader;
    bool is_open;
    bool was_told; /* why it cannot be opened */
    dev_t device;
    ino_t inode;
};

struct follower {
    struct followed *list;
    size_t count, room;
    log_taker *take;
    void *context;
    struct log_faults *faults;
};

static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

/* Files that have appeared since, one for each process, are followed too. Takes the path. */
static void follower_add(struct follower *follower, char *path)
{
    for (size_t i = 0; i < follower->count; i++) {
        if (strcmp(follower->list[i].path, path) == 0) {
            free(path);
            return;
        }
    }
    follower->list = memory_grow(follower->list, follower->count, &follower->room, sizeof(*follower->list));
    follower->list[follower->count++] = (struct followed){.path = path};
}

static void take_all(struct follower *follower, struct followed *file)
{
    struct event_record event;
    const char *line;
    size_t length;

    while (log_reader_event(&file->reader, false, &event, &line, &length, follower->faults)) {
        follower->take(follower->context, &event, line, length);
        event_free(&event);
    }
}

static void file_open(struct follower *follower, struct followed *file)
{
    int descriptor = log_file_open(file->path, false);
    struct stat st;

    if (descriptor < 0 || fstat(descriptor, &st) != 0) {
        if (!file->was_told && errno != ENOENT && errno != ENOTDIR) {
            char *shown = printable(file->path);

            complain("'%s': %s", shown, errno == EINVAL ? "is no regular file" : strerror(errno));
            free(shown);
            follower->faults->files++;
            file->was_told = true;
        }
        return;
    }
    log_reader_begin(&file->reader, descriptor, file->path);
    file->device = st.st_dev;
    file->inode = st.st_ino;
    file->is_open = true;
}

static void file_close(struct followed *file)
{
    if (file->is_open)
        log_reader_end(&file->reader);
    file->is_open = false;
}

/* Whether another file stands at the path by now; one that is merely gone is read on. */
static bool file_was_replaced(const struct followed *file)
{
    struct stat st;

    return stat(file->path, &st) == 0 && (st.st_dev != file->device || st.st_ino != file->inode);
}

/* A file that was cut is read from its start again. */
static void file_restart_if_cut(struct followed *file)
{
    off_t at = lseek(file->reader.descriptor, 0, SEEK_CUR);
    struct stat st;

    if (at > 0 && fstat(file->reader.descriptor, &st) == 0 && st.st_size < at) {
        lseek(file->reader.descriptor, 0, SEEK_SET);
        file->reader.start = file->reader.end = file->reader.number = 0;
        file->reader.skipping = false;
    }
}

static void file_look(struct follower *follower, struct followed *file)
{
    /* At most one replacement for each look: who renames all the time does not keep us from the other files. */
    for (int replaced = 0; replaced < 2; replaced++) {
        if (!file->is_open)
            file_open(follower, file);
        if (!file->is_open)
            return;
        file_restart_if_cut(file);
        take_all(follower, file);
        if (!file_was_replaced(file))
            return;
        take_all(follower, file); /* what was written until it was renamed */
        file_close(file);
    }
}

/* The older half of each log, which nobody writes to any more. */
static void read_older(struct follower *follower)
{
    for (size_t i = 0; i < follower->count; i++) {
        struct followed older = {.path = memory_print("%s.1", follower->list[i].path)};

        file_open(follower, &older);
        if (older.is_open)
            take_all(follower, &older);
        file_close(&older);
        free(older.path);
    }
}

static void look_for_files(struct follower *follower, const struct log_files *files)
{
    size_t count;
    char **paths = log_files_present(files, &count);

    for (size_t i = 0; i < count; i++)
        follower_add(follower, paths[i]);
    free(paths);
}

/* Waits a little; false where standard output has lost its reader. */
static bool pause_a_little(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO};

    return poll(&out, 1, PAUSE_MS) <= 0 || (out.revents & (POLLERR | POLLHUP | POLLNVAL)) == 0;
}

void log_follow(const struct log_files *files, log_taker *take, log_caught_up *caught_up, void *context,
                struct log_faults *faults)
{
    const struct sigaction action = {.sa_handler = interrupt};
    struct follower follower = {.take = take, .context = context, .faults = faults};
    bool first = true;

    sigaction(SIGINT, &action, NULL);
    look_for_files(&follower, files);
    read_older(&follower);
    do {
        look_for_files(&follower, files);
        for (size_t i = 0; i < follower.count; i++)
            file_look(&follower, &follower.list[i]);
        caught_up(context, first);
        first = false;
    } while (!interrupted && pause_a_little() && !interrupted);
    for (size_t i = 0; i < follower.count; i++) {
        file_close(&follower.list[i]);
        free(follower.list[i].path);
    }
    free(follower.list);
}
