/* SPDX-License-Identifier: MIT */
/* Covers: equal ones are one, and many rules over few covers decide as each would alone. */
#include "tests/unit/reading.h"

#include "config/compile.h"
#include "config/memory.h"
#include "policy/decide.h"

#define SETS                                                                                                           \
    "sets = { a = [ \"10.0.0.0/8\", \"2001:db8::/32\" ]; b = [ \"10.128.0.0/9\", \"192.0.2.0/24\" ]; empty = []; };\n"

static const struct range_set *cover(size_t rule)
{
    assert_true(rule < policy.rule_count);
    return policy.rules[rule].cover;
}

static void equal_covers_are_one(void **state)
{
    (void)state;
    assert_true(read_body(SETS
                          "rules = (\n"
                          "{ action = \"deny\"; to = \"@a\"; port = 1; },\n"
                          "{ action = \"allow\"; from = \"@a\"; },\n"
                          "{ action = \"deny\"; to = [ \"@a\", \"192.0.2.1\" ]; },\n"
                          "{ action = \"deny\"; to = [ \"192.0.2.1\", \"192.0.2.1\", \"@a\", \"@a\" ]; port = 2; },\n"
                          "{ action = \"deny\"; to = [ \"@a\", \"@b\" ]; except = \"10.1.0.0/16\"; },\n"
                          "{ action = \"deny\"; to = [ \"@b\", \"@a\" ]; except = \"10.1.0.0/16\"; port = 3; },\n"
                          "{ action = \"deny\"; to = \"@a\"; except = \"@b\"; },\n"
                          "{ action = \"deny\"; to = \"@b\"; except = \"@a\"; },\n"
                          "{ action = \"deny\"; to = [ \"@a\", \"@b\" ]; }, { action = \"deny\"; to = \"any\"; },\n"
                          "{ action = \"deny\"; on = [ \"0.0.0.0/0\", \"::/0\" ]; } );\n"
                          "deny_to = [ \"@a\", \"@b\", \"192.0.2.1\" ];\n"));
    assert_ptr_equal(cover(0), &policy.sets[0].ranges);
    assert_ptr_equal(cover(1), cover(0));
    assert_ptr_equal(cover(2), cover(3));
    assert_ptr_equal(cover(4), cover(5));
    assert_ptr_equal(cover(9), cover(10));
    assert_ptr_equal(cover(11), cover(0));
    assert_ptr_equal(cover(12), &policy.sets[1].ranges);
    assert_ptr_not_equal(cover(6), cover(7));
    assert_ptr_not_equal(cover(4), cover(8));
    assert_ptr_not_equal(cover(2), cover(13));
    assert_true(covers(cover(2), "192.0.2.1") && covers(cover(2), "10.9.9.9") && !covers(cover(2), "192.0.2.2"));
    assert_true(covers(cover(4), "192.0.2.2") && covers(cover(4), "2001:db8::1") && !covers(cover(4), "10.1.2.3"));
    assert_true(covers(cover(6), "10.127.0.1") && !covers(cover(6), "10.128.0.1") && !covers(cover(6), "192.0.2.2"));
    assert_true(covers(cover(7), "192.0.2.2") && !covers(cover(7), "10.128.0.1"));
    assert_true(policy.rules[9].covers_all && policy.rules[10].covers_all && !policy.rules[8].covers_all);
}

static void a_rule_of_the_command_line(void **state)
{
    (void)state;
    assert_true(read_body(SETS "deny_to = [ \"@a\" ];"));
    assert_true(policy_add_endpoint(&policy, "--deny-to", "@a", &messages));
    assert_true(policy_add_endpoint(&policy, "--allow-from", "192.0.2.7:22/tcp", &messages));
    assert_ptr_equal(cover(1), cover(0));
    assert_true(covers(cover(2), "192.0.2.7") && !covers(cover(2), "192.0.2.8"));
}

static void rules_without_addresses(void **state)
{
    (void)state;
    assert_true(read_body(SETS "rules = ( { action = \"deny\"; family = \"packet\"; },\n"
                               "{ action = \"deny\"; to = \"unix:/run/a\"; except = \"unix:/run/b\"; },\n"
                               "{ action = \"deny\"; to = \"@empty\"; } );"));
    for (size_t i = 0; i < 3; i++)
        assert_true(range_set_is_empty(cover(i)));
    assert_string_equal(told(), "policy.conf:5: warning: the rule matches nothing: its sets are empty\n");
}

/* Each exception makes a cover of its own; what they take together is bounded. */
static void covers_that_are_too_large(void **state)
{
    size_t usual = policy_cover_limit;
    char text[1 << 14] = SETS "rules = (\n";

    (void)state;
    for (int i = 0; i < 100; i++)
        sprintf(text + strlen(text), "%s{ action = \"deny\"; to = \"@b\"; except = \"10.200.%d.0/24\"; }",
                i ? ",\n" : "", i);
    strcat(text, "\n);");
    policy_cover_limit = 50 * 3 * sizeof(struct range4) - 1;
    assert_false(read_body(text));
    policy_cover_limit = usual;
    assert_string_equal(told(),
                        "policy.conf:53: with this rule the addresses take more than 0 MiB; rules that name the "
                        "same sets, with the same 'except' and nothing beside them, take that room once\n");
    assert_true(read_body(text));
}

/* What the first rule that matches says; nothing of the compiler or the matcher is in it. */
static enum rule_action judged_plainly(const struct query *query)
{
    for (size_t i = 0; i < policy.rule_count; i++) {
        const struct rule *rule = &policy.rules[i];
        bool port = rule->port_count == 0 ||
                    (query->port >= rule->ports[0].first && query->port <= rule->ports[0].last);

        if (port && (rule->protos & query->protos) && range_set_has(rule->cover, &query->address))
            return rule->action;
    }
    return ACTION_ALLOW;
}

/*
 * More than the 128 rules of a segment, so that lists are made of segments; sets that open and close many rules at
 * once, beside rules of their own; and a rule that ends every list that it is in.
 */
static char *many_rules(int count)
{
    static const char *const covers[] = {"\"@a\"", "\"@b\"", "[ \"@a\", \"@c\" ]", "\"@c\"", "\"any\"", NULL};
    char *text = memory_new(1 << 20);
    size_t size = (size_t)sprintf(
        text, "version = 1;\nsets = { a = [ \"10.0.0.0/24\", \"10.0.2.0/24\", \"2001:db8::/112\" ];\n"
              "b = [ \"10.0.0.128-10.0.1.99\", \"10.0.3.0/24\", \"2001:db8::8000/113\" ];\n"
              "c = [ \"10.0.0.3-10.0.3.4\", \"2001:db8::7000-2001:db8::9000\" ]; };\nrules = (\n");

    for (int i = 0; i < count; i++) {
        const char *named = covers[rand() % 6];
        unsigned first = (unsigned)rand() % 1024, last = first + (unsigned)rand() % 200;
        char own[120];

        if (!named)
            snprintf(own, sizeof(own), "[ \"10.0.%u.%u-10.0.%u.%u\", \"2001:db8::%x-2001:db8::%x\" ]", first >> 8,
                     first & 255, last >> 8, last & 255, 0x6c00 + 16 * first, 0x6c00 + 16 * last);
        size += (size_t)sprintf(text + size, "%s{ action = \"%s\"; to = %s; ", i ? ",\n" : "",
                                rand() % 2 ? "deny" : "allow", named ? named : own);
        if (i != count * 3 / 4) /* that one holds for all ports */
            size += (size_t)sprintf(text + size, "port = %d; ", 1 + rand() % 300);
        size += (size_t)sprintf(text + size, "}");
    }
    sprintf(text + size, "\n);\n");
    return text;
}

static void many_rules_over_few_covers(void **state)
{
    static const int counts[] = {1, 60, 64, 65, 127, 128, 129, 400, 1500};

    (void)state;
    srand(20260103);
    for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
        char *text = many_rules(counts[c]);
        struct image_bytes image;
        struct view view;

        assert_true(read_whole(text));
        assert_int_equal(policy.rule_count, counts[c]);
        assert_true(policy_compile(&policy, &image, &messages));
        assert_int_equal(image_open(&view, image.bytes, image.size, NULL), IMAGE_OK);
        for (int i = 0; i < 20000; i++) {
            struct query query = {
                .direction = DIRECTION_TO,
                .port = (uint16_t)(1 + rand() % 310),
                .port_known = true,
                .protos = PROTO_TCP,
                .address = rand() % 2
                               ? address_from_v4(0x09ffff00u + (uint32_t)rand() % 0x700)
                               : (struct address){0x20010db800000000u, (uint64_t)rand() % 0x10100, ADDRESS_INET6},
            };

            assert_int_equal(decide(&view, &query).action, judged_plainly(&query));
        }
        free(image.bytes);
        free(text);
    }
}

/* Behind a rule that holds for every query nothing decides, and nothing is kept. */
static void lists_end_where_all_is_decided(void **state)
{
    char text[1 << 14] = "rules = (\n";
    struct image_bytes image;
    struct view view;

    (void)state;
    for (int i = 0; i < 200; i++)
        sprintf(text + strlen(text), "%s{ action = \"deny\"; to = \"any\"; %s }", i ? ",\n" : "",
                i == 2 || i == 70 ? "" : "port = 9;");
    strcat(text, "\n);");
    assert_true(read_body(text));
    assert_true(policy_compile(&policy, &image, &messages));
    assert_int_equal(image_open(&view, image.bytes, image.size, NULL), IMAGE_OK);
    assert_int_equal(view.steps.count, 1 + 3 + 1); /* the empty list, three rules, the end */
    free(image.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_covers_are_one),       cmocka_unit_test(a_rule_of_the_command_line),
        cmocka_unit_test(rules_without_addresses),    cmocka_unit_test(covers_that_are_too_large),
        cmocka_unit_test(many_rules_over_few_covers), cmocka_unit_test(lists_end_where_all_is_decided),
    };

    return cmocka_run_group_tests(tests, NULL, forget_after);
}
