/* SPDX-License-Identifier: MIT */
/*
 * Makes connections that a policy refuses, and says how they ended; for the tests of where the events go.
 *
 *     refused_often [-o FILE]... [-r FILE] [-p MILLISECONDS] [-s] COUNT...
 *
 * -o opens a file of its own, under the lowest number that is free, and writes a line to it before and after; -r does
 * so in place of stderr; -p waits after each COUNT; -s does it all in a thread with the smallest stack there is.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FILES 8

static int files[FILES];
static int file_count;

static void file_open(const char *path)
{
    files[file_count++ % FILES] = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
}

static void files_write(const char *line)
{
    for (int i = 0; i < file_count && i < FILES; i++) {
        if (write(files[i], line, strlen(line)) < 0)
            exit(3);
    }
}

/* Ends with what is no connection refused. */
static void refused(int count)
{
    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(8081)};

    peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < count; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        if (connect(fd, (struct sockaddr *)&peer, sizeof(peer)) != -1 || errno != ECONNREFUSED)
            exit(4);
        close(fd);
    }
}

static void *refused_thread(void *count)
{
    refused(*(int *)count);
    return NULL;
}

static void refused_on_small_stack(int count)
{
    pthread_attr_t attributes;
    pthread_t thread;

    if (pthread_attr_init(&attributes) != 0 || pthread_attr_setstacksize(&attributes, (size_t)PTHREAD_STACK_MIN) != 0 ||
        pthread_create(&thread, &attributes, refused_thread, &count) != 0)
        exit(6);
    pthread_join(thread, NULL);
}

int main(int count, char **words)
{
    unsigned pause = 0;
    int option, small = 0;

    while ((option = getopt(count, words, "o:r:p:s")) != -1) {
        if (option == 'r')
            close(2);
        if (option == 'p')
            pause = (unsigned)atoi(optarg);
        else if (option == 's')
            small = 1;
        else if (option == 'o' || option == 'r')
            file_open(optarg);
        else
            return 2;
    }
    files_write("before\n");
    for (int i = optind; i < count; i++) {
        (small ? refused_on_small_stack : refused)(atoi(words[i]));
        usleep(pause * 1000);
    }
    files_write("after\n");
    if (fcntl(1, F_GETFD) != -1)
        printf("refused\n");
    return fflush(stdout) == 0 ? 0 : 5;
}
