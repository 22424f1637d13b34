/* SPDX-License-Identifier: MIT */
/*
 * Image files: opened, judged, mapped, and compared with what they were made of.
 */
#ifndef SOCKADE_STATE_CONTROL_H
#define SOCKADE_STATE_CONTROL_H

#include "policy/image.h"
#include "state/locate.h"

/*
 * The largest image, and the address range that one slot of a layer reserves, so that a newer and larger image can be
 * mapped over an older one. Address space only: no page of it is touched before it is used.
 */
#define IMAGE_LIMIT ((size_t)(sizeof(void *) == 8 ? 512u : 64u) << 20)

enum image_file_outcome {
    IMAGE_FILE_OK,
    IMAGE_FILE_ABSENT,     /* ENOENT or ENOTDIR: there is none */
    IMAGE_FILE_NO_IMAGE,   /* something else stands there: perhaps a text */
    IMAGE_FILE_UNTRUSTED,  /* by owner or mode; `why` */
    IMAGE_FILE_BAD,        /* truncated, damaged, of another version; `why` */
    IMAGE_FILE_UNREADABLE, /* errno in `error` */
};

struct image_file {
    void *base;      /* mapped read-only, private; NULL where the outcome is not OK */
    size_t size;     /* of the file */
    size_t reserved; /* of the range that is mapped; the rest reads as zero. What munmap(2) takes */
    int error;
    const char *why;
};

/*
 * Opens `path` (relative to `folder`, or AT_FDCWD) without blocking and without following a link in its last part when
 * `no_follow`, judges what was opened by its owner and mode, and maps it. The header is checked by image_open, not here
 * but for magic and size. With `reserve` IMAGE_LIMIT bytes of address space are kept behind it; where that much is not
 * to be had, just the file's size.
 */
enum image_file_outcome image_file_open(struct image_file *out, int folder, const char *path, uid_t uid, bool system,
                                        bool no_follow, bool reserve);
void image_file_close(struct image_file *file);

/*
 * Whether what the image was made of is still what stat(2) finds: one stat a source. An image without sources (one that
 * was compiled without a text) is always fresh.
 */
bool image_is_fresh(const struct view *view);

#endif
