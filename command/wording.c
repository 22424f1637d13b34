/* SPDX-License-Identifier: MIT */
/* How `explain` and `test` speak of a verdict. */
#include "command/wording.h"

#include "config/memory.h"
#include "config/names.h"

#include <stdio.h>
#include <stdlib.h>

const char *verdict_outcome(const struct verdict *verdict)
{
    static const char *const words[2][3] = {{"allow", "deny", "drop"}, {"allow", "would-deny", "would-drop"}};

    return words[verdict->audit_mode][verdict->action];
}

const char *error_text(int error)
{
    static char number[32];
    const char *name = errno_name(error);

    if (name != NULL)
        return name;
    snprintf(number, sizeof(number), "errno %d", error);
    return number;
}

char *rule_words(const struct view *view, uint32_t rule)
{
    struct image_rule_text text = view_rule_text(view, rule);
    const char *name = view_string(view, text.name);
    const char *file = view_string(view, text.file);
    const char *reason = view_string(view, text.reason);
    char *at = *file == '\0'    ? memory_text("")
               : text.line == 0 ? memory_print(" at %s", file)
                                : memory_print(" at %s:%u", file, text.line);
    char *called = *name != '\0' ? memory_print("rule \"%s\"", name) : memory_text("the rule");
    char *because = *reason != '\0' ? memory_print(" (%s)", reason) : memory_text("");
    char *words = memory_print("%s%s%s", called, at, because);

    free(at);
    free(called);
    free(because);
    return words;
}

/* By what a layer decided. */
static char *source_words(const struct view *view, const struct verdict *verdict)
{
    switch (verdict->source) {
    case BY_RULE:
        return rule_words(view, verdict->rule);
    case BY_DEFAULT:
        return memory_text("its default");
    case BY_FAILURE:
        return memory_text("a damaged image: fail-closed");
    case BY_NOTHING:
        break;
    }
    return memory_text("default: no rule names it");
}

char *verdict_words(const struct view *view, const struct verdict *verdict)
{
    char *source = source_words(view, verdict);
    char *words;

    switch (verdict->action) {
    case ACTION_DENY:
        words = memory_print("%s with %s, by %s", verdict->audit_mode ? "would deny" : "denies",
                             error_text(verdict->error), source);
        break;
    case ACTION_DROP:
        words = memory_print("%s in silence, by %s", verdict->audit_mode ? "would drop" : "drops", source);
        break;
    default:
        words = memory_print("allows, by %s", source);
        break;
    }
    free(source);
    return words;
}
