/* SPDX-License-Identifier: MIT */
/* The strictest layer stands; one that failed closed refuses, for nothing else would hold in such a child. */
#include "shim/unprotected.h"

#include "shim/event_line.h"
#include "shim/icmp/settings.h"
#include "shim/process.h"
#include "shim/sandbox.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

/* A layer's mode, which a reload may change. */
static enum image_mode layer_mode(const struct layer *layer)
{
    return layer->slots[atomic_load_explicit(&layer->latch, memory_order_acquire) & LATCH_SLOT].mode;
}

static bool layer_matters(const struct layer *layer)
{
    return atomic_load_explicit(&layer->closed, memory_order_acquire) || layer_mode(layer) != MODE_OFF;
}

bool unprotected_matters(void)
{
    int count = atomic_load_explicit(&process.layer_count, memory_order_acquire);

    for (int i = 0; i < count; i++) {
        if (layer_matters(&process.layers[i]))
            return true;
    }
    return false;
}

static __attribute__((noinline)) void event_write(const struct layer *layer, const struct image_settings *settings,
                                                  const char *verdict, const struct event *common)
{
    struct event event = *common;
    char *line;

    if (settings->log_what == LOG_NONE || layer_log(layer)->target == LOG_TO_NOWHERE || sandboxed() ||
        !log_limit_pass(&process.limit, settings->log_limit, &event.left_out))
        return;
    clock_gettime(CLOCK_REALTIME, &event.time);
    event.verdict = verdict;
    event.layer = layer->system ? "system" : "user";
    line = event_line_take();
    if (line == NULL)
        return;
    log_write(layer_log(layer), line, event_format(&event, line), process.uid, event.pid);
    event_line_give(line);
}

/* One layer's answer, and its event. */
static bool layer_refuses(const struct layer *layer, const struct event *common)
{
    struct image_settings settings;
    bool audits = layer_mode(layer) == MODE_AUDIT;

    if (!layer_settings(layer, &settings))
        return true;
    if (settings.unprotected == UNPROTECTED_WARN)
        event_write(layer, &settings, "warn", common);
    else if (settings.unprotected == UNPROTECTED_DENY)
        event_write(layer, &settings, audits ? "would-deny" : "deny", common);
    else if (settings.log_what == LOG_ALL)
        event_write(layer, &settings, "allow", common);
    return settings.unprotected == UNPROTECTED_DENY && !audits;
}

bool unprotected_refused(const char *op, const char *target, const char *reason)
{
    struct event common = {.port = -1,
                           .domain = -1,
                           .pid = sandboxed() ? 0 : getpid(),
                           .exe = process.exe,
                           .op = op,
                           .target = target,
                           .rule = "unprotected",
                           .reason = reason};
    int count = atomic_load_explicit(&process.layer_count, memory_order_acquire);
    int saved = errno;
    bool refused = false;

    for (int i = 0; i < count; i++) {
        if (layer_matters(&process.layers[i]))
            refused |= layer_refuses(&process.layers[i], &common);
    }
    errno = saved;
    return refused;
}
