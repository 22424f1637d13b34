/* SPDX-License-Identifier: MIT */
/* Events read back from lines of JSON, whatever these hold. */
#include "command/events.h"

#include "config/memory.h"
#include "state/event.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* A number between `least` and `most`; `other` where the line has none. */
static long number_of(const json_t *object, const char *key, long least, long most, long other)
{
    const json_t *value = json_object_get(object, key);
    json_int_t number = json_integer_value(value);

    return json_is_integer(value) && number >= least && number <= most ? (long)number : other;
}

/* The seconds of "2026-01-31T12:00:00.123Z"; negative where the text is no such time. */
static double seconds_of(const char *stamp)
{
    struct tm broken = {0};
    double fraction = 0;
    int used = 0;

    if (stamp == NULL ||
        sscanf(stamp, "%4d-%2d-%2dT%2d:%2d:%2d%n", &broken.tm_year, &broken.tm_mon, &broken.tm_mday, &broken.tm_hour,
               &broken.tm_min, &broken.tm_sec, &used) != 6 ||
        used != 19)
        return -1;
    if (stamp[used] == '.' && isdigit((unsigned char)stamp[used + 1])) {
        char *end;

        fraction = strtod(stamp + used, &end);
        used = (int)(end - stamp);
    }
    if (strcmp(stamp + used, "Z") != 0)
        return -1;
    broken.tm_year -= 1900;
    broken.tm_mon -= 1;
    return (double)timegm(&broken) + fraction;
}

static void read_peer(struct event_record *out)
{
    static const char *const keys[][2] = {{"dst", "to"}, {"src", "from"}, {"on", "on"}};

    out->family = (int)number_of(out->object, "family", 0, INT_MAX, -1);
    if (out->family >= 0)
        out->direction = "family";
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]) && out->direction == NULL; i++) {
        out->peer = text_of(out->object, keys[i][0]);
        if (out->peer != NULL)
            out->direction = keys[i][1];
    }
}

bool event_read(struct event_record *out, const char *line, size_t length, char *problem, size_t problem_size)
{
    json_error_t error;
    json_t *object = json_loadb(line, length, JSON_REJECT_DUPLICATES, &error);
    long version = json_is_object(object) ? number_of(object, "v", 0, LONG_MAX, -1) : -1;

    if (version != EVENT_VERSION) {
        if (object == NULL)
            snprintf(problem, problem_size, "no line of JSON: %s", error.text);
        else if (version < 0)
            snprintf(problem, problem_size, "no event: it has no version");
        else
            snprintf(problem, problem_size, "an event of version %ld; this program knows %d", version, EVENT_VERSION);
        json_decref(object);
        return false;
    }
    *out = (struct event_record){.object = object, .stamp = text_of(object, "time")};
    out->time = seconds_of(out->stamp);
    out->pid = number_of(object, "pid", 0, INT_MAX, 0);
    out->exe = text_of(object, "exe");
    out->op = text_of(object, "op");
    out->target = text_of(object, "target");
    read_peer(out);
    out->port = (int)number_of(object, "port", 0, UINT16_MAX, -1);
    out->proto = text_of(object, "proto");
    out->verdict = text_of(object, "verdict");
    out->rule = text_of(object, "rule");
    out->at = text_of(object, "at");
    out->layer = text_of(object, "layer");
    out->reason = text_of(object, "reason");
    out->hint = text_of(object, "hint");
    out->left_out = number_of(object, "left_out", 0, LONG_MAX, 0);
    return true;
}

void event_free(struct event_record *event)
{
    json_decref(event->object);
    event->object = NULL;
}

bool event_is_refusal(const struct event_record *event)
{
    static const char *const refusals[] = {"deny", "drop", "would-deny", "would-drop"};

    for (size_t i = 0; event->verdict != NULL && i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        if (strcmp(event->verdict, refusals[i]) == 0)
            return true;
    }
    return false;
}

char *event_endpoint(const struct event_record *event)
{
    bool brackets = event->port >= 0 && event->peer != NULL && strchr(event->peer, ':') != NULL;
    char port[16] = "";
    const char *proto = event->proto != NULL ? event->proto : "";

    if (event->family >= 0)
        return memory_print("family %d", event->family);
    if (event->peer == NULL)
        return memory_text(event->target != NULL ? event->target : "");
    if (strncmp(event->peer, "unix:", 5) == 0)
        return memory_text(event->peer);
    if (event->port >= 0)
        snprintf(port, sizeof(port), ":%d", event->port);
    return memory_print("%s%s%s%s%s%s", brackets ? "[" : "", event->peer, brackets ? "]" : "", port,
                        proto[0] != '\0' ? "/" : "", proto);
}
