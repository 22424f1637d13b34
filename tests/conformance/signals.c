/* SPDX-License-Identifier: MIT */
/*
 * Signals and processes that come at the wrong time: handlers that use the socket the program is using, masks that a
 * wait changes, processes that are killed while they receive. Nothing hangs, and nothing is lost but what the dead one
 * took.
 */
#include "tests/conformance/conformance.h"

#include <sys/epoll.h>

static unsigned char buffer[4096];
static volatile int signals;
static volatile unsigned handled;
static int handler_socket;

static void count_signal(int number)
{
    (void)number;
    signals++;
}

/* Everything that a program could do there. */
static void use_socket(int number)
{
    static unsigned char bytes[512];
    int saved = errno;
    (void)number;
    signals++;
    while (recv(handler_socket, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
        handled++;
    is_readable(handler_socket, 0);
    errno = saved;
}

static void tick(void (*handler)(int), long every)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    struct itimerval timer = {.it_value.tv_usec = every, .it_interval.tv_usec = every};
    must("sigaction", sigaction(SIGALRM, &action, NULL));
    must("setitimer", setitimer(ITIMER_REAL, &timer, NULL));
}

/* The handler takes what it finds, between any two instructions of the program's own calls. */
static void handler_receives(void)
{
    enum { SIGNALS = 80, MOST = 50000 };
    unsigned taken = 0;
    unsigned i = 0;
    int fd = handler_socket = open_icmp();
    tick(use_socket, 700);
    for (; signals < SIGNALS && i < MOST; i++) {
        while (ask(fd, i % 2 ? UNREACHABLE : REPLY, i % 2, i) < 0 && errno == EINTR)
            continue;
        for (ssize_t length = 1; is_readable(fd, 0) && length > 0; taken += length > 0)
            length = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
        if (i % 50 == 49)
            settle();
    }
    settle();
    tick(use_socket, 0);
    while (recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT) > 0)
        taken++;
    say_value("every packet", taken + handled == i);
    say_value("there were signals", signals >= SIGNALS);
}

/* A signal that waits is taken by the wait that lets it in. */
static void masks(void)
{
    struct sigaction action = {.sa_handler = count_signal};
    struct epoll_event event = {.events = EPOLLIN};
    struct timespec second = {.tv_sec = 1};
    sigset_t block;
    sigset_t none;
    fd_set in;
    int fd = open_icmp();
    int set = (int)must("epoll_create1", epoll_create1(0));
    struct pollfd entry = {.fd = fd, .events = POLLIN};
    must("add", epoll_ctl(set, EPOLL_CTL_ADD, fd, &event));
    sigemptyset(&none);
    sigemptyset(&block);
    sigaddset(&block, SIGUSR1);
    must("sigaction", sigaction(SIGUSR1, &action, NULL));
    must("sigprocmask", sigprocmask(SIG_BLOCK, &block, NULL));
    for (int waiting = 0; waiting < 2; waiting++)
        for (int call = 0; call < 4; call++) {
            FD_ZERO(&in);
            FD_SET(fd, &in);
            if (waiting) {
                must("send", ask(fd, UNREACHABLE, 1, 1));
                settle();
            }
            signals = 0;
            raise(SIGUSR1);
            switch (call) {
            case 0:
                CHECK("ppoll", ppoll(&entry, 1, &second, &none));
                break;
            case 1:
                CHECK("pselect", pselect(fd + 1, &in, NULL, NULL, &second, &none));
                break;
            case 2:
                CHECK("epoll_pwait", epoll_pwait(set, &event, 1, 1000, &none));
                break;
            default:
                CHECK("epoll_pwait2", epoll_pwait2(set, &event, 1, &second, &none));
            }
            say_value("  signals", signals);
            raise(SIGUSR1);
            CHECK("  a wait that keeps it out", poll(&entry, 1, 20));
            say_waiting("  packet", fd);
            signals = 0;
            ppoll(NULL, 0, &(struct timespec){0}, &none);
            say_value("  it was pending", signals);
        }
}

/* select tells how much time is left, the others do not touch it. */
static void time_left(void)
{
    fd_set in;
    int fd = open_icmp();
    for (int i = 0; i < 2; i++) {
        struct timeval left = {.tv_sec = 5};
        struct timespec whole = {.tv_sec = 2};
        struct pollfd entry = {.fd = fd, .events = POLLIN};
        must("send", ask(fd, i ? LATE_ERROR : REPLY, i ? 0 : LATE, 1));
        FD_ZERO(&in);
        FD_SET(fd, &in);
        CHECK("select", select(fd + 1, &in, NULL, NULL, &left));
        say_value("  some is left", left.tv_sec > 0 && left.tv_sec < 5);
        say_waiting("  packet", fd);
        must("send", ask(fd, i ? LATE_ERROR : REPLY, i ? 0 : LATE, 1));
        CHECK("ppoll", ppoll(&entry, 1, &whole, NULL));
        say_value("  all is left", whole.tv_sec == 2 && whole.tv_nsec == 0);
        say_waiting("  packet", fd);
        FD_SET(fd, &in);
        CHECK("pselect", pselect(fd + 1, &in, NULL, NULL, &(struct timespec){.tv_nsec = 20000000}, NULL));
        left = (struct timeval){.tv_usec = 20000};
        FD_SET(fd, &in);
        CHECK("select", select(fd + 1, &in, NULL, NULL, &left));
        printf("  left %ld %ld\n", (long)left.tv_sec, (long)left.tv_usec);
        CHECK("select, bad time", select(fd + 1, &in, NULL, NULL, &(struct timeval){.tv_sec = -1}));
    }
}

/* Children that share the socket and are killed while they send and receive. The parent goes on. */
static void killed(void)
{
    int status;
    int fd = open_icmp();
    for (unsigned i = 0; i < 25; i++) {
        fflush(stdout);
        pid_t child = fork();
        if (child == 0)
            for (unsigned k = 0;; k++) {
                ask(fd, UNREACHABLE, 1, k);
                is_readable(fd, 0);
                recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
            }
        usleep(1000 + i * 137);
        kill(child, SIGKILL);
        must("waitpid", waitpid(child, &status, 0));
    }
    settle();
    while (recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT) > 0)
        continue;
    for (unsigned i = 0; i < 6; i++) {
        CHECK("send", ask(fd, i % 2 ? UNREACHABLE : REPLY, i % 2, i));
        settle();
        say_waiting("packet", fd);
    }
}

/* Two processes receive from one socket: each packet goes to one of them. */
static void shared_by_processes(void)
{
    enum { ROUNDS = 200 };
    unsigned taken = 0;
    int status;
    int ends[2];
    int fd = open_icmp();
    must("pipe", pipe(ends));
    fflush(stdout);
    if (fork() == 0) {
        while (is_readable(fd, 400))
            taken += recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT) > 0;
        _exit(write(ends[1], &taken, sizeof(taken)) == sizeof(taken) ? 0 : 1);
    }
    for (unsigned i = 0; i < ROUNDS; i++) {
        must("send", ask(fd, i % 2 ? UNREACHABLE : REPLY, i % 2, i));
        if (is_readable(fd, 1))
            taken += recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT) > 0;
        if (i % 50 == 49)
            settle();
    }
    unsigned others = 0;
    must("wait", wait(&status));
    must("read", read(ends[0], &others, sizeof(others)));
    while (recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT) > 0)
        taken++;
    say_value("every packet", taken + others);
    say_value("child", status);
}

int main(void)
{
    run_case("a handler receives", handler_receives);
    run_case("masks", masks);
    run_case("time left", time_left);
    run_case("killed children", killed);
    run_case("shared by processes", shared_by_processes);
    return 0;
}
