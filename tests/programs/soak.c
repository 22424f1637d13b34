/* SPDX-License-Identifier: MIT */
/*
 * Everything at once, for as long as one likes: threads that connect, accept, send, receive, ping, are refused, fork,
 * exec and
 * start threads, while somebody else changes the policy. Every answer is checked; every SAMPLE seconds all of them
 * rest, and
 * what the process holds is printed: descriptors, threads, mappings and memory.
 *
 *     soak SECONDS SAMPLE        prints `sample SECOND DESCRIPTORS THREADS MAPPINGS KIB`, then `rounds N, wrong N`
 *     soak child                 exit status 0 where the peer is refused
 *
 * The policy denies 127.0.0.66, sources at 127.0.0.77 and listening on port 7777, by EACCES or EHOSTUNREACH in turn.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TIMEOUT = 20000, PAYLOAD = 200, REST = 100000, TOLD = 20 };

static const char *self;
static in_port_t stream_port;
static atomic_bool ending, resting;
static atomic_uint rounds, wrong;
static pthread_rwlock_t working = PTHREAD_RWLOCK_INITIALIZER;

static void expect(bool right, const char *what)
{
    int error = errno;

    if (!right && atomic_fetch_add(&wrong, 1) < TOLD)
        fprintf(stderr, "wrong: %s: %s\n", what, strerror(error));
}

static void rest(unsigned microseconds)
{
    struct timespec time = {microseconds / 1000000, microseconds % 1000000 * 1000L};

    nanosleep(&time, NULL);
}

static struct sockaddr_in at(const char *address, in_port_t port)
{
    struct sockaddr_in result = {.sin_family = AF_INET, .sin_port = port};

    inet_pton(AF_INET, address, &result.sin_addr);
    return result;
}

/* A socket that is bound where a program asks for it. */
static int bound(int type, const char *address)
{
    struct sockaddr_in local = at(address, 0);
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

    expect(fd >= 0 && bind(fd, (struct sockaddr *)&local, sizeof(local)) == 0, "a bound socket");
    return fd;
}

static struct sockaddr_in name_of(int fd)
{
    struct sockaddr_in name = {0};
    socklen_t length = sizeof(name);

    getsockname(fd, (struct sockaddr *)&name, &length);
    return name;
}

static bool is_refusal(long result)
{
    return result == -1 && (errno == EACCES || errno == EHOSTUNREACH);
}

static bool connect_is_refused(int type)
{
    struct sockaddr_in peer = at("127.0.0.66", htons(80));
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    bool refused = fd >= 0 && is_refusal(connect(fd, (struct sockaddr *)&peer, sizeof(peer)));
    int error = errno;

    close(fd);
    errno = error;
    return refused;
}

static void refused(void)
{
    struct sockaddr_in local = at("127.0.0.1", htons(7777));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    expect(connect_is_refused(SOCK_STREAM), "connect is refused");
    expect(connect_is_refused(SOCK_DGRAM), "connect of a datagram socket is refused");
    expect(is_refusal(bind(fd, (struct sockaddr *)&local, sizeof(local))), "bind is refused");
    close(fd);
}

static void streams(void)
{
    struct sockaddr_in server = at("127.0.0.1", stream_port);
    char sent[PAYLOAD], heard[PAYLOAD];
    int fd = bound(SOCK_STREAM, "127.0.0.1");

    memset(sent, (int)rounds & 0x7f, sizeof(sent));
    expect(connect(fd, (struct sockaddr *)&server, sizeof(server)) == 0, "connect");
    expect(send(fd, sent, sizeof(sent), MSG_NOSIGNAL) == (ssize_t)sizeof(sent), "send");
    expect(recv(fd, heard, sizeof(heard), MSG_WAITALL) == (ssize_t)sizeof(heard), "recv");
    expect(memcmp(sent, heard, sizeof(sent)) == 0, "an echo");
    close(fd);
}

/* A peer that accept does not take: it is reset. */
static void strangers(void)
{
    struct sockaddr_in server = at("127.0.0.1", stream_port);
    char byte;
    int fd = bound(SOCK_STREAM, "127.0.0.77");

    if (connect(fd, (struct sockaddr *)&server, sizeof(server)) == 0)
        expect(recv(fd, &byte, 1, 0) == -1 && errno == ECONNRESET, "a stranger is reset");
    else
        expect(errno == ECONNRESET, "a stranger is reset early");
    close(fd);
}

/*
 * One datagram from a stranger, which is never seen, and one from a friend; and a batch whose second peer is refused.
 */
static void datagrams(void)
{
    int receiver = bound(SOCK_DGRAM, "127.0.0.1"), friend = bound(SOCK_DGRAM, "127.0.0.1");
    int stranger = bound(SOCK_DGRAM, "127.0.0.77");
    struct sockaddr_in to = name_of(receiver), denied = at("127.0.0.66", htons(80));
    struct iovec data = {"friend", 6};
    struct mmsghdr batch[2] = {
        {.msg_hdr = {.msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &data, .msg_iovlen = 1}},
        {.msg_hdr = {.msg_name = &denied, .msg_namelen = sizeof(denied), .msg_iov = &data, .msg_iovlen = 1}}};
    struct pollfd entry = {.fd = receiver, .events = POLLIN};
    char heard[16];

    expect(sendto(stranger, "stranger", 8, 0, (struct sockaddr *)&to, sizeof(to)) == 8, "a stranger's datagram leaves");
    expect(sendmmsg(friend, batch, 2, 0) == 1, "a batch ends before the refused one");
    expect(is_refusal(sendmmsg(friend, batch + 1, 1, 0)), "a refused batch");
    expect(recv(receiver, heard, sizeof(heard), 0) == 6 && memcmp(heard, "friend", 6) == 0, "a friend's datagram");
    expect(poll(&entry, 1, 0) == 0, "and no other");
    close(receiver);
    close(friend);
    close(stranger);
}

/* A raw ICMP socket, which is a translated one. */
static void pings(void)
{
    static atomic_uint numbers;
    struct sockaddr_in to = at("127.0.0.1", 0), denied = at("127.0.0.66", 0);
    unsigned number = atomic_fetch_add(&numbers, 1) & 0xffff;
    unsigned char request[8] = {8, 0, 0, 0, 0x77, 0x33, (unsigned char)(number >> 8), (unsigned char)number},
                  reply[100];
    int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
    struct pollfd entry = {.fd = fd, .events = POLLIN};

    expect(fd >= 0, "a raw socket");
    expect(sendto(fd, request, sizeof(request), 0, (struct sockaddr *)&to, sizeof(to)) == 8, "an echo request");
    expect(is_refusal(sendto(fd, request, sizeof(request), 0, (struct sockaddr *)&denied, sizeof(denied))),
           "a refused echo request");
    expect(poll(&entry, 1, TIMEOUT) == 1, "a reply is waited for");
    expect(recv(fd, reply, sizeof(reply), MSG_DONTWAIT) == 28, "a reply");
    expect(memcmp(reply + 24, request + 4, 4) == 0, "with the own identifier and number");
    close(fd);
}

/* A socket that changes its number, by dup and in a message, and is refused under each. */
static void descriptors(void)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
    struct iovec data = {"x", 1};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    struct sockaddr_in denied = at("127.0.0.66", htons(80));
    int pair[2], fd = bound(SOCK_DGRAM, "127.0.0.1"), copy = dup(fd), passed = -1;
    char byte;

    expect(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0, "a pair");
    memcpy(CMSG_DATA(&control.header), &copy, sizeof(copy));
    expect(sendmsg(pair[0], &message, 0) == 1, "a descriptor leaves");
    data.iov_base = &byte;
    expect(recvmsg(pair[1], &message, MSG_CMSG_CLOEXEC) == 1, "a descriptor arrives");
    memcpy(&passed, CMSG_DATA(&control.header), sizeof(passed));
    expect(dup2(pair[0], fd) == fd && write(fd, "y", 1) == 1, "a number is used again");
    expect(is_refusal(sendto(copy, "x", 1, 0, (struct sockaddr *)&denied, sizeof(denied))), "the copy is refused");
    expect(is_refusal(sendto(passed, "x", 1, 0, (struct sockaddr *)&denied, sizeof(denied))),
           "the passed one is refused");
    close(pair[0]);
    close(pair[1]);
    close(fd);
    close(copy);
    close(passed);
}

static void expect_zero(pid_t child, const char *what)
{
    int status = -1;

    expect(child > 0 && waitpid(child, &status, 0) == child && status == 0, what);
}

/* Children by fork, and by posix_spawn with the environment and without any. */
static void children(void)
{
    char *const arguments[] = {(char *)self, "child", NULL}, *const nothing[] = {NULL};
    pid_t child = fork();

    if (child == 0)
        _exit(connect_is_refused(SOCK_STREAM) ? 0 : 1);
    expect_zero(child, "a forked child is refused");
    expect(posix_spawn(&child, self, NULL, NULL, arguments, environ) == 0, "posix_spawn");
    expect_zero(child, "a started child is refused");
    expect(posix_spawn(&child, self, NULL, NULL, arguments, nothing) == 0, "posix_spawn");
    expect_zero(child, "a child without environment is refused");
}

static void *refused_thread(void *context)
{
    refused();
    return context;
}

static void threads(void)
{
    pthread_t thread;

    expect(pthread_create(&thread, NULL, refused_thread, NULL) == 0, "a thread");
    pthread_join(thread, NULL);
}

static void by_signal(int number)
{
    int error = errno;

    (void)number;
    expect(connect_is_refused(SOCK_DGRAM), "refused in a signal handler");
    errno = error;
}

/* What one thread does again and again, with a rest in between. */
struct work {
    void (*round)(void);
    unsigned rest;
};

static void *work(void *context)
{
    const struct work *own = context;

    while (!ending) {
        while (resting && !ending)
            rest(1000);
        pthread_rwlock_rdlock(&working);
        own->round();
        pthread_rwlock_unlock(&working);
        rounds++;
        rest(own->rest);
    }
    return NULL;
}

/* Takes friends and echoes what they say. It ends when the listener is shut down. */
static void *serve(void *context)
{
    int listener = *(int *)context, fd;

    while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0 || (!ending && errno != EINVAL)) {
        char data[PAYLOAD];
        ssize_t length;

        expect(fd >= 0, "accept");
        while (fd >= 0 && (length = recv(fd, data, sizeof(data), 0)) > 0)
            send(fd, data, (size_t)length, MSG_NOSIGNAL);
        close(fd);
    }
    return NULL;
}

static unsigned entries_of(const char *folder)
{
    DIR *dir = opendir(folder);
    unsigned count = 0;

    while (dir && readdir(dir))
        count++;
    closedir(dir);
    return count - 2;
}

/* Lines of a file of /proc, or the number behind WORD in it. */
static unsigned in_file(const char *path, const char *word)
{
    FILE *file = fopen(path, "re");
    char line[1024];
    unsigned count = 0;

    while (file && fgets(line, sizeof(line), file)) {
        if (!word)
            count += strchr(line, '\n') != NULL;
        else if (strncmp(line, word, strlen(word)) == 0)
            count = (unsigned)strtoul(line + strlen(word), NULL, 10);
    }
    if (file)
        fclose(file);
    return count;
}

/* While everybody rests, so that nothing of theirs is counted. */
static void sample(time_t second)
{
    resting = true;
    pthread_rwlock_wrlock(&working);
    rest(REST);
    malloc_trim(0);
    printf("sample %ld %u %u %u %u\n", (long)second, entries_of("/proc/self/fd"), entries_of("/proc/self/task"),
           in_file("/proc/self/maps", NULL), in_file("/proc/self/status", "RssAnon:"));
    fflush(stdout);
    resting = false;
    pthread_rwlock_unlock(&working);
}

static const struct work works[] = {
    {streams, 3000}, {streams, 5000}, {refused, 4000},   {strangers, 20000}, {datagrams, 4000},
    {pings, 5000},   {pings, 8000},   {children, 60000}, {threads, 10000},   {descriptors, 5000},
};
enum { WORKERS = sizeof(works) / sizeof(works[0]) };

/* The timer's signal comes to the main thread alone, which waits by nanosleep and is not hurt by it. */
static void start_threads(pthread_t *workers, pthread_t *server, int *listener)
{
    sigset_t alarm;

    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &alarm, NULL);
    for (unsigned i = 0; i < WORKERS; i++)
        pthread_create(&workers[i], NULL, work, (void *)&works[i]);
    pthread_create(server, NULL, serve, listener);
    pthread_sigmask(SIG_UNBLOCK, &alarm, NULL);
}

int main(int count, char **arguments)
{
    struct sigaction action = {.sa_handler = by_signal, .sa_flags = SA_RESTART};
    struct itimerval timer = {{0, 50000}, {0, 50000}}, never = {0};
    pthread_t server, workers[WORKERS];
    struct timespec begun, now;

    if (count != 3)
        return connect_is_refused(SOCK_STREAM) ? 0 : 1;
    self = arguments[0];
    mallopt(M_ARENA_MAX, 1);
    int listener = bound(SOCK_STREAM, "127.0.0.1");

    expect(listen(listener, 50) == 0, "listen");
    stream_port = name_of(listener).sin_port;
    sigaction(SIGALRM, &action, NULL);
    start_threads(workers, &server, &listener);
    setitimer(ITIMER_REAL, &timer, NULL);
    clock_gettime(CLOCK_MONOTONIC, &begun);
    do {
        clock_gettime(CLOCK_MONOTONIC, &now);
        now.tv_sec += atol(arguments[2]);
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &now, NULL) == EINTR)
            continue;
        sample(now.tv_sec - begun.tv_sec);
    } while (now.tv_sec - begun.tv_sec < atol(arguments[1]));
    setitimer(ITIMER_REAL, &never, NULL);
    ending = true;
    for (unsigned i = 0; i < WORKERS; i++)
        pthread_join(workers[i], NULL);
    shutdown(listener, SHUT_RDWR);
    pthread_join(server, NULL);
    close(listener);
    printf("rounds %u, wrong %u\n", rounds, wrong);
    return wrong != 0;
}
