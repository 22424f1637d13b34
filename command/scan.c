/* SPDX-License-Identifier: MIT */
/*
 * `sockade scan`: which sockets that the user's running programs hold already would this policy refuse.
 *
 * That is what would break, before the policy is switched on. Nothing is touched and nobody is asked but the kernel.
 */
#include "command/scan.h"

#include "command/colour.h"
#include "command/command.h"
#include "command/options.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define USUAL_SECONDS 2.0
#define LONGEST 86400.0

static volatile sig_atomic_t stopped;

struct wishes {
    const char *policy;
    bool json, all;
    double seconds; /* negative: once */
};

static void stop(int number)
{
    (void)number;
    stopped = 1;
}

/* Loads what holds here, with `policy` in place of SOCKADE_POLICY. False, and said, where nothing can be told. */
static bool load_policy(struct scan_policy *out, const char *policy)
{
    struct messages messages = {0};
    bool usable;

    out->count = layers_load_here(out->layers, policy, &messages);
    usable = out->count >= 0 && (policy == NULL || messages.errors == 0);
    messages_print(&messages, stderr);
    messages_free(&messages);
    if (out->count >= 0 && !usable) {
        complain("that policy would refuse everything, by its mistakes; see 'sockade check'");
        layers_free(out->layers, out->count);
    }
    return usable;
}

static bool look_once(struct sights *out, const struct wishes *wishes)
{
    static struct scan_policy policy;
    bool looked;

    memset(out, 0, sizeof(*out));
    if (!load_policy(&policy, wishes->policy))
        return false;
    looked = scan_look(out, &policy, wishes->all);
    layers_free(policy.layers, policy.count);
    return looked;
}

static void show(const struct sights *sights, const struct wishes *wishes)
{
    if (wishes->json)
        scan_show_json(sights, stdout);
    else
        scan_show(sights, stdout);
}

static void wait_for(double seconds)
{
    struct timespec time = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};

    nanosleep(&time, NULL);
}

/* One more look of several. A terminal is drawn anew; elsewhere only what has changed is written. */
static void show_again(const struct sights *before, const struct sights *now, const struct wishes *wishes, bool first)
{
    if (isatty(STDOUT_FILENO)) {
        fputs("\033[H\033[2J", stdout); /* ECMA-48: to the upper left corner, erase the display */
        show(now, wishes);
    } else if (wishes->json || first) {
        show(now, wishes);
    } else {
        scan_show_changes(before, now, stdout);
    }
}

/* Until somebody interrupts it. Returns the exit code of the last look. */
static int watch(const struct wishes *wishes)
{
    struct sigaction action = {.sa_handler = stop};
    struct sights before = {0}, now;
    bool looked = true, first = true;
    int code = EXIT_FINE;

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    while (!stopped && looked && !ferror(stdout)) {
        looked = look_once(&now, wishes);
        if (!looked)
            break;
        show_again(&before, &now, wishes, first);
        fflush(stdout);
        code = now.refused > 0 ? EXIT_NEGATIVE : EXIT_FINE;
        sights_free(&before);
        before = now;
        first = false;
        if (!stopped)
            wait_for(wishes->seconds);
    }
    sights_free(&before);
    return looked ? code : EXIT_OWN;
}

static int scan(const struct wishes *wishes)
{
    struct sights sights;
    int code;

    if (wishes->seconds >= 0)
        return watch(wishes);
    if (!look_once(&sights, wishes))
        return EXIT_OWN;
    show(&sights, wishes);
    code = sights.refused > 0 ? EXIT_NEGATIVE : EXIT_FINE;
    sights_free(&sights);
    return code;
}

/* "" or a number of seconds, with a fraction perhaps; false where it is neither. */
static bool read_seconds(double *out, const char *text)
{
    char *end;

    *out = USUAL_SECONDS;
    if (text == NULL || text[0] == '\0')
        return true;
    *out = strtod(text, &end);
    return *end == '\0' && *out >= 0.1 && *out <= LONGEST;
}

int command_scan(int argc, char **argv)
{
    struct wishes wishes = {.seconds = -1};
    const char *seconds = NULL;
    const struct option_row rows[] = {
        {"policy", 0, "FILE", "by this policy, text or image, in place of yours", NULL, &wishes.policy, NULL},
        {"all", 0, NULL, "also what the policy allows", &wishes.all, NULL, NULL},
        {"watch", 0, "[=SECONDS]", "look again every so often, 2 seconds if not told, until interrupted", NULL,
         &seconds, NULL},
        {"json", 0, NULL, "one line of JSON a look", &wishes.json, NULL, NULL},
    };
    const struct usage usage = {
        .command = "scan",
        .arguments = "[OPTION]...",
        .what = "Tells which sockets that your running programs hold already the policy would refuse.",
        .more = "Programs marked [sockade] are under Sockade already.\n"
                "Exit code: 0 nothing would be refused, 1 something would, 2 wrong usage, 125 nothing could\n"
                "be looked at.",
        .error_exit = EXIT_USAGE,
        .rows = rows,
        .row_count = sizeof(rows) / sizeof(rows[0]),
    };
    int code;
    int operands = options_parse(&usage, argc, argv, &code);

    if (operands < 0)
        return code;
    if (operands > 0)
        return usage_error(&usage, "'%s' is too much", argv[0]);
    if (seconds != NULL && !read_seconds(&wishes.seconds, seconds))
        return usage_error(&usage, "--watch '%s': it takes 0.1 to 86400 seconds", seconds);
    return scan(&wishes);
}
