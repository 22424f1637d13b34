/* SPDX-License-Identifier: MIT */
/* `sockade check`: all that is wrong with a policy, and what is right but perhaps not meant. */
#include "command/command.h"
#include "command/layers.h"
#include "command/options.h"
#include "config/lint.h"
#include "state/kernel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RESOLV_CONF "/etc/resolv.conf"

struct tally {
    size_t errors, warnings;
};

/* The resolvers that the C library would ask, by the `nameserver` lines of resolv.conf(5). */
static void read_resolvers(struct range_set *out)
{
    FILE *file = fopen(RESOLV_CONF, "re");
    char line[256], text[80];

    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        struct address_range range;

        if (sscanf(line, " nameserver %79s", text) == 1 && address_parse(text, &range.first) == ADDRESS_OK) {
            range.last = range.first;
            range_set_add(out, &range);
        }
    }
    if (file != NULL)
        fclose(file);
    range_set_normalise(out);
}

static size_t count_ranges(const struct policy *policy)
{
    size_t count = 0;

    for (size_t i = 0; i < policy->rule_count; i++)
        count += policy->rules[i].cover->v4_count + policy->rules[i].cover->v6_count;
    return count;
}

static size_t merged(const struct range_merge *merge)
{
    return merge->duplicates + merge->inside + merge->joined;
}

/* ", 3 duplicates, 2 inside others, 1 joined to neighbours; 94 ranges remain": of `entries` that were read. */
static void print_merge(size_t entries, const struct range_merge *merge)
{
    size_t ranges = entries - merged(merge);

    if (merge->duplicates > 0)
        printf(", %zu duplicate%s", merge->duplicates, plural(merge->duplicates));
    if (merge->inside > 0)
        printf(", %zu inside others", merge->inside);
    if (merge->joined > 0)
        printf(", %zu joined to neighbours", merge->joined);
    printf("; %zu range%s remain%s\n", ranges, plural(ranges), ranges == 1 ? "s" : "");
}

/* What each list came to; and of a set as a whole, where its parts had something in common. */
static void print_sets(const struct policy *policy)
{
    for (size_t i = 0; i < policy->set_count; i++) {
        const struct named_set *set = &policy->sets[i];

        for (size_t j = 0; j < set->file_count; j++) {
            const struct list_file *list = &set->files[j];
            char *path = printable(list->path);

            printf("%s: %zu entr%s", path, list->entries, list->entries == 1 ? "y" : "ies");
            free(path);
            print_merge(list->entries, &list->merge);
        }
        if (merged(&set->merge) == 0)
            continue;
        printf("%s:%d: set '%s': %zu range%s", set->place.file, set->place.line, set->name, set->entries,
               plural(set->entries));
        print_merge(set->entries, &set->merge);
    }
}

/* What was found, at the end of a layer's line. */
static void print_findings(const struct messages *messages, struct tally *tally)
{
    size_t warnings = messages->count - messages->errors;

    if (messages->errors > 0)
        printf("%zu error%s", messages->errors, plural(messages->errors));
    if (warnings > 0)
        printf("%s%zu warning%s", messages->errors > 0 ? ", " : "", warnings, plural(warnings));
    puts(messages->count == 0 ? "ok" : "");
    tally->errors += messages->errors;
    tally->warnings += warnings;
}

/* A file that programs of ours would refuse, though it can be checked. */
static void warn_untrusted(const struct layer_place *place, struct messages *messages)
{
    struct stat st;
    const char *why = stat(place->path, &st) == 0 ? trust_problem(&st, kernel_effective_uid(), false) : NULL;

    if (why != NULL)
        messages_add(messages, MESSAGE_WARNING, (struct place){place->path, 0}, "programs of yours would refuse it: %s",
                     why);
}

static void check_text(const struct layer_place *place, bool named, struct tally *tally)
{
    struct messages messages = {0};
    struct range_set resolvers = {0};
    struct compiled compiled;
    bool right = text_compile(&compiled, place, NULL, named, &messages);

    if (right) {
        read_resolvers(&resolvers);
        policy_lint(&compiled.policy, &resolvers, &messages);
        range_set_free(&resolvers);
        if (named)
            warn_untrusted(place, &messages);
    }
    fflush(stdout);
    messages_print(&messages, stderr);
    if (right) {
        size_t ranges = count_ranges(&compiled.policy), rules = compiled.policy.rule_count;

        print_sets(&compiled.policy);
        printf("%s: %zu rule%s, %zu address range%s, image of %zu bytes: ", place->path, rules, plural(rules), ranges,
               plural(ranges), compiled.image.size);
    } else {
        printf("%s: ", place->path);
    }
    print_findings(&messages, tally);
    compiled_free(&compiled);
    messages_free(&messages);
}

/* An image: its header, its checksum, and whether its sources have changed since. */
static void check_image(const struct layer_place *place, const struct image_file *file, struct messages *messages,
                        struct tally *tally)
{
    enum image_error error = image_verify(file->base, file->size);
    struct view view;

    if (error == IMAGE_OK)
        error = image_open(&view, file->base, file->size, NULL);
    if (error != IMAGE_OK)
        messages_add(messages, MESSAGE_ERROR, (struct place){place->path, 0}, "the image cannot be used: %s",
                     image_error_text(error));
    else if (!image_is_fresh(&view))
        messages_add(messages, MESSAGE_WARNING, (struct place){place->path, 0},
                     "what the image was made of has changed since; compile it again");
    messages_print(messages, stderr);
    if (error == IMAGE_OK)
        printf("%s: image of %u rule%s, %zu bytes: ", place->path, view.rules.count, plural(view.rules.count),
               file->size);
    else
        printf("%s: ", place->path);
    print_findings(messages, tally);
}

/* A layer of this user, or (`named`) the file that was named. */
static void check_place(const struct layer_place *place, const struct surroundings *surroundings, bool named,
                        struct tally *tally)
{
    struct messages messages = {0};
    struct image_file file = {0};

    if (named && !file_is_image(place->path)) {
        check_text(place, true, tally);
        return;
    }
    fflush(stdout);
    switch (layer_look(place, surroundings, &file, &messages)) {
    case FORM_TEXT:
        check_text(place, false, tally);
        break;
    case FORM_IMAGE:
        check_image(place, &file, &messages, tally);
        break;
    case FORM_ABSENT:
        if (layer_is_named(place, surroundings))
            messages_add(&messages, MESSAGE_ERROR, (struct place){place->path, 0}, "does not exist");
        else
            printf("%s: no policy there\n", place->path);
        break;
    case FORM_UNUSABLE:
        break;
    }
    if (file.base == NULL && messages.count > 0) {
        messages_print(&messages, stderr);
        printf("%s: ", place->path);
        print_findings(&messages, tally);
    }
    image_file_close(&file);
    messages_free(&messages);
}

/* All layers that hold for this user. */
static int check_layers(const struct surroundings *surroundings, struct tally *tally)
{
    struct layer_place layers[LAYERS_MAX];
    int count = layers_locate(surroundings, layers);

    for (int i = 0; i < count; i++)
        check_place(&layers[i], surroundings, false, tally);
    return count < 0 ? EXIT_NEGATIVE : EXIT_FINE;
}

int command_check(int argc, char **argv)
{
    bool strict = false;
    const struct option_row rows[] = {
        {"strict", 0, NULL, "count warnings as errors", &strict, NULL, NULL},
    };
    const struct usage usage = {
        .command = "check",
        .arguments = "[--strict] [FILE]",
        .what = "Judges a policy, text or image; without FILE all that hold for you here.",
        .more = "Exit code: 0 fine, 1 errors in the policy, 2 wrong usage.",
        .error_exit = EXIT_USAGE,
        .rows = rows,
        .row_count = sizeof(rows) / sizeof(rows[0]),
    };
    struct surroundings surroundings;
    struct layer_place place = {0};
    struct tally tally = {0};
    int code;
    int operands = options_parse(&usage, argc, argv, &code);

    if (operands < 0)
        return code;
    if (operands > 1)
        return usage_error(&usage, "'%s': one file at a time", argv[1]);
    surroundings_here(&surroundings);
    code = EXIT_FINE;
    if (operands == 0)
        code = check_layers(&surroundings, &tally);
    else if (path_absolute(place.path, argv[0]))
        check_place(&place, &surroundings, true, &tally);
    else
        code = EXIT_NEGATIVE;
    if (tally.errors > 0 || (strict && tally.warnings > 0))
        code = EXIT_NEGATIVE;
    return code;
}
