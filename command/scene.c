/* SPDX-License-Identifier: MIT */
/* What each layer says to a question, and what stands. */
#include "command/scene.h"

#include "command/command.h"
#include "command/findings.h"
#include "command/wording.h"
#include "config/endpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool scene_load(struct scene *scene, const char *policy)
{
    struct messages messages = {0};

    memset(scene, 0, sizeof(*scene));
    scene->count = layers_load_here(scene->layers, policy, &messages);
    findings_show(&messages, stderr);
    messages_free(&messages);
    return scene->count >= 0;
}

void scene_free(struct scene *scene)
{
    layers_free(scene->layers, scene->count);
}

void scene_open(struct scene *scene, const struct program_names *names)
{
    scene->present_count = 0;
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

const char *view_program_name(const struct view *view)
{
    const struct image_program *programs = (const void *)(view->base + view->programs.offset);

    return view->program < view->programs.count ? view_string(view, programs[view->program].name) : NULL;
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

static int judgement_code(const struct judgement *judgement)
{
    const struct verdict *verdict = &judgement->verdicts[judgement->standing < 0 ? 0 : judgement->standing];

    if (judgement->needs != 0)
        return EXIT_UNKNOWN;
    if (judgement->kernel || judgement->standing < 0 || verdict->action == ACTION_ALLOW || verdict->audit_mode)
        return EXIT_FINE;
    return EXIT_NEGATIVE;
}

struct answers scene_ask(const struct scene *scene, const struct asked *asked)
{
    struct answers answers = {.code = EXIT_FINE};
    unsigned all = question_protos(&asked->question);

    for (int i = 0; i < 6; i++) {
        unsigned proto = all & (1u << i);
        struct judgement judgement;
        int same = 0;

        if (all == 0 ? i > 0 : proto == 0)
            continue;
        judgement = question_judge(&asked->question, proto, scene->views, scene->present_count, true);
        while (same < answers.count &&
               !judgements_equal(&answers.list[same].judgement, &judgement, scene->present_count))
            same++;
        if (same == answers.count)
            answers.list[answers.count++] = (struct answer){.judgement = judgement, .code = judgement_code(&judgement)};
        answers.list[same].protos |= proto;
        if (answers.code != EXIT_UNKNOWN && answers.list[same].code > answers.code)
            answers.code = answers.list[same].code;
    }
    return answers;
}

/* ---- in words ---- */

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
    if (view_program_name(view) != NULL)
        printf(" [as program '%s']", view_program_name(view));
    printf("\n");
    for (unsigned n = 0; n < verdict->note_count && n < VERDICT_NOTES; n++) {
        words = rule_words(view, verdict->notes[n]);
        printf("    passed, audit only: %s\n", words);
        free(words);
    }
}

/* The end of an answer: what the program will see. */
static void print_outcome(const struct scene *scene, const struct judgement *judgement)
{
    const struct verdict *verdict = &judgement->verdicts[judgement->standing];
    const char *layer = layer_kind(scene->present[judgement->standing]);

    if (verdict->action == ACTION_ALLOW || verdict->audit_mode) {
        puts("allowed");
    } else if (verdict->action == ACTION_DROP) {
        printf("dropped by the %s layer\n", layer);
    } else {
        printf("denied by the %s layer: %s (%s)\n", layer, error_text(verdict->error), strerror(verdict->error));
    }
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

static void print_answer(const struct asked *asked, const struct scene *scene, const struct answer *answer)
{
    const struct judgement *judgement = &answer->judgement;

    print_heading(asked, answer->protos);
    if (judgement->kernel) {
        puts("allowed: there is nothing to judge, the kernel alone has a say");
        return;
    }
    for (int i = 0; i < scene->present_count; i++) {
        if (judgement->verdicts[i].needs == 0)
            print_layer(scene, i, &judgement->verdicts[i]);
    }
    if (judgement->needs != 0)
        puts("it depends on the port: ask with one, ADDRESS:PORT or, for IPv6, [ADDRESS]:PORT");
    else
        print_outcome(scene, judgement);
}

void answers_print(const struct answers *answers, const struct scene *scene, const struct asked *asked)
{
    if (scene->present_count == 0) {
        puts("allowed: there is no policy here");
        return;
    }
    for (int i = 0; i < answers->count; i++)
        print_answer(asked, scene, &answers->list[i]);
    if (answers->count > 1 && asked->question.protos == 0 && answers->code != EXIT_UNKNOWN)
        printf("tcp and udp differ; name one, as in --%s %s/tcp\n", asked->direction, asked->text);
}

/* ---- as JSON ---- */

/* A text from a policy; a line without it where it is empty. */
static void set_text(json_t *object, const char *key, const char *text)
{
    char *shown;

    if (text == NULL || *text == '\0')
        return;
    shown = printable(text);
    json_object_set_new(object, key, json_string(shown));
    free(shown);
}

static void set_rule(json_t *object, const struct view *view, uint32_t rule)
{
    struct image_rule_text text = view_rule_text(view, rule);

    set_text(object, "rule", view_string(view, text.name));
    set_text(object, "file", view_string(view, text.file));
    json_object_set_new(object, "line", json_integer(text.line));
    set_text(object, "reason", view_string(view, text.reason));
}

static json_t *layer_json(const struct scene *scene, int i, const struct verdict *verdict)
{
    static const char *const sources[] = {"nothing", "rule", "default", "failure"};
    const struct view *view = scene->views[i];
    json_t *object = json_pack("{s:s}", "layer", layer_kind(scene->present[i])), *notes;

    set_text(object, "path", scene->present[i]->place.path);
    json_object_set_new(object, "verdict", json_string(verdict_outcome(verdict)));
    if (verdict->action == ACTION_DENY)
        set_text(object, "errno", error_text(verdict->error));
    json_object_set_new(object, "by", json_string(view == NULL ? "failure" : sources[verdict->source]));
    if (view == NULL)
        return object;
    if (verdict->source == BY_RULE)
        set_rule(object, view, verdict->rule);
    set_text(object, "program", view_program_name(view));
    notes = json_array();
    for (unsigned n = 0; n < verdict->note_count && n < VERDICT_NOTES; n++) {
        json_t *note = json_object();

        set_rule(note, view, verdict->notes[n]);
        json_array_append_new(notes, note);
    }
    json_object_set_new(object, "audit_only", notes);
    return object;
}

static json_t *protos_json(unsigned protos)
{
    json_t *array = json_array();

    for (unsigned bit = 1; bit <= PROTO_RAW; bit <<= 1) {
        if (protos & bit)
            json_array_append_new(array, json_string(proto_text(bit)));
    }
    return array;
}

/* What the program will see, in one word. */
static const char *outcome_word(const struct answer *answer, const struct verdict *standing)
{
    if (answer->code == EXIT_UNKNOWN)
        return "depends on the port";
    if (answer->code == EXIT_FINE)
        return "allowed";
    return standing->action == ACTION_DROP ? "dropped" : "denied";
}

static json_t *answer_json(const struct answer *answer, const struct scene *scene)
{
    const struct judgement *judgement = &answer->judgement;
    const struct verdict *standing = &judgement->verdicts[judgement->standing < 0 ? 0 : judgement->standing];
    json_t *object = json_pack("{s:o}", "protocols", protos_json(answer->protos)), *layers = json_array();

    json_object_set_new(object, "outcome", json_string(outcome_word(answer, standing)));
    if (answer->code == EXIT_NEGATIVE && standing->action == ACTION_DENY)
        set_text(object, "errno", error_text(standing->error));
    for (int i = 0; i < scene->present_count && !judgement->kernel; i++) {
        if (judgement->verdicts[i].needs == 0)
            json_array_append_new(layers, layer_json(scene, i, &judgement->verdicts[i]));
    }
    json_object_set_new(object, "layers", layers);
    return object;
}

json_t *answers_json(const struct answers *answers, const struct scene *scene)
{
    json_t *array = json_array();

    for (int i = 0; i < answers->count; i++)
        json_array_append_new(array, answer_json(&answers->list[i], scene));
    return array;
}
