/* SPDX-License-Identifier: MIT */
/* The summary: counted by a key, sorted, and shown as a table as wide as the terminal. */
#include "command/log_summary.h"

#include "command/columns.h"
#include "command/command.h"
#include "command/log_time.h"
#include "command/log_words.h"
#include "config/memory.h"
#include "config/messages.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BAR_MOST 40
#define BAR_LEAST 6
#define NAMES_LEAST 32 /* of program and endpoint, before times are left out */
#define BAR_PLAIN 20   /* where there is no terminal */

static void widen(double *first, double *last, double time)
{
    if (time < 0)
        return;
    if (*first < 0 || time < *first)
        *first = time;
    if (time > *last)
        *last = time;
}

void log_summary_add(struct log_summary *summary, const struct event_record *event)
{
    const char *exe = event->exe != NULL ? event->exe : "", *verdict = event->verdict != NULL ? event->verdict : "";
    char *where, *key;
    struct log_row *row;
    json_t *known;

    if (summary->index == NULL) {
        summary->index = json_object();
        summary->names = json_object();
        summary->first = summary->last = -1;
    }
    if (event_is_lookup(event)) {
        json_object_set_new(summary->names, event->peer, json_string(event->target));
        return;
    }
    where = event_where(event);
    key = memory_print("%zu:%s%s %s", strlen(exe), exe, verdict, where);
    known = json_object_get(summary->index, key);
    if (known == NULL) {
        char *blank = strchr(where, ' ');

        summary->rows = memory_grow(summary->rows, summary->count, &summary->room, sizeof(*summary->rows));
        json_object_set_new(summary->index, key, json_integer((json_int_t)summary->count));
        row = &summary->rows[summary->count++];
        *row = (struct log_row){.exe = memory_text(exe), .verdict = memory_text(verdict), .first = -1, .last = -1};
        row->peer = memory_text(event->peer != NULL ? event->peer : "");
        row->endpoint = memory_text(blank != NULL ? blank + 1 : where);
        row->direction = memory_print("%.*s", blank != NULL ? (int)(blank - where) : 0, where);
    } else {
        row = &summary->rows[json_integer_value(known)];
    }
    row->count++;
    widen(&row->first, &row->last, event->time);
    widen(&summary->first, &summary->last, event->time);
    summary->events++;
    free(key);
    free(where);
}

static int compare_rows(const void *left, const void *right)
{
    const struct log_row *a = left, *b = right;
    int order;

    if (a->count != b->count)
        return a->count > b->count ? -1 : 1;
    order = strcmp(a->exe, b->exe);
    if (order == 0)
        order = strcmp(a->direction, b->direction);
    if (order == 0)
        order = strcmp(a->endpoint, b->endpoint);
    return order != 0 ? order : strcmp(a->verdict, b->verdict);
}

void log_summary_sort(struct log_summary *summary)
{
    if (summary->count > 0)
        qsort(summary->rows, summary->count, sizeof(*summary->rows), compare_rows);
    json_decref(summary->index);
    summary->index = NULL;
}

void log_summary_free(struct log_summary *summary)
{
    for (size_t i = 0; i < summary->count; i++) {
        free(summary->rows[i].exe);
        free(summary->rows[i].direction);
        free(summary->rows[i].endpoint);
        free(summary->rows[i].verdict);
        free(summary->rows[i].peer);
    }
    free(summary->rows);
    json_decref(summary->index);
    json_decref(summary->names);
    *summary = (struct log_summary){0};
}

/* Bars */

/* Whether the user's terminal and files hold UTF-8, by the locale's environment. */
static bool utf8_here(void)
{
    locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
    bool is = locale != (locale_t)0 && strcmp(nl_langinfo_l(CODESET, locale), "UTF-8") == 0;

    if (locale != (locale_t)0)
        freelocale(locale);
    return is;
}

/* A bar of up to `width` columns, to an eighth of one where there are characters for that (U+2588 to U+258F). */
static char *bar_of(size_t count, size_t most, size_t width, bool utf8)
{
    size_t eighths = (count * width * 8 + most - 1) / most;
    char *bar = memory_new(3 * width + 4), *end = bar;

    if (!utf8) {
        memset(bar, '#', (eighths + 7) / 8);
        return bar;
    }
    for (; eighths >= 8; eighths -= 8)
        end = stpcpy(end, "\xe2\x96\x88");
    if (eighths > 0)
        sprintf(end, "\xe2\x96%c", (char)(0x90 - eighths));
    return bar;
}

/* The table */

enum { PROGRAM, WHERE, VERDICT, COUNT, FIRST, LAST, BAR, TABLE_WIDTH };

/* The last parts of the programs' paths, each with its path; null where two programs share one. */
static json_t *program_names(const struct log_summary *summary)
{
    json_t *names = json_object();

    for (size_t i = 0; i < summary->count; i++) {
        const struct event_record event = {.exe = summary->rows[i].exe};
        const char *name = event_program(&event);
        json_t *known = json_object_get(names, name);

        if (known == NULL)
            json_object_set_new(names, name, json_string(event.exe));
        else if (json_is_string(known) && strcmp(json_string_value(known), event.exe) != 0)
            json_object_set_new(names, name, json_null());
    }
    return names;
}

/* A program as it is known; two of one name are told apart by their paths. */
static const char *program_shown(const json_t *names, const struct log_row *row)
{
    const struct event_record event = {.exe = row->exe};
    const char *name = event_program(&event);

    return json_is_null(json_object_get(names, name)) ? row->exe : name;
}

/* Days are shown where not all is of one. */
static const char *time_format(const struct log_summary *summary)
{
    char first[16], last[16];

    log_time_text(first, sizeof(first), "%Y-%m-%d", summary->first);
    log_time_text(last, sizeof(last), "%Y-%m-%d", summary->last);
    return strcmp(first, last) == 0 ? "%H:%M:%S" : "%m-%d %H:%M";
}

/* A printable text of at most `width` columns: the middle of a longer one is left out. */
static char *shortened(const char *text, size_t width, bool utf8)
{
    const char *dots = utf8 ? "\xe2\x80\xa6" : "..";
    char *shown = printable(text), *tail, *result;
    size_t size = text_width(shown), gap = utf8 ? 1 : 2, head = (width - gap) / 2;
    char *at = shown;

    if (size <= width)
        return shown;
    for (size_t i = 0; i < head; i++)
        at += 1 + strspn(at + 1, "\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f"
                                 "\x90\x91\x92\x93\x94\x95\x96\x97\x98\x99\x9a\x9b\x9c\x9d\x9e\x9f"
                                 "\xa0\xa1\xa2\xa3\xa4\xa5\xa6\xa7\xa8\xa9\xaa\xab\xac\xad\xae\xaf"
                                 "\xb0\xb1\xb2\xb3\xb4\xb5\xb6\xb7\xb8\xb9\xba\xbb\xbc\xbd\xbe\xbf");
    for (tail = at; text_width(tail) > width - gap - head || ((unsigned char)*tail & 0xc0) == 0x80;)
        tail++;
    result = memory_print("%.*s%s%s", (int)(at - shown), shown, dots, tail);
    free(shown);
    return result;
}

/* How wide the three columns of any width may be: all that they need, or what a narrower terminal has for them. */
struct table_widths {
    size_t program, where, bar;
    bool utf8, without_first, without_last;
};

static void add_header(struct columns *columns, const struct table_widths *widths)
{
    static const char *const names[TABLE_WIDTH] = {"PROGRAM", "WHERE", "VERDICT", "COUNT", "FIRST", "LAST", ""};

    for (size_t i = 0; i < TABLE_WIDTH; i++)
        columns_add(columns, COLOUR_FAINT,
                    (i == FIRST && widths->without_first) || (i == LAST && widths->without_last) ? "" : names[i]);
}

static void add_rows(struct columns *columns, const struct log_summary *summary, const struct table_widths *widths)
{
    const char *format = time_format(summary);
    json_t *names = program_names(summary);

    for (size_t i = 0; i < summary->count; i++) {
        const struct log_row *row = &summary->rows[i];
        enum colour colour = verdict_colour(row->verdict);
        char first[32], last[32];
        char *where = memory_print("%s%s%s", row->direction, row->direction[0] != '\0' ? " " : "", row->endpoint);
        char *cells[] = {
            shortened(program_shown(names, row), widths->program, widths->utf8),
            shortened(where, widths->where, widths->utf8),
            bar_of(row->count, summary->rows[0].count, widths->bar, widths->utf8),
        };

        log_time_text(first, sizeof(first), format, row->first);
        log_time_text(last, sizeof(last), format, row->last);
        columns_add(columns, COLOUR_BOLD, cells[0]);
        columns_add(columns, COLOUR_NONE, cells[1]);
        columns_add(columns, colour, row->verdict);
        columns_print_cell(columns, COLOUR_NONE, "%zu", row->count);
        columns_add(columns, COLOUR_FAINT, widths->without_first ? "" : first);
        columns_add(columns, COLOUR_FAINT, widths->without_last ? "" : last);
        columns_add(columns, colour, cells[2]);
        for (size_t n = 0; n < sizeof(cells) / sizeof(cells[0]); n++)
            free(cells[n]);
        free(where);
    }
    json_decref(names);
}

/* Cuts the columns down until a row takes no more than `room` of the terminal: the bar, then times, then names. */
static void fit(struct table_widths *widths, const size_t *widest, size_t room)
{
    size_t program = widest[PROGRAM], names = program + widest[WHERE];
    size_t enough = names < NAMES_LEAST ? names : NAMES_LEAST, left;
    size_t others = widest[VERDICT] + widest[COUNT] + widest[FIRST] + widest[LAST] + 2 * (TABLE_WIDTH - 1) + BAR_LEAST;

    if (others + enough > room) {
        widths->without_first = true;
        others -= widest[FIRST];
    }
    if (others + enough > room) {
        widths->without_last = true;
        others -= widest[LAST];
    }
    left = room > others ? room - others : 0;
    widths->bar = BAR_LEAST;
    if (names > left) {
        widths->program = program < left / 3 ? program : left / 3 > 10 ? left / 3 : 10;
        widths->where = left > widths->program + 16 ? left - widths->program : 16;
    } else {
        widths->bar += left - names < BAR_MOST - BAR_LEAST ? left - names : BAR_MOST - BAR_LEAST;
    }
}

static void print_footer(const struct log_summary *summary, FILE *stream)
{
    bool coloured = colour_wanted(stream);
    char first[32], last[32];

    log_time_text(first, sizeof(first), "%Y-%m-%d %H:%M:%S", summary->first);
    log_time_text(last, sizeof(last), "%Y-%m-%d %H:%M:%S", summary->last);
    fprintf(stream, "\n%s%zu event%s from %s to %s%s\n", colour_code(coloured, COLOUR_FAINT), summary->events,
            plural(summary->events), first, last, colour_code(coloured, COLOUR_NONE));
    if (summary->left_out > 0)
        fprintf(stream, "%s%ld more event%s left out by the policy's log.limit%s\n",
                colour_code(coloured, COLOUR_YELLOW), summary->left_out, summary->left_out == 1 ? " was" : "s were",
                colour_code(coloured, COLOUR_NONE));
}

void log_summary_print(const struct log_summary *summary, FILE *stream)
{
    static const bool right[TABLE_WIDTH] = {[COUNT] = true};
    struct columns columns = {.width = TABLE_WIDTH, .right = right};
    struct table_widths widths = {.program = 4096, .where = 8192, .bar = BAR_PLAIN, .utf8 = utf8_here()};
    int terminal = terminal_columns(stream, 0);

    if (summary->count == 0)
        return;
    if (terminal > 0) {
        size_t widest[TABLE_WIDTH] = {0};

        add_header(&columns, &widths);
        add_rows(&columns, summary, &widths);
        columns_measure(&columns, widest);
        columns_free(&columns);
        fit(&widths, widest, (size_t)terminal);
    }
    add_header(&columns, &widths);
    add_rows(&columns, summary, &widths);
    columns_print(&columns, stream, true);
    columns_free(&columns);
    print_footer(summary, stream);
}

/* JSON */

static json_t *time_json(double time)
{
    char text[40], stamp[64];
    time_t seconds = (time_t)time;
    struct tm utc;

    if (time < 0 || gmtime_r(&seconds, &utc) == NULL || strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc) == 0)
        return json_null();
    snprintf(stamp, sizeof(stamp), "%s.%03dZ", text, (int)((time - (double)seconds) * 1000 + 0.5) % 1000);
    return json_string(stamp);
}

void log_summary_json(const struct log_summary *summary, size_t unreadable, FILE *stream)
{
    json_t *rows = json_array(), *document;

    for (size_t i = 0; i < summary->count; i++) {
        const struct log_row *row = &summary->rows[i];

        json_t *name = json_object_get(summary->names, row->peer);

        json_array_append_new(rows, json_pack("{ss, ss, ss, so, ss, sI, so, so}", "exe", row->exe, "direction",
                                              row->direction, "endpoint", row->endpoint, "name",
                                              name != NULL ? json_incref(name) : json_null(), "verdict", row->verdict,
                                              "count", (json_int_t)row->count, "first", time_json(row->first), "last",
                                              time_json(row->last)));
    }
    document = json_pack("{si, sI, sI, sI, so}", "v", 1, "events", (json_int_t)summary->events, "left_out",
                         (json_int_t)summary->left_out, "unreadable", (json_int_t)unreadable, "rows", rows);
    json_dumpf(document, stream, JSON_INDENT(2) | JSON_ENSURE_ASCII);
    fputc('\n', stream);
    json_decref(document);
}
