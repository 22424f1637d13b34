/* SPDX-License-Identifier: MIT */
/*
 * What faulted.c is made of: calls whose results are judged, a window in which faults come, and what must be as it
 * was.
 */
#ifndef SOCKADE_TESTS_FAULTED_H
#define SOCKADE_TESTS_FAULTED_H

#include "state/call.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define PORT 7000
#define OWN_PORT 7001
#define UNTOUCHED 4242
#define ANY 4094
#define RESULTS 64

/* A system call that no hook sees, syscall(2) being one. On failure a negative errno; errno is left alone. */
#define RAW(number, ...) RAW_ANSWER(kernel_call(number, __VA_ARGS__))
#define RAW_ANSWER(call)                                                                                               \
    ({                                                                                                                 \
        int raw_errno = errno;                                                                                         \
        long raw_answer = (call);                                                                                      \
                                                                                                                       \
        if (raw_answer == -1)                                                                                          \
            raw_answer = -errno;                                                                                       \
        errno = raw_errno;                                                                                             \
        raw_answer;                                                                                                    \
    })

static int injected; /* the errno of the fault, 0 outside of the window */
static int wrong;
static int refusal = EHOSTDOWN, other_refusal = EHOSTDOWN; /* by which the policies refuse that may hold */
static bool exact;                                         /* faults must not change what calls give at all */

/* What calls gave in the window; it is judged behind it, where the errno of the fault is known. */
static struct result {
    const char *name;
    long got, wanted; /* wanted -1: refused */
    int error;
} results[RESULTS];
static int result_count;

static inline void note(const char *name, long got, long wanted)
{
    if (result_count < RESULTS)
        results[result_count++] = (struct result){name, got, wanted, errno};
}

#define CALL(wanted, call)                                                                                             \
    do {                                                                                                               \
        long call_got;                                                                                                 \
        errno = UNTOUCHED;                                                                                             \
        call_got = (long)(call);                                                                                       \
        note(#call, call_got, wanted);                                                                                 \
    } while (0)

static inline const char *name_of(int error)
{
    const char *name = strerrorname_np(error);

    return error == UNTOUCHED ? "untouched" : name == NULL ? "?" : name;
}

static int also_from_faults; /* what else an allowed call may fail with, and EACCES where it is not `exact` */

static inline bool is_from_fault(int error)
{
    return injected != 0 && (error == injected || (!exact && (error == EACCES || error == also_from_faults)) ||
                             (injected == ANY && error != UNTOUCHED));
}

static inline bool is_right(const struct result *result)
{
    if (result->wanted >= 0 && result->got == result->wanted)
        return result->error == UNTOUCHED;
    if (result->got != -1)
        return false;
    if (result->wanted == -1 && (result->error == refusal || result->error == other_refusal))
        return true;
    return is_from_fault(result->error) && !(exact && result->wanted == -1);
}

static inline void judge_results(const char *when)
{
    for (int i = 0; i < result_count; i++) {
        if (is_right(&results[i]))
            continue;
        printf("%s %s: %ld %s; ", when, results[i].name, results[i].got, name_of(results[i].error));
        wrong++;
    }
    result_count = 0;
}

/* What a process has, and must have again. */

struct state {
    unsigned long descriptors;
    sigset_t mask;
};

static inline struct state state_now(void)
{
    struct state state = {0};

    for (int fd = 0; fd < 64; fd++)
        state.descriptors |= (unsigned long)(RAW(SYS_fcntl, fd, F_GETFD) >= 0) << fd;
    sigprocmask(SIG_BLOCK, NULL, &state.mask);
    return state;
}

static struct state before;

static inline void begin(void)
{
    before = state_now();
    close(-1000);
}

static inline void compare_states(void)
{
    struct state after = state_now();
    int status;

    if (after.descriptors != before.descriptors)
        wrong += printf("descriptors %lx, now %lx; ", before.descriptors, after.descriptors) > 0;
    for (int i = 1; i < 32; i++) {
        if (sigismember(&after.mask, i) != sigismember(&before.mask, i))
            wrong += printf("signal %d; ", i) > 0;
    }
    if (waitpid(-1, &status, WNOHANG | __WALL) != -1 || errno != ECHILD)
        wrong += printf("a child is left; ") > 0;
}

static inline void end(void)
{
    int answer = close(-1001);

    injected = answer > 0 ? answer : 0;
    judge_results("under the fault");
    compare_states();
    injected = 0;
}

/* Sockets and peers */

static inline struct sockaddr_in inet(const char *text, uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};

    inet_pton(AF_INET, text, &address.sin_addr);
    return address;
}

static struct sockaddr_in allowed, refused;

#define TO(address) (struct sockaddr *)&(address), sizeof(address)

/* A socket that the object has not seen come. */
static inline int unseen(int type)
{
    int fd = (int)RAW(SYS_socket, AF_INET, type, 0);
    struct sockaddr_in any = inet("127.0.0.1", 0);
    struct timeval limit = {.tv_usec = 300000};

    RAW(SYS_setsockopt, fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    if (type == SOCK_DGRAM)
        RAW(SYS_bind, fd, &any, sizeof(any));
    return fd;
}

static inline void must(const char *what, long result)
{
    if (result < 0) {
        printf("%s: %s; ", what, strerror(errno));
        exit(3);
    }
}

/* Newer policies: FOLDER/a, b and c are images that refuse by EHOSTDOWN, ENETDOWN and ENETRESET. */
static const char *folder;

static inline void publish(const char *name)
{
    static char bytes[1 << 20];
    char from[500], to[500], control[500], temporary[520];
    uint32_t word;
    ssize_t size;
    int fd;

    snprintf(from, sizeof(from), "%s/%s", folder, name);
    snprintf(to, sizeof(to), "%s/image", folder); /* a link to its name in the place of images */
    snprintf(control, sizeof(control), "%s/control", folder);
    must("readlink", size = readlink(to, bytes, sizeof(to) - 1));
    memcpy(to, bytes, (size_t)size);
    to[size] = '\0';
    snprintf(temporary, sizeof(temporary), "%s.new", to);
    must(from, fd = open(from, O_RDONLY));
    must("read", size = pread(fd, bytes, sizeof(bytes), 0));
    close(fd);
    must(temporary, fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0600));
    must("write", pwrite(fd, bytes, (size_t)size, 0));
    close(fd);
    must("rename", rename(temporary, to));
    must(control, fd = open(control, O_RDWR));
    must("word", pread(fd, &word, sizeof(word), 12));
    word++;
    must("word", pwrite(fd, &word, sizeof(word), 12));
    close(fd);
}

#endif
