/* SPDX-License-Identifier: MIT */
/*
 * Advice: what is right by the language but perhaps not meant. Each check is a function that looks at the rules as they
 * were read, so that what it says holds for what is enforced and not for how it was written.
 */
#include "config/lint.h"

#include "config/lint_internal.h"
#include "config/memory.h"
#include "config/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define WORK ((size_t)200000000) /* comparisons of ranges: some seconds */

static void check_unused_sets(const struct policy *policy, struct messages *messages)
{
    for (size_t i = 0; i < policy->set_count; i++) {
        if (!policy->sets[i].used)
            warn(messages, "unused-set", policy->sets[i].place, "set '%.200s' is named by no rule",
                 policy->sets[i].name);
    }
}

/* ---- programs ---- */

/* The first entry holds for a program, so what a later one says of it is never heard. */
static void check_exe(const struct policy *policy, size_t entry, const char *exe, struct messages *messages)
{
    const struct program_entry *program = &policy->programs[entry];
    struct stat st;

    for (size_t i = 0; i < entry; i++) {
        for (size_t j = 0; j < policy->programs[i].exe_count; j++) {
            if (strcmp(policy->programs[i].exes[j], exe) != 0)
                continue;
            warn(messages, "program-twice", program->place,
                 "program '%.200s' stands in the entry at %s:%d already, which alone holds for it", exe,
                 policy->programs[i].place.file, policy->programs[i].place.line);
            return;
        }
    }
    if (strchr(exe, '*') == NULL && stat(exe, &st) != 0 && (errno == ENOENT || errno == ENOTDIR))
        note(messages, "program-absent", program->place, "program '%.200s' does not exist here", exe);
}

static void check_programs(const struct policy *policy, struct messages *messages)
{
    for (size_t i = 0; i < policy->program_count; i++) {
        for (size_t j = 0; j < policy->programs[i].exe_count; j++)
            check_exe(policy, i, policy->programs[i].exes[j], messages);
    }
}

/* ---- errnos that programs take for something else ---- */

/* What programs do with an errno that no refusal has; NULL: nothing strange. */
static const char *strange_errno(int error, unsigned kind)
{
    switch (error) {
    case EBADF:
    case ENOTSOCK:
    case EFAULT:
    case EINVAL:
        return "a mistake of their own, and may abort";
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        return "a lack of resources, and try again or give up altogether";
    case ENOSYS:
        return "a kernel that lacks the call, and may look for another way";
    case ECONNABORTED:
    case EPROTO:
        return kind == DIRECTION_FROM ? "a peer that went away, and call accept() again at once" : NULL;
    default:
        return NULL;
    }
}

static void check_errnos(const struct policy *policy, struct messages *messages)
{
    for (size_t i = 0; i < policy->rule_count; i++) {
        const struct rule *rule = &policy->rules[i];
        const char *strange = strange_errno(rule->error, rule->kind);

        if (strange)
            warn(messages, "strange-errno", rule->place,
                 "programs take '%s' for %s; 'EACCES' and 'EPERM' say what it is", errno_name(rule->error), strange);
    }
}

static void check_excepts(const struct policy *policy, struct messages *messages)
{
    for (size_t i = 0; i < policy->rule_count; i++) {
        if (policy->rules[i].except_idle) {
            warn(messages, "except-idle", policy->rules[i].place, "'except' takes out nothing that the rule names");
            messages_detail(messages, NULL, "except", NULL);
        }
    }
}

/* ---- settings ---- */

static void check_settings(const struct policy *policy, struct messages *messages)
{
    if (policy->mode == MODE_OFF)
        warn(messages, "mode-off", (struct place){policy->file_count > 0 ? policy->files[0] : NULL, 0},
             "the mode is \"off\": nothing of this policy is enforced");
    if (policy->settings.icmp_pretend_root == 1)
        warn(messages, "pretend-root", policy->settings.icmp_place,
             "every program is told that it is root; put `icmp = { pretend_root = true; }` into a `programs` entry of "
             "those that refuse to ping without it");
}

/* What the reader noted of the text. */
static void add_advice(const struct policy *policy, struct messages *messages)
{
    for (size_t i = 0; i < policy->advice.count; i++) {
        const struct message *advice = &policy->advice.list[i];

        messages_add(messages, advice->kind, (struct place){advice->file, advice->line}, "%s", advice->text);
        messages_detail(messages, advice->id, advice->token, advice->fix);
    }
}

void policy_lint(const struct policy *policy, const struct range_set *resolvers, struct messages *messages)
{
    struct work work = {
        .left = WORK,
        .never = memory_new(policy->rule_count),
        .briefs = memory_new(policy->rule_count * sizeof(struct brief)),
    };

    for (size_t i = 0; i < policy->rule_count; i++)
        work.briefs[i] = rule_brief(&policy->rules[i]);
    lint_order(policy, messages, &work);
    lint_needless(policy, messages, &work);
    check_unused_sets(policy, messages);
    lint_lists(policy, resolvers, messages);
    lint_closed(policy, resolvers, messages);
    check_programs(policy, messages);
    check_errnos(policy, messages);
    check_excepts(policy, messages);
    check_settings(policy, messages);
    add_advice(policy, messages);
    if (work.out)
        note(messages, "too-many", (struct place){policy->file_count > 0 ? policy->files[0] : NULL, 0},
             "the rules are too many to compare all of them; some advice may be missing");
    free(work.never);
    free(work.briefs);
}
