/* SPDX-License-Identifier: MIT */
/* recvmsg with MSG_PEEK installs passed descriptors, each time anew: whoever peeks must close what he got. */
#include "tests/kernel/proof.h"

#include <sys/stat.h>

union control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
};

static void pass(int channel, int fd)
{
    union control control = {.bytes = {0}};
    struct iovec data = {.iov_base = "x", .iov_len = 1};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes)};
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
    prove(sendmsg(channel, &message, 0) == 1, "a descriptor is sent");
}

/* The descriptor that comes with the next message, or -1. */
static int receive(int channel, int flags)
{
    union control control = {.bytes = {0}};
    char byte;
    int fd = -1;
    struct iovec data = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes)};
    prove(recvmsg(channel, &message, flags) == 1, "recvmsg");
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header && header->cmsg_type == SCM_RIGHTS)
        memcpy(&fd, CMSG_DATA(header), sizeof(fd));
    return fd;
}

static bool same_file(int a, int b)
{
    struct stat one;
    struct stat two;
    return fstat(a, &one) == 0 && fstat(b, &two) == 0 && one.st_ino == two.st_ino && one.st_dev == two.st_dev;
}

static void peeks_install(int type)
{
    int channel[2];
    int pipe_ends[2];
    prove(socketpair(AF_UNIX, type, 0, channel) == 0 && pipe(pipe_ends) == 0, "socketpair and pipe");
    pass(channel[0], pipe_ends[0]);
    int first = receive(channel[1], MSG_PEEK);
    int second = receive(channel[1], MSG_PEEK);
    int last = receive(channel[1], 0);
    prove(first >= 0 && second >= 0 && last >= 0, "each receive gives a descriptor");
    prove(first != second && second != last && first != last && first != pipe_ends[0], "each a new one");
    prove(same_file(first, pipe_ends[0]) && same_file(second, pipe_ends[0]) && same_file(last, pipe_ends[0]),
          "all of the file that was passed");
    for (int i = 0; i < 2; i++) {
        close(channel[i]);
        close(pipe_ends[i]);
    }
    close(first);
    close(second);
    close(last);
}

int main(void)
{
    peeks_install(SOCK_STREAM);
    peeks_install(SOCK_DGRAM);
    return proved("recvmsg with MSG_PEEK installs a new duplicate of a passed descriptor each time");
}
