/* SPDX-License-Identifier: MIT */
/*
 * Mending a text. The messages say what is right in which place; here it is put there, and the text is read again: a
 * change that does not take its message away, or brings another, is taken back. So where to change may be guessed.
 */
#include "command/fix.h"

#include "command/command.h"
#include "command/lines.h"
#include "command/replace.h"
#include "command/source.h"
#include "command/texts.h"
#include "config/memory.h"
#include "config/read.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define MOST_TRIES 2000 /* texts that are read again; each may have large lists */
#define SHOWN 60        /* bytes of a word that is told */

/* A text and what is said of it. */
struct judged {
    struct messages messages;
    struct image_bytes image; /* none where it is wrong */
    size_t syntax;            /* errors that hide all others */
};

struct fixer {
    const char *path;
    FILE *stream; /* where changes are told */
    struct lines lines;
    struct judged judged;
    char **given_up; /* messages for which no place was right */
    size_t given_up_count, given_up_room;
    size_t tries, fixes;
};

/* Lines are left out of the image: taking one out changes nothing that is decided. */
static void forget_lines(struct policy *policy)
{
    for (size_t i = 0; i < policy->rule_count; i++)
        policy->rules[i].place.line = 0;
    for (size_t i = 0; i < policy->program_count; i++)
        policy->programs[i].place.line = 0;
}

static void judged_free(struct judged *judged)
{
    messages_free(&judged->messages);
    free(judged->image.bytes);
    *judged = (struct judged){0};
}

static struct judged judge(const struct lines *lines, const char *path)
{
    struct judged judged = {0};
    struct policy policy;
    char *text = lines_join(lines);

    if (policy_read_text(&policy, text, path, &judged.messages)) {
        messages_move(&judged.messages, &policy.advice);
        forget_lines(&policy);
        policy_compile(&policy, &judged.image, &judged.messages);
    }
    messages_sort(&judged.messages);
    for (size_t i = 0; i < judged.messages.count; i++)
        judged.syntax += judged.messages.list[i].id != NULL && strcmp(judged.messages.list[i].id, "syntax") == 0;
    policy_free(&policy);
    free(text);
    return judged;
}

/* How often a message is there, wherever: a change may move lines. */
static size_t count_message(const struct messages *messages, const char *text)
{
    size_t count = 0;

    for (size_t i = 0; i < messages->count; i++)
        count += strcmp(messages->list[i].text, text) == 0;
    return count;
}

/* Whether a text is better: the message is gone, nothing came instead, and what was decided still is. */
static bool is_better(const struct judged *after, const struct judged *before, const struct message *message)
{
    if (before->image.bytes != NULL) /* of an address that stands there three times two are told in the same words */
        return after->messages.count < before->messages.count && after->image.bytes != NULL &&
               after->image.size == before->image.size &&
               memcmp(after->image.bytes, before->image.bytes, after->image.size) == 0;
    if (count_message(&after->messages, message->text) >= count_message(&before->messages, message->text))
        return false;
    return after->syntax <= before->syntax && after->messages.errors <= before->messages.errors;
}

/* ---- one change ---- */

/* The line with `fix` in the place of a span. */
static char *with_word(const char *line, struct span span, const char *fix)
{
    return memory_print("%.*s%s%s", (int)span.start, line, fix, line + span.start + span.length);
}

/* The line without the quoted element at a span, and without the comma that goes with it; NULL where it has none. */
static char *without_element(const char *line, struct span span)
{
    size_t start = span.start, end = span.start + span.length;

    if (start == 0 || line[start - 1] != '"' || line[end] != '"')
        return NULL;
    start--;
    end++;
    if (line[end + strspn(line + end, " \t")] == ',') {
        end += strspn(line + end, " \t") + 1;
        end += strspn(line + end, " \t");
    } else {
        while (start > 0 && isspace((unsigned char)line[start - 1]))
            start--;
        if (start == 0 || line[start - 1] != ',')
            return NULL;
        start--;
    }
    while (line[end] == '\0' && start > 0 && isspace((unsigned char)line[start - 1]))
        start--;
    return memory_print("%.*s%s", (int)start, line, line + end);
}

/* The first line that is neither blank nor a comment; of several tries the second is the very first line. */
static size_t first_line(const struct lines *lines, size_t nth)
{
    for (size_t i = 0; i < lines->count && nth == 0; i++) {
        const char *text = lines->list[i].text;

        text += strspn(text, " \t\r");
        if (*text != '\0' && *text != '#' && strncmp(text, "//", 2) != 0)
            return i;
    }
    return 0;
}

/* Makes the change in the `nth` place that fits; false where there is none. `at` gets its line, counted from 0. */
static bool change(struct lines *lines, const struct message *message, size_t nth, size_t *at)
{
    struct span span;
    char *text;

    if (strcmp(message->id, "missing-version") == 0) {
        *at = first_line(lines, nth);
        lines_insert(lines, *at, memory_text(message->fix));
        return nth < 2;
    }
    if (message->line < 1 || (size_t)message->line > lines->count || message->token == NULL)
        return false;
    *at = (size_t)message->line - 1;
    text = lines->list[*at].text;
    if (!token_find(text, strlen(text), message->token, nth, &span))
        return false;
    text = message->fix[0] != '\0' ? with_word(text, span, message->fix) : without_element(text, span);
    if (text == NULL)
        return true; /* it changes nothing, and the next place is tried */
    if (text[strspn(text, " \t\r")] == '\0') {
        free(text);
        lines_remove(lines, *at);
    } else {
        lines_replace(lines, *at, text);
    }
    return true;
}

static void tell(const struct fixer *fixer, const struct message *message)
{
    char *path = printable(fixer->path), *token = printable(message->token != NULL ? message->token : "");
    char *fix = printable(message->fix);

    if (strcmp(message->id, "missing-version") == 0)
        fprintf(fixer->stream, "%s: fixed: put in '%s'\n", path, fix);
    else if (message->fix[0] == '\0')
        fprintf(fixer->stream, "%s:%d: fixed: took out '%.*s'\n", path, message->line, SHOWN, token);
    else
        fprintf(fixer->stream, "%s:%d: fixed: '%.*s' is now '%.*s'\n", path, message->line, SHOWN, token, SHOWN, fix);
    free(path);
    free(token);
    free(fix);
}

/* Tries every place for one message; true where one was right. */
static bool mend(struct fixer *fixer, const struct message *message)
{
    for (size_t nth = 0; fixer->tries < MOST_TRIES; nth++) {
        struct lines lines = lines_copy(&fixer->lines);
        struct judged judged;
        size_t at;

        if (!change(&lines, message, nth, &at)) {
            lines_free(&lines);
            return false;
        }
        fixer->tries++;
        judged = judge(&lines, fixer->path);
        if (is_better(&judged, &fixer->judged, message)) {
            tell(fixer, message);
            fixer->fixes++;
            lines_free(&fixer->lines);
            judged_free(&fixer->judged); /* the message too */
            fixer->lines = lines;
            fixer->judged = judged;
            return true;
        }
        judged_free(&judged);
        lines_free(&lines);
    }
    return false;
}

static bool is_given_up(const struct fixer *fixer, const char *text)
{
    for (size_t i = 0; i < fixer->given_up_count; i++) {
        if (strcmp(fixer->given_up[i], text) == 0)
            return true;
    }
    return false;
}

/* The next message that proposes something and was not tried in vain; those of @included files are not ours. */
static const struct message *next_message(const struct fixer *fixer)
{
    char *path = printable(fixer->path);
    const struct message *found = NULL;

    for (size_t i = 0; i < fixer->judged.messages.count && found == NULL; i++) {
        const struct message *message = &fixer->judged.messages.list[i];

        if (message->fix != NULL && message->id != NULL && message->file != NULL && strcmp(message->file, path) == 0 &&
            !is_given_up(fixer, message->text))
            found = message;
    }
    free(path);
    return found;
}

static void mend_all(struct fixer *fixer)
{
    const struct message *message;

    while ((message = next_message(fixer)) != NULL && fixer->tries < MOST_TRIES) {
        char *text = memory_text(message->text);

        if (mend(fixer, message)) {
            free(text);
            continue;
        }
        fixer->given_up = memory_grow(fixer->given_up, fixer->given_up_count, &fixer->given_up_room,
                                      sizeof(*fixer->given_up));
        fixer->given_up[fixer->given_up_count++] = text;
    }
    if (fixer->tries >= MOST_TRIES)
        complain("%zu places were tried, which is enough for once; run it again for more", fixer->tries);
}

static void fixer_free(struct fixer *fixer)
{
    for (size_t i = 0; i < fixer->given_up_count; i++)
        free(fixer->given_up[i]);
    free(fixer->given_up);
    judged_free(&fixer->judged);
    lines_free(&fixer->lines);
}

/* Writes what was mended, or shows it. Returns the exit code. */
static int finish(struct fixer *fixer, struct original *original, const struct lines *before, bool dry_run,
                  FILE *stream)
{
    char *text;
    int code = EXIT_FINE;

    if (dry_run) {
        lines_diff(before, &fixer->lines, original->path, stream);
        return EXIT_FINE;
    }
    if (fixer->fixes == 0) {
        fprintf(stream, "%s: nothing to mend\n", original->path);
        return EXIT_FINE;
    }
    text = lines_join(&fixer->lines);
    if (fresh_write(original, text) && fresh_put(original, true))
        fprintf(stream, "%s: %zu change%s; the text before is %s.bak\n", original->path, fixer->fixes,
                plural(fixer->fixes), original->path);
    else
        code = EXIT_OWN;
    free(text);
    return code;
}

int fix_file(const char *path, bool dry_run, FILE *stream, size_t *fixes)
{
    struct original original;
    struct fixer fixer = {.stream = dry_run ? stderr : stream};
    struct lines before;
    char absolute[PATH_MAX];
    int code;

    if (!path_absolute(absolute, path) || !file_take(&original, absolute, !dry_run))
        return EXIT_NEGATIVE;
    policy_resolve_names_in_hints = false; /* each try would ask again */
    fixer.path = absolute;
    before = lines_cut(original.text);
    fixer.lines = lines_copy(&before);
    fixer.judged = judge(&fixer.lines, fixer.path);
    mend_all(&fixer);
    code = finish(&fixer, &original, &before, dry_run, stream);
    *fixes = fixer.fixes;
    policy_resolve_names_in_hints = true;
    fixer_free(&fixer);
    lines_free(&before);
    original_free(&original);
    return code;
}
