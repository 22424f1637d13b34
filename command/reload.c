/* SPDX-License-Identifier: MIT */
/* `sockade reload`: a text published to the programs that run under it. */
#include "command/choose.h"
#include "command/combined.h"
#include "command/command.h"
#include "command/followers.h"
#include "command/progress.h"
#include "config/publish.h"
#include "config/read.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Compiles and publishes the text where its image is stale; else only tells the processes to look again. */
static int publish(const struct layer_place *place, const struct surroundings *surroundings, const char *name)
{
    struct messages messages = {0};
    struct compiled compiled;
    char where[PATH_MAX], problem[PATH_MAX + 256];
    int code = EXIT_NEGATIVE;

    if (text_is_fresh(surroundings, place, name)) {
        publish_raise(surroundings, place->system, problem, sizeof(problem));
        if (problem[0] != '\0')
            complain("%s", problem);
        return EXIT_FINE;
    }
    if (text_compile(&compiled, place, NULL, false, &messages))
        code = text_publish(&compiled, surroundings, place->system, name, where) ? EXIT_FINE : EXIT_OWN;
    messages_print(&messages, stderr);
    messages_free(&messages);
    compiled_free(&compiled);
    return code;
}

static void tell(const struct layer_place *place, const struct followers *followers)
{
    printf("%s: published; %zu process%s follow%s with the next call", place->path, followers->at_once,
           followers->at_once == 1 ? "" : "es", followers->at_once == 1 ? "s" : "");
    if (followers->later > 0)
        printf(", %zu within a second of the next socket, bind, listen or accept", followers->later);
    putchar('\n');
}

int command_reload(int argc, char **argv)
{
    bool system = false, quiet = false;
    const char *file = NULL;
    const struct option_row rows[] = {
        {"policy", 'p', "FILE", "publish the policy FILE in place of yours", NULL, &file, NULL},
        {"system", 0, NULL, "the system policy", &system, NULL, NULL},
        {"quiet", 'q', NULL, "no word but of what is wrong", &quiet, NULL, NULL},
    };
    const struct usage usage = {
        .command = "reload",
        .arguments = "[OPTION]...",
        .what = "Publishes a policy (yours, where no FILE is named) to the programs that run under it.",
        .more = "It is compiled first where it was edited.\n"
                "Exit code: 0 done, 1 errors in the policy, and the old one stays in force, 2 wrong usage,\n"
                "125 the image could not be written.",
        .error_exit = EXIT_USAGE,
        .rows = rows,
        .row_count = sizeof(rows) / sizeof(rows[0]),
    };
    struct surroundings surroundings;
    struct followers followers;
    struct layer_place place;
    char name[IMAGE_NAME];
    int code, lock;
    int operands = options_parse(&usage, argc, argv, &code);

    if (operands < 0)
        return code;
    if (operands > 0)
        return usage_error(&usage, "'%s': name a policy by --policy", argv[0]);
    surroundings_here(&surroundings);
    code = text_choose(&place, &usage, system, file, &surroundings);
    if (code != EXIT_FINE)
        return code;
    policy_resolve_names_in_hints = progress_wanted = !quiet;
    text_image_name(name, &place, NULL);
    lock = text_lock(&surroundings, name);
    code = publish(&place, &surroundings, name);
    if (lock >= 0)
        close(lock);
    if (code != EXIT_FINE)
        return code;
    memset(&followers, 0, sizeof(followers));
    if (!quiet)
        followers_count(&followers, name);
    if (!system && !combined_publish(&place, &surroundings, &followers))
        code = EXIT_OWN;
    if (!quiet)
        tell(&place, &followers);
    return code;
}
