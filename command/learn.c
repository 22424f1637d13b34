/* SPDX-License-Identifier: MIT */
/*
 * `sockade learn`: runs a program under an image that refuses nothing and logs all, and makes a policy of what it did.
 */
#include "command/learn.h"

#include "command/command.h"
#include "command/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct choices {
    const char *policy, *output, *append;
    bool quiet;
};

/* What is wrong with a policy is said before anything is started. */
static bool load_base(struct layer *layer, const char *file)
{
    struct messages messages = {0};
    bool right = layer_load_file(layer, file, &messages);

    messages_print(&messages, stderr);
    messages_free(&messages);
    if (right && layer->file.base != NULL) {
        complain("'%s' is an image; name the text that it was made of", file);
        image_file_close(&layer->file);
        right = false;
    }
    if (!right)
        compiled_free(&layer->compiled);
    return right;
}

/* What a person must know before the policy is used. */
static void warn(const struct needs *needs)
{
    long lost = needs->left_out + needs->unreadable;

    if (lost > 0)
        complain("INCOMPLETE: %ld event%s lost, so that the policy may refuse what the program needs; run it once more",
                 lost, lost == 1 ? " was" : "s were");
    if (needs->full)
        complain(
            "INCOMPLETE: there is no room left for the log, so that events may be lost; set TMPDIR to another folder, "
            "and run it once more");
    for (size_t i = 0; i < needs->unreached_count; i++) {
        char *target = printable(needs->unreached[i].target), *reason = printable(needs->unreached[i].reason);

        complain("'%s' was started out of the policy's reach (%s): nothing is known of what it did", target, reason);
        free(target);
        free(reason);
    }
    if (needs->strange.count > 0)
        complain("sockets of families that no rule can name were used; a closed policy refuses them");
}

/* The policy's text, or with `base` the rules alone that are to be added to that one. */
static void print(FILE *out, const struct run *run, const struct needs *needs, const char *policy,
                  const struct layer *base)
{
    struct learnt_rules rules;
    char *words, *name;

    if (policy == NULL) {
        policy_print(out, run, needs);
        return;
    }
    words = run_words(run);
    name = printable(policy);
    fprintf(out, "# %s\n# For `rules` of %s; `sockade learn --append` puts them there.\n", words, name);
    free(words);
    free(name);
    remarks_print(out, needs, "");
    rules = rules_make(needs, FATE_ALLOW, &base->compiled.policy);
    if (rules.count == 0)
        fputs("# Nothing: it allows all of this.\n", out);
    rules_print(out, &rules, needs, false);
    rules_free(&rules);
    rules = rules_make(needs, FATE_DENIED, &base->compiled.policy);
    if (rules.count > 0)
        fputs("# Refused by rules, and so left out:\n", out);
    rules_print(out, &rules, needs, true);
    rules_free(&rules);
}

static int put_policy(const struct choices *choices, const struct run *run, const struct needs *needs,
                      const struct layer *base)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    bool done;

    if (out == NULL) {
        complain("open_memstream: %s", strerror(errno));
        return EXIT_OWN;
    }
    print(out, run, needs, choices->policy, base);
    fclose(out);
    done = choices->output == NULL || output_write(choices->output, text, size);
    if (choices->output == NULL || !done)
        fwrite(text, 1, size, stdout);
    free(text);
    return done ? EXIT_FINE : EXIT_OWN;
}

/* Whether that policy judges the sources of ICMP. */
static bool judges_replies(const struct layer *layer)
{
    struct view view;

    return layer != NULL && image_open(&view, layer->base, layer->size, NULL) == IMAGE_OK &&
           (view.watch & WATCH_FROM_PING) != 0;
}

/* What is to be done with what was learnt. Returns the exit code: ours where we failed, else the program's. */
static int conclude(const struct choices *choices, struct run *run, struct needs *needs, const struct layer *base)
{
    int code;

    needs_settle(needs, judges_replies(base));
    if (choices->append == NULL)
        needs_judge(needs, base);
    needs_note_layers(needs);
    warn(needs);
    code = choices->append != NULL ? append_rules(choices->append, run, needs) : put_policy(choices, run, needs, base);
    return code != EXIT_FINE ? code : run->status;
}

static int learn(const struct choices *choices, char **argv)
{
    static struct layer layer;
    const char *file = choices->append != NULL ? choices->append : choices->policy;
    struct run run = {.argv = argv, .quiet = choices->quiet};
    struct needs needs = {0};
    int code = EXIT_OWN;

    if ((file != NULL && !load_base(&layer, file)) || (choices->append != NULL && !append_possible(choices->append)) ||
        (choices->output != NULL && !output_possible(choices->output)))
        return EXIT_OWN;
    if (run_prepare(&run, file != NULL ? &layer.compiled.policy : NULL)) {
        code = run_watch(&run, &needs) ? conclude(choices, &run, &needs, file != NULL ? &layer : NULL) : run.status;
        if (run.stays)
            complain(
                "processes of the program go on; what they do from now on is not learnt, and nothing is refused to "
                "them ('%s' is theirs)",
                run.folder);
    }
    run_end(&run);
    needs_free(&needs);
    compiled_free(&layer.compiled);
    return code;
}

int command_learn(int argc, char **argv)
{
    struct choices choices = {0};
    const struct option_row rows[] = {
        {"policy", 0, "FILE", "print only what this policy does not allow yet", NULL, &choices.policy, NULL},
        {"append", 0, "FILE", "merge it into this policy", NULL, &choices.append, NULL},
        {"output", 'o', "FILE", "write the policy to a new file, not to standard output", NULL, &choices.output, NULL},
        {"quiet", 'q', NULL, "show no live count on a terminal", &choices.quiet, NULL, NULL},
    };
    const struct usage usage = {
        .command = "learn",
        .arguments = "[OPTION]... [--] PROGRAM [ARG...]",
        .what = "Runs PROGRAM without refusing anything, and prints a policy that allows what it did and nothing more.",
        .more = "Your own policy does not hold during the run; the system's does. Ctrl-C ends PROGRAM, and what was\n"
                "learnt until then is printed.\n"
                "Exit code: PROGRAM's own, or 125 where nothing was learnt or written, 126 and 127 as of 'run'.",
        .error_exit = EXIT_OWN,
        .in_order = true,
        .rows = rows,
        .row_count = sizeof(rows) / sizeof(rows[0]),
    };
    int code;
    int operands = options_parse(&usage, argc, argv, &code);

    if (operands < 0)
        return code;
    if (operands == 0)
        return usage_error(&usage, "name a program");
    if (choices.append != NULL && (choices.policy != NULL || choices.output != NULL))
        return usage_error(&usage, "--append judges and writes its file; leave out --%s",
                           choices.policy != NULL ? "policy" : "output");
    return learn(&choices, argv);
}
