/* SPDX-License-Identifier: MIT */
/*
 * `sockade init`: a commented policy to start from, written to the place where it is looked for.
 *
 * What stands there already is somebody's work, and is never overwritten.
 */
#include "command/command.h"
#include "command/layers.h"
#include "command/options.h"
#include "command/templates.h"
#include "config/memory.h"
#include "config/messages.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct init_choices {
    const char *output, *template;
    bool list;
};

/* The line of a text that says what it is for, behind its licence; `length` gets its length. */
static const char *template_what(const char *text, size_t *length)
{
    const char *line = strchr(text, '\n');

    line = line != NULL ? line + 1 : text;
    line += strspn(line, "# ");
    *length = strcspn(line, "\n");
    return line;
}

static int list_templates(void)
{
    for (size_t i = 0; i < template_count; i++) {
        size_t length;
        const char *what = template_what(templates[i].text, &length);

        printf("%-21s %.*s\n", templates[i].name, (int)length, what);
    }
    return EXIT_FINE;
}

/* The text that was named; NULL, and said, where there is none of that name. */
static const char *template_text(const struct usage *usage, const char *name)
{
    const char **names;
    const char *text = NULL;
    const char *near;

    if (name == NULL)
        return templates[0].text;
    names = memory_new(template_count * sizeof(*names));
    for (size_t i = 0; i < template_count && text == NULL; i++) {
        names[i] = templates[i].name;
        if (strcmp(name, names[i]) == 0)
            text = templates[i].text;
    }
    if (text == NULL) {
        near = nearest_name(name, names, template_count);
        if (near != NULL)
            usage_error(usage, "there is no template '%s'; did you mean '%s'? --list shows all", name, near);
        else
            usage_error(usage, "there is no template '%s'; --list shows all", name);
    }
    free(names);
    return text;
}

/* Where the user's policy is looked for; false, and said, where no place is. */
static bool own_place(char path[PATH_MAX])
{
    struct surroundings surroundings;
    struct layer_place layers[LAYERS_MAX];
    int count;

    surroundings_here(&surroundings);
    count = layers_locate(&surroundings, layers);
    if (count < 0)
        return false;
    if (count < 2 || layers[count - 1].system) {
        complain("there is no place for a policy of yours: neither HOME nor XDG_CONFIG_HOME is set; name a file with "
                 "--output");
        return false;
    }
    if (layers[count - 1].relative) {
        complain("SOCKADE_POLICY '%s' must be an absolute path", layers[count - 1].path);
        return false;
    }
    memcpy(path, layers[count - 1].path, PATH_MAX);
    return true;
}

/* Makes the folders above `path` that are missing, for nobody but their owner. */
static bool make_folders(const char *path)
{
    char folder[PATH_MAX];

    snprintf(folder, sizeof(folder), "%s", path);
    for (char *slash = strchr(folder + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
            /* A folder that is there may also be read-only, or automounted. */
            int error = errno;

            if (access(folder, F_OK) != 0) {
                complain("mkdir '%s': %s", folder, strerror(error));
                return false;
            }
        }
        *slash = '/';
    }
    return true;
}

/* Whether all of `text` is in the file, down to the disk. */
static bool write_all(int fd, const char *text)
{
    size_t left = strlen(text);

    while (left > 0) {
        ssize_t written = write(fd, text, left);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        text += written;
        left -= (size_t)written;
    }
    return fsync(fd) == 0 || errno == EINVAL || errno == EROFS;
}

static int complain_of(const char *path, int error)
{
    if (error == EEXIST)
        complain("'%s' exists already and is left as it is; 'sockade check' judges it, and 'sockade init --output -' "
                 "shows what would have been written",
                 path);
    else
        complain("'%s' cannot be written: %s", path, strerror(error));
    return error == EEXIST ? EXIT_NEGATIVE : EXIT_OWN;
}

/* Writes a file that was not there before, whole or not at all. */
static int write_new(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int error;

    if (fd < 0)
        return complain_of(path, errno);
    if (!write_all(fd, text)) {
        error = errno;
        close(fd);
        unlink(path);
        return complain_of(path, error);
    }
    close(fd);
    return EXIT_FINE;
}

static void next_line(const char *command, const char *option, const char *file, const char *rest, const char *what)
{
    char *typed = memory_print("sockade %s%s%s%s", command, option, file, rest);

    printf("  %-50s # %s\n", typed, what);
    free(typed);
}

/* What to type next; a policy that stands elsewhere than where it is looked for has to be named. */
static void tell_next(const char *path, bool named)
{
    char *shown = printable(path);

    printf("%s: written. Next:\n\n", shown);
    next_line("check", named ? " " : "", named ? shown : "", "", "tells mistakes, with their line");
    next_line("explain", named ? " --policy " : "", named ? shown : "", " --to 169.254.169.254:80/tcp",
              "what it says about a peer, and why");
    next_line("run", named ? " --policy " : "", named ? shown : "", " -- curl http://169.254.169.254/",
              "a program under it");
    free(shown);
}

static int init(const struct init_choices *choices, const char *text)
{
    char path[PATH_MAX];
    int code;

    if (choices->output != NULL && strcmp(choices->output, "-") == 0) {
        fputs(text, stdout);
        return EXIT_FINE;
    }
    if (choices->output != NULL ? !path_absolute(path, choices->output) : !own_place(path))
        return EXIT_OWN;
    if (choices->output == NULL && !make_folders(path))
        return EXIT_OWN;
    code = write_new(path, text);
    if (code == EXIT_FINE)
        tell_next(path, choices->output != NULL);
    return code;
}

int command_init(int argc, char **argv)
{
    struct init_choices choices = {0};
    const struct option_row rows[] = {
        {"output", 'o', "FILE", "where to write it; - for standard output", NULL, &choices.output, NULL},
        {"template", 't', "TEMPLATE", "the policy to start from", NULL, &choices.template, NULL},
        {"list", 0, NULL, "show what templates there are", &choices.list, NULL, NULL},
    };
    const struct usage usage = {
        .command = "init",
        .arguments = "[OPTION]...",
        .what =
            "Writes a commented policy to where it is looked for: SOCKADE_POLICY, or ~/.config/sockade/policy.conf.",
        .more = "Nothing is asked, and a file that exists is never overwritten.\n"
                "Exit code: 0 written, 1 the file exists already, 2 wrong usage, 125 it cannot be written.",
        .error_exit = EXIT_USAGE,
        .rows = rows,
        .row_count = sizeof(rows) / sizeof(rows[0]),
    };
    const char *text;
    int code;
    int operands = options_parse(&usage, argc, argv, &code);

    if (operands < 0)
        return code;
    if (operands > 0)
        return usage_error(&usage, "unexpected '%s'; name a file with --output", argv[0]);
    if (choices.list)
        return list_templates();
    text = template_text(&usage, choices.template);
    return text != NULL ? init(&choices, text) : EXIT_USAGE;
}
