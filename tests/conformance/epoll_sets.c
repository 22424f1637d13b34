/* SPDX-License-Identifier: MIT */
/* Epoll sets as event loops use them: several, inherited, with copies, with little room, from several threads. */
#include "tests/conformance/conformance.h"

#include <sys/epoll.h>

static unsigned char buffer[4096];

static int add(int set, int fd, uint32_t events, uint64_t data)
{
    struct epoll_event event = {.events = events, .data.u64 = data};
    return epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
}

static int make_set(void)
{
    return (int)must("epoll_create1", epoll_create1(EPOLL_CLOEXEC));
}

/* Waits on a set with room for `room` events, and prints them in the order of their data. */
static void say_events(const char *name, int set, int room, int wait)
{
    struct epoll_event events[8];
    errno = UNTOUCHED;
    int count = epoll_wait(set, events, room, wait);
    say(name, count);
    for (uint64_t data = 0; data < 16; data++)
        for (int i = 0; i < count; i++)
            if (events[i].data.u64 == data)
                printf("  %d: events %x\n", (int)data, events[i].events);
}

static void after_fork(void)
{
    int status;
    int fd = open_icmp();
    int set = make_set();
    must("add", add(set, fd, EPOLLIN, 1));
    for (unsigned i = 0; i < 4; i++) {
        fflush(stdout);
        if (fork() == 0) {
            say_events("the child waits", set, 4, 1000);
            say_next("the child's", fd, MSG_DONTWAIT);
            _exit(0);
        }
        usleep(10000);
        must("send", ask(fd, i % 2 ? LATE_ERROR : REPLY, i % 2 ? 0 : LATE, i));
        must("wait", wait(&status));
        say_events("the parent", set, 4, 0);
    }
    /* The child asks, the parent waits. */
    for (unsigned i = 0; i < 2; i++) {
        fflush(stdout);
        if (fork() == 0) {
            must("send", ask(fd, i % 2 ? LATE_ERROR : REPLY, i % 2 ? 0 : LATE, i));
            _exit(0);
        }
        say_events("the parent waits", set, 4, 1000);
        say_next("the parent's", fd, MSG_DONTWAIT);
        must("wait", wait(&status));
    }
}

/* A set outlives the number that was added, as long as a copy of the socket is open. */
static void copies(void)
{
    int fd = open_icmp();
    int copy = dup(fd);
    int set = make_set();
    must("add", add(set, fd, EPOLLIN, 1));
    must("add", add(set, copy, EPOLLIN | EPOLLET, 2));
    must("send", ask(fd, UNREACHABLE, 1, 1));
    settle();
    say_events("both", set, 4, 500);
    say_events("the level one", set, 4, 0);
    say_waiting("packet", copy);
    say_events("none", set, 4, 0);
    must("del", epoll_ctl(set, EPOLL_CTL_DEL, copy, NULL));
    close(fd);
    must("send", ask(copy, UNREACHABLE, 1, 1));
    settle();
    say_events("the number is closed, the socket is not", set, 4, 500);
    say_waiting("packet", copy);
    say_events("none", set, 4, 0);
    int other = open_icmp(); /* has the closed number */
    CHECK("add", add(set, other, EPOLLIN, 3));
    must("send", ask(other, UNREACHABLE, 3, 1));
    settle();
    if (other != fd)
        say_value("the number is not reused", other);
    struct epoll_event events[4];
    int count = epoll_wait(set, events, 4, 500);
    bool told = false;
    for (int i = 0; i < count; i++)
        told = told || events[i].data.u64 == 3;
    say_value("the new one is told of", told);
    say_waiting("packet", other);
}

static void two_sets(void)
{
    static const uint32_t kinds[] = {EPOLLIN, EPOLLIN | EPOLLET, EPOLLIN | EPOLLEXCLUSIVE};
    for (size_t k = 0; k < COUNT(kinds); k++) {
        int fd = open_icmp();
        int first = make_set();
        int second = make_set();
        CHECK("add", add(first, fd, kinds[k], 1));
        CHECK("add", add(second, fd, EPOLLIN, 2));
        for (unsigned i = 0; i < 2; i++) {
            must("send", ask(fd, i ? UNREACHABLE : REPLY, i, i));
            settle();
            say_events("first", first, 4, 500);
            say_events("second", second, 4, 500);
            say_events("first again", first, 4, 0);
            say_waiting("packet", fd);
            say_events("first", first, 4, 0);
            say_events("second", second, 4, 0);
        }
        close(fd);
    }
}

/* One event at a time, of several that are ready: nobody starves. */
static void little_room(void)
{
    int pipes[2];
    unsigned times[3] = {0};
    int fd = open_icmp();
    int set = make_set();
    must("pipe", pipe(pipes));
    must("add", add(set, pipes[0], EPOLLIN, 0));
    must("add", add(set, fd, EPOLLIN, 1));
    must("add", add(set, pipes[1], EPOLLOUT, 2));
    must("write", write(pipes[1], "x", 1));
    must("send", ask(fd, UNREACHABLE, 1, 1));
    settle();
    say_events("all", set, 8, 500);
    for (int i = 0; i < 12; i++) {
        struct epoll_event event;
        if (epoll_wait(set, &event, 1, 500) == 1 && event.data.u64 < 3)
            times[event.data.u64]++;
    }
    say_value("each had a turn", times[0] > 0 && times[1] > 0 && times[2] > 0);
    say_next("packet", fd, MSG_DONTWAIT);
    say_events("without it", set, 8, 0);
    CHECK("no room", epoll_wait(set, &(struct epoll_event){0}, 0, 0));
    CHECK("bad room", epoll_wait(set, BAD_POINTER, 4, 0));
    CHECK("no set", epoll_wait(fd, &(struct epoll_event){0}, 1, 0));
    CHECK("a set of itself", add(set, set, EPOLLIN, 3));
    CHECK("bad event", epoll_ctl(set, EPOLL_CTL_MOD, fd, BAD_POINTER));
    CHECK("not in the set", epoll_ctl(set, EPOLL_CTL_DEL, open_icmp(), NULL));
    CHECK("an unknown operation", epoll_ctl(set, 9, fd, NULL));
}

/* Modified while something waits: to writing alone, to nothing, and back. */
static void modified(void)
{
    int fd = open_icmp();
    int set = make_set();
    struct epoll_event event = {.data.u64 = 5};
    static const uint32_t masks[] = {EPOLLIN | EPOLLOUT,    EPOLLOUT,   0, EPOLLIN, EPOLLIN | EPOLLET,
                                     EPOLLRDHUP | EPOLLPRI, EPOLLRDNORM};
    must("add", add(set, fd, EPOLLIN, 4));
    must("send", ask(fd, UNREACHABLE, 1, 1));
    settle();
    for (size_t i = 0; i < COUNT(masks); i++) {
        event.events = masks[i];
        printf("mask %x ", masks[i]);
        CHECK("mod", epoll_ctl(set, EPOLL_CTL_MOD, fd, &event));
        say_events("wait", set, 4, 0);
        say_events("again", set, 4, 0);
    }
    say_waiting("packet", fd);
    say_events("none", set, 4, 0);
}

static void *waiter(void *argument)
{
    struct epoll_event event;
    unsigned char packet[512];
    unsigned *taken = calloc(1, sizeof(*taken));
    int *fds = argument;
    while (taken != NULL && epoll_wait(fds[0], &event, 1, 400) == 1)
        while (recv(fds[1], packet, sizeof(packet), MSG_DONTWAIT) > 0)
            ++*taken;
    return taken;
}

/* Three threads wait on one set while a fourth asks: every packet is taken once. */
static void threads(void)
{
    enum { THREADS = 3, ROUNDS = 120 };
    pthread_t waiters[THREADS];
    unsigned sum = 0;
    static const uint32_t kinds[] = {EPOLLIN, EPOLLIN | EPOLLET};
    for (size_t k = 0; k < COUNT(kinds); k++) {
        int fds[2] = {make_set(), open_icmp()};
        must("add", add(fds[0], fds[1], kinds[k], 1));
        for (int i = 0; i < THREADS; i++)
            pthread_create(&waiters[i], NULL, waiter, fds);
        for (unsigned i = 0; i < ROUNDS; i++) {
            must("send", ask(fds[1], i % 2 ? UNREACHABLE : REPLY, i % 2, i));
            if (i % 20 == 19)
                settle();
        }
        for (int i = 0; i < THREADS; i++) {
            unsigned *taken = NULL;
            pthread_join(waiters[i], (void **)&taken);
            sum += taken != NULL ? *taken : 0;
            free(taken);
        }
        say_value("taken", sum);
        CHECK("nothing is left", recv(fds[1], buffer, 10, MSG_DONTWAIT));
    }
}

/* One descriptor in several places of one poll, and poll on a set beside the socket itself. */
static void twice(void)
{
    int fd = open_icmp();
    int set = make_set();
    must("add", add(set, fd, EPOLLIN, 1));
    struct pollfd entries[4] = {{.fd = fd, .events = POLLIN},
                                {.fd = fd, .events = POLLOUT},
                                {.fd = set, .events = POLLIN},
                                {.fd = fd, .events = POLLIN}};
    for (unsigned i = 0; i < 2; i++) {
        must("send", ask(fd, i ? UNREACHABLE : REPLY, i, i));
        settle();
        CHECK("poll", poll(entries, 4, 500));
        for (int k = 0; k < 4; k++)
            printf("  revents %x\n", (unsigned)entries[k].revents);
        say_waiting("packet", fd);
    }
    must("send", ask(fd, LATE_ERROR, 0, 7));
    entries[1].events = 0;
    CHECK("poll, late", poll(entries, 4, 1000));
    say_value("some of them", entries[0].revents == POLLIN || entries[2].revents == POLLIN);
    say_waiting("packet", fd);
}

int main(void)
{
    run_case("after fork", after_fork);
    run_case("copies", copies);
    run_case("two sets", two_sets);
    run_case("little room", little_room);
    run_case("modified", modified);
    run_case("threads", threads);
    run_case("twice", twice);
    return 0;
}
