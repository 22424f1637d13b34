/* SPDX-License-Identifier: MIT */
/* Lines of files and places in them. */
#include "command/source.h"

#include "config/memory.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define LARGEST ((size_t)64 << 20) /* of a file whose lines are shown */

/* A file is mapped; its lines are counted on from the last one that was asked for. */
struct source_file {
    char *name;
    char *bytes; /* NULL: not to be had */
    size_t size;
    size_t at; /* where line `line` begins */
    int line;
};

/* Reads a regular file, without waiting for anybody; NULL where that fails. */
static char *read_whole(const char *name, size_t *size)
{
    int fd = open(name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat st;
    char *bytes = NULL;
    ssize_t got = 0;

    *size = 0;
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uintmax_t)st.st_size <= LARGEST) {
        bytes = memory_new((size_t)st.st_size + 1);
        while (*size < (size_t)st.st_size && (got = read(fd, bytes + *size, (size_t)st.st_size - *size)) > 0)
            *size += (size_t)got;
    }
    if (fd >= 0)
        close(fd);
    if (got < 0) {
        free(bytes);
        return NULL;
    }
    return bytes;
}

static struct source_file *find_file(struct sources *sources, const char *name)
{
    struct source_file *file;

    for (size_t i = 0; i < sources->count; i++) {
        if (strcmp(sources->files[i].name, name) == 0)
            return &sources->files[i];
    }
    sources->files = memory_grow(sources->files, sources->count, &sources->room, sizeof(*sources->files));
    file = &sources->files[sources->count++];
    *file = (struct source_file){.name = memory_text(name), .line = 1};
    file->bytes = read_whole(name, &file->size);
    return file;
}

const char *source_line(struct sources *sources, const char *name, int line, size_t *length)
{
    struct source_file *file;
    const char *end;

    if (name == NULL || line < 1)
        return NULL;
    file = find_file(sources, name);
    if (file->bytes == NULL)
        return NULL;
    if (line < file->line) {
        file->line = 1;
        file->at = 0;
    }
    while (file->line < line) {
        end = memchr(file->bytes + file->at, '\n', file->size - file->at);
        if (end == NULL)
            return NULL;
        file->at = (size_t)(end - file->bytes) + 1;
        file->line++;
    }
    end = memchr(file->bytes + file->at, '\n', file->size - file->at);
    *length = (end != NULL ? (size_t)(end - file->bytes) : file->size) - file->at;
    while (*length > 0 && file->bytes[file->at + *length - 1] == '\r')
        --*length;
    return file->bytes + file->at;
}

void sources_free(struct sources *sources)
{
    for (size_t i = 0; i < sources->count; i++) {
        free(sources->files[i].name);
        free(sources->files[i].bytes);
    }
    free(sources->files);
    *sources = (struct sources){0};
}

size_t comment_start(const char *line, size_t length)
{
    bool quoted = false;

    for (size_t i = 0; i < length; i++) {
        if (quoted && line[i] == '\\')
            i++;
        else if (line[i] == '"')
            quoted = !quoted;
        else if (!quoted &&
                 (line[i] == '#' || (line[i] == '/' && i + 1 < length && (line[i + 1] == '/' || line[i + 1] == '*'))))
            return i;
    }
    return length;
}

/* Whether a word goes on at this byte; '/' and ':' may stand behind an address that is all of a token. */
static bool goes_on(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '-' || c == '*';
}

bool token_find(const char *line, size_t length, const char *token, size_t nth, struct span *out)
{
    size_t size = strlen(token), end = comment_start(line, length);

    for (size_t at = 0; size > 0 && at + size <= end; at++) {
        if (memcmp(line + at, token, size) != 0 || (at > 0 && (goes_on(line[at - 1]) || line[at - 1] == '@')) ||
            (at + size < end && goes_on(line[at + size])))
            continue;
        if (nth-- > 0)
            continue;
        *out = (struct span){at, size};
        return true;
    }
    return false;
}

/* What the text quotes first, which is nearly always what it is about. The caller frees it. */
static char *first_quoted(const char *text)
{
    const char *start = strchr(text, '\''), *end = start != NULL ? strchr(start + 1, '\'') : NULL;

    return end != NULL ? memory_print("%.*s", (int)(end - start - 1), start + 1) : memory_text("");
}

/* From `start` to the end of what is no blank. */
static struct span span_from(const char *line, size_t length, size_t start)
{
    size_t end = start;

    while (end < length && !isspace((unsigned char)line[end]) &&
           (end == start || strchr(",;(){}[]", line[end]) == NULL))
        end++;
    return (struct span){start, end - start};
}

/* The token; behind the key that is quoted before it, where there is one: a value may stand elsewhere in the line. */
static bool token_span(const char *token, const char *quoted, const char *line, size_t length, struct span *out)
{
    struct span key;

    if (quoted[0] != '\0' && strcmp(token, quoted) != 0 && token_find(line, length, quoted, 0, &key)) {
        size_t behind = key.start + key.length;

        if (token_find(line + behind, length - behind, token, 0, out)) {
            out->start += behind;
            return true;
        }
    }
    return token_find(line, length, token, 0, out);
}

bool message_span(const struct message *message, const char *line, size_t length, struct span *out)
{
    size_t first = 0;
    char *quoted;
    bool found;

    if (message->column > 0 && (size_t)message->column <= length) {
        *out = span_from(line, length, (size_t)message->column - 1);
        return out->length > 0;
    }
    quoted = first_quoted(message->text);
    found = (message->token != NULL && token_span(message->token, quoted, line, length, out)) ||
            token_find(line, length, quoted, 0, out);
    free(quoted);
    if (found)
        return true;
    while (first < length && (isspace((unsigned char)line[first]) || (line[first] == '{' && first + 1 < length)))
        first++;
    *out = span_from(line, length, first);
    return out->length > 0;
}
