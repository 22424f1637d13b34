/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a policy: the reader ends, and what it calls right can be linted, and compiled to an image that is
 * right.
 *
 * Bytes behind the first NUL byte, if there is one, are an endpoint of the command line.
 */
#include "config/compile.h"
#include "config/lint.h"
#include "config/read.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libconfig 1.5 loses the texts that stand on its parser's stack when a syntax error stops it. */
const char *__lsan_default_suppressions(void)
{
    return "leak:libconfig";
}

static FILE *nowhere(void)
{
    static FILE *stream;

    if (!stream)
        stream = fopen("/dev/null", "w");
    if (!stream)
        abort();
    return stream;
}

/* Whatever a rule says, these hold; the compiler relies on them. */
static void check_rule(const struct policy *policy, const struct rule *rule)
{
    if (rule->kind > KIND_FAMILY || rule->chain >= CHAIN_PROGRAMS + policy->program_count || rule->protos == 0)
        abort();
    if ((rule->kind == KIND_FAMILY) != (rule->family_count > 0))
        abort();
    if (rule->port_count > 0 && (rule->protos & ~(unsigned)PROTO_WITH_PORTS))
        abort();
    for (size_t i = 0; i < rule->port_count; i++) {
        if (rule->ports[i].first == 0 || rule->ports[i].first > rule->ports[i].last)
            abort();
        if (i > 0 && rule->ports[i - 1].last >= rule->ports[i].first)
            abort();
    }
    if (!rule->place.file || rule->place.line < 1)
        abort();
}

static void check_image(const struct policy *policy, struct messages *messages)
{
    struct image_bytes image;
    struct view view;

    if (!policy_compile(policy, &image, messages))
        abort();
    if (image_verify(image.bytes, image.size) != IMAGE_OK ||
        image_open(&view, image.bytes, image.size, NULL) != IMAGE_OK)
        abort();
    free(image.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const options[] = {"--deny-to", "--deny-from", "--deny-on", "--allow-to", "--allow-x"};
    char *text = malloc(size + 1);
    struct messages messages = {0};
    struct policy policy;

    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    policy_resolve_names_in_hints = false;
    bool right = policy_read_text(&policy, text, "policy.conf", &messages);
    if (right != (messages.errors == 0))
        abort();
    if (right) {
        size_t length = strlen(text);
        if (length < size)
            policy_add_endpoint(&policy, options[length % 5], text + length + 1, &messages);
        for (size_t i = 0; i < policy.rule_count; i++)
            check_rule(&policy, &policy.rules[i]);
        policy_lint(&policy, NULL, &messages);
        check_image(&policy, &messages);
    }
    messages_print(&messages, nowhere());
    policy_free(&policy);
    messages_free(&messages);
    free(text);
    return 0;
}
