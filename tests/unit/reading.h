/* SPDX-License-Identifier: MIT */
/* What tests of the reader need: a text in, the messages as one text out. */
#ifndef SOCKADE_TESTS_READING_H
#define SOCKADE_TESTS_READING_H

#include "tests/unit/scratch.h"

#include "config/lint.h"
#include "config/names.h"
#include "config/read.h"

/* The policy and the messages of the last reading. */
static struct policy policy;
static struct messages messages;

/* libconfig 1.5 loses the texts that stand on its parser's stack when a syntax error stops it. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:libconfig";
}

static inline void forget(void)
{
    policy_free(&policy);
    messages_free(&messages);
}

static inline int forget_after(void **state)
{
    (void)state;
    forget();
    return 0;
}

/* The messages, as they would be printed. */
static inline const char *told(void)
{
    static char text[1 << 16];
    FILE *stream = fmemopen(text, sizeof(text), "w");

    assert_non_null(stream);
    messages_print(&messages, stream);
    fputc('\0', stream);
    fclose(stream);
    return text;
}

/* Reads a whole text named policy.conf; host names are never looked up, so that no test sends a packet. */
static inline bool read_whole(const char *text)
{
    forget();
    policy_resolve_names_in_hints = false;
    return policy_read_text(&policy, text, "policy.conf", &messages);
}

/* Reads a text behind a first line that holds the version. */
static inline bool read_body(const char *body)
{
    char text[1 << 14];

    assert_true((size_t)snprintf(text, sizeof(text), "version = 1;\n%s", body) < sizeof(text));
    return read_whole(text);
}

/* A text whose first line is the version must give just these messages. */
#define says(body, expected)                                                                                           \
    do {                                                                                                               \
        read_body(body);                                                                                               \
        assert_string_equal(told(), expected);                                                                         \
    } while (0)

/* A rule with this body, in line 2, must give just this message. */
#define rule_says(body, expected) says("rules = ( { " body " } );", "policy.conf:2: " expected "\n")

/* A text must be read without a word. */
#define reads(body)                                                                                                    \
    do {                                                                                                               \
        bool right_ = read_body(body);                                                                                 \
        assert_string_equal(told(), "");                                                                               \
        assert_true(right_);                                                                                           \
    } while (0)

static inline bool covers(const struct range_set *set, const char *text)
{
    struct address address;

    assert_int_equal(address_parse(text, &address), ADDRESS_OK);
    return range_set_has(set, &address);
}

static inline void write_text(const char *name, const char *text)
{
    file_write(in_scratch(name), text, strlen(text));
}

#endif
