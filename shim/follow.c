/* SPDX-License-Identifier: MIT */
/*
 * A newer image is moved over the idle slot of its layer, and the latch is raised. What failed is remembered by the
 * word or by the state of the sources for which it failed, and is not tried again before that changes.
 *
 * The elected thread cannot be thrown out in the middle: signals are blocked, which also holds back cancellation, and
 * no call on the way is a cancellation point.
 */
#include "shim/follow.h"

#include "shim/elect.h"
#include "shim/install.h"
#include "shim/sandbox.h"
#include "state/kernel.h"

#include <errno.h>
#include <string.h>
#include <time.h>

/* How often one call may find that there is something newer still. */
#define ROUNDS 4

/* What is known of a place of a layer beside the layer itself. */
struct followed {
    struct search search;
    int layer;              /* its number in process.layers; -1: there is none yet */
    bool named;             /* its path is the image itself, */
    bool combined;          /* which `sockade run` made of a text and more */
    uint64_t failed;        /* the state of the sources under which it was tried last, in vain; 0: none */
    struct installed image; /* what is in force */
};

static struct followed followed[LAYERS_MAX];
static int followed_count;
static struct stat root; /* as it was at the start */
/*
 * Milliseconds of the coarse clock when the sources were looked at. Not set by the start: the clock is two pages to
 * touch.
 */
static _Atomic uint32_t looked_at;

static uint32_t coarse_milliseconds(void)
{
    struct timespec now = {0};

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint32_t)((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000);
}

/* What is there now, of the text or of all that the image in force was made of, as one number that is not 0. */
static uint64_t state_now(const struct followed *one)
{
    const struct layer_place *place = one->search.place;
    uint64_t state;

    if (one->layer >= 0 && (!one->named || one->combined) && !process.layers[one->layer].closed)
        state = image_sources_now(layer_view(&process.layers[one->layer]));
    else if (place->system)
        state = path_now(SYSTEM_FOLDER "/policy.conf") ^ path_now(SYSTEM_FOLDER "/policy.d") * 3;
    else
        state = path_now(place->path);
    return state | 1;
}

void follow_start(int i, const struct search *search, struct candidate *found, enum fate fate, bool allowed)
{
    struct followed *one = &followed[i];

    if (i == 0) {
        int saved = errno;

        if (stat("/", &root) != 0)
            root.st_ino = 0;
        errno = saved;
    }
    one->search = *search;
    one->search.word = NULL;
    one->image = (struct installed){0}; /* of a start that was lost (process.c) */
    one->layer = -1;
    followed_count = i + 1;
    if (fate == FATE_CLOSED && allowed)
        one->failed = state_now(one);
    if (fate == FATE_NONE || (fate == FATE_CLOSED && allowed))
        return;
    one->layer = process.layer_count;
    one->named = found->named;
    one->combined = found->combined;
    install_first(one->layer, search, found, &one->image);
    if (fate != FATE_HOLDS)
        one->failed = state_now(one);
}

const char *follow_path(int layer)
{
    for (int i = 0; i < followed_count; i++) {
        if (followed[i].layer == layer)
            return followed[i].search.place->path;
    }
    return "";
}

/*
 * Where paths may lead elsewhere since the start (chroot, another mount namespace), what they lead to says nothing
 * about our policy.
 */
static bool root_is_another(void)
{
    struct stat st;

    return stat("/", &st) != 0 || st.st_ino != root.st_ino || st.st_dev != root.st_dev;
}

/* Gives the place a layer, a first image, or a newer one. */
static bool take(struct followed *one, struct candidate *found, const char **why)
{
    bool first = one->layer < 0 || process.layers[one->layer].closed;
    int layer = one->layer < 0 ? process.layer_count : one->layer;

    if (layer == LAYERS_MAX) /* a child that was forked while a layer was added has it twice */
        return false;
    if (!first)
        return install_newer(layer, &one->search, found, &one->image, why);
    install_first(layer, &one->search, found, &one->image);
    one->layer = layer;
    return true;
}

/* The place's search, as it is for one that has an image, or has none. */
static const struct search *search_again(struct followed *one)
{
    /* The compiler would be another user's, who could not write where this policy's images are. */
    one->search.compile = kernel_effective_uid() == process.uid;
    return &one->search;
}

/* The word says that there may be a newer image. */
static void follow_word(struct followed *one)
{
    static struct candidate found;
    const char *why = NULL;

    memset(&found, 0, sizeof(found));
    if (root_is_another())
        return;
    if (one->named && candidate_open_named(&found, search_again(one), &why) != IMAGE_FILE_OK)
        return;
    if (!one->named)
        candidate_find(&found, search_again(one));
    if (found.file.base == NULL)
        return;
    why = NULL;
    /* A stale one is only better than ours if it is no older. */
    if (!one->named && !found.fresh && one->image.mtime_ns > found.file.mtime_ns)
        candidate_drop(&found);
    else if (take(one, &found, &why))
        one->failed = 0;
    else
        install_event(&process.layers[one->layer], one->search.place, why);
}

/* The text or what it refers to has changed: finds the image that is to hold then, or compiles one. */
static void follow_change(struct followed *one, uint64_t state)
{
    static struct candidate found;
    const char *why = "the policy was taken away";
    enum fate fate;

    memset(&found, 0, sizeof(found));
    one->failed = state;
    if (root_is_another())
        return;
    fate = find_layer(&found, search_again(one), &why);
    if (fate == FATE_HOLDS && take(one, &found, &why)) {
        one->failed = 0;
        return;
    }
    candidate_drop(&found);
    if (one->layer >= 0)
        install_event(&process.layers[one->layer], one->search.place, why);
    else if (fate != FATE_NONE && !one->search.place->foreign)
        install_say(one->search.place, why);
}

/* Whether what holds for a place is what its sources say. */
static bool is_up_to_date(const struct followed *one)
{
    struct stat st;

    if (one->layer < 0 || process.layers[one->layer].closed)
        return false;
    if ((!one->named || one->combined) && !image_is_fresh(layer_view(&process.layers[one->layer])))
        return false;
    return !one->named ||
           (stat(one->search.place->path, &st) == 0 && st.st_ino == one->image.inode && st.st_dev == one->image.device);
}

/* One place, once a second. A missing text that nobody named is no failure, so nothing is to be remembered of it. */
static void look(struct followed *one)
{
    uint64_t state;

    if (one->search.place->relative || is_up_to_date(one))
        return;
    state = state_now(one);
    if (state == one->failed)
        return;
    follow_change(one, state);
}

/*
 * By the elected thread. A word counts as seen when it has been followed, and no sooner: a child that is forked in the
 * middle finds it moved and begins anew, and so do the other threads, which wait for that.
 */
static void follow_each(void)
{
    for (int i = 0; i < followed_count; i++) {
        struct followed *one = &followed[i];
        struct generation before = one->image.generation;
        uint32_t word;

        if (one->layer < 0)
            continue;
        word = layer_word(one->layer);
        if (word == atomic_load(&process.word_seen[one->layer]))
            continue;
        follow_word(one);
        /*
         * Also where it failed: what comes later raises it again. Another file's word is seen by who put it in its
         * place.
         */
        if (generation_is_same(&before, &one->image.generation))
            atomic_store(&process.word_seen[one->layer], word);
    }
    policy_words_seen();
}

/* In a sandbox no newer image can be opened: the words count as seen, so that calls need not look at them again. */
static void words_pass(void)
{
    for (int i = 0; i < atomic_load(&process.layer_count); i++)
        atomic_store(&process.word_seen[i], layer_word(i));
    policy_words_seen();
}

/*
 * Who sees the word moved does not go on before the new image holds: "with the next call" is meant for every thread. A
 * few rounds at most, since another word may come whenever one was followed.
 */
void follow_words(void)
{
    sigset_t mask;

    if (sandboxed()) {
        words_pass();
        return;
    }
    for (int round = 0; round < ROUNDS && policy_has_moved(); round++) {
        if (elect(&mask)) {
            follow_each();
            elect_end(&mask);
        } else if (!elect_wait()) {
            break;
        }
    }
}

void follow_sources(void)
{
    uint32_t now = sandboxed() ? 0 : coarse_milliseconds();
    uint32_t before = atomic_load_explicit(&looked_at, memory_order_relaxed);
    sigset_t mask;

    if (sandboxed() || likely(now - before < 1000) || !process_is_ready() ||
        !atomic_compare_exchange_strong(&looked_at, &before, now) || !elect(&mask))
        return;
    for (int i = 0; i < followed_count; i++)
        look(&followed[i]);
    elect_end(&mask);
}
