/* SPDX-License-Identifier: MIT */
/*
 * Connects to port 9 of an IPv4 address, and says what came of it.
 *
 *     connects ADDRESS
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

int main(int count, char **arguments)
{
    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(9)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (count != 2 || fd < 0 || inet_pton(AF_INET, arguments[1], &peer.sin_addr) != 1)
        return 2;
    if (connect(fd, (struct sockaddr *)&peer, sizeof(peer)) == 0)
        return 0;
    perror("connect");
    return 1;
}
