/* SPDX-License-Identifier: MIT */
/*
 * A program that does one thing for each line of its input, and answers in one line: for tests of reloads.
 *
 *   new         makes a datagram socket, connects it to 127.0.0.1:9, and tells the name of the errno
 *   old         the same with a socket from the start
 *   receive     sends a datagram from the socket `old` is not, to itself, and tells whether it comes
 *   chroot DIR, setuid UID, seteuid UID
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *outcome(int result)
{
    return result == 0 ? "fine" : strerrorname_np(errno);
}

static const char *connect_by(int fd)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(9)};

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return outcome(connect(fd, (struct sockaddr *)&address, sizeof(address)));
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

int main(void)
{
    int old = socket(AF_INET, SOCK_DGRAM, 0);
    int first = bound_socket();
    int second = bound_socket();
    char line[4200];

    while (fgets(line, sizeof(line), stdin) != NULL) {
        char *argument = strchr(line, ' ');
        const char *answer = "what?";

        line[strcspn(line, "\n")] = '\0';
        if (argument != NULL)
            *argument++ = '\0';
        if (strcmp(line, "new") == 0)
            answer = connect_new();
        else if (strcmp(line, "old") == 0)
            answer = connect_by(old);
        else if (strcmp(line, "receive") == 0)
            answer = receive_by(first, second);
        else if (strcmp(line, "chroot") == 0)
            answer = outcome(chroot(argument));
        else if (strcmp(line, "setuid") == 0)
            answer = outcome(setuid((uid_t)atoi(argument)));
        else if (strcmp(line, "seteuid") == 0)
            answer = outcome(seteuid((uid_t)atoi(argument)));
        puts(answer);
        fflush(stdout);
    }
    return 0;
}
