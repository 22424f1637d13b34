/* SPDX-License-Identifier: MIT */
/*
 * What the hook tests share: sockets on loopback, a line for each call, a deadline.
 *
 * A program that compares prints one line a check, `name: result errno`, with nothing in it that differs from run to
 * run; its output without the shim is what its output with the shim has to be. On success errno must be untouched, so
 * it is set to UNTOUCHED before each call.
 */
#ifndef SOCKADE_TESTS_HOOK_TEST_H
#define SOCKADE_TESTS_HOOK_TEST_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define UNTOUCHED 4242

/* Where no program has anything; volatile, so that the compiler does not see what these tests do on purpose. */
__attribute__((unused)) static void *volatile BAD_POINTER = (void *)8;
__attribute__((unused)) static void *volatile NO_POINTER = NULL;
__attribute__((unused)) static volatile size_t ENDLESS = SIZE_MAX;

#define CHECK(name, call)                                                                                              \
    do {                                                                                                               \
        long check_result;                                                                                             \
        errno = UNTOUCHED;                                                                                             \
        check_result = (long)(call);                                                                                   \
        say(name, check_result);                                                                                       \
    } while (0)

/* One line: the result and what errno is now. */
static inline void say(const char *name, long result)
{
    int error = errno;

    printf("%s: %ld %s\n", name, result, error == UNTOUCHED ? "untouched" : strerrorname_np(error));
    fflush(stdout);
}

/* One line with a value that the call left behind. */
static inline void say_value(const char *name, long value)
{
    printf("%s: %ld\n", name, value);
    fflush(stdout);
}

static inline void say_text(const char *name, const void *bytes, size_t length)
{
    printf("%s: \"%.*s\"\n", name, (int)length, (const char *)bytes);
    fflush(stdout);
}

/* The setting-up that cannot fail. */
static inline long must(const char *what, long result)
{
    if (result < 0) {
        printf("Bail out! %s: %s\n", what, strerror(errno));
        exit(1);
    }
    return result;
}

/* Ends a test program that hangs. */
static inline void deadline(unsigned seconds)
{
    signal(SIGALRM, SIG_DFL);
    alarm(seconds);
}

static inline struct sockaddr_in inet_address(const char *text, uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};

    inet_pton(AF_INET, text, &address.sin_addr);
    return address;
}

static inline struct sockaddr_in6 inet6_address(const char *text, uint16_t port)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

    inet_pton(AF_INET6, text, &address.sin6_addr);
    return address;
}

/* A socket of any type that is bound to `text`, IPv4 or IPv6, and to any port where `port` is 0. */
static inline int bound(const char *text, uint16_t port, int type)
{
    struct sockaddr_in four = inet_address(text, port);
    struct sockaddr_in6 six = inet6_address(text, port);
    bool is_six = strchr(text, ':') != NULL;
    int fd = (int)must("socket", socket(is_six ? AF_INET6 : AF_INET, type, 0));

    if (is_six)
        must("bind", bind(fd, (struct sockaddr *)&six, sizeof(six)));
    else
        must("bind", bind(fd, (struct sockaddr *)&four, sizeof(four)));
    return fd;
}

static inline uint16_t port_of(int fd)
{
    struct sockaddr_in address;
    socklen_t length = sizeof(address);

    must("getsockname", getsockname(fd, (struct sockaddr *)&address, &length));
    return ntohs(address.sin_port); /* sin6_port stands in the same place */
}

/* Sends a text from `fd` to 127.0.0.1 or, from an IPv6 socket, to ::1. */
static inline void send_text(int fd, uint16_t port, const char *text)
{
    struct sockaddr_in four = inet_address("127.0.0.1", port);
    struct sockaddr_in6 six = inet6_address("::1", port);
    struct sockaddr_storage own;
    socklen_t length = sizeof(own);

    must("getsockname", getsockname(fd, (struct sockaddr *)&own, &length));
    if (own.ss_family == AF_INET6)
        must("sendto", sendto(fd, text, strlen(text), 0, (struct sockaddr *)&six, sizeof(six)));
    else
        must("sendto", sendto(fd, text, strlen(text), 0, (struct sockaddr *)&four, sizeof(four)));
}

static inline struct sockaddr_un abstract_address(const char *name, socklen_t *length)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    strncpy(address.sun_path + 1, name, sizeof(address.sun_path) - 2);
    *length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
    return address;
}

/* A Unix socket with an abstract name; NULL: none. */
static inline int unix_bound(const char *name, int type)
{
    int fd = (int)must("socket", socket(AF_UNIX, type, 0));
    socklen_t length;

    if (name != NULL) {
        struct sockaddr_un address = abstract_address(name, &length);

        must("bind", bind(fd, (struct sockaddr *)&address, length));
    }
    return fd;
}

static inline void unix_send(int fd, const char *name, const char *text)
{
    socklen_t length;
    struct sockaddr_un address = abstract_address(name, &length);

    must("sendto", sendto(fd, text, strlen(text), 0, (struct sockaddr *)&address, length));
}

/* A message that carries one descriptor. */
struct carrier {
    struct msghdr header;
    struct iovec vector;
    char data[16];
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
};

static inline void carrier_make(struct carrier *carrier, const char *text, int fd)
{
    struct cmsghdr *control;

    memset(carrier, 0, sizeof(*carrier));
    strncpy(carrier->data, text, sizeof(carrier->data) - 1);
    carrier->vector = (struct iovec){carrier->data, fd < 0 ? sizeof(carrier->data) : strlen(text)};
    carrier->header = (struct msghdr){.msg_iov = &carrier->vector,
                                      .msg_iovlen = 1,
                                      .msg_control = carrier->control,
                                      .msg_controllen = sizeof(carrier->control)};
    if (fd < 0)
        return;
    control = CMSG_FIRSTHDR(&carrier->header);
    *control = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
    memcpy(CMSG_DATA(control), &fd, sizeof(fd));
}

/* The descriptor that a received message carries; -1: none. */
static inline int carried(struct msghdr *header)
{
    struct cmsghdr *control = CMSG_FIRSTHDR(header);
    int fd = -1;

    if (control != NULL && control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_RIGHTS)
        memcpy(&fd, CMSG_DATA(control), sizeof(fd));
    return fd;
}

static inline long milliseconds(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000L + time.tv_nsec / 1000000L;
}

/*
 * Whether threads are cancelled here. Not in a program that a sanitized object was preloaded into: its runtime knows
 * nothing of the program's threads, and takes the stack of one that was unwound for broken.
 */
static inline bool cancels(void)
{
    return getenv("SANITIZED") == NULL;
}

/* Runs a call in a thread and tells whether it was cancelled there: while it waits, or by what is pending already. */
static inline void run_cancelled(const char *name, void *(*run)(void *), bool wait)
{
    pthread_t thread;
    void *result;

    if (!cancels())
        return;
    must("thread", -pthread_create(&thread, NULL, run, NULL));
    if (wait) {
        usleep(50000);
        pthread_cancel(thread);
    }
    pthread_join(thread, &result);
    printf("%s: %s\n", name, result == PTHREAD_CANCELED ? "cancelled" : "went on");
}

static inline void receive_timeout(int fd, long ms)
{
    struct timeval time = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

    must("SO_RCVTIMEO", setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)));
}

#endif
