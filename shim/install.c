/* SPDX-License-Identifier: MIT */
/*
 * The writer's side of the latch: the idle slot is filled while readers look at the other one.
 *
 * A reader that was held up since the time when the idle slot was in force may meet any mixture there. It finds the
 * latch moved afterwards and asks again; until then all that it can reach lies inside the reserved range.
 */
#include "shim/install.h"

#include "shim/say.h"
#include "shim/start.h"

#include <string.h>
#include <unistd.h>

/*
 * Makes `newer` the layer's control file, with its word as it was before the image was opened, unless it is the same. Its word may
 * be lower than the old one's; the state that it is a part of (process_state) must not come again, neither meanwhile nor
 * afterwards, so the generation is raised by more than that on both sides.
 */
static void notice_set(int i, struct installed *image, struct generation *newer)
{
    struct notice *notice = &process.notices[i];
    uint32_t more = atomic_load(atomic_load(&notice->word)) + 1;

    if (newer->page == NULL || generation_is_same(&image->generation, newer)) {
        generation_unmap(newer);
        return;
    }
    atomic_fetch_add(&process.generation, more);
    generation_replace(&image->generation, newer);
    atomic_store_explicit(&notice->seen, image->generation.word, memory_order_relaxed);
    atomic_store_explicit(&notice->word, &image->generation.page->word, memory_order_release);
    atomic_fetch_add(&process.generation, more);
    policy_words_seen();
}

static bool same_place(const struct log_place *one, const struct log_place *other)
{
    return one->target == other->target && one->max_size == other->max_size &&
           one->stderr_device == other->stderr_device && one->stderr_inode == other->stderr_inode &&
           one->per_process == other->per_process &&
           (one->target != LOG_TO_FILE || strcmp(one->path, other->path) == 0);
}

static void log_make(struct log_place *out, const struct view *view, const struct search *search)
{
    if (!log_place_make(out, view_string(view, view->settings.log_to), view->settings.log_max_size,
                        search->surroundings))
        out->target = LOG_TO_NOWHERE;
}

/* Events go where the new text says. After LATER_LOGS different places the last one stays. */
static void log_follow(struct layer *layer, const struct view *view, const struct search *search)
{
    static struct log_place wanted;
    int known = 0;

    memset(&wanted, 0, sizeof(wanted));
    log_make(&wanted, view, search);
    if (same_place(&wanted, &layer->log)) {
        atomic_store_explicit(&layer->log_now, 0, memory_order_release);
        return;
    }
    while (known < layer->later_count && !same_place(&wanted, &layer->later_logs[known]))
        known++;
    if (known == LATER_LOGS)
        return;
    if (known == layer->later_count)
        layer->later_logs[layer->later_count++] = wanted;
    atomic_store_explicit(&layer->log_now, known + 1, memory_order_release);
}

static void remember(struct installed *image, const struct image_file *file)
{
    image->device = file->device;
    image->inode = file->inode;
    image->mtime_ns = file->mtime_ns;
}

void install_first(int i, const struct search *search, const struct candidate *found, struct installed *image)
{
    struct layer *layer = &process.layers[i];
    struct generation generation = found->generation;
    bool is_new = i == process.layer_count;

    layer->system = search->place->system;
    if (found->file.base != NULL) {
        image->range = found->file.base;
        image->room = found->file.room;
        image->mapped[0] = found->file.size;
        remember(image, &found->file);
        layer->slots[0] = found->view;
        log_make(&layer->log, &found->view, search);
    }
    notice_set(i, image, &generation);
    /* What was remembered under the policy before this layer no longer holds: the generation has to move. */
    atomic_store_explicit(&layer->latch, layer->latch + 2, memory_order_release);
    atomic_store_explicit(&layer->closed, found->file.base == NULL, memory_order_release);
    if (is_new)
        atomic_store_explicit(&process.layer_count, i + 1, memory_order_release);
    atomic_fetch_add_explicit(&process.generation, 1, memory_order_release);
    policy_words_seen();
    if (process_is_ready()) {
        process_names();
        process_watch_again();
    }
}

void install_closed(void)
{
    process.layers[0].closed = true;
    process.layer_count = 1;
}

/* Moves the image into the idle slot and turns to it. */
static bool slot_fill(struct layer *layer, struct candidate *found, struct installed *image)
{
    uint32_t latch = atomic_load_explicit(&layer->latch, memory_order_relaxed);
    int idle = (latch & 1) == 0;
    unsigned char *slot = image->range + (idle == 1 ? image->room : 0);
    size_t mapped = image->mapped[idle];

    atomic_thread_fence(
        memory_order_seq_cst); /* whoever sees what is written now sees the latch of the last time too */
    image->mapped[idle] = found->file.size;
    if (!image_file_move(&found->file, slot, mapped)) {
        image->mapped[idle] = 0;
        return false;
    }
    found->view.base = slot; /* before the copy: a late reader must never see the address that was moved away */
    layer->slots[idle] = found->view;
    atomic_store_explicit(&layer->latch, latch + 1, memory_order_release);
    atomic_fetch_add_explicit(&process.generation, 1, memory_order_release);
    return true;
}

bool install_newer(int i, const struct search *search, struct candidate *found, struct installed *image,
                   const char **why)
{
    struct layer *layer = &process.layers[i];
    const struct image_file file = found->file;
    bool done = true;

    if (found->file.inode != image->inode || found->file.device != image->device) {
        if (image_fits_slot(found->file.size, image->room))
            done = slot_fill(layer, found, image);
        else
            done = false;
        *why = done || image->told ? NULL : "the new policy is too large to be taken while the program runs";
        image->told |= !done;
        if (done) {
            log_follow(layer, layer_view(layer), search);
            process_watch_again();
            remember(image, &file); /* last, so that a child that is forked in the middle does it once more */
        }
    }
    notice_set(i, image, &found->generation);
    candidate_drop(found);
    return done;
}

void install_event(const struct layer *layer, const struct layer_place *place, const char *why)
{
    static char line[EVENT_MAX];
    struct event event = {.port = -1,
                          .domain = -1,
                          .pid = getpid(),
                          .exe = process.exe,
                          .op = "reload",
                          .verdict = "error",
                          .file = place->path,
                          .layer = layer->system ? "system" : "user",
                          .reason = why};
    const struct log_place *log = layer_log(layer);

    if (why == NULL)
        return;
    if (layer->closed) {
        install_say(place, why);
        return;
    }
    if (log->target == LOG_TO_NOWHERE || layer_view(layer)->settings.log_what == LOG_NONE)
        return;
    clock_gettime(CLOCK_REALTIME, &event.time);
    log_write(log, line, event_format(&event, line), process.uid, event.pid);
}

void install_say(const struct layer_place *place, const char *why)
{
    if (why != NULL)
        say((const char *const[]){"sockade: ", place->path, ": ", why,
                                  "; what was in force stays. See `sockade check`.", NULL});
}
