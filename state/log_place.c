/* SPDX-License-Identifier: MIT */
/* A log setting to a place that lines can be written to without looking at the setting or the environment again. */
#include "state/event.h"

#include "state/text.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

/* A path under construction in PATH_MAX bytes; `fits` is false from the first byte that does not fit. */
struct path_text {
    char *out;
    size_t length;
    bool fits;
};

static void path_add(struct path_text *path, const char *bytes, size_t size)
{
    path->fits = path->fits && size < PATH_MAX - path->length;
    if (!path->fits)
        return;
    memcpy(path->out + path->length, bytes, size);
    path->length += size;
    path->out[path->length] = '\0';
}

/* The default place: the XDG folder for state that should outlive a restart and is of no worth elsewhere. */
static bool default_path(struct log_place *out, const struct surroundings *surroundings)
{
    if (surroundings->state_home != NULL)
        return path_join(out->path, surroundings->state_home, "sockade/events.jsonl");
    return surroundings->home != NULL && path_join(out->path, surroundings->home, ".local/state/sockade/events.jsonl");
}

/*
 * Expands what was written behind "file:". `%u` is known now; `%p` is not, since a process may fork, and stays as a
 * byte that no setting may hold. `%%` is a percent sign; any other `%` stands for itself.
 */
static bool file_path(struct log_place *out, const char *setting, const struct surroundings *surroundings)
{
    struct path_text path = {.out = out->path, .fits = true};
    const char mark = LOG_PID_MARK;

    if (strchr(setting, mark) != NULL)
        return false;
    if (setting[0] == '~' && setting[1] == '/') {
        if (surroundings->home == NULL || strchr(surroundings->home, mark) != NULL)
            return false;
        path_add(&path, surroundings->home, strlen(surroundings->home));
        setting++;
    } else if (setting[0] != '/') {
        return false;
    }
    while (*setting != '\0') {
        char digits[DECIMAL_TEXT];
        bool special = setting[0] == '%' && (setting[1] == 'u' || setting[1] == 'p' || setting[1] == '%');

        if (!special) {
            path_add(&path, setting++, 1);
            continue;
        }
        if (setting[1] == 'u')
            path_add(&path, digits, text_decimal(digits, surroundings->uid));
        else
            path_add(&path, setting[1] == 'p' ? &mark : "%", 1);
        out->per_process = out->per_process || setting[1] == 'p';
        setting += 2;
    }
    return path.fits && path.out[path.length - 1] != '/';
}

/* Notes what descriptor 2 is; false where it is closed. */
static bool stderr_note(struct log_place *out)
{
    struct stat st;

    if (fstat(2, &st) != 0)
        return false;
    out->stderr_device = st.st_dev;
    out->stderr_inode = st.st_ino;
    return true;
}

/* The target that `to` names, prepared; LOG_TO_NOWHERE where it names none or cannot be prepared. */
static enum log_target target_make(struct log_place *out, const char *to, const struct surroundings *surroundings)
{
    if (strcmp(to, "stderr") == 0)
        return stderr_note(out) ? LOG_TO_STDERR : LOG_TO_NOWHERE;
    if (strcmp(to, "syslog") == 0)
        return LOG_TO_SYSLOG;
    if (surroundings->secure)
        return LOG_TO_NOWHERE;
    if (to[0] == '\0')
        return default_path(out, surroundings) ? LOG_TO_FILE : LOG_TO_NOWHERE;
    if (strncmp(to, "file:", 5) == 0)
        return file_path(out, to + 5, surroundings) ? LOG_TO_FILE : LOG_TO_NOWHERE;
    return LOG_TO_NOWHERE;
}

bool log_place_make(struct log_place *out, const char *to, uint64_t max_size, const struct surroundings *surroundings)
{
    int error = errno;

    memset(out, 0, offsetof(struct log_place, path));
    out->path[0] = '\0';
    out->max_size = max_size;
    out->target = target_make(out, to != NULL ? to : "", surroundings);
    errno = error;
    return out->target != LOG_TO_NOWHERE;
}
