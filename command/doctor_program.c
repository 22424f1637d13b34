/* SPDX-License-Identifier: MIT */
/*
 * Programs by their files: one with all that it names, or a whole folder.
 *
 * What a program will start nobody can tell from its file; but nearly all name it there: by an absolute path in its
 * strings, or in a script as the first word of a command. So those names are looked up and judged alike.
 */
#include "command/command.h"
#include "command/doctor.h"
#include "command/reach.h"
#include "command/target.h"
#include "config/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_MOST ((size_t)16 << 20) /* of a program's file */
#define NAMES_MOST 400               /* different programs that one names */
#define SHOWN 10                     /* of one kind in a folder */

struct names {
    char **list;
    size_t count, room;
};

static void names_free(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->list[i]);
    free(names->list);
    *names = (struct names){0};
}

static void names_add(struct names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->list[i], name) == 0)
            return;
    }
    if (names->count >= NAMES_MOST)
        return;
    names->list = memory_grow(names->list, names->count, &names->room, sizeof(*names->list));
    names->list[names->count++] = memory_text(name);
}

static bool is_program(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* The file's bytes, with a NUL behind them; NULL where it cannot be read. */
static char *file_read(const char *path, size_t *size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    char *bytes = NULL;
    struct stat st;
    ssize_t got = -1;

    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        *size = (size_t)st.st_size < READ_MOST ? (size_t)st.st_size : READ_MOST;
        bytes = memory_new(*size + 1);
        got = read(fd, bytes, *size);
    }
    if (fd >= 0)
        close(fd);
    *size = got > 0 ? (size_t)got : 0;
    return bytes;
}

/* Strings of a binary that are absolute paths of programs. */
static void names_in_binary(struct names *out, const char *bytes, size_t size)
{
    for (size_t at = 0; at < size;) {
        size_t length = strlen(bytes + at);

        if (bytes[at] == '/' && length > 2 && length < PATH_MAX && is_program(bytes + at))
            names_add(out, bytes + at);
        at += length + 1;
    }
}

/* Whether a word of a shell comes before a command, and not in its place. */
static bool goes_before_command(const char *word)
{
    static const char *const words[] = {"if", "then", "else",  "elif", "while",   "until", "do",   "exec", "!",
                                        "{",  "env",  "nohup", "time", "command", "sudo",  "nice", "xargs"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(word, words[i]) == 0)
            return true;
    }
    return strchr(word, '=') != NULL;
}

/* Words of a script: with a slash anywhere, plain ones where a command may stand. */
static void names_in_script(struct names *out, const char *text)
{
    static const char separators[] = ";|&()`\n";
    static const char word_end[] = " \t\n;|&()<>`\"'$,[]{}";
    bool command = true;

    while (*text != '\0') {
        size_t length = strcspn(text, word_end);
        char word[PATH_MAX], path[PATH_MAX];

        if (length == 0) {
            command = strchr(separators, *text) != NULL || (command && strchr(" \t\"'", *text) != NULL);
            text++;
            continue;
        }
        if (*text == '#') {
            text += strcspn(text, "\n");
            continue;
        }
        if (length < sizeof(word)) {
            memcpy(word, text, length);
            word[length] = '\0';
            if (word[0] == '/' && is_program(word))
                names_add(out, word);
            else if (command && strchr(word, '/') == NULL && !goes_before_command(word) &&
                     target_find(path, word, true) == EXIT_FINE)
                names_add(out, path);
            command = command && goes_before_command(word);
        }
        text += length;
    }
}

/* What a program names, and which of that cannot be protected. */
static void check_named(struct diagnosis *diagnosis, const struct preload *preload, const char *path)
{
    struct names names = {0};
    size_t size = 0, out_of_reach = 0;
    char *bytes = file_read(path, &size);

    if (bytes != NULL && size > 4 && memcmp(bytes, "\177ELF", 4) == 0)
        names_in_binary(&names, bytes, size);
    else if (bytes != NULL && memchr(bytes, '\0', size) == NULL)
        names_in_script(&names, bytes);
    for (size_t i = 0; i < names.count; i++) {
        struct reached reached;

        if (strcmp(names.list[i], path) == 0 || is_loader_name(names.list[i]))
            continue; /* loaders are named by many, as libraries are */
        reach_judge(&reached, names.list[i], preload->value);
        if (reached.kind == REACH_FULL || reached.kind == REACH_LOADER || reached.kind == REACH_LIBRARY)
            continue;
        out_of_reach++;
        reach_report(diagnosis, "may start", names.list[i], &reached);
        /* It is a name only: nobody knows whether it is ever started. */
        if (diagnosis->list[diagnosis->count - 1].mark == MARK_PROBLEM) {
            diagnosis->list[diagnosis->count - 1].mark = MARK_WARNING;
            diagnosis->problems--;
            diagnosis->warnings++;
        }
    }
    if (names.count > 0 && out_of_reach == 0)
        diagnosis_add(diagnosis, MARK_OK, "may start", "it names %zu other program%s, which can all be protected",
                      names.count, plural(names.count));
    names_free(&names);
    free(bytes);
}

void doctor_program(struct diagnosis *diagnosis, const struct preload *preload, const char *name)
{
    char path[PATH_MAX];
    struct reached reached;
    struct stat st;
    int code = target_find(path, name, true);

    if (code != EXIT_FINE) {
        bool there = stat(name, &st) == 0;

        diagnosis_add(diagnosis, MARK_PROBLEM, "program", "%s: %s", name,
                      code == EXIT_NOT_FOUND ? "not found" : "it cannot be executed");
        if (there && S_ISREG(st.st_mode) && st.st_uid == geteuid()) {
            char *word = shell_word(name);

            diagnosis_remedy(diagnosis, REMEDY_COMMAND, "chmod u+x %s", word);
            free(word);
        }
        return;
    }
    reach_judge(&reached, path, preload->value);
    reach_report(diagnosis, "program", path, &reached);
    if (reach_protects(reached.kind))
        check_named(diagnosis, preload, path);
}

/* Folders */

struct tally {
    size_t count;
    struct names names;   /* the first SHOWN, */
    struct reached first; /* and the first one's judgement, for its remedy */
    char first_path[PATH_MAX];
};

static int by_name(const void *one, const void *other)
{
    return strcmp(*(char *const *)one, *(char *const *)other);
}

/* The names in a folder, in order; false with errno where it cannot be read. */
static bool folder_list(struct names *out, const char *path)
{
    DIR *folder = opendir(path);
    const struct dirent *entry;

    if (folder == NULL)
        return false;
    while ((entry = readdir(folder)) != NULL) {
        out->list = memory_grow(out->list, out->count, &out->room, sizeof(*out->list));
        out->list[out->count++] = memory_text(entry->d_name);
    }
    closedir(folder);
    if (out->count > 0)
        qsort(out->list, out->count, sizeof(*out->list), by_name);
    return true;
}

static void tally_add(struct tally tallies[REACH_KINDS], const char *path, const char *name, const char *object)
{
    struct reached reached;
    struct tally *tally;

    reach_judge(&reached, path, object);
    tally = &tallies[reached.kind];
    if (tally->count++ == 0) {
        tally->first = reached;
        snprintf(tally->first_path, sizeof(tally->first_path), "%s", path);
    }
    if (tally->names.count < SHOWN)
        names_add(&tally->names, name);
}

/* One kind of those that cannot be protected: a line with a few names. */
static void report_kind(struct diagnosis *diagnosis, enum reach kind, const struct tally *tally)
{
    char *names = memory_text("");

    for (size_t i = 0; i < tally->names.count; i++) {
        char *longer = memory_print("%s%s%s", names, i > 0 ? ", " : "", tally->names.list[i]);

        free(names);
        names = longer;
    }
    if (tally->count == 1)
        reach_report(diagnosis, "program", tally->first_path, &tally->first);
    else
        diagnosis_add(diagnosis, kind == REACH_PRIVILEGE ? MARK_WARNING : MARK_PROBLEM, "programs", "%zu are %s: %s%s",
                      tally->count, reach_words(kind), names, tally->count > tally->names.count ? ", ..." : "");
    free(names);
}

void doctor_folder(struct diagnosis *diagnosis, const struct preload *preload, const char *path)
{
    struct tally *tallies = memory_new(REACH_KINDS * sizeof(*tallies));
    struct names names = {0};
    size_t seen = 0, fine;
    char file[PATH_MAX];

    if (!folder_list(&names, path)) {
        diagnosis_add(diagnosis, MARK_PROBLEM, "folder", "%s cannot be read: %s", path, strerror(errno));
        free(tallies);
        return;
    }
    for (size_t i = 0; i < names.count; i++) {
        if (path_join(file, path, names.list[i]) && is_program(file)) {
            seen++;
            tally_add(tallies, file, names.list[i], preload->value);
        }
    }
    seen -= tallies[REACH_LIBRARY].count;
    fine = tallies[REACH_FULL].count + tallies[REACH_LOADER].count;
    diagnosis_add(diagnosis, MARK_OK, "folder", "%s: %zu of %zu program%s can be protected", path, fine, seen,
                  plural(seen));
    for (int kind = REACH_PRIVILEGE; kind < REACH_KINDS; kind++) {
        if (tallies[kind].count > 0 && kind != REACH_LIBRARY)
            report_kind(diagnosis, (enum reach)kind, &tallies[kind]);
    }
    for (int kind = 0; kind < REACH_KINDS; kind++)
        names_free(&tallies[kind].names);
    names_free(&names);
    free(tallies);
}
