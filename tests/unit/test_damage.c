/* SPDX-License-Identifier: MIT */
/*
 * Images that are damaged: sections that lie outside are refused, and whatever else any one byte says, a decision ends,
 * is one of the three actions, and reads nothing behind the image (a page that nobody may read stands there).
 */
#include "config/compile.h"
#include "config/read.h"
#include "policy/decide.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

/* Enough rules over one address for a long list with a sieve, and enough networks for nodes and parts. */
#define LONG_LIST 40
#define NETWORKS 60

static unsigned char *sound; /* what was compiled */
static unsigned char *image; /* a copy of it that ends where the forbidden page begins */
static size_t size;

static char *policy_text(void)
{
    char *text = malloc(200 * (LONG_LIST + NETWORKS) + 2000);
    char *at = text + sprintf(text, "version = 1; default = { inbound = \"deny\"; }; rules = (");

    for (int i = 0; i < LONG_LIST; i++)
        at += sprintf(at, "{ action = \"deny\"; to = [ \"10.0.0.0/8\", \"2001:db8::/32\" ]; %s; },",
                      i % 3 == 0   ? "proto = \"sctp\""
                      : i % 3 == 1 ? "port = [ 25, 80 ]"
                                   : "audit = true; proto = \"udp\"");
    for (int i = 0; i < NETWORKS; i++)
        at += sprintf(at, "{ action = \"%s\"; to = [ \"192.0.%d.%d\", \"2001:db9:0:%x::/80\" ]; port = %d; },",
                      i % 2 == 0 ? "deny" : "allow", i / 7, i * 3, i, 1 + i);
    sprintf(at, "{ action = \"deny\"; to = \"unix:/run/*\"; except = \"unix:/run/user/*\"; },"
                "{ action = \"deny\"; from = \"198.51.100.0/24\"; port = 22; },"
                "{ action = \"deny\"; family = \"packet\"; } );"
                "programs = ( { exe = \"/usr/bin/curl\"; rules = ( { action = \"drop\"; to = \"any\"; } ); } );");
    return text;
}

static int images_make(void **state)
{
    size_t page = (size_t)getpagesize();
    struct messages messages = {0};
    struct image_bytes compiled;
    struct policy policy;
    char *text = policy_text();
    size_t room;

    (void)state;
    policy_init(&policy);
    if (!policy_read_text(&policy, text, "/test/policy.conf", &messages) ||
        !policy_compile(&policy, &compiled, &messages))
        messages_print(&messages, stderr);
    assert_int_equal(messages.errors, 0);
    policy_free(&policy);
    messages_free(&messages);
    free(text);
    sound = compiled.bytes;
    size = compiled.size;
    room = (size + page - 1) / page * page;
    image = mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(image, MAP_FAILED);
    assert_int_equal(mprotect(image + room, page, PROT_NONE), 0);
    image += (room - size) & ~(size_t)7;
    return 0;
}

static struct image_header *renew(void)
{
    memcpy(image, sound, size);
    return (struct image_header *)(void *)image;
}

static enum image_error judged(void)
{
    struct view view;

    return image_open(&view, image, size, NULL);
}

/* ---- what the header says ---- */

/* Each place where a section does not lie inside the file behind the header, or is not aligned. */
static void section_is_judged(struct image_section *section)
{
    const struct image_section before = *section;
    const struct image_section wrong[] = {
        {.offset = 0, .count = 1},
        {.offset = sizeof(struct image_header) - 8, .count = 1},
        {.offset = sizeof(struct image_header) + 4, .count = 1},
        {.offset = (uint32_t)size + 8, .count = 1},
        {.offset = (uint32_t)size, .count = 1},
        {.offset = sizeof(struct image_header), .count = (uint32_t)size},
        {.offset = sizeof(struct image_header), .count = UINT32_MAX},
    };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        *section = wrong[i];
        assert_int_equal(judged(), IMAGE_DAMAGED);
    }
    *section = before;
    assert_int_equal(judged(), IMAGE_OK);
}

static void sections_lie_in_the_image(void **state)
{
    struct image_header *header = renew();
    struct image_section *section = &header->strings;

    (void)state;
    for (; section <= &header->sources; section++)
        section_is_judged(section);
}

static struct image_chain *general_chain(struct image_header *header)
{
    return (struct image_chain *)(void *)(image + header->chains.offset) + CHAIN_GENERAL;
}

static void tables_lie_in_the_image(void **state)
{
    struct image_chain *chain = general_chain(renew());
    struct image_table *tables[] = {&chain->inet[DIRECTION_TO], &chain->inet6[DIRECTION_TO]};

    (void)state;
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        struct image_table *table = tables[i];
        const struct image_table before = *table;

        assert_true(table->blocks.count > 0);
        section_is_judged(&table->blocks);
        section_is_judged(&table->nodes);
        section_is_judged(&table->values);
        section_is_judged(&table->parts);
        table->kind = BLOCK_KINDS;
        assert_int_equal(judged(), IMAGE_DAMAGED);
        table->kind = before.kind == BLOCK_INET6 ? BLOCK_INET : BLOCK_INET6; /* of the other family */
        assert_int_equal(judged(), IMAGE_DAMAGED);
        *table = before;
        table->root.last = table->blocks.count;
        assert_int_equal(judged(), IMAGE_DAMAGED);
        *table = before;
        table->root.block = table->blocks.count - table->root.last;
        assert_int_equal(judged(), IMAGE_DAMAGED);
        *table = before;
    }
    section_is_judged(&chain->paths[DIRECTION_TO]);
    section_is_judged(&chain->families);
}

static void counts_belong_together(void **state)
{
    struct image_header *header = renew();

    (void)state;
    header->programs.count = 0;
    assert_int_equal(judged(), IMAGE_DAMAGED);
    header = renew();
    header->chains.count--;
    assert_int_equal(judged(), IMAGE_DAMAGED);
    header = renew();
    header->rule_texts.count--;
    assert_int_equal(judged(), IMAGE_DAMAGED);
    header = renew();
    header->mode = MODE_OFF + 1;
    assert_int_equal(judged(), IMAGE_DAMAGED);
    header = renew();
    header->header_size--;
    assert_int_equal(judged(), IMAGE_DAMAGED);
    header = renew();
    header->byte_order = __builtin_bswap32(header->byte_order);
    assert_int_equal(judged(), IMAGE_FOREIGN);
    for (enum image_error error = IMAGE_OK; error <= IMAGE_DAMAGED; error++)
        assert_true(strlen(image_error_text(error)) > 0);
}

/* ---- what stands behind it ---- */

static struct query ask(const char *address, uint16_t port, unsigned protos)
{
    struct query query = {.direction = DIRECTION_TO, .port = port, .port_known = port != 0, .protos = protos};

    assert_int_equal(address_parse(address, &query.address), ADDRESS_OK);
    return query;
}

/* A rule that is not there: refused, whatever was asked. */
static void a_missing_rule_refuses(void **state)
{
    struct image_header *header = renew();
    struct query near = ask("192.0.0.0", 1, PROTO_TCP);
    struct query far = ask("10.0.0.1", 80, PROTO_TCP);
    struct query path = {.direction = DIRECTION_TO, .protos = PROTO_ANY, .path = "/run/x", .path_length = 6};
    struct verdict verdict;
    struct view view;

    (void)state;
    path.address.family = ADDRESS_UNIX;
    header->rules.count = header->rule_texts.count = 0;
    assert_int_equal(image_open(&view, image, size, NULL), IMAGE_OK);
    verdict = decide(&view, &near);
    assert_int_equal(verdict.action, ACTION_DENY);
    assert_int_equal(verdict.source, BY_FAILURE);
    assert_int_equal(verdict.error, EACCES);
    assert_int_equal(decide(&view, &far).source, BY_FAILURE);
    assert_int_equal(decide(&view, &path).source, BY_FAILURE);
    assert_int_equal(decide_family(&view, 17).source, BY_FAILURE);
}

static void decide_all(const struct view *view)
{
    static const char *const addresses[] = {"10.0.0.1",    "192.0.2.3",      "192.0.8.177",       "203.0.113.1",
                                            "2001:db8::1", "2001:db9:0:5::", "2001:db9:0:3b:7::1"};
    struct query query = {.direction = DIRECTION_TO, .path = "/run/x", .path_length = 6, .protos = PROTO_ANY};
    struct image_source source;

    query.address.family = ADDRESS_UNIX;
    assert_true(decide(view, &query).action <= ACTION_DROP);
    assert_true(decide_family(view, 17).action <= ACTION_DROP);
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        for (unsigned kind = 0; kind < 4; kind++) {
            struct verdict verdict;

            query = ask(addresses[i], kind & 1 ? 80 : 0, kind & 2 ? PROTO_ANY : PROTO_TCP);
            query.strict = (kind & 1) == 0;
            query.direction = i == 3 ? DIRECTION_FROM : DIRECTION_TO;
            verdict = decide(view, &query);
            assert_true(verdict.action <= ACTION_DROP);
            assert_true(!query.strict || verdict.needs == 0);
            assert_true(verdict.note_count <= VERDICT_NOTES);
        }
    }
    for (uint32_t i = 0; view_source(view, i, &source); i++)
        view_string(view, source.path);
    view_rule_text(view, 0);
}

/* Bytes that differ in one bit are near misses; 0 and 0xff make the smallest and the largest numbers. */
static void any_byte_may_be_wrong(void **state)
{
    const struct program_names names = {.executed = "/usr/bin/curl", .interpreter = "/usr/bin/curl"};
    struct view view;

    (void)state;
    renew();
    for (size_t at = sizeof(struct image_header); at < size; at++) {
        const unsigned char values[] = {0, 0xff, sound[at] ^ 1, sound[at] ^ 0x80};

        for (size_t i = 0; i < sizeof(values); i++) {
            image[at] = values[i];
            if (values[i] != sound[at] && image_open(&view, image, size, (at + i) % 8 == 0 ? &names : NULL) == IMAGE_OK)
                decide_all(&view);
        }
        image[at] = sound[at];
    }
    assert_int_equal(image_verify(image, size), IMAGE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sections_lie_in_the_image), cmocka_unit_test(tables_lie_in_the_image),
        cmocka_unit_test(counts_belong_together),    cmocka_unit_test(a_missing_rule_refuses),
        cmocka_unit_test(any_byte_may_be_wrong),
    };

    return cmocka_run_group_tests_name("damage", tests, images_make, NULL);
}
