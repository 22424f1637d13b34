/* SPDX-License-Identifier: MIT */
/*
 * Messages about a text: collected, made fit to print, sorted and shown.
 *
 * What a message quotes comes from files that somebody else may have written, so nothing in it may reach the terminal
 * as a control sequence or pretend to be a second line.
 */
#include "config/messages.h"

#include "config/memory.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST_NAME 64 /* no name of the language comes near */

/* Length of the well-formed UTF-8 sequence at `s` that is fit to print, or 0: not one, or a control character. */
static size_t printable_length(const unsigned char *s)
{
    static const unsigned lowest[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = s[0] < 0x80 ? 1 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    unsigned code = s[0];

    if (length == 1)
        return code >= 0x20 && code != 0x7f;
    if (code < 0xc2 || code > 0xf4)
        return 0;
    code &= 0x7fu >> length;
    for (size_t i = 1; i < length; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (s[i] & 0x3f);
    }
    /* C1 controls, surrogates, over-long forms, and the separators and direction marks that break or turn a line */
    bool bad = code < lowest[length] || code < 0xa0 || (code >= 0xd800 && code < 0xe000) || code > 0x10ffff ||
               (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
    return bad ? 0 : length;
}

bool problem_say(char *problem, size_t size, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(problem, size, format, arguments);
    va_end(arguments);
    return false;
}

char *printable(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    char *copy = memory_new(4 * strlen(text) + 1);
    char *end = copy;

    while (*s) {
        size_t length = printable_length(s);
        if (length) {
            memcpy(end, s, length);
            end += length;
            s += length;
            continue;
        }
        if (*s == '\n' || *s == '\t')
            end += sprintf(end, "\\%c", *s == '\n' ? 'n' : 't');
        else
            end += sprintf(end, "\\x%02x", *s);
        s++;
    }
    return copy;
}

void messages_add(struct messages *messages, enum message_kind kind, struct place place, const char *format, ...)
{
    va_list arguments;
    char *text;

    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0)
        text = memory_text("(out of memory)");
    va_end(arguments);

    messages->list = memory_grow(messages->list, messages->count, &messages->room, sizeof *messages->list);
    messages->list[messages->count++] = (struct message){
        .kind = kind,
        .file = place.file ? printable(place.file) : NULL,
        .line = place.line,
        .text = printable(text),
    };
    if (kind == MESSAGE_ERROR)
        messages->errors++;
    free(text);
}

void messages_detail(struct messages *messages, const char *id, const char *token, const char *fix)
{
    struct message *message = &messages->list[messages->count - 1];

    if (id)
        message->id = id;
    if (token) {
        free(message->token);
        message->token = memory_text(token);
    }
    if (fix) {
        free(message->fix);
        message->fix = memory_text(fix);
    }
}

void messages_column(struct messages *messages, int column)
{
    messages->list[messages->count - 1].column = column;
}

void messages_move(struct messages *messages, struct messages *more)
{
    for (size_t i = 0; i < more->count; i++) {
        messages->list = memory_grow(messages->list, messages->count, &messages->room, sizeof *messages->list);
        messages->list[messages->count++] = more->list[i];
    }
    messages->errors += more->errors;
    free(more->list);
    *more = (struct messages){0};
}

/* What messages are sorted by: the rank of their file, then the line, then the order in which they came. */
struct sort_key {
    size_t file_rank;
    int line;
    size_t index;
};

static int compare_keys(const void *left, const void *right)
{
    const struct sort_key *a = left, *b = right;

    if (a->file_rank != b->file_rank)
        return a->file_rank < b->file_rank ? -1 : 1;
    if (a->line != b->line)
        return a->line < b->line ? -1 : 1;
    return a->index < b->index ? -1 : 1;
}

static bool same_file(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* The order to print in. A file's rank is the index of the first message about it. */
static struct sort_key *sorted(const struct messages *messages)
{
    struct sort_key *keys = memory_new(messages->count * sizeof *keys);
    size_t *firsts = memory_new(messages->count * sizeof *firsts);
    size_t files = 0;

    for (size_t i = 0; i < messages->count; i++) {
        size_t rank = 0;
        while (rank < files && !same_file(messages->list[firsts[rank]].file, messages->list[i].file))
            rank++;
        if (rank == files)
            firsts[files++] = i;
        keys[i] = (struct sort_key){.file_rank = rank, .line = messages->list[i].line, .index = i};
    }
    free(firsts);
    qsort(keys, messages->count, sizeof *keys, compare_keys);
    return keys;
}

void messages_sort(struct messages *messages)
{
    struct sort_key *keys = sorted(messages);
    struct message *list = memory_new(messages->count * sizeof *list);

    for (size_t i = 0; i < messages->count; i++)
        list[i] = messages->list[keys[i].index];
    free(keys);
    free(messages->list);
    messages->list = list;
    messages->room = messages->count;
}

const char *message_prefix(const struct message *message)
{
    return message->kind == MESSAGE_WARNING ? "warning: " : message->kind == MESSAGE_NOTE ? "note: " : "";
}

void messages_print(struct messages *messages, FILE *stream)
{
    messages_sort(messages);
    for (size_t i = 0; i < messages->count; i++) {
        const struct message *message = &messages->list[i];
        if (message->file && message->line > 0)
            fprintf(stream, "%s:%d: ", message->file, message->line);
        else if (message->file)
            fprintf(stream, "%s: ", message->file);
        fprintf(stream, "%s%s\n", message_prefix(message), message->text);
    }
}

void messages_free(struct messages *messages)
{
    for (size_t i = 0; i < messages->count; i++) {
        free(messages->list[i].file);
        free(messages->list[i].text);
        free(messages->list[i].token);
        free(messages->list[i].fix);
    }
    free(messages->list);
    *messages = (struct messages){0};
}

static bool same_letter(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Edits from `a` to `b`: letters put in, left out, changed, or swapped with their neighbour; case does not count. */
static size_t edits(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t rows[3][LONGEST_NAME + 1];
    size_t *before = rows[0], *last = rows[1], *row = rows[2];

    for (size_t j = 0; j <= b_length; j++)
        last[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            row[j] = last[j - 1] + (same_letter(a[i - 1], b[j - 1]) ? 0 : 1);
            row[j] = smaller(row[j], smaller(last[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) && same_letter(a[i - 2], b[j - 1]))
                row[j] = smaller(row[j], before[j - 2] + 1);
        }
        size_t *oldest = before;
        before = last;
        last = row;
        row = oldest;
    }
    return last[b_length];
}

/* Of two names that are equally near the one that starts alike is likelier meant: `prot` is `proto`, not `port`. */
static size_t same_start(const char *a, const char *b)
{
    size_t length = 0;

    while (a[length] != '\0' && same_letter(a[length], b[length]))
        length++;
    return length;
}

/* Edits from the word to a name; SIZE_MAX where more than a third of the letters differ. */
static size_t distance(const char *word, size_t length, const char *name)
{
    size_t name_length = strlen(name);

    if (name_length > LONGEST_NAME)
        return SIZE_MAX;
    size_t count = edits(word, length, name, name_length);
    return count * 3 <= (length > name_length ? length : name_length) ? count : SIZE_MAX;
}

const char *nearest_name(const char *word, const char *const *names, size_t count)
{
    size_t length = strnlen(word, LONGEST_NAME + 1);
    const char *nearest = NULL;
    size_t fewest = SIZE_MAX;

    if (length == 0 || length > LONGEST_NAME)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        size_t edited = distance(word, length, names[i]);
        if (edited < fewest ||
            (nearest && edited == fewest && same_start(word, names[i]) > same_start(word, nearest))) {
            fewest = edited;
            nearest = names[i];
        }
    }
    return nearest;
}

const char *only_near_name(const char *word, const char *const *names, size_t count)
{
    const char *nearest = nearest_name(word, names, count);
    size_t length = strlen(word);

    for (size_t i = 0; nearest && i < count; i++) {
        if (names[i] != nearest && distance(word, length, names[i]) != SIZE_MAX)
            return NULL;
    }
    return nearest;
}
