/* SPDX-License-Identifier: MIT */
/*
 * A program that does one thing for each line of its input, and answers in one line: for tests of reloads.
 *
 *   new         makes a datagram socket, connects it to 127.0.0.1:9, and tells the name of the errno
 *   old         the same with a socket from the start
 *   both        the same twice, to 127.0.0.1 and to 127.0.0.2
 *   bind, listen, take
 *               that call on a socket from the start, then as `old`
 *   port        the port of a listening socket
 *   accept      begins to wait in accept on it, in a thread
 *   accepted    whom that thread took, or the errno
 *   receive     sends a datagram from the socket `old` is not, to itself, and tells whether it comes
 *   uid         what getuid tells
 *   chroot DIR, setuid UID, seteuid UID
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *outcome(int result)
{
    return result == 0 ? "fine" : strerrorname_np(errno);
}

static const char *connect_to(int fd, in_addr_t to)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(9)};

    address.sin_addr.s_addr = htonl(to);
    return outcome(connect(fd, (struct sockaddr *)&address, sizeof(address)));
}

static const char *connect_by(int fd)
{
    return connect_to(fd, INADDR_LOOPBACK);
}

static const char *connect_both(int fd)
{
    static char answer[100];

    snprintf(answer, sizeof(answer), "%s %s", connect_by(fd), connect_to(fd, INADDR_LOOPBACK + 1));
    return answer;
}

static const char *connect_new(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    const char *answer = fd < 0 ? strerrorname_np(errno) : connect_by(fd);

    if (fd >= 0)
        close(fd);
    return answer;
}

/* Sends to `fd`, which is bound, by another socket; whether it came. No socket is made here. */
static const char *receive_by(int fd, int other)
{
    struct sockaddr_in address;
    socklen_t length = sizeof(address);
    char byte = 'x';

    if (getsockname(fd, (struct sockaddr *)&address, &length) != 0 ||
        sendto(other, &byte, 1, 0, (struct sockaddr *)&address, length) != 1)
        return strerrorname_np(errno);
    usleep(20000);
    return outcome(recvfrom(fd, &byte, 1, MSG_DONTWAIT, NULL, NULL) == 1 ? 0 : -1);
}

static int bound_socket(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 ? fd : -1;
}

static int listener;
static pthread_t accepting;

static int listening_socket(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 && listen(fd, 8) == 0 ? fd : -1;
}

static const char *port_of_listener(void)
{
    struct sockaddr_in address;
    socklen_t length = sizeof(address);
    static char answer[8];

    if (getsockname(listener, (struct sockaddr *)&address, &length) != 0)
        return strerrorname_np(errno);
    snprintf(answer, sizeof(answer), "%d", ntohs(address.sin_port));
    return answer;
}

/*
 * The peer's name by both calls, which have to agree; a place that is too small for it stays as it is behind its end.
 */
static void *accept_one(void *unused)
{
    struct sockaddr_in address = {.sin_zero = "short"}, again;
    socklen_t length = 8, again_length = sizeof(again);
    static char answer[100];
    int fd = accept(listener, (struct sockaddr *)&address, &length);

    (void)unused;
    if (fd < 0)
        return (void *)(uintptr_t)strerrorname_np(errno);
    if (getpeername(fd, (struct sockaddr *)&again, &again_length) != 0 || length != again_length ||
        memcmp(&address, &again, 8) != 0 || strcmp((char *)address.sin_zero, "short") != 0)
        return "another";
    close(fd);
    inet_ntop(AF_INET, &address.sin_addr, answer, sizeof(answer));
    return answer;
}

static const char *begin_accept(void)
{
    return pthread_create(&accepting, NULL, accept_one, NULL) == 0 ? "begun" : "no thread";
}

static const char *end_accept(void)
{
    void *answer;

    return pthread_join(accepting, &answer) == 0 ? answer : "no thread";
}

/* Calls that look at the sources; what they come to here is all the same. */
static void look_by(const char *call, int bound)
{
    const struct sockaddr_in address = {.sin_family = AF_INET};
    struct pollfd one = {.fd = listener, .events = POLLIN};

    if (strcmp(call, "bind") == 0)
        bind(bound, (const struct sockaddr *)&address, sizeof(address));
    else if (strcmp(call, "listen") == 0)
        listen(listener, 8);
    else if (poll(&one, 1, 0) == 0 && fcntl(listener, F_SETFL, O_NONBLOCK) == 0) {
        accept(listener, NULL, NULL);
        fcntl(listener, F_SETFL, 0);
    }
}

static int old, first, second; /* sockets from the start; the last two are bound */

static const char *answer_to(const char *line, const char *argument)
{
    if (strcmp(line, "new") == 0)
        return connect_new();
    if (strcmp(line, "old") == 0)
        return connect_by(old);
    if (strcmp(line, "both") == 0)
        return connect_both(old);
    if (strcmp(line, "receive") == 0)
        return receive_by(first, second);
    if (strcmp(line, "port") == 0)
        return port_of_listener();
    if (strcmp(line, "accept") == 0)
        return begin_accept();
    if (strcmp(line, "accepted") == 0)
        return end_accept();
    if (strcmp(line, "bind") == 0 || strcmp(line, "listen") == 0 || strcmp(line, "take") == 0) {
        look_by(line, first);
        return connect_by(old);
    }
    if (strcmp(line, "uid") == 0)
        return getuid() == 0 ? "root" : "nobody in particular";
    if (strcmp(line, "chroot") == 0)
        return outcome(chroot(argument));
    if (strcmp(line, "setuid") == 0)
        return outcome(setuid((uid_t)atoi(argument)));
    if (strcmp(line, "seteuid") == 0)
        return outcome(seteuid((uid_t)atoi(argument)));
    return "what?";
}

int main(void)
{
    char line[4200];

    old = socket(AF_INET, SOCK_DGRAM, 0);
    first = bound_socket();
    second = bound_socket();
    listener = listening_socket();
    while (fgets(line, sizeof(line), stdin) != NULL) {
        char *argument = strchr(line, ' ');

        line[strcspn(line, "\n")] = '\0';
        if (argument != NULL)
            *argument++ = '\0';
        puts(answer_to(line, argument == NULL ? "" : argument));
        fflush(stdout);
    }
    return 0;
}
