/* SPDX-License-Identifier: MIT */
/*
 * A child that the program around us cannot notice: made by clone(2) with no exit signal, never exec'ing, waited for
 * with __WALL. It may vfork and exec another program and pass its status on; exec'ing itself would give it away.
 */
#include "tests/kernel/proof.h"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define STATUS 42

static volatile sig_atomic_t signals_seen;

static void count_signal(int number)
{
    (void)number;
    signals_seen++;
}

static pid_t clone_quietly(void)
{
    return (pid_t)syscall(SYS_clone, 0, NULL, NULL, NULL, 0); /* zeros stand right in every order of arguments */
}

/* In a vfork child: becomes this program with the one argument that makes it exit with STATUS. */
static void become_grandchild(void)
{
    char *arguments[] = {"quiet_child", "exit", NULL};
    char *environment[] = {NULL};
    execve("/proc/self/exe", arguments, environment);
    _exit(127);
}

static void just_exit(void)
{
    _exit(STATUS);
}

/* The middle process: its own SIGCHLD must be the default, or the kernel would reap the grandchild unasked. */
static void run_another(void)
{
    int status = 0;
    signal(SIGCHLD, SIG_DFL);
    pid_t grandchild = vfork();
    if (grandchild == 0)
        become_grandchild();
    if (grandchild < 0 || waitpid(grandchild, &status, 0) != grandchild || !WIFEXITED(status))
        _exit(1);
    _exit(WEXITSTATUS(status));
}

/* Waits until `pid` has ended, without taking its status. */
static void wait_for_end(pid_t pid)
{
    siginfo_t info;
    prove(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | __WALL) == 0, "waitid with __WALL and WNOWAIT");
}

/* Nobody but who asks with __WALL hears of a child that does `what`. */
static void child_is_quiet(void (*what)(void), const char *name)
{
    siginfo_t info;
    int status = 0;
    signals_seen = 0;
    pid_t child = clone_quietly();
    if (child == 0)
        what();
    prove(child > 0, "clone");
    wait_for_end(child);
    prove_fails(waitpid(-1, &status, WNOHANG), ECHILD, "waitpid(-1) without __WALL");
    prove_fails(waitpid(child, &status, WNOHANG), ECHILD, "waitpid(pid) without __WALL");
    prove_fails(waitid(P_ALL, 0, &info, WEXITED | WNOHANG), ECHILD, "waitid without __WALL");
    prove(waitpid(child, &status, __WALL) == child, "%s: waitpid with __WALL", name);
    prove(WIFEXITED(status) && WEXITSTATUS(status) == STATUS, "%s: its status, not %x", name, (unsigned)status);
    prove(signals_seen == 0, "%s: no SIGCHLD", name);
}

/* wait() goes on to see the program's own children, and only those. */
static void own_children_are_seen(void)
{
    int status;
    pid_t quiet = clone_quietly();
    if (quiet == 0)
        _exit(STATUS);
    pid_t own = fork();
    if (own == 0)
        _exit(1);
    wait_for_end(quiet);
    prove(wait(&status) == own && status == 0x100, "wait gives the program's own child");
    prove_fails(wait(&status), ECHILD, "and no other");
    prove(waitpid(quiet, &status, __WALL) == quiet, "the quiet one is still there");
}

/* Why the middle process is needed: exec puts the exit signal back to SIGCHLD. */
static void exec_gives_it_away(void)
{
    int status;
    signals_seen = 0;
    pid_t child = clone_quietly();
    if (child == 0)
        become_grandchild();
    prove(child > 0, "clone");
    wait_for_end(child);
    prove(signals_seen == 1, "a quiet child that execs is told of by SIGCHLD");
    prove(waitpid(-1, &status, 0) == child, "and seen by waitpid(-1)");
}

int main(int count, char **arguments)
{
    if (count == 2 && strcmp(arguments[1], "exit") == 0)
        return STATUS;

    signal(SIGCHLD, count_signal);
    child_is_quiet(just_exit, "SIGCHLD handled, exit");
    child_is_quiet(run_another, "SIGCHLD handled, vfork and exec");
    own_children_are_seen();
    exec_gives_it_away();
    signal(SIGCHLD, SIG_IGN);
    child_is_quiet(just_exit, "SIGCHLD ignored, exit");
    child_is_quiet(run_another, "SIGCHLD ignored, vfork and exec");
    signal(SIGCHLD, SIG_DFL);
    child_is_quiet(run_another, "SIGCHLD by default, vfork and exec");
    return proved("a clone child without exit signal that does not exec is unnoticed, and its status comes by __WALL");
}
