/* SPDX-License-Identifier: MIT */
/*
 * A program with functions of its own that have libc's names and do something else. The linker exports them, since libc
 * has them too, so whatever looks a name up from the start of the list of objects finds these. Nobody but the program
 * may call them: it runs as it does alone.
 *
 * usage: own_names ADDRESS PORT: connects by libc's connect, then starts itself as a child without an environment
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Assembler names, since the headers' declarations must stand. */
#define OWN(name)                                                                                                      \
    int own_##name(void) __asm__(#name);                                                                               \
    int own_##name(void)                                                                                               \
    {                                                                                                                  \
        return called(#name);                                                                                          \
    }

/* And its own variable; libc's getenv and exec read `__environ`. */
char **environ;

static int calls;

static int called(const char *name)
{
    calls++;
    printf("# somebody called the program's own %s\n", name);
    return -1;
}

OWN(accept)
OWN(bind)
OWN(clock_gettime)
OWN(close)
OWN(config_init)
OWN(config_read_file)
OWN(connect)
OWN(dup)
OWN(execve)
OWN(fcntl)
OWN(fork)
OWN(fstat)
OWN(getauxval)
OWN(geteuid)
OWN(getpid)
OWN(getsockname)
OWN(getsockopt)
OWN(getuid)
OWN(gnu_get_libc_version)
OWN(kill)
OWN(listen)
OWN(mmap)
OWN(munmap)
OWN(open)
OWN(openat)
OWN(poll)
OWN(posix_spawnattr_getflags)
OWN(prctl)
OWN(read)
OWN(readlink)
OWN(recvfrom)
OWN(send)
OWN(sigaction)
OWN(sigprocmask)
OWN(socket)
OWN(stat)
OWN(strchr)
OWN(syscall)
OWN(vfork)
OWN(write)

typedef int connect_function(int, const struct sockaddr *, socklen_t);
typedef int socket_function(int, int, int);

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    char *const nothing[] = {NULL};
    connect_function *next_connect;
    socket_function *next_socket;
    pid_t child;
    int status = 0;
    int result;

    if (argc < 3)
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    *(void **)&next_connect = dlsym(RTLD_NEXT, "connect");
    *(void **)&next_socket = dlsym(RTLD_NEXT, "socket");
    address.sin_port = htons((unsigned short)atoi(argv[2]));
    inet_pton(AF_INET, argv[1], &address.sin_addr);
    result = next_connect(next_socket(AF_INET, SOCK_STREAM, 0), (const struct sockaddr *)&address, sizeof(address));
    printf("connect %d %s\n", result, result == 0 ? "" : strerror(errno));
    if (argc == 3) {
        char *const again[] = {argv[0], argv[1], argv[2], "child", NULL};

        result = posix_spawn(&child, argv[0], NULL, NULL, again, nothing);
        if (result == 0)
            waitpid(child, &status, 0);
        printf("spawn %d %d\n", result, status);
    }
    printf("%d calls\n", calls);
    return calls > 0;
}
