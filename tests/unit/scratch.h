/* SPDX-License-Identifier: MIT */
/* What tests of files and processes need: a folder of their own, small files, children that report by exit code. */
#ifndef SOCKADE_TESTS_SCRATCH_H
#define SOCKADE_TESTS_SCRATCH_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* The folder of the test that runs, with its links resolved. */
static char scratch[PATH_MAX / 2];

static inline int scratch_make(void **state)
{
    const char *base = getenv("TMPDIR");
    char pattern[PATH_MAX / 2], real[PATH_MAX];

    (void)state;
    snprintf(pattern, sizeof(pattern), "%s/sockade-test-XXXXXX", base != NULL ? base : "/tmp");
    if (mkdtemp(pattern) == NULL || realpath(pattern, real) == NULL || strlen(real) >= sizeof(scratch))
        return -1;
    strcpy(scratch, real);
    return 0;
}

static inline int scratch_remove_one(const char *path, const struct stat *st, int kind, struct FTW *place)
{
    (void)st;
    (void)kind;
    (void)place;
    return remove(path);
}

static inline int scratch_remove(void **state)
{
    (void)state;
    return nftw(scratch, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* A path in the scratch folder; one of four buffers in turn. */
static inline const char *in_scratch(const char *name)
{
    static char paths[4][PATH_MAX];
    static unsigned turn;
    char *path = paths[turn++ % 4];

    snprintf(path, sizeof(paths[0]), "%s/%s", scratch, name);
    return path;
}

static inline void file_write(const char *path, const void *bytes, size_t size)
{
    int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, bytes, size), (ssize_t)size);
    assert_int_equal(close(descriptor), 0);
}

/* The file as text in a static buffer, or NULL. */
static inline const char *file_text(const char *path)
{
    static char text[1 << 20];
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size;

    if (descriptor < 0)
        return NULL;
    size = read(descriptor, text, sizeof(text) - 1);
    close(descriptor);
    text[size > 0 ? size : 0] = '\0';
    return text;
}

static inline bool file_exists(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0;
}

/* How many descriptors this process has open. */
static inline int descriptors_open(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;

    if (folder == NULL)
        return -1;
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

/* Runs `work` in a child; it returns 0, or the line of what went wrong. A child that a signal ended gives 1000 + it. */
static inline int in_child(int (*work)(void))
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        int line = work();

        if (line != 0)
            fprintf(stderr, "child: line %d, errno %s\n", line, strerror(errno));
        _exit(line != 0);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* For work in children: leave with the line number where the condition does not hold. */
#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            return __LINE__;                                                                                           \
    } while (0)

#endif
