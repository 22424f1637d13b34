/* SPDX-License-Identifier: MIT */
/*
 * SO_MAX_PACING_RATE is a 64-bit label that an ordinary user can put on a ping socket, and it goes where the socket
 * goes.
 */
#include "tests/kernel/ping.h"

#include <sys/wait.h>

#ifndef SO_MAX_PACING_RATE
#define SO_MAX_PACING_RATE 47
#endif
#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif

static const uint64_t LABEL = 0xfedcba9876543210;

static bool is_labelled(int fd)
{
    uint64_t label = 0;
    socklen_t size = sizeof(label);
    return getsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &label, &size) == 0 && size == sizeof(label) &&
           label == LABEL;
}

/* `fd` through a Unix socket, as another descriptor. */
static int passed(int fd)
{
    int ends[2];
    char byte = 0;
    struct iovec vector = {&byte, 1};
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
    struct msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);

    *rights = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
    memcpy(CMSG_DATA(rights), &fd, sizeof(fd));
    prove(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0 && sendmsg(ends[0], &message, 0) == 1, "SCM_RIGHTS is sent");
    prove(recvmsg(ends[1], &message, 0) == 1, "and received");
    rights = CMSG_FIRSTHDR(&message);
    prove(rights != NULL, "with a descriptor");
    memcpy(&fd, CMSG_DATA(rights), sizeof(fd));
    return fd;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return is_labelled(atoi(argv[1])) ? 0 : 1;
    enter_ping_network();
    static const int families[] = {AF_INET, AF_INET6};
    for (int i = 0; i < 2; i++) {
        int fd = open_ping(families[i]);
        char number[16];
        int status;
        pid_t child;
        prove(!is_labelled(fd), "a fresh socket has no label");
        prove(setsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &LABEL, sizeof(LABEL)) == 0, "64 bits can be set");
        prove(is_labelled(fd) && is_labelled(dup(fd)) && is_labelled(passed(fd)),
              "and read, through dup and SCM_RIGHTS");
        snprintf(number, sizeof(number), "%d", fd);
        if ((child = fork()) == 0) {
            if (is_labelled(fd))
                execl("/proc/self/exe", argv[0], number, (char *)NULL);
            _exit(2);
        }
        prove(child > 0 && waitpid(child, &status, 0) == child && status == 0, "through fork and exec");
        prove(send_echo(fd, families[i], 0, 3) == ECHO_SIZE && next_reply(fd, families[i]).sequence == htons(3),
              "it slows nothing");
    }
    return proved("SO_MAX_PACING_RATE keeps 64 bits over dup, SCM_RIGHTS, fork and exec");
}
