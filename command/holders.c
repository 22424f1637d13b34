/* SPDX-License-Identifier: MIT */
/* /proc, where everything may have gone by the time it is looked at: what cannot be read any more is left out. */
#include "command/holders.h"

#include "config/memory.h"
#include "state/program.h"

#include <ctype.h>
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GONE " (deleted)"
#define ARGUMENTS 16384 /* bytes of a command line that are looked at */

uint64_t space_of(const char *pid)
{
    char path[64];
    struct stat st;

    snprintf(path, sizeof(path), "/proc/%.20s/ns/net", pid);
    return stat(path, &st) == 0 ? (uint64_t)st.st_ino : 0;
}

/* Whose process it is: /proc/PID/status tells also of those that may not be traced, which /proc shows as root's. */
static bool belongs_to(const char *pid, uid_t uid)
{
    char path[64], line[256];
    unsigned long effective = 0;
    bool found = false;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%.20s/status", pid);
    file = fopen(path, "re");
    if (file == NULL)
        return false;
    while (!found && fgets(line, sizeof(line), file) != NULL)
        found = sscanf(line, "Uid: %*u %20lu", &effective) == 1;
    fclose(file);
    return found && effective == uid;
}

bool holders_list(struct holders *out, uid_t uid)
{
    DIR *processes = opendir("/proc");
    const struct dirent *entry;

    *out = (struct holders){0};
    if (processes == NULL)
        return false;
    while ((entry = readdir(processes)) != NULL) {
        pid_t pid = (pid_t)atol(entry->d_name);

        if (!isdigit((unsigned char)entry->d_name[0]) || pid == getpid() || !belongs_to(entry->d_name, uid))
            continue;
        out->list = memory_grow(out->list, out->count, &out->room, sizeof(*out->list));
        out->list[out->count++] = (struct holder){pid, space_of(entry->d_name)};
    }
    closedir(processes);
    if (out->count > 0)
        return true;
    errno = ENOENT;
    return space_of("self") != 0;
}

void holders_free(struct holders *holders)
{
    free(holders->list);
    *holders = (struct holders){0};
}

static int by_number(const void *one, const void *other)
{
    const uint64_t *a = one, *b = other;

    return *a < *b ? -1 : *a > *b;
}

/* Sorts and takes out what stands there twice; returns the number that is left. */
static size_t make_unique(uint64_t *list, size_t count)
{
    size_t kept = 0;

    if (count > 0)
        qsort(list, count, sizeof(*list), by_number);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || list[i] != list[i - 1])
            list[kept++] = list[i];
    }
    return kept;
}

ssize_t holder_sockets(pid_t pid, uint64_t **inodes)
{
    char path[64], link[64];
    uint64_t *list = NULL;
    size_t count = 0, room = 0;
    const struct dirent *entry;
    bool denied = false;
    DIR *descriptors;

    snprintf(path, sizeof(path), "/proc/%ld/fd", (long)pid);
    descriptors = opendir(path);
    if (descriptors == NULL)
        return -1;
    while ((entry = readdir(descriptors)) != NULL) {
        ssize_t length = readlinkat(dirfd(descriptors), entry->d_name, link, sizeof(link) - 1);
        unsigned long long inode;

        if (length <= 0)
            denied = denied || errno == EACCES || errno == EPERM;
        if (length <= 0)
            continue;
        link[length] = '\0';
        if (sscanf(link, "socket:[%20llu]", &inode) != 1)
            continue;
        list = memory_grow(list, count, &room, sizeof(*list));
        list[count++] = inode;
    }
    closedir(descriptors);
    if (denied) {
        free(list);
        errno = EACCES;
        return -1;
    }
    *inodes = list;
    return (ssize_t)make_unique(list, count);
}

/* A link of /proc/PID as a path; false where it is none. */
static bool read_link(char out[PATH_MAX], pid_t pid, const char *name)
{
    char path[64];
    ssize_t length;
    size_t mark = sizeof(GONE) - 1;

    snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, name);
    length = readlink(path, out, PATH_MAX - 1);
    if (length <= 0 || out[0] != '/')
        return false;
    out[length] = '\0';
    if ((size_t)length > mark && strcmp(out + length - mark, GONE) == 0)
        out[(size_t)length - mark] = '\0';
    return true;
}

/* Reads the head of a file of /proc/PID; the number of bytes, behind which stands a NUL. */
static size_t read_head(char *out, size_t size, pid_t pid, const char *name)
{
    char path[64];
    ssize_t got = -1;
    int fd;

    snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        got = read(fd, out, size - 1);
        close(fd);
    }
    got = got > 0 ? got : 0;
    out[got] = '\0';
    return (size_t)got;
}

/* What execve(2) was told, out of the process' own memory; only for processes as wide as ourselves. */
static bool read_executed(char out[PATH_MAX], pid_t pid)
{
    _Alignas(unsigned long) char bytes[1024];
    const unsigned long *pairs = (const void *)bytes;
    size_t count = read_head(bytes, sizeof(bytes), pid, "auxv") / sizeof(*pairs);
    char path[64];
    ssize_t got = -1;
    int fd;

    snprintf(path, sizeof(path), "/proc/%ld/mem", (long)pid);
    for (size_t i = 0; i + 1 < count; i += 2) {
        if (pairs[i] != AT_EXECFN)
            continue;
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            return false;
        got = pread(fd, out, PATH_MAX - 1, (off_t)pairs[i + 1]);
        close(fd);
        break;
    }
    out[got > 0 ? got : 0] = '\0';
    return out[0] != '\0';
}

/* Whether a file is a script that the kernel would run by the program `exe`. */
static bool is_script_of(const char *path, const char *exe)
{
    struct program program;
    char interpreter[PATH_MAX];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    bool is = fd >= 0 && program_read(&program, fd) && program.form == PROGRAM_SCRIPT &&
              realpath(program.text, interpreter) != NULL && strcmp(interpreter, exe) == 0;

    if (fd >= 0)
        close(fd);
    return is;
}

/* A word of the command line behind the folder that the process is in. */
static bool absolute(char out[PATH_MAX], pid_t pid, const char *word)
{
    char here[PATH_MAX];

    while (strncmp(word, "./", 2) == 0)
        word += 2;
    if (word[0] == '/')
        return strlen(word) < PATH_MAX && memcpy(out, word, strlen(word) + 1) != NULL;
    return read_link(here, pid, "cwd") && path_join(out, here, word);
}

/* Of the dynamic loader's own options, those with a value behind them; ld.so(8). */
static bool loader_option_has_value(const char *option)
{
    static const char *const options[] = {
        "--preload",          "--argv0", "--library-path", "--audit", "--inhibit-rpath", "--glibc-hwcaps-prepend",
        "--glibc-hwcaps-mask"};

    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        if (strcmp(option, options[i]) == 0)
            return true;
    }
    return false;
}

/*
 * What was executed, by the arguments: behind a dynamic loader the first that is no option of its own, else a script
 * that the program runs, else the program itself.
 */
static void guess_executed(char out[PATH_MAX], pid_t pid, const char *exe)
{
    static char arguments[ARGUMENTS];
    size_t size = read_head(arguments, sizeof(arguments), pid, "cmdline");
    bool by_loader = is_loader_name(exe);

    for (size_t at = strlen(arguments) + 1; at < size;) {
        const char *word = arguments + at;

        at += strlen(word) + 1;
        if (by_loader && strncmp(word, "--", 2) == 0) {
            if (loader_option_has_value(word) && at < size)
                at += strlen(arguments + at) + 1;
            continue;
        }
        if (absolute(out, pid, word) && (by_loader || is_script_of(out, exe)))
            return;
        if (by_loader || word[0] != '-')
            break;
    }
    snprintf(out, PATH_MAX, "%s", exe);
}

bool holder_names(struct exe_names *out, pid_t pid)
{
    char exe[PATH_MAX], told[PATH_MAX];

    memset(out, 0, sizeof(*out));
    if (!read_link(exe, pid, "exe"))
        return false;
    if (is_loader_name(exe) || !read_executed(told, pid) || !absolute(out->executed, pid, told))
        guess_executed(out->executed, pid, exe);
    out->names.executed = out->executed;
    if (realpath(out->executed, out->resolved) != NULL)
        out->names.resolved = out->resolved;
    if (strcmp(exe, out->resolved) != 0 && !is_loader_name(exe)) {
        snprintf(out->interpreter, sizeof(out->interpreter), "%s", exe);
        out->names.interpreter = out->interpreter;
    }
    return true;
}

char *holder_program(const struct exe_names *names, pid_t pid)
{
    char name[32];

    if (names->names.executed != NULL)
        return memory_text(names->names.executed);
    read_head(name, sizeof(name), pid, "comm");
    name[strcspn(name, "\n")] = '\0';
    return memory_text(name[0] != '\0' ? name : "?");
}
