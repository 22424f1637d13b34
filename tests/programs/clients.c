/* SPDX-License-Identifier: MIT */
/* The clients inside libc: clients HOST|ports. A line for each call and what came of it. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void tell(const char *call, const char *host, int fd, int errors)
{
    char text[16] = "";
    char more[2];

    if (fd < 0) {
        printf("%s: %s\n", call, strerror(errno));
        return;
    }
    if (read(fd, text, sizeof(text) - 1) > 0)
        text[strcspn(text, "\n")] = '\0';
    printf("%s %s: %s", call, host, text);
    if (errors >= 0)
        printf(", errors end with %d", (int)read(errors, more, sizeof(more)));
    printf("\n");
    close(fd);
    if (errors >= 0)
        close(errors);
}

/* The port that a call bound. */
static void tell_port(const char *call, int fd)
{
    struct sockaddr_storage name;
    socklen_t length = sizeof(name);

    if (fd < 0) {
        printf("%s: %s\n", call, strerror(errno));
        return;
    }
    getsockname(fd, (struct sockaddr *)&name, &length);
    printf("%s: %d\n", call, ntohs(((struct sockaddr_in *)&name)->sin_port));
    close(fd);
}

/* Where libc binds, counting down from the port that it is told. */
static void ports(void)
{
    int high = 1023;
    int low = 5;
    int none = 600;
    int fd;

    tell_port("rresvport", rresvport(&high));
    tell_port("rresvport_af", rresvport_af(&low, AF_INET6));
    fd = rresvport_af(&none, AF_UNIX);
    printf("%d %d, of another family %d, %s\n", high, low, fd, strerror(errno));
}

int main(int argc, char **argv)
{
    char *host = argc > 1 ? argv[1] : "localhost";
    char *names[4] = {host, host, host, host};
    int errors = -1;
    int fd;

    fclose(stderr); /* libc itself writes there */
    if (strcmp(host, "ports") == 0) {
        ports();
        return 0;
    }
    tell("rcmd", names[0], rcmd(&names[0], htons(514), "me", "you", "first", NULL), -1);
    fd = rcmd_af(&names[1], htons(514), "me", "you", "second", &errors, AF_INET);
    tell("rcmd_af", names[1], fd, errors);
    tell("rexec", names[2], rexec(&names[2], htons(512), "me", "secret", "third", NULL), -1);
    errors = -1;
    fd = rexec_af(&names[3], htons(512), "me", "secret", "fourth", &errors, AF_INET);
    tell("rexec_af", names[3], fd, errors);
    return 0;
}
