/* SPDX-License-Identifier: MIT */
/*
 * Streams between threads, datagrams one by one and in batches, waits, children of every kind: what it prints is the
 * same in any company. Then it tries to reach an address that the policy may refuse, and so does a child without an
 * environment.
 *
 * usage: company ADDRESS PORT: 127.0.0.1 is to be free for servers of its own
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define CLIENTS 4
#define BATCH 3

static struct sockaddr *any(struct sockaddr_in *address)
{
    return (struct sockaddr *)address;
}

/* A socket on a free port of 127.0.0.1, whose address is put into `address`. */
static int local_socket(int type, struct sockaddr_in *address)
{
    socklen_t length = sizeof(*address);
    int fd = socket(AF_INET, type, 0);

    *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd < 0 || bind(fd, any(address), length) != 0 || getsockname(fd, any(address), &length) != 0)
        perror("local_socket");
    return fd;
}

static void *client(void *data)
{
    char *answer = calloc(1, 16);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (connect(fd, data, sizeof(struct sockaddr_in)) != 0)
        perror("connect");
    if (send(fd, "hello", 5, 0) != 5 || recv(fd, answer, 15, 0) != 5 || write(fd, answer, 5) != 5)
        perror("client");
    close(fd);
    return answer;
}

static void serve_one(int server)
{
    struct pollfd waiting = {.fd = server, .events = POLLIN};
    struct sockaddr_in peer;
    socklen_t length = sizeof(peer);
    char text[16];
    int ready = poll(&waiting, 1, 5000);
    int fd = accept(server, any(&peer), &length);
    ssize_t got = recv(fd, text, sizeof(text), 0);

    printf("poll %d, from %s: %zd %.5s", ready, inet_ntoa(peer.sin_addr), got, text);
    printf(", sent %zd", send(fd, text, (size_t)got, 0));
    printf(", read %zd, then ", read(fd, text, sizeof(text)));
    printf("%zd\n", read(fd, text, sizeof(text)));
    close(fd);
}

static void streams(void)
{
    struct sockaddr_in address;
    pthread_t threads[CLIENTS];
    int server = local_socket(SOCK_STREAM, &address);

    listen(server, CLIENTS);
    for (int i = 0; i < CLIENTS; i++)
        pthread_create(&threads[i], NULL, client, &address);
    for (int i = 0; i < CLIENTS; i++)
        serve_one(server);
    for (int i = 0; i < CLIENTS; i++) {
        void *answer;

        pthread_join(threads[i], &answer);
        printf("thread: %s\n", (const char *)answer);
        free(answer);
    }
    close(server);
}

static void batches(int from, int to, struct sockaddr_in *address)
{
    struct mmsghdr messages[BATCH] = {0};
    struct sockaddr_in peers[BATCH] = {0};
    struct iovec parts[BATCH];
    char texts[BATCH][16];

    for (int i = 0; i < BATCH; i++) {
        parts[i] = (struct iovec){texts[i], (size_t)snprintf(texts[i], sizeof(texts[i]), "text %d", i)};
        messages[i].msg_hdr = (struct msghdr){
            .msg_iov = &parts[i], .msg_iovlen = 1, .msg_name = address, .msg_namelen = sizeof(*address)};
    }
    printf("sendmmsg %d", sendmmsg(from, messages, BATCH, 0));
    for (int i = 0; i < BATCH; i++) {
        parts[i].iov_len = sizeof(texts[i]);
        messages[i].msg_hdr.msg_name = &peers[i];
    }
    printf(", recvmmsg %d", recvmmsg(to, messages, BATCH, 0, NULL));
    printf(": %.6s from %s\n", texts[BATCH - 1], inet_ntoa(peers[BATCH - 1].sin_addr));
}

static void datagrams(void)
{
    struct sockaddr_in address;
    struct sockaddr_in other;
    int to = local_socket(SOCK_DGRAM, &address);
    int from = local_socket(SOCK_DGRAM, &other);
    int set = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN};
    char text[16];
    struct iovec part = {text, sizeof(text)};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    epoll_ctl(set, EPOLL_CTL_ADD, to, &event);
    printf("sendto %zd", sendto(from, "abc", 3, 0, any(&address), sizeof(address)));
    printf(", epoll %d", epoll_wait(set, &event, 1, 5000));
    printf(", recvmsg %zd\n", recvmsg(to, &message, 0));
    batches(from, to, &address);
    close(set);
    close(from);
    close(to);
}

static void children(const char *self)
{
    const char *own = getenv("LD_PRELOAD");
    char theirs[4096] = "";
    FILE *output = popen("printf %s \"$LD_PRELOAD\"", "r");
    pid_t child;
    int status;

    if (fgets(theirs, sizeof(theirs), output) == NULL)
        theirs[0] = '\0';
    printf("popen %d, a child has the preloads: %d\n", pclose(output), strcmp(own == NULL ? "" : own, theirs) == 0);
    printf("system %d\n", WEXITSTATUS(system("exit 4")));
    child = fork();
    if (child == 0) {
        execl(self, self, (char *)NULL);
        _exit(1);
    }
    waitpid(child, &status, 0);
    printf("fork and exec %d\n", WEXITSTATUS(status));
}

static void reach(const char *name, const char *host, const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(port))};
    int stream = socket(AF_INET, SOCK_STREAM, 0);
    int datagram = socket(AF_INET, SOCK_DGRAM, 0);

    inet_pton(AF_INET, host, &address.sin_addr);
    printf("%s: connect: %s\n", name, connect(stream, any(&address), sizeof(address)) == 0 ? "done" : strerror(errno));
    printf("%s: sendto: %s\n", name,
           sendto(datagram, "x", 1, 0, any(&address), sizeof(address)) == 1 ? "done" : strerror(errno));
    close(datagram);
    close(stream);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    if (argc < 3)
        return 7; /* the child */
    if (argc == 3) {
        char *const again[] = {argv[0], argv[1], argv[2], "alone", NULL};
        char *const nothing[] = {NULL};
        pid_t child;
        int status;

        streams();
        datagrams();
        children(argv[0]);
        if (posix_spawn(&child, argv[0], NULL, NULL, again, nothing) == 0)
            waitpid(child, &status, 0);
    }
    reach(argc == 3 ? "here" : "a child without an environment", argv[1], argv[2]);
    return 0;
}
