/* SPDX-License-Identifier: MIT */
/* `sockade explain`: what each layer says about one endpoint, and what stands. */
#include "command/command.h"
#include "command/layers.h"
#include "command/options.h"
#include "command/question.h"
#include "command/wording.h"
#include "config/endpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the command line asked. */
struct asked {
    const char *direction; /* "to", ... */
    const char *text;
    struct question question;
};

/* The layers of this process, and how they look at the program that was named. */
struct scene {
    struct layer layers[LAYERS_MAX];
    int count;
    struct view opened[LAYERS_MAX];
    const struct layer *present[LAYERS_MAX]; /* those that exist, */
    const struct view *views[LAYERS_MAX];    /* and their views; NULL: closed */
    int present_count;
};

/* Which one of the four questions was asked. Returns EXIT_FINE or what to end with. */
static int read_asked(struct asked *asked, const struct usage *usage, const char *const texts[4])
{
    static const char *const directions[] = {"to", "from", "on", "family"};
    char problem[512];
    int given = 0;

    for (int i = 0; i < 4; i++) {
        if (texts[i] == NULL)
            continue;
        asked->direction = directions[i];
        asked->text = texts[i];
        given++;
    }
    if (given != 1)
        return usage_error(usage, "give one of --to, --from, --on and --family");
    if (!question_read(&asked->question, asked->direction, asked->text, problem, sizeof(problem)))
        return usage_error(usage, "--%s: %s", asked->direction, problem);
    return EXIT_FINE;
}

static void open_views(struct scene *scene, const struct program_names *names)
{
    for (int i = 0; i < scene->count; i++) {
        struct layer *layer = &scene->layers[i];
        struct view *view = &scene->opened[i];

        if (layer->outcome == LAYER_ABSENT)
            continue;
        if (layer->outcome == LAYER_CLOSED || image_open(view, layer->base, layer->size, names) != IMAGE_OK)
            view = NULL;
        scene->present[scene->present_count] = layer;
        scene->views[scene->present_count++] = view;
    }
}

/* Which `programs` entry holds for the program, as an aside. */
static void print_program(const struct view *view)
{
    const struct image_program *programs = (const void *)(view->base + view->programs.offset);

    if (view->program < view->programs.count)
        printf(" [as program '%s']", view_string(view, programs[view->program].name));
}

static void print_layer(const struct scene *scene, int i, const struct verdict *verdict)
{
    const struct layer *layer = scene->present[i];
    const struct view *view = scene->views[i];
    char *words;

    printf("  %s %s: ", layer_kind(layer), layer->place.path);
    if (view == NULL) {
        printf("%s, since it cannot be read: fail-closed\n",
               verdict->action == ACTION_ALLOW ? "allows" : "denies with EACCES");
        return;
    }
    words = verdict_words(view, verdict);
    printf("%s%s", words, layer->outcome == LAYER_LAST_GOOD ? " [of the last good image]" : "");
    free(words);
    print_program(view);
    printf("\n");
    for (unsigned n = 0; n < verdict->note_count && n < VERDICT_NOTES; n++) {
        words = rule_words(view, verdict->notes[n]);
        printf("    passed, audit only: %s\n", words);
        free(words);
    }
}

/* The end of an answer: what the program will see. Returns the exit code. */
static int print_outcome(const struct scene *scene, const struct judgement *judgement)
{
    const struct verdict *verdict = &judgement->verdicts[judgement->standing];
    const char *layer = layer_kind(scene->present[judgement->standing]);

    if (verdict->action == ACTION_ALLOW || verdict->audit_mode) {
        puts("allowed");
        return EXIT_FINE;
    }
    if (verdict->action == ACTION_DROP)
        printf("dropped by the %s layer\n", layer);
    else
        printf("denied by the %s layer: %s (%s)\n", layer, error_text(verdict->error), strerror(verdict->error));
    return EXIT_NEGATIVE;
}

/* What is asked about, with the protocols in words: "to 192.0.2.1:443, tcp and udp". */
static void print_heading(const struct asked *asked, unsigned protos)
{
    const char *between = ", ";

    printf("%s %s", asked->direction, asked->text);
    for (unsigned bit = 1; bit <= PROTO_RAW; bit <<= 1) {
        if ((protos & bit) && (asked->question.protos & PROTO_ANY) != bit) {
            printf("%s%s", between, proto_text(bit));
            between = " and ";
        }
    }
    printf("\n");
}

/* Prints one answer, for all of `protos`. Returns the exit code. */
static int print_answer(const struct asked *asked, const struct scene *scene, const struct judgement *judgement,
                        unsigned protos)
{
    print_heading(asked, protos);
    if (judgement->kernel) {
        puts("allowed: there is nothing to judge, the kernel alone has a say");
        return EXIT_FINE;
    }
    for (int i = 0; i < scene->present_count; i++) {
        if (judgement->verdicts[i].needs == 0)
            print_layer(scene, i, &judgement->verdicts[i]);
    }
    if (judgement->needs != 0) {
        puts("it depends on the port: ask with one, ADDRESS:PORT or, for IPv6, [ADDRESS]:PORT");
        return EXIT_UNKNOWN;
    }
    return print_outcome(scene, judgement);
}

static bool judgements_equal(const struct judgement *a, const struct judgement *b, int count)
{
    if (a->standing != b->standing || a->needs != b->needs || a->kernel != b->kernel)
        return false;
    for (int i = 0; i < count; i++) {
        const struct verdict *v = &a->verdicts[i], *w = &b->verdicts[i];

        if (v->action != w->action || v->source != w->source || v->error != w->error || v->rule != w->rule ||
            v->note_count != w->note_count || memcmp(v->notes, w->notes, sizeof(v->notes)) != 0)
            return false;
    }
    return true;
}

/* Asks for each protocol, and prints once what holds for several. Returns the strictest exit code. */
static int answer(const struct asked *asked, const struct scene *scene)
{
    struct judgement judgements[6];
    unsigned rest = question_protos(&asked->question), all = rest;
    int code = EXIT_FINE, answers = 0;

    for (int i = 0; i < 6; i++)
        judgements[i] = question_judge(&asked->question, all & (1u << i), scene->views, scene->present_count, true);
    for (int i = 0; i < 6; i++) {
        unsigned same = all & (1u << i);
        int one;

        if (all == 0 ? i > 0 : !(rest & same))
            continue;
        for (int j = i + 1; all != 0 && j < 6; j++) {
            if ((rest & (1u << j)) && judgements_equal(&judgements[i], &judgements[j], scene->present_count))
                same |= 1u << j;
        }
        rest &= ~same;
        one = print_answer(asked, scene, &judgements[i], same);
        code = one == EXIT_UNKNOWN || code == EXIT_UNKNOWN ? EXIT_UNKNOWN : one > code ? one : code;
        answers++;
    }
    if (answers > 1 && asked->question.protos == 0 && code != EXIT_UNKNOWN)
        printf("tcp and udp differ; name one, as in --%s %s/tcp\n", asked->direction, asked->text);
    return code;
}

/* Loads what holds here, with `policy` in place of SOCKADE_POLICY. Returns false where nothing can be told. */
static bool load_scene(struct scene *scene, const char *policy)
{
    struct surroundings surroundings;
    struct messages messages = {0};
    char path[PATH_MAX];

    surroundings_here(&surroundings);
    if (policy != NULL && !path_absolute(path, policy))
        return false;
    if (policy != NULL)
        surroundings.policy = path;
    scene->count = layers_load(scene->layers, &surroundings, &messages);
    messages_print(&messages, stderr);
    messages_free(&messages);
    return scene->count >= 0;
}

static int explain(const struct asked *asked, const char *exe, const char *policy)
{
    static struct scene scene;
    struct exe_names names;
    int code;

    if (exe != NULL && !exe_names_find(&names, exe))
        return EXIT_USAGE;
    if (!load_scene(&scene, policy))
        return EXIT_UNKNOWN;
    open_views(&scene, exe != NULL ? &names.names : NULL);
    if (scene.present_count > 0) {
        code = answer(asked, &scene);
    } else {
        puts("allowed: there is no policy here");
        code = EXIT_FINE;
    }
    layers_free(scene.layers, scene.count);
    return code;
}

int command_explain(int argc, char **argv)
{
    const char *texts[4] = {NULL}, *exe = NULL, *policy = NULL;
    const struct option_row rows[] = {
        {"to", 0, "ENDPOINT", "reaching ADDRESS[:PORT][/PROTO] or unix:/PATH", NULL, &texts[0], NULL},
        {"from", 0, "ENDPOINT", "being reached from it; the port is our own service's", NULL, &texts[1], NULL},
        {"on", 0, "ENDPOINT", "listening on it", NULL, &texts[2], NULL},
        {"family", 0, "FAMILY", "opening a socket of that family: inet, packet, ...", NULL, &texts[3], NULL},
        {"exe", 0, "PATH", "as this program, whose own rules hold then", NULL, &exe, NULL},
        {"policy", 0, "FILE", "under this policy in place of yours", NULL, &policy, NULL},
    };
    const struct usage usage = {
        .command = "explain",
        .arguments = "(--to | --from | --on) ENDPOINT | --family FAMILY [OPTION]...",
        .what = "Tells what each layer of the policy says about an endpoint, by which rule, and what stands.",
        .more = "Without a protocol tcp and udp are judged.\n"
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
    if (operands > 0)
        return usage_error(&usage, "'%s' stands alone; give it behind --to, --from, --on or --family", argv[0]);
    code = read_asked(&asked, &usage, texts);
    return code == EXIT_FINE ? explain(&asked, exe, policy) : code;
}
