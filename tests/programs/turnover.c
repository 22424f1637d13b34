/* SPDX-License-Identifier: MIT */
/*
 * Threads that open, use and close raw ICMP sockets as fast as they can, so that descriptor numbers and state are used
 * again at once, beside other sockets of the process that only listen. Prints what was lost, and what came to a socket
 * that did not send it. For translated sockets: each sees its own replies alone.
 */
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { THREADS = 8, ROUNDS = 1000, ECHOES = 4, HEADERS = 28 };

static _Atomic int lost, foreign, failed;

static int open_raw(void)
{
    int fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);

    if (fd < 0)
        failed++;
    return fd;
}

static void echo(int fd, unsigned id, unsigned sequence)
{
    static const struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = {.s_addr = 0x0100007f}};
    unsigned char request[8] = {8,
                                0,
                                0,
                                0,
                                (unsigned char)(id >> 8),
                                (unsigned char)id,
                                (unsigned char)(sequence >> 8),
                                (unsigned char)sequence};
    unsigned char reply[HEADERS];
    struct pollfd entry = {.fd = fd, .events = POLLIN};

    if (sendto(fd, request, sizeof(request), 0, (const struct sockaddr *)&to, sizeof(to)) != sizeof(request))
        failed++;
    if (poll(&entry, 1, 2000) != 1 || recv(fd, reply, sizeof(reply), MSG_DONTWAIT) != sizeof(reply))
        lost++;
    else
        foreign += reply[24] != request[4] || reply[25] != request[5] || reply[26] != request[6] ||
                   reply[27] != request[7];
}

/* A socket that was waited on and sends nothing. */
static int open_listener(void)
{
    struct pollfd entry = {.fd = open_raw(), .events = POLLIN};

    poll(&entry, 1, 0);
    return entry.fd;
}

static void *come_and_go(void *context)
{
    unsigned id = 0x4000 + (unsigned)(uintptr_t)context;
    unsigned sequence = 0;

    for (unsigned round = 0; round < ROUNDS; round++) {
        int listener = round % 4 == 0 ? open_listener() : -1;
        int fd = open_raw();

        if (round % 2 == 0) {
            int copy = dup(fd);

            close(fd);
            fd = copy;
        }
        for (int i = 0; i < ECHOES; i++)
            echo(fd, id, ++sequence);
        close(fd);
        if (listener >= 0)
            close(listener);
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];

    alarm(60);
    for (uintptr_t i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, come_and_go, (void *)i) != 0)
            abort();
    }
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    printf("lost %d, foreign %d, failed %d\n", lost, foreign, failed);
    return 0;
}
