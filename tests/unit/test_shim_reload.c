/* SPDX-License-Identifier: MIT */
/*
 * Reloads and forks in a process of many threads; the thread sanitizer's lane looks for races in it.
 *
 * Threads decide without a pause while one publishes image after image; its own next decision is by the newest, and
 * so is that of every child that it forks in between, whatever the others were doing then. Children publish nothing
 * and start no threads.
 */
#include "tests/unit/scratch.h"

#include "config/compile.h"
#include "config/publish.h"
#include "config/read.h"
#include "shim/follow.h"
#include "shim/judge.h"
#include "shim/real.h"

#include <pthread.h>

#define THREADS 4
#define RELOADS 100
#define FORKS_EVERY 10

static const int errors[2] = {EPERM, EHOSTUNREACH};
static const char *const error_names[2] = {"EPERM", "EHOSTUNREACH"};
static _Atomic bool over;
static _Atomic unsigned long wrong, decisions;

#ifdef __SANITIZE_THREAD__
/*
 * A sequence latch: a reader that has copied half of a slot finds the latch moved and copies again. It is a race by
 * design.
 */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "race:slot_fill\n";
}
#endif

/* Makes the image that refuses 10.0.0.1 by one of two errnos the newest of the text `path`. */
static bool publish(const char *path, const char *folder, int which)
{
    const struct surroundings surroundings = {.uid = geteuid(), .runtime_dir = folder};
    struct messages messages = {0};
    char text[200], name[IMAGE_NAME], problem[1024] = "";
    struct image_bytes image;
    struct policy policy;
    bool done;

    snprintf(text, sizeof(text), "version = 1; rules = ({ action = \"deny\"; to = \"10.0.0.1\"; errno = \"%s\"; });",
             error_names[which]);
    policy_init(&policy);
    image_name(name, path, NULL);
    done = policy_read_text(&policy, text, path, &messages) && policy_compile(&policy, &image, &messages) &&
           publish_image(&image, &surroundings, name, NULL, problem, sizeof(problem));
    if (done)
        free(image.bytes);
    else
        fprintf(stderr, "%s\n", problem);
    policy_free(&policy);
    return done;
}

/* The errno of a decision as connect(2) makes it; 0: allowed. */
static int decision(void)
{
    struct query query = {.direction = DIRECTION_TO, .port = 80, .port_known = true, .protos = PROTO_TCP};
    struct ruling ruling;

    policy_ready(WATCH_TO);
    query.address = address_from_v4(0x0a000001);
    judge_silently(&ruling, &query, -1);
    return ruling.refused ? ruling.error : 0;
}

static void *decide_on(void *unused)
{
    while (!over) {
        int error = decision();

        if (error != errors[0] && error != errors[1])
            wrong++;
        decisions++;
        if (decisions % 64 == 0)
            follow_sources();
    }
    return unused;
}

static void forked(int which)
{
    int status = -1;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0)
        _exit(decision() == errors[which] && decision() == errors[which] ? 0 : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void every_thread_and_child_follows(void **state)
{
    const char *path = getenv("SOCKADE_POLICY"), *folder = getenv("XDG_RUNTIME_DIR");
    pthread_t threads[THREADS];

    (void)state;
    assert_int_equal(process.layer_count, 1);
    assert_int_equal(decision(), errors[0]);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, decide_on, NULL), 0);
    for (int i = 1; i <= RELOADS; i++) {
        assert_true(publish(path, folder, i & 1));
        if (i % FORKS_EVERY == 0)
            forked(i & 1);
        assert_int_equal(decision(), errors[i & 1]);
    }
    over = true;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    print_message("# %lu decisions\n", (unsigned long)decisions);
    assert_int_equal(wrong, 0);
}

/* The object starts before main: so the program starts itself once more, under a policy. */
static int begin(char **argv)
{
    char path[PATH_MAX];

    if (scratch_make(NULL) != 0)
        return 1;
    snprintf(path, sizeof(path), "%s", in_scratch("policy.conf"));
    close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    if (!publish(path, scratch, 0))
        return 1;
    setenv("SOCKADE_POLICY", path, 1);
    setenv("XDG_RUNTIME_DIR", scratch, 1);
    unsetenv("SOCKADE_PINNED");
    execv("/proc/self/exe", argv);
    return 1;
}

static int end(void **state)
{
    snprintf(scratch, sizeof(scratch), "%s", getenv("XDG_RUNTIME_DIR"));
    return scratch_remove(state);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_thread_and_child_follows)};

    if (argc == 1) {
        char *again[] = {argv[0], (char *)"again", NULL};

        return begin(again);
    }
    return cmocka_run_group_tests_name("reload", tests, NULL, end);
}
