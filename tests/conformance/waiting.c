/* SPDX-License-Identifier: MIT */
/* Blocking receives: signals that interrupt them or do not, senders in handlers and threads, and no lost wake-up. */
#include "tests/conformance/conformance.h"

#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <ucontext.h>

static unsigned char buffer[4096];
static volatile int signals;
static int handler_socket;

static void count_signal(int number)
{
    (void)number;
    signals++;
}

/* busybox's ping: the handler sends the next request. */
static void send_from_handler(int number)
{
    int saved = errno;
    (void)number;
    signals++;
    ask(handler_socket, signals % 2 ? UNREACHABLE : REPLY, signals % 2 != 0, (unsigned)signals);
    errno = saved;
}

/* SIGALRM after `ms`, and then every `interval`. */
static void alarm_in(void (*handler)(int), int flags, int ms, int interval)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    struct itimerval timer = {.it_value.tv_usec = ms * 1000, .it_interval.tv_usec = interval * 1000};
    signals = 0;
    must("sigaction", sigaction(SIGALRM, &action, NULL));
    must("setitimer", setitimer(ITIMER_REAL, &timer, NULL));
}

/* A blocking call by number; its result. */
static long block_in(int fd, int call)
{
    struct iovec vector = {buffer, 300};
    struct msghdr header = {.msg_iov = &vector, .msg_iovlen = 1};
    struct mmsghdr batch = {.msg_hdr = header};
    struct pollfd entry = {.fd = fd, .events = POLLIN};
    fd_set in;
    FD_ZERO(&in);
    FD_SET(fd, &in);
    switch (call) {
    case 0:
        return recv(fd, buffer, 300, 0);
    case 1:
        return recvfrom(fd, buffer, 300, 0, NULL, NULL);
    case 2:
        return recvmsg(fd, &header, 0);
    case 3:
        return recvmmsg(fd, &batch, 1, 0, NULL);
    case 4:
        return read(fd, buffer, 300);
    case 5:
        return readv(fd, &vector, 1);
    case 6:
        return poll(&entry, 1, 1000);
    case 7:
        return ppoll(&entry, 1, NULL, NULL);
    default:
        return select(fd + 1, &in, NULL, NULL, NULL);
    }
}

static const char *const calls[] = {"recv",  "recvfrom", "recvmsg", "recvmmsg", "read",
                                    "readv", "poll",     "ppoll",   "select"};

static void interrupted(void)
{
    int fd = open_icmp();
    for (int call = 0; call < 9; call++) {
        alarm_in(count_signal, 0, 15, 0);
        CHECK(calls[call], block_in(fd, call));
        say_value("  signals", signals);
    }
    /* The same on a socket that has had an error, and whose packet was taken. */
    must("send", ask(fd, UNREACHABLE, 1, 1));
    settle();
    say_waiting("error", fd);
    for (int call = 0; call < 9; call += 2) {
        alarm_in(count_signal, 0, 15, 0);
        CHECK(calls[call], block_in(fd, call));
        say_value("  signals", signals);
    }
}

/* With SA_RESTART a receive goes on, unless it has a time limit; poll and select never do. */
static void restarted(void)
{
    struct timeval limit = {.tv_sec = 1};
    int fd = open_icmp();
    for (int call = 0; call < 9; call++) {
        must("send", ask(fd, call < 6 ? REPLY : SILENT, LATE, 1));
        alarm_in(count_signal, SA_RESTART, 15, 0);
        CHECK(calls[call], block_in(fd, call));
        while (signals == 0)
            usleep(1000);
        CHECK("  nothing more", recv(fd, buffer, 300, MSG_DONTWAIT));
    }
    must("send", ask(fd, LATE_ERROR, 0, 1));
    alarm_in(count_signal, SA_RESTART, 15, 0);
    CHECK("until an error comes", recv(fd, buffer, 300, 0));
    must("SO_RCVTIMEO", setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)));
    alarm_in(count_signal, SA_RESTART, 15, 0);
    CHECK("with a limit", recv(fd, buffer, 300, 0));
    say_value("signals", signals);
}

static void handler_sends(void)
{
    struct itimerval none = {.it_value = {0}};
    int fd = handler_socket = open_icmp();
    int seen = 0;
    alarm_in(send_from_handler, SA_RESTART, 10, 10);
    for (int i = 0; i < 10; i++)
        seen += take(fd, buffer, sizeof(buffer), 0, NULL) > 0;
    must("setitimer", setitimer(ITIMER_REAL, &none, NULL));
    say_value("packets", seen);
    alarm_in(send_from_handler, 0, 10, 10);
    for (int i = seen = 0; i < 10 && signals < 60;) {
        ssize_t length = take(fd, buffer, sizeof(buffer), 0, NULL);
        if (length < 0 && errno == EINTR)
            continue;
        i++;
        seen += length > 0;
    }
    must("setitimer", setitimer(ITIMER_REAL, &none, NULL));
    say_value("packets between interruptions", seen);
}

struct pair {
    int fd;
    sem_t go;
    bool use_poll;
    volatile unsigned got;
};

/* Receives one packet for each round. */
static void *receiver(void *argument)
{
    struct pair *pair = argument;
    unsigned char bytes[512];
    for (;;) {
        if (pair->use_poll && !is_readable(pair->fd, 3000))
            return NULL;
        if (recv(pair->fd, bytes, sizeof(bytes), 0) <= 0)
            return NULL;
        pair->got++;
        sem_post(&pair->go);
    }
}

/*
 * One thread sends, another sleeps in a receive. The send after an error takes the kernel's pending error away from the
 * sleeper, who would sleep on. In each round an error is under way, then a packet that nobody answers is sent.
 */
static void two_threads(bool use_poll)
{
    enum { ROUNDS = 300 };
    static struct pair pair;
    pthread_t thread;
    unsigned lost = 0;
    pair = (struct pair){.fd = open_icmp(), .use_poll = use_poll};
    must("sem_init", sem_init(&pair.go, 0, 0));
    pthread_create(&thread, NULL, receiver, &pair);
    for (unsigned i = 0; i < ROUNDS && lost < 5; i++) {
        struct timespec until;
        must("send", ask(pair.fd, i % 3 == 2 ? REPLY : UNREACHABLE, i % 3 != 2, i));
        must("send", ask(pair.fd, SILENT, 0, i));
        must("send", ask(pair.fd, SILENT, 0, i));
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec++;
        if (sem_timedwait(&pair.go, &until) != 0)
            lost++;
    }
    say_value("received", pair.got);
    say_value("lost", lost);
}

static void no_lost_wakeup(void)
{
    two_threads(false);
}

static void no_lost_wakeup_of_poll(void)
{
    two_threads(true);
}

/* Two readers of one socket: each packet goes to one of them. */
static void two_readers(void)
{
    enum { ROUNDS = 100 };
    static struct pair pair;
    pthread_t threads[2];
    pair = (struct pair){.fd = open_icmp()};
    must("sem_init", sem_init(&pair.go, 0, 0));
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, receiver, &pair);
    unsigned woken = 0;
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct timespec until;
        must("send", ask(pair.fd, i % 2 ? REPLY : UNREACHABLE, i % 2 == 0, i));
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec++;
        woken += sem_timedwait(&pair.go, &until) == 0;
    }
    say_value("woken", woken);
    settle();
    CHECK("nothing more", recv(pair.fd, buffer, 10, MSG_DONTWAIT));
}

static void *closer(void *argument)
{
    usleep(20000);
    ask(*(int *)argument, LATE_ERROR, 0, 1);
    return NULL;
}

/* A thread waits in poll, select or epoll while another sends for the first time. */
static void sent_by_another(void)
{
    for (int call = 0; call < 9; call++) {
        int fd = open_icmp();
        pthread_t thread;
        pthread_create(&thread, NULL, closer, &fd);
        CHECK(calls[call], block_in(fd, call) > 0);
        pthread_join(thread, NULL);
        close(fd);
    }
    int fd = open_icmp();
    int set = (int)must("epoll_create1", epoll_create1(0));
    struct epoll_event event = {.events = EPOLLIN};
    pthread_t thread;
    must("add", epoll_ctl(set, EPOLL_CTL_ADD, fd, &event));
    pthread_create(&thread, NULL, closer, &fd);
    CHECK("epoll_wait", epoll_wait(set, &event, 1, 2000));
    printf("  events %x\n", event.events);
    pthread_join(thread, NULL);
    say_waiting("error", fd);
}

/* A thread that is cancelled in a receive ends there. */
static void cancelled(void)
{
    static struct pair pair;
    pthread_t thread;
    void *result = NULL;
    pair = (struct pair){.fd = open_icmp()};
    must("sem_init", sem_init(&pair.go, 0, 0));
    pthread_create(&thread, NULL, receiver, &pair);
    usleep(30000);
    pthread_cancel(thread);
    pthread_join(thread, &result);
    say_value("cancelled", result == PTHREAD_CANCELED);
    must("send", ask(pair.fd, UNREACHABLE, 1, 1));
    settle();
    say_waiting("error", pair.fd);
}

/* SIGIO comes for each packet, an error too; more of them are permitted. */
static void signalled(void)
{
    struct sigaction action = {.sa_handler = count_signal, .sa_flags = SA_RESTART};
    int fd = open_icmp();
    must("sigaction", sigaction(SIGIO, &action, NULL));
    must("F_SETOWN", fcntl(fd, F_SETOWN, getpid()));
    must("F_SETFL", fcntl(fd, F_SETFL, O_ASYNC | O_NONBLOCK));
    for (unsigned i = 0; i < 4; i++) {
        signals = 0;
        must("send", ask(fd, i % 2 ? UNREACHABLE : REPLY, i % 2, i));
        settle();
        say_value("a signal came", signals > 0);
        say_waiting("packet", fd);
    }
}

enum { SMALL = 16384 };

static ucontext_t home;
static ssize_t results[12];

/* Calls on a stack of 16 KiB, such as signal handlers and coroutines have. */
static void on_small_stack(void)
{
    static struct pollfd entry = {.events = POLLIN};
    static struct epoll_event event = {.events = EPOLLIN};
    static struct iovec vector = {buffer, sizeof(buffer)};
    static struct msghdr header = {.msg_iov = &vector, .msg_iovlen = 1};
    static fd_set in;
    int fd = socket(family, SOCK_RAW, icmp_protocol());
    int set = epoll_create1(0);
    entry.fd = fd;
    results[0] = epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
    results[1] = ask(fd, UNREACHABLE, 1, 1);
    results[2] = poll(&entry, 1, 1000);
    results[3] = recv(fd, buffer, sizeof(buffer), 0);
    results[4] = ask(fd, LATE_ERROR, 0, 2);
    results[5] = epoll_wait(set, &event, 1, 1000);
    results[6] = recvmsg(fd, &header, 0);
    results[7] = ask(fd, REPLY, PLAIN, 3);
    FD_SET(fd, &in);
    results[8] = select(fd + 1, &in, NULL, NULL, NULL);
    results[9] = read(fd, buffer, sizeof(buffer));
    results[10] = ask(fd, LATE_ERROR, 0, 4);
    results[11] = recvfrom(fd, buffer, sizeof(buffer), 0, NULL, NULL);
}

static void small_stack(void)
{
    ucontext_t context;
    char *stack = mmap(NULL, 2 * SMALL, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must("mprotect", mprotect(stack + SMALL, SMALL, PROT_READ | PROT_WRITE));
    must("getcontext", getcontext(&context));
    context.uc_stack = (stack_t){.ss_sp = stack + SMALL, .ss_size = SMALL};
    context.uc_link = &home;
    makecontext(&context, on_small_stack, 0);
    must("swapcontext", swapcontext(&home, &context));
    for (size_t i = 0; i < COUNT(results); i++)
        say_value("result", results[i]);
}

/* The child waits for what the parent asks for, and the other way round. */
static void in_a_child(void)
{
    int status;
    int fd = open_icmp();
    for (unsigned i = 0; i < 4; i++) {
        fflush(stdout);
        if (fork() == 0) {
            say_value("the child is told", i < 2 ? is_readable(fd, 1000) : 1);
            say_next("the child's", fd, 0);
            _exit(0);
        }
        usleep(10000);
        must("send", ask(fd, i % 2 ? UNREACHABLE : REPLY, i % 2, i));
        must("wait", wait(&status));
        say_value("nothing is left", is_readable(fd, 0));
        CHECK("nothing is left", recv(fd, buffer, 10, MSG_DONTWAIT));
    }
}

int main(void)
{
    run_case("interrupted", interrupted);
    run_case("restarted", restarted);
    run_case("a handler sends", handler_sends);
    run_case("no lost wake-up", no_lost_wakeup);
    run_case("no lost wake-up of poll", no_lost_wakeup_of_poll);
    run_case("two readers", two_readers);
    run_case("sent by another thread", sent_by_another);
    run_case("cancelled", cancelled);
    run_case("SIGIO", signalled);
    run_case("a small stack", small_stack);
    run_case("in a child", in_a_child);
    return 0;
}
