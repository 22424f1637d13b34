/* SPDX-License-Identifier: MIT */
/*
 * Runs a command and kills it at one of its system calls: for tests of what a writer leaves behind.
 *
 * usage: killed_at N COMMAND [ARG...]
 *   kills it by SIGKILL when it begins its N-th system call since the first flock(2), from 0 on. Exit 0: it was killed,
 *   3: it ended before that, 4: it cannot be traced.
 */
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The number of the system call that begins here, or -1 where one ends. */
static long call_beginning(pid_t child)
{
    struct __ptrace_syscall_info info;

    if (ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof(info), &info) <= 0 || info.op != PTRACE_SYSCALL_INFO_ENTRY)
        return -1;
    return (long)info.entry.nr;
}

int main(int argc, char **argv)
{
    long left = argc > 2 ? atol(argv[1]) : -1;
    int status, begun = 0;
    pid_t child;

    if (left < 0)
        return 4;
    child = fork();
    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        execv(argv[2], argv + 2);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFSTOPPED(status) ||
        ptrace(PTRACE_SETOPTIONS, child, NULL, (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)) != 0)
        return 4;
    for (;;) {
        int sent = WSTOPSIG(status) == (SIGTRAP | 0x80) || WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
        long number;

        if (ptrace(PTRACE_SYSCALL, child, NULL, (void *)(long)sent) != 0 || waitpid(child, &status, 0) != child)
            return 4;
        if (!WIFSTOPPED(status))
            return 3;
        number = WSTOPSIG(status) == (SIGTRAP | 0x80) ? call_beginning(child) : -1;
        begun |= number == SYS_flock;
        if (number >= 0 && begun && left-- == 0) {
            kill(child, SIGKILL);
            waitpid(child, &status, 0);
            return 0;
        }
    }
}
