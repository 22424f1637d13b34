/* SPDX-License-Identifier: MIT */
/*
 * A file's first kilobyte tells nearly always all of it: the ELF header, the program headers behind it, and behind
 * these the name of the dynamic loader; or a script's first line.
 */
#include "state/program.h"

#include "state/kernel.h"

#include <elf.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>

#define HEAD 1024
#define SCRIPT_LINE 256 /* the kernel's BINPRM_BUF_SIZE since 5.1; what is longer it refuses or cuts */
#define NOTES_SIZE 512
#define GO_OWNER "Go\0" /* four bytes with the last NUL */
#define GO_BUILD_ID 4
#define PARTS_SIZE 65536u /* fs/binfmt_elf.c: more bytes of program headers give ENOEXEC */

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define OWN_DATA ELFDATA2LSB
#else
#define OWN_DATA ELFDATA2MSB
#endif

_Static_assert(SCRIPT_LINE < PROGRAM_TEXT, "a script's line fits");

/* A file and what was read of it already. */
struct head {
    int fd;
    size_t size;
    union {
        char bytes[HEAD];
        Elf32_Ehdr elf32;
        Elf64_Ehdr elf64;
    };
};

/* The program headers of either class. */
struct parts {
    uint64_t at;
    unsigned size, count;
};

struct part {
    uint32_t type;
    uint64_t at, size;
};

/* Bytes of the file, out of its head where they stand there. */
static bool bytes_read(const struct head *head, uint64_t at, void *out, size_t size)
{
    if (at <= head->size && size <= head->size - at) {
        memcpy(out, head->bytes + at, size);
        return true;
    }
    return at <= INT64_MAX && kernel_read_at(head->fd, out, size, at) == (ssize_t)size;
}

/* The file's ELF header; false where it has none, or one that is cut short. */
static bool is_elf(const struct head *head)
{
    return head->size >= SELFMAG && memcmp(head->bytes, ELFMAG, SELFMAG) == 0;
}

static bool header_is_whole(const struct head *head)
{
    return head->size >= EI_NIDENT &&
           head->size >= (head->bytes[EI_CLASS] == ELFCLASS32 ? sizeof(Elf32_Ehdr) : sizeof(Elf64_Ehdr));
}

/* What stands in the same place in both classes. */
static struct machine machine_of(const struct head *head)
{
    struct machine out = {.class = (uint8_t)head->bytes[EI_CLASS],
                          .data = (uint8_t)head->bytes[EI_DATA],
                          .machine = head->elf32.e_machine};

    return out;
}

static struct parts parts_of(const struct head *head)
{
    struct parts out;

    if (head->bytes[EI_CLASS] == ELFCLASS32)
        out = (struct parts){head->elf32.e_phoff, head->elf32.e_phentsize, head->elf32.e_phnum};
    else
        out = (struct parts){head->elf64.e_phoff, head->elf64.e_phentsize, head->elf64.e_phnum};
    return out;
}

static bool part_read(struct part *out, const struct head *head, const struct parts *parts, unsigned i)
{
    union {
        Elf32_Phdr elf32;
        Elf64_Phdr elf64;
    } part;

    if (!bytes_read(head, parts->at + (uint64_t)i * parts->size, &part, parts->size))
        return false;
    if (parts->size == sizeof(Elf32_Phdr))
        *out = (struct part){part.elf32.p_type, part.elf32.p_offset, part.elf32.p_filesz};
    else
        *out = (struct part){part.elf64.p_type, part.elf64.p_offset, part.elf64.p_filesz};
    return true;
}

/*
 * Whether a program's notes hold the one that Go's linker writes (cmd/link: owner "Go", type 4), among those of the C
 * linker where that was used. Looked at is as much as compilers write.
 */
static bool has_go_note(const struct head *head, const struct part *part)
{
    char notes[NOTES_SIZE];
    size_t size = part->size < sizeof(notes) ? (size_t)part->size : sizeof(notes);

    if (!bytes_read(head, part->at, notes, size))
        return false;
    for (size_t at = 0; size - at >= sizeof(Elf64_Nhdr) + sizeof(GO_OWNER);) {
        Elf64_Nhdr note; /* the same in both classes */
        uint64_t length;

        memcpy(&note, notes + at, sizeof(note));
        if (note.n_type == GO_BUILD_ID && note.n_namesz == sizeof(GO_OWNER) &&
            memcmp(notes + at + sizeof(note), GO_OWNER, sizeof(GO_OWNER)) == 0)
            return true;
        length = sizeof(note) + (((uint64_t)note.n_namesz + 3) & ~3ULL) + (((uint64_t)note.n_descsz + 3) & ~3ULL);
        if (length > size - at)
            return false;
        at += (size_t)length;
    }
    return false;
}

/* Which dynamic loader an ELF file names (PT_INTERP); whether it was built by Go. */
static enum program_form loader_read(const struct head *head, char loader[PROGRAM_TEXT], bool *go)
{
    enum program_form form = PROGRAM_STATIC;
    struct parts parts = parts_of(head);
    unsigned size = head->bytes[EI_CLASS] == ELFCLASS32 ? sizeof(Elf32_Phdr) : sizeof(Elf64_Phdr);
    struct part part;

    if ((head->elf32.e_type != ET_EXEC && head->elf32.e_type != ET_DYN) || parts.size != size || parts.count == 0 ||
        parts.count > PARTS_SIZE / size || parts.at > INT64_MAX)
        return PROGRAM_DAMAGED;
    for (unsigned i = 0; i < parts.count; i++) {
        if (!part_read(&part, head, &parts, i))
            return PROGRAM_DAMAGED;
        if (part.type == PT_NOTE && !*go)
            *go = has_go_note(head, &part);
        if (part.type != PT_INTERP || form == PROGRAM_DYNAMIC)
            continue;
        if (part.size < 2 || part.size > PROGRAM_TEXT || !bytes_read(head, part.at, loader, (size_t)part.size) ||
            loader[part.size - 1] != '\0')
            return PROGRAM_DAMAGED;
        form = PROGRAM_DYNAMIC;
    }
    return form;
}

/*
 * Splits a script's first line as fs/binfmt_script.c does: the interpreter, and all the rest as one argument. One that
 * the kernel would have to cut in the interpreter's name it refuses.
 */
static bool script_read(struct program *out, const struct head *head)
{
    size_t size = head->size < SCRIPT_LINE ? head->size : SCRIPT_LINE;
    char *end, *name;
    bool cut;

    if (size < 2 || head->bytes[0] != '#' || head->bytes[1] != '!')
        return false;
    memcpy(out->text, head->bytes + 2, size - 2);
    out->text[size - 2] = '\0';
    end = out->text + strcspn(out->text, "\n");
    cut = *end == '\0' && size == SCRIPT_LINE;
    while (end > out->text && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    name = out->text + strspn(out->text, " \t");
    if (name >= end || (cut && strcspn(name, " \t") >= (size_t)(end - name)))
        return false;
    *end = '\0';
    memmove(out->text, name, (size_t)(end - name) + 1);
    name = out->text + strcspn(out->text, " \t");
    if (*name != '\0') {
        *name++ = '\0';
        name += strspn(name, " \t");
    }
    out->argument = (uint16_t)(name - out->text);
    return true;
}

bool program_read(struct program *out, int fd)
{
    struct head head = {.fd = fd};
    ssize_t size = kernel_read_at(fd, head.bytes, sizeof(head.bytes), 0);

    if (size < 0)
        return false;
    head.size = (size_t)size;
    out->text[0] = '\0';
    out->argument = 0;
    out->machine = (struct machine){0};
    out->go = false;
    if (!is_elf(&head)) {
        out->form = script_read(out, &head) ? PROGRAM_SCRIPT : PROGRAM_OTHER;
        return true;
    }
    out->form = PROGRAM_DAMAGED;
    if (!header_is_whole(&head))
        return true;
    out->machine = machine_of(&head);
    if (out->machine.data == OWN_DATA)
        out->form = loader_read(&head, out->text, &out->go);
    if (out->form != PROGRAM_DYNAMIC)
        out->text[0] = '\0'; /* what was read of a name that has no end */
    return true;
}

bool machine_read(struct machine *out, int fd)
{
    struct head head = {.fd = fd};
    ssize_t size = kernel_read_at(fd, head.bytes, sizeof(Elf64_Ehdr), 0);

    head.size = size > 0 ? (size_t)size : 0;
    if (!is_elf(&head) || !header_is_whole(&head))
        return false;
    *out = machine_of(&head);
    return true;
}

bool machine_equals(const struct machine *one, const struct machine *other)
{
    return one->class == other->class && one->data == other->data && one->machine == other->machine;
}

bool loader_is_musl(const char *loader)
{
    return strstr(loader, "ld-musl") != NULL;
}

bool is_loader_name(const char *path)
{
    static const char *const names[] = {"ld-linux", "ld.so", "ld-2.", "ld64.so"};
    const char *slash = strrchr(path, '/');
    const char *base = slash == NULL ? path : slash + 1;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strncmp(base, names[i], strlen(names[i])) == 0)
            return true;
    }
    return false;
}

/* Whether a set-user-id or set-group-id bit holds: on a file system that is mounted nosuid none does. */
static enum privilege mode_privilege(int fd, const struct stat *st)
{
    struct statfs place;
    enum privilege found = PRIVILEGE_NONE;

    if ((st->st_mode & S_ISUID) && st->st_uid != kernel_real_uid())
        found = PRIVILEGE_USER;
    else if ((st->st_mode & S_ISGID) && (st->st_mode & S_IXGRP) && st->st_gid != getgid())
        found = PRIVILEGE_GROUP;
    if (found != PRIVILEGE_NONE && fstatfs(fd, &place) == 0 && (place.f_flags & ST_NOSUID))
        return PRIVILEGE_NONE;
    return found;
}

enum privilege program_privilege(int fd, const struct stat *st, bool no_new_privs)
{
    enum privilege by_mode = no_new_privs ? PRIVILEGE_NONE : mode_privilege(fd, st);

    if (by_mode != PRIVILEGE_NONE)
        return by_mode;
    if (fgetxattr(fd, CAPABILITIES_NAME, NULL, 0) > 0)
        return PRIVILEGE_CAPABILITIES;
    /* The kernel takes these two for "none" (get_vfs_caps_from_disk), and fails the exec by any other. */
    return errno == ENODATA || errno == EOPNOTSUPP ? PRIVILEGE_NONE : PRIVILEGE_CAPABILITIES;
}

bool error_is_of_path(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
    case EACCES:
    case ELOOP:
    case ENAMETOOLONG:
    case ENXIO:
    case ENODEV:
    case EBADF:
    case EFAULT:
        return true;
    default:
        return false;
    }
}

bool ids_differ(void)
{
    return kernel_real_uid() != kernel_effective_uid() || getgid() != getegid();
}

bool no_new_privileges(void)
{
    return kernel_call(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
}

/* Objects */

#define EXPANSIONS 3

/* What $LIB becomes: Debian's multiarch folder, lib64, lib. */
static const char *lib_expansion(const struct machine *machine, int which)
{
    static const struct {
        uint8_t class;
        uint16_t machine;
        const char *folder;
    } multiarch[] = {
        {ELFCLASS64, EM_X86_64, "lib/x86_64-linux-gnu"},   {ELFCLASS32, EM_386, "lib/i386-linux-gnu"},
        {ELFCLASS64, EM_AARCH64, "lib/aarch64-linux-gnu"}, {ELFCLASS32, EM_ARM, "lib/arm-linux-gnueabihf"},
        {ELFCLASS64, EM_RISCV, "lib/riscv64-linux-gnu"},   {ELFCLASS64, EM_PPC64, "lib/powerpc64le-linux-gnu"},
        {ELFCLASS64, EM_S390, "lib/s390x-linux-gnu"},
    };

    if (which == 1)
        return machine->class == ELFCLASS64 ? "lib64" : "lib32";
    if (which == 2)
        return "lib";
    for (size_t i = 0; i < sizeof(multiarch) / sizeof(multiarch[0]); i++) {
        if (multiarch[i].class == machine->class && multiarch[i].machine == machine->machine)
            return multiarch[i].folder;
    }
    return NULL;
}

/* Whether the file at `path` is an ELF file for this machine. */
static bool is_for(const char *path, const struct machine *machine)
{
    struct machine found;
    int fd = kernel_open(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
    bool same = fd >= 0 && machine_read(&found, fd) && machine_equals(&found, machine);

    if (fd >= 0)
        kernel_close(fd);
    return same;
}

/* Puts `middle` between the first `before` bytes of a text and what stands from `after` on. */
static bool join(char file[PATH_MAX], const char *text, size_t before, const char *middle, const char *after)
{
    size_t length = strlen(middle);
    size_t rest = strlen(after) + 1;

    if (before >= PATH_MAX || length >= PATH_MAX - before || rest > PATH_MAX - before - length)
        return false;
    memcpy(file, text, before);
    memcpy(file + before, middle, length);
    memcpy(file + before + length, after, rest);
    return true;
}

/* The loader's token in a text, and what stands behind it; NULL where there is none. */
static const char *lib_token(const char *text, const char **behind)
{
    static const char *const tokens[] = {"$LIB", "${LIB}"};

    for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
        const char *at = strstr(text, tokens[i]);

        if (at == NULL)
            continue;
        *behind = at + strlen(tokens[i]);
        return at;
    }
    return NULL;
}

bool object_for(const char *value, const struct machine *machine, char file[PATH_MAX])
{
    const char *behind;
    const char *token = lib_token(value, &behind);

    if (token == NULL)
        return join(file, value, 0, "", value) && is_for(file, machine);
    for (int which = 0; which < EXPANSIONS; which++) {
        const char *folder = lib_expansion(machine, which);

        if (folder != NULL && join(file, value, (size_t)(token - value), folder, behind) && is_for(file, machine))
            return true;
    }
    return false;
}
