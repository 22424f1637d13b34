/* SPDX-License-Identifier: MIT */
/* Filters: read once, with a hint where a value is wrong, and held against each event. */
#include "command/log_filter.h"

#include "command/command.h"
#include "command/log_time.h"
#include "config/endpoint.h"
#include "config/memory.h"
#include "config/messages.h"
#include "config/names.h"
#include "policy/address.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* One --peer: addresses, or a pattern of Unix paths; with a port and a protocol or not. */
struct log_peer {
    const char *pattern; /* "unix:..."; NULL: addresses */
    struct range_set addresses;
    struct endpoint endpoint;
};

const char *const verdict_names[] = {"allow",      "deny", "drop",  "would-allow", "would-deny",
                                     "would-drop", "warn", "error", "refused"};
const size_t verdict_name_count = sizeof(verdict_names) / sizeof(verdict_names[0]);

static int read_verdict(const char *text, const struct usage *usage)
{
    const char *near;

    for (size_t i = 0; i < verdict_name_count; i++) {
        if (strcmp(text, verdict_names[i]) == 0)
            return EXIT_FINE;
    }
    near = nearest_name(text, verdict_names, verdict_name_count);
    if (near != NULL)
        return usage_error(usage, "--verdict: unknown verdict '%.80s'; did you mean '%s'", text, near);
    return usage_error(usage,
                       "--verdict: unknown verdict '%.80s'; there are deny, drop, allow, would-deny, would-drop, "
                       "would-allow, warn, error, and refused for deny and drop, done or not",
                       text);
}

static int read_peer(struct log_peer *peer, const char *text, const struct usage *usage)
{
    struct address_range range;
    char problem[512], hint[RANGE_TEXT] = "";
    const char *address = peer->endpoint.address;

    if (strncmp(text, "unix:", 5) == 0) {
        peer->pattern = text;
        return EXIT_FINE;
    }
    if (text[0] == '/' || text[0] == '@')
        return usage_error(usage, "--peer: '%.80s' is no address; a Unix socket is 'unix:%.80s'", text, text);
    if (!endpoint_parse(text, &peer->endpoint, problem, sizeof(problem)))
        return usage_error(usage, "--peer: %s", problem);
    if (address_name_add(address, &peer->addresses)) {
        range_set_normalise(&peer->addresses);
        return EXIT_FINE;
    }
    switch (range_parse(address, true, &range, NULL, hint)) {
    case ADDRESS_OK:
        range_set_add(&peer->addresses, &range);
        range_set_normalise(&peer->addresses);
        return EXIT_FINE;
    case ADDRESS_NOT_AN_ADDRESS:
        return usage_error(usage, "--peer: '%.80s' is no address, net or range; host names are not looked up", address);
    default:
        if (hint[0] != '\0')
            return usage_error(usage, "--peer: '%.80s' is no net; did you mean '%s'", address, hint);
        return usage_error(usage, "--peer: '%.80s' is no net or range", address);
    }
}

static int read_time(const char *option, const char *text, double now, double *out, const struct usage *usage)
{
    if (text == NULL || log_time_read(text, now, out))
        return EXIT_FINE;
    return usage_error(usage, "--%s: '%.80s' is no time; " LOG_TIME_FORMS, option, text);
}

int log_filter_read(struct log_filter *filter, const struct usage *usage)
{
    struct timespec clock;
    double now;
    int code = EXIT_FINE;

    clock_gettime(CLOCK_REALTIME, &clock);
    now = (double)clock.tv_sec + (double)clock.tv_nsec / 1e9;
    filter->since = -INFINITY;
    filter->until = INFINITY;
    filter->ends = memory_new((filter->peers.count + 1) * sizeof(*filter->ends));
    for (size_t i = 0; i < filter->peers.count && code == EXIT_FINE; i++)
        code = read_peer(&filter->ends[i], filter->peers.list[i].value, usage);
    for (size_t i = 0; i < filter->verdicts.count && code == EXIT_FINE; i++)
        code = read_verdict(filter->verdicts.list[i].value, usage);
    if (code == EXIT_FINE)
        code = read_time("since", filter->since_text, now, &filter->since, usage);
    if (code == EXIT_FINE)
        code = read_time("until", filter->until_text, now, &filter->until, usage);
    if (code == EXIT_FINE && filter->since > filter->until)
        code = usage_error(usage, "--since '%.80s' is later than --until '%.80s'", filter->since_text,
                           filter->until_text);
    return code;
}

void log_filter_free(struct log_filter *filter)
{
    for (size_t i = 0; filter->ends != NULL && i < filter->peers.count; i++)
        range_set_free(&filter->ends[i].addresses);
    free(filter->ends);
    free(filter->programs.list);
    free(filter->peers.list);
    free(filter->rules.list);
    free(filter->verdicts.list);
}

/* As the patterns of a policy: `*` is any run of bytes. */
static bool matches(const char *pattern, const char *text)
{
    return pattern_matches(pattern, strlen(pattern), text, strlen(text));
}

static bool program_matches(const char *pattern, const char *exe)
{
    const char *base = strrchr(exe, '/');

    return matches(pattern, exe) || (strchr(pattern, '/') == NULL && base != NULL && matches(pattern, base + 1));
}

bool log_filter_in_scope(const struct log_filter *filter, const struct event_record *event)
{
    bool found = filter->programs.count == 0;

    if (!(event->time >= filter->since && event->time <= filter->until))
        return false;
    for (size_t i = 0; i < filter->programs.count && event->exe != NULL && !found; i++)
        found = program_matches(filter->programs.list[i].value, event->exe);
    return found;
}

static bool peer_matches(const struct log_peer *peer, const struct event_record *event)
{
    const struct endpoint *endpoint = &peer->endpoint;
    struct address address;

    if (peer->pattern != NULL)
        return matches(peer->pattern, event->peer);
    return address_parse(event->peer, &address) == ADDRESS_OK && range_set_has(&peer->addresses, &address) &&
           (!endpoint->has_port || (event->port >= endpoint->port.first && event->port <= endpoint->port.last)) &&
           (endpoint->protos == 0 || (event->proto != NULL && (proto_parse(event->proto) & endpoint->protos) != 0));
}

static bool verdict_matches(const char *wanted, const struct event_record *event)
{
    return strcmp(wanted, "refused") == 0 ? event_is_refusal(event) : strcmp(wanted, event->verdict) == 0;
}

bool log_filter_matches(const struct log_filter *filter, const struct event_record *event)
{
    bool peer = filter->peers.count == 0, rule = filter->rules.count == 0, verdict = filter->verdicts.count == 0;

    for (size_t i = 0; i < filter->peers.count && event->peer != NULL && !peer; i++)
        peer = peer_matches(&filter->ends[i], event);
    for (size_t i = 0; i < filter->rules.count && event->rule != NULL && !rule; i++)
        rule = matches(filter->rules.list[i].value, event->rule);
    for (size_t i = 0; i < filter->verdicts.count && event->verdict != NULL && !verdict; i++)
        verdict = verdict_matches(filter->verdicts.list[i].value, event);
    return peer && rule && verdict && log_filter_in_scope(filter, event);
}
