/* SPDX-License-Identifier: MIT */
/*
 * System calls by number: with the shim syscall(2) returns what it returns without, for numbers that are policed and
 * for all others, and is no cancellation point. (Every other test of this folder is run by number too:
 * tests/hooks/numbers.sh.)
 */
#include "hook_test.h"

#include "state/call.c" /* past the hooks */

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

static char buffer[64];
static int in, out;

/* Numbers that nobody looks at, and some that there are not. */
static void plain(void)
{
    CHECK("getppid", syscall(SYS_getppid) == getppid());
    CHECK("a number that is none", syscall(9999));
    CHECK("one below all", syscall(-2));
    CHECK("close of -1", syscall(SYS_close, -1));
    CHECK("futex", syscall(SYS_futex, buffer, 1, 1, NULL, NULL, 0));
    CHECK("six arguments", syscall(SYS_mmap, NULL, 0, 0, 0, -1, 0) == -1);
#if UINTPTR_MAX > UINT32_MAX
    CHECK("the kernel looks at half a number", syscall(SYS_connect | 1L << 40, -1, NULL, 0));
#endif
}

static void errors(void)
{
    struct sockaddr_in name;

    CHECK("connect", syscall(SYS_connect, -1, &name, sizeof(name)));
    CHECK("connect, bad pointer", syscall(SYS_connect, out, BAD_POINTER, sizeof(name)));
    CHECK("bind", syscall(SYS_bind, -1, &name, sizeof(name)));
    CHECK("listen", syscall(SYS_listen, -1, 1));
    CHECK("accept4", syscall(SYS_accept4, -1, NULL, NULL, 0));
    CHECK("sendto", syscall(SYS_sendto, -1, "x", 1, 0, NULL, 0));
    CHECK("sendmsg", syscall(SYS_sendmsg, out, BAD_POINTER, 0));
    CHECK("sendmmsg", syscall(SYS_sendmmsg, out, BAD_POINTER, 1, 0));
    CHECK("recvfrom", syscall(SYS_recvfrom, -1, buffer, 1, 0, NULL, NULL));
    CHECK("recvmsg", syscall(SYS_recvmsg, in, BAD_POINTER, MSG_DONTWAIT));
    CHECK("recvmmsg", syscall(SYS_recvmmsg, in, BAD_POINTER, 1, MSG_DONTWAIT, NULL));
    CHECK("recvmmsg, bad time", syscall(SYS_recvmmsg, in, NULL, 0, 0, BAD_POINTER));
    CHECK("socket", syscall(SYS_socket, 4711, SOCK_STREAM, 0));
    CHECK("socketpair", syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, BAD_POINTER));
    CHECK("setsockopt", syscall(SYS_setsockopt, -1, SOL_SOCKET, SO_REUSEADDR, NULL, 0));
    CHECK("getsockopt", syscall(SYS_getsockopt, in, SOL_SOCKET, SO_TYPE, NO_POINTER, NO_POINTER));
    CHECK("getsockname", syscall(SYS_getsockname, -1, &name, NO_POINTER));
    CHECK("getpeername", syscall(SYS_getpeername, in, &name, NO_POINTER));
    CHECK("read", syscall(SYS_read, -1, buffer, 1));
    CHECK("write", syscall(SYS_write, -1, buffer, 1));
    CHECK("readv", syscall(SYS_readv, -1, NO_POINTER, 1));
    CHECK("writev", syscall(SYS_writev, -1, NO_POINTER, 1));
    CHECK("ioctl", syscall(SYS_ioctl, -1, 0, 0));
    CHECK("fcntl", syscall(SYS_fcntl, -1, F_GETFL, 0));
    CHECK("F_DUPFD", syscall(SYS_fcntl, -1, F_DUPFD, 0));
    CHECK("F_GETLK", syscall(SYS_fcntl, in, F_GETLK, BAD_POINTER));
    CHECK("dup", syscall(SYS_dup, -1));
    CHECK("dup3", syscall(SYS_dup3, in, in, 0));
    CHECK("epoll_ctl", syscall(SYS_epoll_ctl, -1, EPOLL_CTL_ADD, in, NULL));
    CHECK("epoll_pwait", syscall(SYS_epoll_pwait, -1, buffer, 1, 0, NULL, 8));
    CHECK("ppoll, size of the mask", syscall(SYS_ppoll, NULL, 0, &(struct timespec){0}, buffer, 3));
    CHECK("ppoll, bad time", syscall(SYS_ppoll, NULL, 0, BAD_POINTER, NULL, 8));
    CHECK("ppoll, no time", syscall(SYS_ppoll, NULL, 0, &(struct timespec){0, 2000000000}, NULL, 8));
    CHECK("execve", syscall(SYS_execve, "/proc/nonexistent", NULL, NULL));
    CHECK("execve, bad pointer", syscall(SYS_execve, BAD_POINTER, NULL, NULL));
    CHECK("execveat", syscall(SYS_execveat, AT_FDCWD, "/proc/nonexistent", NULL, NULL, 0));
    CHECK("seccomp", syscall(SYS_seccomp, 99, 0, NULL));
    CHECK("seccomp, a question", syscall(SYS_seccomp, 1, 0, NULL));
    CHECK("prctl", syscall(SYS_prctl, 4711, 0, 0, 0, 0));
}

/* Each once as it is meant. */
static void results(void)
{
    struct sockaddr_in name = inet_address("127.0.0.1", port_of(in));
    struct iovec part = {buffer, sizeof(buffer)};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    struct mmsghdr entry = {.msg_hdr = message};
    struct sockaddr_in from = {0};
    socklen_t length = sizeof(from);
    int fd;

    CHECK("sendto", syscall(SYS_sendto, out, "hello", 5, 0, &name, sizeof(name)));
    CHECK("recvfrom", syscall(SYS_recvfrom, in, buffer, sizeof(buffer), 0, &from, &length));
    say_value("  its port", ntohs(from.sin_port) == port_of(out));
    CHECK("connect", syscall(SYS_connect, out, &name, sizeof(name)));
    for (int i = 0; i < 4; i++)
        must("write", syscall(SYS_write, out, "abc", 3));
    CHECK("recvmsg", syscall(SYS_recvmsg, in, &message, 0));
    CHECK("recvmmsg", syscall(SYS_recvmmsg, in, &entry, 1, 0, NULL));
    CHECK("read", syscall(SYS_read, in, buffer, sizeof(buffer)));
    CHECK("readv", syscall(SYS_readv, in, &part, 1));
    CHECK("recvfrom, nothing", syscall(SYS_recvfrom, in, buffer, 1, MSG_DONTWAIT, NULL, NULL));
    fd = (int)syscall(SYS_dup, in);
    CHECK("dup", fd > in);
    CHECK("dup3", syscall(SYS_dup3, in, fd, O_CLOEXEC) == fd);
    CHECK("F_DUPFD", syscall(SYS_fcntl, in, F_DUPFD, 50));
    CHECK("close", syscall(SYS_close, 50));
    close(fd);
}

/* The kernel writes back what is left of the time. */
static void times(void)
{
    struct timespec time = {2, 0};
    struct pollfd entry = {.fd = in, .events = POLLIN};
    fd_set set;

    FD_ZERO(&set);
    FD_SET(in, &set);
    must("write", syscall(SYS_write, out, "abc", 3));
    CHECK("ppoll", syscall(SYS_ppoll, &entry, 1, &time, NULL, 8));
    say_value("  it has time left", time.tv_sec == 1 && time.tv_nsec > 0);
    time = (struct timespec){2, 0};
    CHECK("pselect6", syscall(SYS_pselect6, in + 1, &set, NULL, NULL, &time, NULL));
    say_value("  it has time left", time.tv_sec == 1 && time.tv_nsec > 0);
    must("recv", recv(in, buffer, sizeof(buffer), 0));
    time = (struct timespec){0, 20000000};
    CHECK("ppoll, nothing", syscall(SYS_ppoll, &entry, 1, &time, NULL, 8));
    say_value("  it has no time left", time.tv_sec == 0 && time.tv_nsec == 0);
}

/* A thread that was cancelled goes on behind a call by number, which libc's own function would have ended. */
static void *not_cancelled(void *argument)
{
    struct sockaddr_in name = inet_address("127.0.0.1", port_of(in));

    (void)argument;
    pthread_cancel(pthread_self());
    must("sendto", syscall(SYS_sendto, out, "x", 1, 0, NULL, 0));
    must("recvfrom", syscall(SYS_recvfrom, in, buffer, sizeof(buffer), 0, &name, &(socklen_t){sizeof(name)}));
    must("getppid", syscall(SYS_getppid));
    say("the thread lives", 1);
    pthread_testcancel();
    say("not any more", 0);
    return NULL;
}

static void cancellation(void)
{
    pthread_t thread;
    void *result = NULL;

    errno = UNTOUCHED;
    must("pthread_create", -pthread_create(&thread, NULL, not_cancelled, NULL));
    pthread_join(thread, &result);
    say_value("cancelled in the end", result == PTHREAD_CANCELED);
}

static void wait_for(const char *name, long pid)
{
    int status = 0;

    must(name, pid);
    must("waitpid", waitpid((pid_t)pid, &status, 0));
    say_value(name, WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
}

#ifdef __x86_64__
__attribute__((noreturn)) static void on_new_stack(void)
{
    syscall(SYS_exit_group, 11);
    __builtin_unreachable();
}
#endif

#ifdef SYS_vfork
/* Without a step on the stack. */
static inline __attribute__((always_inline)) void leave(long status)
{
#ifdef __i386__
    __asm__ volatile("int $0x80" : : "a"(SYS_exit), "b"(status));
#else
    kernel_call(SYS_exit, status);
#endif
}
#endif

/* Processes: the call returns twice, on whatever stack. */
static void processes(void)
{
    char *argv[] = {(char *)"sh", (char *)"-c", (char *)"exit 9", NULL};
    long pid;

#ifdef SYS_fork
    pid = syscall(SYS_fork);
    if (pid == 0)
        _exit(7);
    wait_for("fork", pid);
#endif
#ifdef SYS_vfork
    pid = syscall(SYS_vfork); /* the child must not call anything: it would write over where the parent returns to */
    if (pid == 0)
        leave(8);
    wait_for("vfork", pid);
#endif
    pid = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid == 0) {
        syscall(SYS_execve, "/bin/sh", argv, environ);
        _exit(10);
    }
    wait_for("clone and execve", pid);
#ifdef __x86_64__
    {
        static _Alignas(16) void *stack[4096];

        stack[4080] = (void *)on_new_stack; /* where the child's return leads */
        pid = syscall(SYS_clone, CLONE_VM | SIGCHLD, &stack[4080], NULL, NULL, NULL);
        wait_for("clone with a stack of its own", pid);
    }
#endif
}

#ifdef SYS_socketcall
#include <linux/net.h>

static long socketcall(int call, long a, long b, long c, long d, long e, long f)
{
    return syscall(SYS_socketcall, call, (long[]){a, b, c, d, e, f});
}

static void socketcalls(void)
{
    struct sockaddr_in name = inet_address("127.0.0.1", port_of(in));
    struct iovec part = {buffer, sizeof(buffer)};
    struct mmsghdr entry = {.msg_hdr = {.msg_iov = &part, .msg_iovlen = 1}};
    struct sockaddr_in from = {0};
    socklen_t length = sizeof(from);
    int pair[2], value = 0;
    socklen_t size = sizeof(value);
    long fd = socketcall(SYS_SOCKET, AF_INET, SOCK_DGRAM, 0, 0, 0, 0);

    CHECK("socket", fd > 2);
    from = inet_address("127.0.0.1", 0);
    CHECK("bind", socketcall(SYS_BIND, fd, (long)&from, sizeof(from), 0, 0, 0));
    CHECK("listen", socketcall(SYS_LISTEN, fd, 1, 0, 0, 0, 0));
    CHECK("accept", socketcall(SYS_ACCEPT, fd, 0, 0, 0, 0, 0));
    CHECK("accept4", socketcall(SYS_ACCEPT4, fd, 0, 0, 0, 0, 0));
    CHECK("connect", socketcall(SYS_CONNECT, fd, (long)&name, sizeof(name), 0, 0, 0));
    CHECK("getsockname", socketcall(SYS_GETSOCKNAME, fd, (long)&from, (long)&length, 0, 0, 0));
    CHECK("getpeername", socketcall(SYS_GETPEERNAME, fd, (long)&from, (long)&length, 0, 0, 0));
    CHECK("socketpair", socketcall(SYS_SOCKETPAIR, AF_UNIX, SOCK_DGRAM, 0, (long)pair, 0, 0));
    CHECK("getsockopt", socketcall(SYS_GETSOCKOPT, fd, SOL_SOCKET, SO_TYPE, (long)&value, (long)&size, 0));
    CHECK("setsockopt", socketcall(SYS_SETSOCKOPT, fd, SOL_SOCKET, SO_BROADCAST, (long)&value, size, 0));
    CHECK("send", socketcall(SYS_SEND, fd, (long)"abc", 3, 0, 0, 0));
    CHECK("sendto", socketcall(SYS_SENDTO, fd, (long)"abc", 3, 0, (long)&name, sizeof(name)));
    part.iov_len = 3;
    CHECK("sendmsg", socketcall(SYS_SENDMSG, fd, (long)&entry.msg_hdr, 0, 0, 0, 0));
    CHECK("sendmmsg", socketcall(SYS_SENDMMSG, fd, (long)&entry, 1, 0, 0, 0));
    CHECK("recv", socketcall(SYS_RECV, in, (long)buffer, 2, 0, 0, 0));
    CHECK("recvfrom", socketcall(SYS_RECVFROM, in, (long)buffer, 3, 0, (long)&from, (long)&length));
    CHECK("recvmsg", socketcall(SYS_RECVMSG, in, (long)&entry.msg_hdr, 0, 0, 0, 0));
    CHECK("recvmmsg", socketcall(SYS_RECVMMSG, in, (long)&entry, 1, 0, (long)&(struct timespec){1, 0}, 0));
    CHECK("recvmmsg, bad time", socketcall(SYS_RECVMMSG, in, (long)&entry, 1, MSG_DONTWAIT, (long)BAD_POINTER, 0));
    CHECK("shutdown", socketcall(SYS_SHUTDOWN, in, SHUT_RD, 0, 0, 0, 0));
    CHECK("none", socketcall(99, 0, 0, 0, 0, 0, 0));
    CHECK("no arguments", syscall(SYS_socketcall, SYS_CONNECT, BAD_POINTER));
    close((int)fd);
}
#endif

int main(void)
{
    deadline(30);
    in = bound("127.0.0.1", 0, SOCK_DGRAM);
    out = bound("127.0.0.1", 0, SOCK_DGRAM);
    plain();
    errors();
    results();
    times();
    cancellation();
    processes();
#ifdef SYS_socketcall
    socketcalls();
#endif
    return 0;
}
