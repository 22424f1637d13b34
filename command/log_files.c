/* SPDX-License-Identifier: MIT */
/*
 * Which files hold the events: what the shim would make of the layers' settings, or what the user names; and all of
 * them read as one log.
 *
 * Each log is in order by itself, so that of several the one whose next event is the oldest goes on.
 */
#include "command/log_files.h"

#include "command/command.h"
#include "command/layers.h"
#include "config/memory.h"
#include "config/messages.h"
#include "state/event.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static struct log_file *file_add(struct log_files *files, char *path, bool is_glob)
{
    for (size_t i = 0; i < files->count; i++) {
        if (strcmp(files->list[i].path, path) == 0 && files->list[i].is_glob == is_glob) {
            free(path);
            return &files->list[i];
        }
    }
    files->list = memory_grow(files->list, files->count, &files->room, sizeof(*files->list));
    files->list[files->count] = (struct log_file){.path = path, .is_glob = is_glob};
    return &files->list[files->count++];
}

void log_files_name(struct log_files *files, const char *path)
{
    file_add(files, memory_text(path), false)->named = true;
}

void log_files_free(struct log_files *files)
{
    for (size_t i = 0; i < files->count; i++)
        free(files->list[i].path);
    free(files->list);
    *files = (struct log_files){0};
}

/* A pattern that matches the path with digits in place of the mark, and nothing else by what glob(3) finds special. */
static char *glob_of(const char *path)
{
    char *pattern = memory_new(6 * strlen(path) + 1), *end = pattern;

    for (; *path != '\0'; path++) {
        if (*path == LOG_PID_MARK) {
            end = stpcpy(end, "[0-9]*");
            continue;
        }
        if (strchr("*?[\\", *path) != NULL)
            *end++ = '\\';
        *end++ = *path;
    }
    return pattern;
}

/* Adds where a setting leads. */
static void place_add(struct log_files *files, const char *to, const struct surroundings *surroundings)
{
    static struct log_place place;

    if (!log_place_make(&place, to, 0, surroundings))
        return;
    files->to_stderr = files->to_stderr || place.target == LOG_TO_STDERR;
    files->to_syslog = files->to_syslog || place.target == LOG_TO_SYSLOG;
    if (place.target == LOG_TO_FILE)
        file_add(files, place.per_process ? glob_of(place.path) : memory_text(place.path), place.per_process);
}

/* A layer's places: the general one, and each that a `programs` entry has. */
static void layer_add(struct log_files *files, const struct layer *layer, const struct surroundings *surroundings)
{
    const struct image_program *programs;
    struct view general, own;

    if (layer->base == NULL || image_open(&general, layer->base, layer->size, NULL) != IMAGE_OK)
        return;
    place_add(files, view_string(&general, general.settings.log_to), surroundings);
    programs = (const void *)(general.base + general.programs.offset);
    for (size_t i = 0; i < general.programs.count; i++) {
        /* The first pattern of an entry, read as a name, matches itself. */
        const struct program_names names = {.executed = view_string(&general, programs[i].name)};

        if (image_open(&own, layer->base, layer->size, &names) == IMAGE_OK)
            place_add(files, view_string(&own, own.settings.log_to), surroundings);
    }
}

void log_files_here(struct log_files *files)
{
    static struct layer layers[LAYERS_MAX];
    struct surroundings surroundings;
    struct messages messages = {0};
    int count;

    surroundings_here(&surroundings);
    count = layers_load(layers, &surroundings, &messages);
    messages_free(&messages); /* what is wrong with a policy is for `check` to say; its events are there all the same */
    for (int i = 0; i < count; i++)
        layer_add(files, &layers[i], &surroundings);
    if (files->count == 0 && !files->to_stderr && !files->to_syslog)
        place_add(files, "", &surroundings);
    if (count > 0)
        layers_free(layers, count);
}

char **log_files_present(const struct log_files *files, size_t *count)
{
    char **paths = NULL;
    size_t room = 0;

    *count = 0;
    for (size_t i = 0; i < files->count; i++) {
        const struct log_file *file = &files->list[i];
        glob_t found = {0};

        if (!file->is_glob) {
            paths = memory_grow(paths, *count, &room, sizeof(*paths));
            paths[(*count)++] = memory_text(file->path);
            continue;
        }
        if (glob(file->path, 0, NULL, &found) != 0)
            continue;
        for (size_t at = 0; at < found.gl_pathc; at++) {
            paths = memory_grow(paths, *count, &room, sizeof(*paths));
            paths[(*count)++] = memory_text(found.gl_pathv[at]);
        }
        globfree(&found);
    }
    return paths;
}

int log_file_open(const char *path, bool named)
{
    int descriptor = strcmp(path, "-") == 0 && named
                         ? STDIN_FILENO
                         : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | (named ? 0 : O_NONBLOCK));
    struct stat st;

    if (descriptor < 0 || fstat(descriptor, &st) != 0)
        return -1;
    if (!S_ISDIR(st.st_mode) && (named || S_ISREG(st.st_mode)))
        return descriptor;
    if (descriptor != STDIN_FILENO)
        close(descriptor);
    errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
    return -1;
}

/* Several logs as one */

/* One log on its way: its older file, then itself. */
struct stream {
    char *paths[2];
    int next; /* of the paths */
    bool named;
    struct log_reader reader;
    struct event_record event; /* the next one, while `ready` */
    const char *line;
    size_t length;
    double time; /* its time; that of the one before it where it has none */
    bool ready;
};

static void stream_fail(const char *path, int error, struct log_faults *faults)
{
    char *shown = printable(path);

    complain("'%s': %s", shown, error == EINVAL ? "is no regular file" : strerror(error));
    free(shown);
    faults->files++;
}

/* Opens the stream's next file; false where there is none left. */
static bool stream_open(struct stream *stream, struct log_faults *faults)
{
    while (stream->next < 2) {
        const char *path = stream->paths[stream->next++];
        int descriptor = path != NULL ? log_file_open(path, stream->named) : -1;

        if (descriptor >= 0) {
            log_reader_begin(&stream->reader, descriptor, path);
            return true;
        }
        if (path != NULL && (stream->named || (errno != ENOENT && errno != ENOTDIR)))
            stream_fail(path, errno, faults);
    }
    return false;
}

/* Reads the stream's next event, or leaves it not `ready` at its end. */
static void stream_advance(struct stream *stream, struct log_faults *faults)
{
    stream->ready = false;
    while (!stream->ready && (stream->reader.buffer != NULL || stream_open(stream, faults))) {
        stream->ready = log_reader_event(&stream->reader, true, &stream->event, &stream->line, &stream->length, faults);
        if (stream->ready)
            break;
        if (stream->reader.error != 0)
            stream_fail(stream->reader.path, stream->reader.error, faults);
        log_reader_end(&stream->reader);
    }
    if (stream->ready && stream->event.time >= 0)
        stream->time = stream->event.time;
}

static struct stream *streams_begin(const struct log_files *files, size_t *count)
{
    struct stream *streams = NULL;
    size_t room = 0;

    *count = 0;
    for (size_t i = 0; i < files->count; i++) {
        const struct log_files one = {.list = &files->list[i], .count = 1};
        size_t present;
        char **paths = log_files_present(&one, &present);

        for (size_t at = 0; at < present; at++) {
            streams = memory_grow(streams, *count, &room, sizeof(*streams));
            streams[(*count)++] = (struct stream){
                .paths = {one.list->named ? NULL : memory_print("%s.1", paths[at]), paths[at]},
                .named = one.list->named,
            };
        }
        free(paths);
    }
    return streams;
}

/* A log a process may be more files than a process may open by default. */
static void raise_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static struct stream *oldest(struct stream *streams, size_t count)
{
    struct stream *found = NULL;

    for (size_t i = 0; i < count; i++) {
        if (streams[i].ready && (found == NULL || streams[i].time < found->time))
            found = &streams[i];
    }
    return found;
}

void log_files_read(const struct log_files *files, log_taker *take, void *context, struct log_faults *faults)
{
    size_t count;
    struct stream *streams = streams_begin(files, &count), *stream;
    bool more = true;

    if (count > 64)
        raise_limit();
    for (size_t i = 0; i < count; i++)
        stream_advance(&streams[i], faults);
    while (more && (stream = oldest(streams, count)) != NULL) {
        more = take(context, &stream->event, stream->line, stream->length);
        event_free(&stream->event);
        stream_advance(stream, faults);
    }
    for (size_t i = 0; i < count; i++) {
        if (streams[i].ready)
            event_free(&streams[i].event);
        log_reader_end(&streams[i].reader);
        free(streams[i].paths[0]);
        free(streams[i].paths[1]);
    }
    free(streams);
}
