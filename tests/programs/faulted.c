/* SPDX-License-Identifier: MIT */
/*
 * What is run under faults (faults.c): calls that the policy allows and calls that it refuses, in a window in which the
 * object's system calls fail, and once more behind it, where everything must be as if nothing had been.
 *
 * usage: faulted SCENARIO [ARG...]
 *
 * The policy refuses 127.0.0.9 by EHOSTDOWN, as a destination, and 127.0.0.8, as a source. In the window a refused
 * call must fail and an allowed one may: by the errno of the fault, or by EACCES, as where the policy cannot be
 * known. A call that succeeds leaves errno alone. Descriptors, the signal mask and children are the same afterwards.
 * Says what is wrong.
 */
#include "faulted_ping.h"

#include <sys/uio.h>

#define VARIABLES 5000

extern char **environ;

/* Scenarios. Each is a work that is done in the window and behind it, with sockets of its own made before. */

static int streams[4], datagrams[4];

static void sockets_make(void)
{
    for (int i = 0; i < 4; i++) {
        streams[i] = unseen(SOCK_STREAM);
        datagrams[i] = unseen(SOCK_DGRAM);
    }
}

static void sockets_close(void)
{
    for (int i = 0; i < 4; i++) {
        close(streams[i]);
        close(datagrams[i]);
    }
}

static void connects(void)
{
    CALL(-1, connect(streams[0], TO(refused)));
    CALL(0, connect(streams[1], TO(allowed)));
    CALL(-1, connect(datagrams[0], TO(refused)));
    CALL(0, connect(datagrams[1], TO(allowed)));
}

static void sends(void)
{
    struct iovec part = {(char *)"x", 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_name = &refused, .msg_namelen = sizeof(refused)};
    struct mmsghdr many[3] = {{.msg_hdr = message}, {.msg_hdr = message}, {.msg_hdr = message}};

    CALL(-1, sendto(datagrams[0], "x", 1, 0, TO(refused)));
    CALL(1, sendto(datagrams[1], "x", 1, 0, TO(allowed)));
    CALL(-1, sendmsg(datagrams[2], &message, 0));
    many[0].msg_hdr.msg_name = many[2].msg_hdr.msg_name = &allowed;
    CALL(1, sendmmsg(datagrams[3], many, 3, 0));
    many[0].msg_hdr.msg_name = &refused;
    CALL(-1, sendmmsg(datagrams[3], many, 3, 0));
    CALL(-1, sendto(streams[0], "x", 1, MSG_FASTOPEN, TO(refused)));
}

/* Connections and datagrams that wait for us, from both. */
static int listener, clients[4];

static int client_to(const char *server, const char *from, int type, uint16_t port)
{
    struct sockaddr_in source = inet(from, 0), to = inet(server, port);
    int fd = (int)RAW(SYS_socket, AF_INET, type, 0);

    must("client", RAW(SYS_bind, fd, &source, sizeof(source)));
    must(from, RAW(SYS_connect, fd, &to, sizeof(to)));
    return fd;
}

static int client(const char *from, int type, uint16_t port)
{
    return client_to("127.0.0.1", from, type, port);
}

static void inbound_make(const char *bound_to)
{
    struct sockaddr_in own = inet(bound_to, OWN_PORT);
    int on = 1;

    listener = (int)RAW(SYS_socket, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    must("bind", RAW(SYS_bind, listener, &own, sizeof(own)));
    must("listen", RAW(SYS_listen, listener, 10));
}

static void accepts_make(void)
{
    also_from_faults = EAGAIN; /* the connection may be the one that is given up */
    inbound_make("0.0.0.0");
    clients[0] = client("127.0.0.8", SOCK_STREAM, OWN_PORT);
    clients[3] = client_to("127.0.0.9", "127.0.0.1", SOCK_STREAM, OWN_PORT);
    clients[1] = client("127.0.0.1", SOCK_STREAM, OWN_PORT);
    clients[2] = client("127.0.0.8", SOCK_STREAM, OWN_PORT);
}

static int accepted = -1;

/* 0: whom the policy allows, 1: it has let in another one, 2: at an address where nobody is to be taken. */
static int accept_one(void)
{
    struct sockaddr_in from = {0}, own = {0};
    socklen_t length = sizeof(from);

    accepted = accept(listener, (struct sockaddr *)&from, &length);
    if (accepted < 0)
        return -1;
    RAW(SYS_getsockname, accepted, &own, &length);
    if (own.sin_addr.s_addr == refused.sin_addr.s_addr)
        return 2;
    return from.sin_addr.s_addr == allowed.sin_addr.s_addr ? 0 : 1;
}

static void accepts(void)
{
    CALL(0, accept_one());
    if (accepted >= 0)
        close(accepted);
}

static void accepts_none(void)
{
    CALL(-1, accept_one());
    if (accepted >= 0)
        close(accepted);
}

static void accepts_close(void)
{
    for (int i = 0; i < 4; i++)
        close(clients[i]);
    close(listener);
}

/* One that read(2) asks about: what a number is that was duplicated is not known. */
static int doubted(void)
{
    struct sockaddr_in any = inet("127.0.0.1", 0);
    int first = socket(AF_INET, SOCK_DGRAM, 0), fd = dup(first);

    RAW(SYS_bind, fd, &any, sizeof(any));
    close(first);
    return fd;
}

/* One socket for each way to receive, with what is refused, and what is allowed behind it. */
#define RECEIVERS 7
static int receivers[RECEIVERS];

static void receives_make(void)
{
    for (int i = 0; i < RECEIVERS; i++) {
        struct sockaddr_in own = {0};
        socklen_t length = sizeof(own);
        int one, other;

        receivers[i] = i == 4 || i == 5 ? doubted() : unseen(SOCK_DGRAM);
        RAW(SYS_getsockname, receivers[i], &own, &length);
        one = client("127.0.0.8", SOCK_DGRAM, ntohs(own.sin_port));
        other = client("127.0.0.1", SOCK_DGRAM, ntohs(own.sin_port));
        RAW(SYS_sendto, one, "bad", 3, 0, NULL, 0);
        RAW(SYS_sendto, other, "good", 4, 0, NULL, 0);
        close(one);
        close(other);
    }
}

static void receives(void)
{
    char bytes[10];
    struct iovec part = {bytes, sizeof(bytes)};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    struct mmsghdr many[2] = {{.msg_hdr = message}, {.msg_hdr = message}};
    struct sockaddr_in from;
    socklen_t length = sizeof(from);

    CALL(4, recvfrom(receivers[0], bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &length));
    CALL(4, recv(receivers[1], bytes, sizeof(bytes), 0));
    CALL(4, recvmsg(receivers[2], &message, 0));
    CALL(1, recvmmsg(receivers[3], many, 1, 0, NULL));
    CALL(4, read(receivers[4], bytes, sizeof(bytes)));
    CALL(4, readv(receivers[5], &part, 1));
    CALL(4, recv(receivers[6], bytes, sizeof(bytes), MSG_DONTWAIT));
}

static void receives_close(void)
{
    for (int i = 0; i < RECEIVERS; i++)
        close(receivers[i]);
}

static void binds(void)
{
    struct sockaddr_in own = inet("127.0.0.9", 7004), port = inet("127.0.0.1", 7003), fine = inet("127.0.0.1", 0);

    CALL(-1, bind(streams[0], TO(own)));
    CALL(-1, bind(streams[1], TO(port)));
    CALL(0, bind(streams[2], TO(fine)));
    CALL(0, listen(streams[2], 1));
}

/* Newer images. */
static void reloads(void)
{
    publish("a");
    sockets_make();
    refusal = other_refusal = EHOSTDOWN;
    connects();
    judge_results("before the fault");
    sockets_close();
    sockets_make();
    publish("b");
    other_refusal = ENETDOWN;
    begin();
    connects();
    CALL(-1, connect(streams[2], TO(refused)));
    CALL(0, connect(datagrams[2], TO(allowed)));
    end();
    sockets_close();
    sockets_make();
    publish("c");
    refusal = other_refusal = ENETRESET;
    connects();
    judge_results("afterwards");
    sockets_close();
}

/* The text has changed, and a look at it starts the compiler. */
static void follows(void)
{
    char path[500];
    int fd, made = -1;
    bool is_a;

    snprintf(path, sizeof(path), "%s/policy.conf", folder);
    must("open", fd = open(path, O_RDWR));
    {
        char text[2000];
        ssize_t size = pread(fd, text, sizeof(text), 0);
        char *at = memmem(text, (size_t)size, "EHOSTDOWN", 9);

        is_a = at != NULL;
        at = is_a ? at : memmem(text, (size_t)size, "ENETRESET", 9);
        memcpy(at, is_a ? "ENETRESET" : "EHOSTDOWN", 9);
        must("write", pwrite(fd, text, (size_t)size, 0));
    }
    close(fd);
    refusal = EHOSTDOWN;
    other_refusal = ENETRESET;
    sockets_make();
    begin();
    CALL(9, (made = socket(AF_INET, SOCK_STREAM, 0)) >= 0 ? 9 : -1);
    connects();
    close(made);
    end();
    sockets_close();
    sockets_make();
    connects();
    judge_results("afterwards");
}

/* Programs: FOLDER/static cannot be preloaded. It reaches for what is refused, and so do we as a child. */
static char *many_variables[VARIABLES + 1], variables[VARIABLES][16];

static void executes(void)
{
    char path[500], name[] = "static", *argv[] = {name, NULL};

    snprintf(path, sizeof(path), "%s/static", folder);
    CALL(-1, execve(path, argv, environ));
    CALL(-1, execvp("static", argv));
    snprintf(path, sizeof(path), "%s/script", folder);
    CALL(-1, execv(path, argv));
    snprintf(path, sizeof(path), "%s/unreadable", folder);
    CALL(-1, execv(path, argv));
}

static void exec_is_refused(void)
{
    refusal = other_refusal = EACCES;
}

static int child_ended(pid_t child)
{
    int status = -1;

    if (child < 0)
        return -1;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void starts(char *self)
{
    char word[] = "child", *argv[] = {self, word, NULL};
    int saved;

    for (size_t i = 0; i < VARIABLES; i++) {
        snprintf(variables[i], sizeof(variables[i]), "V%zu=%zu", i, i);
        many_variables[i] = variables[i];
    }
    for (int round = 0; round < 2; round++) {
        pid_t child;

        if (round == 0)
            begin();
        child = (pid_t)syscall(SYS_fork);
        if (child == 0) {
            execve(self, argv, round == 0 ? many_variables : (char *[]){NULL});
            _exit(100);
        }
        saved = child_ended(child);
        if (round == 0)
            end();
        if (saved != 0 && !(round == 0 && saved == 100))
            wrong += printf("the child ends with %d; ", saved) > 0;
    }
}

/* Where the translation cannot be had, the answer is that of the raw socket. */
static void may_not_open(void)
{
    also_from_faults = EPERM;
}

static void nothing(void)
{
}

static const struct scenario {
    const char *name;
    void (*make)(void), (*work)(void), (*unmake)(void);
    bool exact;
} scenarios[] = {
    {"connect", sockets_make, connects, sockets_close, false},
    {"send", sockets_make, sends, sockets_close, false},
    {"bind", sockets_make, binds, sockets_close, false},
    {"accept", accepts_make, accepts, accepts_close, false},
    {"accept-none", accepts_make, accepts_none, accepts_close, false},
    {"receive", receives_make, receives, receives_close, false},
    {"log", sockets_make, connects, sockets_close, true},
    {"exec", exec_is_refused, executes, nothing, false},
    {"ping-open", may_not_open, ping_opens_and_closes, nothing, false},
    {"ping", ping_opens, pings, ping_closes, false},
};

static void usual(const struct scenario *scenario)
{
    scenario->make();
    result_count = 0;
    exact = scenario->exact;
    begin();
    scenario->work();
    end();
    scenario->unmake();
    scenario->make();
    result_count = 0;
    scenario->work();
    judge_results("afterwards");
}

/* The window ends when the object has started: what holds is what it could find out, or nothing is let through. */
static void starting(const char *under)
{
    int answer = close(-1001);

    injected = answer > 0 ? answer : 0;
    sockets_make();
    if (strcmp(under, "start-broken") == 0) {
        refusal = other_refusal = EACCES;
        CALL(-1, connect(streams[0], TO(allowed)));
        CALL(-1, connect(streams[1], TO(refused)));
    } else if (strcmp(under, "start-without") == 0) {
        CALL(0, connect(streams[0], TO(allowed)));
    } else {
        connects();
    }
    judge_results("started under the fault");
    sockets_close();
    before = (struct state){.descriptors = 7};
    sigemptyset(&before.mask);
    compare_states();
}

/* A child under the policy: 0 where it is one. */
static int child(void)
{
    sockets_make();
    errno = 0;
    return connect(streams[0], TO(refused)) == -1 && (errno == EHOSTDOWN || errno == EACCES) ? 0 : 50;
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";

    setvbuf(stdout, NULL, _IOFBF, 1 << 16);
    allowed = inet("127.0.0.1", PORT);
    refused = inet("127.0.0.9", PORT);
    folder = getenv("FAULTS_FOLDER");
    if (strcmp(name, "child") == 0)
        return child();
    if (strncmp(name, "start", 5) == 0)
        starting(name);
    else if (strcmp(name, "reload") == 0)
        reloads();
    else if (strcmp(name, "follow") == 0)
        follows();
    else if (strcmp(name, "spawn") == 0)
        starts(argv[0]);
    for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
        if (strcmp(name, scenarios[i].name) == 0)
            usual(&scenarios[i]);
    }
    fflush(stdout);
    return wrong != 0;
}
