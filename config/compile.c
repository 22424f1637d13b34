/* SPDX-License-Identifier: MIT */
/* Puts an image together: strings, rules, tables, settings, sources, and the header that names where each is. */
#include "config/compile.h"

#include "config/memory.h"
#include "config/table.h"
#include "state/control.h"
#include "state/kernel.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Makes it so large; what is new are zeroes. */
static void builder_grow(struct builder *builder, size_t size)
{
    if (size == builder->size)
        return;
    if (size > builder->room) {
        builder->room = size * 2;
        builder->bytes = memory_resize(builder->bytes, builder->room);
    }
    memset(builder->bytes + builder->size, 0, size - builder->size);
    builder->size = size;
}

void builder_align(struct builder *builder, size_t alignment)
{
    builder_grow(builder, (builder->size + alignment - 1) / alignment * alignment);
}

struct image_section builder_add(struct builder *builder, const void *data, size_t count, size_t element_size)
{
    struct image_section section;

    if (count == 0)
        return (struct image_section){0, 0};
    builder_align(builder, 8);
    section = (struct image_section){(uint32_t)builder->size, (uint32_t)count};
    builder_grow(builder, builder->size + count * element_size);
    memcpy(builder->bytes + section.offset, data, count * element_size);
    return section;
}

static uint32_t text_hash(const char *text)
{
    uint32_t hash = 2166136261u;

    for (; *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * 16777619u;
    return hash;
}

static void strings_rehash(struct builder *builder)
{
    uint32_t *old = builder->slots;
    size_t old_count = builder->slot_count;

    builder->slot_count = old_count == 0 ? 256 : old_count * 2;
    builder->slots = memory_new(builder->slot_count * sizeof(*builder->slots));
    for (size_t i = 0; i < old_count; i++) {
        size_t slot;

        if (old[i] == 0)
            continue;
        slot = text_hash(builder->strings + old[i]) & (builder->slot_count - 1);
        while (builder->slots[slot] != 0)
            slot = (slot + 1) & (builder->slot_count - 1);
        builder->slots[slot] = old[i];
    }
    free(old);
}

/* The offset of a string, each kept once; 0 for none. */
static uint32_t builder_string(struct builder *builder, const char *text)
{
    size_t length = text == NULL ? 0 : strlen(text) + 1;
    size_t slot;

    if (length <= 1)
        return 0;
    if (builder->string_count * 2 >= builder->slot_count)
        strings_rehash(builder);
    slot = text_hash(text) & (builder->slot_count - 1);
    for (; builder->slots[slot] != 0; slot = (slot + 1) & (builder->slot_count - 1)) {
        if (strcmp(builder->strings + builder->slots[slot], text) == 0)
            return builder->slots[slot];
    }
    if (builder->string_size + length > builder->string_room) {
        builder->string_room = (builder->string_size + length) * 2;
        builder->strings = memory_resize(builder->strings, builder->string_room);
    }
    memcpy(builder->strings + builder->string_size, text, length);
    builder->slots[slot] = (uint32_t)builder->string_size;
    builder->string_size += length;
    builder->string_count++;
    return builder->slots[slot];
}

static uint32_t builder_ports(struct builder *builder, const struct rule *rule)
{
    uint32_t first = (uint32_t)builder->port_count;

    for (size_t i = 0; i < rule->port_count; i++) {
        builder->ports = memory_grow(builder->ports, builder->port_count, &builder->port_room, sizeof(*builder->ports));
        builder->ports[builder->port_count++] = rule->ports[i];
    }
    return first;
}

static struct image_rule rule_make(struct builder *builder, const struct rule *rule)
{
    int usual = rule->kind == KIND_FAMILY ? EAFNOSUPPORT : EACCES;

    return (struct image_rule){
        .action = (uint8_t)rule->action,
        .protos = (uint8_t)rule->protos,
        .flags = (uint8_t)((rule->log ? RULE_LOG : 0) | (rule->audit ? RULE_AUDIT : 0) |
                           (rule->error != 0 ? RULE_ERROR_NAMED : 0)),
        .error = (uint16_t)(rule->error != 0 ? rule->error : usual),
        .port_count = (uint16_t)rule->port_count,
        .ports = builder_ports(builder, rule),
    };
}

static void build_rules(struct builder *builder, const struct policy *policy)
{
    struct image_rule *rules = memory_new((policy->rule_count + 1) * sizeof(*rules));
    struct image_rule_text *texts = memory_new((policy->rule_count + 1) * sizeof(*texts));

    for (size_t i = 0; i < policy->rule_count; i++) {
        const struct rule *rule = &policy->rules[i];

        rules[i] = rule_make(builder, rule);
        texts[i] = (struct image_rule_text){
            .name = builder_string(builder, rule->name),
            .reason = builder_string(builder, rule->reason),
            .file = builder_string(builder, rule->place.file),
            .line = (uint32_t)rule->place.line,
        };
    }
    builder->header.rules = builder_add(builder, rules, policy->rule_count, sizeof(*rules));
    builder->header.rule_texts = builder_add(builder, texts, policy->rule_count, sizeof(*texts));
    free(rules);
    free(texts);
}

/* Chains */

/* The tables of one direction. */
static void build_tables(struct builder *builder, const struct policy *policy, const uint32_t *numbers, size_t count,
                         struct image_chain *chain, unsigned direction)
{
    struct flat_table flat = flatten(policy->rules, numbers, count, false, &builder->pool);

    chain->inet[direction] = build_table(builder, &flat, false);
    flat_table_free(&flat);
    flat = flatten(policy->rules, numbers, count, true, &builder->pool);
    chain->inet6[direction] = build_table(builder, &flat, true);
    flat_table_free(&flat);
    builder->sieves = memory_grow(builder->sieves, builder->sieve_count, &builder->sieve_room,
                                  sizeof(*builder->sieves));
    builder->sieves[builder->sieve_count++] = sieve_make(policy->rules, numbers, count, &builder->pool,
                                                         &builder->sieve_words);
}

static uint32_t watch_of_rule(const struct rule *rule)
{
    bool addresses = !range_set_is_empty(rule->cover);
    uint32_t watch = 0;

    if (rule->kind == KIND_FAMILY)
        return WATCH_FAMILY;
    if (rule->kind == DIRECTION_TO)
        watch |= (addresses ? WATCH_TO : 0u) | (rule->path_count > 0 ? WATCH_TO_UNIX : 0u);
    if (rule->kind == DIRECTION_FROM && addresses) {
        watch |= rule->protos & (PROTO_TCP | PROTO_SCTP) ? WATCH_FROM_STREAM : 0u;
        watch |= rule->protos & ~(unsigned)PROTO_TCP ? WATCH_FROM_DATAGRAM : 0u;
        if (rule->protos != PROTO_ANY && rule->protos & (PROTO_ICMP | PROTO_ICMP6))
            watch |= WATCH_FROM_PING;
    }
    if (rule->kind == DIRECTION_FROM && rule->path_count > 0)
        watch |= WATCH_FROM_UNIX;
    if (rule->kind == DIRECTION_ON) {
        watch |= (addresses ? WATCH_ON : 0u) | (rule->path_count > 0 ? WATCH_ON_UNIX : 0u);
        watch |= addresses && !rule->covers_all ? WATCH_ON_SPECIFIC : 0u;
    }
    if (rule->protos != PROTO_ANY)
        watch |= WATCH_PROTOCOL;
    return watch;
}

static struct image_section build_paths(struct builder *builder, const struct policy *policy, const uint32_t *numbers,
                                        size_t count)
{
    struct image_pattern *patterns = NULL;
    struct image_section section;
    size_t made = 0;
    size_t room = 0;

    for (size_t n = 0; n < count; n++) {
        const struct rule *rule = &policy->rules[numbers[n]];

        for (size_t p = 0; p < rule->path_count; p++) {
            for (size_t e = 0; e <= rule->path_except_count; e++) {
                const char *text = e == 0 ? rule->paths[p] : rule->path_excepts[e - 1];

                patterns = memory_grow(patterns, made, &room, sizeof(*patterns));
                patterns[made++] = (struct image_pattern){
                    .text = builder_string(builder, text),
                    .length = (uint32_t)strlen(text),
                    .rule = numbers[n],
                    .excepts = e == 0 ? (uint32_t)rule->path_except_count : 0,
                };
            }
        }
    }
    section = builder_add(builder, patterns, made, sizeof(*patterns));
    free(patterns);
    return section;
}

static struct image_section build_families(struct builder *builder, const struct policy *policy,
                                           const uint32_t *numbers, size_t count)
{
    struct image_family *families = NULL;
    struct image_section section;
    size_t made = 0;
    size_t room = 0;

    for (size_t n = 0; n < count; n++) {
        const struct rule *rule = &policy->rules[numbers[n]];

        for (size_t f = 0; f < rule->family_count; f++) {
            families = memory_grow(families, made, &room, sizeof(*families));
            families[made++] = (struct image_family){(uint32_t)rule->families[f], numbers[n]};
        }
    }
    section = builder_add(builder, families, made, sizeof(*families));
    free(families);
    return section;
}

static struct image_chain build_chain(struct builder *builder, const struct policy *policy, unsigned chain_number)
{
    uint32_t *numbers = memory_new((policy->rule_count + 1) * sizeof(*numbers));
    struct image_chain chain = {.sieves = (uint32_t)builder->sieve_count};

    for (unsigned kind = 0; kind <= KIND_FAMILY; kind++) {
        size_t count = 0;

        for (size_t i = 0; i < policy->rule_count; i++) {
            if (policy->rules[i].chain != chain_number || policy->rules[i].kind != kind)
                continue;
            numbers[count++] = (uint32_t)i;
            chain.watch |= watch_of_rule(&policy->rules[i]);
        }
        if (kind == KIND_FAMILY) {
            chain.families = build_families(builder, policy, numbers, count);
        } else {
            build_tables(builder, policy, numbers, count, &chain, kind);
            chain.paths[kind] = build_paths(builder, policy, numbers, count);
        }
    }
    free(numbers);
    return chain;
}

static void build_chains(struct builder *builder, const struct policy *policy)
{
    size_t count = CHAIN_PROGRAMS + policy->program_count;
    struct image_chain *chains = memory_new(count * sizeof(*chains));

    for (size_t c = 0; c < count; c++)
        chains[c] = build_chain(builder, policy, (unsigned)c);
    builder->header.chains = builder_add(builder, chains, count, sizeof(*chains));
    free(chains);
}

/* What all chains' tables lead to. */
static void build_lists(struct builder *builder)
{
    const struct pool *pool = &builder->pool;
    struct image_header *header = &builder->header;

    header->steps = builder_add(builder, pool->steps, pool->step_count, sizeof(uint32_t));
    header->bitmaps = builder_add(builder, pool->bitmaps.words, pool->bitmaps.count, sizeof(struct image_bitmap));
    header->bundles = builder_add(builder, pool->bundles.words, pool->bundles.count, sizeof(struct image_bundle));
    header->sieves = builder_add(builder, builder->sieves, builder->sieve_count, sizeof(*builder->sieves));
    header->sieve_words = builder_add(builder, builder->sieve_words.words, builder->sieve_words.count,
                                      sizeof(uint32_t));
}

/* Settings, programs, sources */

static int either(int own, int general, int usual)
{
    if (own >= 0)
        return own;
    return general >= 0 ? general : usual;
}

static long long either_number(long long own, long long general, long long usual)
{
    if (own >= 0)
        return own;
    return general >= 0 ? general : usual;
}

/* What holds: a program's own word, else the general one, else what the manual says. */
static struct image_settings settings_make(struct builder *builder, const struct settings *own,
                                           const struct settings *general)
{
    struct image_settings out = {0};
    int closed;

    for (int d = 0; d < DIRECTIONS; d++)
        out.default_action[d] = (uint8_t)either(own->default_action[d], general->default_action[d], DEFAULT_ALLOW);
    closed = out.default_action[DIRECTION_TO] == DEFAULT_DENY ? UNPROTECTED_DENY : UNPROTECTED_WARN;
    out.default_loopback = (uint8_t)either(own->default_loopback, general->default_loopback, DEFAULT_ALLOW);
    out.unprotected = (uint8_t)either(own->unprotected, general->unprotected, closed);
    out.icmp_translate = (uint8_t)either(own->icmp_translate, general->icmp_translate, TRANSLATE_AUTO);
    out.icmp_hint = (uint8_t)either(own->icmp_hint, general->icmp_hint, 1);
    out.icmp_pretend_root = (uint8_t)either(own->icmp_pretend_root, general->icmp_pretend_root, 0);
    out.log_what = (uint8_t)either(own->log_what, general->log_what, LOG_DENIED);
    out.log_given = own->log_given || general->log_given;
    out.log_to = builder_string(builder, own->log_to != NULL ? own->log_to : general->log_to);
    out.log_limit = (uint32_t)either_number(own->log_limit, general->log_limit, 50);
    out.log_max_size = (uint64_t)either_number(own->log_max_size, general->log_max_size, 16 << 20);
    return out;
}

static void build_programs(struct builder *builder, const struct policy *policy)
{
    struct image_settings *settings = memory_new((policy->program_count + 1) * sizeof(*settings));
    struct image_program *programs = memory_new((policy->program_count + 1) * sizeof(*programs));
    struct image_exe *exes = NULL;
    size_t exe_count = 0;
    size_t exe_room = 0;

    settings[0] = settings_make(builder, &policy->settings, &policy->settings);
    for (size_t p = 0; p < policy->program_count; p++) {
        const struct program_entry *entry = &policy->programs[p];

        settings[1 + p] = settings_make(builder, &entry->settings, &policy->settings);
        programs[p] = (struct image_program){
            .first_exe = (uint32_t)exe_count,
            .exe_count = (uint32_t)entry->exe_count,
            .name = builder_string(builder, entry->exe_count > 0 ? entry->exes[0] : NULL),
            .line = (uint32_t)entry->place.line,
        };
        for (size_t e = 0; e < entry->exe_count; e++) {
            exes = memory_grow(exes, exe_count, &exe_room, sizeof(*exes));
            exes[exe_count++] = (struct image_exe){builder_string(builder, entry->exes[e]),
                                                   (uint32_t)strlen(entry->exes[e])};
        }
    }
    builder->header.settings = builder_add(builder, settings, policy->program_count + 1, sizeof(*settings));
    builder->header.programs = builder_add(builder, programs, policy->program_count, sizeof(*programs));
    builder->header.exes = builder_add(builder, exes, exe_count, sizeof(*exes));
    free(settings);
    free(programs);
    free(exes);
}

static void build_sources(struct builder *builder, const struct policy *policy)
{
    struct image_source *sources = memory_new((policy->source_count + 1) * sizeof(*sources));

    for (size_t i = 0; i < policy->source_count; i++) {
        const struct source *source = &policy->sources[i];

        sources[i] = (struct image_source){
            .inode = source->inode,
            .size = source->size,
            .mtime_ns = source->mtime_ns,
            .ctime_ns = source->ctime_ns,
            .path = builder_string(builder, source->path),
            .kind = (uint32_t)source->kind,
        };
    }
    builder->header.sources = builder_add(builder, sources, policy->source_count, sizeof(*sources));
    free(sources);
}

/* Writes the header over the room that was kept for it. */
static void builder_finish(struct builder *builder, const struct policy *policy)
{
    struct image_header *header = &builder->header;

    memcpy(header->magic, IMAGE_MAGIC, sizeof(header->magic));
    header->version = IMAGE_VERSION;
    header->byte_order = IMAGE_BYTE_ORDER;
    header->size = (uint32_t)builder->size;
    header->header_size = sizeof(*header);
    header->mode = (uint32_t)policy->mode;
    header->layer_kind = policy->system;
    header->compiled_uid = (uint32_t)kernel_effective_uid();
    header->checksum = image_checksum(builder->bytes + sizeof(*header), builder->size - sizeof(*header));
    memcpy(builder->bytes, header, sizeof(*header));
}

bool policy_compile(const struct policy *policy, struct image_bytes *out, struct messages *messages)
{
    static const struct image_header no_header;
    struct builder builder = {0};
    bool fits;

    builder.room = 65536;
    builder.bytes = memory_new(builder.room);
    builder.strings = memory_new(1);
    builder.string_size = builder.string_room = 1;
    pool_init(&builder.pool);
    memcpy(builder.bytes, &no_header, sizeof(no_header));
    builder.size = sizeof(no_header);

    build_rules(&builder, policy);
    build_chains(&builder, policy);
    build_programs(&builder, policy);
    build_sources(&builder, policy);
    builder.header.origin = builder_string(&builder, policy->origin);
    builder.header.ports = builder_add(&builder, builder.ports, builder.port_count, sizeof(*builder.ports));
    build_lists(&builder);
    builder.header.strings = builder_add(&builder, builder.strings, builder.string_size, 1);
    fits = builder.size <= IMAGE_LIMIT && builder.pool.step_count < IMAGE_LONG;
    if (fits)
        builder_finish(&builder, policy);
    else
        messages_add(messages, MESSAGE_ERROR, (struct place){policy->file_count > 0 ? policy->files[0] : "policy", 0},
                     "the compiled policy would take %zu MiB, more than the %zu MiB that one may; split the lists",
                     builder.size >> 20, IMAGE_LIMIT >> 20);
    pool_free(&builder.pool);
    free(builder.strings);
    free(builder.slots);
    free(builder.ports);
    free(builder.sieves);
    free(builder.sieve_words.words);
    if (!fits) {
        free(builder.bytes);
        return false;
    }
    *out = (struct image_bytes){builder.bytes, builder.size};
    return true;
}
