/* SPDX-License-Identifier: MIT */
/* A static program under `unprotected = "deny"`: refused by every call, from everywhere, and nothing is left behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "starting.h"

#include <elf.h>
#include <sys/stat.h>

static char folder[PATH_MAX / 2], file[PATH_MAX], script[PATH_MAX];

static void file_make(const char *path, const void *bytes, size_t size)
{
    int fd = (int)must(path, open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755));

    must(path, write(fd, bytes, size));
    close(fd);
}

/* A file that looks static enough: the kernel would refuse it with another errno than ours. */
static int setup(void **state)
{
    struct {
        Elf64_Ehdr header;
        Elf64_Phdr part;
    } bytes = {.header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                          .e_type = ET_EXEC,
                          .e_phoff = sizeof(Elf64_Ehdr),
                          .e_phentsize = sizeof(Elf64_Phdr),
                          .e_phnum = 1},
               .part = {.p_type = PT_LOAD}};
    char line[PATH_MAX + 8];
    int self = open("/proc/self/exe", O_RDONLY);

    (void)state;
    must("header", pread(self, &bytes.header.e_machine, 2, offsetof(Elf64_Ehdr, e_machine)));
    close(self);
    if (getcwd(folder, sizeof(folder)) == NULL)
        return -1;
    snprintf(file, sizeof(file), "%s/static", folder);
    snprintf(script, sizeof(script), "%s/script", folder);
    file_make(file, &bytes, sizeof(bytes));
    snprintf(line, sizeof(line), "#!%s\n", file);
    file_make(script, line, strlen(line));
    return 0;
}

static void all_refuse(char *path, enum surround kind)
{
    char *argv[] = {(char *)"name", (char *)"one", (char *)"two", NULL};

    for (int way = 0; way < SYSTEM; way++) {
        for (int place = 0; place < PLACES; place++) {
            struct start start = {(enum way)way, path, argv, surround(kind)};
            int status;

            if (!can_start((enum place)place, (enum way)way))
                continue;
            status = start_from((enum place)place, &start);
            if (status != EACCES)
                fail_msg("%s from %s: %d", way_names[way], place_names[place], status);
        }
    }
}

static void by_every_call(void **state)
{
    (void)state;
    all_refuse(file, KEPT);
    all_refuse(file, EMPTY);
}

static void as_an_interpreter(void **state)
{
    (void)state;
    all_refuse(script, KEPT);
}

static void along_path(void **state)
{
    (void)state;
    setenv("PATH", folder, 1);
    errno = 0;
    assert_int_equal(execlp("static", "x", (char *)NULL), -1);
    assert_int_equal(errno, EACCES);
    assert_int_equal(execlp("script", "x", (char *)NULL), -1);
    assert_int_equal(errno, EACCES);
    setenv("PATH", "/usr/bin:/bin", 1);
}

/* Longer than any PATH that is in use: nobody could look at that file, and so it is refused like one. */
static void along_a_very_long_path(void **state)
{
    static char path[6000];

    (void)state;
    memset(path, '/', sizeof(path) - 1);
    memcpy(path + sizeof(path) - 1 - strlen(folder), folder, strlen(folder));
    setenv("PATH", path, 1);
    assert_int_equal(execlp("static", "x", (char *)NULL), -1);
    assert_int_not_equal(errno, ENOEXEC);
    setenv("PATH", "/usr/bin:/bin", 1);
}

static void descriptors_are_closed_again(void **state)
{
    int before = dup(0);

    (void)state;
    close(before);
    for (int i = 0; i < 10; i++) {
        execl(file, "x", (char *)NULL);
        execl("/no/such/file", "x", (char *)NULL);
        execlp("no-such-file", "x", (char *)NULL);
    }
    assert_int_equal(dup(0), before);
    close(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_every_call),
        cmocka_unit_test(as_an_interpreter),
        cmocka_unit_test(along_path),
        cmocka_unit_test(along_a_very_long_path),
        cmocka_unit_test(descriptors_are_closed_again),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
