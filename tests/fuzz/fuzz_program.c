/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as an executable file and as an entry of binfmt_misc: what is found are texts with an end, inside their
 * place.
 */
#include "state/binfmt.h"
#include "state/program.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the run with a finding. */
static void must(bool holds)
{
    if (!holds)
        abort();
}

static char path[] = "/tmp/fuzz-program.XXXXXX";

static void folder_remove(void)
{
    char entry[sizeof(path) + 8] = "";

    strcat(strcat(entry, path), "/entry");
    unlink(entry);
    rmdir(path);
}

/* A folder with one entry, which each input is written to. */
static const char *folder(int *entry)
{
    static int file = -1;

    if (file < 0) {
        char name[sizeof(path) + 8];

        must(mkdtemp(path) != NULL);
        memcpy(name, path, sizeof(path) - 1);
        memcpy(name + sizeof(path) - 1, "/entry", 7);
        file = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        must(file >= 0 && atexit(folder_remove) == 0);
    }
    *entry = file;
    return path;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct program program;
    char interpreter[PROGRAM_TEXT];
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    const char *place;
    int entry;

    must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    memset(&program, 0xaa, sizeof(program));
    must(program_read(&program, fd));
    must(memchr(program.text, '\0', sizeof(program.text)) != NULL);
    must(program.argument < sizeof(program.text));
    must(memchr(program.text + program.argument, '\0', sizeof(program.text) - program.argument) != NULL);
    must(program.form != PROGRAM_SCRIPT || program.text[0] != '\0');
    place = folder(&entry);
    must(ftruncate(entry, 0) == 0 && pwrite(entry, data, size, 0) == (ssize_t)size);
    if (binfmt_find(interpreter, place, fd, "a.jar"))
        must(memchr(interpreter, '\0', sizeof(interpreter)) != NULL && interpreter[0] != '\0');
    close(fd);
    return 0;
}
