/* SPDX-License-Identifier: MIT */
/* Any bytes as a list: the reader ends, counts what it read, and stays inside the bytes. */
#include "config/lists.h"

#include "config/endpoint.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_endpoint(const uint8_t *data, size_t size)
{
    struct endpoint endpoint;
    char problem[40];
    char *text = malloc(size + 1);

    if (!text)
        return;
    memcpy(text, data, size);
    text[size] = '\0';
    if (endpoint_parse(text, &endpoint, problem, sizeof(problem))) {
        if (strlen(endpoint.address) >= sizeof(endpoint.address) || endpoint.address[0] == '\0')
            abort();
        if (endpoint.has_port && (endpoint.port.first == 0 || endpoint.port.first > endpoint.port.last))
            abort();
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct range_set set = {0};
    struct messages messages = {0};
    char *text = malloc(size); /* of just this size, so that the sanitizer sees one byte too far */

    if (!text && size > 0)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    struct list_report report = list_read(text, size, "list", &set, &messages);
    if (report.entries != set.v4_count + set.v6_count || report.masked > report.entries)
        abort();
    if ((report.bad == 0) != (messages.errors == 0))
        abort();
    for (size_t i = 0; i < set.v4_count; i++) {
        if (set.v4[i].first > set.v4[i].last)
            abort();
    }
    struct range_merge merge = range_set_normalise(&set);
    if (merge.duplicates + merge.inside + merge.joined + set.v4_count + set.v6_count != report.entries)
        abort();
    merge = range_set_normalise(&set);
    if (merge.duplicates + merge.inside + merge.joined != 0)
        abort();
    range_set_free(&set);
    messages_free(&messages);
    free(text);
    check_endpoint(data, size);
    return 0;
}
