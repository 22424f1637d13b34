/* SPDX-License-Identifier: MIT */
/*
 * Image files: opened, judged, mapped, and compared with what they were made of.
 */
#ifndef SOCKADE_STATE_CONTROL_H
#define SOCKADE_STATE_CONTROL_H

#include "policy/image.h"
#include "state/locate.h"

/* The largest image, and the address range that each of two slots takes for newer ones. */
#define IMAGE_LIMIT ((size_t)(sizeof(void *) == 8 ? 512u : 64u) << 20)

/* What lies behind the last byte that a reader may look for. */
#define IMAGE_SLACK ((size_t)64 << 10)

enum image_file_outcome {
    IMAGE_FILE_OK,
    IMAGE_FILE_ABSENT,     /* ENOENT or ENOTDIR: there is none */
    IMAGE_FILE_NO_IMAGE,   /* something else stands there: perhaps a text */
    IMAGE_FILE_UNTRUSTED,  /* by owner or mode; `why` */
    IMAGE_FILE_BAD,        /* truncated, damaged, of another version; `why` */
    IMAGE_FILE_UNREADABLE, /* errno in `error` */
};

struct image_file {
    void *base;   /* mapped read-only, private; NULL where the outcome is not OK */
    size_t size;  /* of the file */
    dev_t device; /* which file it is, */
    ino_t inode;
    int64_t mtime_ns; /* and when it was written */
    int error;
    const char *why;
};

/*
 * Opens `path` (relative to `folder`, or AT_FDCWD) without blocking and without following a link in its last part when
 * `no_follow`, judges what was opened by its owner and mode, and maps it. The header is checked by image_open, not here
 * but for magic and size.
 */
enum image_file_outcome image_file_open(struct image_file *out, int folder, const char *path, uid_t uid, bool system,
                                        bool no_follow);
void image_file_close(struct image_file *file);

/*
 * Reserves address space for two slots of `*room` bytes each, for images of about `size` bytes: IMAGE_LIMIT, or under a
 * limit on address space less. It reads as zero, and no page of it is touched before it is used. NULL where that much
 * is not to be had.
 */
void *image_reserve(size_t size, size_t *room);

/*
 * Whether an image of this size may be moved into a slot of `room` bytes. A late reader may mix the offsets of one
 * image with the counts of another and with elements of twice the size; all of that must lie inside what is reserved.
 */
static inline bool image_fits_slot(size_t size, size_t room)
{
    return room > IMAGE_SLACK && size <= (room - IMAGE_SLACK) / 3;
}

/*
 * Moves the mapping of `file` to `slot`, an address inside a reserved range in which `mapped` bytes are an older
 * image's; what is left of that becomes zero pages. No reader of the range ever meets a hole. The mapping is the slot's
 * then.
 */
bool image_file_move(struct image_file *file, void *slot, size_t mapped);

/* What stat(2) says now about all that the image was made of, as one number, to be compared with another. */
uint64_t image_sources_now(const struct view *view);
uint64_t path_now(const char *path);

/*
 * Whether what the image was made of is still what stat(2) finds: one stat a source. An image without sources (one that
 * was compiled without a text) is always fresh.
 */
bool image_is_fresh(const struct view *view);

#endif
