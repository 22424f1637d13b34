/* SPDX-License-Identifier: MIT */
/*
 * Signals at every instruction: a program's calls are stepped through, and at every PERIOD-th instruction a handler
 * comes that makes calls itself.
 *
 * usage: stepped OBJECT SCENARIO PERIOD PASSES
 *   PASSES passes over the same call, each with another first instruction; PERIOD of them meet every instruction.
 *
 * The handler connects and sends to 127.0.0.9, which the policy refuses by EHOSTDOWN (or by ENETDOWN, a newer one),
 * and to 127.0.0.1, and so does what it interrupts. Nothing may come at 127.0.0.9, which listens here. The program
 * marks the stretch by close(-1000, where it ends), and the handler's end by close(-1002). Says what is wrong; exit
 * 77: no tracing here.
 */
#include "faulted.h"

#include <stddef.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/user.h>

#ifdef __x86_64__

#define MARK_BEGIN ((uint32_t)-1000)
#define MARK_END ((uint32_t)-1001)
#define MARK_HANDLED ((uint32_t)-1002)

/* The program that is stepped through */

static const char *scenario;
static bool starting;
static int own_streams[2], own_datagrams[2], handled;

static void check_call(const char *what, bool right)
{
    int error = errno;

    if (right || wrong > 3)
        return;
    printf("%s: %s (%s); ", scenario, what, name_of(error));
    wrong++;
}

static bool is_refusal(long result)
{
    return result == -1 && (errno == refusal || errno == other_refusal || (starting && errno == EACCES));
}

/* Before the start is through the policy is not known, and nothing is let pass. */
static bool is_success(long result, long wanted)
{
    return result == wanted || (starting && result == -1 && errno == EACCES);
}

static void handler(int number)
{
    int saved = errno;

    (void)number;
    check_call("the handler's connect, refused", is_refusal(connect(own_streams[0], TO(refused))));
    check_call("the handler's connect, allowed", is_success(connect(own_datagrams[0], TO(allowed)), 0));
    check_call("the handler's send, refused", is_refusal(sendto(own_datagrams[1], "h", 1, 0, TO(refused))));
    check_call("the handler's send, allowed", is_success(sendto(own_datagrams[1], "h", 1, 0, TO(allowed)), 1));
    handled++;
    close((int)MARK_HANDLED);
    errno = saved;
}

static void handler_prepare(void)
{
    struct sigaction action = {.sa_handler = handler};

    allowed = inet("127.0.0.1", PORT);
    refused = inet("127.0.0.9", PORT);
    for (int i = 0; i < 2; i++) {
        own_streams[i] = unseen(SOCK_STREAM);
        own_datagrams[i] = unseen(SOCK_DGRAM);
    }
    sigaction(SIGUSR1, &action, NULL);
}

/* Where the stretch ends; the address is what counts. */
static __attribute__((noinline)) void stretch_end(void)
{
    __asm__ volatile("");
    close((int)MARK_END);
}

/* 7: there is no other pass. */
static bool stretch_begin(void)
{
    bool other = RAW(SYS_close, MARK_BEGIN, stretch_end) != 7;

    errno = UNTOUCHED;
    return other;
}

static void stretch_of_connects(int pass)
{
    int fd = unseen(pass & 1 ? SOCK_STREAM : SOCK_DGRAM), result;

    errno = UNTOUCHED;
    if (!stretch_begin())
        exit(wrong != 0);
    result = connect(fd, TO(refused));
    check_call("connect, refused", is_refusal(result));
    errno = UNTOUCHED;
    result = connect(fd, TO(allowed));
    check_call("connect, allowed", result == 0 && errno == UNTOUCHED);
    stretch_end();
    close(fd);
}

static void stretch_of_sends(void)
{
    int fd = unseen(SOCK_DGRAM);
    long result;

    if (!stretch_begin())
        exit(wrong != 0);
    result = sendto(fd, "x", 1, 0, TO(refused));
    check_call("sendto, refused", is_refusal(result));
    errno = UNTOUCHED;
    result = sendto(fd, "x", 1, 0, TO(allowed));
    check_call("sendto, allowed", result == 1 && errno == UNTOUCHED);
    stretch_end();
    close(fd);
}

static int client_of(const char *from, int type, int server)
{
    struct sockaddr_in own, source = inet(from, 0);
    socklen_t length = sizeof(own);
    int fd = (int)RAW(SYS_socket, AF_INET, type, 0);

    RAW(SYS_getsockname, server, &own, &length);
    must("client", RAW(SYS_bind, fd, &source, sizeof(source)));
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    must(from, RAW(SYS_connect, fd, &own, sizeof(own)));
    return fd;
}

static void stretch_of_receives(void)
{
    int fd = unseen(SOCK_DGRAM), bad = client_of("127.0.0.8", SOCK_DGRAM, fd);
    int good = client_of("127.0.0.1", SOCK_DGRAM, fd);
    char bytes[10];
    long result;

    RAW(SYS_sendto, bad, "bad", 3, 0, NULL, 0);
    RAW(SYS_sendto, good, "good", 4, 0, NULL, 0);
    errno = UNTOUCHED;
    if (!stretch_begin())
        exit(wrong != 0);
    result = recv(fd, bytes, sizeof(bytes), 0);
    check_call("recv", result == 4 && errno == UNTOUCHED);
    stretch_end();
    close(bad);
    close(good);
    close(fd);
}

static void stretch_of_accepts(void)
{
    static int listener = -1;
    int bad, good, taken;
    struct sockaddr_in from = {0};
    socklen_t length = sizeof(from);

    if (listener < 0) {
        struct sockaddr_in own = inet("0.0.0.0", 0);

        listener = (int)RAW(SYS_socket, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        RAW(SYS_bind, listener, &own, sizeof(own));
        RAW(SYS_listen, listener, 5);
    }
    bad = client_of("127.0.0.8", SOCK_STREAM, listener);
    good = client_of("127.0.0.1", SOCK_STREAM, listener);
    errno = UNTOUCHED;
    if (!stretch_begin())
        exit(wrong != 0);
    taken = accept(listener, (struct sockaddr *)&from, &length);
    check_call("accept", taken >= 0 && errno == UNTOUCHED && from.sin_addr.s_addr == allowed.sin_addr.s_addr);
    stretch_end();
    close(taken);
    close(bad);
    close(good);
}

static void stretch_of_reloads(int pass)
{
    publish(pass & 1 ? "b" : "a");
    refusal = EHOSTDOWN;
    other_refusal = ENETDOWN;
    stretch_of_connects(pass);
    refusal = other_refusal = pass & 1 ? ENETDOWN : EHOSTDOWN;
    check_call("the newer policy holds", is_refusal(connect(own_streams[1], TO(refused))));
    other_refusal = pass & 1 ? EHOSTDOWN : ENETDOWN;
}

static int subject(void)
{
    setvbuf(stdout, NULL, _IOFBF, 1 << 16);
    for (int pass = 0;; pass++) {
        if (strcmp(scenario, "connect") == 0)
            stretch_of_connects(pass);
        else if (strcmp(scenario, "send") == 0)
            stretch_of_sends();
        else if (strcmp(scenario, "receive") == 0)
            stretch_of_receives();
        else if (strcmp(scenario, "accept") == 0)
            stretch_of_accepts();
        else
            stretch_of_reloads(pass);
        if (wrong != 0)
            exit(1);
    }
}

int main(int argc, char **argv);

/* Runs before every constructor: a start that is stepped through goes from here to main. */
static void before_everything(int argc, char **argv)
{
    if (argc != 3 || strcmp(argv[1], "subject") != 0)
        return;
    scenario = argv[2];
    starting = strcmp(scenario, "start") == 0;
    if (!starting)
        return;
    handler_prepare();
    RAW(SYS_close, MARK_BEGIN, main);
}
__attribute__((section(".preinit_array"), used)) static void (*const first)(int, char **) = before_everything;

static int started(void)
{
    starting = false;
    check_call("connect afterwards, refused", is_refusal(connect(own_streams[1], TO(refused))));
    check_call("connect afterwards, allowed", connect(own_datagrams[1], TO(allowed)) == 0);
    return wrong != 0;
}

/* The tracer */

static pid_t child;
static long period, steps, signals_sent, pass_number;
static bool starting_passes; /* each is a process of its own, in which one signal comes */

static bool go(int request, int number, int *status)
{
    return ptrace((enum __ptrace_request)request, child, NULL, (void *)(long)number) == 0 &&
           waitpid(child, status, 0) == child && WIFSTOPPED(*status);
}

/* Which mark the child begins to make; 0: none. `end` gets where a stretch ends. */
static uint32_t mark_of(int status, uint64_t *end)
{
    struct __ptrace_syscall_info info;

    if (WSTOPSIG(status) != (SIGTRAP | 0x80) || ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof(info), &info) <= 0 ||
        info.op != PTRACE_SYSCALL_INFO_ENTRY || info.entry.nr != SYS_close)
        return 0;
    if ((uint32_t)info.entry.args[0] == MARK_BEGIN)
        *end = info.entry.args[1];
    return (uint32_t)info.entry.args[0];
}

/* Runs on to one of two marks; false: the child has ended. */
static bool run_to(uint32_t one, uint32_t other, int number, uint32_t *found, uint64_t *end, int *status)
{
    for (*found = 0; *found == 0 || (*found != one && *found != other);) {
        if (!go(PTRACE_SYSCALL, number, status))
            return false;
        *found = mark_of(*status, end);
        number = WSTOPSIG(*status) & 0x80 || WSTOPSIG(*status) == SIGTRAP ? 0 : WSTOPSIG(*status);
    }
    return true;
}

/* One stretch, with signals at every `period`-th instruction from `offset` on. */
static bool pass_over(long offset, uint64_t end, int *status)
{
    uint32_t found;
    uint64_t unused;

    for (long at = 0;; at++) {
        uint64_t here;

        if (!go(PTRACE_SINGLESTEP, 0, status))
            return false;
        steps++;
        here = (uint64_t)ptrace(PTRACE_PEEKUSER, child, (void *)offsetof(struct user_regs_struct, rip), NULL);
        if (here == end)
            return true;
        if (at % period != offset)
            continue;
        signals_sent++;
        if (!run_to(MARK_HANDLED, MARK_END, SIGUSR1, &found, &unused, status))
            return false;
        if (found == MARK_END || starting_passes)
            return true;
    }
}

static void child_begin(const char *object, char *self, const char *name)
{
    char *argv[] = {self, (char *)"subject", (char *)(uintptr_t)name, NULL};
    int status;

    child = fork();
    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        personality(ADDR_NO_RANDOMIZE);
        setenv("LD_PRELOAD", object, 1);
        execv(self, argv);
        _exit(127);
    }
    if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status) ||
        ptrace(PTRACE_SETOPTIONS, child, NULL, (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)) != 0)
        exit(77);
}

/* How the child ended. */
static bool ended_well(int status)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    printf("pass %ld ended by %s %d\n", pass_number, WIFSIGNALED(status) ? "signal" : "exit",
           WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    return false;
}

/* Passes of one process; or each of a process of its own, where it is the start that is stepped through. */
static bool passes(const char *object, char *self, const char *name, long count)
{
    uint32_t found;
    uint64_t end;
    int status;

    starting_passes = strcmp(name, "start") == 0;
    for (long pass = 0; pass < count; pass_number = ++pass) {
        if (pass == 0 || starting_passes)
            child_begin(object, self, name);
        if (!run_to(MARK_BEGIN, MARK_BEGIN, 0, &found, &end, &status) ||
            !pass_over(pass * (period / count > 0 ? period / count : 1) % period, end, &status))
            return ended_well(status);
        while (starting_passes && go(PTRACE_CONT, 0, &status))
            continue;
        if (starting_passes && !ended_well(status))
            return false;
    }
    if (starting_passes)
        return true;
    if (run_to(MARK_BEGIN, MARK_BEGIN, 0, &found, &end, &status)) {
        ptrace(PTRACE_POKEUSER, child, (void *)offsetof(struct user_regs_struct, orig_rax), (void *)-1L);
        go(PTRACE_SYSCALL, 0, &status);
        ptrace(PTRACE_POKEUSER, child, (void *)offsetof(struct user_regs_struct, rax), (void *)7L);
        while (go(PTRACE_CONT, 0, &status))
            continue;
    }
    return ended_well(status);
}

static int peer(const char *text, int type)
{
    struct sockaddr_in address = inet(text, PORT);
    int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    must("bind", bind(fd, (struct sockaddr *)&address, sizeof(address)));
    if (type == SOCK_STREAM)
        must("listen", listen(fd, 4096));
    return fd;
}

int main(int argc, char **argv)
{
    int stream, datagram;
    char byte;
    bool well;

    if (argc == 3 && strcmp(argv[1], "subject") == 0 && starting)
        return started();
    if (argc == 3 && strcmp(argv[1], "subject") == 0) {
        handler_prepare();
        folder = getenv("FAULTS_FOLDER");
        return subject();
    }
    if (argc != 5)
        return 2;
    period = atol(argv[3]);
    stream = peer("127.0.0.9", SOCK_STREAM);
    datagram = peer("127.0.0.9", SOCK_DGRAM);
    peer("127.0.0.1", SOCK_STREAM);
    peer("127.0.0.1", SOCK_DGRAM);
    well = passes(argv[1], argv[0], argv[2], atol(argv[4]));
    if (accept(stream, NULL, NULL) >= 0 || recv(datagram, &byte, 1, 0) >= 0) {
        printf("what is refused was reached\n");
        well = false;
    }
    printf("%ld instructions, %ld signals, %s\n", steps, signals_sent, well ? "nothing wrong" : "wrong");
    return well ? 0 : 1;
}
#else
int main(void)
{
    return 77;
}
#endif
