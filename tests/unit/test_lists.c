/* SPDX-License-Identifier: MIT */
/* List files in the dresses they come in, and what is said of lines that are none. */
#include "tests/unit/scratch.h"

#include "config/lists.h"
#include "config/memory.h"
#include "config/progress.h"

#include <time.h>

static struct range_set set;
static struct messages messages;
static struct list_report report;

static void read_list(const char *text, size_t size)
{
    range_set_free(&set);
    messages_free(&messages);
    report = list_read(text, size, "list", &set, &messages);
    range_set_normalise(&set);
}

static bool has(const char *text)
{
    struct address address;

    assert_int_equal(address_parse(text, &address), ADDRESS_OK);
    return range_set_has(&set, &address);
}

/* Reads the text, and expects these numbers and messages. */
static void gives(const char *text, size_t entries, size_t masked, size_t bad, const char *expected)
{
    static char told[1 << 14];

    read_list(text, strlen(text));
    FILE *stream = fmemopen(told, sizeof(told), "w");
    messages_print(&messages, stream);
    fputc('\0', stream);
    fclose(stream);
    assert_string_equal(told, expected);
    assert_int_equal(report.entries, entries);
    assert_int_equal(report.masked, masked);
    assert_int_equal(report.bad, bad);
}

static int forget(void **state)
{
    (void)state;
    range_set_free(&set);
    messages_free(&messages);
    return 0;
}

static void firehol(void **state)
{
    (void)state;
    gives("#\n# firehol_level1\n#\n# Category : attacks\n0.0.0.0/8\n1.10.16.0/20\n5.188.10.179\n224.0.0.0/3\n", 4, 0, 0,
          "");
    assert_true(has("0.1.2.3") && has("1.10.31.255") && has("5.188.10.179") && has("255.255.255.255"));
    assert_false(has("1.10.32.0") || has("5.188.10.178") || has("127.0.0.1"));
}

static void spamhaus(void **state)
{
    (void)state;
    gives("; Spamhaus DROP List\r\n; Last-Modified\r\n1.10.16.0/20 ; SBL256894\r\n2a06:e480::/29 ; SBL301771\r\n", 2, 0,
          0, "");
    assert_true(has("1.10.16.0") && has("2a06:e487:ffff::1"));
    assert_false(has("2a06:e488::"));
}

static void ipset(void **state)
{
    (void)state;
    gives("create blocked hash:net family inet hashsize 1024 maxelem 65536\n"
          "add blocked 192.0.2.0/24\n"
          "add blocked 198.51.100.7 timeout 300 packets 0 bytes 0\n"
          "add blocked 203.0.113.1-203.0.113.9 comment \"nomatch; # here\"\n"
          "add blocked6 2001:db8::/32\n",
          4, 0, 0, "");
    assert_true(has("192.0.2.200") && has("198.51.100.7") && has("203.0.113.5") && has("2001:db8:1::"));
    gives(
        "add blocked 192.0.2.0/25 nomatch\nadd blocked\nadd\nadd blocked 192.0.2.1,tcp:80\n", 0, 0, 4,
        "list:1: 'add blocked 192.0.2.0/25 nomatch' is an exception, which a list cannot hold; name it in the rule's "
        "'except'\n"
        "list:2: 'add blocked' lacks an address\n"
        "list:3: 'add' lacks an address\n"
        "list:4: 'add blocked 192.0.2.1,tcp:80' is no address, CIDR or range; names and other words do not belong in a "
        "list\n");
}

static void plain(void **state)
{
    (void)state;
    gives("\xef\xbb\xbf"
          "192.0.2.1\n\n \t 192.0.2.3 \t\n192.0.2.5-192.0.2.7\n2001:db8::1\n::ffff:192.0.2.9\n192.0.2.11",
          6, 0, 0, "");
    assert_true(has("192.0.2.1") && has("192.0.2.3") && has("192.0.2.6") && has("2001:db8::1"));
    assert_true(has("192.0.2.9") && has("192.0.2.11"));
    assert_int_equal(set.v4_count, 5);
    assert_int_equal(set.v6_count, 1);
    gives("", 0, 0, 0, "");
    gives("\n\n# nothing\n", 0, 0, 0, "");
}

static void extremes(void **state)
{
    (void)state;
    gives("0.0.0.0/0\n::/0\n", 2, 0, 0, "");
    assert_true(has("255.255.255.255") && has("ffff::"));
    gives("255.255.255.255/32\n0.0.0.0\n128.0.0.0/1\n", 3, 0, 0, "");
    assert_true(has("0.0.0.0") && has("200.0.0.0"));
    assert_false(has("0.0.0.1"));
}

static void host_bits_are_masked(void **state)
{
    (void)state;
    gives("192.0.2.0/24\n192.0.2.1/24\n10.1.2.3/8\n2001:db8::1/32\n192.0.2.1/32\n192.0.2.1/0\n", 6, 4, 0,
          "list:2: warning: 4 of 6 entries have host bits set, the first one here; they were read as the whole "
          "network\n");
    assert_true(has("10.255.255.255") && has("2001:db8:ffff::"));
}

static void unreadable_lines(void **state)
{
    (void)state;
    gives("192.0.2.256\n192.0.2\nexample.org\n192.0.2.1 192.0.2.2\n192.0.2.0/33\n192.0.2.9-192.0.2.1\n192.0.2.1-::1\n"
          "fe80::1%eth0\n192.0.02.1\n192.0.2.1/\n0.0.0.0 ads.example.org\n",
          0, 0, 11,
          "list:1: '192.0.2.256' is no address, CIDR or range; names and other words do not belong in a list\n"
          "list:2: '192.0.2' is no address, CIDR or range; names and other words do not belong in a list\n"
          "list:3: 2 lines hold host names, the first one here 'example.org'; names change, so a list holds addresses, "
          "CIDRs and ranges: take the feed's list of addresses\n"
          "list:4: '192.0.2.1 192.0.2.2' holds more than one address, CIDR or range\n"
          "list:5: '192.0.2.0/33' has a prefix length that its family does not have\n"
          "list:6: '192.0.2.9-192.0.2.1' is a range that ends before it starts\n"
          "list:7: '192.0.2.1-::1' is a range from one family to another\n"
          "list:8: 'fe80::1%eth0' names a zone, which cannot be matched\n"
          "list:9: '192.0.02.1' is no address, CIDR or range; names and other words do not belong in a list\n"
          "list:10: '192.0.2.1/' has a prefix length that its family does not have\n");
}

static void only_twenty_mistakes_are_shown(void **state)
{
    char text[1024];
    size_t size = 0;

    (void)state;
    for (int i = 0; i < 30; i++)
        size += (size_t)sprintf(text + size, "%s\n", i == 7 ? "192.0.2.1" : "rubbish");
    read_list(text, size);
    assert_int_equal(report.bad, 29);
    assert_int_equal(report.entries, 1);
    assert_int_equal(messages.count, 21);
    assert_int_equal(messages.list[19].line, 21);
    assert_int_equal(messages.list[20].line, 0);
    assert_string_equal(messages.list[20].text, "29 unreadable lines; the first 20 are shown");
}

static void hostile_bytes(void **state)
{
    static const char nul[] = "192.0.2.1\0\n192.0.2.2\n";
    char *text = memory_new(1 << 20);

    (void)state;
    read_list(nul, sizeof(nul) - 1);
    assert_int_equal(report.bad, 1);
    assert_int_equal(report.entries, 1);
    memset(text, '1', 1 << 20);
    read_list(text, 1 << 20);
    assert_int_equal(report.bad, 1);
    assert_string_equal(messages.list[0].text,
                        "'111111111111111111111111111111111111111111111111111111111111' is no address, CIDR or range");
    free(text);
}

static struct progress told_last;
static size_t told_times;

static void note_progress(const struct progress *progress)
{
    assert_int_equal(progress->work, WORK_READ);
    assert_string_equal(progress->name, "list");
    assert_true(progress->lines > told_last.lines && progress->done > told_last.done);
    assert_true(progress->done < progress->total);
    told_last = *progress;
    told_times++;
}

static void it_is_told_how_far_the_reading_is(void **state)
{
    const size_t count = 50000;
    char *text = memory_new(count * 10);

    (void)state;
    for (size_t i = 0; i < count; i++)
        memcpy(text + 10 * i, i % 2 ? "192.0.2.1\n" : "2001::1 \r\n", 10);
    progress_listener = note_progress;
    read_list(text, 10 * count);
    progress_listener = NULL;
    assert_int_equal(report.entries, count);
    assert_true(told_times >= 2 && told_last.lines <= count && told_last.total == 10 * count);
    free(text);
}

/* The mark is half a second of an optimised build; the limit here leaves room for sanitizers. */
static void a_million_lines_are_quick(void **state)
{
    const size_t count = 1000000;
    char *text = memory_new(count * 20);
    size_t size = 0;
    struct timespec start, end;

    (void)state;
    for (size_t i = 0; i < count; i++)
        size += (size_t)sprintf(text + size, "%zu.%zu.%zu.%zu%s\n", 1 + i % 223, i / 223 % 256, i / 57088 % 256,
                                i % 2 * 128, i % 2 ? "/25" : "");
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
    range_set_free(&set);
    messages_free(&messages);
    report = list_read(text, size, "list", &set, &messages);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    double seconds = (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
    print_message("# a million lines in %.3f s\n", seconds);
    assert_int_equal(report.entries, count);
    assert_int_equal(report.bad, 0);
    assert_true(seconds < 5.0);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(firehol),
        cmocka_unit_test(spamhaus),
        cmocka_unit_test(ipset),
        cmocka_unit_test(plain),
        cmocka_unit_test(extremes),
        cmocka_unit_test(host_bits_are_masked),
        cmocka_unit_test(unreadable_lines),
        cmocka_unit_test(only_twenty_mistakes_are_shown),
        cmocka_unit_test(hostile_bytes),
        cmocka_unit_test(it_is_told_how_far_the_reading_is),
        cmocka_unit_test(a_million_lines_are_quick),
    };

    return cmocka_run_group_tests(tests, NULL, forget);
}
