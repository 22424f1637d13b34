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
#include "state/large.h"

#include <string.h>
#include <unistd.h>

/*
 * Puts the control file that was found in the place of the layer's, or lets it go where it is the same one. The word
 * may be a lower one from then on, and the state that it is a part of (process_state) must not come again, neither
 * meanwhile nor afterwards, so the generation is raised by more than is lost, on both sides.
 */
static void word_follow(int i, struct generation *current, struct generation *found)
{
    uint32_t more = layer_word(i) + 1;

    if (found->page == NULL)
        return;
    if (generation_is_same(current, found)) {
        generation_unmap(found);
        return;
    }
    atomic_fetch_add(&process.generation, more);
    if (generation_move(found, &process_words[i])) {
        atomic_store(&process.word_seen[i], found->word);
        *current = *found;
        memset(found, 0, sizeof(*found));
    }
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
    /* At a reload descriptor 2 may be a file or a connection of the program's. */
    else if (out->target == LOG_TO_STDERR && !say_stderr(out))
        out->target = LOG_TO_NOWHERE;
}

/* Events go where the new text says. After LATER_LOGS different places the last one stays. */
static void log_follow(struct layer *layer, const struct view *view, const struct search *search)
{
    LARGE static struct log_place wanted;
    struct log_place *places = process_logs[layer - process.layers];
    int known = 0;

    log_make(&wanted, view, search);
    while (known <= layer->later_count && !same_place(&wanted, &places[known]))
        known++;
    if (known > LATER_LOGS)
        return;
    if (known > layer->later_count) {
        places[known] = wanted;
        layer->later_count = known;
    }
    atomic_store_explicit(&layer->log_now, known, memory_order_release);
}

static void remember(struct installed *image, const struct image_file *file)
{
    image->device = file->device;
    image->inode = file->inode;
    image->mtime_ns = file->mtime_ns;
}

void install_first(int i, const struct search *search, struct candidate *found, struct installed *image)
{
    struct layer *layer = &process.layers[i];
    bool is_new = i == process.layer_count;

    layer->system = search->place->system;
    if (found->file.base != NULL) {
        remember(image, &found->file);
        layer->slots[0] = found->view;
        log_make(&process_logs[i][0], &found->view, search);
    }
    word_follow(i, &image->generation, &found->generation);
    /* What was remembered under the policy before this layer no longer holds: the generation has to move. */
    atomic_store_explicit(&layer->latch, layer->latch + LATCH_STEP, memory_order_release);
    atomic_store_explicit(&layer->closed, found->file.base == NULL, memory_order_release);
    if (is_new)
        atomic_store_explicit(&process.layer_count, i + 1, memory_order_release);
    atomic_fetch_add_explicit(&process.generation, 1, memory_order_release);
    policy_words_seen();
    if (process_is_ready()) {
        process_name();
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
    unsigned half = (latch & LATCH_SLOT) == 1;
    unsigned char *slot = image->range + half * image->room;
    size_t mapped = image->mapped[half];

    atomic_thread_fence(
        memory_order_seq_cst); /* whoever sees what is written now sees the latch of the last time too */
    image->mapped[half] = found->file.size;
    if (!image_file_move(&found->file, slot, mapped)) {
        image->mapped[half] = 0;
        return false;
    }
    found->view.base = slot; /* before the copy: a late reader must never see the address that was moved away */
    layer->slots[1 + half] = found->view;
    atomic_store_explicit(&layer->latch, (latch & ~LATCH_SLOT) + LATCH_STEP + 1 + half, memory_order_release);
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
        if (image->range == NULL)
            image->range = image_reserve(found->file.size, &image->room);
        if (image->range != NULL && image_fits_slot(found->file.size, image->room))
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
    word_follow(i, &image->generation, &found->generation);
    candidate_drop(found);
    return done;
}

void install_event(const struct layer *layer, const struct layer_place *place, const char *why)
{
    LARGE static char line[EVENT_MAX];
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
