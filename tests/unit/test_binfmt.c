/* SPDX-License-Identifier: MIT */
/* Entries of binfmt_misc, right ones and odd ones, out of a folder that is made here. */
#include "scratch.h"

#include "state/binfmt.h"

#include <sys/mman.h>

static char found[PROGRAM_TEXT];

static void entry(const char *name, const char *text)
{
    char path[PATH_MAX];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", scratch, name);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* Whether a file of this content and name has an interpreter. */
static bool look(const char *content, const char *name)
{
    int fd = memfd_create("odd", MFD_CLOEXEC);
    bool has;

    assert_int_equal(write(fd, content, strlen(content)), (ssize_t)strlen(content));
    has = binfmt_find(found, scratch, fd, name);
    close(fd);
    return has;
}

static void entries_are_found(void **state)
{
    (void)state;
    entry("status", "enabled\n");
    entry("register", "enabled\ninterpreter /no\nextension .jar\n");
    entry("off", "disabled\ninterpreter /off\nflags: \nextension .jar\n");
    assert_false(look("PK", "a.jar"));
    entry("jar", "enabled\ninterpreter /usr/bin/jexec\nflags: \nextension .jar\n");
    entry("odd", "enabled\ninterpreter /usr/bin/odd\nflags: OC\noffset 2\nmagic 4d41\nmask ffdf\n");
    entry("zip", "enabled\ninterpreter /usr/bin/zip\nflags: \noffset 0\nmagic 504b0304\n");
    assert_true(look("PK", "/x/a.jar"));
    assert_string_equal(found, "/usr/bin/jexec");
    assert_false(look("PK", "/x.jar/a"));
    assert_false(look("PK", "a.jars"));
    assert_false(look("PK", "jar"));
    assert_true(look("xxMA and more", "a"));
    assert_string_equal(found, "/usr/bin/odd");
    assert_true(look("xxMa", "a")); /* masked */
    assert_false(look("xxM", "a"));
    assert_false(look("MA", "a"));
    assert_true(look("PK\3\4", "a.b"));
    assert_string_equal(found, "/usr/bin/zip");
    assert_false(look("", "a"));
}

static void odd_entries_are_passed_over(void **state)
{
    static char longest[6000];

    (void)state;
    entry("1", "");
    entry("2", "enabled");
    entry("3", "enabled\ninterpreter \nmagic 4d\n");
    entry("4", "enabled\nmagic 4d\n");
    entry("5", "enabled\ninterpreter /5\nmagic 4\n");
    entry("6", "enabled\ninterpreter /6\nmagic 4x\n");
    entry("7", "enabled\ninterpreter /7\noffset 99999999999999999999\nmagic 4d\n");
    entry("8", "enabled\ninterpreter /8\noffset x\nmagic 4d\n");
    entry("9", "enabled\ninterpreter /9\nmagic 4d4d\nmask ff\n");
    memset(longest, 'x', sizeof(longest) - 1);
    memcpy(longest, "enabled\ninterpreter /", 21);
    entry("10", longest);
    assert_false(look("M", "a"));
    assert_false(look("MMMM", "a"));
}

static void no_folder_is_no_entry(void **state)
{
    int fd = memfd_create("odd", MFD_CLOEXEC);

    (void)state;
    assert_false(binfmt_find(found, "/no/such/folder", fd, "x"));
    assert_false(binfmt_find(found, scratch, -1, "x"));
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(entries_are_found, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(odd_entries_are_passed_over, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(no_folder_is_no_entry, scratch_make, scratch_remove),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
