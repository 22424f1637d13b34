/* SPDX-License-Identifier: MIT */
/*
 * What a program may ask of its own policy, see include/sockade.h: the hooks' own judgement, without its events.
 *
 * As safe as a hook: nothing is allocated, errno is kept where the answer is one.
 */
#include "include/sockade.h"

#include "shim/follow.h"
#include "shim/install.h"
#include "shim/judge.h"
#include "shim/outbound.h"
#include "shim/real.h"
#include "shim/rule_texts.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

_Static_assert(SOCKADE_TO == (int)DIRECTION_TO && SOCKADE_FROM == (int)DIRECTION_FROM &&
                   SOCKADE_ON == (int)DIRECTION_ON && SOCKADE_ALLOW == (int)ACTION_ALLOW &&
                   SOCKADE_DENY == (int)ACTION_DENY && SOCKADE_DROP == (int)ACTION_DROP &&
                   SOCKADE_BY_RULE == (int)BY_RULE && SOCKADE_BY_DEFAULT == (int)BY_DEFAULT &&
                   SOCKADE_BY_FAILURE == (int)BY_FAILURE,
               "the header's numbers are the policy's own");

/* Text that is counted to its end and written as far as there is room. */
struct text {
    char *out;
    size_t size;
    size_t length;
};

static void text_add(struct text *text, const char *more)
{
    for (; *more != '\0'; more++, text->length++) {
        if (text->length + 1 < text->size)
            text->out[text->length] = *more;
    }
}

static const char *layer_mode(const struct layer *layer)
{
    if (layer->closed)
        return "closed";
    switch (layer_view(layer)->mode) {
    case MODE_AUDIT:
        return "audit";
    case MODE_OFF:
        return "off";
    default:
        return "enforce";
    }
}

/* The newest policy, as a call that is made now would have it. */
static void policy_now(void)
{
    int saved = errno;

    follow_sources();
    policy_ready(WATCH_ALL);
    errno = saved;
}

static int policy(char *out, size_t size)
{
    struct text text = {.out = out, .size = size};

    policy_now();
    for (int i = 0; i < atomic_load_explicit(&process.layer_count, memory_order_acquire); i++) {
        const struct layer *layer = &process.layers[i];

        text_add(&text, layer->system ? "system " : "user ");
        text_add(&text, layer_mode(layer));
        text_add(&text, " ");
        text_add(&text, follow_path(i));
        text_add(&text, "\n");
    }
    if (size > 0)
        out[text.length < size ? text.length : size - 1] = '\0';
    return (int)text.length;
}

/* PROTO_* of an IPPROTO_*; 0 where there is no such. */
static unsigned protos_of(int protocol)
{
    switch (protocol) {
    case 0:
        return PROTO_TCP | PROTO_UDP;
    case IPPROTO_TCP:
    case IPPROTO_MPTCP:
        return PROTO_TCP;
    case IPPROTO_UDP:
    case IPPROTO_UDPLITE:
        return PROTO_UDP;
    case IPPROTO_ICMP:
        return PROTO_ICMP;
    case IPPROTO_ICMPV6:
        return PROTO_ICMP6;
    case IPPROTO_SCTP:
        return PROTO_SCTP;
    default:
        return protocol > 0 && protocol <= IPPROTO_RAW ? PROTO_RAW : 0;
    }
}

/* Which verdict to tell of: the one that stands, else of a layer that only observes, else the first that says more. */
static int telling(const struct ruling *ruling)
{
    int best = 0;

    if (ruling->refused)
        return ruling->layer;
    for (int i = 1; i < ruling->layers; i++) {
        const struct verdict *a = &ruling->verdicts[best], *b = &ruling->verdicts[i];

        if (a->action == ACTION_ALLOW && (b->action != ACTION_ALLOW || a->source == BY_NOTHING))
            best = i;
    }
    return best;
}

static void verdict_fill(struct sockade_verdict *out, const struct ruling *ruling)
{
    int i = telling(ruling);
    const struct verdict *verdict = &ruling->verdicts[i];
    struct rule_texts texts;

    if (ruling->layers == 0 && !ruling->refused) /* no policy at all */
        return;
    out->source = (int32_t)verdict->source;
    if (ruling->refused) {
        out->action = ruling->drop ? SOCKADE_DROP : SOCKADE_DENY;
        out->error = ruling->error;
    } else {
        out->audit = verdict->action != ACTION_ALLOW;
    }
    if (ruling->layers == 0 || verdict->source == BY_NOTHING)
        return;
    out->system_layer = process.layers[i].system;
    text_copy(out->layer, sizeof(out->layer), follow_path(i));
    if (verdict->source != BY_RULE)
        return;
    rule_texts_copy(&texts, &process.layers[i], ruling->latches[i], verdict->rule);
    text_copy(out->rule, sizeof(out->rule), texts.name);
    text_copy(out->reason, sizeof(out->reason), texts.reason);
    text_copy(out->file, sizeof(out->file), texts.file);
    out->line = texts.line;
}

/* Judges an address by what is given alone: no descriptor is there to learn more from. */
static void explain_address(struct sockade_verdict *out, enum direction direction, const struct own_address *address,
                            unsigned protos)
{
    char path[QUERY_PATH];
    struct query query;
    struct ruling ruling;

    if (address->storage.ss_family != AF_INET && address->storage.ss_family != AF_INET6)
        protos = 0;
    if (query_from_sockaddr(&query, direction, (const struct sockaddr *)&address->storage, address->length,
                            UNSPEC_IS_NOTHING, protos, path) == QUERY_KERNEL) {
        out->source = SOCKADE_BY_KERNEL;
        return;
    }
    if (direction == DIRECTION_FROM && protos != 0)
        query.port_known = name_port(address, &query.port) && query.port != 0;
    query.strict = true;
    judge_silently(&ruling, &query, -1);
    verdict_fill(out, &ruling);
}

static void explain_family(struct sockade_verdict *out, int domain)
{
    struct ruling ruling;

    judge_family_silently(&ruling, domain);
    verdict_fill(out, &ruling);
}

static int explain(int direction, const struct sockaddr *address, socklen_t length, int protocol,
                   struct sockade_verdict *out, size_t size)
{
    struct own_address own;
    struct sockade_verdict verdict = {0};
    unsigned protos = protos_of(protocol);

    memset(out, 0, size);
    if (direction < SOCKADE_TO || direction > SOCKADE_FAMILY || protos == 0 || !address_take(&own, address, length)) {
        errno = EINVAL;
        return -1;
    }
    policy_now();
    if (direction == SOCKADE_FAMILY)
        explain_family(&verdict, own.storage.ss_family);
    else
        explain_address(&verdict, (enum direction)direction, &own, protos);
    memcpy(out, &verdict, size < sizeof(verdict) ? size : sizeof(verdict));
    return 0;
}

EXPORT const struct sockade_api *sockade_api(unsigned version);

EXPORT const struct sockade_api *sockade_api(unsigned version)
{
    static const struct sockade_api api = {.version = SOCKADE_API, .policy = policy, .explain = explain};

    return version <= SOCKADE_API ? &api : NULL;
}
