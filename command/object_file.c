/* SPDX-License-Identifier: MIT */
/* The sections of an ELF file, each taken only as far as it lies inside: notes, and the versions that are asked for. */
#include "command/object_file.h"

#include "config/memory.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LARGEST ((off_t)64 << 20)
#define NOTE_OWNER "Sockade" /* as in shim/version_note.c */
#define LIBC_PREFIX "GLIBC_"
#define NEEDS_MOST 4096 /* versions asked for; a file whose list turns round and round ends there */

struct bytes {
    const unsigned char *at;
    size_t size;
};

/* A section header of either class. */
struct section {
    uint32_t type, link;
    struct bytes bytes;
};

struct elf_file {
    struct bytes all;
    uint64_t headers;
    unsigned count;
    bool narrow;
};

static bool load(struct bytes *out, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    unsigned char *memory = NULL;
    struct stat st;
    ssize_t got = -1;

    if (fd < 0)
        return false;
    errno = ENOEXEC;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= LARGEST) {
        memory = memory_new((size_t)st.st_size + 1);
        got = read(fd, memory, (size_t)st.st_size);
    }
    close(fd);
    if (got < 0) {
        free(memory);
        return false;
    }
    *out = (struct bytes){memory, (size_t)got};
    return true;
}

/* Copies `size` bytes at `offset`; false where they do not lie inside. */
static bool take(const struct bytes *from, uint64_t offset, void *out, size_t size)
{
    if (offset > from->size || size > from->size - offset)
        return false;
    memcpy(out, from->at + offset, size);
    return true;
}

static bool elf_open(struct elf_file *file)
{
    Elf64_Ehdr wide;
    Elf32_Ehdr narrow;

    if (file->all.size < EI_NIDENT || memcmp(file->all.at, ELFMAG, SELFMAG) != 0)
        return false;
    file->narrow = file->all.at[EI_CLASS] == ELFCLASS32;
    if (file->narrow && take(&file->all, 0, &narrow, sizeof(narrow))) {
        file->headers = narrow.e_shoff;
        file->count = narrow.e_shnum;
    } else if (!file->narrow && take(&file->all, 0, &wide, sizeof(wide))) {
        file->headers = wide.e_shoff;
        file->count = wide.e_shnum;
    } else {
        return false;
    }
    return file->count == 0 || file->headers <= file->all.size;
}

static bool section_read(const struct elf_file *file, unsigned i, struct section *out)
{
    Elf64_Shdr wide;
    Elf32_Shdr narrow;
    uint64_t offset, size;

    if (i >= file->count)
        return false;
    if (file->narrow) {
        if (!take(&file->all, file->headers + i * sizeof(narrow), &narrow, sizeof(narrow)))
            return false;
        *out = (struct section){.type = narrow.sh_type, .link = narrow.sh_link};
        offset = narrow.sh_offset;
        size = narrow.sh_size;
    } else {
        if (!take(&file->all, file->headers + i * sizeof(wide), &wide, sizeof(wide)))
            return false;
        *out = (struct section){.type = wide.sh_type, .link = wide.sh_link};
        offset = wide.sh_offset;
        size = wide.sh_size;
    }
    if (out->type == SHT_NOBITS || offset > file->all.size || size > file->all.size - offset)
        return false;
    out->bytes = (struct bytes){file->all.at + offset, (size_t)size};
    return true;
}

/* The first note of a section, where it is ours. */
static void read_note(const struct bytes *bytes, struct object_facts *out)
{
    Elf32_Nhdr head; /* the same in both classes */
    char owner[sizeof(NOTE_OWNER)];
    size_t at = sizeof(head) + sizeof(owner);
    size_t length;

    if (!take(bytes, 0, &head, sizeof(head)) || head.n_namesz != sizeof(owner) ||
        !take(bytes, sizeof(head), owner, sizeof(owner)) || memcmp(owner, NOTE_OWNER, sizeof(owner)) != 0 ||
        !take(bytes, at, &out->image_version, sizeof(out->image_version)))
        return;
    at += sizeof(out->image_version);
    length = bytes->size - at < sizeof(out->version) - 1 ? bytes->size - at : sizeof(out->version) - 1;
    memcpy(out->version, bytes->at + at, length);
    out->version[length] = '\0';
}

/* A version's name, such as GLIBC_2.28. */
static void read_need(const struct bytes *strings, uint32_t at, struct object_facts *out)
{
    char name[32] = "";
    unsigned major, minor;

    if (at >= strings->size)
        return;
    memcpy(name, strings->at + at, strings->size - at < sizeof(name) - 1 ? strings->size - at : sizeof(name) - 1);
    if (sscanf(name, LIBC_PREFIX "%4u.%4u", &major, &minor) != 2)
        return;
    if (major > out->libc[0] || (major == out->libc[0] && minor > out->libc[1])) {
        out->libc[0] = major;
        out->libc[1] = minor;
    }
}

/* The versions that are asked for: a list of libraries, each with a list of names; the same in both classes. */
static void read_needs(const struct bytes *bytes, const struct bytes *strings, struct object_facts *out)
{
    uint64_t at = 0;
    unsigned left = NEEDS_MOST;
    Elf64_Verneed library;

    while (left > 0 && take(bytes, at, &library, sizeof(library))) {
        uint64_t inner = at + library.vn_aux;
        Elf64_Vernaux name;

        for (unsigned i = 0; i < library.vn_cnt && left > 0 && take(bytes, inner, &name, sizeof(name)); i++, left--) {
            read_need(strings, name.vna_name, out);
            inner += name.vna_next;
        }
        if (library.vn_next == 0)
            return;
        at += library.vn_next;
        left -= left > 0;
    }
}

bool object_facts_read(struct object_facts *out, const char *path)
{
    struct elf_file file = {0};
    struct section section, strings;
    bool is;

    memset(out, 0, sizeof(*out));
    if (!load(&file.all, path))
        return false;
    is = elf_open(&file);
    for (unsigned i = 0; is && i < file.count; i++) {
        if (!section_read(&file, i, &section))
            continue;
        if (section.type == SHT_NOTE && out->version[0] == '\0')
            read_note(&section.bytes, out);
        if (section.type == SHT_GNU_verneed && section_read(&file, section.link, &strings))
            read_needs(&section.bytes, &strings.bytes, out);
    }
    free((void *)(uintptr_t)file.all.at);
    if (!is)
        errno = ENOEXEC;
    return is;
}
