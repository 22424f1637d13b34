/* SPDX-License-Identifier: MIT */
/*
 * The effective policy: of each layer its settings with every default filled in, and its rules in the order of
 * judgement. Rules come from the image, which is what holds; what they name is read from the text once more, since an
 * image has addresses as one table for all rules, and is left out where the text is not to be had.
 */
#include "command/effective.h"

#include "command/command.h"
#include "command/wording.h"
#include "config/endpoint.h"
#include "config/memory.h"
#include "config/names.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FEW 8     /* addresses of a rule that a line shows */
#define MANY 1000 /* and JSON */

static const char *const kinds[] = {"to", "from", "on", "family"};
static const char *const actions[] = {"allow", "deny", "drop"};
static const char *const modes[] = {"enforce", "audit", "off"};
static const char *const unprotected[] = {"deny", "warn", "allow"};
static const char *const translations[] = {"auto", "always", "never"};
static const char *const whats[] = {"none", "denied", "all"};

#define NAME_OF(names, index) ((index) < sizeof(names) / sizeof((names)[0]) ? (names)[index] : "?")

/* A layer and its text, as far as it is the one that the image was made of. */
struct effect {
    const struct layer *layer;
    const struct view *view;
    struct compiled compiled;
    const struct policy *policy; /* NULL: not to be had */
};

/* The rules of the image are those of the policy, in the same order, where both were made of the same text. */
static void effect_open(struct effect *effect, const struct layer *layer, const struct view *view)
{
    struct messages messages = {0};

    memset(effect, 0, sizeof(*effect));
    effect->layer = layer;
    effect->view = view;
    if (layer->outcome == LAYER_READY && !file_is_image(layer->place.path) &&
        text_compile(&effect->compiled, &layer->place, NULL, true, &messages) &&
        effect->compiled.policy.rule_count == view->rules.count)
        effect->policy = &effect->compiled.policy;
    messages_free(&messages);
}

/* Appends to a text that grows. */
static void add(char **text, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(char **text, const char *format, ...)
{
    va_list arguments;
    char *more = NULL, *both;

    va_start(arguments, format);
    if (vasprintf(&more, format, arguments) < 0)
        more = NULL;
    va_end(arguments);
    both = memory_print("%s%s", *text, more != NULL ? more : "");
    free(more);
    free(*text);
    *text = both;
}

/* ---- what a rule names ---- */

/* Range number `i` of a cover, IPv4 first, as a text. */
static void range_text(const struct range_set *cover, size_t i, char out[RANGE_TEXT])
{
    struct address_range range;

    if (i < cover->v4_count) {
        range.first = address_from_v4(cover->v4[i].first);
        range.last = address_from_v4(cover->v4[i].last);
    } else {
        const struct range6 *six = &cover->v6[i - cover->v4_count];

        range.first = (struct address){.family = ADDRESS_INET6, .hi = six->first_hi, .lo = six->first_lo};
        range.last = (struct address){.family = ADDRESS_INET6, .hi = six->last_hi, .lo = six->last_lo};
    }
    range_format(&range, out);
}

static const char *family_text(int family)
{
    for (size_t i = 0; i < family_name_count; i++) {
        if (family_by_name(family_names[i]) == family)
            return family_names[i];
    }
    return "?";
}

/* All that a rule names, up to `most` ranges; the caller frees the array. */
static json_t *peers_json(const struct rule *rule, size_t most)
{
    const struct range_set *cover = rule->cover;
    size_t ranges = rule->kind == KIND_FAMILY ? 0 : cover->v4_count + cover->v6_count;
    json_t *array = json_array();
    char text[RANGE_TEXT];

    if (ranges > 0 && rule->covers_all) {
        json_array_append_new(array, json_string("any"));
        ranges = 0;
    }
    for (size_t i = 0; i < ranges && i < most; i++) {
        range_text(cover, i, text);
        json_array_append_new(array, json_string(text));
    }
    for (size_t i = 0; i < rule->path_count; i++) {
        char *path = printable(rule->paths[i]), *whole = memory_print("unix:%s", path);

        json_array_append_new(array, json_string(whole));
        free(path);
        free(whole);
    }
    for (size_t i = 0; i < rule->family_count; i++)
        json_array_append_new(array, json_string(family_text(rule->families[i])));
    return array;
}

static char *peers_words(const struct rule *rule)
{
    size_t ranges = rule->covers_all ? 1 : rule->cover->v4_count + rule->cover->v6_count;
    json_t *array = peers_json(rule, FEW);
    char *words = memory_text("");

    for (size_t i = 0; i < json_array_size(array); i++)
        add(&words, "%s%s", i > 0 ? ", " : "", json_string_value(json_array_get(array, i)));
    if (rule->kind != KIND_FAMILY && ranges > FEW)
        add(&words, " and %zu more", ranges - FEW);
    if (json_array_size(array) == 0)
        add(&words, "nothing");
    for (size_t i = 0; i < rule->path_except_count; i++)
        add(&words, "%sunix:%s", i > 0 ? ", " : " except ", rule->path_excepts[i]);
    json_decref(array);
    return words;
}

/* ---- one rule ---- */

static struct image_rule rule_of(const struct view *view, uint32_t i)
{
    return ((const struct image_rule *)(const void *)(view->base + view->rules.offset))[i];
}

static char *service_words(const struct view *view, const struct image_rule *rule)
{
    const struct image_port_range *ports = (const void *)(view->base + view->ports.offset);
    char *words = memory_text("");

    if (rule->protos != PROTO_ANY && (rule->port_count == 0 || rule->protos != PROTO_WITH_PORTS)) {
        const char *before = " proto ";

        for (unsigned bit = 1; bit <= PROTO_RAW; bit <<= 1) {
            if (rule->protos & bit) {
                add(&words, "%s%s", before, proto_text(bit));
                before = ",";
            }
        }
    }
    for (uint32_t i = 0; i < rule->port_count && rule->ports + i < view->ports.count; i++) {
        const struct image_port_range *range = &ports[rule->ports + i];

        add(&words, "%s%u", i > 0 ? "," : " port ", range->first);
        if (range->last != range->first)
            add(&words, "-%u", range->last);
    }
    return words;
}

/* "deny to 10.0.0.0/8 port 22 errno EPERM log: rule "x" at FILE:LINE (REASON)". The caller frees it. */
static char *rule_line(const struct effect *effect, uint32_t i)
{
    struct image_rule image = rule_of(effect->view, i);
    const struct rule *rule = effect->policy != NULL ? &effect->policy->rules[i] : NULL;
    char *service = service_words(effect->view, &image), *words = rule_words(effect->view, i);
    char *line = memory_text(NAME_OF(actions, image.action));

    if (rule != NULL) {
        char *peers = peers_words(rule);

        add(&line, " %s %s", NAME_OF(kinds, rule->kind), peers);
        free(peers);
    }
    add(&line, "%s", service);
    if (image.action == ACTION_DENY)
        add(&line, " errno %s", error_text(image.error));
    add(&line, "%s%s  %s", image.flags & RULE_LOG ? " log" : "", image.flags & RULE_AUDIT ? " audit only" : "", words);
    free(service);
    free(words);
    return line;
}

static void set_text(json_t *object, const char *key, const char *text)
{
    char *shown = printable(text);

    if (*text != '\0')
        json_object_set_new(object, key, json_string(shown));
    free(shown);
}

static json_t *rule_json(const struct effect *effect, uint32_t i)
{
    struct image_rule image = rule_of(effect->view, i);
    struct image_rule_text text = view_rule_text(effect->view, i);
    const struct rule *rule = effect->policy != NULL ? &effect->policy->rules[i] : NULL;
    char *service = service_words(effect->view, &image);
    json_t *object = json_object();

    set_text(object, "rule", view_string(effect->view, text.name));
    set_text(object, "file", view_string(effect->view, text.file));
    json_object_set_new(object, "line", json_integer(text.line));
    set_text(object, "reason", view_string(effect->view, text.reason));
    set_text(object, "action", NAME_OF(actions, image.action));
    if (rule != NULL) {
        set_text(object, "direction", NAME_OF(kinds, rule->kind));
        json_object_set_new(
            object, "ranges",
            json_integer((json_int_t)(rule->kind == KIND_FAMILY ? 0 : rule->cover->v4_count + rule->cover->v6_count)));
        json_object_set_new(object, "peers", peers_json(rule, MANY));
    }
    set_text(object, "service", service + strspn(service, " "));
    if (image.action == ACTION_DENY)
        set_text(object, "errno", error_text(image.error));
    json_object_set_new(object, "log", json_boolean(image.flags & RULE_LOG));
    json_object_set_new(object, "audit", json_boolean(image.flags & RULE_AUDIT));
    free(service);
    return object;
}

/* ---- a layer ---- */

/* Which rules stand in a chain: told by the text, or else all are shown as they stand. */
static bool in_chain(const struct effect *effect, uint32_t i, unsigned chain)
{
    return effect->policy == NULL || effect->policy->rules[i].chain == chain;
}

/* The chains that hold for the program, in the order of judgement; returns how many. */
static int chains_of(const struct effect *effect, unsigned chains[VIEW_CHAINS], const char *names[VIEW_CHAINS])
{
    int count = 0;

    if (effect->policy == NULL) {
        chains[0] = CHAIN_GENERAL;
        names[0] = "rules (the text is not to be had: those of other programs too)";
        return 1;
    }
    chains[count] = CHAIN_COMMAND_LINE;
    names[count++] = "rules of the command line";
    if (effect->view->program < effect->view->programs.count) {
        chains[count] = CHAIN_PROGRAMS + effect->view->program;
        names[count++] = "rules of this program";
    }
    chains[count] = CHAIN_GENERAL;
    names[count++] = "rules for all";
    return count;
}

static void print_rules(const struct effect *effect)
{
    unsigned chains[VIEW_CHAINS], number = 0;
    const char *names[VIEW_CHAINS];
    int count = chains_of(effect, chains, names);

    for (int c = 0; c < count; c++) {
        bool headed = false;

        for (uint32_t i = 0; i < effect->view->rules.count; i++) {
            char *line, *shown;

            if (!in_chain(effect, i, chains[c]))
                continue;
            if (!headed)
                printf("  %s:\n", names[c]);
            headed = true;
            line = rule_line(effect, i);
            shown = printable(line);
            printf("  %4u  %s\n", ++number, shown);
            free(line);
            free(shown);
        }
    }
    if (number == 0)
        puts("  no rules");
}

static const char *default_word(unsigned action)
{
    return action == DEFAULT_DENY ? "deny" : "allow";
}

static void print_settings(const struct view *view)
{
    const struct image_settings *settings = &view->settings;
    char *log_to = printable(view_string(view, settings->log_to));

    printf("  mode %s\n", NAME_OF(modes, view->mode));
    printf("  default outbound %s, inbound %s, listen %s, loopback %s\n",
           default_word(settings->default_action[DIRECTION_TO]), default_word(settings->default_action[DIRECTION_FROM]),
           default_word(settings->default_action[DIRECTION_ON]),
           settings->default_loopback == DEFAULT_DENY ? "as the others" : "exempt");
    printf("  unprotected %s\n", NAME_OF(unprotected, settings->unprotected));
    printf("  icmp translate %s, hint %s, pretend_root %s\n", NAME_OF(translations, settings->icmp_translate),
           settings->icmp_hint ? "true" : "false", settings->icmp_pretend_root ? "true" : "false");
    printf("  log to %s, what %s, limit %u, max_size %llu%s\n", *log_to != '\0' ? log_to : "the usual file",
           NAME_OF(whats, settings->log_what), settings->log_limit, (unsigned long long)settings->log_max_size,
           settings->log_given ? "" : " (no `log` is written)");
    free(log_to);
}

void effective_print(const struct scene *scene)
{
    for (int i = 0; i < scene->present_count; i++) {
        const struct layer *layer = scene->present[i];
        const struct view *view = scene->views[i];
        char *path = printable(layer->place.path);
        struct effect effect;

        printf("%s layer %s:", layer_kind(layer), path);
        free(path);
        if (view == NULL) {
            puts(" cannot be read: fail-closed, everything but Unix, netlink and AF_ALG sockets is denied with EACCES");
            continue;
        }
        printf("%s", layer->outcome == LAYER_LAST_GOOD ? " [the last good image]" : "");
        if (view_program_name(view) != NULL)
            printf(" [as program '%s']", view_program_name(view));
        putchar('\n');
        effect_open(&effect, layer, view);
        print_settings(view);
        print_rules(&effect);
        compiled_free(&effect.compiled);
    }
    if (scene->present_count == 0)
        puts("there is no policy here: everything is allowed, and raw ICMP is translated where it is refused");
    else if (scene->present_count > 1)
        puts("Every layer judges, and the strictest verdict stands.");
}

static json_t *settings_json(const struct view *view)
{
    const struct image_settings *settings = &view->settings;
    json_t *object = json_object(), *log = json_object();

    json_object_set_new(object, "default",
                        json_pack("{s:s, s:s, s:s, s:s}", "outbound",
                                  default_word(settings->default_action[DIRECTION_TO]), "inbound",
                                  default_word(settings->default_action[DIRECTION_FROM]), "listen",
                                  default_word(settings->default_action[DIRECTION_ON]), "loopback",
                                  default_word(settings->default_loopback)));
    json_object_set_new(object, "unprotected", json_string(NAME_OF(unprotected, settings->unprotected)));
    json_object_set_new(object, "icmp",
                        json_pack("{s:s, s:b, s:b}", "translate", NAME_OF(translations, settings->icmp_translate),
                                  "hint", settings->icmp_hint, "pretend_root", settings->icmp_pretend_root));
    set_text(log, "to", view_string(view, settings->log_to));
    json_object_set_new(log, "what", json_string(NAME_OF(whats, settings->log_what)));
    json_object_set_new(log, "limit", json_integer(settings->log_limit));
    json_object_set_new(log, "max_size", json_integer((json_int_t)settings->log_max_size));
    json_object_set_new(object, "log", log);
    return object;
}

/* The rules in the order of judgement. */
static json_t *rules_json(const struct effect *effect)
{
    unsigned chains[VIEW_CHAINS];
    const char *names[VIEW_CHAINS];
    int count = chains_of(effect, chains, names);
    json_t *array = json_array();

    for (int c = 0; c < count; c++) {
        for (uint32_t i = 0; i < effect->view->rules.count; i++) {
            if (in_chain(effect, i, chains[c]))
                json_array_append_new(array, rule_json(effect, i));
        }
    }
    return array;
}

json_t *effective_json(const struct scene *scene)
{
    json_t *array = json_array();

    for (int i = 0; i < scene->present_count; i++) {
        const struct view *view = scene->views[i];
        json_t *object = json_object();
        struct effect effect;

        set_text(object, "layer", layer_kind(scene->present[i]));
        set_text(object, "path", scene->present[i]->place.path);
        json_object_set_new(object, "closed", json_boolean(view == NULL));
        json_array_append_new(array, object);
        if (view == NULL)
            continue;
        effect_open(&effect, scene->present[i], view);
        if (view_program_name(view) != NULL)
            set_text(object, "program", view_program_name(view));
        set_text(object, "mode", NAME_OF(modes, view->mode));
        json_object_set_new(object, "settings", settings_json(view));
        json_object_set_new(object, "rules", rules_json(&effect));
        compiled_free(&effect.compiled);
    }
    return array;
}
