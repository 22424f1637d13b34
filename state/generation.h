/* SPDX-License-Identifier: MIT */
/*
 * The control file of an image folder: one page with a word that is raised whenever an image of the folder changes.
 *
 * Every process has it mapped shared, so that it learns of a new image by one load. It is made beside the images by
 * whoever publishes the first one, and is from then on neither replaced nor cut short.
 */
#ifndef SOCKADE_STATE_GENERATION_H
#define SOCKADE_STATE_GENERATION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define GENERATION_FILE "control-1" /* with the version of its layout */
#define GENERATION_SIZE 4096

struct generation_page {
    char magic[8];
    uint32_t version;
    _Atomic uint32_t word;
};

/*
 * Where a control file may be mapped so that the word's address is known when the program is linked: a page, also where
 * pages are as large as they get. All-zero until then, which reads as a word that never moves.
 */
#if defined(__i386__) || defined(__x86_64__)
#define GENERATION_PLACE 4096
#else
#define GENERATION_PLACE 65536
#endif
union generation_place {
    struct generation_page page;
    unsigned char bytes[GENERATION_PLACE];
} __attribute__((aligned(GENERATION_PLACE)));

/* A control file that is mapped; `page` is NULL where there is none. */
struct generation {
    const struct generation_page *page;
    union generation_place *place; /* that it stands in; NULL: elsewhere */
    dev_t device;
    ino_t inode;
    uint32_t word; /* as it was when it was mapped */
};

/*
 * Maps the control file `path` (relative to `folder`, or AT_FDCWD) for reading, if it is one that `uid` may trust; one
 * open, fstat, mmap and close. To be done before the image is opened: what is published in between is then seen. With
 * `place` it is mapped over that, which must hold none; generation_unmap makes it all-zero again.
 */
bool generation_map(struct generation *out, int folder, const char *path, uid_t uid, bool system,
                    union generation_place *place);
void generation_unmap(struct generation *generation);

/*
 * Whether both are of one file, and show the same: an overlay tells one inode for a file and what it was copied up to,
 * and what was mapped before that stays as it was (Documentation/filesystems/overlayfs.rst, "Non-standard behavior").
 */
static inline bool generation_is_same(const struct generation *one, const struct generation *other)
{
    return one->page != NULL && other->page != NULL && one->device == other->device && one->inode == other->inode &&
           atomic_load(&one->page->word) == atomic_load(&other->page->word);
}

/*
 * Moves a control file to `place`, over any other, without a moment at which readers of the place would fault. False
 * where this cannot be done; the file is let go then, and the place is as it was.
 */
bool generation_move(struct generation *generation, union generation_place *place);

/*
 * Makes the control file in `folder` with mode `mode` unless a good one is there; to be called under the folder's lock.
 * All of its page is written, so that no reader meets a hole on a disk that is full. False: none can be had.
 */
bool generation_make(int folder, mode_t mode);

/*
 * Raises the word, if there is a control file in `folder`, under the folder's lock where it has one. False with errno,
 * ENOENT where there is none.
 */
bool generation_raise(int folder);

#endif
