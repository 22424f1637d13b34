/* SPDX-License-Identifier: MIT */
/*
 * The files themselves become part of the command, which so needs none beside it: in a container there may be no folder
 * of documents. The Makefile compiles this anew when one of them changes.
 */
#include "command/templates.h"

/* The first one is what is written where none is named. */
#define TEMPLATES(ONE)                                                                                                 \
    ONE(start, "start")                                                                                                \
    ONE(metadata, "metadata")                                                                                          \
    ONE(closed, "closed")                                                                                              \
    ONE(audit, "audit")                                                                                                \
    ONE(office_server, "office-server")                                                                                \
    ONE(one_resolver, "one-resolver")                                                                                  \
    ONE(no_smtp, "no-smtp")                                                                                            \
    ONE(per_program, "per-program")                                                                                    \
    ONE(telemetry, "telemetry")                                                                                        \
    ONE(distributed_firewall, "distributed-firewall")                                                                  \
    ONE(unix_docker, "unix-docker")                                                                                    \
    ONE(family, "family")                                                                                              \
    ONE(ping, "ping")                                                                                                  \
    ONE(shorthand, "shorthand")

#define INCLUDE(id, name)                                                                                              \
    extern const char template_##id[] __attribute__((visibility("hidden")));                                           \
    __asm__(".pushsection .rodata\n"                                                                                   \
            "template_" #id ": .incbin \"examples/" name ".conf\"\n"                                                   \
            ".byte 0\n"                                                                                                \
            ".popsection\n");
TEMPLATES(INCLUDE)

#define ENTRY(id, name) {name, template_##id},
const struct template templates[] = {TEMPLATES(ENTRY)};
const size_t template_count = sizeof(templates) / sizeof(templates[0]);
