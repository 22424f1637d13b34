/* SPDX-License-Identifier: MIT */
/* Lines for a person, on a stderr that may have become something else since the start. */
#include "shim/say.h"

#include "shim/process.h"
#include "state/large.h"

#include <errno.h>
#include <unistd.h>

static dev_t noted_device;
static ino_t noted_inode;
static bool noted;

void say_start(void)
{
    struct stat st;
    int saved = errno;

    noted = fstat(2, &st) == 0;
    if (noted) {
        noted_device = st.st_dev;
        noted_inode = st.st_ino;
    }
    errno = saved;
}

bool say_stderr(struct log_place *out)
{
    out->stderr_device = noted_device;
    out->stderr_inode = noted_inode;
    return noted;
}

void say(const char *const *parts)
{
    LARGE static char line[EVENT_MAX];
    LARGE static struct log_place place;
    size_t length = 0;

    if (!noted)
        return;
    for (; *parts != NULL; parts++) {
        for (const char *at = *parts; *at != '\0' && length < sizeof(line) - 1; at++)
            line[length++] = (unsigned char)*at < ' ' ? '?' : *at;
    }
    line[length++] = '\n';
    place.target = LOG_TO_STDERR;
    say_stderr(&place);
    log_write(&place, line, length, process.uid, getpid());
}

bool say_reaches_terminal(void)
{
    int saved = errno;
    struct stat st;
    bool reaches;

    reaches = noted && fstat(2, &st) == 0 && st.st_dev == noted_device && st.st_ino == noted_inode && isatty(2) == 1;
    errno = saved;
    return reaches;
}
