/* SPDX-License-Identifier: MIT */
/*
 * Any bytes in the texts of an event: the line is at most EVENT_MAX bytes with one newline, at its end, and jansson,
 * which refuses what is no UTF-8 and every key that stands twice, reads it as one object.
 */
#include "state/event.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define TEXTS 6

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the run with a finding. */
static void must(bool holds)
{
    if (!holds)
        abort();
}

/* The next text of the input: up to a byte 0xff, behind which one more byte tells how often it is repeated. */
static char *text_take(const uint8_t **data, size_t *size)
{
    const uint8_t *end = *size > 0 ? memchr(*data, 0xff, *size) : NULL;
    size_t length = end != NULL ? (size_t)(end - *data) : *size;
    size_t times = end != NULL && *size > length + 1 ? 1u + end[1] * 8u : 1;
    char *text;

    /* Repeated, since inputs are short and what is longer than a line is the interesting case. */
    while (times > 1 && length * times > 6000)
        times /= 2;
    text = malloc(length * times + 1);
    must(text != NULL);
    for (size_t i = 0; i < times; i++)
        memcpy(text + i * length, *data, length);
    text[length * times] = '\0';
    length += end != NULL ? (*size > length + 1 ? 2 : 1) : 0;
    *data += length;
    *size -= length;
    return text;
}

static void line_check(const struct event *event)
{
    char *line = malloc(EVENT_MAX); /* of its own, so that a byte past it is seen */
    size_t length;
    json_t *object;
    json_error_t error;

    must(line != NULL);
    length = event_format(event, line);
    must(length > 0 && length <= EVENT_MAX);
    must(memchr(line, '\n', length) == line + length - 1);
    object = json_loadb(line, length, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    must(json_is_object(object));
    must(json_integer_value(json_object_get(object, "v")) == EVENT_VERSION);
    must(json_is_string(json_object_get(object, "exe")) == (event->exe != NULL));
    must(json_is_string(json_object_get(object, "at")) == (event->file != NULL));
    must(json_is_string(json_object_get(object, "target")) == (event->target != NULL));
    json_decref(object);
    free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct event event = {.op = "connect", .verdict = "deny", .layer = "user", .port = 443, .proto = "tcp"};
    char *texts[TEXTS];
    uint8_t choice;

    if (size < 17)
        return 0;
    choice = data[0];
    memcpy(&event.time.tv_sec, data + 1, sizeof(event.time.tv_sec));
    memcpy(&event.left_out, data + 9, sizeof(event.left_out));
    memcpy(&event.line, data + 13, sizeof(event.line));
    data += 17;
    size -= 17;
    for (int i = 0; i < TEXTS; i++)
        texts[i] = text_take(&data, &size);
    event.direction = (enum direction)(choice % (DIRECTIONS + 1));
    event.domain = (choice & 4) != 0 ? -1 : choice;
    event.exe = (choice & 8) != 0 ? NULL : texts[0];
    event.path = texts[1];
    event.path_length = strlen(texts[1]) + ((choice & 16) != 0); /* its NUL too, as abstract names may have */
    event.rule = (choice & 32) != 0 ? NULL : texts[2];
    event.reason = texts[3];
    event.file = (choice & 64) != 0 ? NULL : texts[4];
    event.target = (choice & 128) != 0 ? NULL : texts[5];
    line_check(&event);
    for (int i = 0; i < TEXTS; i++)
        free(texts[i]);
    return 0;
}
