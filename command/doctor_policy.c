/* SPDX-License-Identifier: MIT */
/* Each layer as a program that is started here would find it: its text, the image that was made of it, its log. */
#include "command/command.h"
#include "command/doctor.h"
#include "command/layers.h"
#include "config/memory.h"
#include "state/kernel.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* What is looked at: one layer. */
struct subject {
    struct diagnosis *diagnosis;
    const struct surroundings *surroundings;
    const struct layer_place *place;
    const char *kind; /* "system" or "user" */
    bool translate;   /* it does not say translate = "never" */
};

static char *owner_of(const struct stat *st)
{
    const struct passwd *user = getpwuid(st->st_uid);

    return user != NULL ? memory_text(user->pw_name) : memory_print("uid %ld", (long)st->st_uid);
}

/* What mends a file that is not trusted or cannot be read; nothing where that is not what is wrong with it. */
static void add_file_remedy(const struct subject *subject, const char *path)
{
    uid_t uid = subject->surroundings->uid;
    char *word = shell_word(path);
    struct stat st;

    if (stat(path, &st) == 0) {
        const char *why = trust_problem(&st, uid, subject->place->system);
        enum remedy kind = st.st_uid == uid ? REMEDY_COMMAND : REMEDY_ROOT_COMMAND;

        if (why != NULL && (st.st_mode & S_IWOTH) != 0)
            diagnosis_remedy(subject->diagnosis, kind, "chmod o-w %s", word);
        else if (why != NULL && st.st_uid != uid && st.st_uid != 0)
            diagnosis_remedy(subject->diagnosis, REMEDY_ROOT_COMMAND, "chown %ld %s", (long)uid, word);
        else if (why != NULL)
            diagnosis_remedy(subject->diagnosis, kind, "chmod g-w %s", word);
        else if (access(path, R_OK) != 0 && S_ISREG(st.st_mode))
            diagnosis_remedy(subject->diagnosis, kind, st.st_uid == uid ? "chmod u+rw %s" : "chmod o+r %s", word);
    }
    free(word);
}

/* The first error of a text, and how many there are. */
static void add_errors(const struct subject *subject, const struct messages *messages, bool last_good)
{
    const struct message *first = NULL;
    char *word = shell_word(subject->place->path);

    for (size_t i = messages->count; i-- > 0;) {
        if (messages->list[i].kind == MESSAGE_ERROR)
            first = &messages->list[i];
    }
    diagnosis_add(subject->diagnosis, MARK_PROBLEM, "policy", "%s: %zu error%s in %s: %s:%d: %s; %s", subject->kind,
                  messages->errors, plural(messages->errors), subject->place->path, first != NULL ? first->file : "",
                  first != NULL ? first->line : 0, first != NULL ? first->text : "",
                  last_good ? "the last good image holds" : "programs are refused everything");
    if (subject->place->system)
        diagnosis_remedy(subject->diagnosis, REMEDY_COMMAND, "sockade check");
    else
        diagnosis_remedy(subject->diagnosis, REMEDY_COMMAND, "sockade check %s", word);
    if (first != NULL)
        add_file_remedy(subject, first->file);
    free(word);
}

/* "12 minutes ago". */
static char *age_of(int64_t mtime_ns)
{
    static const struct {
        long seconds;
        const char *name;
    } units[] = {{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
    long age = (long)(time(NULL) - (time_t)(mtime_ns / 1000000000));

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        long count = age / units[i].seconds;

        if (count > 0)
            return memory_print("%ld %s%s ago", count, units[i].name, plural((size_t)count));
    }
    return memory_text("just now");
}

static int64_t nanoseconds(const struct timespec *time)
{
    return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

/* The first source that is not what the image was made of. */
static char *stale_source(const struct view *view)
{
    struct image_source source;

    for (uint32_t i = 0; view_source(view, i, &source); i++) {
        const char *path = view_string(view, source.path);
        struct stat st;
        bool there = stat(path, &st) == 0;

        if (source.kind == SOURCE_ABSENT && there)
            return memory_print("%s has appeared", path);
        if (source.kind == SOURCE_ABSENT)
            continue;
        if (!there)
            return memory_print("%s is gone", path);
        if (st.st_ino != source.inode || nanoseconds(&st.st_mtim) != source.mtime_ns ||
            nanoseconds(&st.st_ctim) != source.ctime_ns)
            return memory_print("%s has changed", path);
    }
    return memory_text("what it was made of has changed");
}

static void add_compile_remedy(const struct subject *subject)
{
    char *word = shell_word(subject->place->path);

    if (subject->place->system)
        diagnosis_remedy(subject->diagnosis, REMEDY_ROOT_COMMAND, "sockade compile --system");
    else
        diagnosis_remedy(subject->diagnosis, REMEDY_COMMAND, "sockade compile %s", word);
    free(word);
}

static void add_stale(const struct subject *subject, const struct published *published)
{
    struct view view;
    char *age = age_of(published->file.mtime_ns);
    char *why = image_open(&view, published->file.base, published->file.size, NULL) == IMAGE_OK
                    ? stale_source(&view)
                    : memory_text("it cannot be used");

    diagnosis_add(subject->diagnosis, MARK_WARNING, "image",
                  "%s: %s, made %s, is stale: %s; the next program that starts compiles it anew", subject->kind,
                  published->path, age, why);
    free(why);
    free(age);
    add_compile_remedy(subject);
}

/* The image of a text, where the shim looks for it. */
static bool check_image(const struct subject *subject, bool text_is_right)
{
    struct published published;
    char name[IMAGE_NAME];
    bool found;

    text_image_name(name, subject->place, NULL);
    found = published_find(&published, subject->surroundings, subject->place->system, name);
    if (!text_is_right)
        ; /* the text's errors say it all */
    else if (!found) {
        diagnosis_add(subject->diagnosis, MARK_WARNING, "image",
                      "%s: there is none yet; the next program that starts compiles it", subject->kind);
        add_compile_remedy(subject);
    } else if (!published.fresh) {
        add_stale(subject, &published);
    } else {
        char *age = age_of(published.file.mtime_ns);

        diagnosis_add(subject->diagnosis, MARK_OK, "image", "%s: %s, fresh, made %s", subject->kind, published.path,
                      age);
        free(age);
    }
    if (found)
        image_file_close(&published.file);
    return found;
}

/* What the settings of a policy mean here: its log, and whether it wants pings translated. */
static void check_settings(struct subject *subject, const void *base, size_t size)
{
    struct view view;

    if (image_open(&view, base, size, NULL) != IMAGE_OK)
        return;
    if (view.mode != MODE_ENFORCE)
        diagnosis_add(subject->diagnosis, MARK_WARNING, "policy", "%s: its mode is \"%s\": it refuses nothing",
                      subject->kind, view.mode == MODE_AUDIT ? "audit" : "off");
    subject->translate = view.settings.icmp_translate != TRANSLATE_NEVER;
    if (view.settings.log_what == LOG_NONE)
        diagnosis_add(subject->diagnosis, MARK_OK, "log", "%s: the policy wants no events", subject->kind);
    else
        doctor_log(subject->diagnosis, view_string(&view, view.settings.log_to), view.settings.log_max_size,
                   subject->surroundings, subject->kind);
}

/* A line for a policy that can be used. */
static void add_policy(const struct subject *subject, const char *form, size_t rules, size_t warnings)
{
    const char *path = subject->place->path;
    char *owner = NULL;
    struct stat st;

    if (stat(path, &st) == 0)
        owner = owner_of(&st);
    diagnosis_add(subject->diagnosis, warnings > 0 ? MARK_WARNING : MARK_OK, "policy",
                  "%s: %s, %s of %s, %zu rule%s, trusted%s", subject->kind, path, form,
                  owner != NULL ? owner : "nobody", rules, plural(rules),
                  warnings > 0 ? ", but there are warnings" : "");
    if (warnings > 0 && subject->place->system) {
        diagnosis_remedy(subject->diagnosis, REMEDY_COMMAND, "sockade check");
    } else if (warnings > 0) {
        char *word = shell_word(path);

        diagnosis_remedy(subject->diagnosis, REMEDY_COMMAND, "sockade check %s", word);
        free(word);
    }
    free(owner);
}

static void check_text(struct subject *subject)
{
    struct messages messages = {0};
    struct compiled compiled;
    bool right = text_compile(&compiled, subject->place, NULL, false, &messages);

    if (right) {
        add_policy(subject, "text", compiled.policy.rule_count, messages.count - messages.errors);
        check_image(subject, true);
        check_settings(subject, compiled.image.bytes, compiled.image.size);
    } else {
        add_errors(subject, &messages, check_image(subject, false));
    }
    messages_free(&messages);
    compiled_free(&compiled);
}

static void add_absent(const struct subject *subject)
{
    if (layer_is_named(subject->place, subject->surroundings)) {
        diagnosis_add(
            subject->diagnosis, MARK_PROBLEM, "policy",
            "%s does not exist, but SOCKADE_POLICY or SOCKADE_PINNED names it: programs are refused everything",
            subject->place->path);
        diagnosis_remedy(subject->diagnosis, REMEDY_COMMAND, "unset SOCKADE_POLICY SOCKADE_PINNED");
        return;
    }
    diagnosis_add(subject->diagnosis, MARK_OK, "policy", "%s: none at %s", subject->kind, subject->place->path);
}

static void check_layer(struct subject *subject)
{
    struct messages messages = {0};
    struct image_file file;
    struct view view;

    switch (layer_look(subject->place, subject->surroundings, &file, &messages)) {
    case FORM_IMAGE:
        if (image_open(&view, file.base, file.size, NULL) == IMAGE_OK)
            add_policy(subject, "image", view.rules.count, 0);
        check_settings(subject, file.base, file.size);
        break;
    case FORM_TEXT:
        check_text(subject);
        break;
    case FORM_ABSENT:
        add_absent(subject);
        break;
    case FORM_UNUSABLE:
        diagnosis_add(subject->diagnosis, MARK_PROBLEM, "policy", "%s: %s %s: programs are refused everything",
                      subject->kind, subject->place->path, messages.count > 0 ? messages.list[0].text : "is unusable");
        add_file_remedy(subject, subject->place->path);
        break;
    }
    image_file_close(&file);
    messages_free(&messages);
}

bool doctor_policy(struct diagnosis *diagnosis)
{
    struct surroundings surroundings;
    struct layer_place places[LAYERS_MAX];
    bool translate = true;
    int count;

    surroundings_here(&surroundings);
    count = locate_layers(&surroundings, places);
    if (count < 0) {
        diagnosis_add(diagnosis, MARK_PROBLEM, "policy",
                      "SOCKADE_PINNED cannot be read, or names too many policies: programs are refused everything");
        diagnosis_remedy(diagnosis, REMEDY_COMMAND, "unset SOCKADE_PINNED");
    }
    for (int i = 0; i < count; i++) {
        struct subject subject = {diagnosis, &surroundings, &places[i], places[i].system ? "system" : "user", true};

        if (places[i].foreign && access(places[i].path, R_OK) != 0)
            continue; /* another user's pin, which is let go */
        check_layer(&subject);
        translate = translate && subject.translate;
    }
    doctor_folders(diagnosis, &surroundings);
    return translate;
}
