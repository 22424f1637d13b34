/* SPDX-License-Identifier: MIT */
/*
 * `sockade compile`: a text to its image.
 *
 * The shim's start-up child calls it with --fresh and --quiet, in a clean environment and with stdio on /dev/null. With
 * --fresh FILE may also be an image that `sockade run` combined.
 */
#include "command/choose.h"
#include "command/combined.h"
#include "command/command.h"
#include "command/options.h"
#include "command/progress.h"
#include "command/texts.h"
#include "config/read.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct choices {
    bool system, fresh, quiet;
    const char *output;
    const struct additions *additions; /* of an image that is to be combined anew, else NULL */
};

static void print_summary(const struct compiled *compiled, const struct layer_place *place, const char *where)
{
    size_t rules = compiled->policy.rule_count;

    printf("%s: %zu rule%s, image of %zu bytes: %s\n", place->path, rules, plural(rules), compiled->image.size, where);
}

static int write_image(const struct compiled *compiled, const struct choices *choices, const struct layer_place *place,
                       const struct surroundings *surroundings, const char *name)
{
    char where[PATH_MAX];

    if (choices->output != NULL) {
        if (!text_write(compiled, choices->output))
            return EXIT_OWN;
        snprintf(where, sizeof(where), "%s", choices->output);
    } else if (!text_publish(compiled, surroundings, place->system, name, where)) {
        return EXIT_OWN;
    }
    if (!choices->quiet)
        print_summary(compiled, place, where);
    return EXIT_FINE;
}

/* The work itself, under the lock where there is one. */
static int compile_text(const struct choices *choices, const struct layer_place *place,
                        const struct surroundings *surroundings, const char *name)
{
    struct messages messages = {0};
    struct compiled compiled;
    int code = EXIT_NEGATIVE;

    if (choices->fresh && text_is_fresh(surroundings, place, name))
        return EXIT_FINE;
    if (text_compile(&compiled, place, choices->additions, false, &messages))
        code = write_image(&compiled, choices, place, surroundings, name);
    messages_print(&messages, stderr);
    messages_free(&messages);
    compiled_free(&compiled);
    return code;
}

/* One process at a time, where there is a place for the image that others may be making too. */
static int compile_alone(const struct choices *choices, const struct layer_place *place,
                         const struct surroundings *surroundings)
{
    char name[IMAGE_NAME];
    int code, lock = -1;

    text_image_name(name, place, choices->additions);
    if (choices->output == NULL)
        lock = text_lock(surroundings, name);
    code = compile_text(choices, place, surroundings, name);
    if (lock >= 0)
        close(lock);
    return code;
}

int command_compile(int argc, char **argv)
{
    struct choices choices = {0};
    const struct option_row rows[] = {
        {"system", 0, NULL, "the system policy in " SYSTEM_FOLDER, &choices.system, NULL, NULL},
        {"output", 'o', "OUT", "write the image to the file OUT", NULL, &choices.output, NULL},
        {"fresh", 0, NULL, "do nothing where a fresh image stands", &choices.fresh, NULL, NULL},
        {"quiet", 'q', NULL, "no word but of what is wrong", &choices.quiet, NULL, NULL},
    };
    const struct usage usage = {
        .command = "compile",
        .arguments = "[OPTION]... [FILE | --system]",
        .what = "Compiles a policy (yours, where no FILE is named) into the image that programs map.",
        .more = "Exit code: 0 done, 1 errors in the policy, 2 wrong usage, 125 the image could not be written.",
        .error_exit = EXIT_USAGE,
        .rows = rows,
        .row_count = sizeof(rows) / sizeof(rows[0]),
    };
    struct combined combined = {0};
    struct surroundings surroundings;
    struct layer_place place;
    int code;
    int operands = options_parse(&usage, argc, argv, &code);

    if (operands < 0)
        return code;
    if (operands > 1)
        return usage_error(&usage, "'%s': one file at a time", argv[1]);
    surroundings_here(&surroundings);
    if (choices.fresh && operands == 1 && combined_of_file(&combined, argv[0], &surroundings)) {
        place = combined.place;
        choices.additions = &combined.additions;
    } else {
        code = text_choose(&place, &usage, choices.system, operands == 1 ? argv[0] : NULL, &surroundings);
        if (code != EXIT_FINE)
            return code;
    }
    policy_resolve_names_in_hints = progress_wanted = !choices.quiet;
    code = compile_alone(&choices, &place, &surroundings);
    combined_free(&combined);
    return code;
}
