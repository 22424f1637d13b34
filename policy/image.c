/* SPDX-License-Identifier: MIT */
/* Judging an image's header and choosing the chains that hold for one program. */
#include "policy/image.h"

#include "policy/address.h"

#include <assert.h>
#include <string.h>

static_assert(sizeof(struct image_rule) == 16, "rules are read by both 32-bit and 64-bit processes");
static_assert(sizeof(struct image_node) == 24, "no padding in a node");
static_assert(sizeof(struct image_table) == 72, "no padding in a table");
static_assert(sizeof(struct image_part) == 24, "no padding in a part");
static_assert(sizeof(struct image_bitmap) == 16 && sizeof(struct image_bundle) == 32, "no padding in bits");
static_assert(sizeof(struct image_sieve) == 16, "no padding in a sieve");
static_assert(sizeof(struct image_dense) == IMAGE_BLOCK && offsetof(struct image_dense, kind) == IMAGE_BLOCK - 1,
              "a line");
static_assert(sizeof(struct image_inet) == IMAGE_BLOCK && offsetof(struct image_inet, kind) == IMAGE_BLOCK - 1,
              "a line");
static_assert(sizeof(struct image_inet6) == IMAGE_BLOCK && offsetof(struct image_inet6, kind) == IMAGE_BLOCK - 1,
              "a line");
static_assert(sizeof(struct image_chain) == 6 * 72 + 4 * 8 + 8, "no padding in a chain");
static_assert(sizeof(struct image_settings) == 40, "no padding in settings");
static_assert(sizeof(struct image_source) == 40, "no padding in a source");
static_assert(sizeof(struct image_header) % 8 == 0, "sections behind the header are aligned");

/* FNV-1a over 64-bit words: fast, and enough against accident; an enemy who can write the file needs no collision. */
uint64_t image_checksum(const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    uint64_t sum = 0xcbf29ce484222325u;

    for (; size >= 8; at += 8, size -= 8) {
        uint64_t word;

        memcpy(&word, at, 8);
        sum = (sum ^ word) * 0x100000001b3u;
        sum ^= sum >> 32;
    }
    for (; size > 0; at++, size--)
        sum = (sum ^ *at) * 0x100000001b3u;
    return sum;
}

const char *image_error_text(enum image_error error)
{
    switch (error) {
    case IMAGE_OK:
        return "it is a policy image";
    case IMAGE_TRUNCATED:
        return "it is cut short";
    case IMAGE_FOREIGN:
        return "it is no policy image of this machine";
    case IMAGE_OTHER_VERSION:
        return "it is a policy image of another version of Sockade";
    case IMAGE_DAMAGED:
        break;
    }
    return "it is damaged";
}

/* Whether a section of elements of `size` bytes lies behind the header, inside the file, and aligned. */
static bool section_fits(struct image_section section, size_t size, uint32_t file_size)
{
    if (section.count == 0)
        return true;
    return section.offset >= sizeof(struct image_header) && section.offset <= file_size && section.offset % 8 == 0 &&
           section.count <= (file_size - section.offset) / size;
}

uint32_t image_block_places(uint32_t kind)
{
    static const uint8_t places[BLOCK_KINDS] = {IMAGE_DENSE, IMAGE_INET, IMAGE_INET6};

    return places[kind];
}

/* Whether the root's blocks are among the table's. */
static bool root_fits(const struct image_table *table)
{
    const struct image_node *root = &table->root;

    return root->last < table->blocks.count && root->block < table->blocks.count - root->last;
}

/* Whether a table lies in the file and has keys of its family. One without a block leads to `usual` everywhere. */
static bool table_fits(const struct image_table *table, bool six, uint32_t file_size)
{
    size_t value_size = table->wide ? sizeof(uint32_t) : sizeof(uint16_t);

    if (table->blocks.count == 0)
        return true;
    if (table->kind >= BLOCK_KINDS || (table->kind == BLOCK_INET6) != six)
        return false;
    if (!section_fits(table->blocks, IMAGE_BLOCK, file_size) ||
        !section_fits(table->nodes, sizeof(struct image_node), file_size) ||
        !section_fits(table->values, value_size, file_size) ||
        !section_fits(table->parts, sizeof(struct image_part), file_size))
        return false;
    if (table->values.count != 0 &&
        table->values.count != (uint64_t)table->blocks.count * (image_block_places(table->kind) + 1))
        return false;
    return root_fits(table);
}

static bool chain_fits(const struct image_chain *chain, uint32_t file_size)
{
    for (int d = 0; d < DIRECTIONS; d++) {
        if (!table_fits(&chain->inet[d], false, file_size) || !table_fits(&chain->inet6[d], true, file_size) ||
            !section_fits(chain->paths[d], sizeof(struct image_pattern), file_size))
            return false;
    }
    return section_fits(chain->families, sizeof(struct image_family), file_size);
}

static bool header_fits(const struct image_header *header)
{
    uint32_t size = header->size;

    return section_fits(header->strings, 1, size) && section_fits(header->rules, sizeof(struct image_rule), size) &&
           section_fits(header->rule_texts, sizeof(struct image_rule_text), size) &&
           section_fits(header->ports, sizeof(struct image_port_range), size) &&
           section_fits(header->steps, sizeof(uint32_t), size) &&
           section_fits(header->bitmaps, sizeof(struct image_bitmap), size) &&
           section_fits(header->bundles, sizeof(struct image_bundle), size) &&
           section_fits(header->sieves, sizeof(struct image_sieve), size) &&
           section_fits(header->sieve_words, sizeof(uint32_t), size) &&
           section_fits(header->programs, sizeof(struct image_program), size) &&
           section_fits(header->exes, sizeof(struct image_exe), size) &&
           section_fits(header->settings, sizeof(struct image_settings), size) &&
           section_fits(header->chains, sizeof(struct image_chain), size) &&
           section_fits(header->sources, sizeof(struct image_source), size) &&
           header->settings.count == (uint64_t)header->programs.count + 1 &&
           header->chains.count == (uint64_t)header->programs.count + CHAIN_PROGRAMS &&
           header->rules.count == header->rule_texts.count && header->rules.count < IMAGE_LONG;
}

static enum image_error header_judge(const void *base, size_t size)
{
    const struct image_header *header = base;

    if (size < offsetof(struct image_header, size))
        return IMAGE_TRUNCATED;
    if (memcmp(header->magic, IMAGE_MAGIC, sizeof(header->magic)) != 0)
        return IMAGE_FOREIGN;
    if (header->byte_order != IMAGE_BYTE_ORDER)
        return IMAGE_FOREIGN;
    if (header->version != IMAGE_VERSION)
        return IMAGE_OTHER_VERSION;
    if (size < sizeof(*header) || header->size != size)
        return IMAGE_TRUNCATED;
    if (header->header_size != sizeof(*header) || header->mode > MODE_OFF || !header_fits(header))
        return IMAGE_DAMAGED;
    return IMAGE_OK;
}

enum image_error image_verify(const void *base, size_t size)
{
    enum image_error error = header_judge(base, size);
    const struct image_header *header = base;

    if (error != IMAGE_OK)
        return error;
    if (image_checksum((const char *)base + sizeof(*header), size - sizeof(*header)) != header->checksum)
        return IMAGE_DAMAGED;
    return IMAGE_OK;
}

const char *view_string(const struct view *view, uint32_t offset)
{
    const char *strings = (const char *)view->base + view->strings.offset;

    if (offset >= view->strings.count || strings[view->strings.count - 1] != '\0')
        return "";
    return strings + offset;
}

const char *view_origin(const struct view *view)
{
    return view_string(view, ((const struct image_header *)(const void *)view->base)->origin);
}

struct image_rule_text view_rule_text(const struct view *view, uint32_t rule)
{
    struct image_rule_text text = {0};

    if (rule < view->rule_texts.count)
        text = ((const struct image_rule_text *)(const void *)(view->base + view->rule_texts.offset))[rule];
    return text;
}

bool view_source(const struct view *view, uint32_t i, struct image_source *out)
{
    if (i >= view->sources.count)
        return false;
    *out = ((const struct image_source *)(const void *)(view->base + view->sources.offset))[i];
    return true;
}

static bool exe_matches(const struct view *view, const struct image_exe *exe, const char *name)
{
    const char *pattern = view_string(view, exe->text);

    return name != NULL && exe->length > 0 && strlen(pattern) == exe->length &&
           pattern_matches(pattern, exe->length, name, strlen(name));
}

/* The first `programs` entry, in the order of the text, that any of the process' names matches. */
static uint32_t program_choose(const struct view *view, const struct image_header *header,
                               const struct program_names *names)
{
    const struct image_program *programs = (const void *)(view->base + header->programs.offset);
    const struct image_exe *exes = (const void *)(view->base + header->exes.offset);

    if (names == NULL)
        return IMAGE_NO_PROGRAM;
    for (uint32_t p = 0; p < header->programs.count; p++) {
        uint32_t first = programs[p].first_exe;
        uint32_t count = programs[p].exe_count;

        if (first > header->exes.count || count > header->exes.count - first)
            continue;
        for (uint32_t e = first; e < first + count; e++) {
            if (exe_matches(view, &exes[e], names->executed) || exe_matches(view, &exes[e], names->resolved) ||
                exe_matches(view, &exes[e], names->interpreter))
                return p;
        }
    }
    return IMAGE_NO_PROGRAM;
}

/* Adds chain `number` unless it has no rule at all; false where its sections lie outside. */
static bool view_add_chain(struct view *view, const struct image_header *header, uint32_t number)
{
    const struct image_chain *chain = (const struct image_chain *)(const void *)(view->base + header->chains.offset);

    chain += number;
    if (!chain_fits(chain, view->size))
        return false;
    if (chain->watch != 0)
        view->chains[view->chain_count++] = *chain;
    view->watch |= chain->watch;
    return true;
}

/* What the defaults alone make worth watching. */
static uint32_t watch_of_defaults(const struct image_settings *settings)
{
    uint32_t watch = 0;

    if (settings->default_action[DIRECTION_TO] != DEFAULT_ALLOW)
        watch |= WATCH_TO;
    if (settings->default_action[DIRECTION_FROM] != DEFAULT_ALLOW)
        watch |= WATCH_FROM_STREAM | WATCH_FROM_DATAGRAM;
    if (settings->default_action[DIRECTION_ON] != DEFAULT_ALLOW)
        watch |= WATCH_ON;
    return watch;
}

enum image_error image_open(struct view *view, const void *base, size_t size, const struct program_names *names)
{
    const struct image_header *header = base;
    enum image_error error = header_judge(base, size);
    bool fits;

    memset(view, 0, sizeof(*view));
    if (error != IMAGE_OK)
        return error;
    view->base = base;
    view->size = header->size;
    view->mode = (enum image_mode)header->mode;
    view->strings = header->strings;
    view->rules = header->rules;
    view->rule_texts = header->rule_texts;
    view->ports = header->ports;
    view->steps = header->steps;
    view->bitmaps = header->bitmaps;
    view->bundles = header->bundles;
    view->sieves = header->sieves;
    view->sieve_words = header->sieve_words;
    view->programs = header->programs;
    view->sources = header->sources;
    view->program = program_choose(view, header, names);

    fits = view_add_chain(view, header, CHAIN_COMMAND_LINE);
    if (fits && view->program != IMAGE_NO_PROGRAM)
        fits = view_add_chain(view, header, CHAIN_PROGRAMS + view->program);
    fits = fits && view_add_chain(view, header, CHAIN_GENERAL);
    if (!fits)
        return IMAGE_DAMAGED;

    uint32_t own = view->program == IMAGE_NO_PROGRAM ? 0 : 1 + view->program;
    view->settings = ((const struct image_settings *)(const void *)(view->base + header->settings.offset))[own];
    view->watch |= watch_of_defaults(&view->settings);
    if (view->settings.log_what == LOG_ALL)
        view->watch |= WATCH_ALL;
    if (view->mode == MODE_OFF)
        view->watch = 0;
    return IMAGE_OK;
}
