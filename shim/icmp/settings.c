/* SPDX-License-Identifier: MIT */
/* Reading settings out of images that a reload may replace meanwhile. */
#include "shim/icmp/settings.h"

bool layer_settings(const struct layer *layer, struct image_settings *out)
{
    uint32_t latch;

    if (layer->closed)
        return false;
    do {
        latch = atomic_load_explicit(&layer->latch, memory_order_acquire);
        *out = layer->slots[latch & LATCH_SLOT].settings;
        atomic_thread_fence(memory_order_acquire);
    } while (unlikely(atomic_load_explicit(&layer->latch, memory_order_relaxed) != latch));
    return true;
}

/* The stricter of two: TRANSLATE_NEVER, TRANSLATE_ALWAYS, TRANSLATE_AUTO. */
static int stricter(int one, int other)
{
    if (one == TRANSLATE_NEVER || other == TRANSLATE_NEVER)
        return TRANSLATE_NEVER;
    return one == TRANSLATE_AUTO ? other : one;
}

struct icmp_settings icmp_settings(void)
{
    struct icmp_settings all = {.translate = TRANSLATE_AUTO, .hint = true, .pretend_root = false};
    struct image_settings own;

    for (int i = 0; i < process.layer_count; i++) {
        if (!layer_settings(&process.layers[i], &own))
            continue;
        all.translate = stricter(all.translate, own.icmp_translate);
        all.hint = all.hint && own.icmp_hint != 0;
        all.pretend_root = all.pretend_root || own.icmp_pretend_root != 0;
    }
    return all;
}
