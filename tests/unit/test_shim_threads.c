/* SPDX-License-Identifier: MIT */
/*
 * What hooks share between threads, used from many at once; the thread sanitizer's lane looks for races in it.
 *
 * One thread flips a layer between two images that refuse different peers, as a reload does: no reader may see a
 * verdict that neither image gives.
 */
#include "config/compile.h"
#include "config/read.h"
#include "shim/answers.h"
#include "shim/hints.h"
#include "shim/judge.h"
#include "shim/readiness.h"
#include "shim/real.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define THREADS 6
#define ROUNDS 30000

static _Atomic bool over;
static _Atomic unsigned long wrong;

static void open_image(struct view *view, const char *text)
{
    struct messages messages = {0};
    struct image_bytes image;
    struct policy policy;

    policy_init(&policy);
    assert_true(policy_read_text(&policy, text, "/test/policy.conf", &messages));
    assert_true(policy_compile(&policy, &image, &messages));
    assert_int_equal(image_open(view, image.bytes, image.size, NULL), IMAGE_OK);
    policy_free(&policy);
}

/* Both images refuse 10.0.0.1, with an errno of their own; neither refuses 10.0.0.2. */
static void *ask(void *data)
{
    unsigned seed = (unsigned)(uintptr_t)data;

    for (int i = 0; i < ROUNDS; i++) {
        struct query query = {.direction = DIRECTION_TO, .port = 80, .port_known = true, .protos = PROTO_TCP};
        struct ruling ruling;
        bool denied = i & 1;

        query.address = address_from_v4(denied ? 0x0a000001 : 0x0a000002);
        judge_silently(&ruling, &query, -1);
        if (ruling.refused != denied || (denied && ruling.error != EPERM && ruling.error != EHOSTUNREACH))
            wrong++;
        answers_expect(&query.address, (uint16_t)rand_r(&seed));
        answers_expected(&query.address, (uint16_t)rand_r(&seed));
        hint_set(200 + i % 50, AF_INET, SOCK_DGRAM, 0);
        hint_get(200 + rand_r(&seed) % 50);
        readiness_note(200 + i % 50);
        if (!readiness_take(200 + i % 50))
            wrong++;
    }
    return NULL;
}

static void *flip(void *data)
{
    (void)data;
    for (uint32_t i = 0; !over; i++)
        atomic_store_explicit(&process.layers[0].latch, i * LATCH_STEP + (i & 1), memory_order_release);
    return NULL;
}

static void shared_state_is_never_torn(void **state)
{
    pthread_t threads[THREADS];
    pthread_t flipper;

    (void)state;
    process_ready(0);
    memset(&process.layers[0], 0, sizeof(process.layers[0]));
    open_image(&process.layers[0].slots[0],
               "version = 1; rules = ({ action = \"deny\"; to = \"10.0.0.1\"; errno = \"EPERM\"; });");
    open_image(&process.layers[0].slots[1],
               "version = 1; rules = ({ action = \"deny\"; to = \"10.0.0.0/31\"; errno = \"EHOSTUNREACH\"; });");
    process.layer_count = 1;
    assert_int_equal(pthread_create(&flipper, NULL, flip, NULL), 0);
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask, (void *)i), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    over = true;
    pthread_join(flipper, NULL);
    assert_int_equal(wrong, 0);
}

/* 4,096 peers that were sent to are all remembered, whoever asks; strangers are not known. */
static void the_last_4096_peers_are_expected(void **state)
{
    unsigned known = 0;

    (void)state;
    for (uint32_t i = 0; i < 4096; i++) {
        struct address peer = address_from_v4(0xc6336400u + i * 7919);

        answers_expect(&peer, (uint16_t)(i * 31 + 1));
    }
    for (uint32_t i = 0; i < 4096; i++) {
        struct address peer = address_from_v4(0xc6336400u + i * 7919);

        known += answers_expected(&peer, (uint16_t)(i * 31 + 1));
        assert_false(answers_expected(&peer, (uint16_t)(i * 31 + 2)));
    }
    print_message("# %u of 4096 peers are expected\n", known);
    assert_true(known > 4050);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_4096_peers_are_expected),
        cmocka_unit_test(shared_state_is_never_torn),
    };

    return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
