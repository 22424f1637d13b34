/* SPDX-License-Identifier: MIT */
/*
 * Readiness: a wait says readable exactly when a receive returns something, for replies and for errors, level and edge
 * triggered, in nested epoll sets, between threads and after fork; and never POLLERR where a raw socket shows none.
 */
#include "tests/conformance/conformance.h"

#include <sys/epoll.h>
#include <sys/select.h>

int __poll_chk(struct pollfd *entries, nfds_t count, int wait, size_t size);
int __ppoll_chk(struct pollfd *entries, nfds_t count, const struct timespec *wait, const sigset_t *mask, size_t size);

static unsigned char buffer[4096];
static const struct timespec NOW = {0};
static const struct timespec SECOND = {.tv_sec = 1};

static void say_poll(const char *name, int result, const struct pollfd *entry)
{
    say(name, result);
    printf("  revents %x\n", (unsigned)entry->revents);
}

/* Every wait there is, once; `wait` for a second or not at all. */
static void say_every_wait(int fd, bool wait)
{
    struct pollfd entry = {.fd = fd, .events = POLLIN};
    struct timeval limit = {.tv_sec = wait};
    fd_set in;
    fd_set except;
    errno = UNTOUCHED;
    say_poll("poll", poll(&entry, 1, wait ? 1000 : 0), &entry);
    errno = UNTOUCHED;
    say_poll("ppoll", ppoll(&entry, 1, wait ? &SECOND : &NOW, NULL), &entry);
    errno = UNTOUCHED;
    say_poll("__poll_chk", __poll_chk(&entry, 1, wait ? 1000 : 0, sizeof(entry)), &entry);
    errno = UNTOUCHED;
    say_poll("__ppoll_chk", __ppoll_chk(&entry, 1, wait ? &SECOND : &NOW, NULL, sizeof(entry)), &entry);
    entry.events = 0;
    errno = UNTOUCHED;
    say_poll("poll for nothing", poll(&entry, 1, 0), &entry);
    entry.events = POLLIN | POLLOUT | POLLPRI | POLLRDNORM;
    errno = UNTOUCHED;
    say_poll("poll for much", poll(&entry, 1, 0), &entry);
    FD_ZERO(&in);
    FD_SET(fd, &in);
    CHECK("select", select(fd + 1, &in, NULL, NULL, &limit));
    say_value("  set", FD_ISSET(fd, &in));
    FD_SET(fd, &in);
    except = in;
    CHECK("pselect", pselect(fd + 1, &in, NULL, &except, wait ? &SECOND : &NOW, NULL));
    printf("  set %d, except %d\n", !!FD_ISSET(fd, &in), !!FD_ISSET(fd, &except));
}

static void every_wait(void)
{
    int fd = open_icmp();
    say_every_wait(fd, false);
    must("send", ask(fd, REPLY, PLAIN, 1));
    settle();
    say_every_wait(fd, true);
    say_waiting("reply", fd);
    say_every_wait(fd, false);
    must("send", ask(fd, UNREACHABLE, 1, 1));
    settle();
    say_every_wait(fd, true);
    say_waiting("error", fd);
    say_every_wait(fd, false);
    must("send", ask(fd, BOTH, ERROR_FIRST, 1));
    settle();
    say_every_wait(fd, true);
    say_errors_first("both", fd);
    say_every_wait(fd, false);
}

/* Something comes while the wait lasts. */
static void it_comes(void)
{
    struct pollfd entry = {.events = POLLIN};
    fd_set in;
    int fd = open_icmp();
    entry.fd = fd;
    for (int late = 0; late < 2; late++) {
        for (int call = 0; call < 4; call++) {
            must("send", ask(fd, late ? LATE_ERROR : REPLY, late ? 0 : LATE, (unsigned)call));
            FD_ZERO(&in);
            FD_SET(fd, &in);
            errno = UNTOUCHED;
            switch (call) {
            case 0:
                say_poll("poll", poll(&entry, 1, 1000), &entry);
                break;
            case 1:
                say_poll("ppoll for ever", ppoll(&entry, 1, NULL, NULL), &entry);
                break;
            case 2:
                say("select", select(fd + 1, &in, NULL, NULL, NULL));
                break;
            default:
                say("pselect", pselect(fd + 1, &in, NULL, NULL, &SECOND, NULL));
            }
            say_waiting("then", fd);
        }
    }
    must("send", ask(fd, SILENT, 0, 1));
    long long begun = now_ms();
    CHECK("nothing comes", poll(&entry, 1, 30));
    say_value("it lasted", now_ms() - begun >= 29);
}

static int add(int set, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.u64 = 0x1122334455667788};
    return epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
}

/* `call`: 0 epoll_wait, 1 epoll_pwait, 2 epoll_pwait2 */
static int say_epoll(const char *name, int set, int call, int wait)
{
    struct epoll_event events[4];
    struct timespec limit = {.tv_sec = wait / 1000, .tv_nsec = wait % 1000 * 1000000};
    errno = UNTOUCHED;
    int count = call == 0   ? epoll_wait(set, events, 4, wait)
                : call == 1 ? epoll_pwait(set, events, 4, wait, NULL)
                            : epoll_pwait2(set, events, 4, &limit, NULL);
    say(name, count);
    for (int i = 0; i < count; i++)
        printf("  events %x, data %llx\n", events[i].events, (unsigned long long)events[i].data.u64);
    return count;
}

static void epoll_of(uint32_t events, int call)
{
    int fd = open_icmp();
    int set = (int)must("epoll_create1", epoll_create1(0));
    CHECK("add", add(set, fd, events));
    CHECK("add again", add(set, fd, events));
    say_epoll("nothing", set, call, 0);
    for (int late = 0; late < 2; late++)
        for (unsigned i = 0; i < 3; i++) {
            static const enum kind kinds[2][3] = {{REPLY, UNREACHABLE, BOTH}, {REPLY, LATE_ERROR, LATE_ERROR}};
            must("send", ask(fd, kinds[late][i], late && i == 0 ? LATE : i == 1 ? 1 : 0, i));
            if (!late)
                settle();
            say_epoll("ready", set, call, 1000);
            say_epoll("again", set, call, 0);
            say_errors_first("packet", fd);
            say_epoll("after", set, call, 0);
            if (events & EPOLLONESHOT) {
                struct epoll_event event = {.events = events, .data.u64 = i};
                CHECK("rearmed", epoll_ctl(set, EPOLL_CTL_MOD, fd, &event));
                say_epoll("nothing", set, call, 0);
            }
        }
    must("send", ask(fd, UNREACHABLE, 1, 1));
    settle();
    CHECK("del", epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL));
    say_epoll("deleted", set, call, 0);
    CHECK("add", add(set, fd, events));
    say_epoll("added with something there", set, call, 1000);
    close(fd);
    say_epoll("closed", set, call, 0);
}

static void epoll_level(void)
{
    for (int call = 0; call < 3; call++)
        epoll_of(EPOLLIN, call);
}

static void epoll_edge(void)
{
    epoll_of(EPOLLIN | EPOLLET, 0);
    epoll_of(EPOLLIN | EPOLLET, 1);
}

static void epoll_oneshot(void)
{
    epoll_of(EPOLLIN | EPOLLONESHOT, 0);
    epoll_of(EPOLLIN | EPOLLET | EPOLLONESHOT, 0);
}

/* An edge for each that comes, also when the ones before were not read. */
static void edges(void)
{
    int fd = open_icmp();
    int set = (int)must("epoll_create1", epoll_create1(0));
    must("add", add(set, fd, EPOLLIN | EPOLLET));
    for (unsigned i = 0; i < 3; i++) {
        must("send", ask(fd, i == 1 ? UNREACHABLE : REPLY, i == 1, i));
        settle();
        say_epoll("an edge", set, 0, 500);
        say_epoll("only one", set, 0, 0);
    }
    say_errors_first("packet", fd);
    say_epoll("none", set, 0, 0);
}

/* An epoll set that is itself waited on, by poll, select and another set. */
static void nested(void)
{
    int fd = open_icmp();
    int inner = (int)must("epoll_create1", epoll_create1(0));
    int outer = (int)must("epoll_create1", epoll_create1(0));
    must("add", add(inner, fd, EPOLLIN));
    must("add", add(outer, inner, EPOLLIN));
    for (unsigned i = 0; i < 4; i++) {
        must("send", ask(fd, i % 2 ? UNREACHABLE : REPLY, i % 2, i));
        settle();
        if (i >= 2)
            say_value("the socket itself", is_readable(fd, 0));
        say_value("poll", is_readable(inner, 500));
        say_epoll("outer", outer, 0, 500);
        say_epoll("inner", inner, 0, 0);
        say_waiting("packet", fd);
        say_value("poll, none", is_readable(inner, 0));
        say_epoll("outer, none", outer, 0, 0);
    }
    must("send", ask(fd, LATE_ERROR, 0, 9));
    say_value("poll, late", is_readable(inner, 1000));
    say_waiting("packet", fd);
}

/* Sets that hold other descriptors too, and entries that poll ignores. */
static void in_company(void)
{
    int pipes[2];
    must("pipe", pipe(pipes));
    int fd = open_icmp();
    int second = open_icmp();
    union place nobody = place_of(SILENT, 9);
    must("connect", connect(second, &nobody.any, place_size())); /* or a raw one sees the first one's packets */
    struct pollfd entries[5] = {{.fd = -1, .events = POLLIN},
                                {.fd = pipes[0], .events = POLLIN},
                                {.fd = fd, .events = POLLIN},
                                {.fd = pipes[1], .events = POLLOUT},
                                {.fd = 999, .events = POLLIN}};
    for (int i = 0; i < 3; i++) {
        must("send", ask(fd, i == 0 ? SILENT : i == 1 ? UNREACHABLE : REPLY, i == 1, 1));
        settle();
        CHECK("poll", poll(entries, 5, 0));
        for (int k = 0; k < 5; k++)
            printf("  revents %x\n", (unsigned)entries[k].revents);
        say_waiting("packet", fd);
    }
    must("write", write(pipes[1], "x", 1));
    CHECK("poll", poll(entries, 3, 1000));
    printf("  revents %x %x %x\n", (unsigned)entries[0].revents, (unsigned)entries[1].revents,
           (unsigned)entries[2].revents);
    fd_set in;
    fd_set out;
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_SET(fd, &in);
    FD_SET(second, &in);
    FD_SET(second, &out); /* as oping does */
    FD_SET(pipes[0], &in);
    CHECK("select", select(second + 1, &in, &out, NULL, &(struct timeval){.tv_sec = 1}));
    printf("  %d %d %d %d\n", !!FD_ISSET(fd, &in), !!FD_ISSET(second, &in), !!FD_ISSET(second, &out),
           !!FD_ISSET(pipes[0], &in));
    FD_SET(999, &in);
    CHECK("select, a closed one", select(1000, &in, NULL, NULL, &(struct timeval){0}));
    CHECK("poll, bad memory", poll(BAD_POINTER, 1, 0));
    CHECK("poll, nothing", poll(NULL, 0, 1));
    CHECK("ppoll, bad time", ppoll(entries, 1, &(struct timespec){.tv_nsec = -1}, NULL));
}

/* No receive blocks after readiness was reported: many times, blocking receives. */
static void no_block(void)
{
    int fd = open_icmp();
    unsigned count = 0;
    for (unsigned i = 0; i < 200; i++) {
        must("send", ask(fd, i % 3 == 0 ? UNREACHABLE : i % 3 == 1 ? REPLY : BOTH, i % 3 == 0, i));
        if (i % 7 == 6)
            settle();
        while (is_readable(fd, 0)) {
            must("recv", recv(fd, buffer, sizeof(buffer), 0));
            count++;
        }
    }
    settle();
    while (is_readable(fd, 0)) {
        must("recv", recv(fd, buffer, sizeof(buffer), 0));
        count++;
    }
    say_value("packets", count);
}

/* A wait that lasts costs no processor time. */
static void no_spin(void)
{
    struct timespec begun;
    struct timespec ended;
    struct pollfd entry = {.events = POLLOUT << 8};
    int fd = open_icmp();
    int set = (int)must("epoll_create1", epoll_create1(0));
    entry.fd = fd;
    must("add", add(set, fd, EPOLLPRI));
    must("send", ask(fd, UNREACHABLE, 1, 1));
    settle();
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begun);
    CHECK("poll for something else", poll(&entry, 1, 150));
    say_epoll("epoll for something else", set, 0, 150);
    CHECK("select for nothing", select(fd + 1, NULL, NULL, &(fd_set){{0}}, &(struct timeval){.tv_usec = 150000}));
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ended);
    say_value("it slept", (ended.tv_sec - begun.tv_sec) * 1000 + (ended.tv_nsec - begun.tv_nsec) / 1000000 < 50);
    say_waiting("packet", fd);
}

int main(void)
{
    run_case("every wait", every_wait);
    run_case("it comes during the wait", it_comes);
    run_case("epoll, level", epoll_level);
    run_case("epoll, edge", epoll_edge);
    run_case("epoll, one shot", epoll_oneshot);
    run_case("epoll, an edge for each", edges);
    run_case("epoll, nested", nested);
    run_case("in company", in_company);
    run_case("no receive blocks", no_block);
    run_case("no wait spins", no_spin);
    return 0;
}
