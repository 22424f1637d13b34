/* SPDX-License-Identifier: MIT */
/* What our shared object tells of itself in its ELF file, of either width, without being run. */
#ifndef SOCKADE_COMMAND_OBJECT_FILE_H
#define SOCKADE_COMMAND_OBJECT_FILE_H

#include <stdbool.h>
#include <stdint.h>

struct object_facts {
    char version[32];       /* of its note (shim/version_note.c); "": it has none, so it is older than notes */
    uint32_t image_version; /* of the images that it maps */
    unsigned libc[2];       /* the youngest version of the GNU C library that it asks for: 2, 28; 0, 0: none */
};

/* Reads them from any bytes. False with errno where the file cannot be read, or (ENOEXEC) is no whole ELF file. */
bool object_facts_read(struct object_facts *out, const char *path);

#endif
