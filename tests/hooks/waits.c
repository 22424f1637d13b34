/* SPDX-License-Identifier: MIT */
/*
 * Waits, duplicates and new sockets: run bare and with the shim, the output must be the same.
 */
#include "hook_test.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/wait.h>

int __poll(struct pollfd *fds, nfds_t count, int timeout);
int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t size);
int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask, size_t size);
int __select(int count, fd_set *reading, fd_set *writing, fd_set *exceptions, struct timeval *timeout);
int __dup2(int fd, int wanted);
int __fcntl(int fd, int command, ...);

static int pipes[2];
static volatile int minus_one = -1;

static void polls(void)
{
    struct pollfd entries[3] = {
        {.fd = pipes[0], .events = POLLIN}, {.fd = pipes[1], .events = POLLOUT}, {.fd = -1, .events = POLLIN}};
    struct timespec soon = {.tv_nsec = 1000000};
    struct timespec never = {.tv_sec = -1};
    sigset_t mask;

    sigemptyset(&mask);
    CHECK("poll", poll(entries, 3, 0));
    say_value("readable", entries[0].revents);
    say_value("writable", entries[1].revents);
    must("write", write(pipes[1], "x", 1));
    CHECK("poll of two", poll(entries, 3, -1));
    say_value("readable", entries[0].revents);
    CHECK("__poll", __poll(entries, 1, 0));
    CHECK("__poll_chk", __poll_chk(entries, 3, 0, sizeof(entries)));
    CHECK("ppoll", ppoll(entries, 3, &soon, &mask));
    CHECK("ppoll without a mask", ppoll(entries, 1, NULL, NULL));
    CHECK("__ppoll_chk", __ppoll_chk(entries, 3, &soon, NULL, sizeof(entries)));
    must("read", read(pipes[0], &mask, 1));
    CHECK("poll in time", poll(entries, 1, 1));
    CHECK("poll of nothing", poll(NULL, 0, 1));
    CHECK("poll of a bad pointer", poll(BAD_POINTER, 1, 0));
    CHECK("poll of no pointer", poll(NO_POINTER, 1, 0));
    CHECK("ppoll in time", ppoll(entries, 1, &soon, NULL));
    CHECK("ppoll of a bad time", ppoll(entries, 1, &never, NULL));
    entries[0].fd = 999;
    CHECK("poll of a closed descriptor", poll(entries, 1, 0));
    say_value("invalid", entries[0].revents);
}

/* A fortified call with too little room ends the program. */
static void polls_fortified(void)
{
    struct pollfd entry = {.fd = -1};

    for (int form = 0; form < 2; form++) {
        int status = 0;
        pid_t child = fork();

        if (child == 0) {
            close(2);
            if (form == 0)
                __poll_chk(&entry, 2, 0, sizeof(entry));
            else
                __ppoll_chk(&entry, 2, NULL, NULL, sizeof(entry));
            _exit(0);
        }
        waitpid(child, &status, 0);
        say_value("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    }
}

static void selects(void)
{
    struct timeval none = {0};
    struct timespec soon = {.tv_nsec = 1000000};
    fd_set reading, writing;

    FD_ZERO(&reading);
    FD_ZERO(&writing);
    FD_SET(pipes[0], &reading);
    FD_SET(pipes[1], &writing);
    CHECK("select", select(pipes[1] + 1, &reading, &writing, NULL, &none));
    say_value("readable", FD_ISSET(pipes[0], &reading) != 0);
    must("write", write(pipes[1], "x", 1));
    FD_SET(pipes[0], &reading);
    CHECK("select of two", select(FD_SETSIZE, &reading, &writing, NULL, NULL));
    say_value("readable", FD_ISSET(pipes[0], &reading) != 0);
    CHECK("__select", __select(pipes[0] + 1, &reading, NULL, NULL, NULL));
    CHECK("pselect", pselect(pipes[0] + 1, &reading, NULL, &writing, &soon, NULL));
    must("read", read(pipes[0], &writing, 1));
    FD_SET(pipes[0], &reading);
    CHECK("pselect in time", pselect(pipes[0] + 1, &reading, NULL, NULL, &soon, NULL));
    CHECK("select of nothing", select(0, NULL, NULL, NULL, &none));
    CHECK("select of -1", select(minus_one, &reading, NULL, NULL, &none));
    CHECK("select of bad sets", select(8, BAD_POINTER, NULL, NULL, &none));
    FD_ZERO(&reading);
    FD_SET(999, &reading);
    CHECK("select of a closed descriptor", select(1000, &reading, NULL, NULL, &none));
}

/* The kernel looks at no more than the process has room for, so sets may be shorter than the count says. */
static void select_of_many(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned long *bits = (unsigned long *)(void *)(pages + page - 512);
    struct timeval none = {0};

    must("mprotect", mprotect(pages + page, page, PROT_NONE));
    bits[pipes[1] / 64] = 1ul << (pipes[1] % 64);
    CHECK("select of a million", select(1000000, NULL, (fd_set *)(void *)bits, NULL, &none));
    CHECK("select of the most", select(INT32_MAX, NULL, (fd_set *)(void *)bits, NULL, &none));
    munmap(pages, 2 * page);
}

static void epolls(void)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 0xfedcba9876543210};
    struct epoll_event events[4];
    struct timespec soon = {.tv_nsec = 1000000};
    int set = (int)must("epoll_create1", epoll_create1(0));

    must("epoll_ctl", epoll_ctl(set, EPOLL_CTL_ADD, pipes[0], &event));
    CHECK("epoll_wait", epoll_wait(set, events, 4, 0));
    CHECK("epoll_pwait2 in time", epoll_pwait2(set, events, 4, &soon, NULL));
    must("write", write(pipes[1], "x", 1));
    CHECK("epoll_wait of one", epoll_wait(set, events, 4, -1));
    say_value("its data", events[0].data.u64 == event.data.u64);
    CHECK("epoll_pwait", epoll_pwait(set, events, 4, -1, NULL));
    CHECK("epoll_pwait2", epoll_pwait2(set, events, 4, NULL, NULL));
    CHECK("epoll_wait for none", epoll_wait(set, events, 0, 0));
    CHECK("epoll_wait to a bad pointer", epoll_wait(set, BAD_POINTER, 4, 0));
    CHECK("epoll_wait of a pipe", epoll_wait(pipes[0], events, 4, 0));
    CHECK("epoll_wait of -1", epoll_wait(-1, events, 4, 0));
    must("read", read(pipes[0], events, 1));
    close(set);
}

static void on_signal(int number)
{
    (void)number;
}

static void interruptions(void)
{
    struct sigaction action = {.sa_flags = SA_RESTART};
    struct itimerval soon = {.it_value = {.tv_usec = 20000}};
    struct epoll_event event;
    int set = (int)must("epoll_create1", epoll_create1(0));
    fd_set reading;

    action.sa_handler = on_signal;
    FD_ZERO(&reading);
    FD_SET(pipes[0], &reading);
    must("sigaction", sigaction(SIGALRM, &action, NULL));
    must("setitimer", setitimer(ITIMER_REAL, &soon, NULL));
    CHECK("interrupted poll", poll(NULL, 0, -1));
    must("setitimer", setitimer(ITIMER_REAL, &soon, NULL));
    CHECK("interrupted select", select(pipes[0] + 1, &reading, NULL, NULL, NULL));
    must("setitimer", setitimer(ITIMER_REAL, &soon, NULL));
    CHECK("interrupted epoll_wait", epoll_wait(set, &event, 1, -1));
    close(set);
}

static void *cancelled_wait(void *form)
{
    struct epoll_event event;

    if (*(int *)form == 0)
        poll(NULL, 0, -1);
    else if (*(int *)form == 1)
        select(0, NULL, NULL, NULL, NULL);
    else
        epoll_wait((int)must("epoll_create1", epoll_create1(0)), &event, 1, -1);
    return NULL;
}

static void cancellations(void)
{
    for (int form = 0; form < 3 && cancels(); form++) {
        pthread_t thread;
        void *result;

        must("pthread_create", -pthread_create(&thread, NULL, cancelled_wait, &form));
        usleep(10000);
        pthread_cancel(thread);
        pthread_join(thread, &result);
        say_value("cancelled", result == PTHREAD_CANCELED);
    }
}

static void duplicates(void)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    struct f_owner_ex owner = {F_OWNER_PID, getpid()};

    CHECK("dup", dup(pipes[0]) >= 0);
    CHECK("dup of -1", dup(-1));
    CHECK("dup2", dup2(pipes[0], 200));
    CHECK("__dup2", __dup2(pipes[0], 201));
    CHECK("dup2 onto itself", dup2(pipes[0], pipes[0]) == pipes[0]);
    CHECK("dup2 of -1", dup2(-1, 200));
    CHECK("dup2 to -1", dup2(pipes[0], -1));
    CHECK("dup3", dup3(pipes[0], 202, O_CLOEXEC));
    CHECK("dup3 onto itself", dup3(200, 200, 0));
    CHECK("dup3 with bad flags", dup3(200, 203, 1));
    CHECK("F_DUPFD", fcntl(pipes[0], F_DUPFD, 210));
    CHECK("F_DUPFD_CLOEXEC", fcntl(pipes[0], F_DUPFD_CLOEXEC, 220));
    CHECK("F_DUPFD of -1", fcntl(-1, F_DUPFD, 0));
    CHECK("F_GETFD", fcntl(220, F_GETFD));
    CHECK("F_SETFD", fcntl(210, F_SETFD, FD_CLOEXEC));
    CHECK("F_GETFD", fcntl(210, F_GETFD));
    CHECK("F_SETFL", fcntl(pipes[0], F_SETFL, O_NONBLOCK));
    CHECK("F_GETFL", fcntl(200, F_GETFL));
    CHECK("read of a duplicate", read(200, &lock, 0));
    CHECK("read of an empty duplicate", read(201, &(char){0}, 1));
    CHECK("F_SETFL", __fcntl(pipes[0], F_SETFL, 0));
    CHECK("F_SETOWN_EX", fcntl64(pipes[0], F_SETOWN_EX, &owner));
    owner.pid = 0;
    CHECK("F_GETOWN_EX", fcntl64(pipes[0], F_GETOWN_EX, &owner));
    say_value("owner", owner.pid == getpid());
    CHECK("F_GETLK", fcntl(pipes[0], F_GETLK, &lock));
    say_value("lock", lock.l_type);
    CHECK("F_GETLK of a bad pointer", fcntl(pipes[0], F_GETLK, BAD_POINTER));
    CHECK("an unknown command", fcntl(pipes[0], 9999, 0));
}

/* What a child of vfork duplicates is nothing to its parent. */
static void vforked(void)
{
    int fd = bound("127.0.0.1", 0, SOCK_DGRAM);
    int status = 0;
    char buffer[8];
    pid_t child = vfork();

    if (child == 0) {
        dup2(pipes[0], fd);
        dup2(pipes[1], 1);
        _exit(3);
    }
    waitpid(child, &status, 0);
    say_value("exit status", WEXITSTATUS(status));
    send_text(fd, port_of(fd), "self");
    CHECK("the parent's socket", read(fd, buffer, sizeof(buffer)));
    close(fd);
}

static void sockets(void)
{
    static const int wanted[][3] = {
        {AF_INET, SOCK_DGRAM, 0},
        {AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0},
        {AF_UNIX, SOCK_SEQPACKET, 0},
        {AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, IPPROTO_UDP},
        {AF_INET, SOCK_STREAM, IPPROTO_UDP},
        {AF_INET, 99, 0},
        {9999, SOCK_STREAM, 0},
        {-1, SOCK_STREAM, 0},
        {AF_NETLINK, SOCK_RAW, 0},
        {AF_INET, SOCK_RAW, 0},
    };
    int pair[2] = {-1, -1};
    int fd;

    for (size_t i = 0; i < COUNT(wanted); i++) {
        errno = UNTOUCHED;
        fd = socket(wanted[i][0], wanted[i][1], wanted[i][2]);
        say("socket", fd >= 0 ? 0 : fd);
        close(fd);
    }
    CHECK("socketpair", socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
    close(pair[0]);
    close(pair[1]);
    CHECK("socketpair of IPv4", socketpair(AF_INET, SOCK_STREAM, 0, pair));
    CHECK("socketpair to nowhere", socketpair(AF_UNIX, SOCK_STREAM, 0, NO_POINTER));
    CHECK("socketpair to a bad place", socketpair(AF_UNIX, SOCK_STREAM, 0, BAD_POINTER));
}

int main(void)
{
    deadline(30);
    must("pipe", pipe(pipes));
    polls();
    polls_fortified();
    selects();
    select_of_many();
    epolls();
    interruptions();
    cancellations();
    duplicates();
    vforked();
    sockets();
    return 0;
}
