/* SPDX-License-Identifier: MIT */
/*
 * What was learnt, merged into a policy's text: judged by it, put into it, compiled, judged once more, and only then
 * renamed over it. Two at once take turns by a lock on the folder, which leaves nothing behind.
 */
#include "command/learn.h"

#include "command/command.h"
#include "config/insert.h"
#include "config/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT_MOST ((off_t)64 << 20)

/* The file behind a name, and how it is replaced. */
struct replacing {
    char path[PATH_MAX];  /* without links */
    char fresh[PATH_MAX]; /* the file that is to take its place; "": none yet */
    int folder;
    struct stat st;
    char *text;
};

static bool failed(const char *path, const char *what)
{
    complain("'%s' cannot be %s: %s", path, what, strerror(errno));
    return false;
}

/* Opens the folder of `path`, which must be absolute. */
static int open_folder(const char *path)
{
    char folder[PATH_MAX];
    size_t length = (size_t)(strrchr(path, '/') - path);

    snprintf(folder, sizeof(folder), "%.*s", length > 0 ? (int)length : 1, path);
    return open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Whether this user may rename another file over it, and keep its owner. */
static bool may_replace(const struct replacing *replacing)
{
    if (!S_ISREG(replacing->st.st_mode)) {
        complain("'%s' is no regular file", replacing->path);
        return false;
    }
    if (replacing->st.st_nlink > 1) {
        complain("'%s' has several names (hard links), which would no longer be one file; nothing is merged into it",
                 replacing->path);
        return false;
    }
    if (replacing->st.st_uid != geteuid() && geteuid() != 0) {
        complain("'%s' belongs to another user, and would not any more", replacing->path);
        return false;
    }
    if (faccessat(replacing->folder, ".", W_OK | X_OK, AT_EACCESS) != 0)
        return failed(replacing->path, "replaced");
    return true;
}

static bool replacing_open(struct replacing *replacing, const char *file)
{
    *replacing = (struct replacing){.folder = -1};
    if (realpath(file, replacing->path) == NULL)
        return failed(file, "read");
    replacing->folder = open_folder(replacing->path);
    if (replacing->folder < 0 || stat(replacing->path, &replacing->st) != 0)
        return failed(file, "read");
    return may_replace(replacing);
}

static void replacing_close(struct replacing *replacing)
{
    if (replacing->fresh[0] != '\0')
        unlink(replacing->fresh);
    if (replacing->folder >= 0)
        close(replacing->folder);
    free(replacing->text);
}

static bool read_text(struct replacing *replacing)
{
    int fd = open(replacing->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    size_t have = 0, size;
    ssize_t got = 0;

    if (fd < 0 || fstat(fd, &replacing->st) != 0)
        return failed(replacing->path, "read");
    size = replacing->st.st_size <= TEXT_MOST ? (size_t)replacing->st.st_size : 0;
    replacing->text = memory_new(size + 1);
    while (have < size && (got = read(fd, replacing->text + have, size - have)) > 0)
        have += (size_t)got;
    close(fd);
    if (got < 0)
        return failed(replacing->path, "read");
    if (have < (size_t)replacing->st.st_size || strlen(replacing->text) < have) {
        complain("'%s' is no text that rules can be added to", replacing->path); /* or it grew shorter just now */
        return false;
    }
    return true;
}

/* Writes the whole text to a new file beside it, with its mode and owner. */
static bool write_fresh(struct replacing *replacing, const char *text)
{
    size_t size = strlen(text), done = 0;
    ssize_t put = 0;
    bool right;
    int fd;

    if (snprintf(replacing->fresh, sizeof(replacing->fresh), "%s.XXXXXX", replacing->path) >= PATH_MAX) {
        replacing->fresh[0] = '\0';
        errno = ENAMETOOLONG;
        return failed(replacing->path, "replaced");
    }
    fd = mkostemp(replacing->fresh, O_CLOEXEC);
    if (fd < 0) {
        replacing->fresh[0] = '\0';
        return failed(replacing->path, "replaced");
    }
    while (done < size && (put = write(fd, text + done, size - done)) > 0)
        done += (size_t)put;
    right = done == size &&
            (fchown(fd, replacing->st.st_uid, replacing->st.st_gid) == 0 || replacing->st.st_gid == getegid()) &&
            fchmod(fd, replacing->st.st_mode & 07777) == 0 && fsync(fd) == 0;
    return (close(fd) == 0 && right) || failed(replacing->fresh, "written");
}

bool append_possible(const char *file)
{
    struct replacing replacing;
    bool possible = replacing_open(&replacing, file);

    replacing_close(&replacing);
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
static char *merged_text(const struct replacing *replacing, const struct run *run, const struct needs *needs,
                         const struct policy *base, bool *lost)
{
    struct learnt_rules allow = rules_make(needs, FATE_ALLOW, base), deny = rules_make(needs, FATE_DENIED, base);
    char *words = run_words(run), *rules = rules_text(&allow, needs, false), *denied = rules_text(&deny, needs, true);
    char *head = memory_print("  # %s\n%s", words, rules);
    char *notes = memory_print(
        "  # Left out, since a rule refuses it; to be put in front of that one if it is wanted:\n%s", denied);
    bool with_notes = deny.count > 0 && !stands_there(replacing->text, denied);
    struct insertion insertion = {allow.count > 0 ? head : "", with_notes ? notes : ""};
    char *text = NULL;

    *lost = false;
    if (allow.count > 0 || with_notes) {
        text = rules_insert(replacing->text, &insertion);
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
static bool verify(const struct replacing *replacing, struct needs *needs)
{
    struct messages messages = {0};
    struct layer layer;
    bool right = layer_load_file(&layer, replacing->fresh, &messages);

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
            complain("'%s': the rules that would be added do not take effect there", replacing->path);
    }
    image_file_close(&layer.file);
    compiled_free(&layer.compiled);
    return right;
}

/* Puts the new file in place of the old one. */
static bool replace(struct replacing *replacing)
{
    struct stat now;

    if (stat(replacing->path, &now) != 0 || now.st_ino != replacing->st.st_ino ||
        now.st_mtim.tv_sec != replacing->st.st_mtim.tv_sec || now.st_mtim.tv_nsec != replacing->st.st_mtim.tv_nsec) {
        complain("'%s' was changed meanwhile; nothing was merged into it", replacing->path);
        return false;
    }
    if (rename(replacing->fresh, replacing->path) != 0)
        return failed(replacing->path, "replaced");
    replacing->fresh[0] = '\0';
    fsync(replacing->folder);
    return true;
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

static bool merge(struct replacing *replacing, const struct run *run, struct needs *needs)
{
    struct messages messages = {0};
    struct layer layer;
    bool lost, right;
    char *text = NULL;

    if (flock(replacing->folder, LOCK_EX) != 0)
        return failed(replacing->path, "locked");
    right = read_text(replacing) && layer_load_file(&layer, replacing->path, &messages);
    messages_print(&messages, stderr);
    messages_free(&messages);
    if (!right)
        return false;
    needs_judge(needs, &layer);
    text = merged_text(replacing, run, needs, &layer.compiled.policy, &lost);
    if (lost)
        complain("'%s': its list 'rules' is not in this file itself, so nothing can be added to it", replacing->path);
    right = !lost && (text == NULL || (write_fresh(replacing, text) && verify(replacing, needs) && replace(replacing)));
    free(text);
    image_file_close(&layer.file);
    compiled_free(&layer.compiled);
    return right;
}

int append_rules(const char *file, const struct run *run, struct needs *needs)
{
    struct replacing replacing;
    bool done = replacing_open(&replacing, file) && merge(&replacing, run, needs);
    struct learnt_rules rules;

    replacing_close(&replacing);
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

bool output_possible(const char *file)
{
    char path[PATH_MAX];
    struct stat st;
    int folder;
    bool possible;

    if (stat(file, &st) == 0) {
        if (!S_ISREG(st.st_mode))
            return true;
        complain("'%s' exists; name a new file, or merge into it with --append", file);
        return false;
    }
    if (errno != ENOENT)
        return failed(file, "written");
    if (!path_absolute(path, file))
        return false;
    folder = open_folder(path);
    possible = folder >= 0 && faccessat(folder, ".", W_OK | X_OK, AT_EACCESS) == 0;
    if (!possible)
        failed(file, "written");
    if (folder >= 0)
        close(folder);
    return possible;
}

bool output_write(const char *file, const char *text, size_t size)
{
    struct stat st;
    bool special = stat(file, &st) == 0 && !S_ISREG(st.st_mode);
    int fd = open(file, O_WRONLY | O_CLOEXEC | O_NOCTTY | (special ? 0 : O_CREAT | O_EXCL), 0644);
    size_t done = 0;
    ssize_t put = 0;

    if (fd < 0)
        return failed(file, "written");
    while (done < size && (put = write(fd, text + done, size - done)) > 0)
        done += (size_t)put;
    if (done < size || (!special && fsync(fd) != 0)) {
        failed(file, "written");
        close(fd);
        if (!special)
            unlink(file);
        return false;
    }
    return close(fd) == 0 || failed(file, "written");
}
