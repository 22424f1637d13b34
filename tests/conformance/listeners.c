/* SPDX-License-Identifier: MIT */
/*
 * Readiness where one socket sends and another listens, of packets that filters hold back or drop, of sets that change
 * while something is held, and of waits with many descriptors.
 */
#include "tests/conformance/conformance.h"

#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/select.h>

static int say_set(const char *name, int set, int wait)
{
    struct epoll_event events[8];
    errno = UNTOUCHED;
    int count = epoll_wait(set, events, 8, wait);
    say(name, count);
    for (int i = 0; i < count; i++)
        printf("  events %x, data %llx\n", events[i].events, (unsigned long long)events[i].data.u64);
    return count;
}

static int enter(int set, int operation, int fd, uint32_t events, uint64_t data)
{
    struct epoll_event event = {.events = events, .data.u64 = data};
    return epoll_ctl(set, operation, fd, &event);
}

/* A socket that was waited on and never sends sees what another one causes. */
static int open_listener(void)
{
    struct pollfd entry = {.fd = open_icmp(), .events = POLLIN};
    poll(&entry, 1, 0);
    return entry.fd;
}

static void listener_poll(void)
{
    int listener = open_listener();
    int sender = open_icmp();
    fd_set in;
    for (unsigned i = 0; i < 6; i++) {
        must("send", ask(sender, i % 2 ? LATE_ERROR : REPLY, i % 2 ? 0 : i < 3 ? PLAIN : LATE, i));
        if (i < 3) {
            say_value("listener", is_readable(listener, 1000));
        } else {
            FD_ZERO(&in);
            FD_SET(listener, &in);
            CHECK("select", select(listener + 1, &in, NULL, NULL, &(struct timeval){.tv_sec = 1}));
        }
        say_next("copy", listener, MSG_DONTWAIT);
        say_value("sender", is_readable(sender, 1000));
        say_next("own", sender, MSG_DONTWAIT);
        say_value("nothing", is_readable(listener, 0));
    }
}

static void listener_epoll(void)
{
    static const uint32_t forms[] = {EPOLLIN, EPOLLIN | EPOLLET, EPOLLIN | EPOLLONESHOT,
                                     EPOLLIN | EPOLLET | EPOLLONESHOT};
    for (size_t k = 0; k < COUNT(forms); k++) {
        int set = (int)must("epoll_create1", epoll_create1(0));
        int listener = open_icmp();
        int sender = open_icmp();
        must("add", enter(set, EPOLL_CTL_ADD, listener, forms[k], 7));
        say_set("nothing", set, 0);
        for (unsigned i = 0; i < 4; i++) {
            must("send", ask(sender, i % 2 ? LATE_ERROR : REPLY, i % 2 ? 0 : i < 2 ? PLAIN : LATE, i));
            if (i == 3)
                settle();
            say_set("ready", set, 1000);
            say_set("again", set, 0);
            usleep(2 * LAB_LATE_MS * 1000); /* the next comes beside what is there already */
            say_set("later", set, 0);
            if (i != 1)
                say_errors_first("copy", listener);
            say_set("after", set, 0);
            if (forms[k] & EPOLLONESHOT) {
                must("mod", enter(set, EPOLL_CTL_MOD, listener, forms[k], 8 + i));
                say_set("armed", set, 0);
                must("mod", enter(set, EPOLL_CTL_MOD, listener, forms[k], 8 + i));
            }
        }
        say_errors_first("own", sender);
        close(listener);
        close(sender);
        say_set("closed", set, 0);
        close(set);
    }
}

/* Both in one set, in several orders of reading. */
static void both_in_a_set(void)
{
    int set = (int)must("epoll_create1", epoll_create1(0));
    int listener = open_listener();
    int sender = open_icmp();
    struct epoll_event events[4];
    must("add", enter(set, EPOLL_CTL_ADD, listener, EPOLLIN, 1));
    must("add", enter(set, EPOLL_CTL_ADD, sender, EPOLLIN, 2));
    for (unsigned i = 0; i < 4; i++) {
        uint64_t seen = 0;
        must("send", ask(sender, i % 2 ? UNREACHABLE : REPLY, i % 2, i));
        settle();
        for (int k = 0; k < 4; k++) {
            int count = epoll_wait(set, events, i < 2 ? 4 : 1, 500);
            for (int n = 0; n < count; n++)
                seen |= events[n].data.u64;
        }
        say_value("seen", (long)seen);
        say_errors_first("copy", listener);
        say_set("sender", set, 500);
        say_errors_first("own", sender);
        say_set("none", set, 0);
    }
}

static void nested_listener(void)
{
    int inner = (int)must("epoll_create1", epoll_create1(0));
    int outer = (int)must("epoll_create1", epoll_create1(0));
    int listener = open_listener();
    int sender = open_icmp();
    must("add", enter(outer, EPOLL_CTL_ADD, inner, EPOLLIN, 1));
    must("add", enter(inner, EPOLL_CTL_ADD, listener, EPOLLIN, 2));
    for (unsigned i = 0; i < 4; i++) {
        fd_set in;
        must("send", ask(sender, i % 2 ? LATE_ERROR : REPLY, i % 2 ? 0 : LATE, i));
        if (i < 2)
            say_value("poll", is_readable(inner, 1000));
        else
            say_set("outer", outer, 1000);
        FD_ZERO(&in);
        FD_SET(outer, &in);
        CHECK("select", select(outer + 1, &in, NULL, NULL, &(struct timeval){.tv_sec = 1}));
        say_set("inner", inner, 0);
        say_errors_first("copy", listener);
        say_value("poll, none", is_readable(outer, 0));
        say_set("outer, none", outer, 0);
        say_errors_first("own", sender);
    }
}

/* Packets that the filter drops never wake anybody. */
static void filtered(void)
{
    struct pollfd entry = {.events = POLLIN};
    int set = (int)must("epoll_create1", epoll_create1(0));
    int fd = open_icmp();
    uint32_t filter[8];
    entry.fd = fd;
    memset(filter, 0, sizeof(filter));
    if (family == AF_INET) {
        filter[0] = 1u << ICMP_ECHOREPLY;
        must("filter", setsockopt(fd, SOL_RAW, ICMP_FILTER, filter, 4));
    } else {
        filter[129 / 32] |= 1u << (129 % 32);
        must("filter", setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, filter, sizeof(filter)));
    }
    must("add", enter(set, EPOLL_CTL_ADD, fd, EPOLLIN, 3));
    for (unsigned i = 0; i < 3; i++) {
        must("send", ask(fd, REPLY, i == 0 ? PLAIN : LATE, i));
        if (i == 0)
            settle();
        CHECK("poll", poll(&entry, 1, i < 2 ? 100 : 0));
        say_set("set", set, 100);
        must("send", ask(fd, i < 2 ? UNREACHABLE : LATE_ERROR, i < 2 ? 1 : 0, i));
        CHECK("poll", poll(&entry, 1, 1000));
        say_set("set", set, 1000);
        say_waiting("error", fd);
        CHECK("poll", poll(&entry, 1, 0));
        say_set("set", set, 0);
    }
}

/* What was held for a set before the socket was added, and after it was taken away and added again. */
static void added_late(void)
{
    int set = (int)must("epoll_create1", epoll_create1(0));
    int other = (int)must("epoll_create1", epoll_create1(0));
    int fd = open_icmp();
    struct epoll_event event;
    must("send", ask(fd, UNREACHABLE, 1, 1));
    settle();
    say_value("poll", is_readable(fd, 0));
    must("add", enter(set, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLET, 1));
    say_set("set", set, 0);
    say_set("set", set, 0);
    must("mod", enter(set, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLET, 2));
    say_set("changed", set, 0);
    must("mod", enter(set, EPOLL_CTL_MOD, fd, EPOLLOUT, 3));
    say_set("writable", set, 0);
    must("mod", enter(set, EPOLL_CTL_MOD, fd, 0, 3));
    say_set("nothing", set, 0);
    must("mod", enter(set, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLOUT, 4));
    say_set("both", set, 0);
    must("add", enter(other, EPOLL_CTL_ADD, fd, EPOLLIN, 5));
    say_set("other", other, 0);
    must("del", enter(set, EPOLL_CTL_DEL, fd, 0, 0));
    say_set("gone", set, 0);
    say_set("other", other, 0);
    int copy = (int)must("dup", dup(fd));
    must("add the copy", enter(set, EPOLL_CTL_ADD, copy, EPOLLIN, 6));
    say_set("copy", set, 0);
    close(set);
    int again = (int)must("epoll_create1", epoll_create1(0));
    say_value("the same number", again == set);
    say_set("an empty set", again, 0);
    say_value("poll of an empty set", is_readable(again, 0));
    must("add", enter(again, EPOLL_CTL_ADD, fd, EPOLLIN, 7));
    say_set("again", again, 0);
    say_waiting("error", fd);
    say_set("again", again, 0);
    CHECK("no room", epoll_wait(again, &event, 0, 0));
    CHECK("no set", epoll_wait(fd, &event, 1, 0));
    CHECK("bad memory", epoll_wait(again, BAD_POINTER, 1, 0));
    CHECK("bad time", epoll_pwait2(again, &event, 1, &(struct timespec){.tv_nsec = -1}, NULL));
}

/* Data that names no descriptor: events of one are not taken for those of another. */
static void same_data(void)
{
    int set = (int)must("epoll_create1", epoll_create1(0));
    int fd = open_icmp();
    int pipes[2];
    char byte;
    must("pipe", pipe(pipes));
    must("add", enter(set, EPOLL_CTL_ADD, fd, EPOLLIN, 0));
    must("add", enter(set, EPOLL_CTL_ADD, pipes[0], EPOLLIN, 0));
    say_set("none", set, 0);
    must("write", write(pipes[1], "x", 1));
    say_set("the pipe", set, 100);
    must("read", read(pipes[0], &byte, 1));
    must("send", ask(fd, UNREACHABLE, 1, 1));
    settle();
    say_set("the socket", set, 100);
    say_waiting("error", fd);
    say_set("none", set, 0);
}

/* More entries than find room on a stack, and numbers that no fd_set has bits for. */
static void many(void)
{
    enum { MOST = 1500, BITS = 2048 };
    static struct pollfd entries[MOST];
    static fd_set sets[2][BITS / FD_SETSIZE];
    struct rlimit limit;
    int pipes[2];
    must("getrlimit", getrlimit(RLIMIT_NOFILE, &limit));
    limit.rlim_cur = limit.rlim_max < BITS ? limit.rlim_max : BITS;
    must("setrlimit", setrlimit(RLIMIT_NOFILE, &limit));
    must("pipe", pipe(pipes));
    int fd = open_icmp();
    int high = (int)must("F_DUPFD", fcntl(fd, F_DUPFD, 1400));
    for (int i = 0; i < MOST; i++)
        entries[i] = (struct pollfd){.fd = i % 2 ? pipes[0] : -1, .events = POLLIN};
    entries[1333].fd = high;
    for (unsigned i = 0; i < 6; i++) {
        unsigned long *words = (unsigned long *)(void *)sets[0];
        must("send", ask(fd, i % 2 ? LATE_ERROR : REPLY, i % 2 ? 0 : LATE, i));
        if (i < 3) {
            CHECK("poll", poll(entries, MOST, 1000));
            for (int k = 0; k < MOST; k++)
                if (entries[k].revents)
                    printf("  %d: %x\n", k, (unsigned)entries[k].revents);
        } else {
            memset(sets, 0, sizeof(sets));
            words[high / NFDBITS] |= 1ul << (high % NFDBITS);
            words[pipes[0] / NFDBITS] |= 1ul << (pipes[0] % NFDBITS);
            CHECK("select", select(high + 1, (fd_set *)sets[0], NULL, NULL, &(struct timeval){.tv_sec = 1}));
            printf("  %d %d\n", (int)(words[high / NFDBITS] >> (high % NFDBITS) & 1),
                   (int)(words[pipes[0] / NFDBITS] >> (pipes[0] % NFDBITS) & 1));
        }
        say_waiting("packet", fd);
    }
    CHECK("select, a bad descriptor", select(1300, &(fd_set){{0}}, (fd_set *)sets[1], NULL, &(struct timeval){0}));
    close(high);
    ((unsigned long *)(void *)sets[0])[high / NFDBITS] |= 1ul << (high % NFDBITS);
    CHECK("select, a closed descriptor", select(high + 1, (fd_set *)sets[0], NULL, NULL, &(struct timeval){0}));
    struct timeval bad = {.tv_usec = -1};
    CHECK("select, a bad time", select(fd + 1, NULL, NULL, NULL, &bad));
    struct timeval left = {.tv_usec = 1030000};
    fd_set in;
    FD_ZERO(&in);
    FD_SET(fd, &in);
    must("send", ask(fd, REPLY, LATE, 1));
    CHECK("select", select(fd + 1, &in, NULL, NULL, &left));
    say_value("time is left", left.tv_sec == 0 && left.tv_usec > 800000 && left.tv_usec < 990000);
    say_waiting("packet", fd);
    left = (struct timeval){.tv_usec = 1000};
    FD_SET(fd, &in);
    CHECK("select in time", select(fd + 1, &in, NULL, NULL, &left));
    printf("  %d, %ld\n", !!FD_ISSET(fd, &in), (long)left.tv_usec);
}

static volatile int handled;

static void on_signal(int number)
{
    (void)number;
    handled++;
}

/* Whether a process sleeps, by its state in proc(5). */
static bool sleeps(pid_t process)
{
    char path[64], state = '?';
    FILE *file;
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)process);
    file = fopen(path, "re");
    if (file != NULL && fscanf(file, "%*d %*s %c", &state) != 1)
        state = '?';
    if (file != NULL)
        fclose(file);
    return state == 'S';
}

/* The mask holds inside the wait, and outside not. */
static void masked(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    struct timespec second = {.tv_sec = 1};
    struct epoll_event event;
    sigset_t blocked, none;
    int fd = open_icmp();
    int set = (int)must("epoll_create1", epoll_create1(0));
    struct pollfd entry = {.fd = fd, .events = POLLIN};
    fd_set in;
    must("sigaction", sigaction(SIGUSR1, &action, NULL));
    sigemptyset(&none);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    must("add", enter(set, EPOLL_CTL_ADD, fd, EPOLLIN, 1));
    for (int listens = 0; listens < 2; listens++) {
        sigprocmask(SIG_SETMASK, &blocked, NULL);
        for (int call = 0; call < 3; call++) {
            raise(SIGUSR1);
            handled = 0;
            FD_ZERO(&in);
            FD_SET(fd, &in);
            errno = UNTOUCHED;
            say("wait", call == 0   ? ppoll(&entry, 1, &second, &none)
                        : call == 1 ? pselect(fd + 1, &in, NULL, NULL, &second, &none)
                                    : epoll_pwait(set, &event, 1, 1000, &none));
            say_value("  handled", handled);
            sigset_t now;
            sigprocmask(SIG_SETMASK, NULL, &now);
            say_value("  blocked again", sigismember(&now, SIGUSR1));
        }
        sigprocmask(SIG_SETMASK, &none, NULL);
        for (int call = 0; call < 3; call++) {
            pid_t child = fork();
            if (child == 0) {
                while (!sleeps(getppid()))
                    usleep(1000);
                kill(getppid(), SIGUSR1);
                _exit(0);
            }
            handled = 0;
            struct timespec brief = {.tv_nsec = 200000000};
            long long begun = now_ms();
            FD_ZERO(&in);
            FD_SET(fd, &in);
            errno = UNTOUCHED;
            say("wait", call == 0   ? ppoll(&entry, 1, &brief, &blocked)
                        : call == 1 ? pselect(fd + 1, &in, NULL, NULL, &brief, &blocked)
                                    : epoll_pwait(set, &event, 1, 200, &blocked));
            say_value("  lasted", now_ms() - begun >= 198);
            say_value("  handled", handled);
            waitpid(child, NULL, 0);
        }
        open_listener();
        ask(open_icmp(), SILENT, 0, 1);
        fd = entry.fd = open_listener();
        must("add", enter(set, EPOLL_CTL_ADD, fd, EPOLLIN, 2));
    }
}

struct helper {
    int fd;
    volatile int found;
};

static void *waits(void *argument)
{
    struct helper *helper = argument;
    helper->found = is_readable(helper->fd, 2000);
    return NULL;
}

/* Each of the threads that wait for one packet, or its copy, is woken. */
static void threads(void)
{
    for (int round = 0; round < 40; round++) {
        enum { WAITERS = 4 };
        int sender = open_icmp();
        int listener = open_listener();
        struct helper helpers[WAITERS];
        pthread_t ids[WAITERS];
        unsigned found = 0;
        must("send", ask(sender, SILENT, 0, 1));
        for (int i = 0; i < WAITERS; i++) {
            helpers[i] = (struct helper){.fd = i % 2 ? sender : listener};
            pthread_create(&ids[i], NULL, waits, &helpers[i]);
        }
        usleep(3000);
        long long begun = now_ms();
        must("send", ask(sender, round % 2 ? UNREACHABLE : REPLY, (unsigned)round % 2, 1));
        for (int i = 0; i < WAITERS; i++) {
            pthread_join(ids[i], NULL);
            found += (unsigned)helpers[i].found;
        }
        if (found != WAITERS || now_ms() - begun > 200)
            printf("round %d: %u, %lld ms\n", round, found, now_ms() - begun);
        close(sender);
        close(listener);
    }
    printf("done\n");
}

static void *receives(void *argument)
{
    struct helper *helper = argument;
    unsigned char bytes[2000];
    helper->found = take(helper->fd, bytes, sizeof(bytes), 0, NULL) > 0;
    return NULL;
}

/*
 * A thread in a receive hears of its packet also where another, that waits for the listener, took it from the kernel.
 */
static void receiving_threads(void)
{
    const struct timeval limit = {.tv_sec = 1};
    for (int round = 0; round < 40; round++) {
        struct helper helpers[2] = {{.fd = open_icmp()}, {.fd = open_listener()}};
        pthread_t ids[2];
        must("SO_RCVTIMEO", setsockopt(helpers[0].fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)));
        must("send", ask(helpers[0].fd, SILENT, 0, 1));
        pthread_create(&ids[0], NULL, receives, &helpers[0]);
        pthread_create(&ids[1], NULL, waits, &helpers[1]);
        usleep(3000);
        must("send", ask(helpers[0].fd, round % 2 ? UNREACHABLE : REPLY, (unsigned)round % 2, 1));
        for (int i = 0; i < 2; i++) {
            pthread_join(ids[i], NULL);
            if (!helpers[i].found)
                printf("round %d: not woken: %d\n", round, i);
            close(helpers[i].fd);
        }
    }
    printf("done\n");
}

/* HDRINCL's sender is never readable. */
static void sender_only(void)
{
    if (family != AF_INET)
        return;
    unsigned char packet[20 + 8 + DATA] = {0x45, 0, 0, sizeof(packet), 0, 1, 0, 0, 64, IPPROTO_ICMP};
    union place to = place_of(UNREACHABLE, 1);
    int set = (int)must("epoll_create1", epoll_create1(0));
    int listener = open_listener();
    int raw = (int)must("socket", socket(AF_INET, SOCK_RAW, IPPROTO_RAW));
    struct pollfd entries[2] = {{.fd = raw, .events = POLLIN | POLLOUT}, {.fd = listener, .events = POLLIN}};
    struct epoll_event events[4];
    fd_set in, out;
    must("add", enter(set, EPOLL_CTL_ADD, raw, EPOLLIN, 1));
    must("add", enter(set, EPOLL_CTL_ADD, listener, EPOLLIN, 2));
    make_echo(packet + 20, ID, 1, DATA);
    for (int i = 0; i < 4; i++) {
        to = place_of(i % 2 ? LATE_ERROR : i == 0 ? UNREACHABLE : REPLY, i == 0);
        memcpy(packet + 16, &to.inet.sin_addr, 4);
        must("send", sendto(raw, packet, sizeof(packet), 0, &to.any, place_size()));
        entries[0].events = POLLIN;
        CHECK("poll", poll(entries, 2, 1000));
        printf("  %x %x\n", (unsigned)entries[0].revents, (unsigned)entries[1].revents);
        entries[0].events = POLLIN | POLLOUT;
        CHECK("poll", poll(entries, 2, 1000));
        printf("  %x %x\n", (unsigned)entries[0].revents, (unsigned)entries[1].revents);
        FD_ZERO(&in);
        FD_SET(raw, &in);
        FD_SET(listener, &in);
        out = in;
        CHECK("select", select(raw + 1, &in, &out, NULL, NULL));
        printf("  %d %d %d %d\n", !!FD_ISSET(raw, &in), !!FD_ISSET(listener, &in), !!FD_ISSET(raw, &out),
               !!FD_ISSET(listener, &out));
        CHECK("epoll_wait", epoll_wait(set, events, 4, 1000));
        printf("  %x %llx\n", events[0].events, (unsigned long long)events[0].data.u64);
        say_waiting("packet", listener);
        CHECK("poll of the sender", poll(entries, 1, 0));
        entries[0].events = 0;
        CHECK("poll for nothing", poll(entries, 1, 10));
        CHECK("epoll_wait", epoll_wait(set, events, 4, 10));
    }
}

/* A process that was forked away goes on with the same sockets and sets. */
static void forked(void)
{
    int set = (int)must("epoll_create1", epoll_create1(0));
    int fd = open_icmp();
    must("add", enter(set, EPOLL_CTL_ADD, fd, EPOLLIN, 1));
    for (unsigned i = 0; i < 2; i++) {
        must("send", ask(fd, i ? UNREACHABLE : REPLY, i, i));
        settle();
        say_value("before", is_readable(fd, 0));
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            say_set("child", set, 1000);
            say_next("child", fd, MSG_DONTWAIT);
            say_set("child", set, 0);
            fflush(stdout);
            _exit(0);
        }
        waitpid(child, NULL, 0);
        say_set("parent", set, 0);
        say_waiting("parent", fd);
    }
}

int main(void)
{
    run_case("a listener, poll", listener_poll);
    run_case("a listener, epoll", listener_epoll);
    run_case("both in a set", both_in_a_set);
    run_case("a listener, nested", nested_listener);
    run_case("filtered", filtered);
    run_case("added late", added_late);
    run_case("same data", same_data);
    run_case("many", many);
    run_case("masked", masked);
    run_case("threads", threads);
    run_case("threads that receive", receiving_threads);
    run_case("a sender alone", sender_only);
    run_case("forked", forked);
    return 0;
}
