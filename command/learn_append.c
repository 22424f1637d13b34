/* SPDX-License-Identifier: MIT */
/*
 * What was learnt, merged into a policy's text: judged by it, put into it, compiled, judged once more, and only then
 * renamed over it. Two at once take turns by a lock on the folder, which leaves nothing behind.
 */
#include "command/learn.h"

#include "command/command.h"
#include "command/replace.h"
#include "config/insert.h"
#include "config/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool append_possible(const char *file)
{
    struct original original;
    bool possible = file_take(&original, file, true);

    original_free(&original);
    return possible;
}

/* ---- the merge ---- */

/* What is put in: the new rules, and as comments those that a rule denies. */
static char *rules_text(const struct learnt_rules *rules, const struct needs *needs, bool commented)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (out != NULL) {
        rules_print(out, rules, needs, commented);
        fclose(out);
    }
    return text != NULL ? text : memory_text("");
}

/* Whether each line of `lines` that is a rule stands in the text: it was put there by an earlier run. */
static bool stands_there(const char *text, const char *lines)
{
    for (const char *line = lines; *line != '\0';) {
        size_t length = strcspn(line, "\n");
        char *copy = memory_print("%.*s", (int)length, line);
        bool there = strstr(copy, "{ action") == NULL || strstr(text, copy) != NULL;

        free(copy);
        if (!there)
            return false;
        line += length + (line[length] == '\n');
    }
    return true;
}

/* The text with all that is to be in it; NULL where nothing is, or (`*lost`) it has no place. */
static char *merged_text(const struct original *original, const struct run *run, const struct needs *needs,
                         const struct policy *base, bool *lost)
{
    struct learnt_rules allow = rules_make(needs, FATE_ALLOW, base), deny = rules_make(needs, FATE_DENIED, base);
    char *words = run_words(run), *rules = rules_text(&allow, needs, false), *denied = rules_text(&deny, needs, true);
    char *head = memory_print("  # %s\n%s", words, rules);
    char *notes = memory_print(
        "  # Left out, since a rule refuses it; to be put in front of that one if it is wanted:\n%s", denied);
    bool with_notes = deny.count > 0 && !stands_there(original->text, denied);
    struct insertion insertion = {allow.count > 0 ? head : "", with_notes ? notes : ""};
    char *text = NULL;

    *lost = false;
    if (allow.count > 0 || with_notes) {
        text = rules_insert(original->text, &insertion);
        *lost = text == NULL;
    }
    rules_free(&allow);
    rules_free(&deny);
    free(words);
    free(rules);
    free(denied);
    free(head);
    free(notes);
    return text;
}

/* Compiles the new file, and holds it against what it is to allow. Says what is wrong. */
static bool verify(const struct original *original, struct needs *needs)
{
    struct messages messages = {0};
    struct layer layer;
    bool right = layer_load_file(&layer, original->fresh, &messages);

    messages_print(&messages, stderr);
    messages_free(&messages);
    for (size_t i = 0; i < needs->count && right; i++) {
        struct need *need = &needs->list[i];
        enum fate before = need->fate;
        struct needs one = {.list = need, .count = 1};

        if (before != FATE_ALLOW || need->address.family == ADDRESS_UNIX)
            continue;
        needs_judge(&one, &layer);
        right = need->fate == FATE_ALLOWED;
        need->fate = before;
        if (!right)
            complain("'%s': the rules that would be added do not take effect there", original->path);
    }
    image_file_close(&layer.file);
    compiled_free(&layer.compiled);
    return right;
}

static size_t count_fate(const struct needs *needs, enum fate fate)
{
    size_t count = 0;

    for (size_t i = 0; i < needs->count; i++)
        count += needs->list[i].fate == fate && needs->list[i].address.family != ADDRESS_UNIX;
    return count;
}

/* What became of the needs, in one line each that a person is to see. */
static void tell(const char *file, const struct needs *needs)
{
    size_t added = count_fate(needs, FATE_ALLOW), denied = count_fate(needs, FATE_DENIED);

    if (added > 0)
        fprintf(stderr, "%s: %zu need%s of this run added\n", file, added, plural(added));
    else
        fprintf(stderr, "%s: nothing to add\n", file);
    for (size_t i = 0; i < needs->count; i++) {
        const struct need *need = &needs->list[i];
        char *endpoint = need_endpoint(need), *readable = printable(endpoint);

        if (need->fate == FATE_DENIED)
            fprintf(stderr, "sockade: left out: %s %s, which %s refuses\n", need_direction(need), readable,
                    need->refused);
        free(endpoint);
        free(readable);
    }
    if (denied > 0)
        fprintf(stderr, "sockade: what a rule refuses is never opened by itself; it stands as comments at the end of "
                        "'rules'\n");
}

static bool merge(struct original *original, const struct run *run, struct needs *needs)
{
    struct messages messages = {0};
    struct layer layer;
    bool lost, right = layer_load_file(&layer, original->path, &messages);
    char *text = NULL;

    messages_print(&messages, stderr);
    messages_free(&messages);
    if (!right)
        return false;
    needs_judge(needs, &layer);
    text = merged_text(original, run, needs, &layer.compiled.policy, &lost);
    if (lost)
        complain("'%s': its list 'rules' is not in this file itself, so nothing can be added to it", original->path);
    right = !lost &&
            (text == NULL || (fresh_write(original, text) && verify(original, needs) && fresh_put(original, false)));
    free(text);
    image_file_close(&layer.file);
    compiled_free(&layer.compiled);
    return right;
}

int append_rules(const char *file, const struct run *run, struct needs *needs)
{
    struct original original;
    bool done = file_take(&original, file, true) && merge(&original, run, needs);
    struct learnt_rules rules;

    original_free(&original);
    if (done) {
        tell(file, needs);
        return EXIT_FINE;
    }
    complain("'%s' is as it was; what was to be added follows on standard output", file);
    rules = rules_make(needs, FATE_ALLOW, NULL);
    rules_print(stdout, &rules, needs, false);
    rules_free(&rules);
    return EXIT_OWN;
}

/* ---- a new file ---- */

static bool not_written(const char *file)
{
    complain("'%s' cannot be written: %s", file, strerror(errno));
    return false;
}

bool output_possible(const char *file)
{
    char path[PATH_MAX];
    struct stat st;

    if (stat(file, &st) == 0) {
        if (!S_ISREG(st.st_mode))
            return true;
        complain("'%s' exists; name a new file, or merge into it with --append", file);
        return false;
    }
    if (errno != ENOENT)
        return not_written(file);
    if (!path_absolute(path, file))
        return false;
    *strrchr(path, '/') = '\0';
    return faccessat(AT_FDCWD, path[0] == '\0' ? "/" : path, W_OK | X_OK, AT_EACCESS) == 0 || not_written(file);
}

bool output_write(const char *file, const char *text, size_t size)
{
    struct stat st;
    bool special = stat(file, &st) == 0 && !S_ISREG(st.st_mode);
    int fd = open(file, O_WRONLY | O_CLOEXEC | O_NOCTTY | (special ? 0 : O_CREAT | O_EXCL), 0644);
    size_t done = 0;
    ssize_t put = 0;

    if (fd < 0)
        return not_written(file);
    while (done < size && (put = write(fd, text + done, size - done)) > 0)
        done += (size_t)put;
    if (done < size || (!special && fsync(fd) != 0)) {
        not_written(file);
        close(fd);
        if (!special)
            unlink(file);
        return false;
    }
    return close(fd) == 0 || not_written(file);
}
