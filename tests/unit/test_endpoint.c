/* SPDX-License-Identifier: MIT */
/* Endpoints: how a text is cut into address, port and protocol, and what is said where it cannot be. */
#include "tests/unit/scratch.h"

#include "config/endpoint.h"

static void cut_as(const char *text, const char *address, unsigned first, unsigned last, unsigned protos)
{
    struct endpoint endpoint;
    char problem[512] = "";

    bool right = endpoint_parse(text, &endpoint, problem, sizeof(problem));
    assert_string_equal(problem, "");
    assert_true(right);
    assert_string_equal(endpoint.address, address);
    assert_int_equal(endpoint.has_port, first != 0);
    assert_int_equal(endpoint.port.first, first);
    assert_int_equal(endpoint.port.last, last);
    assert_int_equal(endpoint.protos, protos);
}

static void refused_with(const char *text, const char *expected)
{
    struct endpoint endpoint;
    char problem[512] = "";

    assert_false(endpoint_parse(text, &endpoint, problem, sizeof(problem)));
    assert_string_equal(problem, expected);
}

static void inet_and_names(void **state)
{
    (void)state;
    cut_as("192.0.2.1", "192.0.2.1", 0, 0, 0);
    cut_as("192.0.2.0/24", "192.0.2.0/24", 0, 0, 0);
    cut_as("192.0.2.1:443", "192.0.2.1", 443, 443, 0);
    cut_as("203.0.113.7:8000-8999/tcp", "203.0.113.7", 8000, 8999, PROTO_TCP);
    cut_as("198.51.100.0/24:22", "198.51.100.0/24", 22, 22, 0);
    cut_as("198.51.100.0/24:22/sctp", "198.51.100.0/24", 22, 22, PROTO_SCTP);
    cut_as("10.0.0.0/8/udp", "10.0.0.0/8", 0, 0, PROTO_UDP);
    cut_as("192.0.2.1/icmp", "192.0.2.1", 0, 0, PROTO_ICMP);
    cut_as("10.0.0.1-10.0.0.9:80", "10.0.0.1-10.0.0.9", 80, 80, 0);
    cut_as("10.0.0.1-10.0.0.9:80-90", "10.0.0.1-10.0.0.9", 80, 90, 0);
    cut_as("any:10000/tcp", "any", 10000, 10000, PROTO_TCP);
    cut_as("any/any", "any", 0, 0, PROTO_ANY);
    cut_as("link-local", "link-local", 0, 0, 0);
    cut_as("@block-list:1-65535/udp", "@block-list", 1, 65535, PROTO_UDP);
}

static void inet6(void **state)
{
    (void)state;
    cut_as("2001:db8::1", "2001:db8::1", 0, 0, 0);
    cut_as("fe80::1", "fe80::1", 0, 0, 0);
    cut_as("::1", "::1", 0, 0, 0);
    cut_as("::", "::", 0, 0, 0);
    cut_as("::443", "::443", 0, 0, 0);
    cut_as("2001:db8::/32", "2001:db8::/32", 0, 0, 0);
    cut_as("fd00:ec2::254", "fd00:ec2::254", 0, 0, 0);
    cut_as("2001:db8::1:ab", "2001:db8::1:ab", 0, 0, 0);
    cut_as("2001:db8::1:443/128", "2001:db8::1:443/128", 0, 0, 0);
    cut_as("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8", 0, 0, 0);
    cut_as("::ffff:192.0.2.1", "::ffff:192.0.2.1", 0, 0, 0);
    cut_as("2001:db8::1/tcp", "2001:db8::1", 0, 0, PROTO_TCP);
    cut_as("2001:db8::/32/udp", "2001:db8::/32", 0, 0, PROTO_UDP);
    cut_as("2001:db8::-2001:db8::ff", "2001:db8::-2001:db8::ff", 0, 0, 0);
    cut_as("[2001:db8::1]", "2001:db8::1", 0, 0, 0);
    cut_as("[2001:db8::1:443]", "2001:db8::1:443", 0, 0, 0);
    cut_as("[2001:db8::1]:443", "2001:db8::1", 443, 443, 0);
    cut_as("[2001:db8::/32]:443/tcp", "2001:db8::/32", 443, 443, PROTO_TCP);
    cut_as("[2001:db8::1]/icmp6", "2001:db8::1", 0, 0, PROTO_ICMP6);
    cut_as("[2001:db8::1-2001:db8::9]:80", "2001:db8::1-2001:db8::9", 80, 80, 0);
}

static void paths_are_taken_as_they_stand(void **state)
{
    (void)state;
    cut_as("unix:/run/docker.sock", "unix:/run/docker.sock", 0, 0, 0);
    cut_as("unix:/run/a:80/tcp", "unix:/run/a:80/tcp", 0, 0, 0);
    cut_as("unix:@name", "unix:@name", 0, 0, 0);
}

static void inet6_with_a_doubtful_end(void **state)
{
    (void)state;
    refused_with("2001:db8::1:443",
                 "'2001:db8::1:443' may end in a port or not; write '[2001:db8::1]:443' or '[2001:db8::1:443]'");
    refused_with("::1:443/tcp", "'::1:443' may end in a port or not; write '[::1]:443' or '[::1:443]'");
    refused_with("2001:db8::1:65535", "IPv6 stands in brackets where a port follows; write '[2001:db8::1]:65535'");
    refused_with("2001:db8::1:8000-8999",
                 "IPv6 stands in brackets where a port follows; write '[2001:db8::1]:8000-8999'");
    refused_with("2001:db8::/32:443", "IPv6 stands in brackets where a port follows; write '[2001:db8::/32]:443'");
    refused_with("1:2:3:4:5:6:7:8:443", "IPv6 stands in brackets where a port follows; write '[1:2:3:4:5:6:7:8]:443'");
}

static void brackets(void **state)
{
    (void)state;
    refused_with("[2001:db8::1", "'[2001:db8::1' lacks the closing bracket; the form is ADDRESS[:PORT[-PORT]][/PROTO]");
    refused_with("[10.0.0.1]:80", "brackets are for IPv6; write '10.0.0.1:80'");
    refused_with("[2001:db8::]/32", "a prefix or range stands inside the brackets, as in '[2001:db8::/32]'");
    refused_with("[::1]80", "'80' behind the bracket is no port; the form is ADDRESS[:PORT[-PORT]][/PROTO]");
}

static void ports_and_protocols(void **state)
{
    (void)state;
    refused_with("10.0.0.1:0",
                 "'0' is no port from 1 to 65535 and no range of them; the form is ADDRESS[:PORT[-PORT]][/PROTO]");
    refused_with("10.0.0.1:99999",
                 "'99999' is no port from 1 to 65535 and no range of them; the form is ADDRESS[:PORT[-PORT]][/PROTO]");
    refused_with("10.0.0.1:90-80",
                 "'90-80' is no port from 1 to 65535 and no range of them; the form is ADDRESS[:PORT[-PORT]][/PROTO]");
    refused_with("10.0.0.0:80/8",
                 "'80/8' is no port from 1 to 65535 and no range of them; the form is ADDRESS[:PORT[-PORT]][/PROTO]");
    refused_with("10.0.0.1:",
                 "'' is no port from 1 to 65535 and no range of them; the form is ADDRESS[:PORT[-PORT]][/PROTO]");
    refused_with("10.0.0.1:80/tpc", "unknown protocol 'tpc'; did you mean 'tcp'?");
    refused_with("10.0.0.1:80/TCP", "unknown protocol 'TCP'; did you mean 'tcp'?");
    refused_with("10.0.0.1/quicksand", "unknown protocol 'quicksand'; the form is ADDRESS[:PORT[-PORT]][/PROTO]");
    refused_with("10.0.0.1:80/", "'10.0.0.1:80/' ends in a slash; the form is ADDRESS[:PORT[-PORT]][/PROTO]");
    refused_with("10.0.0.1:80/icmp", "protocol 'icmp' has no ports; leave out the port in '10.0.0.1:80/icmp'");
    refused_with(":80", "no address stands before ':80'; write 'any:80'");
    refused_with("/tcp", "'/tcp' names no address; the form is ADDRESS[:PORT[-PORT]][/PROTO]");
    refused_with("", "'' names no address; the form is ADDRESS[:PORT[-PORT]][/PROTO]");
}

static void long_texts(void **state)
{
    struct endpoint endpoint;
    char text[600], problem[16];

    (void)state;
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_false(endpoint_parse(text, &endpoint, problem, sizeof(problem)));
    assert_int_equal(strlen(problem), sizeof(problem) - 1);
    text[255] = '\0';
    assert_true(endpoint_parse(text, &endpoint, problem, sizeof(problem)));
    assert_string_equal(endpoint.address, text);
}

static void port_ranges(void **state)
{
    static const char *const wrong[] = {"",      "0",   "65536", "-1",     "80-",        "-80",
                                        "80-79", "080", "8 0",   "80-90-", "1000000000", "x"};
    struct image_port_range range;

    (void)state;
    assert_true(port_range_parse("443", &range));
    assert_int_equal(range.first, 443);
    assert_int_equal(range.last, 443);
    assert_true(port_range_parse("1-65535", &range));
    assert_int_equal(range.first, 1);
    assert_int_equal(range.last, 65535);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_false(port_range_parse(wrong[i], &range));
}

static void protocols(void **state)
{
    (void)state;
    for (size_t i = 0; i < proto_name_count; i++)
        assert_string_equal(proto_text(proto_parse(proto_names[i])), proto_names[i]);
    assert_int_equal(proto_parse("any"), PROTO_ANY);
    assert_int_equal(proto_parse("ip"), 0);
    assert_string_equal(proto_text(PROTO_TCP | PROTO_UDP), "several");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inet_and_names),
        cmocka_unit_test(inet6),
        cmocka_unit_test(paths_are_taken_as_they_stand),
        cmocka_unit_test(inet6_with_a_doubtful_end),
        cmocka_unit_test(brackets),
        cmocka_unit_test(ports_and_protocols),
        cmocka_unit_test(long_texts),
        cmocka_unit_test(port_ranges),
        cmocka_unit_test(protocols),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
