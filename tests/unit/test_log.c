/* SPDX-License-Identifier: MIT */
/* Where lines go, and that neither the program nor the log comes to harm on the way. */
#include "tests/unit/scratch.h"

#include "state/event.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

static struct log_place place;

/* A log in the scratch folder, which stands for the home. */
static bool place_make(const char *to, uint64_t max_size)
{
    struct surroundings surroundings = {.uid = getuid(), .home = scratch};

    return log_place_make(&place, to, max_size, &surroundings);
}

static bool line_log(const char *text)
{
    return log_write(&place, text, strlen(text), getuid(), getpid());
}

static void places_are_read_from_settings(void **state)
{
    struct surroundings surroundings = {.uid = 7, .home = "/h"};
    static char long_path[PATH_MAX + 16] = "file:/";

    (void)state;
    assert_true(log_place_make(&place, "", 0, &surroundings));
    assert_int_equal(place.target, LOG_TO_FILE);
    assert_string_equal(place.path, "/h/.local/state/sockade/events.jsonl");
    surroundings.state_home = "/s";
    assert_true(log_place_make(&place, NULL, 5, &surroundings));
    assert_string_equal(place.path, "/s/sockade/events.jsonl");
    assert_int_equal(place.max_size, 5);
    assert_true(log_place_make(&place, "file:~/a-%u-%%-%d%", 0, &surroundings));
    assert_string_equal(place.path, "/h/a-7-%-%d%");
    assert_false(place.per_process);
    assert_true(log_place_make(&place, "file:/%p/%%p", 0, &surroundings));
    assert_true(place.per_process);
    assert_string_equal(place.path, "/\x01/%p");
    assert_true(log_place_make(&place, "stderr", 0, &surroundings));
    assert_int_equal(place.target, LOG_TO_STDERR);
    assert_true(log_place_make(&place, "syslog", 0, &surroundings));
    assert_int_equal(place.target, LOG_TO_SYSLOG);

    static const char *const bad[] = {"file:", "file:x",  "file:~x/y", "file:~",
                                      "/x",    "journal", "file:/a/",  "file:/\x01"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(log_place_make(&place, bad[i], 0, &surroundings));
        assert_int_equal(place.target, LOG_TO_NOWHERE);
    }
    memset(long_path + 6, 'x', PATH_MAX - 2);
    assert_true(log_place_make(&place, long_path, 0, &surroundings));
    long_path[6 + PATH_MAX - 2] = 'x';
    assert_false(log_place_make(&place, long_path, 0, &surroundings));
}

static void nothing_of_the_users_is_logged_to_when_secure(void **state)
{
    struct surroundings surroundings = {.uid = 7, .secure = true};

    (void)state;
    assert_false(log_place_make(&place, "", 0, &surroundings));
    assert_false(log_place_make(&place, "file:/x", 0, &surroundings));
    assert_false(log_write(&place, "x\n", 2, 7, 1));
    surroundings.secure = false;
    assert_false(log_place_make(&place, "", 0, &surroundings));
    assert_false(log_place_make(&place, "file:~/x", 0, &surroundings));
}

static void file_and_folders_are_made_private(void **state)
{
    int before = descriptors_open();
    struct stat st;

    (void)state;
    assert_true(place_make("", 0));
    errno = 4321;
    assert_true(line_log("one\n"));
    assert_true(line_log("two\n"));
    assert_int_equal(errno, 4321);
    assert_string_equal(file_text(place.path), "one\ntwo\n");
    assert_int_equal(stat(place.path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(stat(in_scratch(".local/state/sockade"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(descriptors_open(), before);
    assert_false(log_write(&place, "", 0, getuid(), 1));
    assert_false(log_write(&place, "x", EVENT_MAX + 1, getuid(), 1));
}

static void path_may_hold_the_process(void **state)
{
    char name[64];

    (void)state;
    assert_true(place_make("file:~/%p-%u-%p.log", 0));
    assert_true(line_log("one\n"));
    snprintf(name, sizeof(name), "%d-%u-%d.log", getpid(), getuid(), getpid());
    assert_string_equal(file_text(in_scratch(name)), "one\n");
}

static void only_plain_files_of_ours_are_written(void **state)
{
    int before = descriptors_open();

    (void)state;
    assert_true(place_make("file:~/log", 0));
    file_write(in_scratch("other"), "kept", 4);

    assert_int_equal(symlink("other", in_scratch("log")), 0);
    assert_false(line_log("x\n"));
    assert_int_equal(unlink(in_scratch("log")), 0);

    assert_int_equal(link(in_scratch("other"), in_scratch("log")), 0);
    assert_false(line_log("x\n"));
    assert_int_equal(unlink(in_scratch("log")), 0);

    assert_int_equal(mkfifo(in_scratch("log"), 0600), 0);
    assert_false(line_log("x\n"));
    int reader = open(in_scratch("log"), O_RDWR | O_NONBLOCK | O_CLOEXEC);
    assert_false(line_log("x\n"));
    close(reader);
    assert_int_equal(unlink(in_scratch("log")), 0);

    assert_int_equal(mkdir(in_scratch("log"), 0700), 0);
    assert_false(line_log("x\n"));
    assert_int_equal(rmdir(in_scratch("log")), 0);

    assert_int_equal(symlink("missing", in_scratch("log")), 0);
    assert_false(line_log("x\n"));
    assert_false(file_exists(in_scratch("missing")));
    assert_int_equal(unlink(in_scratch("log")), 0);

    assert_true(line_log("x\n"));
    assert_false(log_write(&place, "y\n", 2, getuid() + 1, 1));
    assert_string_equal(file_text(in_scratch("log")), "x\n");
    assert_string_equal(file_text(in_scratch("other")), "kept");
    assert_int_equal(descriptors_open(), before);
}

static void root_makes_no_log_in_the_home_of_others(void **state)
{
    (void)state;
    if (getuid() != 0)
        skip();
    assert_true(place_make("", 0));
    assert_int_equal(chown(scratch, 4242, 4242), 0);
    assert_false(line_log("x\n"));
    assert_false(file_exists(in_scratch(".local")));
    assert_true(place_make("file:~/log", 0));
    assert_false(line_log("x\n"));
    assert_false(file_exists(in_scratch("log")));
}

static void full_file_is_renamed(void **state)
{
    (void)state;
    assert_true(place_make("file:~/log", 10));
    assert_true(line_log("longer than the limit\n"));
    assert_true(line_log("2\n"));
    assert_string_equal(file_text(in_scratch("log.1")), "longer than the limit\n");
    assert_string_equal(file_text(in_scratch("log")), "2\n");
    assert_true(line_log("1234567\n"));
    assert_string_equal(file_text(in_scratch("log")), "2\n1234567\n");
    assert_true(line_log("3\n"));
    assert_string_equal(file_text(in_scratch("log.1")), "2\n1234567\n");
    assert_string_equal(file_text(in_scratch("log")), "3\n");
}

static void file_that_cannot_be_renamed_is_still_written(void **state)
{
    char name[NAME_MAX + 1], setting[NAME_MAX + 16];

    (void)state;
    assert_int_equal(mkdir(in_scratch("log.1"), 0700), 0);
    assert_true(place_make("file:~/log", 3));
    assert_true(line_log("one\n"));
    assert_true(line_log("two\n"));
    assert_string_equal(file_text(in_scratch("log")), "one\ntwo\n");

    memset(name, 'n', sizeof(name) - 1);
    name[NAME_MAX] = '\0';
    snprintf(setting, sizeof(setting), "file:~/%s", name);
    assert_true(place_make(setting, 3));
    assert_true(line_log("one\n"));
    assert_true(line_log("two\n"));
    assert_string_equal(file_text(place.path), "one\ntwo\n");
}

#define ROTATING_PROCESSES 8
#define ROTATING_LINES 500
#define ROTATING_LINE 18
#define ROTATING_SIZE (5 * ROTATING_LINE)

static int write_many(void)
{
    char text[64];

    for (int i = 0; i < ROTATING_LINES; i++) {
        snprintf(text, sizeof(text), "%08d %08d\n", getpid(), i);
        CHECK(line_log(text));
    }
    return 0;
}

/* Every line of a log is whole. Only once all is quiet: a reader may see a write that crosses a page half done. */
static void lines_check(const char *path)
{
    const char *text = file_text(path);
    size_t length;

    assert_non_null(text);
    length = strlen(text);
    assert_int_equal(length % ROTATING_LINE, 0);
    for (size_t at = ROTATING_LINE - 1; at < length; at += ROTATING_LINE)
        assert_int_equal(text[at], '\n');
}

/* Every file that is put aside was full: none is renamed by a process that has looked at the one before it. */
static void many_processes_rotate_without_harm(void **state)
{
    int left = ROTATING_PROCESSES;

    (void)state;
    assert_true(place_make("file:~/log", ROTATING_SIZE));
    for (int i = 0; i < ROTATING_PROCESSES; i++) {
        if (fork() == 0)
            _exit(write_many() != 0);
    }
    while (left > 0) {
        struct stat st;
        int status;

        if (stat(in_scratch("log.1"), &st) == 0)
            assert_true(st.st_size >= ROTATING_SIZE);
        if (waitpid(-1, &status, WNOHANG) > 0) {
            assert_int_equal(status, 0);
            left--;
        }
    }
    lines_check(in_scratch("log"));
    lines_check(in_scratch("log.1"));
}

/* Where descriptors 0 to 2 are closed they stay so. */
static int write_without_standard_descriptors(void)
{
    for (int i = 0; i < 3; i++)
        close(i);
    CHECK(line_log("one\n"));
    for (int i = 0; i < 3; i++)
        CHECK(fcntl(i, F_GETFD) == -1);
    return 0;
}

static int write_with_no_descriptor_left(void)
{
    struct rlimit limit = {.rlim_cur = 3, .rlim_max = 3};

    close(0);
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    CHECK(!line_log("two\n"));
    CHECK(fcntl(0, F_GETFD) == -1);
    return 0;
}

static void standard_descriptors_are_left_alone(void **state)
{
    (void)state;
    assert_true(place_make("file:~/log", 0));
    assert_int_equal(in_child(write_without_standard_descriptors), 0);
    assert_int_equal(in_child(write_with_no_descriptor_left), 0);
    assert_string_equal(file_text(in_scratch("log")), "one\n");
}

static volatile sig_atomic_t signals_seen;

static void signal_count(int number)
{
    (void)number;
    signals_seen++;
}

static bool signal_block(int number)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, number);
    return sigprocmask(SIG_BLOCK, &set, NULL) == 0;
}

static bool signal_waits(int number)
{
    sigset_t pending;

    return sigpending(&pending) == 0 && sigismember(&pending, number);
}

static int file_limit_is_met(void)
{
    struct rlimit limit = {.rlim_cur = 10, .rlim_max = RLIM_INFINITY};

    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    CHECK(line_log("12345678\n"));
    CHECK(!line_log("12345678\n")); /* one byte fits, and is taken back */
    CHECK(strcmp(file_text(in_scratch("log")), "12345678\n") == 0);
    CHECK(line_log("\n"));
    CHECK(!line_log("x\n")); /* none fits: SIGXFSZ, whose default is death */
    CHECK(signal(SIGXFSZ, signal_count) != SIG_ERR);
    CHECK(!line_log("x\n"));
    CHECK(signals_seen == 0);
    /* One that the program has waiting itself stays. */
    CHECK(signal_block(SIGXFSZ));
    CHECK(!line_log("x\n"));
    CHECK(!signal_waits(SIGXFSZ));
    CHECK(raise(SIGXFSZ) == 0);
    CHECK(!line_log("x\n"));
    CHECK(signal_waits(SIGXFSZ));
    limit.rlim_cur = RLIM_INFINITY;
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    CHECK(line_log("x\n"));
    CHECK(strcmp(file_text(in_scratch("log")), "12345678\n\nx\n") == 0);
    return 0;
}

static void file_limit_hits_neither_program_nor_log(void **state)
{
    (void)state;
    assert_true(place_make("file:~/log", 0));
    assert_int_equal(in_child(file_limit_is_met), 0);
}

static int write_to_closed_pipe(void)
{
    int ends[2];

    CHECK(pipe2(ends, O_CLOEXEC) == 0);
    CHECK(dup2(ends[1], 2) == 2);
    CHECK(place_make("stderr", 0));
    CHECK(line_log("one\n"));
    CHECK(close(ends[0]) == 0);
    CHECK(!line_log("two\n"));
    CHECK(signal(SIGPIPE, signal_count) != SIG_ERR);
    CHECK(!line_log("two\n"));
    CHECK(signals_seen == 0);
    return 0;
}

/* A service manager's standard error is a socket. */
static int write_to_closed_socket(void)
{
    int ends[2];

    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    CHECK(dup2(ends[1], 2) == 2);
    CHECK(place_make("stderr", 0));
    CHECK(line_log("one\n"));
    close(ends[0]);
    CHECK(!line_log("two\n"));
    return 0;
}

static void a_reader_that_left_is_no_harm(void **state)
{
    (void)state;
    assert_int_equal(in_child(write_to_closed_pipe), 0);
    assert_int_equal(in_child(write_to_closed_socket), 0);
}

/* A full pipe or socket takes no line, and nobody waits: an alarm would end the child. */
static int write_to_full(int writer, int socket)
{
    static char bytes[4096];
    int flags = fcntl(writer, F_GETFL);

    CHECK(dup2(writer, 2) == 2);
    CHECK(place_make("stderr", 0));
    CHECK(fcntl(writer, F_SETFL, flags | O_NONBLOCK) == 0);
    while (write(writer, bytes, socket ? 1 : sizeof(bytes)) > 0)
        ;
    CHECK(fcntl(writer, F_SETFL, flags) == 0);
    alarm(5);
    CHECK(!line_log("x\n"));
    return 0;
}

static int write_to_full_pipe(void)
{
    int ends[2];

    CHECK(pipe2(ends, O_CLOEXEC) == 0);
    return write_to_full(ends[1], 0);
}

static int write_to_full_socket(void)
{
    int ends[2];

    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    return write_to_full(ends[1], 1);
}

static void nobody_waits_for_a_full_pipe(void **state)
{
    (void)state;
    assert_int_equal(in_child(write_to_full_pipe), 0);
    assert_int_equal(in_child(write_to_full_socket), 0);
}

static int write_to_replaced_stderr(void)
{
    int first = open(in_scratch("first"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int own = open(in_scratch("own"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

    CHECK(dup2(first, 2) == 2);
    CHECK(place_make("stderr", 0));
    CHECK(line_log("x\n"));
    CHECK(dup2(own, 2) == 2);
    CHECK(!line_log("x\n"));
    CHECK(dup2(null, 2) == 2);
    CHECK(!line_log("x\n"));
    CHECK(lseek(first, 0, SEEK_END) == 2);
    CHECK(lseek(own, 0, SEEK_END) == 0);
    close(2);
    CHECK(!line_log("x\n"));
    CHECK(!place_make("stderr", 0));
    return 0;
}

static void stderr_is_written_only_while_it_is_the_same(void **state)
{
    (void)state;
    assert_int_equal(in_child(write_to_replaced_stderr), 0);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WITH_SANITIZER 1
#elif defined(__has_feature)
#define WITH_SANITIZER (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define WITH_SANITIZER 0
#endif

/* The stack that a thread may have at the least, with what a hook has on it. */
static void *log_on_a_small_stack(void *unused)
{
    struct address address = address_from_v4(0x7f000001);
    struct event event = {.exe = "/bin/x", .op = "connect", .address = &address, .port = 1, .domain = -1};
    char line[EVENT_MAX];
    size_t length = event_format(&event, line);

    (void)unused;
    return (void *)(uintptr_t)log_write(&place, line, length, getuid(), getpid());
}

static void a_small_stack_is_enough(void **state)
{
    /* A sanitizer's own frames need more than the whole of it. */
    const size_t size = WITH_SANITIZER ? 1 << 20 : (size_t)PTHREAD_STACK_MIN;
    pthread_attr_t attributes;
    pthread_t thread;
    void *written = NULL;

    (void)state;
    assert_true(place_make("file:~/a/%p/log", 1));
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstacksize(&attributes, size), 0);
    for (int i = 0; i < 2; i++) { /* the second one rotates */
        assert_int_equal(pthread_create(&thread, &attributes, log_on_a_small_stack, NULL), 0);
        assert_int_equal(pthread_join(thread, &written), 0);
        assert_non_null(written);
    }
    pthread_attr_destroy(&attributes);
}

/* A thread that has been cancelled already meets no cancellation point in our work. */
static void *log_while_cancelled(void *unused)
{
    (void)unused;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    pthread_cancel(pthread_self());
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    line_log("one\n");
    line_log("two\n");
    pthread_testcancel();
    return NULL;
}

static void a_cancelled_thread_leaves_nothing_open(void **state)
{
    int before = descriptors_open();
    pthread_t thread;
    void *result;

    (void)state;
    assert_true(place_make("file:~/log", 1));
    assert_int_equal(pthread_create(&thread, NULL, log_while_cancelled, NULL), 0);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_ptr_equal(result, PTHREAD_CANCELED);
    assert_string_equal(file_text(in_scratch("log")), "two\n");
    assert_int_equal(descriptors_open(), before);
}

static sigjmp_buf back;

static void leave(int number)
{
    (void)number;
    siglongjmp(back, 1);
}

static volatile int jumps, lines;

static void write_until_jumped_out(int times)
{
    const struct itimerval often = {.it_interval = {.tv_usec = 50}, .it_value = {.tv_usec = 50}};
    const struct itimerval never = {0};

    if (sigsetjmp(back, 1) != 0)
        jumps++;
    setitimer(ITIMER_REAL, &often, NULL);
    while (jumps < times && lines < 200000) {
        line_log("x\n");
        lines++;
    }
    setitimer(ITIMER_REAL, &never, NULL);
}

static int jump_out_of_writes(void)
{
    int before = descriptors_open();

    CHECK(signal(SIGALRM, leave) != SIG_ERR);
    write_until_jumped_out(300);
    CHECK(signal(SIGALRM, SIG_IGN) != SIG_ERR);
    CHECK(jumps >= 300);
    CHECK(descriptors_open() == before);
    return 0;
}

static void a_handler_that_jumps_leaves_nothing_open(void **state)
{
    (void)state;
    if (WITH_SANITIZER) /* ThreadSanitizer runs handlers late, whatever the kernel was told to block */
        skip();
    assert_true(place_make("file:~/log", 1000));
    assert_int_equal(in_child(jump_out_of_writes), 0);
}

#define NO_NAMESPACE 77

static bool proc_write(const char *path, const char *format, unsigned id)
{
    char text[32];
    int length = snprintf(text, sizeof(text), format, id);
    int descriptor = open(path, O_WRONLY | O_CLOEXEC);
    bool written = descriptor >= 0 && write(descriptor, text, (size_t)length) == length;

    close(descriptor);
    return written;
}

/* Makes this process root of a user and mount namespace of its own. */
static bool namespace_enter(void)
{
    uid_t uid = getuid();
    gid_t gid = getgid();

    return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && proc_write("/proc/self/uid_map", "0 %u 1", uid) &&
           proc_write("/proc/self/setgroups", "deny", 0) && proc_write("/proc/self/gid_map", "0 %u 1", gid);
}

/* A daemon's socket of our own stands at /dev/log of a mount namespace of our own. */
static int log_to_daemon(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
    char want[64], got[64] = "";
    int daemon;

    if (!namespace_enter() || mount("none", "/dev", "tmpfs", 0, NULL) != 0)
        _exit(NO_NAMESPACE);
    CHECK(place_make("syslog", 0));
    CHECK(!line_log("nobody there\n"));
    daemon = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    CHECK(bind(daemon, (struct sockaddr *)&address, sizeof(address)) == 0);
    CHECK(line_log("{\"v\":1}\n"));
    snprintf(want, sizeof(want), "<13>sockade[%d]: {\"v\":1}", getpid());
    CHECK(recv(daemon, got, sizeof(got), 0) == (ssize_t)strlen(want));
    CHECK(memcmp(got, want, strlen(want)) == 0);
    alarm(5);
    for (int i = 0; i < 100000 && line_log("x\n"); i++)
        CHECK(i < 99999); /* a queue that is full is not waited for */
    return 0;
}

static void syslog_gets_a_datagram(void **state)
{
    int before = descriptors_open();
    int code = in_child(log_to_daemon);

    (void)state;
    if (code == NO_NAMESPACE)
        skip();
    assert_int_equal(code, 0);
    assert_int_equal(descriptors_open(), before);
}

#define WITH_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_are_read_from_settings),
        cmocka_unit_test(nothing_of_the_users_is_logged_to_when_secure),
        WITH_SCRATCH(file_and_folders_are_made_private),
        WITH_SCRATCH(path_may_hold_the_process),
        WITH_SCRATCH(only_plain_files_of_ours_are_written),
        WITH_SCRATCH(root_makes_no_log_in_the_home_of_others),
        WITH_SCRATCH(full_file_is_renamed),
        WITH_SCRATCH(file_that_cannot_be_renamed_is_still_written),
        WITH_SCRATCH(many_processes_rotate_without_harm),
        WITH_SCRATCH(standard_descriptors_are_left_alone),
        WITH_SCRATCH(file_limit_hits_neither_program_nor_log),
        cmocka_unit_test(a_reader_that_left_is_no_harm),
        cmocka_unit_test(nobody_waits_for_a_full_pipe),
        WITH_SCRATCH(stderr_is_written_only_while_it_is_the_same),
        WITH_SCRATCH(a_small_stack_is_enough),
        WITH_SCRATCH(a_cancelled_thread_leaves_nothing_open),
        WITH_SCRATCH(a_handler_that_jumps_leaves_nothing_open),
        WITH_SCRATCH(syslog_gets_a_datagram),
    };

    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
