/* SPDX-License-Identifier: MIT */
/*
 * Fault injection: runs a program preloaded, again and again, and lets the n-th system call that the object makes
 * fail, for every n and with every errno that the call may have.
 *
 * usage: faults OBJECT HOW STEP [-w] [-f FOLDER] PROGRAM SCENARIO
 *   HOW      each: one call fails; on: it and all later ones fail, as where something has run out
 *   STEP     0: each call with each of its errnos; N: every N-th call, with one of them
 *   -w       the calls begin with the program's start, and not with its mark
 *   -f       the files of FOLDER are removed before each run (images, so that the compiler is started)
 *
 * Whose a call is: the object makes its own by its own instruction, so the instruction pointer lies in it; what it
 * asks of the kernel by a real function of libc has a return address in it on top of the stack, since libc's thin
 * calls push nothing in a process of one thread. A call that the object merely passes on by a jump is the program's.
 *
 * The program marks the window by close(-1000) and close(-1001), which gives it the errno that its fault had (0:
 * there was none, 4094: several), checks everything itself, says what is wrong on its standard output, and ends with
 * 0 where nothing is. What is refused is watched here: 127.0.0.9 listens for it, and nothing may ever come. Exit: 0
 * where nothing is wrong, 77 where there is no way to do this.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define PORT 7000
#define MARK_BEGIN ((uint32_t)-1000)
#define MARK_END ((uint32_t)-1001)
#define CALLS_MAX 5000
#define TASKS 16
#define SECONDS 8  /* that a run may take */
#define SHORT 4095 /* no errno: half of the bytes */
#define ANY 4094   /* no errno: several of them */

#ifdef __x86_64__

/* What a call may fail with: what its manual page says, and what seccomp filters answer. */
static const struct {
    long number; /* -1: any other */
    int errors[9];
} failures[] = {
    {SYS_openat, {EMFILE, ENFILE, ENOMEM, EACCES, EINTR, EIO, ENOSYS, EPERM}},
    {SYS_mmap, {ENOMEM, EPERM, EAGAIN, ENOSYS}},
    {SYS_mremap, {ENOMEM, EFAULT, ENOSYS}},
    {SYS_munmap, {ENOMEM, ENOSYS}},
    {SYS_madvise, {ENOMEM, EINVAL, ENOSYS}},
    {SYS_write, {ENOSPC, EDQUOT, EIO, EINTR, EFBIG, EAGAIN, EPIPE, SHORT}},
    {SYS_read, {EIO, EINTR, EAGAIN, ENOSYS, SHORT}},
    {SYS_pread64, {EIO, EINTR, ENOSYS, SHORT}},
    {SYS_newfstatat, {EACCES, ENOMEM, EIO, ENOSYS, EPERM}},
    {SYS_fstat, {EIO, ENOMEM, ENOSYS, EPERM}},
    {SYS_getsockopt, {EPERM, ENOSYS, ENOBUFS, EACCES}},
    {SYS_setsockopt, {EPERM, ENOSYS, ENOMEM, ENOPROTOOPT}},
    {SYS_getsockname, {EPERM, ENOSYS, ENOBUFS}},
    {SYS_getpeername, {EPERM, ENOSYS, ENOBUFS}},
    {SYS_socket, {EMFILE, ENFILE, ENOBUFS, ENOMEM, EPERM, EACCES, ENOSYS}},
    {SYS_bind, {EPERM, EACCES, EADDRINUSE, ENOSYS}},
    {SYS_recvmsg, {EPERM, ENOSYS, ENOMEM, EINTR, EAGAIN}},
    {SYS_recvfrom, {EPERM, ENOSYS, ENOMEM, EINTR, EAGAIN}},
    {SYS_sendmsg, {EPERM, ENOSYS, ENOBUFS, ENOMEM, EINTR, EAGAIN}},
    {SYS_sendto, {EPERM, ENOSYS, ENOBUFS, ENOMEM, EINTR, EAGAIN}},
    {SYS_ppoll, {EINTR, ENOMEM, ENOSYS, EPERM}},
    {SYS_epoll_ctl, {ENOMEM, ENOSPC, EPERM, ENOSYS}},
    {SYS_clone, {EAGAIN, ENOMEM, ENOSYS, EPERM}},
    {SYS_vfork, {EAGAIN, ENOMEM, ENOSYS}},
    {SYS_wait4, {EINTR}},
    {SYS_execve, {EACCES, ENOMEM, EIO, ENOSYS}},
    {SYS_fgetxattr, {ENOMEM, EIO, ENOSYS, EPERM}},
    {SYS_getxattr, {ENOMEM, EIO, ENOSYS, EPERM}},
    {SYS_faccessat, {ENOMEM, EIO, ENOSYS, EPERM}},
    {SYS_readlinkat, {ENOMEM, EIO, ENOSYS, EACCES}},
    {SYS_futex, {ENOSYS, EINTR, ETIMEDOUT}},
    {SYS_kill, {EPERM, ESRCH, ENOSYS}},
    {SYS_renameat, {ENOSPC, EDQUOT, EACCES, EIO, EROFS}},
    {SYS_mkdirat, {ENOSPC, EDQUOT, EACCES, EROFS}},
    {SYS_flock, {EWOULDBLOCK, ENOLCK, EINTR, ENOSYS}},
    {-1, {EPERM, ENOSYS, ENOMEM}},
};

struct plan {
    int at; /* the number of the call that fails; -1: none */
    int which;
    bool later_too;
};

struct task {
    pid_t pid;
    int answer; /* what the call that it is in shall give, negated; 0: what the kernel gives */
};

/* One run. */
static struct {
    struct plan plan;
    struct task tasks[TASKS];
    pid_t main;
    bool armed;
    int count;                /* calls of the object so far */
    int failed, errors_there; /* which errno was given, and how many more there are for this call */
    char what[200];
} run;

static const char *object;
static uint64_t text_start, text_end;
static int refused_stream, refused_datagram, allowed_stream, allowed_datagram, said;
static volatile sig_atomic_t late;

static struct task *task_of(pid_t pid)
{
    for (int i = 0; i < TASKS; i++) {
        if (run.tasks[i].pid == pid)
            return &run.tasks[i];
    }
    for (int i = 0; i < TASKS; i++) {
        if (run.tasks[i].pid == 0) {
            run.tasks[i] = (struct task){.pid = pid};
            return &run.tasks[i];
        }
    }
    return NULL;
}

/* Where the object's instructions are; addresses are not random here, so that it is found once. */
static void object_find(pid_t pid)
{
    char path[40], line[600];
    unsigned long start, end;
    FILE *maps;

    snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
    maps = fopen(path, "re");
    while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
        if (strstr(line, object) != NULL && strstr(line, " r-xp ") != NULL &&
            sscanf(line, "%lx-%lx", &start, &end) == 2) {
            text_start = start;
            text_end = end;
        }
    }
    if (maps != NULL)
        fclose(maps);
}

static bool is_objects(pid_t pid, const struct __ptrace_syscall_info *info)
{
    uint64_t from;

    if (info->instruction_pointer >= text_start && info->instruction_pointer < text_end)
        return true;
    from = (uint64_t)ptrace(PTRACE_PEEKDATA, pid, (void *)(uintptr_t)info->stack_pointer, NULL);
    return from >= text_start && from < text_end;
}

static const int *errors_of(long number)
{
    size_t i = 0;

    while (failures[i].number != number && failures[i].number != -1)
        i++;
    return failures[i].errors;
}

/* The call is not made, and gives this. */
static void call_answer(struct task *task, int negated)
{
    task->answer = negated;
    ptrace(PTRACE_POKEUSER, task->pid, (void *)offsetof(struct user_regs_struct, orig_rax), (void *)-1L);
}

/* Makes the call fail; or gives it half of its bytes. */
static void fail(struct task *task, const struct __ptrace_syscall_info *info)
{
    const int *errors = errors_of((long)info->entry.nr);
    int known = 0;

    while (known < 9 && errors[known] != 0)
        known++;
    run.failed = errors[run.plan.which % known];
    if (run.plan.later_too && (run.failed == EINTR || run.failed == EAGAIN)) /* nothing does so for ever */
        run.failed = errors[0];
    if (run.count == run.plan.at) {
        run.errors_there = known;
        snprintf(run.what, sizeof(run.what), "call %d (number %ld at %s+0x%lx) gives %s", run.count,
                 (long)info->entry.nr, info->instruction_pointer < text_start ? "?" : "text",
                 (unsigned long)(info->instruction_pointer - text_start),
                 run.failed == SHORT ? "half" : strerrorname_np(run.failed));
    }
    if (run.failed == SHORT) {
        ptrace(PTRACE_POKEUSER, task->pid, (void *)offsetof(struct user_regs_struct, rdx),
               (void *)(uintptr_t)(info->entry.args[2] / 2));
        return;
    }
    call_answer(task, run.failed);
}

/*
 * What never fails; close(2), which closes also where it says that it failed; and the signal mask, which is put back
 * or not.
 */
static bool may_fail(const struct __ptrace_syscall_info *info)
{
    static const unsigned never[] = {SYS_exit_group, SYS_exit,           SYS_close,    SYS_gettid,
                                     SYS_getpid,     SYS_rt_sigprocmask, SYS_nanosleep};

    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
        if (info->entry.nr == never[i])
            return false;
    }
    return info->entry.nr != SYS_wait4 || (!run.plan.later_too && info->entry.args[2] != (WNOHANG)); /* tried again */
}

static void call_begins(struct task *task, const struct __ptrace_syscall_info *info)
{
    uint32_t first = (uint32_t)info->entry.args[0];

    if (info->entry.nr == SYS_close && (first == MARK_BEGIN || first == MARK_END)) {
        run.armed = first == MARK_BEGIN;
        if (first == MARK_END && run.failed != 0)
            call_answer(task, run.plan.later_too ? -ANY : -run.failed);
        return;
    }
    if (!run.armed || text_end == 0 || !may_fail(info) || !is_objects(task->pid, info))
        return;
    if (getenv("FAULTS_TRACE") != NULL)
        fprintf(stderr, "%d: %ld at +0x%lx\n", run.count, (long)info->entry.nr,
                (unsigned long)(info->instruction_pointer - text_start));
    if (run.plan.at >= 0 && (run.count == run.plan.at || (run.plan.later_too && run.count > run.plan.at)))
        fail(task, info);
    run.count++;
}

static void call_ends(struct task *task, const struct __ptrace_syscall_info *info)
{
    if (task->answer != 0)
        ptrace(PTRACE_POKEUSER, task->pid, (void *)offsetof(struct user_regs_struct, rax), (void *)(long)-task->answer);
    task->answer = 0;
    if (text_end == 0 && info->exit.is_error == 0)
        object_find(task->pid);
}

/* A stop of one task; what to send it when it goes on, or -1 where it is let go. */
static int stopped(pid_t pid, int status)
{
    struct task *task = task_of(pid);
    struct __ptrace_syscall_info info;
    int event = status >> 16;

    if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
        if (task == NULL || ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) <= 0)
            return 0;
        if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
            call_begins(task, &info);
        else if (info.op == PTRACE_SYSCALL_INFO_EXIT)
            call_ends(task, &info);
        return 0;
    }
    if (event == PTRACE_EVENT_EXEC) {
        if (pid != run.main)
            return -1;               /* the compiler, or a program's child that became another */
        run.armed &= run.count == 0; /* the first one starts it */
        return 0;
    }
    if (event != 0 || WSTOPSIG(status) == SIGSTOP || WSTOPSIG(status) == SIGTRAP)
        return 0;
    return WSTOPSIG(status);
}

static void on_alarm(int number)
{
    (void)number;
    late = 1;
}

static void child(char **argv)
{
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    personality(ADDR_NO_RANDOMIZE);
    dup2(said, 1);
    dup2(open("/dev/null", O_RDWR | O_CLOEXEC), 2);
    close_range(3, ~0u, 0);
    setenv("LD_PRELOAD", object, 1);
    execv(argv[0], argv);
    _exit(127);
}

/* Goes on until the program has ended; its status, or -1 where it hangs. */
static int follow(void)
{
    int status;

    for (;;) {
        pid_t pid = waitpid(-1, &status, __WALL);
        int number;

        if (pid < 0 && late) {
            for (int i = 0; i < TASKS; i++) {
                if (run.tasks[i].pid != 0)
                    kill(run.tasks[i].pid, SIGKILL);
            }
            while (waitpid(-1, NULL, __WALL) > 0)
                continue;
            return -1;
        }
        if (pid < 0)
            return errno == ECHILD ? -2 : -3;
        if (!WIFSTOPPED(status)) {
            struct task *task = task_of(pid);

            if (task != NULL)
                task->pid = 0;
            if (pid == run.main)
                return status;
            continue;
        }
        number = stopped(pid, status);
        if (number < 0)
            ptrace(PTRACE_DETACH, pid, NULL, NULL);
        else
            ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(long)number);
    }
}

static int run_once(char **argv, struct plan plan, bool from_start)
{
    const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC | PTRACE_O_TRACECLONE |
                         PTRACE_O_TRACEVFORK | PTRACE_O_TRACEFORK;
    struct itimerval limit = {.it_value.tv_sec = SECONDS, .it_interval.tv_sec = 1}, none = {0};
    int status;

    memset(&run, 0, sizeof(run));
    run.plan = plan;
    run.armed = from_start;
    late = 0;
    if (ftruncate(said, 0) != 0 || lseek(said, 0, SEEK_SET) != 0)
        exit(2);
    run.main = fork();
    if (run.main == 0)
        child(argv);
    task_of(run.main);
    if (waitpid(run.main, &status, 0) != run.main || !WIFSTOPPED(status) ||
        ptrace(PTRACE_SETOPTIONS, run.main, NULL, (void *)options) != 0)
        exit(77);
    ptrace(PTRACE_SYSCALL, run.main, NULL, NULL);
    setitimer(ITIMER_REAL, &limit, NULL);
    status = follow();
    setitimer(ITIMER_REAL, &none, NULL);
    return status;
}

/* The two peers. */

static int peer(const char *text, int type)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    inet_pton(AF_INET, text, &address.sin_addr);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        (type == SOCK_STREAM && listen(fd, 100) != 0)) {
        perror(text);
        exit(2);
    }
    return fd;
}

/* Whether anything has come; it is taken away. */
static bool has_come(int stream, int datagram)
{
    char byte[2000];
    bool any = false;
    int fd;

    while ((fd = accept(stream, NULL, NULL)) >= 0) {
        any = true;
        close(fd);
    }
    while (recv(datagram, byte, sizeof(byte), 0) >= 0)
        any = true;
    return any;
}

static void folder_empty(const char *path)
{
    DIR *folder = path == NULL ? NULL : opendir(path);
    const struct dirent *entry;

    while (folder != NULL && (entry = readdir(folder)) != NULL)
        unlinkat(dirfd(folder), entry->d_name, 0);
    if (folder != NULL)
        closedir(folder);
}

/* What is wrong with a run; true where something is. */
static bool is_wrong(int status)
{
    bool reached = has_come(refused_stream, refused_datagram);
    char text[2000];
    ssize_t length = pread(said, text, sizeof(text) - 1, 0);

    has_come(allowed_stream, allowed_datagram);
    text[length > 0 ? length : 0] = '\0';
    if (status == 0 && !reached && length == 0)
        return false;
    printf("%s:%s", run.what[0] != '\0' ? run.what : "without a fault", reached ? " REACHED what is refused;" : "");
    if (status == -1)
        printf(" hangs;");
    else if (WIFSIGNALED(status))
        printf(" ends by signal %d;", WTERMSIG(status));
    else if (status != 0)
        printf(" exit %d;", WEXITSTATUS(status));
    printf(" %s\n", text);
    fflush(stdout);
    return true;
}

int main(int argc, char **argv)
{
    bool from_start = false, each_error;
    const char *folder = NULL;
    int step, total, runs = 0, wrong = 0;

    if (argc < 6)
        return 2;
    object = argv[1];
    step = atoi(argv[3]);
    each_error = step == 0;
    step = step == 0 ? 1 : step;
    struct plan plan = {.at = -1, .later_too = strcmp(argv[2], "on") == 0};

    for (argv += 4; argv[0] != NULL && argv[0][0] == '-'; argv++) {
        if (strcmp(argv[0], "-w") == 0)
            from_start = true;
        else
            folder = *++argv;
    }
    signal(SIGALRM, SIG_IGN);
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = on_alarm}, NULL);
    refused_stream = peer("127.0.0.9", SOCK_STREAM);
    refused_datagram = peer("127.0.0.9", SOCK_DGRAM);
    allowed_stream = peer("127.0.0.1", SOCK_STREAM);
    allowed_datagram = peer("127.0.0.1", SOCK_DGRAM);
    said = memfd_create("said", MFD_CLOEXEC);
    for (int i = 0; i < 2; i++) { /* the first one finds the object */
        folder_empty(folder);
        wrong += is_wrong(run_once(argv, plan, from_start));
    }
    total = run.count;
    for (plan.at = 0; plan.at < total + 5 && plan.at < CALLS_MAX && total > 0; plan.at += step) {
        for (plan.which = each_error ? 0 : plan.at / step;; plan.which++) {
            folder_empty(folder);
            runs++;
            wrong += is_wrong(run_once(argv, plan, from_start));
            if (!each_error || plan.which + 1 >= run.errors_there)
                break;
        }
    }
    printf("%d calls, %d runs, %d wrong\n", total, runs, wrong);
    return wrong != 0;
}
#else
int main(void)
{
    return 77;
}
#endif
