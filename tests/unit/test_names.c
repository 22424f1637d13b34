/* SPDX-License-Identifier: MIT */
/* Names that stand for numbers, the nearest of them to a misspelt one, and messages as they are printed. */
#include "tests/unit/scratch.h"

#include "config/messages.h"
#include "config/names.h"

#include <sys/socket.h>

static bool name_has(const char *name, const char *text)
{
    struct range_set set = {0};
    struct address address;

    assert_true(address_name_add(name, &set));
    range_set_normalise(&set);
    assert_int_equal(address_parse(text, &address), ADDRESS_OK);
    bool has = range_set_has(&set, &address);
    range_set_free(&set);
    return has;
}

static void what_address_names_hold(void **state)
{
    struct range_set set = {0};

    (void)state;
    assert_true(name_has("any", "0.0.0.0"));
    assert_true(name_has("any", "255.255.255.255"));
    assert_true(name_has("any", "ffff::ffff"));
    assert_true(name_has("loopback", "127.255.0.1"));
    assert_true(name_has("loopback", "::1"));
    assert_false(name_has("loopback", "128.0.0.1"));
    assert_false(name_has("loopback", "::2"));
    assert_true(name_has("private", "172.31.255.255"));
    assert_false(name_has("private", "172.32.0.0"));
    assert_true(name_has("private", "fdff::1"));
    assert_false(name_has("private", "127.0.0.1"));
    assert_true(name_has("link-local", "169.254.1.1"));
    assert_true(name_has("link-local", "febf::1"));
    assert_true(name_has("multicast", "239.1.2.3"));
    assert_true(name_has("multicast", "ff02::fb"));
    assert_true(name_has("metadata", "169.254.169.254"));
    assert_true(name_has("metadata", "fd00:ec2::254"));
    assert_true(name_has("metadata", "100.100.100.200"));
    /* Amazon's resolver, and Azure's: whoever denies `metadata` still looks up names */
    assert_false(name_has("metadata", "169.254.169.253"));
    assert_false(name_has("metadata", "fd00:ec2::253"));
    assert_false(name_has("metadata", "168.63.129.16"));
    assert_false(address_name_add("internet", &set));
    assert_true(range_set_is_empty(&set));
}

static void every_address_name_is_known(void **state)
{
    (void)state;
    for (size_t i = 0; i < address_name_count; i++) {
        struct range_set set = {0};
        assert_true(address_name_add(address_names[i], &set));
        assert_true(set.v4_count > 0 && set.v6_count > 0);
        range_set_free(&set);
    }
}

static void errnos(void **state)
{
    (void)state;
    assert_int_equal(errno_by_name("EACCES"), EACCES);
    assert_int_equal(errno_by_name("EWOULDBLOCK"), EAGAIN);
    assert_int_equal(errno_by_name("eacces"), 0);
    assert_int_equal(errno_by_name("EWHATEVER"), 0);
    assert_string_equal(errno_name(EAGAIN), "EAGAIN");
    assert_string_equal(errno_name(EOPNOTSUPP), "EOPNOTSUPP");
    assert_null(errno_name(0));
    assert_null(errno_name(100000));
    for (size_t i = 0; i < errno_name_count; i++)
        assert_true(errno_by_name(errno_names[i]) > 0);
    assert_true(errno_makes_loops(EINTR) && errno_makes_loops(EAGAIN) && errno_makes_loops(EINPROGRESS));
    assert_true(errno_makes_loops(EALREADY) && errno_makes_loops(EISCONN));
    assert_false(errno_makes_loops(EACCES) || errno_makes_loops(ETIMEDOUT));
}

static void families(void **state)
{
    (void)state;
    assert_int_equal(family_by_name("inet6"), AF_INET6);
    assert_int_equal(family_by_name("packet"), AF_PACKET);
    assert_int_equal(family_by_name("unix"), AF_UNIX);
    assert_int_equal(family_by_name("AF_INET"), -1);
    for (size_t i = 0; i < family_name_count; i++)
        assert_true(family_by_name(family_names[i]) >= 0);
}

static void nearest(void **state)
{
    static const char *const keys[] = {"port", "proto", "from", "to", "on", "errno"};
    const size_t count = sizeof(keys) / sizeof(keys[0]);
    char longest[200];

    (void)state;
    assert_string_equal(nearest_name("prot", keys, count), "proto"); /* as near as `port`, and starts alike */
    assert_string_equal(nearest_name("form", keys, count), "from");
    assert_string_equal(nearest_name("PROTO", keys, count), "proto");
    assert_string_equal(nearest_name("errnoo", keys, count), "errno");
    assert_null(nearest_name("address", keys, count));
    assert_null(nearest_name("xy", keys, count));
    assert_null(nearest_name("", keys, count));
    assert_null(nearest_name("to", keys, 0));
    memset(longest, 'p', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_null(nearest_name(longest, keys, count));
}

static void messages_are_sorted_and_fit_to_print(void **state)
{
    struct messages messages = {0};
    char text[1024];

    (void)state;
    messages_add(&messages, MESSAGE_ERROR, (struct place){"b.conf", 9}, "ninth");
    messages_add(&messages, MESSAGE_WARNING, (struct place){"a.conf", 3}, "third");
    messages_add(&messages, MESSAGE_ERROR, (struct place){"b.conf", 2}, "second, '%s'", "a\nb\tc\x1b[31m\x7f");
    messages_add(&messages, MESSAGE_ERROR, (struct place){"b.conf", 2}, "and '%s'",
                 "\xc3\xa4 \xff \xc2\x9b \xe2\x80\xae");
    messages_add(&messages, MESSAGE_ERROR, (struct place){"b.conf", 0}, "as a whole");
    messages_add(&messages, MESSAGE_ERROR, (struct place){NULL, 0}, "nowhere");
    messages_add(&messages, MESSAGE_ERROR, (struct place){"evil\nname", 1}, "x");
    assert_int_equal(messages.count, 7);
    assert_int_equal(messages.errors, 6);

    FILE *stream = fmemopen(text, sizeof(text), "w");
    messages_print(&messages, stream);
    fclose(stream);
    messages_free(&messages);
    assert_string_equal(text, "b.conf: as a whole\n"
                              "b.conf:2: second, 'a\\nb\\tc\\x1b[31m\\x7f'\n"
                              "b.conf:2: and '\xc3\xa4 \\xff \\xc2\\x9b \\xe2\\x80\\xae'\n"
                              "b.conf:9: ninth\n"
                              "a.conf:3: warning: third\n"
                              "nowhere\n"
                              "evil\\nname:1: x\n");
    assert_int_equal(messages.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_address_names_hold),
        cmocka_unit_test(every_address_name_is_known),
        cmocka_unit_test(errnos),
        cmocka_unit_test(families),
        cmocka_unit_test(nearest),
        cmocka_unit_test(messages_are_sorted_and_fit_to_print),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
