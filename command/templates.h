/* SPDX-License-Identifier: MIT */
/* Policies to start from: files of examples/ that are whole by themselves, as they stood when this was built. */
#ifndef SOCKADE_COMMAND_TEMPLATES_H
#define SOCKADE_COMMAND_TEMPLATES_H

#include <stddef.h>

struct template
{
    const char *name; /* the file's, without ".conf" */
    const char *text;
};

extern const struct template templates[];
extern const size_t template_count;

#endif
