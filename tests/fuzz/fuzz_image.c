/* SPDX-License-Identifier: MIT */
/*
 * Any bytes behind a header that passes: decide() must stay in bounds and end.
 *
 * The input is an image's payload and a few numbers. Half of the runs take a real, compiled image and overwrite parts
 * of it; the other half lay sections over the random bytes.
 */
#include "config/compile.h"
#include "config/read.h"
#include "policy/decide.h"

#include <stdlib.h>
#include <string.h>

/* Enough rules over the same addresses to make a long list, of which a sieve tells which to look at. */
#define MANY_RULES 300

static const char text[] =
    "{ action = \"deny\"; to = [ \"10.0.0.0/8\", \"2001:db8::/32\", \"2001:db9::1\", \"2001:db9::7-2001:db9::9\" ]; "
    "except = \"10.1.0.0/16\"; port = ( 25, \"80-90\" ); },\n"
    "{ action = \"deny\"; to = \"unix:/run/*\"; except = \"unix:/run/user/*\"; },\n"
    "{ action = \"allow\"; from = \"any\"; proto = \"udp\"; audit = true; },\n"
    "{ action = \"deny\"; on = \"any\"; port = 22; }, { action = \"deny\"; family = \"packet\"; } );\n"
    "programs = ( { exe = \"/usr/bin/*\"; rules = ( { action = \"drop\"; to = \"any\"; } ); } );";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct numbers {
    const uint8_t *at;
    size_t left;
};

static uint32_t number(struct numbers *from)
{
    uint32_t value = 0;

    for (int i = 0; i < 4 && from->left > 0; i++, from->left--)
        value = value << 8 | *from->at++;
    return value;
}

static char *whole_text(void)
{
    char *out = malloc(sizeof(text) + 100 + MANY_RULES * 150);
    size_t at = (size_t)sprintf(out, "version = 1; default = { outbound = \"deny\"; }; rules = (");

    for (int i = 0; i < MANY_RULES; i++)
        at += (size_t)sprintf(out + at,
                              "{ action = \"deny\"; to = [ \"10.%d.0.0-10.%d.0.9\", \"2001:%x::/32\" ]; %s; },", i % 9,
                              9 + i % 240, i, i % 3 ? "port = [ 25, 80 ]" : "proto = \"icmp\"");
    sprintf(out + at, "%s", text);
    return out;
}

static struct image_bytes compiled(void)
{
    static struct image_bytes image;
    struct messages messages = {0};
    struct policy policy;
    char *whole;

    if (image.bytes != NULL)
        return image;
    whole = whole_text();
    policy_init(&policy);
    if (!policy_read_text(&policy, whole, "/fuzz/policy.conf", &messages) ||
        !policy_compile(&policy, &image, &messages)) {
        messages_print(&messages, stderr);
        abort();
    }
    policy_free(&policy);
    free(whole);
    return image;
}

/* Lays every section somewhere inside the file: well aligned, but over whatever bytes are there. */
static void section_scatter(struct image_section *section, size_t element, size_t size, struct numbers *from)
{
    size_t room = size - sizeof(struct image_header);
    size_t at = number(from) % (room + 1) & ~(size_t)7;

    section->offset = (uint32_t)(sizeof(struct image_header) + at);
    section->count = (uint32_t)(number(from) % ((room - at) / element + 1));
}

static void header_scatter(struct image_header *header, size_t size, struct numbers *from)
{
    section_scatter(&header->strings, 1, size, from);
    section_scatter(&header->rules, sizeof(struct image_rule), size, from);
    section_scatter(&header->rule_texts, sizeof(struct image_rule_text), size, from);
    section_scatter(&header->ports, sizeof(struct image_port_range), size, from);
    section_scatter(&header->steps, sizeof(uint32_t), size, from);
    section_scatter(&header->bitmaps, sizeof(struct image_bitmap), size, from);
    section_scatter(&header->bundles, sizeof(struct image_bundle), size, from);
    section_scatter(&header->sieves, sizeof(struct image_sieve), size, from);
    section_scatter(&header->sieve_words, sizeof(uint32_t), size, from);
    section_scatter(&header->exes, sizeof(struct image_exe), size, from);
    section_scatter(&header->sources, sizeof(struct image_source), size, from);
    if (header->rules.count > header->rule_texts.count)
        header->rules.count = header->rule_texts.count;
    header->rule_texts.count = header->rules.count;
}

static void ask(const struct view *view, struct numbers *from)
{
    struct query query = {.direction = (enum direction)(number(from) % DIRECTIONS), .port = (uint16_t)number(from)};
    unsigned kind = number(from);
    struct verdict verdict;

    query.port_known = kind & 1;
    query.strict = kind & 2;
    query.protos = number(from) & PROTO_ANY;
    query.address.family = (enum address_family)((kind >> 2) % (ADDRESS_OTHER + 1));
    query.address.lo = kind & 64 ? number(from) : 0x0a000000 | (number(from) & 0xfffff);
    if (query.address.family == ADDRESS_INET6) {
        query.address.lo |= (uint64_t)number(from) << 32;
        query.address.hi = kind & 64 ? (uint64_t)number(from) << 32 : UINT64_C(0x20010db900000000);
    }
    query.path = "/run/docker.sock";
    query.path_length = query.address.family == ADDRESS_UNIX ? 16 : 0;
    verdict = decide(view, &query);
    if (verdict.action > ACTION_DROP || verdict.note_count > VERDICT_NOTES)
        abort();
    if (query.strict && verdict.needs != 0)
        abort();
    decide_family(view, (int)(kind % 64));
    view_string(view, number(from));
    view_rule_text(view, number(from));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct program_names names = {.executed = "/usr/bin/curl", .resolved = "/usr/bin/curl"};
    struct image_bytes real = compiled();
    struct numbers from = {data, size};
    unsigned mode = number(&from);
    size_t total = real.size + from.left;
    unsigned char *image = aligned_alloc(16, (total + 15) & ~(size_t)15);
    struct image_header *header = (void *)image;
    struct view view;

    memcpy(image, real.bytes, real.size);
    memcpy(image + real.size, from.at, from.left);
    header->size = (uint32_t)total;
    if (mode & 1)
        header_scatter(header, total, &from);
    for (unsigned i = 0; i < (mode >> 8) % 64 && real.size > sizeof(*header); i++) {
        size_t at = sizeof(*header) + number(&from) % (real.size - sizeof(*header));

        image[at] = (unsigned char)number(&from);
    }
    if (image_open(&view, image, total, mode & 2 ? &names : NULL) == IMAGE_OK) {
        for (int i = 0; i < 8; i++)
            ask(&view, &from);
    }
    image_verify(image, total);
    free(image);
    return 0;
}
