/* SPDX-License-Identifier: MIT */
/* Events as lines of JSON, and the limit on them. Where lines go is tested in test_log.c. */
#include "tests/unit/scratch.h"

#include "state/event.h"

#include <sys/socket.h>
#include <time.h>

static char line[EVENT_MAX + 1];

/* The line as text; checks what holds for every line. */
static const char *format(const struct event *event)
{
    char *tight = malloc(EVENT_MAX); /* of its own, so that a sanitizer sees a byte too many */
    size_t length = event_format(event, tight);

    assert_in_range(length, 2, EVENT_MAX);
    memcpy(line, tight, length);
    free(tight);
    line[length] = '\0';
    assert_int_equal(strlen(line), length);
    assert_ptr_equal(strchr(line, '\n'), line + length - 1);
    return line;
}

/* The least an event has. */
static struct event event_bare(void)
{
    return (struct event){.port = -1, .domain = -1};
}

static void bare_event_has_version_time_and_pid(void **state)
{
    struct event event = event_bare();

    (void)state;
    assert_string_equal(format(&event), "{\"v\":1,\"time\":\"1970-01-01T00:00:00.000Z\",\"pid\":0}\n");
}

static void whole_event_has_its_keys_in_order(void **state)
{
    struct address address = address_from_v4(0xa9fea9fe);
    struct event event = {
        .time = {1700000000, 123999999},
        .pid = 4321,
        .exe = "/usr/bin/curl",
        .op = "connect",
        .address = &address,
        .port = 80,
        .proto = "tcp",
        .domain = -1,
        .verdict = "deny",
        .rule = "no-metadata",
        .file = "/home/u/policy.conf",
        .line = 7,
        .layer = "user",
        .reason = "cloud \"metadata\"",
        .hint = "action = \"allow\";",
        .left_out = 3,
    };

    (void)state;
    assert_string_equal(format(&event),
                        "{\"v\":1,\"time\":\"2023-11-14T22:13:20.123Z\",\"pid\":4321,\"exe\":\"/usr/bin/curl\","
                        "\"op\":\"connect\",\"dst\":\"169.254.169.254\",\"port\":80,\"proto\":\"tcp\","
                        "\"verdict\":\"deny\",\"rule\":\"no-metadata\",\"at\":\"/home/u/policy.conf:7\","
                        "\"layer\":\"user\",\"reason\":\"cloud \\\"metadata\\\"\","
                        "\"hint\":\"action = \\\"allow\\\";\",\"left_out\":3}\n");
}

static void peers_are_named_by_direction(void **state)
{
    const uint8_t bytes[16] = {0x20, 1, 0xd, 0xb8, [15] = 1};
    struct address address = address_from_v6(bytes);
    struct event event = event_bare();

    (void)state;
    event.address = &address;
    event.direction = DIRECTION_TO;
    assert_non_null(strstr(format(&event), ",\"dst\":\"2001:db8::1\"}"));
    event.direction = DIRECTION_FROM;
    assert_non_null(strstr(format(&event), ",\"src\":\"2001:db8::1\"}"));
    event.direction = DIRECTION_ON;
    event.port = 0;
    assert_non_null(strstr(format(&event), ",\"on\":\"2001:db8::1\",\"port\":0}"));
    event.address = NULL;
    event.port = -1;
    event.path = "@a\0b and more";
    event.path_length = 4;
    event.direction = DIRECTION_TO;
    assert_non_null(strstr(format(&event), ",\"dst\":\"unix:@a\\u0000b\"}"));
    event.domain = AF_PACKET;
    assert_non_null(strstr(format(&event), ",\"family\":17}"));
    assert_null(strstr(format(&event), "dst"));
}

static void a_child_is_named_behind_the_call(void **state)
{
    struct event event = event_bare();

    (void)state;
    event.op = "execve";
    event.target = "/opt/a \"b\"";
    event.verdict = "deny";
    assert_non_null(strstr(format(&event), ",\"op\":\"execve\",\"target\":\"/opt/a \\\"b\\\"\",\"verdict\":\"deny\"}"));
}

static void any_bytes_become_valid_text(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"a\tb\nc\"\\d\x7f", "a\\u0009b\\u000ac\\\"\\\\d\\u007f"},
        {"\xc3\xbc \xe2\x82\xac \xf0\x9f\x90\xa7", "\xc3\xbc \xe2\x82\xac \xf0\x9f\x90\xa7"},
        {"\xff\xfe", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},                 /* overlong */
        {"\xe0\x9f\xbf", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* overlong */
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* surrogate */
        {"\xed\x9f\xbf\xee\x80\x80", "\xed\x9f\xbf\xee\x80\x80"}, /* its neighbours */
        {"\xf0\x8f\xbf\xbfx", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdx"},
        {"\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"}, /* U+10FFFF */
        {"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd"}, /* cut short */
        {"\xe2\x82z", "\xef\xbf\xbd\xef\xbf\xbdz"},
        {"\xc2\x9b", "\\u009b"}, /* a terminal's control */
        {"\xc2\xa0", "\xc2\xa0"},
        {"\xe2\x80\xa8\xe2\x80\xae\xe2\x81\xa6", "\\u2028\\u202e\\u2066"}, /* line separator, directions */
    };
    struct event event = event_bare();

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char want[256];

        snprintf(want, sizeof(want), ",\"exe\":\"%s\"}\n", cases[i].out);
        event.exe = cases[i].in;
        assert_non_null(strstr(format(&event), want));
    }
}

static void times_agree_with_libc(void **state)
{
    struct event event = event_bare();
    unsigned long long seed = 88172645463325252ull;
    char want[64];

    (void)state;
    for (int i = 0; i < 20000; i++) {
        struct tm tm;
        time_t seconds;

        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seconds = (time_t)(seed % 253402300800ull);
        if (i < 3000) /* every day around two turns of a century, one with and one without a leap day */
            seconds = (i < 1500 ? 949363200 : 4102444800) - 750 * 86400LL + i % 1500 * 86400LL;
        event.time.tv_sec = seconds;
        gmtime_r(&seconds, &tm);
        strftime(want, sizeof(want), "\"time\":\"%Y-%m-%dT%H:%M:%S.000Z\"", &tm);
        if (strstr(format(&event), want) == NULL)
            fail_msg("%s is not in %s", want, line);
    }
}

static void times_out_of_range_are_the_nearest(void **state)
{
    struct event event = event_bare();

    (void)state;
    event.time = (struct timespec){-1, -1};
    assert_non_null(strstr(format(&event), "\"1970-01-01T00:00:00.000Z\""));
    if (sizeof(time_t) == 8) {
        event.time = (struct timespec){(time_t)INT64_MAX, 2000000000};
        assert_non_null(strstr(format(&event), "\"9999-12-31T23:59:59.000Z\""));
    }
    event.time = (struct timespec){0, 999999999};
    assert_non_null(strstr(format(&event), ".999Z\""));
}

static void long_texts_are_shortened_alone(void **state)
{
    static char long_text[9000], quotes[6000];
    struct event event = event_bare();

    (void)state;
    memset(long_text, 'x', sizeof(long_text) - 1);
    memset(quotes, '"', sizeof(quotes) - 1);
    event.exe = long_text;
    event.rule = "short";
    event.file = "/policy.conf";
    event.line = 4294967295u;
    format(&event);
    assert_int_equal(strlen(line), EVENT_MAX);
    assert_non_null(strstr(line, "xxx\xe2\x80\xa6\",\"rule\":\"short\",\"at\":\"/policy.conf:4294967295\"}\n"));

    event.reason = quotes;
    format(&event);
    assert_in_range(strlen(line), EVENT_MAX - 4, EVENT_MAX);
    assert_non_null(strstr(line, "\\\"\xe2\x80\xa6\"}\n"));
    assert_non_null(strstr(line, "\"rule\":\"short\""));
}

static void everything_long_at_once_still_fits(void **state)
{
    static char bad[9000];
    struct event event = {
        .time = {253402300799, 999999999},
        .pid = INT_MAX,
        .exe = bad,
        .op = bad,
        .target = bad,
        .path = bad,
        .path_length = sizeof(bad) - 1,
        .port = INT_MAX,
        .proto = bad,
        .domain = -1,
        .verdict = bad,
        .rule = bad,
        .file = bad,
        .line = UINT_MAX,
        .layer = bad,
        .reason = bad,
        .hint = bad,
        .left_out = UINT_MAX,
    };

    (void)state;
    for (int c = 1; c < 256; c++) {
        memset(bad, c, sizeof(bad) - 1);
        format(&event);
        assert_in_range(strlen(line), EVENT_MAX - 60, EVENT_MAX);
        assert_string_equal(line + strlen(line) - 24, ",\"left_out\":4294967295}\n");
    }
}

static void a_text_is_cut_between_characters(void **state)
{
    static char text[5000];
    struct event event = event_bare();

    (void)state;
    for (size_t lead = 0; lead < 8; lead++) {
        const char *end;

        memset(text, 'x', lead);
        for (size_t i = lead; i + 4 < sizeof(text); i += 4)
            memcpy(text + i, "\xf0\x9f\x90\xa7", 5);
        event.exe = text;
        end = strstr(format(&event), "\xe2\x80\xa6\"}\n");
        assert_non_null(end);
        assert_memory_equal(end - 4, "\xf0\x9f\x90\xa7", 4);
        assert_in_range(strlen(line), EVENT_MAX - 4, EVENT_MAX);
    }
}

static void limit_counts_what_it_leaves_out(void **state)
{
    struct log_limit limit = {0};
    unsigned left_out = 99, told = 0, refused = 0;
    int passed = 0;

    (void)state;
    while (passed < 100 && log_limit_pass(&limit, 1000000, &left_out)) {
        assert_int_equal(left_out, 0);
        passed++;
    }
    assert_int_equal(passed, 100);
    for (int i = 0; i < 30; i++) { /* nothing more this second, but it may turn in between */
        if (log_limit_pass(&limit, 3, &left_out))
            told += left_out;
        else
            refused++;
    }
    assert_in_range(refused, 24, 30);
    while (!log_limit_pass(&limit, 3, &left_out))
        refused++;
    assert_int_equal(told + left_out, refused);
    assert_false(log_limit_pass(&limit, 0, &left_out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bare_event_has_version_time_and_pid), cmocka_unit_test(whole_event_has_its_keys_in_order),
        cmocka_unit_test(peers_are_named_by_direction),        cmocka_unit_test(a_child_is_named_behind_the_call),
        cmocka_unit_test(any_bytes_become_valid_text),         cmocka_unit_test(times_agree_with_libc),
        cmocka_unit_test(times_out_of_range_are_the_nearest),  cmocka_unit_test(long_texts_are_shortened_alone),
        cmocka_unit_test(everything_long_at_once_still_fits),  cmocka_unit_test(a_text_is_cut_between_characters),
        cmocka_unit_test(limit_counts_what_it_leaves_out),
    };

    return cmocka_run_group_tests_name("event", tests, NULL, NULL);
}
