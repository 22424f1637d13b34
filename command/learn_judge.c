/* SPDX-License-Identifier: MIT */
/* What a policy makes of the needs, by the very functions that the shim uses. */
#include "command/learn.h"

#include "command/command.h"
#include "command/question.h"
#include "command/wording.h"
#include "config/memory.h"

#include <stdlib.h>
#include <string.h>

/* The verdict that stands for one need and one program (NULL: none in particular); false where there is none. */
static bool judge_as(struct verdict *verdict, struct view *view, const struct need *need, const struct layer *layer,
                     const char *exe)
{
    static struct exe_names names;
    const struct view *views[1] = {view};
    struct question question;
    struct judgement judgement;
    char problem[256], *endpoint = need_endpoint(need);
    bool named = exe != NULL && exe[0] == '/' && exe_names_find(&names, exe);
    bool read = question_read(&question, need_direction(need), endpoint, problem, sizeof(problem)) &&
                image_open(view, layer->base, layer->size, named ? &names.names : NULL) == IMAGE_OK;

    free(endpoint);
    if (!read)
        return false;
    judgement = question_judge(&question, question_protos(&question) & -question_protos(&question), views, 1, true);
    *verdict = judgement.verdicts[0];
    return !judgement.kernel && judgement.needs == 0;
}

/* Sets one need's fate by the strictest of what holds for the programs that had it. */
static void judge_need(struct need *need, const struct layer *layer)
{
    struct verdict verdict;
    struct view view = {0};

    need->fate = FATE_ALLOWED;
    for (size_t i = 0; i < need->exes.count || i == 0; i++) {
        const char *exe = i < need->exes.count ? need->exes.list[i] : NULL;

        if (!judge_as(&verdict, &view, need, layer, exe) || verdict.action == ACTION_ALLOW)
            continue;
        if (verdict.source != BY_RULE) {
            if (need->fate == FATE_ALLOWED)
                need->fate = FATE_ALLOW;
            continue;
        }
        free(need->refused);
        need->refused = rule_words(&view, verdict.rule);
        need->fate = FATE_DENIED;
    }
}

void needs_judge(struct needs *needs, const struct layer *layer)
{
    for (size_t i = 0; i < needs->count; i++) {
        if (needs->list[i].fate != FATE_PART && layer != NULL)
            judge_need(&needs->list[i], layer);
    }
}

/* What one layer refused of the run. */
static void note_layer(struct needs *needs, const struct layer *layer)
{
    struct verdict verdict;
    struct view view = {0};

    for (size_t i = 0; i < needs->count; i++) {
        struct need *need = &needs->list[i];
        const char *exe = need->exes.count > 0 ? need->exes.list[0] : NULL;
        char *words;

        if (need->refused != NULL || !judge_as(&verdict, &view, need, layer, exe) || !verdict_refuses(&verdict))
            continue;
        words = verdict.source == BY_RULE ? rule_words(&view, verdict.rule) : memory_text("its default");
        need->refused = memory_print("the %s policy '%s', %s", layer_kind(layer), layer->place.path, words);
        free(words);
    }
}

void needs_note_layers(struct needs *needs)
{
    static struct layer layers[LAYERS_MAX];
    struct messages messages = {0};
    int count = layers_load_here(layers, NULL, &messages);

    for (int i = 0; i < count; i++) {
        if ((layers[i].place.system || layers[i].place.pinned) &&
            (layers[i].outcome == LAYER_READY || layers[i].outcome == LAYER_LAST_GOOD))
            note_layer(needs, &layers[i]);
    }
    layers_free(layers, count > 0 ? count : 0);
    messages_free(&messages);
}
