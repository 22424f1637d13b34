/* SPDX-License-Identifier: MIT */
/* Runs a fuzz target on the files of a folder, without a fuzzer: replay FOLDER prints how many there were. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The whole file, in memory of its own size, so that a sanitizer sees a byte past it. */
static uint8_t *file_read(const char *name, size_t *size)
{
    FILE *file = fopen(name, "re");
    uint8_t *bytes;
    long length;

    if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (length = ftell(file)) < 0) {
        perror(name);
        exit(1);
    }
    *size = (size_t)length;
    bytes = malloc(*size > 0 ? *size : 1);
    rewind(file);
    if (bytes == NULL || fread(bytes, 1, *size, file) != *size) {
        perror(name);
        exit(1);
    }
    fclose(file);
    return bytes;
}

int main(int argc, char **argv)
{
    DIR *folder = argc == 2 && chdir(argv[1]) == 0 ? opendir(".") : NULL;
    unsigned count = 0;
    struct dirent *entry;

    if (folder == NULL) {
        perror(argc == 2 ? argv[1] : "usage: replay FOLDER");
        return 1;
    }
    while ((entry = readdir(folder)) != NULL) {
        uint8_t *bytes;
        size_t size;

        if (entry->d_name[0] == '.')
            continue;
        bytes = file_read(entry->d_name, &size);
        fprintf(stderr, "%s\n", entry->d_name); /* the last one is who to blame */
        LLVMFuzzerTestOneInput(bytes, size);
        free(bytes);
        count++;
    }
    closedir(folder);
    printf("%u\n", count);
    return 0;
}
