/* SPDX-License-Identifier: MIT */
/* A rule's texts, read under the latch of the image that judged. */
#include "shim/rule_texts.h"

#include <string.h>

void text_copy(char *out, size_t size, const char *text)
{
    size_t length = strnlen(text, size - 1);

    memcpy(out, text, length);
    out[length] = '\0';
}

void text_append(char *out, size_t size, const char *text)
{
    size_t length = strlen(out);

    text_copy(out + length, size - length, text);
}

void rule_texts_copy(struct rule_texts *out, const struct layer *layer, uint32_t latch, uint32_t rule)
{
    const struct view *view = &layer->slots[latch & LATCH_SLOT];
    struct image_rule_text text = view_rule_text(view, rule);

    text_copy(out->name, sizeof(out->name), view_string(view, text.name));
    text_copy(out->reason, sizeof(out->reason), view_string(view, text.reason));
    text_copy(out->file, sizeof(out->file), view_string(view, text.file));
    out->line = text.line;
    atomic_thread_fence(memory_order_acquire);
    if (unlikely(atomic_load_explicit(&layer->latch, memory_order_relaxed) != latch)) {
        out->name[0] = out->reason[0] = out->file[0] = '\0';
        out->line = 0;
    }
}
