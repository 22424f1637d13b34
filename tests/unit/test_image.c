/* SPDX-License-Identifier: MIT */
/* The image: what its header refuses, what decide() finds in it, and how large it gets. */
#include "config/compile.h"
#include "config/flatten.h"
#include "config/memory.h"
#include "config/read.h"
#include "policy/decide.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Compiles a text; the view's image is never freed, since a test program ends soon. */
static struct view open_text(const char *text, const struct program_names *names, struct image_bytes *bytes)
{
    struct messages messages = {0};
    struct image_bytes image = {0};
    struct policy policy;
    struct view view;

    policy_init(&policy);
    if (!policy_read_text(&policy, text, "/test/policy.conf", &messages) || !policy_compile(&policy, &image, &messages))
        messages_print(&messages, stderr);
    assert_int_equal(messages.errors, 0);
    policy_free(&policy);
    messages_free(&messages);
    assert_int_equal(image_verify(image.bytes, image.size), IMAGE_OK);
    assert_int_equal(image_open(&view, image.bytes, image.size, names), IMAGE_OK);
    if (bytes != NULL)
        *bytes = image;
    return view;
}

static struct query ask(enum direction direction, const char *address, uint16_t port, unsigned protos)
{
    struct query query = {.direction = direction, .port = port, .port_known = true, .protos = protos};

    assert_int_equal(address_parse(address, &query.address), ADDRESS_OK);
    return query;
}

static void test_facts_are_asked_only_where_they_matter(void **state)
{
    struct view view = open_text("version = 1; rules = ("
                                 "{ action = \"deny\"; to = \"192.0.2.0/24\"; port = 25; proto = \"tcp\"; },"
                                 "{ action = \"deny\"; to = \"198.51.100.0/24\"; },"
                                 "{ action = \"deny\"; from = \"any\"; port = 22; });",
                                 NULL, NULL);
    struct query query = ask(DIRECTION_TO, "192.0.2.1", 80, PROTO_ANY);

    (void)state;
    assert_int_equal(decide(&view, &query).needs, 0);
    query.port = 25;
    assert_int_equal(decide(&view, &query).needs, FACT_PROTOCOL);
    query.protos = PROTO_TCP;
    assert_int_equal(decide(&view, &query).action, ACTION_DENY);
    query.protos = PROTO_UDP;
    assert_int_equal(decide(&view, &query).action, ACTION_ALLOW);
    query.protos = PROTO_ANY;
    query.strict = true;
    assert_int_equal(decide(&view, &query).action, ACTION_DENY);
    query = ask(DIRECTION_TO, "198.51.100.1", 25, PROTO_ANY);
    assert_int_equal(decide(&view, &query).needs, 0);
    assert_int_equal(decide(&view, &query).action, ACTION_DENY);
    query = ask(DIRECTION_FROM, "203.0.113.1", 0, PROTO_TCP);
    query.port_known = false;
    assert_int_equal(decide(&view, &query).needs, FACT_LOCAL_PORT);
    assert_int_equal(view.watch & (WATCH_TO | WATCH_FROM_STREAM | WATCH_FROM_DATAGRAM | WATCH_ON | WATCH_PROTOCOL),
                     WATCH_TO | WATCH_FROM_STREAM | WATCH_FROM_DATAGRAM | WATCH_PROTOCOL);
}

static void test_audit_rules_are_noted(void **state)
{
    struct view view = open_text("version = 1; rules = ("
                                 "{ action = \"deny\"; to = \"any\"; audit = true; },"
                                 "{ action = \"deny\"; to = \"10.0.0.0/8\"; errno = \"EPERM\"; });",
                                 NULL, NULL);
    struct query query = ask(DIRECTION_TO, "10.0.0.1", 80, PROTO_TCP);
    struct verdict verdict = decide(&view, &query);

    (void)state;
    assert_int_equal(verdict.note_count, 1);
    assert_int_equal(verdict.notes[0], 0);
    assert_int_equal(verdict.action, ACTION_DENY);
    assert_int_equal(verdict.error, EPERM);
    assert_true(verdict.error_named);
    query = ask(DIRECTION_TO, "11.0.0.1", 80, PROTO_TCP);
    verdict = decide(&view, &query);
    assert_int_equal(verdict.note_count, 1);
    assert_int_equal(verdict.action, ACTION_ALLOW);
}

static void test_a_program_has_its_own_rules(void **state)
{
    const struct program_names curl = {.executed = "/usr/bin/curl"};
    const struct program_names script = {.executed = "/srv/job", .interpreter = "/opt/venv/bin/python3"};
    const char *text =
        "version = 1; deny_to = [ \"10.0.0.0/8\" ]; programs = ("
        "{ exe = \"/usr/bin/curl\"; rules = ( { action = \"allow\"; to = \"10.0.0.1\"; } );"
        "  default = { outbound = \"deny\"; }; },"
        "{ exe = \"/opt/venv/bin/python*\"; default = { outbound = \"deny\"; loopback = \"deny\"; }; } );";
    struct query own = ask(DIRECTION_TO, "10.0.0.1", 80, PROTO_TCP);
    struct query other = ask(DIRECTION_TO, "192.0.2.1", 80, PROTO_TCP);
    struct query loopback = ask(DIRECTION_TO, "127.0.0.1", 80, PROTO_TCP);
    struct view view = open_text(text, NULL, NULL);

    (void)state;
    assert_int_equal(decide(&view, &own).action, ACTION_DENY);
    assert_int_equal(decide(&view, &other).action, ACTION_ALLOW);
    view = open_text(text, &curl, NULL);
    assert_int_equal(view.program, 0);
    assert_int_equal(decide(&view, &own).action, ACTION_ALLOW);
    assert_int_equal(decide(&view, &other).source, BY_DEFAULT);
    assert_int_equal(decide(&view, &loopback).action, ACTION_ALLOW);
    view = open_text(text, &script, NULL);
    assert_int_equal(view.program, 1);
    assert_int_equal(decide(&view, &loopback).action, ACTION_DENY);
}

static void test_defaults_never_touch_local_families(void **state)
{
    struct view view = open_text(
        "version = 1; default = { outbound = \"deny\"; inbound = \"deny\"; listen = \"deny\"; };", NULL, NULL);
    struct query query = {.direction = DIRECTION_TO, .protos = PROTO_ANY, .path = "/run/x", .path_length = 6};

    (void)state;
    for (int d = 0; d < DIRECTIONS; d++) {
        query.direction = (enum direction)d;
        query.address.family = ADDRESS_UNIX;
        assert_int_equal(decide(&view, &query).action, ACTION_ALLOW);
        assert_int_equal(decide_closed(&query).action, ACTION_ALLOW);
        query.address.family = ADDRESS_EXEMPT;
        assert_int_equal(decide(&view, &query).action, ACTION_ALLOW);
        query.address.family = ADDRESS_OTHER;
        assert_int_equal(decide(&view, &query).action, ACTION_DENY);
        assert_int_equal(decide_closed(&query).action, ACTION_DENY);
    }
    query = ask(DIRECTION_TO, "127.0.0.1", 1, PROTO_TCP);
    assert_int_equal(decide(&view, &query).action, ACTION_ALLOW);
    assert_int_equal(decide_closed(&query).action, ACTION_DENY);
}

static void test_unix_paths_and_exceptions(void **state)
{
    struct view view = open_text(
        "version = 1; rules = ({ action = \"deny\"; to = [ \"unix:/run/*\", \"unix:@abstract\" ];"
        " except = \"unix:/run/user/*\"; errno = \"EPERM\"; });",
        NULL, NULL);
    static const struct {
        const char *path;
        enum rule_action action;
    } cases[] = {{"/run/docker.sock", ACTION_DENY},
                 {"/run/user/1000/bus", ACTION_ALLOW},
                 {"@abstract", ACTION_DENY},
                 {"@abstracted", ACTION_ALLOW},
                 {"/var/run/x", ACTION_ALLOW},
                 {"run/x", ACTION_ALLOW},
                 {"/run/", ACTION_DENY}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct query query = {.direction = DIRECTION_TO,
                              .address = {.family = ADDRESS_UNIX},
                              .path = cases[i].path,
                              .path_length = strlen(cases[i].path)};

        assert_int_equal(decide(&view, &query).action, cases[i].action);
    }
}

static void test_headers_that_are_refused(void **state)
{
    struct image_bytes image;
    struct view view = open_text("version = 1; deny_to = [ \"10.0.0.0/8\" ];", NULL, &image);
    struct image_header *header = (void *)image.bytes;
    struct image_header good = *header;

    (void)state;
    for (size_t size = 0; size < image.size; size++)
        assert_int_not_equal(image_open(&view, image.bytes, size, NULL), IMAGE_OK);
    header->magic[0] ^= 1;
    assert_int_equal(image_open(&view, image.bytes, image.size, NULL), IMAGE_FOREIGN);
    *header = good;
    header->byte_order = 0x04030201;
    assert_int_equal(image_open(&view, image.bytes, image.size, NULL), IMAGE_FOREIGN);
    *header = good;
    header->version++;
    assert_int_equal(image_open(&view, image.bytes, image.size, NULL), IMAGE_OTHER_VERSION);
    *header = good;
    header->rules.count = UINT32_MAX;
    header->rule_texts.count = UINT32_MAX;
    assert_int_equal(image_open(&view, image.bytes, image.size, NULL), IMAGE_DAMAGED);
    *header = good;
    header->chains.offset = header->size - 8;
    assert_int_equal(image_open(&view, image.bytes, image.size, NULL), IMAGE_DAMAGED);
    *header = good;
    image.bytes[image.size - 1] ^= 1;
    assert_int_equal(image_open(&view, image.bytes, image.size, NULL), IMAGE_OK);
    assert_int_equal(image_verify(image.bytes, image.size), IMAGE_DAMAGED);
}

/* 10,000 rules with ports over random overlapping ranges: lists share their segments. */
static void test_overlapping_rules_stay_small(void **state)
{
    enum { RULES = 10000 };
    struct messages messages = {0};
    struct image_bytes image;
    struct policy policy;
    struct view view;
    struct query query;

    (void)state;
    srand(7);
    policy_init(&policy);
    for (unsigned i = 0; i < RULES; i++) {
        uint32_t first = (uint32_t)rand() << 1;
        uint32_t length = (uint32_t)rand() % (1u << 30);
        struct address_range range = {address_from_v4(first),
                                      address_from_v4(first > UINT32_MAX - length ? UINT32_MAX : first + length)};
        struct rule rule = {.kind = DIRECTION_TO,
                            .chain = CHAIN_GENERAL,
                            .action = ACTION_DENY,
                            .port_count = 1,
                            .protos = PROTO_WITH_PORTS};

        rule.ports = memory_new(sizeof(*rule.ports));
        rule.ports[0] = (struct image_port_range){(uint16_t)(i + 1), (uint16_t)(i + 1)};
        struct range_set *cover = memory_new(sizeof(*cover));

        range_set_add(cover, &range);
        rule.cover = cover;
        policy.covers = memory_grow(policy.covers, policy.cover_count, &policy.cover_room, sizeof(cover));
        policy.covers[policy.cover_count++] = cover;
        policy.rules = memory_grow(policy.rules, policy.rule_count, &policy.rule_room, sizeof(*policy.rules));
        policy.rules[policy.rule_count++] = rule;
    }
    assert_true(policy_compile(&policy, &image, &messages));
    print_message("# %d overlapping rules: %zu KiB\n", RULES, image.size >> 10);
    assert_true(image.size < 24u << 20);
    assert_int_equal(image_open(&view, image.bytes, image.size, NULL), IMAGE_OK);
    for (int i = 0; i < 20000; i++) {
        uint32_t address = (uint32_t)rand() << 1;
        unsigned port = 1 + (unsigned)rand() % RULES;
        const struct range4 *cover = policy.rules[port - 1].cover->v4;
        bool covered = address >= cover->first && address <= cover->last;

        query = (struct query){.direction = DIRECTION_TO,
                               .port = (uint16_t)port,
                               .port_known = true,
                               .protos = PROTO_TCP,
                               .address = address_from_v4(address)};
        assert_int_equal(decide(&view, &query).action, covered ? ACTION_DENY : ACTION_ALLOW);
    }
    free(image.bytes);
    policy_free(&policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_facts_are_asked_only_where_they_matter),
        cmocka_unit_test(test_audit_rules_are_noted),
        cmocka_unit_test(test_a_program_has_its_own_rules),
        cmocka_unit_test(test_defaults_never_touch_local_families),
        cmocka_unit_test(test_unix_paths_and_exceptions),
        cmocka_unit_test(test_headers_that_are_refused),
        cmocka_unit_test(test_overlapping_rules_stay_small),
    };

    return cmocka_run_group_tests_name("image", tests, NULL, NULL);
}
