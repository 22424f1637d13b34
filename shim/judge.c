/* SPDX-License-Identifier: MIT */
/* All layers asked, facts learnt where they matter, the strictest verdict kept. */
#include "shim/judge.h"

#include "shim/hints.h"
#include "shim/outbound.h"
#include "shim/ports.h"
#include "shim/real.h"
#include "shim/sandbox.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* Learning can be asked for at most once a fact; more rounds than that mean an image that changes under us. */
#define ROUNDS 4

bool paths_are_same_file(const struct query *query, const char *rule_path)
{
    char path[QUERY_PATH + 1];
    struct stat ours;
    struct stat theirs;
    int saved = errno;
    bool same;

    if (query->path_length >= sizeof(path) || sandboxed())
        return false;
    memcpy(path, query->path, query->path_length);
    path[query->path_length] = '\0';
    same = stat(path, &ours) == 0 && stat(rule_path, &theirs) == 0 && ours.st_dev == theirs.st_dev &&
           ours.st_ino == theirs.st_ino;
    errno = saved;
    return same;
}

static bool local_port(int fd, uint16_t *port)
{
    struct own_address name = {.length = sizeof(name.storage)};
    uint32_t before = ports_before(fd);

    if (ports_recall(fd, port))
        return true;
    if (sandboxed())
        return false;
    name.storage.ss_family = AF_UNSPEC;
    if (real.getsockname(fd, (struct sockaddr *)&name.storage, &name.length) != 0 || !name_port(&name, port))
        return false;
    ports_learn(fd, before, *port);
    return true;
}

/* Whether the kernel itself refuses an IP address on `fd`: no socket, or one of a family that has no use for it. */
static bool takes_no_address(int fd)
{
    int domain;
    socklen_t length = sizeof(domain);

    if (sandboxed())
        return false;
    if (real.getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) != 0)
        return errno == EBADF || errno == ENOTSOCK;
    return domain == AF_UNIX || domain == AF_NETLINK;
}

/* The hint of what has an IP address. A remembered one that says otherwise may be an earlier socket's. */
static struct hint inet_hint(int fd)
{
    struct hint hint = hint_ask(fd);

    if (unlikely(hint.state == HINT_OTHER)) {
        hint_forget(fd);
        hint = hint_ask(fd);
    }
    return hint;
}

bool learn_facts(struct query *query, int fd, unsigned needs)
{
    int saved = errno;
    bool judged = true;

    if (!query->strict && (needs & FACT_PROTOCOL)) {
        struct hint hint = inet_hint(fd);

        if (hint.state == HINT_IP && (query->protos & hint.protos) != 0)
            query->protos &= hint.protos;
        else
            query->strict = true;
        judged = hint.state == HINT_IP || !takes_no_address(fd);
    }
    if (!query->strict && (needs & FACT_LOCAL_PORT)) {
        query->port_known = local_port(fd, &query->port);
        query->strict = !query->port_known;
    }
    errno = saved;
    return judged;
}

/*
 * One layer's verdict, made from the slot that is in force and once more where a new image came in between. False: it
 * allows without a word, and no verdict was written.
 */
static bool layer_decide(struct verdict *verdict, uint32_t *by, const struct layer *layer, const struct query *query)
{
    uint32_t latch;
    bool tells;

    if (layer->closed) {
        *verdict = decide_closed(query);
        return true;
    }
    do {
        *by = latch = atomic_load_explicit(&layer->latch, memory_order_acquire);
        tells = decide_tells(&layer->slots[latch & LATCH_SLOT], query, verdict);
        atomic_thread_fence(memory_order_acquire);
    } while (unlikely(atomic_load_explicit(&layer->latch, memory_order_relaxed) != latch));
    return tells;
}

/* The same for socket(2)'s domain. Where the policy is broken socket() works all the same. */
static struct verdict layer_decide_family(const struct layer *layer, int domain, uint32_t *by)
{
    struct verdict verdict = {.action = ACTION_ALLOW};
    uint32_t latch;

    if (layer->closed)
        return verdict;
    do {
        *by = latch = atomic_load_explicit(&layer->latch, memory_order_acquire);
        verdict = decide_family(&layer->slots[latch & LATCH_SLOT], domain);
        atomic_thread_fence(memory_order_acquire);
    } while (unlikely(atomic_load_explicit(&layer->latch, memory_order_relaxed) != latch));
    return verdict;
}

/* The verdict with all facts that it needs. False as above. */
static bool layer_judge(struct verdict *verdict, uint32_t *by, const struct layer *layer, struct query *query, int fd)
{
    for (int round = 0;; round++) {
        if (!layer_decide(verdict, by, layer, query))
            return false;
        if (likely(verdict->needs == 0))
            return true;
        if (round == ROUNDS)
            query->strict = true;
        if (!learn_facts(query, fd, verdict->needs))
            return false;
    }
}

/* A ruling that allows. Verdicts are filled as layers are asked: zeroing them all would cost more than a decision. */
static inline void ruling_init(struct ruling *ruling)
{
    ruling->refused = false;
    ruling->drop = false;
    ruling->error_named = false;
    ruling->error = 0;
    ruling->layer = 0;
    ruling->layers = atomic_load_explicit(&process.layer_count, memory_order_acquire);
    ruling->reportable = atomic_load_explicit(&process.log_all, memory_order_relaxed);
}

/* Takes layer `i`'s verdict, which stands in its place, into the ruling. */
static void ruling_add(struct ruling *ruling, int i)
{
    const struct verdict *verdict = &ruling->verdicts[i];

    ruling->reportable |= verdict->log || verdict->note_count > 0 || verdict->action != ACTION_ALLOW;
    if (ruling->refused || !verdict_refuses(verdict)) /* of equals the first stands */
        return;
    ruling->refused = true;
    ruling->drop = verdict->action == ACTION_DROP;
    ruling->error_named = verdict->error_named;
    ruling->error = verdict->error != 0 ? verdict->error : EACCES;
    ruling->layer = i;
}

void judge_silently(struct ruling *ruling, struct query *query, int fd)
{
    ruling_init(ruling);
    if (unlikely(!process_is_ready())) {
        ruling->layers = 0;
        ruling->verdicts[0] = decide_closed(query);
        ruling_add(ruling, 0);
        return;
    }
    query->same_file = paths_are_same_file;
    for (int i = 0; i < ruling->layers; i++) {
        if (unlikely(layer_judge(&ruling->verdicts[i], &ruling->latches[i], &process.layers[i], query, fd)))
            ruling_add(ruling, i);
        else
            ruling->verdicts[i] = (struct verdict){.action = ACTION_ALLOW};
    }
}

void judge(struct ruling *ruling, struct query *query, int fd, const char *op)
{
    judge_silently(ruling, query, fd);
    judge_report(ruling, query, op);
}

void judge_family_silently(struct ruling *ruling, int domain)
{
    ruling_init(ruling);
    for (int i = 0; i < ruling->layers && process_is_ready(); i++) {
        ruling->verdicts[i] = layer_decide_family(&process.layers[i], domain, &ruling->latches[i]);
        ruling_add(ruling, i);
    }
}

void judge_family(struct ruling *ruling, int domain, const char *op)
{
    judge_family_silently(ruling, domain);
    report_family(ruling, domain, op);
}
