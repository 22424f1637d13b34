/* SPDX-License-Identifier: MIT */
/* Advice: each kind once where it is due, and once where it is not. */
#include "tests/unit/reading.h"

#include <sys/time.h>
#include <time.h>

/* Reads a body, which must be without mistakes, and lints it. The resolver, where one is known, is an address. */
static const char *advice(const char *body, const char *resolver)
{
    struct range_set resolvers = {0};
    struct address_range range;

    assert_true(read_body(body));
    assert_string_equal(told(), "");
    if (resolver) {
        assert_int_equal(range_parse(resolver, false, &range, NULL, NULL), ADDRESS_OK);
        range_set_add(&resolvers, &range);
    }
    policy_lint(&policy, resolver ? &resolvers : NULL, &messages);
    range_set_free(&resolvers);
    assert_int_equal(messages.errors, 0);
    return told();
}

#define SHADOWED "this rule is never reached: the one at policy.conf:2 decides all that it names\n"

/* Two rules, in lines 2 and 3: is the second one shadowed? */
static void shadow(const char *first, const char *second, bool expected)
{
    char body[1024];

    snprintf(body, sizeof(body), "rules = ( { %s },\n { %s } );", first, second);
    assert_string_equal(advice(body, NULL), expected ? "policy.conf:3: warning: " SHADOWED : "");
}

static void shadows(void **state)
{
    const char *any = "action = \"deny\"; to = \"any\";";

    (void)state;
    shadow(any, "action = \"allow\"; to = \"10.0.0.1\";", true);
    shadow(any, "action = \"allow\"; from = \"10.0.0.1\";", false);
    shadow(any, "action = \"allow\"; to = \"unix:/x\";", false);
    shadow("action = \"deny\"; to = \"any\"; audit = true;", any, false);
    shadow("action = \"deny\"; to = \"any\"; except = \"10.0.0.0/8\";", "action = \"allow\"; to = \"10.0.0.1\";",
           false);
    shadow("action = \"deny\"; to = \"any\"; except = \"10.0.0.0/8\";", "action = \"allow\"; to = \"11.0.0.1\";", true);
    shadow("action = \"deny\"; to = \"10.0.0.0/8\";", any, false);
    shadow("action = \"deny\"; to = [ \"10.0.0.0/9\", \"10.128.0.0/9\" ];", "action = \"deny\"; to = \"10.0.0.0/8\";",
           true);
    shadow("action = \"deny\"; to = \"2001:db8::/32\";", "action = \"deny\"; to = \"2001:db8:1::/48\";", true);
    shadow("action = \"deny\"; to = \"2001:db8:1::/48\";", "action = \"deny\"; to = \"2001:db8::/32\";", false);
    shadow("action = \"deny\"; to = \"any\"; port = \"1-100\";", "action = \"deny\"; to = \"any\"; port = [ 22, 80 ];",
           true);
    shadow("action = \"deny\"; to = \"any\"; port = \"1-100\";", "action = \"deny\"; to = \"any\"; port = [ 22, 443 ];",
           false);
    shadow("action = \"deny\"; to = \"any\"; port = 80;", any, false);
    shadow(any, "action = \"deny\"; to = \"any\"; port = 80;", true);
    shadow("action = \"deny\"; to = \"any\"; proto = \"tcp\";", "action = \"deny\"; to = \"any\"; proto = \"udp\";",
           false);
    shadow("action = \"deny\"; to = \"any\"; proto = [ \"tcp\", \"udp\" ];",
           "action = \"deny\"; to = \"any\"; proto = \"udp\";", true);
    shadow("action = \"deny\"; to = [ \"unix:/a\", \"unix:/b\" ];", "action = \"deny\"; to = \"unix:/b\";", true);
    shadow("action = \"deny\"; to = \"unix:/*\"; except = \"unix:/b\";", "action = \"deny\"; to = \"unix:/*\";", false);
    shadow("action = \"deny\"; family = [ \"inet\", \"packet\" ];", "action = \"deny\"; family = \"packet\";", true);
    shadow("action = \"deny\"; family = \"inet\";", "action = \"deny\"; family = \"packet\";", false);
    assert_string_equal(
        advice("rules = ( { name = \"all\"; action = \"deny\"; to = \"any\"; } );\ndeny_to = [ \"10.0.0.1\" ];\n"
               "programs = ( { exe = \"/a\"; rules = ( { action = \"allow\"; to = \"any\"; } ); } );",
               NULL),
        "policy.conf:3: warning: this rule is never reached: the one at policy.conf:2 ('all') decides all "
        "that it names\n");
}

static void unused_sets(void **state)
{
    (void)state;
    assert_string_equal(
        advice("sets = { a = \"10.0.0.1\"; b = \"@a\";\n c = \"10.0.0.2\"; };\ndeny_to = [ \"@b\" ];", NULL),
        "policy.conf:3: warning: set 'c' is named by no rule\n");
}

static void closed_without_a_resolver(void **state)
{
    const char *closed = "default = { outbound = \"deny\"; };\n";
    const char *warning =
        "policy.conf:2: warning: outbound is closed and none of this machine's resolvers is allowed, so "
        "names cannot be looked up; add { action = \"allow\"; to = \"ADDRESS\"; port = 53; } for one of them\n";
    char body[512];

    (void)state;
    assert_string_equal(advice(closed, "192.0.2.53"), warning);
    assert_string_equal(advice(closed, "127.0.0.53"), "");
    assert_string_equal(advice("default = { outbound = \"deny\"; loopback = \"deny\"; };", "127.0.0.53"), warning);
    snprintf(body, sizeof(body), "%srules = ( { action = \"allow\"; to = \"192.0.2.0/24\"; port = 53; } );", closed);
    assert_string_equal(advice(body, "192.0.2.53"), "");
    assert_string_equal(advice(body, "198.51.100.53"), warning);
    assert_string_equal(advice(body, NULL), "");
    snprintf(body, sizeof(body), "%srules = ( { action = \"allow\"; to = \"any\"; port = 53; proto = \"tcp\"; } );",
             closed);
    assert_string_equal(advice(body, "192.0.2.53"), warning);
    snprintf(body, sizeof(body),
             "%srules = ( { action = \"deny\"; to = \"192.0.2.53\"; }, { action = \"allow\"; to = \"any\"; } );",
             closed);
    assert_string_equal(advice(body, "192.0.2.53"), warning);
    assert_string_equal(
        advice("\nprograms = ( { exe = \"/a\"; default = { outbound = \"deny\"; }; },\n { exe = \"/b\"; default = "
               "{ outbound = \"deny\"; }; rules = ( { action = \"allow\"; to = \"192.0.2.53/32\"; } ); } );",
               "192.0.2.53"),
        "policy.conf:3: warning: outbound is closed and none of this machine's resolvers is allowed, so "
        "names cannot be looked up; add { action = \"allow\"; to = \"ADDRESS\"; port = 53; } for one of them\n");
}

/* Writes a policy over a list in the scratch folder, lints it, and gives the messages. */
static const char *list_advice(const char *list, int days_old, const char *rules, const char *resolver)
{
    const struct timeval times[2] = {{time(NULL) - 86400L * days_old, 0}, {time(NULL) - 86400L * days_old, 0}};
    struct range_set resolvers = {0};
    struct address_range range;
    char text[1024];

    forget();
    write_text("list", list);
    assert_int_equal(utimes(in_scratch("list"), times), 0);
    snprintf(text, sizeof(text), "version = 1; sets = { feed = { file = \"%s\"; }; };\n%s", in_scratch("list"), rules);
    assert_true(policy_read_text(&policy, text, "policy.conf", &messages));
    if (resolver && range_parse(resolver, false, &range, NULL, NULL) == ADDRESS_OK)
        range_set_add(&resolvers, &range);
    policy_lint(&policy, &resolvers, &messages);
    range_set_free(&resolvers);
    return told();
}

static void lists(void **state)
{
    const char *deny = "deny_to = [ \"@feed\" ];";

    (void)state;
    assert_string_equal(list_advice("192.0.2.0/24\n", 29, deny, NULL), "");
    assert_non_null(strstr(list_advice("192.0.2.0/24\n", 45, deny, NULL),
                           "list' of set 'feed' was last changed 45 days ago; is it still fetched?\n"));
    assert_non_null(strstr(list_advice("# nothing\n", 0, deny, NULL), "list' of set 'feed' is empty\n"));
    assert_string_equal(
        list_advice("127.0.0.0/8\n10.0.0.0/8\n", 0, deny, NULL),
        "policy.conf:2: warning: the list behind '@feed' covers loopback addresses; take them out by 'except' "
        "if that is not meant\n"
        "policy.conf:2: warning: the list behind '@feed' covers private addresses; take them out by 'except' "
        "if that is not meant\n");
    assert_string_equal(
        list_advice("192.0.2.0/24\n", 0, deny, "192.0.2.53"),
        "policy.conf:2: warning: the list behind '@feed' covers this machine's resolver addresses; take them "
        "out by 'except' if that is not meant\n");
    assert_string_equal(
        list_advice("127.0.0.0/8\n10.0.0.0/8\n192.0.2.1\n", 0,
                    "rules = ( { action = \"deny\"; to = \"@feed\"; except = [ \"loopback\", \"private\" ]; } );",
                    NULL),
        "");
    assert_string_equal(list_advice("10.0.0.0/8\n", 0, "rules = ( { action = \"allow\"; to = \"@feed\"; } );", NULL),
                        "");
    assert_string_equal(list_advice("192.0.2.0/24\n", 0, "deny_to = [ \"@feed\" ]; deny_from = [ \"private\" ];", NULL),
                        "");
}

static void root_for_everybody(void **state)
{
    (void)state;
    assert_string_equal(advice("icmp = { pretend_root = true; };", NULL),
                        "policy.conf:2: warning: every program is told that it is root; put `icmp = { pretend_root = "
                        "true; }` into a `programs` entry of those that refuse to ping without it\n");
    assert_string_equal(advice("icmp = { pretend_root = false; };", NULL), "");
    assert_string_equal(advice("programs = ( { exe = \"/usr/bin/check\"; icmp = { pretend_root = true; }; } );", NULL),
                        "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shadows),
        cmocka_unit_test(unused_sets),
        cmocka_unit_test(closed_without_a_resolver),
        cmocka_unit_test(root_for_everybody),
        cmocka_unit_test_setup_teardown(lists, scratch_make, scratch_remove),
    };

    return cmocka_run_group_tests(tests, NULL, forget_after);
}
