/* SPDX-License-Identifier: MIT */
/*
 * Elements of an array of addresses that stand in others already. They do no harm, so they are kept as advice, which
 * `sockade check` shows, and nobody else.
 */
#include "config/read_internal.h"

#include "config/memory.h"
#include "config/names.h"

#include <stdlib.h>
#include <string.h>

#define MOST_COMPARED 10000000 /* pairs a policy; about a tenth of a second */

/* One element: the ranges that are written or named; none for @sets and Unix patterns, which are compared as texts. */
struct element {
    const char *text;
    struct range_set ranges;
};

static void take_element(struct element *out, const char *text)
{
    struct address_range range;

    *out = (struct element){.text = text};
    if (!address_name_add(text, &out->ranges) && range_parse(text, false, &range, NULL, NULL) == ADDRESS_OK)
        range_set_add(&out->ranges, &range);
    range_set_normalise(&out->ranges);
}

/* Whether the element at `i` adds nothing to the one at `j`. */
static bool stands_in(const struct element *elements, size_t i, size_t j)
{
    if (strcmp(elements[i].text, elements[j].text) == 0)
        return j < i;
    if (range_set_is_empty(&elements[i].ranges) || !range_set_holds(&elements[j].ranges, &elements[i].ranges))
        return false;
    return j < i || !range_set_holds(&elements[i].ranges, &elements[j].ranges);
}

static void compare(struct reader *reader, config_setting_t *setting, const struct element *elements, size_t count)
{
    struct messages *advice = &reader->policy->advice;

    for (size_t i = 0; i < count; i++) {
        size_t j = 0;

        while (j < count && (j == i || !stands_in(elements, i, j)))
            j++;
        if (j == count)
            continue;
        messages_add(advice, MESSAGE_WARNING, place_of(element(setting, i)), QUOTE " stands in " QUOTE " already",
                     elements[i].text, elements[j].text);
        messages_detail(advice, "repeated", elements[i].text, "");
    }
}

void note_repeats(struct reader *reader, config_setting_t *setting)
{
    size_t count = config_setting_is_aggregate(setting) && !config_setting_is_group(setting)
                       ? (size_t)config_setting_length(setting)
                       : 0;
    struct element *elements;

    if (count < 2 || count > MOST_COMPARED || (reader->compared += count * count) > MOST_COMPARED)
        return;
    elements = memory_new(count * sizeof *elements);
    for (size_t i = 0; i < count; i++) {
        const char *text = config_setting_get_string(element(setting, i));
        take_element(&elements[i], text ? text : "");
    }
    compare(reader, setting, elements, count);
    for (size_t i = 0; i < count; i++)
        range_set_free(&elements[i].ranges);
    free(elements);
}
