/* SPDX-License-Identifier: MIT */
/* Events in words. */
#include "command/log_words.h"

#include "config/memory.h"
#include "config/names.h"

#include <stdlib.h>
#include <string.h>

const char *event_program(const struct event_record *event)
{
    const char *base = event->exe != NULL ? strrchr(event->exe, '/') : NULL;

    if (event->exe == NULL || event->exe[0] == '\0')
        return "?";
    return base != NULL && base[1] != '\0' ? base + 1 : event->exe;
}

/* The policy's name of a family; NULL: it has none. */
static const char *family_name(int family)
{
    for (size_t i = 0; i < family_name_count; i++) {
        if (family_by_name(family_names[i]) == family)
            return family_names[i];
    }
    return NULL;
}

bool event_is_lookup(const struct event_record *event)
{
    return event->target != NULL && event->peer != NULL;
}

char *event_where(const struct event_record *event)
{
    char *endpoint, *where;

    if (event_is_lookup(event))
        return memory_print("name %s is %s", event->target, event->peer);
    if (event->family >= 0 && family_name(event->family) != NULL)
        return memory_print("family %s", family_name(event->family));
    endpoint = event_endpoint(event);
    if (event->family >= 0)
        return endpoint;
    if (event->direction == NULL && event->target == NULL)
        where = memory_text("");
    else
        where = memory_print("%s %s", event->direction != NULL ? event->direction : "runs", endpoint);
    free(endpoint);
    return where;
}

char *event_because(const struct event_record *event)
{
    const char *colon = event->reason != NULL ? ": " : "", *reason = event->reason != NULL ? event->reason : "";
    const char *layer = event->layer != NULL ? event->layer : "user";

    if (event->rule != NULL && event->at != NULL)
        return memory_print("rule \"%s\", %s%s%s", event->rule, event->at, colon, reason);
    if (event->rule != NULL && strcmp(event->rule, "default") == 0)
        return memory_print("default of the %s layer%s%s", layer, event->reason != NULL ? colon : ": ",
                            event->reason != NULL ? reason : "no rule names it");
    if (event->rule != NULL)
        return memory_print("%s, of the %s layer%s%s", event->rule, layer, colon, reason);
    return event->reason != NULL ? memory_text(reason) : NULL;
}

/* Whether a text can stand between quotes in a policy, and stands for itself alone there. */
static bool is_plain(const char *text)
{
    return strpbrk(text, "\"\\*") == NULL;
}

char *event_remedy(const struct event_record *event)
{
    const char *family = event->family >= 0 ? family_name(event->family) : NULL;

    if (event->hint != NULL)
        return memory_text(event->hint);
    if (family != NULL)
        return memory_print("{ action = \"allow\"; family = \"%s\"; }", family);
    if (event->peer != NULL && event->direction != NULL && strncmp(event->peer, "unix:", 5) == 0 &&
        is_plain(event->peer))
        return memory_print("{ action = \"allow\"; %s = \"%s\"; }", event->direction, event->peer);
    if (event->rule != NULL && strcmp(event->rule, "unprotected") == 0)
        return memory_text("unprotected = \"warn\";");
    return NULL;
}

enum colour verdict_colour(const char *verdict)
{
    if (verdict == NULL)
        return COLOUR_NONE;
    if (strcmp(verdict, "deny") == 0 || strcmp(verdict, "drop") == 0 || strcmp(verdict, "error") == 0)
        return COLOUR_RED;
    return strncmp(verdict, "would-", 6) == 0 || strcmp(verdict, "warn") == 0 ? COLOUR_YELLOW : COLOUR_GREEN;
}
