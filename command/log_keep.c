/* SPDX-License-Identifier: MIT */
/* A heap of lines, sorted and cut down to the newest whenever it has become twice as large as need be. */
#include "command/log_keep.h"

#include "config/memory.h"

#include <stdlib.h>
#include <string.h>

struct log_kept {
    double time;
    size_t order; /* among those of the same time */
    char *line;
    size_t length;
};

static int compare_kept(const void *left, const void *right)
{
    const struct log_kept *a = left, *b = right;

    if (a->time != b->time)
        return a->time < b->time ? -1 : 1;
    return a->order < b->order ? -1 : 1;
}

static void keep_trim(struct log_keep *keep)
{
    size_t surplus = keep->count > keep->most ? keep->count - keep->most : 0;

    if (keep->count > 0)
        qsort(keep->list, keep->count, sizeof(*keep->list), compare_kept);
    for (size_t i = 0; i < surplus; i++)
        free(keep->list[i].line);
    if (surplus > 0)
        memmove(keep->list, keep->list + surplus, (keep->count - surplus) * sizeof(*keep->list));
    keep->count -= surplus;
}

void log_keep_add(struct log_keep *keep, double time, const char *line, size_t length)
{
    struct log_kept kept = {.order = keep->added++, .line = memory_new(length + 1), .length = length};

    /* An event without a time stays behind the one that was read before it. */
    if (time >= 0)
        keep->time = time;
    kept.time = keep->time;
    memcpy(kept.line, line, length);
    keep->list = memory_grow(keep->list, keep->count, &keep->room, sizeof(*keep->list));
    keep->list[keep->count++] = kept;
    if (keep->most < 100000 && keep->count > 2 * keep->most + 1024)
        keep_trim(keep);
}

void log_keep_empty(struct log_keep *keep, log_taker *take, void *context)
{
    keep_trim(keep);
    for (size_t i = 0; i < keep->count; i++) {
        struct event_record event;
        char problem[300];

        if (event_read(&event, keep->list[i].line, keep->list[i].length, problem, sizeof(problem))) {
            take(context, &event, keep->list[i].line, keep->list[i].length);
            event_free(&event);
        }
        free(keep->list[i].line);
    }
    free(keep->list);
    *keep = (struct log_keep){.most = keep->most};
}
