/* SPDX-License-Identifier: MIT */
/* Image files: judged, mapped, and compared with their sources. */
#include "tests/unit/scratch.h"

#include "state/control.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>

/* Enough of an image for state/, which looks at its magic and size only. */
static const struct image_header empty_image = {.magic = IMAGE_MAGIC, .version = IMAGE_VERSION};

static struct image_file image;

static enum image_file_outcome open_path(const char *path)
{
    return image_file_open(&image, AT_FDCWD, path, getuid(), false, false);
}

/* As an image in our own folder is opened. */
static enum image_file_outcome open_own(const char *name)
{
    int folder = open(scratch, O_PATH | O_DIRECTORY | O_CLOEXEC);
    enum image_file_outcome outcome = image_file_open(&image, folder, name, getuid(), false, true);

    close(folder);
    return outcome;
}

static void image_is_mapped(void **state)
{
    static char bytes[10000];
    int before = descriptors_open();

    (void)state;
    memcpy(bytes, &empty_image, sizeof(empty_image));
    bytes[9999] = 7;
    file_write(in_scratch("i"), bytes, sizeof(bytes));
    assert_int_equal(open_own("i"), IMAGE_FILE_OK);
    assert_int_equal(image.size, sizeof(bytes));
    assert_memory_equal(image.base, bytes, sizeof(bytes));
    image_file_close(&image);
    assert_null(image.base);
    image_file_close(&image);
    assert_int_equal(open_path(in_scratch("i")), IMAGE_FILE_OK);
    assert_memory_equal(image.base, bytes, sizeof(bytes));
    image_file_close(&image);
    assert_int_equal(descriptors_open(), before);
}

static void a_range_is_kept_for_newer_ones(void **state)
{
    size_t room;
    const char *range = image_reserve(10000, &room);

    (void)state;
    if (range == NULL) /* under a limit of the test's own surroundings */
        return;
    assert_int_equal(range[0], 0);
    assert_int_equal(range[2 * room - 1], 0);
    munmap((void *)(uintptr_t)range, 2 * room);
}

static int reserve_under_a_limit(void)
{
    size_t room;
    void *range;
    struct rlimit limit = {.rlim_cur = RLIM_INFINITY - 1, .rlim_max = RLIM_INFINITY - 1};

    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
    range = image_reserve(10000, &room);
    CHECK(range != NULL && room >= 40000 && room < 1 << 20);
    munmap(range, 2 * room);
    /* What is a sixteenth of the address space and more is left alone. */
    limit.rlim_cur = 2 << 20;
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
    CHECK(image_reserve(10000, &room) == NULL);
    return 0;
}

static void limited_address_space_is_left_to_the_program(void **state)
{
    (void)state;
    file_write(in_scratch("i"), &empty_image, sizeof(empty_image));
    assert_int_equal(in_child(reserve_under_a_limit), 0);
}

static void absent_files_are_told_from_unreadable_ones(void **state)
{
    (void)state;
    assert_int_equal(open_path(in_scratch("none")), IMAGE_FILE_ABSENT);
    file_write(in_scratch("file"), "x", 1);
    assert_int_equal(open_path(in_scratch("file/below")), IMAGE_FILE_ABSENT);
    assert_int_equal(symlink(in_scratch("loop"), in_scratch("loop")), 0);
    assert_int_equal(open_path(in_scratch("loop")), IMAGE_FILE_UNREADABLE);
    assert_int_equal(image.error, ELOOP);
    if (getuid() != 0) {
        assert_int_equal(chmod(in_scratch("file"), 0), 0);
        assert_int_equal(open_path(in_scratch("file")), IMAGE_FILE_UNREADABLE);
        assert_int_equal(image.error, EACCES);
    }
}

static void other_things_are_no_image(void **state)
{
    int before = descriptors_open();

    (void)state;
    assert_int_equal(open_path(scratch), IMAGE_FILE_NO_IMAGE);
    assert_int_equal(mkfifo(in_scratch("fifo"), 0600), 0);
    assert_int_equal(open_path(in_scratch("fifo")), IMAGE_FILE_NO_IMAGE);
    file_write(in_scratch("text"), "version = 1;\n", 13);
    assert_int_equal(open_path(in_scratch("text")), IMAGE_FILE_NO_IMAGE);
    file_write(in_scratch("empty"), "", 0);
    assert_int_equal(open_path(in_scratch("empty")), IMAGE_FILE_NO_IMAGE);
    file_write(in_scratch("short"), "SOCKADE", 7);
    assert_int_equal(open_path(in_scratch("short")), IMAGE_FILE_NO_IMAGE);
    assert_int_equal(descriptors_open(), before);
}

static void damaged_images_are_told(void **state)
{
    static char wrong[sizeof(struct image_header)];

    (void)state;
    file_write(in_scratch("i"), &empty_image, sizeof(empty_image) - 1);
    assert_int_equal(open_path(in_scratch("i")), IMAGE_FILE_BAD);
    assert_non_null(image.why);
    assert_int_equal(open_own("i"), IMAGE_FILE_BAD);
    file_write(in_scratch("i"), "", 0);
    assert_int_equal(open_own("i"), IMAGE_FILE_BAD);
    file_write(in_scratch("i"), wrong, sizeof(wrong));
    assert_int_equal(open_own("i"), IMAGE_FILE_NO_IMAGE);
    assert_null(image.base);
    file_write(in_scratch("i"), &empty_image, sizeof(empty_image));
    if (truncate(in_scratch("i"), (off_t)IMAGE_LIMIT + 1) == 0) {
        assert_int_equal(open_own("i"), IMAGE_FILE_BAD);
        assert_int_equal(truncate(in_scratch("i"), (off_t)IMAGE_LIMIT), 0);
        assert_int_equal(open_own("i"), IMAGE_FILE_OK);
        image_file_close(&image);
    }
}

static void links_are_followed_only_for_the_user(void **state)
{
    (void)state;
    file_write(in_scratch("i"), &empty_image, sizeof(empty_image));
    assert_int_equal(symlink("i", in_scratch("link")), 0);
    assert_int_equal(open_path(in_scratch("link")), IMAGE_FILE_OK);
    image_file_close(&image);
    assert_int_equal(open_own("link"), IMAGE_FILE_UNREADABLE);
}

static void untrusted_files_are_not_mapped(void **state)
{
    uid_t asker = getuid();

    (void)state;
    file_write(in_scratch("i"), &empty_image, sizeof(empty_image));
    assert_int_equal(chmod(in_scratch("i"), 0602), 0);
    assert_int_equal(open_path(in_scratch("i")), IMAGE_FILE_UNTRUSTED);
    assert_non_null(image.why);
    assert_null(image.base);
    assert_int_equal(image_file_open(&image, AT_FDCWD, in_scratch("i"), asker, true, false), IMAGE_FILE_UNTRUSTED);
    assert_int_equal(chmod(in_scratch("i"), 0644), 0);
    if (asker == 0)
        assert_int_equal(chown(in_scratch("i"), 4242, 4242), 0);
    else
        asker = 4242;
    assert_int_equal(image_file_open(&image, AT_FDCWD, in_scratch("i"), asker, false, false), IMAGE_FILE_UNTRUSTED);
    assert_int_equal(image_file_open(&image, AT_FDCWD, in_scratch("i"), asker, true, false), IMAGE_FILE_OK);
    image_file_close(&image);
}

/* An image in memory that has nothing but sources. */
struct sources_image {
    char strings[1024];
    struct image_source sources[8];
    uint32_t text_used;
    struct view view;
};

static void sources_begin(struct sources_image *out)
{
    memset(out, 0, sizeof(*out));
    out->text_used = 1;
    out->view.base = (const unsigned char *)out;
    out->view.size = sizeof(*out);
    out->view.strings = (struct image_section){offsetof(struct sources_image, strings), sizeof(out->strings)};
    out->view.sources = (struct image_section){offsetof(struct sources_image, sources), 0};
}

static struct image_source *source_add(struct sources_image *out, enum image_source_kind kind, const char *path)
{
    struct image_source *source = &out->sources[out->view.sources.count++];
    struct stat st = {0};

    if (stat(path, &st) == 0) {
        source->inode = st.st_ino;
        source->size = (uint64_t)st.st_size;
        source->mtime_ns = st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec;
        source->ctime_ns = st.st_ctim.tv_sec * 1000000000LL + st.st_ctim.tv_nsec;
    }
    source->kind = kind;
    source->path = out->text_used;
    memcpy(out->strings + out->text_used, path, strlen(path) + 1);
    out->text_used += (uint32_t)strlen(path) + 1;
    assert_true(out->text_used < sizeof(out->strings));
    return source;
}

static void image_without_sources_is_fresh(void **state)
{
    struct sources_image sources;

    (void)state;
    sources_begin(&sources);
    assert_true(image_is_fresh(&sources.view));
}

static void changed_files_make_stale(void **state)
{
    struct sources_image sources;
    struct image_source *source, kept;
    const struct timeval times[2] = {{1, 0}, {1, 0}};

    (void)state;
    file_write(in_scratch("text"), "abc", 3);
    sources_begin(&sources);
    source = source_add(&sources, SOURCE_FILE, in_scratch("text"));
    kept = *source;
    errno = 4321;
    assert_true(image_is_fresh(&sources.view));
    source->inode++;
    assert_false(image_is_fresh(&sources.view));
    *source = kept;
    source->size++;
    assert_false(image_is_fresh(&sources.view));
    *source = kept;
    source->mtime_ns++;
    assert_false(image_is_fresh(&sources.view));
    *source = kept;
    source->ctime_ns--;
    assert_false(image_is_fresh(&sources.view));
    *source = kept;
    source->kind = 17;
    assert_false(image_is_fresh(&sources.view));
    *source = kept;
    source->kind = SOURCE_FOLDER;
    assert_false(image_is_fresh(&sources.view));
    *source = kept;
    source->path = UINT32_MAX;
    assert_false(image_is_fresh(&sources.view));
    *source = kept;
    assert_int_equal(utimes(in_scratch("text"), times), 0);
    assert_false(image_is_fresh(&sources.view));
    assert_int_equal(unlink(in_scratch("text")), 0);
    assert_false(image_is_fresh(&sources.view));
    assert_int_equal(errno, 4321);
}

static void names_in_folders_make_stale(void **state)
{
    struct sources_image sources;
    struct image_source *source;
    struct stat st;

    (void)state;
    assert_int_equal(mkdir(in_scratch("policy.d"), 0700), 0);
    sources_begin(&sources);
    source = source_add(&sources, SOURCE_FOLDER, in_scratch("policy.d"));
    assert_true(image_is_fresh(&sources.view));
    assert_int_equal(chmod(in_scratch("policy.d"), 0755), 0); /* moves ctime alone */
    assert_true(image_is_fresh(&sources.view));
    source->inode++;
    assert_false(image_is_fresh(&sources.view));
    source->inode--;
    do { /* until the clock of the file system has moved on */
        unlink(in_scratch("policy.d/x.conf"));
        file_write(in_scratch("policy.d/x.conf"), "", 0);
        assert_int_equal(stat(in_scratch("policy.d"), &st), 0);
    } while (st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec == source->mtime_ns);
    assert_false(image_is_fresh(&sources.view));
}

static void files_that_appear_make_stale(void **state)
{
    struct sources_image sources;

    (void)state;
    sources_begin(&sources);
    source_add(&sources, SOURCE_ABSENT, in_scratch("policy.conf"));
    source_add(&sources, SOURCE_ABSENT, in_scratch("no/folder/policy.conf"));
    assert_true(image_is_fresh(&sources.view));
    file_write(in_scratch("no"), "", 0);
    assert_true(image_is_fresh(&sources.view));
    file_write(in_scratch("policy.conf"), "", 0);
    assert_false(image_is_fresh(&sources.view));
    assert_int_equal(unlink(in_scratch("policy.conf")), 0);
    assert_int_equal(symlink("policy.conf", in_scratch("policy.conf")), 0);
    assert_false(image_is_fresh(&sources.view));
}

#define WITH_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SCRATCH(image_is_mapped),
        cmocka_unit_test(a_range_is_kept_for_newer_ones),
        WITH_SCRATCH(limited_address_space_is_left_to_the_program),
        WITH_SCRATCH(absent_files_are_told_from_unreadable_ones),
        WITH_SCRATCH(other_things_are_no_image),
        WITH_SCRATCH(damaged_images_are_told),
        WITH_SCRATCH(links_are_followed_only_for_the_user),
        WITH_SCRATCH(untrusted_files_are_not_mapped),
        cmocka_unit_test(image_without_sources_is_fresh),
        WITH_SCRATCH(changed_files_make_stale),
        WITH_SCRATCH(names_in_folders_make_stale),
        WITH_SCRATCH(files_that_appear_make_stale),
    };

    return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
