/* SPDX-License-Identifier: MIT */
/*
 * A program with a connect of its own that does its work and calls the next one, as interposers and sanitizers do; then
 * the same name found in the ways that they use. Each way reaches us.
 *
 * usage: own_connect ADDRESS PORT
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef int connect_function(int, const struct sockaddr *, socklen_t);

static int calls;

int connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t length)
{
    connect_function *next;

    calls++;
    *(void **)&next = dlsym(RTLD_NEXT, "connect");
    return next(fd, (const struct sockaddr *)address.__sockaddr__, length);
}

static void try(const char *way, connect_function *function, const struct sockaddr_in *address)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int result;

    errno = 0;
    result = function == NULL ? -2 : function(fd, (const struct sockaddr *)address, sizeof(*address));
    printf("%s: %d %s, %d calls of its own\n", way, result, result == 0 ? "" : strerror(errno), calls);
    close(fd);
}

static connect_function *found(void *where)
{
    connect_function *function;

    *(void **)&function = dlsym(where, "connect");
    return function;
}

static int by_name(int fd, const struct sockaddr *address, socklen_t length)
{
    return connect(fd, address, length);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET};

    if (argc < 3)
        return 2;
    address.sin_port = htons((unsigned short)atoi(argv[2]));
    inet_pton(AF_INET, argv[1], &address.sin_addr);
    try("by name", by_name, &address);
    try("RTLD_DEFAULT", found(RTLD_DEFAULT), &address);
    try("RTLD_NEXT", found(RTLD_NEXT), &address);
    try("dlopen(NULL)", found(dlopen(NULL, RTLD_NOW)), &address);
    return 0;
}
