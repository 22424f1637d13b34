/* SPDX-License-Identifier: MIT */
/*
 * A compiler that the program cannot notice.
 *
 * A child that execs raises SIGCHLD for its parent whatever it was cloned with, since exec sets its exit signal back.
 * So there is a process in the middle: cloned with exit signal 0, it never execs; it starts the compiler, waits for it
 * with a time limit, and passes the status on. The program waits for it by __WALL: no signal, nothing left for its own
 * wait(), and a right status also where SIGCHLD is ignored (proved in tests/kernel/quiet_child.c).
 */
#include "shim/process.h"
#include "shim/real.h"
#include "shim/start.h"
#include "state/kernel.h"
#include "state/large.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Variables that the compiler needs to find the same folders as we do. */
#define CHILD_VARIABLES 6
#define CHILD_VARIABLE_MAX (PATH_MAX + 32)

struct child_command {
    char path[PATH_MAX];
    const char *argv[6];
    char *envp[CHILD_VARIABLES + 1];
    char variables[CHILD_VARIABLES][CHILD_VARIABLE_MAX];
};

/* The command beside our own object, else the installed one; never through PATH. */
static bool command_find(char out[PATH_MAX])
{
    const char *own = own_object();
    const char *slash = strrchr(own, '/');

    if (slash != NULL && slash - own < PATH_MAX) {
        LARGE static char folder[PATH_MAX]; /* reloads run on small stacks, and one at a time */

        memcpy(folder, own, (size_t)(slash - own));
        folder[slash - own] = '\0';
        if (path_join(out, folder, "sockade") && access(out, X_OK) == 0)
            return true;
    }
    memcpy(out, INSTALLED_COMMAND, sizeof(INSTALLED_COMMAND));
    return access(out, X_OK) == 0;
}

static void variable_add(struct child_command *command, int *count, const char *name, const char *value)
{
    size_t name_length = strlen(name);
    size_t value_length = value == NULL ? 0 : strlen(value);
    char *out = command->variables[*count];

    if (value == NULL || name_length + 1 + value_length >= CHILD_VARIABLE_MAX)
        return;
    memcpy(out, name, name_length);
    out[name_length] = '=';
    memcpy(out + name_length + 1, value, value_length + 1);
    command->envp[(*count)++] = out;
}

static bool command_make(struct child_command *command, const struct layer_place *place,
                         const struct surroundings *surroundings)
{
    int count = 0;
    int argc = 0;

    command->argv[argc++] = "sockade";
    command->argv[argc++] = "compile";
    command->argv[argc++] = "--fresh";
    command->argv[argc++] = "--quiet";
    command->argv[argc++] = place->system ? "--system" : place->path;
    command->argv[argc] = NULL;
    variable_add(command, &count, "HOME", surroundings->home);
    variable_add(command, &count, "XDG_CONFIG_HOME", surroundings->config_home);
    variable_add(command, &count, "XDG_RUNTIME_DIR", surroundings->runtime_dir);
    variable_add(command, &count, "XDG_CACHE_HOME", surroundings->cache_home);
    command->envp[count] = NULL;
    return command_find(command->path);
}

/* No descriptor of the program's reaches the compiler; 0 to 2 are /dev/null. */
static void close_everything(void)
{
    struct rlimit limit = {.rlim_cur = 1024};
    int null = kernel_open(AT_FDCWD, "/dev/null", O_RDWR, 0);

    for (int fd = 0; fd <= 2 && null >= 0; fd++)
        kernel_call(SYS_dup3, null, fd, 0);
#ifdef SYS_close_range
    if (kernel_call(SYS_close_range, 3, ~0u, 0) == 0)
        return;
#endif
    getrlimit(RLIMIT_NOFILE, &limit);
    for (int fd = 3; fd < 65536 && (rlim_t)fd < limit.rlim_cur; fd++)
        kernel_call(SYS_close, fd);
}

/* Waits for the compiler, at most COMPILE_SECONDS. */
static int middle_wait(pid_t compiler)
{
    const struct timespec pause = {.tv_nsec = 500000};
    int status = 0;

    for (int i = 0; i < COMPILE_SECONDS * 2000; i++) {
        pid_t ended = (pid_t)kernel_call(SYS_wait4, compiler, &status, WNOHANG, NULL);

        if (ended == compiler)
            return WIFEXITED(status) ? WEXITSTATUS(status) : 125;
        if (ended < 0)
            return 125;
        nanosleep(&pause, NULL);
    }
    kernel_call(SYS_kill, compiler, SIGKILL);
    return 124;
}

/* The process in the middle; all signals are blocked. */
static _Noreturn void middle(struct child_command *command)
{
    struct sigaction usual = {.sa_handler = SIG_DFL};
    pid_t compiler;

    sigaction(SIGCHLD, &usual, NULL); /* an inherited SIG_IGN would take the compiler's status away */
    close_everything();
    /* Not vfork, which a program may define, nor its sharing of memory: the stack would have to be another. */
    compiler = (pid_t)kernel_call(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
    if (compiler == 0) {
        /* Not by the name, which is our own hook: the compiler is to be started without us. */
        kernel_call(SYS_execve, command->path, command->argv, command->envp);
        _exit(125);
    }
    _exit(compiler > 0 ? middle_wait(compiler) : 125);
}

bool compile_child_run(const struct layer_place *place, const struct surroundings *surroundings)
{
    LARGE static struct child_command command;
    sigset_t all;
    sigset_t before;
    int status = -1;
    long pid;

    if (!command_make(&command, place, surroundings))
        return false;
    sigfillset(&all);
    kernel_signal_mask(&all, &before);
    pid = kernel_call(SYS_clone, 0, NULL, NULL, NULL, NULL);
    if (pid == 0)
        middle(&command);
    if (pid > 0) {
        while (kernel_call(SYS_wait4, pid, &status, __WALL, NULL) < 0 && errno == EINTR)
            continue;
    }
    kernel_signal_mask(&before, NULL);
    return pid > 0 && status == 0;
}
