/* SPDX-License-Identifier: MIT */
/*
 * From a query to a ruling: every layer is asked, facts are learnt from the kernel only where a verdict depends on
 * them, the strictest verdict stands, and what the layers want to know is written to their logs.
 *
 * All of it preserves errno and is async-signal-safe.
 */
#ifndef SOCKADE_SHIM_JUDGE_H
#define SOCKADE_SHIM_JUDGE_H

#include "policy/decide.h"
#include "shim/process.h"

/*
 * What became of a query over all layers. The caller's to keep: it is filled in place, for a copy costs as much as the
 * rest.
 */
struct ruling {
    bool refused;                        /* deny or drop, in a layer that enforces */
    bool drop;                           /* swallow it in silence where the call can */
    bool error_named;                    /* `error` stands in the policy */
    int error;                           /* errno of the refusal: EACCES unless named */
    int layer;                           /* whose verdict stands */
    int layers;                          /* how many there were */
    bool reportable;                     /* some layer may want an event, and then: */
    uint32_t latches[LAYERS_MAX];        /* each layer's, of the image that judged */
    struct verdict verdicts[LAYERS_MAX]; /* each layer's own, for the log; as many as there were layers */
};

/*
 * Judges without writing anything. `fd` is asked for facts (protocol, local port) where a verdict depends on them; what
 * cannot take an address at all is then the kernel's to refuse.
 */
void judge_silently(struct ruling *ruling, struct query *query, int fd);

/* Writes the events of a ruling. `op` is the call's name. */
void judge_report(const struct ruling *ruling, const struct query *query, const char *op);

/* Both: the usual way. */
void judge(struct ruling *ruling, struct query *query, int fd, const char *op);

/* Judges socket(2)'s domain; the second one writes the events. */
void judge_family_silently(struct ruling *ruling, int domain);
void judge_family(struct ruling *ruling, int domain, const char *op);
void report_family(const struct ruling *ruling, int domain, const char *op);

/*
 * Sets what is not known yet of `needs` (FACT_*): the protocol by hint, else by SO_TYPE and SO_PROTOCOL; the local port
 * by getsockname. Where the kernel gives no answer the query becomes strict. False: there is nothing to judge, for the
 * kernel refuses any IP address on `fd`, which is no socket or one of another family.
 */
bool learn_facts(struct query *query, int fd, unsigned needs);

/* Whether two paths are one file by device and inode; for query.same_file. */
bool paths_are_same_file(const struct query *query, const char *rule_path);

/*
 * Whether memory at `pointer` is plainly not the program's: NULL, the first page, or the kernel's half. The first page
 * is never mapped (vm.mmap_min_addr); the last one, and on 64-bit the upper half, is the kernel's.
 */
static inline bool plainly_bad(const void *pointer)
{
    uintptr_t at = (uintptr_t)pointer;

    if (sizeof(at) == 8)
        return (intptr_t)at < 4096; /* one comparison for all three */
    return at < 4096 || at > UINTPTR_MAX - 4096;
}

#endif
