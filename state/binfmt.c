/* SPDX-License-Identifier: MIT */
/*
 * Each entry is a file of a few lines (Documentation/admin-guide/binfmt-misc.rst):
 *
 *     enabled
 *     interpreter /usr/bin/jexec
 *     flags: OC
 *     offset 0
 *     magic 504b0304
 *     mask ffffffff
 *
 * or, in place of the last three, `extension .jar`.
 */
#include "state/binfmt.h"

#include "state/kernel.h"

#include <string.h>

#define ENTRY_MAX                                                                                                      \
    2048 /* more than an entry can have: its longest texts are a name of a file and 2 x 256 hexadecimal digits */
#define LISTED_MAX 1024

/* As getdents64(2) gives them; libc's own reader allocates. */
struct listed {
    uint64_t inode;
    int64_t next;
    uint16_t size;
    uint8_t type;
    char name[];
};

struct subject {
    unsigned char head[BINFMT_HEAD];
    size_t size;
    const char *extension; /* with its dot; NULL: none */
};

/* What stands behind `key` at the beginning of a line, up to its end; NULL where there is no such line. */
static const char *line_of(const char *entry, const char *key, size_t *length)
{
    size_t key_length = strlen(key);

    for (const char *line = entry; line != NULL; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        if (strncmp(line, key, key_length) != 0)
            continue;
        *length = strcspn(line + key_length, "\n");
        return line + key_length;
    }
    return NULL;
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One byte of a text of hexadecimal digits; -1 behind the last one. */
static int hex_byte(const char *text, size_t length, size_t i)
{
    int high, low;

    if (2 * i + 1 >= length)
        return -1;
    high = digit(text[2 * i]);
    low = digit(text[2 * i + 1]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static bool magic_fits(const char *entry, const struct subject *subject)
{
    size_t magic_length, mask_length = 0, offset_length, offset = 0;
    const char *magic = line_of(entry, "magic ", &magic_length);
    const char *mask = line_of(entry, "mask ", &mask_length);
    const char *start = line_of(entry, "offset ", &offset_length);

    if (magic == NULL)
        return false;
    for (size_t i = 0; start != NULL && i < offset_length && offset < BINFMT_HEAD; i++)
        offset = offset * 10 + (size_t)(start[i] >= '0' && start[i] <= '9' ? start[i] - '0' : BINFMT_HEAD);
    for (size_t i = 0; 2 * i < magic_length; i++) {
        int want = hex_byte(magic, magic_length, i);
        int masked = mask == NULL ? 255 : hex_byte(mask, mask_length, i);

        if (want < 0 || masked < 0 || offset + i >= subject->size || ((subject->head[offset + i] ^ want) & masked) != 0)
            return false;
    }
    return true;
}

static bool extension_fits(const char *entry, const struct subject *subject)
{
    size_t length;
    const char *extension = line_of(entry, "extension ", &length);

    return extension != NULL && subject->extension != NULL && strlen(subject->extension) == length &&
           memcmp(subject->extension, extension, length) == 0;
}

/* Whether an entry is for this file; its interpreter. */
static bool entry_fits(char interpreter[PROGRAM_TEXT], const char *entry, const struct subject *subject)
{
    size_t length;
    const char *name = line_of(entry, "interpreter ", &length);

    if (strncmp(entry, "enabled\n", 8) != 0 || name == NULL || length == 0 || length >= PROGRAM_TEXT ||
        !(magic_fits(entry, subject) || extension_fits(entry, subject)))
        return false;
    memcpy(interpreter, name, length);
    interpreter[length] = '\0';
    return true;
}

/* Reads a small file of the folder as a text. */
static bool entry_read(char entry[ENTRY_MAX], int folder, const char *name)
{
    int fd = kernel_open(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
    ssize_t length = fd < 0 ? -1 : kernel_read(fd, entry, ENTRY_MAX - 1);

    if (fd >= 0)
        kernel_close(fd);
    entry[length > 0 ? length : 0] = '\0';
    return length > 0;
}

static __attribute__((noinline)) bool entry_look(char interpreter[PROGRAM_TEXT], int folder, const char *name,
                                                 const struct subject *subject)
{
    char entry[ENTRY_MAX];

    if (name[0] == '.' || strcmp(name, "register") == 0 || strcmp(name, "status") == 0)
        return false;
    return entry_read(entry, folder, name) && entry_fits(interpreter, entry, subject);
}

/* Looks through the open folder. */
static bool entries_look(char interpreter[PROGRAM_TEXT], int folder, const struct subject *subject)
{
    _Alignas(struct listed) char list[LISTED_MAX];
    long size;

    while ((size = kernel_call(SYS_getdents64, folder, list, sizeof(list))) > 0) {
        for (long at = 0; at < size;) {
            const struct listed *one = (const void *)(list + at);

            if (entry_look(interpreter, folder, one->name, subject))
                return true;
            at += one->size;
        }
    }
    return false;
}

bool binfmt_find(char interpreter[PROGRAM_TEXT], const char *folder, int fd, const char *path)
{
    const char *slash = strrchr(path, '/');
    struct subject subject = {.extension = strrchr(slash == NULL ? path : slash, '.')};
    ssize_t size = kernel_read_at(fd, subject.head, sizeof(subject.head), 0);
    int opened = size < 0 ? -1 : kernel_open(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY, 0);
    bool found;

    if (opened < 0)
        return false;
    subject.size = (size_t)size;
    found = entries_look(interpreter, opened, &subject);
    kernel_close(opened);
    return found;
}
