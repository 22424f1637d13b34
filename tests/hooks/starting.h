/* SPDX-License-Identifier: MIT */
/*
 * What the tests of children share: every call that starts a program, with every kind of environment, from every place
 * that it can be made from.
 */
#ifndef SOCKADE_TESTS_STARTING_H
#define SOCKADE_TESTS_STARTING_H

#include "hook_test.h"

#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <sys/wait.h>

#define MANY 5000

enum way {
    EXECVE,
    EXECV,
    EXECVP,
    EXECVPE,
    EXECL,
    EXECLE,
    EXECLP,
    FEXECVE,
    EXECVEAT,
    SPAWN,
    SPAWNP,
    SYSTEM,
    POPEN,
    WAYS
};

static const char *const way_names[WAYS] = {"execve",       "execv",  "execvp",  "execvpe",  "execl",
                                            "execle",       "execlp", "fexecve", "execveat", "posix_spawn",
                                            "posix_spawnp", "system", "popen"};

enum place { IN_MAIN, IN_THREAD, IN_HANDLER, IN_VFORK, PLACES };

static const char *const place_names[PLACES] = {"main", "a thread", "a signal handler", "a vfork child"};

enum surround { KEPT, CLEARED, EMPTY, REBUILT, UNSET, OTHER_PRELOAD, EMPTY_PRELOAD, MANY_MORE, SURROUNDS };

static const char *const surround_names[SURROUNDS] = {
    "kept", "cleared", "empty", "rebuilt", "LD_PRELOAD unset", "another preload", "an empty preload", "5000 variables"};

/* One start. */
struct start {
    enum way way;
    char *file; /* absolute */
    char **argv;
    char **envp;
};

/*
 * What every child gets all the same where a sanitized object is preloaded, whose runtime would end it otherwise; NULL
 * where none is.
 */
static inline char *sanitizer_options(void)
{
    static char text[300];
    const char *options = getenv("ASAN_OPTIONS");

    if (text[0] == '\0' && getenv("SANITIZED") != NULL && options != NULL)
        snprintf(text, sizeof(text), "ASAN_OPTIONS=%s", options);
    return text[0] == '\0' ? NULL : text;
}

/* The environment of a child, in memory that stays. */
static inline char **surround(enum surround kind)
{
    static char *list[MANY + 200], many[MANY][16];
    size_t count = 0;

    if (kind == CLEARED && sanitizer_options() == NULL)
        return NULL;
    for (char **at = environ; at != NULL && *at != NULL && (kind == KEPT || kind == UNSET || kind == MANY_MORE); at++) {
        bool ours = strncmp(*at, "LD_PRELOAD=", 11) == 0 || strncmp(*at, "SOCKADE_", 8) == 0;

        if (count < 150 && !(ours && kind != KEPT))
            list[count++] = *at;
    }
    if (kind == REBUILT) {
        list[count++] = (char *)"A=1";
        list[count++] = (char *)"B=two words";
    } else if (kind == OTHER_PRELOAD) {
        list[count++] = (char *)"LD_PRELOAD=libm.so.6";
    } else if (kind == EMPTY_PRELOAD) {
        list[count++] = (char *)"LD_PRELOAD=";
    }
    if (sanitizer_options() != NULL && kind != KEPT && kind != UNSET && kind != MANY_MORE)
        list[count++] = sanitizer_options();
    for (size_t i = 0; kind == MANY_MORE && i < MANY; i++) {
        snprintf(many[i], sizeof(many[i]), "V%zu=%zu", i, i);
        list[count++] = many[i];
    }
    list[count] = NULL;
    return list;
}

/* Runs a child by posix_spawn, and ends as it did. */
static inline void spawn_and_end(const struct start *start)
{
    pid_t pid = -1;
    int status = 0;
    int error = start->way == SPAWN ? posix_spawn(&pid, start->file, NULL, NULL, start->argv, start->envp)
                                    : posix_spawnp(&pid, start->file, NULL, NULL, start->argv, start->envp);

    if (error == 0)
        waitpid(pid, &status, 0);
    _exit(error != 0 ? error : WIFEXITED(status) ? WEXITSTATUS(status) : 101);
}

/* The same by a shell, whose command is the arguments. */
static inline void shell_and_end(const struct start *start)
{
    static char command[8192], line[4096]; /* the stack may be a small one */
    int status;
    FILE *stream;

    strcpy(command, "exec");
    for (char **at = start->argv; *at != NULL; at++)
        snprintf(command + strlen(command), sizeof(command) - strlen(command), " '%s'",
                 at == start->argv ? start->file : *at);
    if (start->way == SYSTEM) {
        status = system(command);
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 101);
    }
    stream = popen(command, "r");
    while (stream != NULL && fgets(line, sizeof(line), stream) != NULL)
        must("write", write(1, line, strlen(line)));
    status = stream == NULL ? 100 << 8 : pclose(stream);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 101);
}

/*
 * Starts it in this process' place; ends with its errno where that failed. With three arguments for the variadic ones.
 */
static inline void start_here(const struct start *start)
{
    char **argv = start->argv;
    int fd;

    if (start->way != EXECVE && start->way != EXECVPE && start->way != EXECLE && start->way < FEXECVE)
        environ = start->envp;
    if (start->way == SYSTEM || start->way == POPEN)
        environ = start->envp;
    switch (start->way) {
    case EXECVE:
        execve(start->file, argv, start->envp);
        break;
    case EXECV:
        execv(start->file, argv);
        break;
    case EXECVP:
        execvp(start->file, argv);
        break;
    case EXECVPE:
        execvpe(start->file, argv, start->envp);
        break;
    case EXECL:
        execl(start->file, argv[0], argv[1], argv[2], (char *)NULL);
        break;
    case EXECLE:
        execle(start->file, argv[0], argv[1], argv[2], (char *)NULL, start->envp);
        break;
    case EXECLP:
        execlp(start->file, argv[0], argv[1], argv[2], (char *)NULL);
        break;
    case FEXECVE:
        fd = open(start->file, O_RDONLY | O_CLOEXEC);
        fexecve(fd, argv, start->envp == NULL ? (char *[]){NULL} : start->envp);
        break;
    case EXECVEAT:
        execveat(AT_FDCWD, start->file, argv, start->envp, 0);
        break;
    case SPAWN:
    case SPAWNP:
        spawn_and_end(start);
        break;
    case SYSTEM:
    case POPEN:
        shell_and_end(start);
        break;
    case WAYS:
    default:
        break;
    }
    _exit(errno);
}

static const struct start *in_handler;

static inline void handle(int number)
{
    (void)number;
    start_here(in_handler);
}

static inline void *start_in_thread(void *start)
{
    start_here(start);
    return NULL;
}

/* In a vfork child, which changes nothing that its parent would see; returns as the child ended. */
static inline int start_in_vfork(const struct start *start)
{
    char **volatile before = environ;
    int status = 0;
    pid_t pid = vfork();

    if (pid == 0)
        start_here(start);
    waitpid(pid, &status, 0);
    environ = before;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 101;
}

/*
 * In a child process of our own: from main, from a thread with the smallest stack (but under a sanitizer), from a
 * signal handler, by vfork.
 */
static inline int start_from(enum place place, const struct start *start)
{
    int status = 0;
    pid_t pid = (pid_t)must("fork", fork());

    if (pid == 0 && place == IN_THREAD) {
        pthread_attr_t attributes;
        pthread_t thread;

        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, sanitizer_options() == NULL ? (size_t)PTHREAD_STACK_MIN : 1 << 18);
        pthread_create(&thread, &attributes, start_in_thread, (void *)start);
        pthread_join(thread, NULL);
    } else if (pid == 0 && place == IN_HANDLER) {
        in_handler = start;
        signal(SIGUSR1, handle);
        raise(SIGUSR1);
    } else if (pid == 0 && place == IN_VFORK) {
        _exit(start_in_vfork(start));
    } else if (pid == 0) {
        start_here(start);
    }
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 101;
}

/* Whether the call can be made from there at all: system and popen are made for neither handlers nor vfork children. */
static inline bool can_start(enum place place, enum way way)
{
    return !(way >= SYSTEM && (place == IN_HANDLER || place == IN_VFORK));
}

#endif
