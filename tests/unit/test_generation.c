/* SPDX-License-Identifier: MIT */
/* The control file: made, raised, mapped, replaced; and what is none. */
#include "tests/unit/scratch.h"

#include "state/generation.h"

#include <sys/wait.h>

static int folder = -1;

static int folder_open(void **state)
{
    if (scratch_make(state) != 0)
        return 1;
    folder = open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return folder < 0;
}

static int folder_close(void **state)
{
    close(folder);
    return scratch_remove(state);
}

static bool map(struct generation *out)
{
    return generation_map(out, folder, GENERATION_FILE, getuid(), false, NULL);
}

static void a_raised_word_is_seen_by_who_has_it_mapped(void **state)
{
    struct generation one;
    int before = descriptors_open();

    (void)state;
    assert_false(generation_raise(folder));
    assert_false(map(&one));
    assert_true(generation_make(folder, 0600));
    assert_false(file_exists(in_scratch(GENERATION_FILE ".new")));
    assert_true(map(&one));
    for (uint32_t i = 1; i <= 3; i++) {
        assert_true(generation_raise(folder));
        assert_int_equal(one.page->word, one.word + i);
    }
    /* A second writer finds it, and leaves it as it is. */
    assert_true(generation_make(folder, 0600));
    assert_int_equal(one.page->word, one.word + 3);
    assert_int_equal(descriptors_open(), before);
    generation_unmap(&one);
    assert_null(one.page);
}

static void a_newer_file_takes_the_place_of_an_older_one(void **state)
{
    static union generation_place place;
    static const struct generation none;
    struct generation one, two, same;

    (void)state;
    assert_true(generation_make(folder, 0600));
    assert_true(map(&one));
    assert_false(generation_is_same(&one, &none));
    assert_int_equal(place.page.word, 0);
    assert_true(generation_move(&one, &place));
    assert_ptr_equal(one.page, &place.page);
    assert_int_equal(place.page.word, one.word);
    assert_true(map(&same));
    assert_true(generation_is_same(&one, &same));
    generation_unmap(&same);

    assert_int_equal(unlinkat(folder, GENERATION_FILE, 0), 0);
    assert_true(generation_make(folder, 0600));
    assert_true(map(&two));
    assert_false(generation_is_same(&one, &two));
    assert_true(generation_raise(folder));
    assert_int_equal(place.page.word, one.word);
    assert_true(generation_move(&two, &place));
    assert_int_equal(place.page.word, two.word + 1);

    /* What cannot be moved leaves the place as it is. */
    assert_true(map(&same));
    assert_false(generation_move(&same, (union generation_place *)(uintptr_t)1));
    assert_null(same.page);
    assert_int_equal(place.page.word, two.word + 1);
    generation_unmap(&two);
    assert_int_equal(place.page.word, 0);
    assert_true(generation_map(&two, folder, GENERATION_FILE, getuid(), false, &place));
    assert_ptr_equal(two.page, &place.page);
    assert_true(generation_move(&two, &place));
    assert_int_equal(place.page.word, two.word);
    generation_unmap(&two);
}

static void rubbish_is_not_mapped_and_is_mended(void **state)
{
    static const char page[GENERATION_SIZE] = "rubbish";
    struct generation one;

    (void)state;
    file_write(in_scratch(GENERATION_FILE), page, sizeof(page));
    assert_false(map(&one));
    assert_false(generation_raise(folder));
    file_write(in_scratch(GENERATION_FILE), "SOCKCTL\0\1\0\0\0", 12); /* cut short: a reader would meet SIGBUS */
    assert_false(map(&one));
    assert_int_equal(unlinkat(folder, GENERATION_FILE, 0), 0);
    assert_int_equal(symlink("/dev/zero", in_scratch(GENERATION_FILE)), 0);
    assert_false(map(&one));
    assert_true(generation_make(folder, 0600));
    assert_true(map(&one));
    generation_unmap(&one);
    assert_int_equal(chmod(in_scratch(GENERATION_FILE), 0666), 0);
    assert_false(map(&one));
}

/*
 * A file system may refuse to map a file when its place has been cleared already (FUSE with direct_io does, and sysfs,
 * whose files have a page's size): the place can still be read then.
 */
static void what_cannot_be_mapped_leaves_a_page_in_its_place(void **state)
{
    static union generation_place place;
    struct generation one;

    (void)state;
    assert_false(generation_map(&one, AT_FDCWD, "/sys/kernel/uevent_seqnum", getuid(), true, &place));
    assert_null(one.page);
    assert_int_equal(place.page.word, 0);
    assert_true(generation_make(folder, 0600));
    assert_true(generation_map(&one, folder, GENERATION_FILE, getuid(), false, &place));
    assert_int_equal(place.page.word, one.word);
    generation_unmap(&one);
}

static void a_folder_in_its_place_is_left_alone(void **state)
{
    (void)state;
    assert_int_equal(mkdir(in_scratch(GENERATION_FILE), 0700), 0);
    assert_false(generation_make(folder, 0600));
    assert_false(file_exists(in_scratch(GENERATION_FILE ".new")));
    assert_int_equal(rmdir(in_scratch(GENERATION_FILE)), 0);
}

#define WRITERS 4
#define RAISES 500

static void writers_at_once_move_it(void **state)
{
    struct generation one;
    int status;

    (void)state;
    assert_true(generation_make(folder, 0600));
    assert_true(map(&one));
    for (int i = 0; i < WRITERS; i++) {
        if (fork() == 0) {
            for (int n = 0; n < RAISES; n++)
                generation_raise(folder);
            _exit(0);
        }
    }
    for (int i = 0; i < WRITERS; i++)
        assert_true(wait(&status) > 0);
    assert_in_range(one.page->word - one.word, RAISES, WRITERS * RAISES);
    generation_unmap(&one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_raised_word_is_seen_by_who_has_it_mapped, folder_open, folder_close),
        cmocka_unit_test_setup_teardown(a_newer_file_takes_the_place_of_an_older_one, folder_open, folder_close),
        cmocka_unit_test_setup_teardown(rubbish_is_not_mapped_and_is_mended, folder_open, folder_close),
        cmocka_unit_test_setup_teardown(what_cannot_be_mapped_leaves_a_page_in_its_place, folder_open, folder_close),
        cmocka_unit_test_setup_teardown(a_folder_in_its_place_is_left_alone, folder_open, folder_close),
        cmocka_unit_test_setup_teardown(writers_at_once_move_it, folder_open, folder_close),
    };

    return cmocka_run_group_tests_name("generation", tests, NULL, NULL);
}
