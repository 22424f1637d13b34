/* SPDX-License-Identifier: MIT */
/* `sockade explain`: what the policy says about one endpoint or one event, or all that it says to a program. */
#include "command/command.h"
#include "command/effective.h"
#include "command/explain_event.h"
#include "command/options.h"
#include "command/scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JSON_VERSION 1

/* What the command line asked. */
struct wish {
    const char *texts[4]; /* to, from, on, family */
    const char *exe, *policy, *line;
    bool effective, json;
    struct event_choice event;
};

/* Which one of the four questions was asked. Returns EXIT_FINE or what to end with. */
static int read_asked(struct asked *asked, const struct usage *usage, const char *const texts[4])
{
    static const char *const directions[] = {"to", "from", "on", "family"};
    char problem[512];

    for (int i = 0; i < 4; i++) {
        if (texts[i] == NULL)
            continue;
        asked->direction = directions[i];
        asked->text = texts[i];
    }
    if (!question_read(&asked->question, asked->direction, asked->text, problem, sizeof(problem)))
        return usage_error(usage, "--%s: %s", asked->direction, problem);
    return EXIT_FINE;
}

/* Prints what was found, under the version of its form. */
static void print_json(const char *key, json_t *value)
{
    json_t *whole = json_pack("{s:i, s:o}", "v", JSON_VERSION, key, value);

    json_dumpf(whole, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    putchar('\n');
    json_decref(whole);
}

static int explain_asked(const struct wish *wish, const struct asked *asked, const struct scene *scene)
{
    struct answers answers = scene_ask(scene, asked);

    if (wish->json)
        print_json("question", json_pack("{s:s, s:s, s:s*, s:o}", "direction", asked->direction, "endpoint",
                                         asked->text, "exe", wish->exe, "answers", answers_json(&answers, scene)));
    else
        answers_print(&answers, scene, asked);
    return answers.code;
}

static bool is_event(const struct wish *wish)
{
    return wish->event.file != NULL || wish->event.line_text != NULL || wish->event.last;
}

static int explain(struct wish *wish, const struct asked *asked)
{
    static struct scene scene;
    struct exe_names names;
    int code = EXIT_FINE;

    if (wish->exe != NULL && !exe_names_find(&names, wish->exe))
        return EXIT_USAGE;
    if (!scene_load(&scene, wish->policy))
        return EXIT_UNKNOWN;
    scene_open(&scene, wish->exe != NULL ? &names.names : NULL);
    if (is_event(wish)) {
        json_t *array = wish->json ? json_array() : NULL;

        code = explain_events(&wish->event, &scene, wish->exe, array);
        if (wish->json)
            print_json("events", array);
    } else if (!wish->effective) {
        code = explain_asked(wish, asked, &scene);
    } else if (wish->json) {
        print_json("layers", effective_json(&scene));
    } else {
        effective_print(&scene);
    }
    scene_free(&scene);
    return code;
}

/* Judges what goes together. Returns EXIT_FINE or what to end with. */
static int judge_wish(struct wish *wish, const struct usage *usage)
{
    int questions = wish->effective + (wish->event.file != NULL) + (wish->event.line_text != NULL) + wish->event.last;
    char *end;

    for (int i = 0; i < 4; i++)
        questions += wish->texts[i] != NULL;
    if ((wish->event.all || wish->line != NULL) && wish->event.file == NULL)
        return usage_error(usage, "--%s goes with --file", wish->event.all ? "all" : "line");
    if (wish->event.all && wish->line != NULL)
        return usage_error(usage, "--all and --line do not go together");
    if (questions != 1)
        return usage_error(usage, "give one of --to, --from, --on, --family, --file, --last, an event and --effective");
    if (wish->line == NULL)
        return EXIT_FINE;
    wish->event.line = strtol(wish->line, &end, 10);
    if (*end != '\0' || wish->event.line < 1)
        return usage_error(usage, "--line '%.40s' is no number of a line", wish->line);
    return EXIT_FINE;
}

int command_explain(int argc, char **argv)
{
    struct wish wish = {0};
    const struct option_row rows[] = {
        {"to", 0, "ENDPOINT", "reaching ADDRESS[:PORT][/PROTO] or unix:/PATH", NULL, &wish.texts[0], NULL},
        {"from", 0, "ENDPOINT", "being reached from it; the port is our own service's", NULL, &wish.texts[1], NULL},
        {"on", 0, "ENDPOINT", "listening on it", NULL, &wish.texts[2], NULL},
        {"family", 0, "FAMILY", "opening a socket of that family: inet, packet, ...", NULL, &wish.texts[3], NULL},
        {"file", 0, "FILE", "the last event of this log; -: standard input", NULL, &wish.event.file, NULL},
        {"all", 0, NULL, "with --file: all its events", &wish.event.all, NULL, NULL},
        {"line", 0, "NUMBER", "with --file: the event in that line", NULL, &wish.line, NULL},
        {"last", 0, NULL, "the newest refusal in your own log", &wish.event.last, NULL, NULL},
        {"effective", 0, NULL, "all that holds, in the order in which it is judged", &wish.effective, NULL, NULL},
        {"exe", 0, "PATH", "as this program, whose own rules hold then", NULL, &wish.exe, NULL},
        {"policy", 0, "FILE", "under this policy in place of yours", NULL, &wish.policy, NULL},
        {"json", 0, NULL, "print JSON", &wish.json, NULL, NULL},
    };
    const struct usage usage = {
        .command = "explain",
        .arguments = "(--to | --from | --on) ENDPOINT | --family FAMILY | --file FILE | --last | EVENT | --effective "
                     "[OPTION]...",
        .what =
            "Tells what each layer of the policy says about an endpoint or an event, by which rule, and what stands.",
        .more = "Without a protocol tcp and udp are judged. EVENT is a line of a log.\n"
                "Exit code: 0 allowed, 1 denied or dropped, 2 wrong usage, 3 it cannot be told.",
        .error_exit = EXIT_USAGE,
        .rows = rows,
        .row_count = sizeof(rows) / sizeof(rows[0]),
    };
    struct asked asked = {0};
    int code;
    int operands = options_parse(&usage, argc, argv, &code);

    if (operands < 0)
        return code;
    if (operands > 1 || (operands == 1 && argv[0][0] != '{'))
        return usage_error(&usage, "'%s' stands alone; give it behind --to, --from, --on or --family",
                           argv[operands == 1 ? 0 : 1]);
    if (operands == 1)
        wish.event.line_text = argv[0];
    code = judge_wish(&wish, &usage);
    if (code == EXIT_FINE && !wish.effective && !is_event(&wish))
        code = read_asked(&asked, &usage, wish.texts);
    return code == EXIT_FINE ? explain(&wish, &asked) : code;
}
