/* SPDX-License-Identifier: MIT */
/* Images come to their place whole or not at all, and nothing else stays behind. */
#include "tests/unit/scratch.h"

#include "config/publish.h"

#include <signal.h>
#include <sys/resource.h>
#include <time.h>

static char problem[1024];

static struct image_bytes bytes_of(const char *text)
{
    return (struct image_bytes){.bytes = (unsigned char *)(uintptr_t)text, .size = strlen(text)};
}

static bool to_file(const char *text, const char *path, mode_t mode)
{
    struct image_bytes image = bytes_of(text);

    problem[0] = '\0';
    return publish_to_file(&image, path, mode, problem, sizeof(problem));
}

/* How many names a folder holds. */
static int names_in(const char *path)
{
    DIR *folder = opendir(path);
    int count = -2; /* `.` and `..` */

    assert_non_null(folder);
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

static mode_t mode_of(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

static void file_is_written_with_its_mode(void **state)
{
    int before = descriptors_open();
    mode_t mask = umask(077);

    (void)state;
    assert_true(to_file("one", in_scratch("image"), 0644));
    umask(mask);
    assert_string_equal(file_text(in_scratch("image")), "one");
    assert_int_equal(mode_of(in_scratch("image")), 0644);
    assert_true(to_file("two", in_scratch("image"), 0600));
    assert_string_equal(file_text(in_scratch("image")), "two");
    assert_int_equal(mode_of(in_scratch("image")), 0600);
    assert_int_equal(names_in(scratch), 1);
    assert_int_equal(descriptors_open(), before);
}

static void file_may_be_named_from_the_current_folder(void **state)
{
    char *back = getcwd(NULL, 0);

    (void)state;
    assert_int_equal(chdir(scratch), 0);
    assert_true(to_file("one", "image", 0600));
    assert_true(to_file("two", "./other", 0600));
    assert_int_equal(chdir(back), 0);
    free(back);
    assert_string_equal(file_text(in_scratch("image")), "one");
    assert_string_equal(file_text(in_scratch("other")), "two");
}

static void left_over_of_a_killed_writer_is_replaced(void **state)
{
    (void)state;
    file_write(in_scratch("image.new"), "half", 4);
    assert_true(to_file("whole", in_scratch("image"), 0600));
    assert_string_equal(file_text(in_scratch("image")), "whole");
    assert_int_equal(names_in(scratch), 1);
}

static void only_plain_files_are_replaced(void **state)
{
    const char *const names[] = {"folder", "link", "fifo"};

    (void)state;
    assert_int_equal(mkdir(in_scratch("folder"), 0700), 0);
    file_write(in_scratch("target"), "kept", 4);
    assert_int_equal(symlink("target", in_scratch("link")), 0);
    assert_int_equal(mkfifo(in_scratch("fifo"), 0600), 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_false(to_file("one", in_scratch(names[i]), 0600));
        assert_non_null(strstr(problem, in_scratch(names[i])));
        assert_non_null(strstr(problem, "not a plain file"));
    }
    assert_string_equal(file_text(in_scratch("target")), "kept");
    assert_int_equal(names_in(scratch), 4);
}

static void problems_are_whole_sentences(void **state)
{
    char want[PATH_MAX];

    (void)state;
    assert_false(to_file("one", in_scratch("none/image"), 0600));
    snprintf(want, sizeof(want), "The image was not written: open of \"%s/none\" failed: No such file or directory.",
             scratch);
    assert_string_equal(problem, want);
    assert_false(to_file("one", in_scratch(""), 0600));
    assert_non_null(strstr(problem, "is no name of a file."));
    assert_false(to_file("one", "", 0600));
    assert_false(to_file("one", "/", 0600));
    assert_false(to_file("one", "..", 0600));
    assert_non_null(strstr(problem, "is a folder"));
}

static void names_that_leave_no_room_are_refused(void **state)
{
    char name[NAME_MAX + 1];

    (void)state;
    memset(name, 'n', sizeof(name) - 1);
    name[NAME_MAX] = '\0';
    assert_false(to_file("one", in_scratch(name), 0600));
    assert_non_null(strstr(problem, "File name too long."));
    name[NAME_MAX - 4] = '\0';
    assert_true(to_file("one", in_scratch(name), 0600));
}

static int meet_a_file_limit(void)
{
    struct rlimit limit = {.rlim_cur = 3, .rlim_max = 3};

    CHECK(signal(SIGXFSZ, SIG_DFL) != SIG_ERR); /* which would kill */
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    CHECK(!to_file("longer than that", in_scratch("image"), 0600));
    CHECK(strstr(problem, "write of \"") != NULL);
    CHECK(strstr(problem, "image.new\" failed: File too large.") != NULL);
    return 0;
}

static void failed_write_leaves_the_old_image_alone(void **state)
{
    (void)state;
    file_write(in_scratch("image"), "old", 3);
    assert_int_equal(in_child(meet_a_file_limit), 0);
    assert_string_equal(file_text(in_scratch("image")), "old");
    assert_int_equal(names_in(scratch), 1);
}

static void folder_that_takes_no_file_is_told(void **state)
{
    (void)state;
    if (getuid() == 0)
        skip();
    assert_int_equal(chmod(scratch, 0500), 0);
    assert_false(to_file("one", in_scratch("image"), 0600));
    assert_non_null(strstr(problem, "image.new\" failed: Permission denied."));
    assert_int_equal(chmod(scratch, 0700), 0);
}

#define WRITERS 4
#define WRITER_IMAGES 60
#define WRITER_SIZE 20000

static int write_images(void)
{
    static char text[WRITER_SIZE + 1];

    for (int i = 0; i < WRITER_IMAGES; i++) {
        memset(text, 'a' + (getpid() + i) % 26, WRITER_SIZE);
        CHECK(to_file(text, in_scratch("image"), 0600));
    }
    return 0;
}

static void readers_never_see_half_an_image(void **state)
{
    pid_t writers[WRITERS];
    int left = WRITERS, seen = 0;

    (void)state;
    assert_true(to_file("old", in_scratch("image"), 0600));
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = fork();
        if (writers[i] == 0)
            _exit(write_images() != 0);
    }
    while (left > 0) {
        const char *text = file_text(in_scratch("image"));
        int status;

        assert_non_null(text);
        if (strcmp(text, "old") != 0) {
            char same[2] = {text[0]};

            assert_int_equal(strlen(text), WRITER_SIZE);
            assert_int_equal(strspn(text, same), WRITER_SIZE);
            seen++;
        }
        if (waitpid(-1, &status, WNOHANG) > 0) {
            assert_int_equal(status, 0);
            left--;
        }
    }
    assert_true(seen > 0);
    assert_int_equal(names_in(scratch), 1);
}

static char runtime_dir[PATH_MAX], cache_home[PATH_MAX], where[PATH_MAX];

/* Surroundings whose folders lie in the scratch folder. */
static struct surroundings surroundings_make(void)
{
    assert_true(path_join(runtime_dir, scratch, "run"));
    assert_true(path_join(cache_home, scratch, "home/cache"));
    return (struct surroundings){.uid = getuid(), .runtime_dir = runtime_dir, .cache_home = cache_home};
}

static bool to_folders(const struct surroundings *surroundings, const char *text)
{
    struct image_bytes image = bytes_of(text);

    where[0] = '\0';
    strcpy(problem, "none");
    return publish_image(&image, surroundings, "i.image", where, problem, sizeof(problem));
}

static void image_goes_to_the_first_folder_that_is_there(void **state)
{
    struct surroundings surroundings = surroundings_make();
    int before = descriptors_open();

    (void)state;
    /* The runtime folder is the system's to make; the cache is ours. */
    assert_true(to_folders(&surroundings, "one"));
    assert_string_equal(problem, "");
    assert_string_equal(where, in_scratch("home/cache/sockade/i.image"));
    assert_string_equal(file_text(where), "one");
    assert_int_equal(mode_of(where), 0600);
    assert_int_equal(mode_of(in_scratch("home/cache/sockade")), 0700);
    assert_int_equal(mode_of(in_scratch("home")), 0700);
    assert_false(file_exists(in_scratch("run")));

    assert_int_equal(mkdir(in_scratch("run"), 0700), 0);
    assert_true(to_folders(&surroundings, "two"));
    assert_string_equal(where, in_scratch("run/sockade/i.image"));
    assert_string_equal(file_text(where), "two");
    /* The older copy must not be found by a process that has no runtime folder. */
    assert_string_equal(file_text(in_scratch("home/cache/sockade/i.image")), "two");
    assert_int_equal(names_in(in_scratch("run/sockade")), 2); /* with the control file */
    assert_int_equal(names_in(in_scratch("home/cache/sockade")), 2);

    assert_int_equal(unlink(in_scratch("home/cache/sockade/i.image")), 0);
    assert_true(to_folders(&surroundings, "three"));
    assert_false(file_exists(in_scratch("home/cache/sockade/i.image")));
    assert_int_equal(descriptors_open(), before);
}

static void folders_that_are_not_ours_are_passed_over(void **state)
{
    struct surroundings surroundings = surroundings_make();

    (void)state;
    assert_int_equal(mkdir(in_scratch("run"), 0700), 0);
    assert_int_equal(mkdir(in_scratch("run/sockade"), 0700), 0);
    assert_int_equal(chmod(in_scratch("run/sockade"), 0770), 0);
    assert_true(to_folders(&surroundings, "one"));
    assert_string_equal(where, in_scratch("home/cache/sockade/i.image"));
    assert_int_equal(names_in(in_scratch("run/sockade")), 0);
}

static void older_copy_that_stays_is_removed(void **state)
{
    struct surroundings surroundings = surroundings_make();

    (void)state;
    assert_int_equal(mkdir(in_scratch("run"), 0700), 0);
    assert_true(to_folders(&surroundings, "one"));
    /* In the way of the temporary file, so that nothing can be written here. */
    assert_int_equal(mkdir(in_scratch("run/sockade/i.image.new"), 0700), 0);
    assert_true(to_folders(&surroundings, "two"));
    assert_string_equal(where, in_scratch("home/cache/sockade/i.image"));
    assert_string_equal(file_text(where), "two");
    assert_false(file_exists(in_scratch("run/sockade/i.image")));
}

/* The last of the places, in which a test may leave an empty folder of its own making behind. */
static void shared_folder_remove(uid_t uid)
{
    struct surroundings surroundings = {.uid = uid};
    char path[PATH_MAX];

    if (image_folder(&surroundings, 2, path))
        rmdir(path);
}

static int publish_under_a_file_limit(void)
{
    struct rlimit limit = {.rlim_cur = 3, .rlim_max = 3};
    struct surroundings surroundings = surroundings_make();

    CHECK(signal(SIGXFSZ, SIG_DFL) != SIG_ERR); /* which would kill */
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    CHECK(!to_folders(&surroundings, "longer than that"));
    CHECK(strstr(problem, "failed: File too large.") != NULL);
    CHECK(where[0] == '\0');
    return 0;
}

static void last_good_image_stays_where_none_can_be_written(void **state)
{
    struct surroundings surroundings = surroundings_make();

    (void)state;
    assert_int_equal(mkdir(in_scratch("run"), 0700), 0);
    assert_true(to_folders(&surroundings, "old"));
    assert_int_equal(in_child(publish_under_a_file_limit), 0);
    assert_string_equal(file_text(in_scratch("run/sockade/i.image")), "old");
    assert_int_equal(names_in(in_scratch("run/sockade")), 2);
    shared_folder_remove(getuid());
}

/* The inode that a name leads to; 0: none. */
static ino_t inode_of(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? st.st_ino : 0;
}

static void large_images_keep_a_name_until_nobody_has_them(void **state)
{
    const char *const names[] = {"run/sockade/i.image", "run/sockade/i.image.old", "run/sockade/i.image.older"};
    struct surroundings surroundings = surroundings_make();
    size_t size = 300 << 10;
    char *large = malloc(size + 1);
    ino_t inodes[5];

    (void)state;
    memset(large, 'x', size);
    large[size] = '\0';
    assert_int_equal(mkdir(in_scratch("run"), 0700), 0);
    for (int i = 0; i < 5; i++) {
        assert_true(to_folders(&surroundings, large));
        inodes[i] = inode_of(in_scratch(names[0]));
        for (int before = 1; before < 3; before++)
            assert_int_equal(inode_of(in_scratch(names[before])), i < before ? 0 : inodes[i - before]);
    }
    assert_true(to_folders(&surroundings, "small"));
    assert_int_equal(inode_of(in_scratch(names[1])), inodes[4]);
    assert_int_equal(inode_of(in_scratch(names[2])), inodes[3]);
    assert_true(to_folders(&surroundings, "small"));
    assert_int_equal(inode_of(in_scratch(names[1])), 0);
    assert_int_equal(inode_of(in_scratch(names[2])), inodes[4]);
    assert_true(to_folders(&surroundings, "small"));
    assert_int_equal(names_in(in_scratch("run/sockade")), 2);
    shared_folder_remove(getuid());
    free(large);
}

/* No user has this number, so nobody's folder in /dev/shm is met. */
#define STRANGER 4000000001u

static void no_folder_at_all_is_told(void **state)
{
    struct surroundings surroundings = {.uid = STRANGER, .home = cache_home};

    (void)state;
    assert_true(path_join(cache_home, scratch, "nobody"));
    assert_false(to_folders(&surroundings, "one"));
    assert_non_null(strstr(problem, "/nobody/.cache/sockade\" failed: No such file or directory."));
    assert_string_equal(where, "");
    assert_false(file_exists(in_scratch("nobody")));
    shared_folder_remove(STRANGER);
}

static void one_process_at_a_time_has_the_lock(void **state)
{
    struct surroundings surroundings = surroundings_make();
    struct timespec from, to;
    int first, second;

    (void)state;
    first = publish_lock(&surroundings, "i.image", 0);
    assert_true(first > 2);
    assert_int_equal(fcntl(first, F_GETFD), FD_CLOEXEC);
    assert_true(file_exists(in_scratch("home/cache/sockade/i.image.lock")));
    clock_gettime(CLOCK_MONOTONIC, &from);
    assert_int_equal(publish_lock(&surroundings, "i.image", 1), -1);
    assert_int_equal(errno, EWOULDBLOCK);
    clock_gettime(CLOCK_MONOTONIC, &to);
    assert_in_range((to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000, 900, 5000);

    second = publish_lock(&surroundings, "other.image", 0);
    assert_true(second > 2);
    close(second);
    assert_true(to_folders(&surroundings, "published under the lock"));
    close(first);
    first = publish_lock(&surroundings, "i.image", 0);
    assert_true(first > 2);
    close(first);
}

/* A hundred processes at once: each waits for its turn, and none is turned away. */
static void many_processes_share_the_lock(void **state)
{
    struct surroundings surroundings = surroundings_make();
    int status;

    (void)state;
    for (int i = 0; i < 100; i++) {
        pid_t child = fork();

        if (child == 0) {
            int lock = publish_lock(&surroundings, "i.image", 30);
            int mark = openat(AT_FDCWD, in_scratch("mark"), O_CREAT | O_EXCL | O_CLOEXEC, 0600);

            _exit(lock < 0 || mark < 0 || unlink(in_scratch("mark")) != 0);
        }
        assert_true(child > 0);
    }
    for (int i = 0; i < 100; i++) {
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
}

#define WITH_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SCRATCH(file_is_written_with_its_mode),
        WITH_SCRATCH(file_may_be_named_from_the_current_folder),
        WITH_SCRATCH(left_over_of_a_killed_writer_is_replaced),
        WITH_SCRATCH(only_plain_files_are_replaced),
        WITH_SCRATCH(problems_are_whole_sentences),
        WITH_SCRATCH(names_that_leave_no_room_are_refused),
        WITH_SCRATCH(failed_write_leaves_the_old_image_alone),
        WITH_SCRATCH(folder_that_takes_no_file_is_told),
        WITH_SCRATCH(readers_never_see_half_an_image),
        WITH_SCRATCH(image_goes_to_the_first_folder_that_is_there),
        WITH_SCRATCH(folders_that_are_not_ours_are_passed_over),
        WITH_SCRATCH(older_copy_that_stays_is_removed),
        WITH_SCRATCH(last_good_image_stays_where_none_can_be_written),
        WITH_SCRATCH(large_images_keep_a_name_until_nobody_has_them),
        WITH_SCRATCH(no_folder_at_all_is_told),
        WITH_SCRATCH(one_process_at_a_time_has_the_lock),
        WITH_SCRATCH(many_processes_share_the_lock),
    };

    return cmocka_run_group_tests_name("publish", tests, NULL, NULL);
}
