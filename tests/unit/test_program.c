/* SPDX-License-Identifier: MIT */
/*
 * What executable files are taken for: scripts as the kernel splits them, ELF files of both classes, and hostile ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "state/preload.h"
#include "state/program.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct program program;

/* Looks at these bytes as a file. */
static void look(const void *bytes, size_t size)
{
    int fd = memfd_create("program", MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), (ssize_t)size);
    assert_int_equal(lseek(fd, 3, SEEK_SET), 3);
    memset(&program, 0xaa, sizeof(program));
    assert_true(program_read(&program, fd));
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 3);
    close(fd);
}

static void script(const char *text, const char *interpreter, const char *argument)
{
    look(text, strlen(text));
    assert_int_equal(program.form, interpreter == NULL ? PROGRAM_OTHER : PROGRAM_SCRIPT);
    if (interpreter == NULL)
        return;
    assert_string_equal(program.text, interpreter);
    assert_string_equal(program.text + program.argument, argument);
}

static void scripts_are_split_as_the_kernel_does(void **state)
{
    char line[400];

    (void)state;
    script("#!/bin/sh\necho", "/bin/sh", "");
    script("#!/bin/sh", "/bin/sh", "");
    script("#! \t/bin/sh \t\n", "/bin/sh", "");
    script("#!/bin/sh -e\n", "/bin/sh", "-e");
    script("#!/usr/bin/env  -S a  b \nmore", "/usr/bin/env", "-S a  b");
    script("#!x\n", "x", "");
    script("#!\n", NULL, "");
    script("#!   \n/bin/sh", NULL, "");
    script("#!", NULL, "");
    script("#", NULL, "");
    script("", NULL, "");
    script("echo\n", NULL, "");
    script(" #!/bin/sh\n", NULL, "");
    memset(line, 'x', sizeof(line) - 1);
    line[sizeof(line) - 1] = '\0';
    memcpy(line, "#!/", 3);
    script(line, NULL, ""); /* the name itself would be cut */
    line[250] = ' ';
    line[100] = '\0';
    script(line, line + 2, "");
    line[100] = ' '; /* a cut argument is taken as it is */
    look(line, strlen(line));
    assert_int_equal(program.form, PROGRAM_SCRIPT);
    assert_int_equal(strlen(program.text), 98);
}

/* A whole ELF file with one PT_INTERP. */
static size_t elf64(unsigned char *out, const char *loader, unsigned parts)
{
    Elf64_Ehdr header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                         .e_type = ET_DYN,
                         .e_machine = EM_X86_64,
                         .e_phoff = sizeof(header),
                         .e_phentsize = sizeof(Elf64_Phdr),
                         .e_phnum = (Elf64_Half)parts};
    size_t at = sizeof(header);

    memcpy(out, &header, at);
    for (unsigned i = 0; i < parts; i++) {
        Elf64_Phdr part = {.p_type = i + 1 == parts && loader != NULL ? PT_INTERP : PT_LOAD,
                           .p_offset = sizeof(header) + parts * sizeof(part),
                           .p_filesz = loader == NULL ? 8 : strlen(loader) + 1};

        memcpy(out + at, &part, sizeof(part));
        at += sizeof(part);
    }
    if (loader != NULL)
        memcpy(out + at, loader, strlen(loader) + 1);
    return at + (loader == NULL ? 8 : strlen(loader) + 1);
}

static size_t elf32(unsigned char *out, const char *loader)
{
    Elf32_Ehdr header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT},
                         .e_type = ET_EXEC,
                         .e_machine = EM_386,
                         .e_phoff = sizeof(header),
                         .e_phentsize = sizeof(Elf32_Phdr),
                         .e_phnum = 1};
    Elf32_Phdr part = {.p_type = PT_INTERP, .p_offset = 200, .p_filesz = (Elf32_Word)strlen(loader) + 1};

    memset(out, 0, 300);
    memcpy(out, &header, sizeof(header));
    memcpy(out + sizeof(header), &part, sizeof(part));
    memcpy(out + 200, loader, strlen(loader) + 1);
    return 200 + strlen(loader) + 1;
}

static void loaders_are_found(void **state)
{
    static unsigned char bytes[70000];

    (void)state;
    look(bytes, elf64(bytes, "/lib64/ld-linux-x86-64.so.2", 1));
    assert_int_equal(program.form, PROGRAM_DYNAMIC);
    assert_string_equal(program.text, "/lib64/ld-linux-x86-64.so.2");
    assert_int_equal(program.machine.class, ELFCLASS64);
    assert_int_equal(program.machine.machine, EM_X86_64);
    look(bytes, elf64(bytes, "/far/behind", 300)); /* not in the first kilobyte */
    assert_int_equal(program.form, PROGRAM_DYNAMIC);
    assert_string_equal(program.text, "/far/behind");
    look(bytes, elf64(bytes, NULL, 3));
    assert_int_equal(program.form, PROGRAM_STATIC);
    look(bytes, elf32(bytes, "/lib/ld-linux.so.2"));
    assert_int_equal(program.form, PROGRAM_DYNAMIC);
    assert_string_equal(program.text, "/lib/ld-linux.so.2");
    assert_int_equal(program.machine.class, ELFCLASS32);
    assert_int_equal(program.machine.machine, EM_386);
}

/* Puts notes behind an ELF file, as its first part, and looks at it. */
static void look_with_notes(const void *notes, size_t size, uint64_t told)
{
    static unsigned char bytes[4096];
    size_t at = (elf64(bytes, "/lib64/ld-linux-x86-64.so.2", 2) + 3) / 4 * 4;
    Elf64_Phdr part = {.p_type = PT_NOTE, .p_offset = at, .p_filesz = told};

    memcpy(bytes + sizeof(Elf64_Ehdr), &part, sizeof(part));
    memcpy(bytes + at, notes, size);
    look(bytes, at + size);
}

static void programs_of_go_are_known(void **state)
{
    /* An ABI note as C's linker writes it, and the build id of Go's. */
    static const uint32_t notes[] = {4, 4, 1, 0x00554e47, 0, 4, 5, 4, 0x00006f47, 0x64636261, 0x65};
    uint32_t changed[sizeof(notes) / sizeof(notes[0])];

    (void)state;
    look_with_notes(notes, sizeof(notes), sizeof(notes));
    assert_int_equal(program.form, PROGRAM_DYNAMIC);
    assert_true(program.go);
    look_with_notes(notes + 5, sizeof(notes) - 20, sizeof(notes) - 20);
    assert_true(program.go);
    look_with_notes(notes, sizeof(notes), 20);
    assert_false(program.go);
    look_with_notes(notes, sizeof(notes), UINT64_MAX); /* more than there is */
    assert_int_equal(program.form, PROGRAM_DYNAMIC);
    assert_false(program.go);
    for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++) {
        memcpy(changed, notes, sizeof(notes));
        changed[i] = UINT32_MAX;
        look_with_notes(changed, sizeof(changed), sizeof(changed));
        assert_int_equal(program.form, PROGRAM_DYNAMIC);
    }
    for (uint64_t cut = 0; cut < sizeof(notes); cut++)
        look_with_notes(notes, (size_t)cut, cut);
}

static void damage_is_seen(void **state)
{
    static unsigned char bytes[70000];
    Elf64_Ehdr *header = (Elf64_Ehdr *)(void *)bytes;
    char longest[PROGRAM_TEXT + 1];
    size_t size = elf64(bytes, "/lib64/ld-linux-x86-64.so.2", 2);

    (void)state;
    for (size_t cut = 4; cut < size; cut++) {
        look(bytes, cut);
        assert_int_equal(program.form, PROGRAM_DAMAGED);
    }
    bytes[size - 1] = 'x';
    look(bytes, size);
    assert_int_equal(program.form, PROGRAM_DAMAGED); /* no end */
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    look(bytes, elf64(bytes, longest, 1));
    assert_int_equal(program.form, PROGRAM_DAMAGED);
    look(bytes, elf64(bytes, longest + 1, 1));
    assert_int_equal(program.form, PROGRAM_DYNAMIC);
    elf64(bytes, "/x", 1);
    for (size_t i = 0; i < 64; i++) { /* any byte of the header, any value that is odd */
        unsigned char before = bytes[i];

        for (unsigned value = 0; value < 256; value += 51) {
            bytes[i] = (unsigned char)value;
            look(bytes, size);
        }
        bytes[i] = before;
    }
    header->e_phoff = UINT64_MAX - 10;
    look(bytes, size);
    assert_int_equal(program.form, PROGRAM_DAMAGED);
    header->e_phoff = INT64_MAX;
    header->e_phnum = 1000;
    look(bytes, size);
    assert_int_equal(program.form, PROGRAM_DAMAGED);
    header->e_phnum = 65535;
    look(bytes, size);
    assert_int_equal(program.form, PROGRAM_DAMAGED);
    elf64(bytes, "/x", 1);
    header->e_type = ET_REL;
    look(bytes, size);
    assert_int_equal(program.form, PROGRAM_DAMAGED);
}

static void names_of_loaders(void **state)
{
    (void)state;
    assert_true(is_loader_name("/lib64/ld-linux-x86-64.so.2"));
    assert_true(is_loader_name("/lib/ld-2.28.so"));
    assert_true(is_loader_name("ld.so"));
    assert_true(is_loader_name("/lib/ld-linux.so.2"));
    assert_false(is_loader_name("/usr/bin/ld"));
    assert_false(is_loader_name("/lib/ld-musl-x86_64.so.1"));
    assert_false(is_loader_name("/ld-linux/static"));
    assert_true(loader_is_musl("/lib/ld-musl-x86_64.so.1"));
    assert_false(loader_is_musl("/lib64/ld-linux-x86-64.so.2"));
}

static void file_make(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

/* The loader's $LIB leads 64-bit and 32-bit programs to objects of their own. */
static void objects_for_machines(void **state)
{
    char folder[] = "/tmp/sockade-program.XXXXXX";
    char value[PATH_MAX], path[PATH_MAX], found[PATH_MAX];
    static unsigned char bytes[1000];
    const struct machine amd64 = {ELFCLASS64, ELFDATA2LSB, EM_X86_64};
    const struct machine i386 = {ELFCLASS32, ELFDATA2LSB, EM_386};
    const struct machine arm = {ELFCLASS64, ELFDATA2LSB, EM_AARCH64};

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "mkdir -p %s/lib64 %s/lib/i386-linux-gnu", folder, folder);
    assert_int_equal(system(path), 0);
    snprintf(path, sizeof(path), "%s/lib64/o.so", folder);
    file_make(path, bytes, elf64(bytes, "/x", 1));
    snprintf(value, sizeof(value), "%s/$LIB/o.so", folder);
    assert_true(object_for(value, &amd64, found));
    assert_string_equal(found, path);
    assert_false(object_for(value, &i386, found));
    assert_true(object_for(path, &amd64, found));
    assert_false(object_for(path, &i386, found));
    snprintf(path, sizeof(path), "%s/lib/i386-linux-gnu/o.so", folder);
    file_make(path, "text", 4);
    assert_false(object_for(value, &i386, found));
    file_make(path, bytes, elf32(bytes, "/x"));
    snprintf(value, sizeof(value), "%s/${LIB}/o.so", folder);
    assert_true(object_for(value, &i386, found));
    assert_string_equal(found, path);
    assert_false(object_for(value, &arm, found));
    snprintf(path, sizeof(path), "rm -rf %s", folder);
    assert_int_equal(system(path), 0);
}

static void lists_of_preloads(void **state)
{
    (void)state;
    assert_true(preload_names("/a", "/a"));
    assert_true(preload_names(" :/b /a:", "/a"));
    assert_false(preload_names("", "/a"));
    assert_false(preload_names("/ab:/b/a a", "/a"));
}

static void privileges_of_our_own_files(void **state)
{
    int fd = memfd_create("program", MFD_CLOEXEC);
    struct stat st;

    (void)state;
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(program_privilege(fd, &st, false), PRIVILEGE_NONE);
    st.st_mode |= 06755;
    assert_int_equal(program_privilege(fd, &st, false), PRIVILEGE_NONE);
    st.st_uid++;
    assert_int_equal(program_privilege(fd, &st, true), PRIVILEGE_NONE);
    assert_int_equal(program_privilege(fd, &st, false), PRIVILEGE_USER);
    st.st_uid--;
    st.st_gid++;
    assert_int_equal(program_privilege(fd, &st, false), PRIVILEGE_GROUP);
    st.st_mode &= ~(mode_t)S_IXGRP; /* that bit alone means mandatory locks */
    assert_int_equal(program_privilege(fd, &st, false), PRIVILEGE_NONE);
    close(fd);
    assert_false(ids_differ());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scripts_are_split_as_the_kernel_does),
        cmocka_unit_test(loaders_are_found),
        cmocka_unit_test(programs_of_go_are_known),
        cmocka_unit_test(damage_is_seen),
        cmocka_unit_test(names_of_loaders),
        cmocka_unit_test(objects_for_machines),
        cmocka_unit_test(lists_of_preloads),
        cmocka_unit_test(privileges_of_our_own_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
