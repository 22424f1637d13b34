/* SPDX-License-Identifier: MIT */
/*
 * Which version this object is, in an ELF note: `sockade doctor` reads it from the file, without running anything.
 *
 * It stands beside the build id in a page that the loader reads anyway, and is neither a symbol nor relocated.
 */
#include "policy/image.h"

#include <stdint.h>

#ifndef VERSION
#define VERSION "unreleased"
#endif

#define NOTE_OWNER "Sockade"
#define NOTE_VERSION 1 /* the type of this note */

static const struct {
    uint32_t owner_size, text_size, type;
    char owner[sizeof(NOTE_OWNER)];
    uint32_t image_version;
    char version[(sizeof(VERSION) + 3) / 4 * 4];
} version_note __attribute__((section(".note.sockade"), used, aligned(4))) = {
    sizeof(NOTE_OWNER), sizeof(uint32_t) + sizeof(VERSION), NOTE_VERSION, NOTE_OWNER, IMAGE_VERSION, VERSION,
};
