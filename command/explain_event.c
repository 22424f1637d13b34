/* SPDX-License-Identifier: MIT */
/*
 * An event put to the present policy. It names the layer that decided, so it is that layer's word of then which is held
 * against its word of now; and what the layer was made of tells by its times whether it was edited in between.
 */
#include "command/explain_event.h"

#include "command/command.h"
#include "command/log_files.h"
#include "command/log_words.h"
#include "command/wording.h"
#include "config/memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MOST_CHANGES 5 /* files that are told */

/* An event beside what is said to its question now. */
struct review {
    const struct event_record *event;
    struct asked asked;
    char *text;        /* the endpoint */
    char problem[512]; /* why it cannot be asked; "": it can */
    struct answers answers;
    int layer;    /* of the scene: the one that the event is of; -1: it is no longer there */
    bool same;    /* the same verdict by the same rule */
    char *now_by; /* the rule's name, or "default" */
    char *now_at; /* FILE:LINE, or "" */
    char *remedy; /* the line to add; NULL: none, or none is needed */
};

/* ---- then and now ---- */

static void review_ask(struct review *review, const struct scene *scene)
{
    const struct event_record *event = review->event;

    review->asked.direction = event->direction;
    if (event->direction == NULL) {
        snprintf(review->problem, sizeof(review->problem),
                 "the event is not about an endpoint, so nothing can be asked");
        return;
    }
    review->text = event_endpoint(event);
    review->asked.text = review->text;
    if (event->family >= 0)
        review->asked.question = (struct question){.domain = event->family};
    else if (!question_read(&review->asked.question, event->direction, review->text, review->problem,
                            sizeof(review->problem)))
        return;
    review->answers = scene_ask(scene, &review->asked);
}

/* The verdict of one layer on the event's question. */
static const struct verdict *verdict_now(const struct review *review)
{
    return &review->answers.list[0].judgement.verdicts[review->layer];
}

/* By what the layer decides now, as an event would have it. */
static void name_source(struct review *review, const struct view *view)
{
    const struct verdict *verdict = verdict_now(review);
    uint32_t rule = verdict->rule;
    struct image_rule_text text;

    if (view == NULL || verdict->source != BY_RULE) {
        review->now_by = memory_text(verdict->source == BY_DEFAULT ? "default" : "");
        review->now_at = memory_text("");
        return;
    }
    text = view_rule_text(view, rule);
    review->now_by = memory_text(view_string(view, text.name));
    review->now_at = memory_print("%s:%u", view_string(view, text.file), text.line);
}

static bool texts_equal(const char *a, const char *b)
{
    return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

/* Whether an audit rule that the event is of is still passed on the way. */
static bool is_noted(const struct review *review, const struct view *view)
{
    const struct verdict *verdict = verdict_now(review);

    for (unsigned n = 0; view != NULL && n < verdict->note_count && n < VERDICT_NOTES; n++) {
        if (texts_equal(view_string(view, view_rule_text(view, verdict->notes[n]).name), review->event->rule))
            return true;
    }
    return false;
}

/* Holds the layer's verdict of now against the event. */
static void review_compare(struct review *review, const struct scene *scene)
{
    const struct event_record *event = review->event;
    const char *kind = event->layer != NULL ? event->layer : "user";

    review->layer = -1;
    for (int i = 0; i < scene->present_count && !review->same; i++) {
        if (strcmp(layer_kind(scene->present[i]), kind) != 0)
            continue;
        free(review->now_by);
        free(review->now_at);
        review->layer = i;
        name_source(review, scene->views[i]);
        review->same = is_noted(review, scene->views[i]) ||
                       (texts_equal(verdict_outcome(verdict_now(review)), event->verdict) &&
                        texts_equal(review->now_by, event->rule));
    }
}

static void review_free(struct review *review)
{
    free(review->text);
    free(review->now_by);
    free(review->now_at);
    free(review->remedy);
}

/* ---- what has changed since ---- */

struct changes {
    struct {
        char *path;
        char when[32];
    } list[MOST_CHANGES];
    int count;
};

static void note_change(struct changes *changes, const char *path, int64_t when_ns)
{
    time_t seconds = (time_t)(when_ns / 1000000000);
    struct tm broken;

    if (changes->count == MOST_CHANGES || gmtime_r(&seconds, &broken) == NULL)
        return;
    strftime(changes->list[changes->count].when, sizeof(changes->list[0].when), "%Y-%m-%dT%H:%M:%SZ", &broken);
    changes->list[changes->count++].path = printable(path);
}

/* The files of the layers that were changed behind the event. */
static struct changes changes_since(const struct scene *scene, double time)
{
    struct changes changes = {.count = 0};

    for (int i = 0; i < scene->present_count && time >= 0; i++) {
        struct image_source source;

        for (uint32_t n = 0; scene->views[i] != NULL && view_source(scene->views[i], n, &source); n++) {
            if (source.kind != SOURCE_ABSENT && (double)source.mtime_ns > time * 1e9)
                note_change(&changes, view_string(scene->views[i], source.path), source.mtime_ns);
        }
    }
    return changes;
}

static void changes_free(struct changes *changes)
{
    for (int i = 0; i < changes->count; i++)
        free(changes->list[i].path);
}

/* ---- in words ---- */

static void print_then(const struct review *review)
{
    const struct event_record *event = review->event;
    char *where = event_where(event), *because = event_because(event);
    char *line = memory_print("%s  %s (process %ld): %s %s\nthen: %s%s%s", event->stamp != NULL ? event->stamp : "?",
                              event->exe != NULL ? event->exe : "?", event->pid, event->op != NULL ? event->op : "?",
                              where, event->verdict != NULL ? event->verdict : "?", because != NULL ? ", by " : "",
                              because != NULL ? because : "");

    for (char *part = line, *end; part != NULL; part = end != NULL ? end + 1 : NULL) {
        char *shown;

        end = strchr(part, '\n');
        if (end != NULL)
            *end = '\0';
        shown = printable(part);
        puts(shown);
        free(shown);
    }
    free(where);
    free(because);
    free(line);
}

static void print_why(const struct review *review, const struct scene *scene)
{
    struct changes changes = changes_since(scene, review->event->time);

    for (int i = 0; i < changes.count; i++)
        printf("  %s was changed since then, at %s\n", changes.list[i].path, changes.list[i].when);
    if (changes.count == 0)
        puts("  nothing that it was made of was changed since then: the program ran under another policy\n"
             "  (SOCKADE_POLICY, or options of `sockade run`), or is known by another name");
    changes_free(&changes);
}

static void print_difference(const struct review *review, const struct scene *scene)
{
    char *by, *at;

    if (review->same) {
        bool moved = review->event->at != NULL && *review->now_at != '\0' &&
                     strcmp(review->event->at, review->now_at) != 0 && !is_noted(review, scene->views[review->layer]);

        at = printable(review->now_at);
        printf("The policy says the same now%s%s.\n", moved ? "; the rule stands at " : "", moved ? at : "");
        free(at);
        return;
    }
    if (review->layer < 0) {
        printf("It differs: the %s layer that decided then is not there now.\n",
               review->event->layer != NULL && strcmp(review->event->layer, "system") == 0 ? "system" : "user");
        return;
    }
    by = printable(review->now_by);
    at = printable(review->now_at);
    printf("It differs: the layer says %s now%s%s%s%s.\n", verdict_outcome(verdict_now(review)),
           *by != '\0' || *at != '\0' ? ", by " : "",
           *by != '\0'   ? by
           : *at != '\0' ? "a rule"
                         : "",
           *at != '\0' ? " at " : "", at);
    print_why(review, scene);
    free(by);
    free(at);
}

/* Where the line belongs that would allow it: each layer that refuses needs one. */
static void print_remedy(const struct review *review, const struct scene *scene)
{
    for (int i = 0; review->remedy != NULL && i < scene->present_count; i++) {
        const struct verdict *verdict = &review->answers.list[0].judgement.verdicts[i];
        const struct view *view = scene->views[i];
        struct image_rule_text text = {0};
        char *place, *shown, *remedy;

        if (view == NULL || verdict->action == ACTION_ALLOW)
            continue;
        if (verdict->source == BY_RULE)
            text = view_rule_text(view, verdict->rule);
        place = text.file != 0 ? memory_print("in front of %s:%u", view_string(view, text.file), text.line)
                               : memory_print("to `rules` in %s", scene->present[i]->place.path);
        shown = printable(place);
        remedy = printable(review->remedy);
        printf("If it was wanted, add %s%s:\n    %s,\n", shown,
               scene->present[i]->place.system ? " (the system's policy: who keeps it has to)" : "", remedy);
        free(remedy);
        free(shown);
        free(place);
    }
}

static void review_print(const struct review *review, const struct scene *scene)
{
    print_then(review);
    if (review->problem[0] != '\0') {
        char *shown = printable(review->problem);

        printf("now: %s\n", shown);
        free(shown);
        return;
    }
    fputs("now: ", stdout);
    answers_print(&review->answers, scene, &review->asked);
    print_difference(review, scene);
    print_remedy(review, scene);
}

/* ---- as JSON ---- */

static json_t *review_json(const struct review *review, const struct scene *scene)
{
    json_t *object = json_pack("{s:O}", "event", review->event->object), *array = json_array();
    struct changes changes = changes_since(scene, review->event->time);

    if (review->problem[0] != '\0') {
        json_object_set_new(object, "problem", json_string(review->problem));
    } else {
        json_object_set_new(object, "direction", json_string(review->asked.direction));
        json_object_set_new(object, "endpoint", json_string(review->text));
        json_object_set_new(object, "answers", answers_json(&review->answers, scene));
        json_object_set_new(object, "same", json_boolean(review->same));
    }
    for (int i = 0; i < changes.count; i++)
        json_array_append_new(array,
                              json_pack("{s:s, s:s}", "file", changes.list[i].path, "time", changes.list[i].when));
    json_object_set_new(object, "changed_since", array);
    if (review->remedy != NULL)
        json_object_set_new(object, "add", json_string(review->remedy));
    changes_free(&changes);
    return object;
}

/* ---- which events ---- */

/* What is done with each event, and what it came to. */
struct reviewing {
    const struct event_choice *choice;
    struct scene *scene;
    const char *exe;
    json_t *array;
    int code;
    size_t done, unread;
    char problem[256]; /* of the last line that is none */
};

static void review_event(struct reviewing *all, const struct event_record *event)
{
    struct review review = {.event = event, .answers = {.code = EXIT_UNKNOWN}};
    const char *exe = all->exe != NULL ? all->exe : event->exe;
    struct exe_names names;

    scene_open(all->scene, exe != NULL && exe_names_find(&names, exe) ? &names.names : NULL);
    review_ask(&review, all->scene);
    if (review.problem[0] == '\0') {
        review_compare(&review, all->scene);
        if (review.answers.code == EXIT_NEGATIVE)
            review.remedy = event_remedy(event);
    }
    if (all->array != NULL) {
        json_array_append_new(all->array, review_json(&review, all->scene));
    } else {
        if (all->done > 0)
            putchar('\n');
        review_print(&review, all->scene);
    }
    all->done++;
    if (review.answers.code > all->code)
        all->code = review.answers.code;
    review_free(&review);
}

/* One line; false where it is no event. */
static bool review_line(struct reviewing *all, const char *line, size_t length)
{
    struct event_record event;

    if (!event_read(&event, line, length, all->problem, sizeof(all->problem))) {
        all->unread++;
        return false;
    }
    review_event(all, &event);
    event_free(&event);
    return true;
}

/* Whether a line is an event at all; the last one that is may not be the last line. */
static bool is_event(const char *line, size_t length)
{
    struct event_record event;
    char problem[256];

    if (!event_read(&event, line, length, problem, sizeof(problem)))
        return false;
    event_free(&event);
    return true;
}

static void review_stream(struct reviewing *all, FILE *stream)
{
    const struct event_choice *choice = all->choice;
    char *line = NULL, *last = NULL;
    size_t room = 0, last_length = 0;
    ssize_t length;

    for (long number = 1; (length = getline(&line, &room, stream)) >= 0; number++) {
        if (choice->all || number == choice->line) {
            review_line(all, line, (size_t)length);
        } else if (choice->line == 0 && is_event(line, (size_t)length)) {
            free(last);
            last = memory_text(line);
            last_length = strlen(last);
        }
    }
    if (last != NULL)
        review_line(all, last, last_length);
    free(last);
    free(line);
}

/* Keeps the newest refusal of what is read. */
static bool keep_refusal(void *context, const struct event_record *event, const char *line, size_t length)
{
    char **kept = context;

    if (event_is_refusal(event)) {
        free(*kept);
        *kept = memory_print("%.*s", (int)length, line);
    }
    return true;
}

static void review_newest(struct reviewing *all)
{
    struct log_files files = {0};
    struct log_faults faults = {0};
    char *kept = NULL;

    log_files_here(&files);
    log_files_read(&files, keep_refusal, &kept, &faults);
    if (kept != NULL)
        review_line(all, kept, strlen(kept));
    free(kept);
    log_files_free(&files);
}

static bool review_file(struct reviewing *all)
{
    const char *name = all->choice->file;
    FILE *stream = strcmp(name, "-") == 0 ? stdin : fopen(name, "re");
    bool read;

    if (stream == NULL) {
        complain("open '%s': %s", name, strerror(errno));
        return false;
    }
    review_stream(all, stream);
    read = !ferror(stream);
    if (!read)
        complain("read '%s': %s", name, strerror(errno));
    if (stream != stdin)
        fclose(stream);
    return read;
}

int explain_events(const struct event_choice *choice, struct scene *scene, const char *exe, json_t *array)
{
    struct reviewing all = {.choice = choice, .scene = scene, .exe = exe, .array = array, .code = EXIT_FINE};
    bool read = true;

    if (choice->last)
        review_newest(&all);
    else if (choice->file != NULL)
        read = review_file(&all);
    else
        review_line(&all, choice->line_text, strlen(choice->line_text));
    if (all.unread > 0)
        complain("%zu line%s no event that can be read: %s", all.unread, all.unread == 1 ? " is" : "s are",
                 all.problem);
    else if (all.done == 0 && read)
        complain(choice->last       ? "no refusal stands in your log"
                 : choice->line > 0 ? "there is no line %ld"
                                    : "there is no event in it",
                 choice->line);
    return all.done == 0 ? EXIT_UNKNOWN : all.code;
}
