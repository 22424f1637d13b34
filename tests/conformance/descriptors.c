/* SPDX-License-Identifier: MIT */
/*
 * A socket stays what it is when descriptors run out, when it is inherited under any number, and when another one looks
 * like it.
 */
#include "tests/conformance/conformance.h"

#include <sys/resource.h>

static const char *self;

static int type_of(int fd)
{
    int type = -1;
    socklen_t size = sizeof(type);

    must("SO_TYPE", getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size));
    return type;
}

/* The last free number is taken by a socket, at every size of what is known by then. */
static void used_up(void)
{
    enum { LOW = 300, MOST = 70 };
    int filler = (int)must("open", open("/dev/null", O_RDONLY | O_CLOEXEC));

    for (int most = 1; most <= MOST; most++) {
        struct rlimit limit = {LOW + (rlim_t)most, LOW + MOST + 1};
        int raw = 0;
        int fds[MOST];

        while (must("dup", fcntl(filler, F_DUPFD, 3)) < LOW - 1)
            continue;
        must("setrlimit", setrlimit(RLIMIT_NOFILE, &limit));
        for (int i = 0; i < most; i++)
            fds[i] = open_icmp();
        errno = UNTOUCHED;
        if (socket(family, SOCK_RAW, icmp_protocol()) >= 0 || errno != EMFILE)
            say("one more", -1);
        for (int i = 0; i < most; i++)
            raw += type_of(fds[i]) == SOCK_RAW;
        if (raw != most)
            printf("of %d sockets %d are raw\n", most, raw);
        for (int i = 0; i < most; i++)
            close(fds[i]);
        for (int fd = filler + 1; fd < LOW; fd++)
            close(fd);
    }
    printf("all were raw\n");
}

static void execute(int fd)
{
    char number[16];
    pid_t child;

    snprintf(number, sizeof(number), "%d", fd);
    fflush(stdout);
    child = (pid_t)must("fork", fork());
    if (child == 0) {
        execl(self, self, family == AF_INET ? "4" : "6", number, NULL);
        _exit(127);
    }
    must("waitpid", waitpid(child, NULL, 0));
}

static void inherited(void)
{
    static const int numbers[] = {3, 9, 10, 63, 64, 100};
    int fd = (int)must("fcntl", fcntl(open_icmp(), F_DUPFD_CLOEXEC, 200));

    must("an echo", ask(fd, REPLY, PLAIN, 1));
    say_next("its reply", fd, 0);
    for (size_t i = 0; i < COUNT(numbers); i++) {
        for (int other = 3; other < 200; other++)
            close(other);
        must("dup2", dup2(fd, numbers[i]));
        execute(numbers[i]);
    }
}

/* The other program. */
static void take_over(int fd)
{
    printf("number %d, type %d\n", fd, type_of(fd));
    settle();
    must("an echo", ask(fd, REPLY, PLAIN, 2));
    say_next("  its reply", fd, 0);
}

/*
 * SO_MAX_PACING_RATE is where a translated socket is marked; what somebody wrote there says nothing about other
 * sockets.
 */
static void alike(void)
{
    static const int protocols[] = {IPPROTO_UDP, IPPROTO_TCP};

    for (size_t i = 0; i < COUNT(protocols); i++) {
        int type = protocols[i] == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM;

        for (uint64_t kind = 0; kind < 4; kind++) {
            uint64_t rate = UINT64_C(0xf50c) << 48 | kind << 46;
            int fd = (int)must("socket", socket(family, type, protocols[i]));
            pid_t child;

            must("SO_MAX_PACING_RATE", setsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, sizeof(rate)));
            fflush(stdout);
            child = (pid_t)must("fork", fork());
            if (child == 0) {
                must("dup2", dup2(fd, 3));
                execl(self, self, family == AF_INET ? "4" : "6", "type", NULL);
                _exit(127);
            }
            must("waitpid", waitpid(child, NULL, 0));
            close(fd);
        }
    }
}

int main(int count, char **arguments)
{
    self = arguments[0];
    if (count == 3) {
        family = *arguments[1] == '4' ? AF_INET : AF_INET6;
        if (strcmp(arguments[2], "type") == 0)
            printf("type %d\n", type_of(3));
        else
            take_over(atoi(arguments[2]));
        return 0;
    }
    run_case("descriptors used up", used_up);
    run_case("inherited under any number", inherited);
    run_case("looks alike", alike);
    return 0;
}
