/* SPDX-License-Identifier: MIT */
/* `sockade log`: what programs were refused, and what else the policy has logged. */
#include "command/command.h"
#include "command/log_files.h"
#include "command/log_filter.h"
#include "command/log_follow.h"
#include "command/log_html.h"
#include "command/log_keep.h"
#include "command/log_lines.h"
#include "command/options.h"
#include "config/messages.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What was asked for, and what comes of it. */
struct job {
    struct log_filter filter;
    struct log_files files;
    bool follow, brief, summarise, json;
    const char *html, *last_text;

    struct log_keep keep; /* the last events alone */
    bool keeping;
    struct log_lines lines;
    struct log_summary summary;
    struct log_page page;
    struct log_faults faults;
    bool any; /* some event matched */
    long left_out;
};

/* An event as it stands; on a terminal without a byte that could steer it. */
static void print_json(const struct event_record *event, const char *line, size_t length)
{
    char *safe = isatty(STDOUT_FILENO) ? json_dumps(event->object, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;

    if (safe != NULL)
        fputs(safe, stdout);
    else
        fwrite(line, 1, length, stdout);
    fputc('\n', stdout);
    free(safe);
}

static bool show(void *context, const struct event_record *event, const char *line, size_t length)
{
    struct job *job = context;

    if (job->summarise || job->html != NULL)
        log_summary_add(&job->summary, event);
    if (job->html != NULL)
        log_page_add(&job->page, event);
    else if (job->json && !job->summarise)
        print_json(event, line, length);
    else if (!job->summarise)
        log_lines_add(&job->lines, event);
    return true;
}

static bool take(void *context, const struct event_record *event, const char *line, size_t length)
{
    struct job *job = context;

    if (!log_filter_in_scope(&job->filter, event))
        return true;
    job->left_out += event->left_out;
    if (!log_filter_matches(&job->filter, event))
        return true;
    job->any = true;
    if (job->keeping)
        log_keep_add(&job->keep, event->time, line, length);
    else
        show(job, event, line, length);
    return true;
}

/* Shows what was kept back, since only the last of it was wanted. */
static void caught_up(void *context, bool first)
{
    struct job *job = context;

    if (first && job->keeping) {
        log_keep_empty(&job->keep, show, job);
        job->keeping = false;
        if (!job->any && job->faults.files == 0)
            complain("no event yet; those to come are shown until Ctrl-C");
    }
    log_lines_flush(&job->lines);
    fflush(stdout);
}

/* Why there is nothing to see, which is no failure. */
static void tell_nothing(const struct job *job)
{
    bool present = false;

    for (size_t i = 0; i < job->files.count; i++)
        present = present || job->files.list[i].is_glob || access(job->files.list[i].path, F_OK) == 0;
    if (job->any || job->faults.files > 0)
        return;
    if (job->files.count == 0 && (job->files.to_stderr || job->files.to_syslog)) {
        complain("the policy's events go to %s, where they cannot be read back; give its log.to a file",
                 job->files.to_syslog ? "syslog" : "stderr");
    } else if (job->files.count == 0) {
        complain("there is no place for a log: neither HOME nor XDG_STATE_HOME is set");
    } else if (!present) {
        char *path = printable(job->files.list[0].path);

        complain("no events: '%s' does not exist yet; it begins with the first refusal", path);
        free(path);
    } else {
        complain("no event%s", job->filter.programs.count + job->filter.peers.count + job->filter.rules.count +
                                               job->filter.verdicts.count >
                                           0 ||
                                       job->filter.since_text != NULL || job->filter.until_text != NULL
                                   ? " matches"
                                   : "s");
    }
}

static bool finish(struct job *job)
{
    bool written = true;

    if (job->keeping)
        log_keep_empty(&job->keep, show, job);
    if (job->summarise || job->html != NULL) {
        log_summary_sort(&job->summary);
        job->summary.left_out = job->left_out;
    }
    if (job->html != NULL)
        written = log_page_write(&job->page, &job->summary, job->faults.lines, job->html);
    else if (job->summarise && job->json)
        log_summary_json(&job->summary, job->faults.lines, stdout);
    else if (job->summarise)
        log_summary_print(&job->summary, stdout);
    log_lines_end(&job->lines);
    fflush(stdout);
    log_faults_tell(&job->faults);
    if (!job->follow)
        tell_nothing(job);
    log_summary_free(&job->summary);
    log_page_free(&job->page);
    return written;
}

/* What contradicts itself. */
static int judge(struct job *job, const struct usage *usage)
{
    char *end = NULL;

    if (job->follow && (job->summarise || job->html != NULL))
        return usage_error(usage, "--follow has no end, and so no %s", job->html != NULL ? "page" : "summary");
    if (job->html != NULL && (job->json || job->summarise))
        return usage_error(usage, "--html holds all that there is; leave out %s",
                           job->summarise ? "--summary" : "--json");
    for (size_t i = 0; job->follow && i < job->files.count; i++) {
        if (strcmp(job->files.list[i].path, "-") == 0)
            return usage_error(usage, "standard input ends by itself; leave out --follow");
    }
    if (job->follow && job->last_text == NULL && job->filter.since_text == NULL)
        job->last_text = "10";
    if (job->last_text != NULL) {
        errno = 0;
        job->keep.most = strtoul(job->last_text, &end, 10);
        if (end == job->last_text || *end != '\0' || job->last_text[0] == '-' || errno != 0)
            return usage_error(usage, "--lines: '%.80s' is no number", job->last_text);
    }
    job->keeping = job->last_text != NULL || job->follow;
    if (job->last_text == NULL)
        job->keep.most = SIZE_MAX;
    return log_filter_read(&job->filter, usage);
}

static int run(struct job *job)
{
    bool written;

    signal(SIGPIPE, SIG_DFL); /* `| head` ends us without a word, whatever our parent ignores */
    if (job->files.count == 0)
        log_files_here(&job->files);
    log_lines_begin(&job->lines, stdout, job->brief);
    if (job->follow)
        log_follow(&job->files, take, caught_up, job, &job->faults);
    else
        log_files_read(&job->files, take, job, &job->faults);
    written = finish(job);
    log_files_free(&job->files);
    log_filter_free(&job->filter);
    if (!written)
        return EXIT_OWN;
    return job->faults.files > 0 ? EXIT_NEGATIVE : EXIT_FINE;
}

int command_log(int argc, char **argv)
{
    struct job job = {0};
    struct log_filter *filter = &job.filter;
    const struct option_row rows[] = {
        {"follow", 'f', NULL, "go on with what is added, until Ctrl-C", &job.follow, NULL, NULL},
        {"lines", 'n', "NUMBER", "the last so many events; with --follow 10", NULL, &job.last_text, NULL},
        {"brief", 'b', NULL, "one line an event", &job.brief, NULL, NULL},
        {"summary", 's', NULL, "who talked to whom, and how often", &job.summarise, NULL, NULL},
        {"json", 0, NULL, "for programs: events as they stand, or the summary", &job.json, NULL, NULL},
        {"html", 0, "FILE", "one page with a time line, a graph and a table", NULL, &job.html, NULL},
        {"program", 0, "PROGRAM", "of this program, by name or path, with *", NULL, NULL, &filter->programs},
        {"peer", 0, "ENDPOINT", "with this address, net or unix:/PATH; with a port", NULL, NULL, &filter->peers},
        {"rule", 0, "RULE", "by this rule, with *", NULL, NULL, &filter->rules},
        {"verdict", 0, "VERDICT", "with it: deny, allow, would-deny, ... or refused", NULL, NULL, &filter->verdicts},
        {"since", 0, "TIME", "from then on: 10m, today, 14:30, RFC 3339", NULL, &filter->since_text, NULL},
        {"until", 0, "TIME", "up to then", NULL, &filter->until_text, NULL},
    };
    const struct usage usage = {
        .command = "log",
        .arguments = "[OPTION]... [FILE]...",
        .what =
            "Shows the events that the policy has logged; of those that were refused also why, and what allows them.",
        .more = "FILE is a log, or - for standard input; without one the logs of your policies are read.\n"
                "Of an option that stands several times any may match, of different options all must.\n"
                "What stands behind 'to allow' is a rule for the policy: it goes before the one that refused.\n"
                "Exit code: 0 read, events or none, 1 a file could not be read, 2 wrong usage.",
        .error_exit = EXIT_USAGE,
        .rows = rows,
        .row_count = sizeof(rows) / sizeof(rows[0]),
    };
    int code;
    int operands = options_parse(&usage, argc, argv, &code);

    if (operands < 0)
        return code;
    for (int i = 0; i < operands; i++)
        log_files_name(&job.files, argv[i]);
    code = judge(&job, &usage);
    return code == EXIT_FINE ? run(&job) : code;
}
