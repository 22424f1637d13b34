/* SPDX-License-Identifier: MIT */
/* `sockade check`: all that is wrong with a policy, and what is right but perhaps not meant. */
#include "command/command.h"
#include "command/findings.h"
#include "command/fix.h"
#include "command/layers.h"
#include "command/options.h"
#include "config/lint.h"
#include "state/kernel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RESOLV_CONF "/etc/resolv.conf"

#define JSON_VERSION 1

/* What the run as a whole comes to, and how it is shown. */
struct report {
    enum findings_format format;
    json_t *files; /* of FINDINGS_JSON */
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

/* "1 error, 2 warnings", or what comes behind "ok". */
static void print_count(size_t count, const char *noun, const char **between)
{
    if (count > 0)
        printf("%s%zu %s%s", *between, count, noun, strcmp(noun, "ignored") == 0 ? "" : plural(count));
    if (count > 0)
        *between = ", ";
}

/* What was found, at the end of a layer's line. */
static void print_findings(const struct findings_count *count)
{
    const char *between = "";

    print_count(count->errors, "error", &between);
    print_count(count->warnings, "warning", &between);
    if (count->errors + count->warnings == 0) {
        fputs("ok", stdout);
        between = ", ";
    }
    print_count(count->notes, "note", &between);
    print_count(count->ignored, "ignored", &between);
    putchar('\n');
}

/* The numbers of a file that is right, for its line and for JSON. */
struct figures {
    const struct policy *policy; /* NULL: an image, or wrong */
    const char *kind;            /* "text" or "image"; NULL: it could not be read */
    size_t rules, ranges, bytes;
};

static void report_json(struct report *report, const char *path, const struct figures *figures,
                        const struct findings_count *count, struct messages *messages, struct sources *sources)
{
    json_t *findings = json_array();
    char *name = printable(path);
    json_t *file = json_pack("{s:s, s:I, s:I, s:I, s:I}", "path", name, "errors", (json_int_t)count->errors, "warnings",
                             (json_int_t)count->warnings, "notes", (json_int_t)count->notes, "ignored",
                             (json_int_t)count->ignored);

    findings_json(messages, sources, findings);
    if (figures->kind != NULL) {
        json_object_set_new(file, "kind", json_string(figures->kind));
        json_object_set_new(file, "rules", json_integer((json_int_t)figures->rules));
        json_object_set_new(file, "bytes", json_integer((json_int_t)figures->bytes));
    }
    if (figures->policy != NULL)
        json_object_set_new(file, "ranges", json_integer((json_int_t)figures->ranges));
    json_object_set_new(file, "findings", findings);
    json_array_append_new(report->files, file);
    free(name);
}

static void report_line(const char *path, const struct figures *figures, const struct findings_count *count)
{
    if (figures->policy != NULL) {
        print_sets(figures->policy);
        printf("%s: %zu rule%s, %zu address range%s, image of %zu bytes: ", path, figures->rules,
               plural(figures->rules), figures->ranges, plural(figures->ranges), figures->bytes);
    } else if (figures->kind != NULL) {
        printf("%s: image of %zu rule%s, %zu bytes: ", path, figures->rules, plural(figures->rules), figures->bytes);
    } else {
        printf("%s: ", path);
    }
    print_findings(count);
}

/* Tells of one file all that was found; `messages` are used up. */
static void report_file(struct report *report, const char *path, const struct figures *figures,
                        struct messages *messages)
{
    struct sources sources = {0};
    size_t ignored = findings_ignore(messages, &sources);
    struct findings_count count = findings_count(messages);

    count.ignored = ignored;
    report->errors += count.errors;
    report->warnings += count.warnings;
    if (report->format == FINDINGS_JSON) {
        report_json(report, path, figures, &count, messages, &sources);
    } else {
        fflush(stdout);
        findings_print(messages, &sources, report->format, stderr);
        report_line(path, figures, &count);
    }
    sources_free(&sources);
    messages_free(messages);
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

static void check_text(const struct layer_place *place, bool named, struct report *report)
{
    struct messages messages = {0};
    struct range_set resolvers = {0};
    struct figures figures = {0};
    struct compiled compiled;

    if (text_compile(&compiled, place, NULL, named, &messages)) {
        figures = (struct figures){&compiled.policy, "text", compiled.policy.rule_count, count_ranges(&compiled.policy),
                                   compiled.image.size};
        read_resolvers(&resolvers);
        policy_lint(&compiled.policy, &resolvers, &messages);
        range_set_free(&resolvers);
        if (named)
            warn_untrusted(place, &messages);
    }
    report_file(report, place->path, &figures, &messages);
    compiled_free(&compiled);
}

/* An image: its header, its checksum, and whether its sources have changed since. */
static void check_image(const struct layer_place *place, const struct image_file *file, struct messages *messages,
                        struct report *report)
{
    enum image_error error = image_verify(file->base, file->size);
    struct figures figures = {0};
    struct view view;

    if (error == IMAGE_OK)
        error = image_open(&view, file->base, file->size, NULL);
    if (error != IMAGE_OK) {
        messages_add(messages, MESSAGE_ERROR, (struct place){place->path, 0}, "the image cannot be used: %s",
                     image_error_text(error));
    } else {
        figures = (struct figures){NULL, "image", view.rules.count, 0, file->size};
        if (!image_is_fresh(&view)) {
            messages_add(messages, MESSAGE_WARNING, (struct place){place->path, 0},
                         "what the image was made of has changed since; compile it again");
            messages_detail(messages, "stale-image", NULL, NULL);
        }
    }
    report_file(report, place->path, &figures, messages);
}

/* A layer of this user, or (`named`) the file that was named. */
static void check_place(const struct layer_place *place, const struct surroundings *surroundings, bool named,
                        struct report *report)
{
    static const struct figures nothing = {0};
    struct messages messages = {0};
    struct image_file file = {0};

    if (named && !file_is_image(place->path)) {
        check_text(place, true, report);
        return;
    }
    switch (layer_look(place, surroundings, &file, &messages)) {
    case FORM_TEXT:
        check_text(place, false, report);
        break;
    case FORM_IMAGE:
        check_image(place, &file, &messages, report);
        break;
    case FORM_ABSENT:
        if (layer_is_named(place, surroundings))
            messages_add(&messages, MESSAGE_ERROR, (struct place){place->path, 0}, "does not exist");
        else if (report->format != FINDINGS_JSON)
            printf("%s: no policy there\n", place->path);
        break;
    case FORM_UNUSABLE:
        break;
    }
    if (file.base == NULL && messages.count > 0)
        report_file(report, place->path, &nothing, &messages);
    image_file_close(&file);
    messages_free(&messages);
}

/* All layers that hold for this user. */
static int check_layers(const struct surroundings *surroundings, struct report *report)
{
    struct layer_place layers[LAYERS_MAX];
    int count = layers_locate(surroundings, layers);

    for (int i = 0; i < count; i++)
        check_place(&layers[i], surroundings, false, report);
    return count < 0 ? EXIT_NEGATIVE : EXIT_FINE;
}

/* What was asked for on the command line. */
struct wish {
    bool strict, fix, dry_run;
    const char *format, *file;
};

/* Checks what was named, or all; prints JSON at the end. Returns the exit code. */
static int check_all(const struct wish *wish, struct report *report)
{
    struct surroundings surroundings;
    struct layer_place place = {0};
    int code = EXIT_FINE;

    surroundings_here(&surroundings);
    if (report->format == FINDINGS_JSON)
        report->files = json_array();
    if (wish->file == NULL)
        code = check_layers(&surroundings, report);
    else if (path_absolute(place.path, wish->file))
        check_place(&place, &surroundings, true, report);
    else
        code = EXIT_NEGATIVE;
    if (report->format == FINDINGS_JSON) {
        json_t *whole = json_pack("{s:i, s:o}", "v", JSON_VERSION, "files", report->files);

        json_dumpf(whole, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
        putchar('\n');
        json_decref(whole);
    }
    if (report->errors > 0 || (wish->strict && report->warnings > 0))
        code = EXIT_NEGATIVE;
    return code;
}

/* Mends the file before it is checked. */
static int check_wish(const struct wish *wish)
{
    struct report report = {.format = FINDINGS_FULL};
    size_t fixes = 0;
    int code = EXIT_FINE, checked;

    if (wish->format != NULL && !findings_format_read(wish->format, &report.format))
        return EXIT_USAGE;
    if (wish->fix || wish->dry_run)
        code = fix_file(wish->file, wish->dry_run, report.format == FINDINGS_JSON ? stderr : stdout, &fixes);
    checked = code == EXIT_FINE ? check_all(wish, &report) : code;
    return checked == EXIT_FINE && wish->dry_run && fixes > 0 ? EXIT_NEGATIVE : checked;
}

int command_check(int argc, char **argv)
{
    struct wish wish = {0};
    const struct option_row rows[] = {
        {"strict", 0, NULL, "count warnings as errors; notes never are", &wish.strict, NULL, NULL},
        {"format", 0, "full|short|json", "with the lines (usual); one a line; for programs", NULL, &wish.format, NULL},
        {"fix", 0, NULL, "mend in FILE what is mechanical; the text before is kept as FILE.bak", &wish.fix, NULL, NULL},
        {"dry-run", 0, NULL, "print what --fix would do, as a unified diff, and change nothing", &wish.dry_run, NULL,
         NULL},
    };
    const struct usage usage = {
        .command = "check",
        .arguments = "[--strict] [--format full|short|json] [--fix | --dry-run] [FILE]",
        .what = "Judges a policy, text or image; without FILE all that hold for you here.",
        .more = "`# sockade: ignore ID` silences a warning or note in its line and the next.\n\n"
                "Exit code: 0 fine, 1 errors in the policy (or warnings, with --strict; or something to mend, with\n"
                "--dry-run), 2 wrong usage, 125 our own failure.",
        .error_exit = EXIT_USAGE,
        .rows = rows,
        .row_count = sizeof(rows) / sizeof(rows[0]),
    };
    int code;
    int operands = options_parse(&usage, argc, argv, &code);

    if (operands < 0)
        return code;
    if (operands > 1)
        return usage_error(&usage, "'%s': one file at a time", argv[1]);
    if ((wish.fix || wish.dry_run) && operands == 0)
        return usage_error(&usage, "--%s needs the FILE that it is about", wish.fix ? "fix" : "dry-run");
    if (operands == 1)
        wish.file = argv[0];
    return check_wish(&wish);
}
