/* SPDX-License-Identifier: MIT */
/* From a ruling to the events that its layers want to see. */
#include "shim/judge.h"
#include "shim/rule_texts.h"
#include "shim/sandbox.h"

#include "shim/event_line.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define HINT_MAX_TEXT 192

/* What all events of one call have in common; the latch is that of the layer that is reported just now. */
struct occasion {
    uint32_t latch;
    const struct query *query; /* NULL for a family */
    const char *op;
    int domain;
};

static void number_append(char *out, size_t size, unsigned number)
{
    char digits[12];
    size_t at = sizeof(digits) - 1;

    digits[at] = '\0';
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    text_append(out, size, digits + at);
}

static const char *protocol_text(unsigned protos)
{
    switch (protos) {
    case PROTO_TCP:
        return "tcp";
    case PROTO_UDP:
        return "udp";
    case PROTO_ICMP:
        return "icmp";
    case PROTO_ICMP6:
        return "icmp6";
    case PROTO_SCTP:
        return "sctp";
    case PROTO_RAW:
        return "raw";
    default:
        return NULL;
    }
}

/* The rule that would have allowed it, ready to be pasted in front of the others. */
static void hint_make(char out[HINT_MAX_TEXT], const struct query *query)
{
    static const char *const keys[DIRECTIONS] = {"to", "from", "on"};
    char address[ADDRESS_TEXT];
    const char *protocol = protocol_text(query->protos);

    out[0] = '\0';
    if (query->address.family != ADDRESS_INET && query->address.family != ADDRESS_INET6)
        return;
    address_format(&query->address, address);
    text_append(out, HINT_MAX_TEXT, "{ action = \"allow\"; ");
    text_append(out, HINT_MAX_TEXT, keys[query->direction]);
    text_append(out, HINT_MAX_TEXT, " = \"");
    text_append(out, HINT_MAX_TEXT, address);
    text_append(out, HINT_MAX_TEXT, "\"; ");
    if (protocol != NULL) {
        text_append(out, HINT_MAX_TEXT, "proto = \"");
        text_append(out, HINT_MAX_TEXT, protocol);
        text_append(out, HINT_MAX_TEXT, "\"; ");
    }
    if (query->port_known && query->port != 0 && (query->protos & ~(unsigned)PROTO_WITH_PORTS) == 0) {
        text_append(out, HINT_MAX_TEXT, "port = ");
        number_append(out, HINT_MAX_TEXT, query->port);
        text_append(out, HINT_MAX_TEXT, "; ");
    }
    text_append(out, HINT_MAX_TEXT, "}");
}

static void event_add_query(struct event *event, const struct query *query)
{
    event->direction = query->direction;
    if (query->address.family == ADDRESS_UNIX) {
        event->path = query->path;
        event->path_length = query->path_length;
    } else if (query->address.family == ADDRESS_INET || query->address.family == ADDRESS_INET6) {
        event->address = &query->address;
        event->port = query->port_known ? query->port : -1;
        event->proto = protocol_text(query->protos);
    }
}

/* Writes one event of `layer`; `rule` is IMAGE_NO_RULE for a default. */
static __attribute__((noinline)) void event_write(const struct layer *layer, const struct occasion *occasion,
                                                  uint32_t rule, const char *verdict, bool refused)
{
    char *line;
    struct rule_texts texts = {0};
    char hint[HINT_MAX_TEXT];
    struct event event = {.port = -1,
                          .domain = occasion->domain,
                          .pid = getpid(),
                          .exe = process.exe,
                          .op = occasion->op,
                          .verdict = verdict,
                          .layer = layer->system ? "system" : "user"};
    const struct image_settings *settings = &layer->slots[atomic_load(&layer->latch) & LATCH_SLOT].settings;

    if (!log_limit_pass(&process.limit, settings->log_limit, &event.left_out))
        return;
    clock_gettime(CLOCK_REALTIME, &event.time);
    if (occasion->query != NULL)
        event_add_query(&event, occasion->query);
    if (rule != IMAGE_NO_RULE) {
        rule_texts_copy(&texts, layer, occasion->latch, rule);
        event.line = texts.line;
        event.rule = texts.name[0] != '\0' ? texts.name : NULL;
        event.reason = texts.reason[0] != '\0' ? texts.reason : NULL;
        event.file = texts.file[0] != '\0' ? texts.file : NULL;
    } else {
        event.rule = "default";
    }
    if (refused && occasion->query != NULL) {
        hint_make(hint, occasion->query);
        event.hint = hint[0] != '\0' ? hint : NULL;
    }
    line = event_line_take();
    if (line == NULL)
        return;
    log_write(layer_log(layer), line, event_format(&event, line), process.uid, event.pid);
    event_line_give(line);
}

static const char *action_text(enum rule_action action, bool would)
{
    static const char *const texts[2][3] = {{"allow", "deny", "drop"}, {"would-allow", "would-deny", "would-drop"}};

    return texts[would][action];
}

/* An audit rule's action, read for its note. */
static enum rule_action rule_action_of(const struct layer *layer, uint32_t rule)
{
    const struct view *view = &layer->slots[atomic_load(&layer->latch) & LATCH_SLOT];
    uint8_t action = ACTION_DENY;

    if (rule < view->rules.count)
        action = ((const struct image_rule *)(const void *)(view->base + view->rules.offset))[rule].action;
    return action <= ACTION_DROP ? (enum rule_action)action : ACTION_DENY;
}

static void layer_report(const struct layer *layer, const struct verdict *verdict, const struct occasion *occasion)
{
    const struct view *view = &layer->slots[atomic_load(&layer->latch) & LATCH_SLOT];
    bool refuses = verdict->action != ACTION_ALLOW;
    int what = view->settings.log_what;
    bool wanted = verdict->log || what == LOG_ALL || (what == LOG_DENIED && refuses);

    if (layer->closed || layer_log(layer)->target == LOG_TO_NOWHERE || what == LOG_NONE || sandboxed())
        return;
    for (unsigned i = 0; i < verdict->note_count; i++)
        event_write(layer, occasion, verdict->notes[i], action_text(rule_action_of(layer, verdict->notes[i]), true),
                    rule_action_of(layer, verdict->notes[i]) != ACTION_ALLOW);
    if (wanted)
        event_write(layer, occasion, verdict->source == BY_RULE ? verdict->rule : IMAGE_NO_RULE,
                    action_text(verdict->action, verdict->audit_mode), refuses);
}

static void ruling_report(const struct ruling *ruling, struct occasion *occasion)
{
    int saved = errno;

    if (likely(!ruling->reportable))
        return;
    for (int i = 0; i < ruling->layers && process_is_ready(); i++) {
        occasion->latch = ruling->latches[i];
        layer_report(&process.layers[i], &ruling->verdicts[i], occasion);
    }
    errno = saved;
}

void judge_report(const struct ruling *ruling, const struct query *query, const char *op)
{
    struct occasion occasion = {.query = query, .op = op, .domain = -1};

    ruling_report(ruling, &occasion);
}

void report_family(const struct ruling *ruling, int domain, const char *op)
{
    struct occasion occasion = {.op = op, .domain = domain};

    ruling_report(ruling, &occasion);
}
