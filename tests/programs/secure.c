/* SPDX-License-Identifier: MIT */
/*
 * A program to be made set-user-id: says whether it is more than its user, whether the object is in it, what became of
 * its environment, and what three connections give.
 *
 *     secure PORT...
 */
#include <arpa/inet.h>
#include <errno.h>
#include <link.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int look(struct dl_phdr_info *info, size_t size, void *found)
{
    (void)size;
    if (strstr(info->dlpi_name, "libsockade.so") != NULL)
        *(int *)found = 1;
    return 0;
}

int main(int count, char **ports)
{
    int found = 0;

    dl_iterate_phdr(look, &found);
    printf("%s as %d, %s, %s, %s:", getauxval(AT_SECURE) ? "secure" : "plain", (int)geteuid(),
           found ? "preloaded" : "bare", getenv("SOCKADE_PINNED") ? "pinned" : "not pinned",
           waitpid(-1, NULL, WNOHANG | __WALL) == -1 && errno == ECHILD ? "no child" : "a child");
    for (int i = 1; i < count; i++) {
        struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons((in_port_t)atoi(ports[i]))};
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (connect(fd, (struct sockaddr *)&peer, sizeof(peer)) != 0)
            printf(" %s", strerrorname_np(errno));
        else
            printf(" connected");
        close(fd);
    }
    printf("\n");
    return 0;
}
