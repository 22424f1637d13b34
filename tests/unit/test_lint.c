/* SPDX-License-Identifier: MIT */
/* Advice: each kind where it is due, and where it is not. */
#include "tests/unit/reading.h"

#include <sys/time.h>
#include <time.h>

/* What is said under one id; the rest is for others to test. */
static const char *told_of(const char *id)
{
    static char text[1 << 14];
    FILE *stream = fmemopen(text, sizeof(text), "w");

    assert_non_null(stream);
    messages_sort(&messages);
    for (size_t i = 0; i < messages.count; i++) {
        const struct message *message = &messages.list[i];

        assert_non_null(message->id);
        if (strcmp(message->id, id) == 0)
            fprintf(stream, "%s:%d: %s%s\n", message->file, message->line, message_prefix(message), message->text);
    }
    fputc('\0', stream);
    fclose(stream);
    return text;
}

/* Reads a body, which must be without mistakes, and lints it. The resolver, where one is known, is an address. */
static const char *advice(const char *id, const char *body, const char *resolver)
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
    return told_of(id);
}

/* In which lines an id is said: " 3 4". */
static void lines_of(const char *id, const char *body, const char *expected)
{
    char lines[256] = "";

    advice(id, body, NULL);
    for (size_t i = 0; i < messages.count; i++) {
        if (strcmp(messages.list[i].id, id) == 0)
            snprintf(lines + strlen(lines), sizeof(lines) - strlen(lines), " %d", messages.list[i].line);
    }
    if (strcmp(lines, expected) != 0)
        print_error("%s\n%s", body, told());
    assert_string_equal(lines, expected);
}

#define SHADOWED "this rule is never reached: the one at policy.conf:2 decides all that it names\n"

/* Two rules, in lines 2 and 3: is the second one shadowed? */
static void shadow(const char *first, const char *second, bool expected)
{
    char body[1024];

    snprintf(body, sizeof(body), "rules = ( { %s },\n { %s } );", first, second);
    assert_string_equal(advice("shadowed", body, NULL), expected ? "policy.conf:3: warning: " SHADOWED : "");
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
        advice("shadowed",
               "rules = ( { name = \"all\"; action = \"deny\"; to = \"any\"; } );\ndeny_to = [ \"10.0.0.1\" ];\n"
               "programs = ( { exe = \"/a\"; rules = ( { action = \"allow\"; to = \"any\"; } ); } );",
               NULL),
        "policy.conf:3: warning: this rule is never reached: the one at policy.conf:2 ('all') decides all "
        "that it names\n");
}

static void unused_sets(void **state)
{
    (void)state;
    assert_string_equal(advice("unused-set",
                               "sets = { a = \"10.0.0.1\"; b = \"@a\";\n c = \"10.0.0.2\"; };\ndeny_to = [ \"@b\" ];",
                               NULL),
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
    assert_string_equal(advice("no-resolver", closed, "192.0.2.53"), warning);
    assert_string_equal(advice("no-resolver", closed, "127.0.0.53"), "");
    assert_string_equal(advice("no-resolver", "default = { outbound = \"deny\"; loopback = \"deny\"; };", "127.0.0.53"),
                        warning);
    snprintf(body, sizeof(body), "%srules = ( { action = \"allow\"; to = \"192.0.2.0/24\"; port = 53; } );", closed);
    assert_string_equal(advice("no-resolver", body, "192.0.2.53"), "");
    assert_string_equal(advice("no-resolver", body, "198.51.100.53"), "");
    assert_string_equal(advice("other-resolver", body, "198.51.100.53"),
                        "policy.conf:2: note: outbound is closed, and the resolvers that are allowed are none of this "
                        "machine's; names cannot be looked up here\n");
    assert_string_equal(advice("other-resolver", body, "192.0.2.53"), "");
    assert_string_equal(advice("no-resolver", body, NULL), "");
    snprintf(body, sizeof(body), "%srules = ( { action = \"allow\"; to = \"any\"; port = 53; proto = \"tcp\"; } );",
             closed);
    assert_string_equal(advice("no-resolver", body, "192.0.2.53"), warning);
    snprintf(body, sizeof(body),
             "%srules = ( { action = \"deny\"; to = \"192.0.2.53\"; }, { action = \"allow\"; to = \"any\"; } );",
             closed);
    assert_string_equal(advice("no-resolver", body, "192.0.2.53"), warning);
    assert_string_equal(
        advice("no-resolver",
               "\nprograms = ( { exe = \"/a\"; default = { outbound = \"deny\"; }; },\n { exe = \"/b\"; default = "
               "{ outbound = \"deny\"; }; rules = ( { action = \"allow\"; to = \"192.0.2.53/32\"; } ); } );",
               "192.0.2.53"),
        "policy.conf:3: warning: outbound is closed and none of this machine's resolvers is allowed, so "
        "names cannot be looked up; add { action = \"allow\"; to = \"ADDRESS\"; port = 53; } for one of them\n");
}

/* Writes a policy over a list in the scratch folder, lints it, and gives the messages. */
static const char *list_advice(const char *id, const char *list, int days_old, const char *rules, const char *resolver)
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
    return told_of(id);
}

static void lists(void **state)
{
    const char *deny = "deny_to = [ \"@feed\" ];";

    (void)state;
    assert_string_equal(list_advice("list-old", "192.0.2.0/24\n", 29, deny, NULL), "");
    assert_non_null(strstr(list_advice("list-old", "192.0.2.0/24\n", 45, deny, NULL),
                           "list' of set 'feed' was last changed 45 days ago; is it still fetched?\n"));
    assert_non_null(strstr(list_advice("list-empty", "# nothing\n", 0, deny, NULL), "list' of set 'feed' is empty\n"));
    assert_string_equal(
        list_advice("list-covers", "127.0.0.0/8\n10.0.0.0/8\n", 0, deny, NULL),
        "policy.conf:2: warning: the list behind '@feed' covers loopback addresses; take them out by 'except' "
        "if that is not meant\n"
        "policy.conf:2: warning: the list behind '@feed' covers private addresses; take them out by 'except' "
        "if that is not meant\n");
    assert_string_equal(
        list_advice("list-covers", "192.0.2.0/24\n", 0, deny, "192.0.2.53"),
        "policy.conf:2: warning: the list behind '@feed' covers this machine's resolver addresses; take them "
        "out by 'except' if that is not meant\n");
    assert_string_equal(
        list_advice("list-covers", "127.0.0.0/8\n10.0.0.0/8\n192.0.2.1\n", 0,
                    "rules = ( { action = \"deny\"; to = \"@feed\"; except = [ \"loopback\", \"private\" ]; } );",
                    NULL),
        "");
    assert_string_equal(
        list_advice("list-covers", "10.0.0.0/8\n", 0, "rules = ( { action = \"allow\"; to = \"@feed\"; } );", NULL),
        "");
    assert_string_equal(
        list_advice("list-covers", "192.0.2.0/24\n", 0, "deny_to = [ \"@feed\" ]; deny_from = [ \"private\" ];", NULL),
        "");
}

static void root_for_everybody(void **state)
{
    (void)state;
    assert_string_equal(advice("pretend-root", "icmp = { pretend_root = true; };", NULL),
                        "policy.conf:2: warning: every program is told that it is root; put `icmp = { pretend_root = "
                        "true; }` into a `programs` entry of those that refuse to ping without it\n");
    assert_string_equal(advice("pretend-root", "icmp = { pretend_root = false; };", NULL), "");
    assert_string_equal(
        advice("pretend-root", "programs = ( { exe = \"/usr/bin/check\"; icmp = { pretend_root = true; }; } );", NULL),
        "");
}

#define RULE(body) "{ " body " }"
#define TWO(first, second) "rules = ( " RULE(first) ",\n " RULE(second) " );"
#define THREE(first, second, third) "rules = ( " RULE(first) ",\n " RULE(second) ",\n " RULE(third) " );"
#define DENY_ANY "action = \"deny\"; to = \"any\";"
#define DENY_TEN "action = \"deny\"; to = \"10.0.0.0/8\";"
#define ALLOW_TEN "action = \"allow\"; to = \"10.0.0.0/8\";"
#define CLOSED "default = { outbound = \"deny\"; };"

static void rules_that_many_others_shadow(void **state)
{
    const char *halves = THREE("action = \"deny\"; to = \"10.0.0.0/9\";", "action = \"deny\"; to = \"10.128.0.0/9\";",
                               "action = \"allow\"; to = \"10.0.0.0/8\";");

    (void)state;
    lines_of("unreachable", halves, " 4");
    lines_of("needless-allow", halves, "");
    lines_of("unreachable",
             THREE("action = \"deny\"; to = \"10.0.0.0/9\";", "action = \"deny\"; to = \"10.129.0.0/16\";",
                   "action = \"allow\"; to = \"10.0.0.0/8\";"),
             "");
    lines_of("unreachable",
             THREE("action = \"deny\"; to = \"any\"; proto = \"tcp\";",
                   "action = \"deny\"; to = \"any\"; proto = \"udp\";",
                   "action = \"allow\"; to = \"10.0.0.1\"; port = 80; proto = [ \"tcp\", \"udp\" ];"),
             " 4");
    lines_of("unreachable",
             THREE("action = \"deny\"; to = \"any\"; proto = \"tcp\";",
                   "action = \"deny\"; to = \"any\"; proto = \"udp\";", "action = \"allow\"; to = \"10.0.0.1\";"),
             "");
    lines_of("unreachable",
             THREE("action = \"deny\"; to = \"10.0.0.0/9\"; audit = true;", "action = \"deny\"; to = \"10.128.0.0/9\";",
                   "action = \"allow\"; to = \"10.0.0.0/8\";"),
             "");
    lines_of("unreachable",
             THREE("action = \"deny\"; to = \"2001:db8::/33\";", "action = \"deny\"; to = \"2001:db8:8000::/33\";",
                   "action = \"allow\"; to = \"2001:db8::/32\";"),
             " 4");
}

static void overlaps(void **state)
{
    (void)state;
    assert_string_equal(
        advice("overlap", TWO(ALLOW_TEN " port = 22;", "action = \"deny\"; to = \"10.1.0.0/16\";"), NULL),
        "policy.conf:3: note: this rule refuses a part of what the one at policy.conf:2 allows, such as 10.1.0.0; the "
        "earlier one decides there, so their order matters\n");
    lines_of("overlap", TWO(ALLOW_TEN, DENY_ANY), "");
    lines_of("overlap", TWO(DENY_TEN, "action = \"deny\"; to = \"any\"; port = 22;"), "");
    lines_of("overlap", TWO(DENY_TEN " port = 22;", "action = \"allow\"; to = \"10.0.0.1\"; port = 23;"), "");
    lines_of("overlap", TWO(DENY_TEN " proto = \"tcp\";", "action = \"allow\"; to = \"10.0.0.1\"; proto = \"udp\";"),
             "");
    lines_of("overlap",
             TWO("action = \"drop\"; to = [ \"2001:db8::/32\", \"10.0.0.1\" ];",
                 "action = \"allow\"; to = [ \"2001:db8:1::/48\", \"192.0.2.1\" ];"),
             " 3");
}

static void rules_that_change_nothing(void **state)
{
    (void)state;
    lines_of("needless-allow", "rules = ( " RULE(ALLOW_TEN) " );", " 2");
    lines_of("needless-allow", "rules = ( " RULE(ALLOW_TEN " log = true;") " );", "");
    lines_of("needless-allow", CLOSED "\nrules = ( " RULE(ALLOW_TEN) " );", "");
    lines_of("needless-allow", TWO(ALLOW_TEN, DENY_ANY), "");
    lines_of("needless-allow", TWO(ALLOW_TEN, "action = \"deny\"; to = \"11.0.0.0/8\";"), " 2");
    lines_of("needless-allow", "rules = ( " RULE(ALLOW_TEN) " );\ndeny_to = [ \"10.0.0.1\" ];", "");
    lines_of("needless-allow", "rules = ( " RULE(ALLOW_TEN) " );\nprograms = ( { exe = \"/a*\"; " CLOSED " } );", "");
    lines_of("needless-allow", "programs = ( { exe = \"/a*\"; rules = ( " RULE(ALLOW_TEN) " ); } );", " 2");
    lines_of("needless-allow",
             "programs = ( { exe = \"/a*\"; rules = ( " RULE(ALLOW_TEN) " ); } );\ndeny_to = [ \"any\" ];", "");
    lines_of("needless-allow", "rules = ( { action = \"allow\"; to = \"unix:/a\"; } );", " 2");
    lines_of("needless-allow", TWO("action = \"allow\"; to = \"unix:/a\";", "action = \"deny\"; to = \"unix:/*\";"),
             "");
    lines_of("needless-allow",
             TWO("action = \"allow\"; family = \"packet\";", "action = \"deny\"; family = \"vsock\";"), " 2");
    lines_of("needless-allow", TWO("action = \"allow\"; from = \"10.0.0.1\";", DENY_ANY), " 2");

    lines_of("needless-deny", CLOSED "\nrules = ( " RULE(DENY_TEN) " );", " 3");
    lines_of("needless-deny", "rules = ( " RULE(DENY_TEN) " );", "");
    lines_of("needless-deny", CLOSED "\nrules = ( " RULE(DENY_TEN " errno = \"EPERM\";") " );", "");
    lines_of("needless-deny", CLOSED "\nrules = ( { action = \"drop\"; to = \"10.0.0.1\"; } );", "");
    lines_of("needless-deny", CLOSED "\nrules = ( " RULE(DENY_ANY) " );", "");
    lines_of("needless-deny", CLOSED " " TWO(DENY_TEN, "action = \"allow\"; to = \"10.0.0.1\";"), "");
    lines_of("needless-deny", CLOSED "\nrules = ( { action = \"deny\"; to = [ \"unix:/a\", \"10.0.0.1\" ]; } );", "");
    lines_of("needless-deny",
             CLOSED "\nrules = ( " RULE(
                 DENY_TEN) " );\nprograms = ( { exe = \"/a*\"; default = { outbound = \"allow\"; }; } );",
             "");

    lines_of("redundant", TWO("action = \"deny\"; to = \"10.0.0.1\";", DENY_TEN), " 2");
    lines_of("redundant", TWO("action = \"deny\"; to = \"10.0.0.1\"; errno = \"EPERM\";", DENY_TEN), "");
    lines_of("redundant", TWO("action = \"deny\"; to = \"11.0.0.1\";", DENY_TEN), "");
    lines_of("redundant",
             THREE("action = \"deny\"; to = \"10.0.0.1\";", "action = \"allow\"; to = \"10.0.0.0/24\";", DENY_TEN), "");
    lines_of("redundant",
             THREE("action = \"deny\"; to = \"10.0.0.1\";", "action = \"allow\"; to = \"10.1.0.0/24\";", DENY_TEN),
             " 2");
}

static void closed_without_loopback(void **state)
{
    const char *closed = "default = { outbound = \"deny\"; loopback = \"deny\"; };";
    char body[512];

    (void)state;
    lines_of("no-loopback", closed, " 2");
    lines_of("no-loopback", CLOSED, "");
    snprintf(body, sizeof(body), "%s rules = ( { action = \"allow\"; to = \"127.0.0.1\"; } );", closed);
    lines_of("no-loopback", body, "");
    snprintf(body, sizeof(body), "%s rules = ( { action = \"allow\"; to = \"10.0.0.1\"; } );", closed);
    lines_of("no-loopback", body, " 2");
}

static void programs(void **state)
{
    (void)state;
    lines_of("program-absent",
             "programs = ( { exe = \"/nowhere/at/all\"; },\n { exe = [ \"/bin/sh\", \"/nowhere*\" ]; } );", " 2");
    assert_string_equal(
        advice("program-twice", "programs = ( { exe = \"/bin/a*\"; },\n { exe = [ \"/b\", \"/bin/a*\" ]; } );", NULL),
        "policy.conf:3: warning: program '/bin/a*' stands in the entry at policy.conf:2 already, which "
        "alone holds for it\n");
    lines_of("program-twice", "programs = ( { exe = \"/bin/a*\"; },\n { exe = [ \"/b\", \"/bin/b*\" ]; } );", "");
}

static void strange_errnos(void **state)
{
    (void)state;
    lines_of("strange-errno",
             TWO(DENY_TEN " errno = \"EMFILE\";", "action = \"deny\"; on = \"any\"; errno = \"EINVAL\";"), " 2 3");
    lines_of("strange-errno", TWO(DENY_TEN " errno = \"ECONNREFUSED\";", DENY_ANY " errno = \"ECONNABORTED\";"), "");
    lines_of("strange-errno", "rules = ( { action = \"deny\"; from = \"any\"; errno = \"ECONNABORTED\"; } );", " 2");
}

static void idle_excepts(void **state)
{
    (void)state;
    lines_of("except-idle", TWO(DENY_TEN " except = \"192.0.2.1\";", DENY_TEN " except = \"10.0.0.1\";"), " 2");
    lines_of("except-idle", TWO(DENY_ANY " except = \"loopback\";", DENY_TEN " except = [ \"10.0.0.1\", \"::1\" ];"),
             "");
    assert_string_equal(list_advice("except-idle", "192.0.2.0/24\n", 0,
                                    "rules = ( { action = \"deny\"; to = \"@feed\"; except = \"private\"; } );", NULL),
                        "");
}

static void repeated_addresses(void **state)
{
    (void)state;
    assert_string_equal(
        advice("repeated",
               "rules = ( { action = \"deny\"; to = [ \"10.1.0.0/16\",\n\"10.0.0.0/8\", \"10.0.0.0/8\" ]; } );", NULL),
        "policy.conf:2: warning: '10.1.0.0/16' stands in '10.0.0.0/8' already\n"
        "policy.conf:3: warning: '10.0.0.0/8' stands in '10.0.0.0/8' already\n");
    lines_of("repeated", "sets = { a = [ \"private\", \"10.0.0.1\" ]; };\ndeny_to = [ \"@a\" ];", " 2");
    lines_of("repeated", "sets = { a = [ \"private\", \"11.0.0.1\", \"2001:db8::1\" ]; };\ndeny_to = [ \"@a\" ];", "");
    assert_string_equal(messages.count > 0 ? messages.list[0].id : "", "");
}

static void modes(void **state)
{
    (void)state;
    lines_of("mode-off", "mode = \"off\";", " 0");
    lines_of("mode-off", "mode = \"audit\";", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shadows),
        cmocka_unit_test(unused_sets),
        cmocka_unit_test(closed_without_a_resolver),
        cmocka_unit_test(root_for_everybody),
        cmocka_unit_test(rules_that_many_others_shadow),
        cmocka_unit_test(overlaps),
        cmocka_unit_test(rules_that_change_nothing),
        cmocka_unit_test(closed_without_loopback),
        cmocka_unit_test(programs),
        cmocka_unit_test(strange_errnos),
        cmocka_unit_test_setup_teardown(idle_excepts, scratch_make, scratch_remove),
        cmocka_unit_test(repeated_addresses),
        cmocka_unit_test(modes),
        cmocka_unit_test_setup_teardown(lists, scratch_make, scratch_remove),
    };

    return cmocka_run_group_tests(tests, NULL, forget_after);
}
