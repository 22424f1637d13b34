/* SPDX-License-Identifier: MIT */
/* Layers, pins, names of images, and whom to trust. */
#include "tests/unit/scratch.h"

#include "policy/image.h"
#include "state/folder.h"
#include "state/locate.h"

#include <sched.h>
#include <sys/prctl.h>

static struct layer_place layers[LAYERS_MAX];

static struct surroundings surroundings_of(uid_t uid, const char *policy, const char *pinned, const char *home)
{
    return (struct surroundings){.uid = uid, .policy = policy, .pinned = pinned, .home = home};
}

static void environment_is_searched_by_whole_names(void **state)
{
    char *envp[] = {"HOMER=x", "HOM=y", "HOME=/first", "HOME=/second", "EMPTY=", "NOEQUALS", NULL};

    (void)state;
    assert_string_equal(environment_get(envp, "HOME"), "/first");
    assert_string_equal(environment_get(envp, "EMPTY"), "");
    assert_null(environment_get(envp, "NOEQUALS"));
    assert_null(environment_get(envp, "ABSENT"));
    assert_null(environment_get(NULL, "HOME"));
}

static void surroundings_ignore_what_is_relative_or_empty(void **state)
{
    char *envp[] = {"SOCKADE_POLICY=",
                    "SOCKADE_PINNED=1:2:/p",
                    "XDG_CONFIG_HOME=config",
                    "XDG_RUNTIME_DIR=/run/u",
                    "XDG_CACHE_HOME=cache",
                    "XDG_STATE_HOME=./state",
                    "HOME=home",
                    "SOCKADE_ON_ERROR=allow",
                    NULL};
    struct surroundings out;

    (void)state;
    surroundings_read(&out, envp, 7, false);
    assert_int_equal(out.uid, 7);
    assert_null(out.policy);
    assert_string_equal(out.pinned, "1:2:/p");
    assert_null(out.config_home);
    assert_string_equal(out.runtime_dir, "/run/u");
    assert_null(out.cache_home);
    assert_null(out.state_home);
    assert_null(out.home);
    assert_true(out.allow_on_error);
}

static void a_home_may_be_what_a_parent_says(void **state)
{
    char *both[] = {"SOCKADE_HOME=/parent", "HOME=/own", NULL};
    char *relative[] = {"SOCKADE_HOME=/parent", "HOME=own", NULL};
    char *odd[] = {"SOCKADE_HOME=parent", NULL};
    struct surroundings out;

    (void)state;
    surroundings_read(&out, both, 7, false);
    assert_string_equal(out.home, "/own");
    surroundings_read(&out, both, 7, true);
    assert_null(out.home);
    surroundings_read(&out, relative, 7, false);
    assert_string_equal(out.home, "/parent");
    surroundings_read(&out, odd, 7, false);
    assert_null(out.home);
}

static void secure_surroundings_are_empty(void **state)
{
    char *envp[] = {"SOCKADE_POLICY=/p", "SOCKADE_PINNED=broken", "HOME=/h", "SOCKADE_ON_ERROR=allow", NULL};
    struct surroundings out;

    (void)state;
    surroundings_read(&out, envp, 7, true);
    assert_true(out.secure);
    assert_false(out.allow_on_error);
    assert_null(out.policy);
    assert_null(out.pinned);
    assert_null(out.home);
    assert_int_equal(locate_layers(&out, layers), 1);
    assert_true(layers[0].system);
    assert_string_equal(layers[0].path, SYSTEM_FOLDER);
}

static void only_the_known_word_turns_fail_closed_round(void **state)
{
    char *envp[] = {"SOCKADE_ON_ERROR=Allow", NULL};
    struct surroundings out;

    (void)state;
    surroundings_read(&out, envp, 7, false);
    assert_false(out.allow_on_error);
}

static void paths_are_joined_up_to_the_limit(void **state)
{
    static char folder[PATH_MAX + 8], out[PATH_MAX];

    (void)state;
    assert_true(path_join(out, "/a", "b"));
    assert_string_equal(out, "/a/b");
    assert_true(path_join(out, "/a//", "b/c"));
    assert_string_equal(out, "/a/b/c");
    assert_true(path_join(out, "/", "b"));
    assert_string_equal(out, "/b");

    memset(folder, 'x', sizeof(folder) - 1);
    folder[PATH_MAX - 3] = '\0';
    assert_true(path_join(out, folder, "b"));
    assert_int_equal(strlen(out), PATH_MAX - 1);
    assert_false(path_join(out, folder, "bc"));
    folder[PATH_MAX - 3] = 'x';
    assert_false(path_join(out, folder, "b"));
    assert_false(path_join(out, "/", folder));
}

static void default_path_is_used_where_nothing_else_is_named(void **state)
{
    struct surroundings out = surroundings_of(7, NULL, NULL, NULL);

    (void)state;
    assert_int_equal(locate_layers(&out, layers), 1);
    assert_true(layers[0].system);

    out.home = "/home/u";
    assert_int_equal(locate_layers(&out, layers), 2);
    assert_string_equal(layers[1].path, "/home/u/.config/sockade/policy.conf");
    assert_false(layers[1].pinned || layers[1].foreign || layers[1].relative || layers[1].system);

    out.config_home = "/cfg";
    assert_int_equal(locate_layers(&out, layers), 2);
    assert_string_equal(layers[1].path, "/cfg/sockade/policy.conf");

    out.policy = "/p.conf";
    assert_int_equal(locate_layers(&out, layers), 2);
    assert_string_equal(layers[1].path, "/p.conf");
}

static void relative_policy_is_marked(void **state)
{
    struct surroundings out = surroundings_of(7, "policy.conf", NULL, "/home/u");

    (void)state;
    assert_int_equal(locate_layers(&out, layers), 2);
    assert_true(layers[1].relative);
    assert_string_equal(layers[1].path, "policy.conf");
}

static void policy_of_any_length_is_read_or_refused(void **state)
{
    static char path[PATH_MAX + 1];
    struct surroundings out = surroundings_of(7, path, NULL, "/home/u");

    (void)state;
    memset(path, '/', PATH_MAX);
    assert_int_equal(locate_layers(&out, layers), -1);
    path[PATH_MAX - 1] = '\0';
    assert_int_equal(locate_layers(&out, layers), 2);
    assert_string_equal(layers[1].path, path);
    out.pinned = "1:8:/x";
    path[PATH_MAX - 1] = '/';
    assert_int_equal(locate_layers(&out, layers), 3);
}

static void own_pin_stays_and_grows(void **state)
{
    struct surroundings out = surroundings_of(7, "/c", "1:7:/a:/b%3Ax%25", "/home/u");

    (void)state;
    assert_int_equal(locate_layers(&out, layers), 4);
    assert_string_equal(layers[1].path, "/a");
    assert_string_equal(layers[2].path, "/b:x%");
    assert_true(layers[1].pinned && layers[2].pinned && !layers[1].foreign);
    assert_string_equal(layers[3].path, "/c");
    assert_false(layers[3].pinned || layers[3].foreign);

    out.policy = "/a";
    assert_int_equal(locate_layers(&out, layers), 3);
    assert_true(layers[1].pinned);
    out.policy = NULL;
    assert_int_equal(locate_layers(&out, layers), 3);
}

static void pin_of_another_uid_never_fails_closed(void **state)
{
    struct surroundings out = surroundings_of(7, "/a", "1:8:/a:/b:/1:/2:/3:/4:/5:/6:/7", "/home/u");
    int count = locate_layers(&out, layers);

    (void)state;
    assert_int_equal(count, LAYERS_MAX);
    for (int i = 1; i < count - 1; i++)
        assert_true(layers[i].foreign && !layers[i].pinned);
    assert_string_equal(layers[count - 1].path, "/home/u/.config/sockade/policy.conf");
    assert_false(layers[count - 1].foreign || layers[count - 1].pinned);

    out.pinned = "1:8:/a";
    out.policy = "/own";
    assert_int_equal(locate_layers(&out, layers), 4);
    assert_true(layers[2].foreign);
    assert_string_equal(layers[2].path, "/own");
    out.policy = "relative";
    assert_int_equal(locate_layers(&out, layers), 3);
    out.policy = NULL;
    out.pinned = "1:8:/home/u/.config/sockade/policy.conf";
    assert_int_equal(locate_layers(&out, layers), 2);
    assert_true(layers[1].foreign);
}

static void too_many_layers_fail_closed(void **state)
{
    struct surroundings out = surroundings_of(7, NULL, "1:7:/1:/2:/3:/4:/5:/6:/7:/8", NULL);

    (void)state;
    assert_int_equal(locate_layers(&out, layers), LAYERS_MAX);
    out.policy = "/8";
    assert_int_equal(locate_layers(&out, layers), LAYERS_MAX);
    out.policy = "/9";
    assert_int_equal(locate_layers(&out, layers), -1);
    out.policy = NULL;
    out.pinned = "1:7:/1:/2:/3:/4:/5:/6:/7:/8:/9";
    assert_int_equal(locate_layers(&out, layers), -1);
}

static void broken_pins_fail_closed(void **state)
{
    static const char *const broken[] = {
        "x",
        "1",
        "1:",
        "1:7",
        "1:7:",
        "1::/a",
        "2:7:/a",
        "1:-7:/a",
        "1:7x:/a",
        "1:7:a",
        "1:7:/a:",
        "1:7::/a",
        "1:7:/a::/b",
        "1:7:/a%",
        "1:7:/a%2",
        "1:7:/a%zz",
        "1:7:/a%00",
        "1: 7:/a",
        "1:7:%",
        "1:99999999999999999999:/a",
        "1:4294967296:/a",
        "1:7:/a:b",
        " 1:7:/a",
    };
    static char long_pin[PATH_MAX + 16] = "1:7:/";

    (void)state;
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        struct surroundings out = surroundings_of(7, NULL, broken[i], NULL);

        if (locate_layers(&out, layers) != -1)
            fail_msg("accepted: %s", broken[i]);
    }
    memset(long_pin + 5, 'x', PATH_MAX - 1);
    struct surroundings out = surroundings_of(7, NULL, long_pin, NULL);
    assert_int_equal(locate_layers(&out, layers), -1);
    long_pin[4 + PATH_MAX - 1] = '\0';
    assert_int_equal(locate_layers(&out, layers), 2);
}

static void pins_come_back_as_they_were(void **state)
{
    static struct layer_place in[5];
    const bool held[5] = {true, true, true, true, false};
    char pin[2048];
    struct surroundings out = surroundings_of(4294967294u, NULL, pin, NULL);
    size_t length;

    (void)state;
    in[0].system = true;
    strcpy(in[0].path, SYSTEM_FOLDER);
    strcpy(in[1].path, "/plain");
    in[2].relative = true;
    strcpy(in[2].path, "relative");
    in[3].path[0] = '/';
    for (int c = 1; c < 256; c++)
        in[3].path[c] = (char)c;
    strcpy(in[4].path, "/let/go");
    length = pin_format(pin, sizeof(pin), 4294967294u, in, held, 5);
    assert_int_equal(length, strlen(pin));
    assert_memory_equal(pin, "1:4294967294:/plain:/%01%02", 27);
    assert_int_equal(locate_layers(&out, layers), 3);
    assert_string_equal(layers[1].path, "/plain");
    assert_string_equal(layers[2].path, in[3].path);

    for (size_t size = 0; size <= length; size++) {
        char *tight = malloc(size + 1);

        assert_int_equal(pin_format(tight, size, 4294967294u, in, held, 5), 0);
        free(tight);
    }
    assert_int_equal(pin_format(pin, length + 1, 4294967294u, in, held, 5), length);
    assert_int_equal(pin_format(pin, sizeof(pin), 7, in, held, 1), 0);
}

static void images_have_three_places(void **state)
{
    struct surroundings out = {.uid = 7};
    char path[PATH_MAX];

    (void)state;
    assert_false(image_folder(&out, 0, path));
    assert_false(image_folder(&out, 1, path));
    assert_true(image_folder(&out, 2, path));
    assert_string_equal(path, "/dev/shm/sockade-7");
    assert_false(image_folder(&out, 3, path));
    assert_false(image_folder(&out, -1, path));
    out.home = "/h";
    assert_true(image_folder(&out, 1, path));
    assert_string_equal(path, "/h/.cache/sockade");
    out.cache_home = "/c/";
    assert_true(image_folder(&out, 1, path));
    assert_string_equal(path, "/c/sockade");
    out.runtime_dir = "/run/user/7";
    assert_true(image_folder(&out, 0, path));
    assert_string_equal(path, "/run/user/7/sockade");
}

static void image_names_differ_by_path_and_options(void **state)
{
    char a[IMAGE_NAME], b[IMAGE_NAME], end[IMAGE_NAME];

    (void)state;
    image_name(a, "/x/policy.conf", NULL);
    image_name(b, "/x/policy.conf", NULL);
    assert_string_equal(a, b);
    snprintf(end, sizeof(end), "-%u.image", IMAGE_VERSION);
    assert_string_equal(a + 32, end);
    image_name(b, "/x/policy.conf", "");
    assert_string_not_equal(a, b);
    image_name(b, "/x/policy.conf", "--deny-to 192.0.2.1");
    assert_string_not_equal(a, b);
    image_name(a, "/x/policy.con", "f--deny-to 192.0.2.1");
    assert_string_not_equal(a, b);
    image_name(b, "/x/policy.cong", NULL);
    assert_string_not_equal(a, b);
}

static void image_folders_are_made_private(void **state)
{
    const char *path = in_scratch("sockade");
    struct stat st;
    int folder;

    (void)state;
    assert_int_equal(image_folder_open(path, getuid(), false), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(image_folder_open(in_scratch("no/sockade"), getuid(), true), -1);
    assert_int_equal(errno, ENOENT);
    assert_false(file_exists(in_scratch("no")));
    folder = image_folder_open(path, getuid(), true);
    assert_true(folder >= 0);
    assert_int_equal(fstat(folder, &st), 0);
    assert_int_equal(st.st_mode, S_IFDIR | 0700);
    assert_int_equal(fcntl(folder, F_GETFD), FD_CLOEXEC);
    close(folder);
    folder = image_folder_open(path, getuid(), false);
    assert_true(folder >= 0);
    close(folder);
}

static void image_folders_of_others_are_refused(void **state)
{
    const char *path = in_scratch("sockade");
    int before = descriptors_open();

    (void)state;
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(image_folder_open(path, getuid() + 1, true), -1);
    assert_int_equal(errno, EACCES);
    for (mode_t bit = 1; bit < 0100; bit <<= 1) {
        assert_int_equal(chmod(path, 0700 | bit), 0);
        assert_int_equal(image_folder_open(path, getuid(), true), -1);
        assert_int_equal(errno, EACCES);
    }
    assert_int_equal(chmod(path, 0700), 0);
    assert_int_equal(symlink(path, in_scratch("link")), 0);
    assert_int_equal(image_folder_open(in_scratch("link"), getuid(), true), -1);
    file_write(in_scratch("file"), "", 0);
    assert_int_equal(image_folder_open(in_scratch("file"), getuid(), true), -1);
    assert_int_equal(descriptors_open(), before);
}

static void root_leaves_nothing_in_the_folders_of_others(void **state)
{
    const char *name;

    (void)state;
    if (getuid() != 0)
        skip();
    assert_int_equal(chown(scratch, 4242, 4242), 0);
    assert_int_equal(image_folder_open(in_scratch("sockade"), 0, true), -1);
    assert_int_equal(errno, EACCES);
    assert_int_equal(folder_of(in_scratch("a/b"), 0, true, &name), -1);
    assert_int_equal(errno, EACCES);
    assert_false(file_exists(in_scratch("a")));
    assert_int_equal(chmod(scratch, 01777), 0);
    close(image_folder_open(in_scratch("sockade"), 0, true));
    assert_true(file_exists(in_scratch("sockade")));
}

static void folders_are_walked_and_made(void **state)
{
    static char path[PATH_MAX];
    int before = descriptors_open();
    struct stat st;
    const char *name;
    int folder;

    (void)state;
    folder = folder_of("/name", getuid(), false, &name);
    assert_true(folder >= 0);
    assert_string_equal(name, "name");
    close(folder);
    assert_int_equal(folder_of("name", getuid(), true, &name), -1);
    assert_int_equal(folder_of("", getuid(), true, &name), -1);
    assert_int_equal(folder_of("/a/", getuid(), false, &name), -1);

    snprintf(path, sizeof(path), "%s//x/./y//z///file", scratch);
    assert_int_equal(folder_of(path, getuid(), false, &name), -1);
    assert_int_equal(errno, ENOENT);
    folder = folder_of(path, getuid(), true, &name);
    assert_true(folder >= 0);
    assert_string_equal(name, "file");
    assert_int_equal(fstat(folder, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    close(folder);
    assert_int_equal(stat(in_scratch("x/y/z"), &st), 0);

    memset(path, 'n', 300);
    path[0] = '/';
    path[300] = '/';
    path[301] = 'f';
    path[302] = '\0';
    assert_int_equal(folder_of(path, getuid(), true, &name), -1);
    assert_int_equal(errno, ENAMETOOLONG);
    assert_int_equal(descriptors_open(), before);
}

static void owners_and_modes_are_judged(void **state)
{
    static const struct {
        uid_t owner;
        gid_t group;
        mode_t mode;
        bool trusted, system_trusted;
    } cases[] = {
        {1000, 1000, 0600, true, true},  {1000, 1000, 0664, true, true},   {1000, 50, 0644, true, true},
        {1000, 50, 0664, false, true},   {1000, 1000, 0666, false, false}, {0, 0, 0644, true, true},
        {0, 0, 0664, false, true},       {0, 1000, 0664, true, true},      {0, 0, 0602, false, false},
        {1001, 1000, 0600, false, true}, {1001, 1001, 0644, false, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct stat st = {
            .st_uid = cases[i].owner, .st_gid = cases[i].group, .st_mode = (mode_t)(S_IFREG | cases[i].mode)};

        assert_int_equal(trust_problem(&st, 1000, false) == NULL, cases[i].trusted);
        assert_int_equal(trust_problem(&st, 1000, true) == NULL, cases[i].system_trusted);
    }
}

/* Whether the test itself runs in the first user namespace. */
static bool in_first_namespace(void)
{
    const char *map = file_text("/proc/self/uid_map");
    unsigned long inside, outside, count;

    return map != NULL && sscanf(map, "%lu %lu %lu", &inside, &outside, &count) == 3 && inside == 0 && outside == 0 &&
           count == UINT32_MAX;
}

static void overflow_uid_is_nobody_in_the_first_namespace(void **state)
{
    struct stat st = {.st_uid = 65534, .st_gid = 65534, .st_mode = S_IFREG | 0644};
    int before = descriptors_open();

    (void)state;
    if (!in_first_namespace())
        skip();
    assert_string_equal(trust_problem(&st, 1000, false), "it belongs to another user");
    assert_null(trust_problem(&st, 65534, false));
    assert_int_equal(descriptors_open(), before);
}

#define NO_NAMESPACE 77

/* In a namespace that maps one uid, which is not root's, root's files show as the overflow uid and are trusted. */
static int judge_in_namespace(void)
{
    struct stat st;
    char map[64];
    int length, descriptor;

    if (getuid() == 0)
        CHECK(setresuid(4242, 4242, 4242) == 0 && prctl(PR_SET_DUMPABLE, 1) == 0);
    length = snprintf(map, sizeof(map), "5 %u 1", getuid());
    if (unshare(CLONE_NEWUSER) != 0)
        _exit(NO_NAMESPACE);
    descriptor = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
    if (descriptor < 0 || write(descriptor, map, (size_t)length) != length)
        _exit(NO_NAMESPACE);
    close(descriptor);
    CHECK(stat("/etc/passwd", &st) == 0);
    CHECK(st.st_uid == 65534);
    CHECK(trust_problem(&st, 5, false) == NULL);
    st.st_uid = 4243;
    CHECK(trust_problem(&st, 5, false) != NULL);
    st.st_uid = 65534;
    st.st_mode |= S_IWOTH;
    CHECK(trust_problem(&st, 5, false) != NULL);
    return 0;
}

static void overflow_uid_is_trusted_in_a_user_namespace(void **state)
{
    int code = in_child(judge_in_namespace);

    (void)state;
    if (code == NO_NAMESPACE)
        skip();
    assert_int_equal(code, 0);
}

#define WITH_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(environment_is_searched_by_whole_names),
        cmocka_unit_test(surroundings_ignore_what_is_relative_or_empty),
        cmocka_unit_test(a_home_may_be_what_a_parent_says),
        cmocka_unit_test(secure_surroundings_are_empty),
        cmocka_unit_test(only_the_known_word_turns_fail_closed_round),
        cmocka_unit_test(paths_are_joined_up_to_the_limit),
        cmocka_unit_test(default_path_is_used_where_nothing_else_is_named),
        cmocka_unit_test(relative_policy_is_marked),
        cmocka_unit_test(policy_of_any_length_is_read_or_refused),
        cmocka_unit_test(own_pin_stays_and_grows),
        cmocka_unit_test(pin_of_another_uid_never_fails_closed),
        cmocka_unit_test(too_many_layers_fail_closed),
        cmocka_unit_test(broken_pins_fail_closed),
        cmocka_unit_test(pins_come_back_as_they_were),
        cmocka_unit_test(images_have_three_places),
        cmocka_unit_test(image_names_differ_by_path_and_options),
        WITH_SCRATCH(image_folders_are_made_private),
        WITH_SCRATCH(image_folders_of_others_are_refused),
        WITH_SCRATCH(root_leaves_nothing_in_the_folders_of_others),
        WITH_SCRATCH(folders_are_walked_and_made),
        cmocka_unit_test(owners_and_modes_are_judged),
        cmocka_unit_test(overflow_uid_is_nobody_in_the_first_namespace),
        cmocka_unit_test(overflow_uid_is_trusted_in_a_user_namespace),
    };

    return cmocka_run_group_tests_name("locate", tests, NULL, NULL);
}
