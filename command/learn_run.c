/* SPDX-License-Identifier: MIT */
/*
 * The run: a folder of its own with an image that refuses all but only observes, and with the log; `sockade run` in a
 * child; and this process, which waits, passes signals on and reads the log as it grows.
 */
#include "command/learn.h"

#include "command/command.h"
#include "config/memory.h"
#include "config/read.h"
#include "state/event.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MILLISECONDS 200
#define LEFT_MILLISECONDS 200             /* after its end a program's children may be about to end too */
#define PUNCH ((off_t)8 << 20)            /* so much that was read is given back to the file system at once */
#define LEAST_ROOM ((fsblkcnt_t)64 << 10) /* bytes; with less the file system counts as full */
#define KILLING_INTERRUPTS 3              /* so many Ctrl-C end a program that takes no notice */

/* ---- the place ---- */

/*
 * Rules name each protocol, and a port, only so that both are found out and stand in the events. None names icmp with
 * `from`: replies would be no answers then.
 */
static const char audit_text[] =
    "version = 1; mode = \"audit\"; unprotected = \"warn\";\n"
    "default = { outbound = \"deny\"; inbound = \"deny\"; listen = \"deny\"; loopback = \"deny\"; };\n"
    "log = { to = \"file:%s\"; what = \"all\"; limit = 1000000; max_size = \"1000000G\"; };\n"
    "rules = (\n"
    "  { action = \"deny\"; to = \"any\"; proto = \"tcp\"; }, { action = \"deny\"; to = \"any\"; proto = \"udp\"; },\n"
    "  { action = \"deny\"; from = \"any\"; proto = [ \"tcp\", \"udp\", \"sctp\" ]; port = 1; },\n"
    "  { action = \"deny\"; on = \"any\"; proto = \"tcp\"; port = 1; },\n"
    "  { action = \"deny\"; to = [ \"unix:/*\", \"unix:@*\" ]; }, { action = \"deny\"; on = [ \"unix:/*\", \"unix:@*\" "
    "]; }\n"
    ");\n";

/* What takes the image's place where processes stay that were started with it. */
static const char idle_text[] = "version = 1; mode = \"off\"; log = { what = \"none\"; };\n";

/* A raw ICMP socket is to be what it would be under the policy that the rules are for. */
static void take_icmp(struct policy *policy, const struct policy *base)
{
    policy->settings.icmp_translate = base->settings.icmp_translate;
    policy->settings.icmp_hint = base->settings.icmp_hint;
    policy->settings.icmp_pretend_root = base->settings.icmp_pretend_root;
    for (size_t i = 0; i < base->program_count; i++) {
        const struct program_entry *from = &base->programs[i];
        struct policy empty;
        struct program_entry *entry;

        policy_init(&empty);
        policy->programs = memory_grow(policy->programs, policy->program_count, &policy->program_room,
                                       sizeof(*policy->programs));
        entry = &policy->programs[policy->program_count++];
        *entry = (struct program_entry){.settings = empty.settings, .place = {"learn", 0}};
        entry->settings.icmp_translate = from->settings.icmp_translate;
        entry->settings.icmp_hint = from->settings.icmp_hint;
        entry->settings.icmp_pretend_root = from->settings.icmp_pretend_root;
        entry->exes = memory_new((from->exe_count + 1) * sizeof(*entry->exes));
        for (; entry->exe_count < from->exe_count; entry->exe_count++)
            entry->exes[entry->exe_count] = memory_text(from->exes[entry->exe_count]);
        policy_free(&empty);
    }
}

static bool write_image(const char *path, const char *text, const struct policy *base)
{
    struct messages messages = {0};
    struct compiled compiled = {0};
    bool done;

    policy_init(&compiled.policy);
    done = policy_read_text(&compiled.policy, text, "/learn", &messages);
    if (done && base != NULL)
        take_icmp(&compiled.policy, base);
    done = done && policy_compile(&compiled.policy, &compiled.image, &messages) && text_write(&compiled, path);
    messages_print(&messages, stderr);
    messages_free(&messages);
    compiled_free(&compiled);
    return done;
}

/* Whether a path can stand in a policy's text as it is. */
static bool is_plain(const char *path)
{
    return path != NULL && path[0] == '/' &&
           path[strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-")] == '\0' &&
           strlen(path) < PATH_MAX - 64;
}

static bool make_folder(struct run *run)
{
    const char *const places[] = {getenv("TMPDIR"), "/tmp", getenv("XDG_RUNTIME_DIR"), "/dev/shm", getenv("HOME")};

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if (!is_plain(places[i]))
            continue;
        snprintf(run->folder, sizeof(run->folder), "%.4000s/sockade-learn-XXXXXX", places[i]);
        if (mkdtemp(run->folder) != NULL)
            return true;
    }
    complain("no folder for the event log can be made, neither in TMPDIR nor in /tmp: %s", strerror(errno));
    run->folder[0] = '\0';
    return false;
}

bool run_prepare(struct run *run, const struct policy *base)
{
    char *text;
    bool done;

    run->log_file = -1;
    if (!make_folder(run) || !path_join(run->image, run->folder, "policy.image") ||
        !path_join(run->log, run->folder, "events.jsonl"))
        return false;
    run->log_file = open(run->log, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (run->log_file < 0) {
        complain("'%s': %s", run->log, strerror(errno));
        return false;
    }
    text = memory_print(audit_text, run->log);
    done = write_image(run->image, text, base);
    free(text);
    return done;
}

void run_end(struct run *run)
{
    if (run->log_file >= 0)
        close(run->log_file);
    if (run->folder[0] == '\0')
        return;
    unlink(run->log);
    /* In the log's place a folder: what does not know of the new image yet finds nothing to write to. */
    if (run->stays && write_image(run->image, idle_text, NULL) && mkdir(run->log, 0700) == 0)
        return;
    unlink(run->image);
    rmdir(run->folder);
}

/* ---- the log as it grows ---- */

struct reading {
    int file;
    off_t at, punched;
    char *bytes; /* the beginning of a line that is not whole yet, and what was read behind it */
    size_t have, room;
};

static void take_lines(struct reading *reading, struct needs *needs)
{
    size_t start = 0;

    for (char *end; (end = memchr(reading->bytes + start, '\n', reading->have - start)) != NULL;) {
        size_t length = (size_t)(end - reading->bytes) - start;

        needs_add(needs, reading->bytes + start, length);
        start += length + 1;
    }
    reading->have -= start;
    memmove(reading->bytes, reading->bytes + start, reading->have);
}

/* Reads what has come; a long run's log takes no more room than what was not read. */
static void read_log(struct reading *reading, struct needs *needs)
{
    ssize_t got;

    do {
        if (reading->room - reading->have < EVENT_MAX) {
            reading->room = 2 * reading->room + (16 * EVENT_MAX);
            reading->bytes = memory_resize(reading->bytes, reading->room);
        }
        got = pread(reading->file, reading->bytes + reading->have, reading->room - reading->have, reading->at);
        if (got > 0) {
            reading->at += got;
            reading->have += (size_t)got;
            take_lines(reading, needs);
        }
    } while (got > 0 || (got < 0 && errno == EINTR));
    if (reading->at - reading->punched >= PUNCH && fallocate(reading->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                                             reading->punched, reading->at - reading->punched) == 0)
        reading->punched = reading->at;
}

/* ---- the child ---- */

static const int passed_on[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};

struct waiting {
    pid_t program;
    sigset_t set, before;
    struct sigaction children;
    int interrupts;
    bool ended;
};

static void signals_hold(struct waiting *waiting)
{
    const struct sigaction usual = {.sa_handler = SIG_DFL};

    sigemptyset(&waiting->set);
    sigaddset(&waiting->set, SIGCHLD);
    for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++)
        sigaddset(&waiting->set, passed_on[i]);
    sigprocmask(SIG_BLOCK, &waiting->set, &waiting->before);
    sigaction(SIGCHLD, &usual, &waiting->children); /* ignored, the program's end could not be waited for */
}

static void signals_release(const struct waiting *waiting)
{
    sigaction(SIGCHLD, &waiting->children, NULL);
    sigprocmask(SIG_SETMASK, &waiting->before, NULL);
}

/* In the child: `sockade run` in our place. Tells through the pipe where that has failed. */
static void start(const struct run *run, const struct waiting *waiting, int pipe_end)
{
    static char name[] = "run", option[] = "--policy", end[] = "--";
    size_t count = 0;
    char **argv;
    int code;

    while (run->argv[count] != NULL)
        count++;
    argv = memory_new((count + 5) * sizeof(*argv));
    argv[0] = name;
    argv[1] = option;
    argv[2] = memory_text(run->image);
    argv[3] = end;
    memcpy(argv + 4, run->argv, count * sizeof(*argv));
    signals_release(waiting);
    code = command_run((int)count + 4, argv);
    fflush(NULL);
    _exit(write(pipe_end, "!", 1) == 1 ? code : EXIT_OWN);
}

/* Starts the program; `*failed` gets a descriptor that tells whether that came to nothing. */
static bool spawn(const struct run *run, struct waiting *waiting, int *failed)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0) {
        complain("pipe: %s", strerror(errno));
        return false;
    }
    fflush(NULL);
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); /* what the program leaves behind comes to us, and can be told of */
    signals_hold(waiting);
    waiting->program = fork();
    if (waiting->program == 0) {
        close(ends[0]);
        start(run, waiting, ends[1]);
    }
    close(ends[1]);
    *failed = ends[0];
    if (waiting->program > 0)
        return true;
    complain("fork: %s", strerror(errno));
    close(ends[0]);
    signals_release(waiting);
    return false;
}

/* Buries all children that have ended. Returns whether others are left. */
static bool reap(struct run *run, struct waiting *waiting)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid != waiting->program)
            continue;
        waiting->ended = true;
        run->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }
    return pid == 0;
}

/*
 * What a signal asks for. Those that the terminal sends the program has got itself; what others send to us is meant for
 * the program.
 */
static void pass_on(struct waiting *waiting, const siginfo_t *info)
{
    if (info->si_signo == SIGCHLD || waiting->ended)
        return;
    if (info->si_signo == SIGINT && ++waiting->interrupts >= KILLING_INTERRUPTS)
        kill(waiting->program, SIGKILL);
    else if (info->si_code != SI_KERNEL)
        kill(waiting->program, info->si_signo);
}

static double seconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Waits until the program has ended, and looks at the log meanwhile. */
static void wait_for_end(struct run *run, struct waiting *waiting, struct reading *reading, struct needs *needs)
{
    const struct timespec time = {.tv_nsec = LOOK_MILLISECONDS * 1000000L};
    double begin = seconds_now(), left;
    bool others = true;

    while (!waiting->ended) {
        siginfo_t info;

        if (sigtimedwait(&waiting->set, &info, &time) > 0)
            pass_on(waiting, &info);
        others = reap(run, waiting);
        read_log(reading, needs);
        run->seconds = seconds_now() - begin;
        if (!run->quiet)
            live_show(needs, run->seconds);
    }
    left = seconds_now() + LEFT_MILLISECONDS / 1e3;
    while (others && seconds_now() < left) {
        usleep(10000);
        others = reap(run, waiting);
    }
    run->stays = others;
    live_end();
}

/* Whether the log's file system is full: what no longer found room there was lost without a word. */
static bool is_full(int file)
{
    struct statvfs st;

    return fstatvfs(file, &st) == 0 && st.f_bavail * st.f_frsize < LEAST_ROOM;
}

bool run_watch(struct run *run, struct needs *needs)
{
    struct reading reading = {.file = run->log_file};
    struct waiting waiting = {0};
    char byte;
    int failed;

    run->begun = time(NULL);
    if (!spawn(run, &waiting, &failed)) {
        run->status = EXIT_OWN;
        return false;
    }
    wait_for_end(run, &waiting, &reading, needs);
    signals_release(&waiting);
    needs->full = is_full(run->log_file);
    read_log(&reading, needs);
    run->started = read(failed, &byte, 1) == 0;
    close(failed);
    free(reading.bytes);
    if (reading.have > 0)
        needs->unreadable++;
    return run->started;
}
