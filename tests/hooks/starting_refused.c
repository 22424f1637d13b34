/* SPDX-License-Identifier: MIT */
/* Whatever a program does to the environment of its children, the policy holds in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "starting.h"

#include <wordexp.h>

static char self[PATH_MAX];
static char pinned[8192]; /* this process' own pin */

/* How often our object stands in a variable of the child's. */
static int named(const char *variable)
{
    const char *list = getenv(variable);
    int count = 0;

    for (const char *at = list; at != NULL && (at = strstr(at, "libsockade.so")) != NULL; at++)
        count++;
    return count;
}

/* What a child finds out, as its exit status; 0: all is as it should be. */
static int child(const char *want)
{
    struct sockaddr_in stranger = inet_address("127.0.0.9", 9);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    if (named("LD_PRELOAD") != 1)
        return 11;
    if (getenv("SOCKADE_PINNED") == NULL || getenv("SOCKADE_POLICY") == NULL)
        return 12;
    if (connect(fd, (struct sockaddr *)&stranger, sizeof(stranger)) != -1 || errno != EHOSTDOWN)
        return 13;
    if (want[0] == 'l' && strstr(getenv("LD_PRELOAD"), want) == NULL)
        return 14;
    if (want[0] == '/' && strstr(getenv("SOCKADE_PINNED"), want) == NULL)
        return 15;
    return 0;
}

/* By every call from every place. */
static void all_hold(enum surround kind, const char *want)
{
    char *argv[] = {(char *)"name", (char *)"child", (char *)want, NULL};

    for (int way = 0; way < WAYS; way++) {
        for (int place = 0; place < PLACES; place++) {
            struct start start = {(enum way)way, self, argv, surround(kind)};
            int status;

            if (!can_start((enum place)place, (enum way)way))
                continue;
            status = start_from((enum place)place, &start);
            if (status != 0)
                fail_msg("%s from %s: %d", way_names[way], place_names[place], status);
        }
    }
}

static void kept_environment(void **state)
{
    (void)state;
    all_hold(KEPT, "-");
}

static void no_environment(void **state)
{
    (void)state;
    all_hold(CLEARED, "-");
}

static void empty_environment(void **state)
{
    (void)state;
    all_hold(EMPTY, "-");
}

static void rebuilt_environment(void **state)
{
    (void)state;
    all_hold(REBUILT, "-");
}

static void preload_unset(void **state)
{
    (void)state;
    all_hold(UNSET, "-");
}

static void another_preload_stays_in_front(void **state)
{
    (void)state;
    if (sanitizer_options() != NULL)
        skip(); /* its runtime does not bear another object in front */
    all_hold(OTHER_PRELOAD, "libm.so.6:/");
}

static void empty_preload(void **state)
{
    (void)state;
    all_hold(EMPTY_PRELOAD, "-");
}

static void five_thousand_variables(void **state)
{
    (void)state;
    all_hold(MANY_MORE, "-");
}

static int run(char **envp, const char *want)
{
    char *argv[] = {(char *)"name", (char *)"child", (char *)want, NULL};
    struct start start = {EXECVE, self, argv, envp};

    return start_from(IN_MAIN, &start);
}

/* Of two the loader reads the last. */
static void the_preload_that_counts(void **state)
{
    char ours[PATH_MAX + 20];
    char *first[] = {ours, (char *)"LD_PRELOAD=libm.so.6", NULL};
    char *last[] = {(char *)"LD_PRELOAD=libm.so.6", ours, NULL};
    char *argv[] = {(char *)"sh", (char *)"-c", (char *)"grep -q libsockade /proc/self/maps", NULL};
    struct start start = {EXECVE, (char *)"/bin/sh", argv, first};

    (void)state;
    if (sanitizer_options() != NULL)
        skip(); /* the same */
    snprintf(ours, sizeof(ours), "LD_PRELOAD=%s", getenv("LD_PRELOAD"));
    assert_int_equal(start_from(IN_MAIN, &start), 0);
    start.envp = last;
    assert_int_equal(start_from(IN_MAIN, &start), 0);
}

/* A pin of more layers keeps them and gets ours; one of fewer, or of none, does not loosen anything. */
static void pins_are_joined(void **state)
{
    char joined[9000], *envp[] = {joined, sanitizer_options(), NULL};

    (void)state;
    assert_int_equal(run((char *[]){(char *)"SOCKADE_PINNED=", sanitizer_options(), NULL}, "-"), 0);
    assert_int_equal(run((char *[]){(char *)"SOCKADE_PINNED=1:12345:/nowhere", sanitizer_options(), NULL}, "-"), 0);
    snprintf(joined, sizeof(joined), "SOCKADE_PINNED=%s:/no/such/policy", pinned);
    assert_int_equal(run(envp, "/no/such/policy"), 0);
    snprintf(joined, sizeof(joined), "SOCKADE_PINNED=1:%u:/no/such/policy", getuid());
    assert_int_equal(run(envp, "/no/such/policy"),
                     13); /* what is pinned and not there fails closed, with its own errno */
}

static long lines_of_maps(void)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    long count = 0;
    int letter;

    while ((letter = fgetc(maps)) != EOF)
        count += letter == '\n';
    fclose(maps);
    return count;
}

/* A child of vfork that maps its environment leaves one mapping at most, however often. */
static void vfork_children_leave_nothing(void **state)
{
    char *argv[] = {(char *)"name", (char *)"child", (char *)"-", NULL};
    struct start start = {EXECVE, self, argv, surround(MANY_MORE)};
    long before = 0;

    (void)state;
    for (int i = 0; i < 50; i++) {
        if (i == 5)
            before = lines_of_maps();
        assert_int_equal(start_in_vfork(&start), 0);
    }
    assert_int_equal(lines_of_maps(), before);
    start.way = SPAWN;
    for (int i = 0; i < 20; i++) {
        pid_t pid;
        int status;

        assert_int_equal(posix_spawn(&pid, self, NULL, NULL, argv, start.envp), 0);
        waitpid(pid, &status, 0);
        assert_int_equal(status, 0);
    }
    assert_in_range(lines_of_maps(), before - 2, before);
}

/* An exec that fails leaves nothing either, and the environment as it was. */
static void failures_leave_nothing(void **state)
{
    char *argv[] = {(char *)"x", NULL};
    char **envp = surround(MANY_MORE);
    long before;

    (void)state;
    execve("/no/such/file", argv, envp);
    before = lines_of_maps();
    for (int i = 0; i < 20; i++) {
        errno = 0;
        assert_int_equal(execve("/no/such/file", argv, envp), -1);
        assert_int_equal(errno, ENOENT);
    }
    assert_in_range(lines_of_maps(), before - 2, before);
    assert_null(strstr(envp[0], "LD_PRELOAD"));
}

static void grandchildren(void **state)
{
    char command[PATH_MAX + 1000];
    char *argv[] = {(char *)"sh", (char *)"-c", command, NULL};
    struct start start = {EXECV, (char *)"/bin/sh", argv, surround(CLEARED)};

    (void)state;
    snprintf(command, sizeof(command), "unset LD_PRELOAD SOCKADE_POLICY SOCKADE_PINNED; exec env -i '%s' '%s' child -",
             sanitizer_options() == NULL ? "A=1" : sanitizer_options(), self);
    assert_int_equal(start_from(IN_MAIN, &start), 0);
}

static void commands_of_words(void **state)
{
    wordexp_t words;

    (void)state;
    assert_int_equal(wordexp("$(grep -c libsockade /proc/self/maps | sed 's/[1-9].*/some/')", &words, 0), 0);
    assert_string_equal(words.we_wordv[0], "some");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kept_environment),
        cmocka_unit_test(no_environment),
        cmocka_unit_test(empty_environment),
        cmocka_unit_test(rebuilt_environment),
        cmocka_unit_test(preload_unset),
        cmocka_unit_test(another_preload_stays_in_front),
        cmocka_unit_test(empty_preload),
        cmocka_unit_test(five_thousand_variables),
        cmocka_unit_test(the_preload_that_counts),
        cmocka_unit_test(pins_are_joined),
        cmocka_unit_test(vfork_children_leave_nothing),
        cmocka_unit_test(failures_leave_nothing),
        cmocka_unit_test(grandchildren),
        cmocka_unit_test(commands_of_words),
    };

    if (argc > 2 && strcmp(argv[1], "child") == 0)
        return child(argv[2]);
    must("readlink", readlink("/proc/self/exe", self, sizeof(self) - 1));
    snprintf(pinned, sizeof(pinned), "%s", getenv("SOCKADE_PINNED") == NULL ? "" : getenv("SOCKADE_PINNED"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
