/* SPDX-License-Identifier: MIT */
/*
 * The page: a template (log_page.html, .css, .js) into which the events are put as JSON, and their summary as a table
 * that can be read without scripts too.
 *
 * What events say is somebody else's text. In the table it is escaped as HTML; in the JSON no `<`, `>` or `&` is left,
 * so that no text can end the element it stands in; and the page's own policy lets only the style and script run that
 * bear a number which was drawn for this page.
 */
#include "command/log_html.h"

#include "command/command.h"
#include "command/log_time.h"
#include "command/log_words.h"
#include "config/memory.h"
#include "config/messages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifndef VERSION
#define VERSION "unreleased"
#endif

#define ROWS_MOST 500 /* of the table that needs no scripts */

/* A file of the source tree as a text. The Makefile has each as a prerequisite. */
#define EMBED(name, file)                                                                                              \
    extern const char name[];                                                                                          \
    __asm__(".pushsection .rodata\n" #name ":\n.incbin \"" file "\"\n.byte 0\n.popsection")

EMBED(log_page_html, "command/log_page.html");
EMBED(log_page_css, "command/log_page.css");
EMBED(log_page_js, "command/log_page.js");

/* The texts of an event in the page's table of them; -1: none. In this order in the JSON too. */
enum { TEXT_EXE, TEXT_OP, TEXT_WHERE, TEXT_PEER, TEXT_VERDICT, TEXT_RULE, TEXT_BECAUSE, TEXT_REMEDY, TEXTS };

struct log_page_event {
    double time;
    long pid;
    int texts[TEXTS];
};

static int string_number(struct log_page *page, const char *text)
{
    json_t *known;
    size_t next;

    if (text == NULL)
        return -1;
    known = json_object_get(page->numbers, text);
    if (known != NULL)
        return (int)json_integer_value(known);
    next = json_array_size(page->strings);
    json_array_append_new(page->strings, json_string(text));
    json_object_set_new(page->numbers, text, json_integer((json_int_t)next));
    return (int)next;
}

/* The same for a text that is the caller's to give away. */
static int string_take(struct log_page *page, char *text)
{
    int number = string_number(page, text);

    free(text);
    return number;
}

void log_page_add(struct log_page *page, const struct event_record *event)
{
    struct log_page_event *out;
    bool refused = event_is_refusal(event);
    const char *peer = event->peer != NULL ? event->peer : event->target;

    if (page->strings == NULL) {
        page->strings = json_array();
        page->numbers = json_object();
    }
    if (page->count == (size_t)2 * LOG_PAGE_EVENTS) {
        memmove(page->events, page->events + LOG_PAGE_EVENTS, LOG_PAGE_EVENTS * sizeof(*page->events));
        page->count = LOG_PAGE_EVENTS;
    }
    page->events = memory_grow(page->events, page->count, &page->room, sizeof(*page->events));
    out = &page->events[page->count++];
    page->all++;
    *out = (struct log_page_event){.time = event->time, .pid = event->pid};
    out->texts[TEXT_EXE] = string_number(page, event->exe);
    out->texts[TEXT_OP] = string_number(page, event->op);
    out->texts[TEXT_WHERE] = string_take(page, event_where(event));
    out->texts[TEXT_PEER] = peer != NULL ? string_number(page, peer) : string_take(page, event_where(event));
    out->texts[TEXT_VERDICT] = string_number(page, event->verdict);
    out->texts[TEXT_RULE] = string_number(page, event->rule);
    out->texts[TEXT_BECAUSE] = string_take(page, event_because(event));
    out->texts[TEXT_REMEDY] = refused ? string_take(page, event_remedy(event)) : -1;
}

void log_page_free(struct log_page *page)
{
    free(page->events);
    json_decref(page->strings);
    json_decref(page->numbers);
    *page = (struct log_page){0};
}

/* Writing */

/* All that the template's places are filled from. */
struct filling {
    const struct log_page *page;
    const struct log_summary *summary;
    size_t unreadable;
    char nonce[33];
    FILE *out;
};

/* A text in HTML, between tags or in a quoted attribute. */
static void put_html(FILE *out, const char *text)
{
    char *shown = printable(text);

    for (const char *at = shown; *at != '\0'; at++) {
        if (strchr("<>&\"'", *at) != NULL)
            fprintf(out, "&#%d;", *at);
        else
            fputc(*at, out);
    }
    free(shown);
}

/* JSON inside a script element: what could end the element, or a line of a script, stands as an escape. */
static int put_json(const char *bytes, size_t size, void *context)
{
    FILE *out = context;

    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)bytes[i];

        if (byte == '<' || byte == '>' || byte == '&')
            fprintf(out, "\\u%04x", byte);
        else
            fputc(byte, out);
    }
    return 0;
}

static json_t *events_json(const struct log_page *page)
{
    json_t *events = json_array();
    size_t first = page->count > LOG_PAGE_EVENTS ? page->count - LOG_PAGE_EVENTS : 0;

    for (size_t i = first; i < page->count; i++) {
        const struct log_page_event *event = &page->events[i];
        json_t *row = json_array();

        json_array_append_new(row,
                              event->time < 0 ? json_null() : json_integer((json_int_t)(event->time * 1000 + 0.5)));
        json_array_append_new(row, json_integer(event->pid));
        for (int text = 0; text < TEXTS; text++)
            json_array_append_new(row, json_integer(event->texts[text]));
        json_array_append_new(events, row);
    }
    return events;
}

static void put_data(const struct filling *filling)
{
    const struct log_page *page = filling->page;
    json_t *strings = page->strings != NULL ? json_incref(page->strings) : json_array();
    json_t *document = json_pack("{si, sI, sI, sI, so, so}", "v", 1, "all", (json_int_t)page->all, "left_out",
                                 (json_int_t)filling->summary->left_out, "unreadable", (json_int_t)filling->unreadable,
                                 "strings", strings, "events", events_json(page));

    /* JSON_ENSURE_ASCII: U+2028 and U+2029, which end a line in scripts, are escaped with the rest. */
    json_dump_callback(document, put_json, filling->out, JSON_COMPACT | JSON_ENSURE_ASCII);
    json_decref(document);
}

static void put_cell(FILE *out, const char *class, const char *text)
{
    fprintf(out, "<td class=\"%s\">", class);
    put_html(out, text);
    fputs("</td>", out);
}

static void put_rows(const struct filling *filling)
{
    const struct log_summary *summary = filling->summary;

    for (size_t i = 0; i < summary->count && i < ROWS_MOST; i++) {
        const struct log_row *row = &summary->rows[i];
        char first[32], last[32], *count = memory_print("%zu", row->count);

        log_time_text(first, sizeof(first), "%Y-%m-%d %H:%M:%S", row->first);
        log_time_text(last, sizeof(last), "%Y-%m-%d %H:%M:%S", row->last);
        fputs("<tr>", filling->out);
        put_cell(filling->out, "program", row->exe);
        put_cell(filling->out, "direction", row->direction);
        put_cell(filling->out, "endpoint", row->endpoint);
        put_cell(filling->out, "verdict", row->verdict);
        put_cell(filling->out, "count", count);
        put_cell(filling->out, "share", "");
        put_cell(filling->out, "time", first);
        put_cell(filling->out, "time", last);
        fputs("</tr>\n", filling->out);
        free(count);
    }
}

/* One sentence that holds without scripts too. */
static void put_facts(const struct filling *filling)
{
    const struct log_summary *summary = filling->summary;
    char first[32], last[32], now[32];

    log_time_text(now, sizeof(now), "%Y-%m-%d %H:%M", (double)time(NULL));
    log_time_text(first, sizeof(first), "%Y-%m-%d %H:%M:%S", summary->count > 0 ? summary->first : -1);
    log_time_text(last, sizeof(last), "%Y-%m-%d %H:%M:%S", summary->count > 0 ? summary->last : -1);
    if (filling->page->all == 0)
        fprintf(filling->out, "No events");
    else
        fprintf(filling->out, "%zu event%s from %s to %s", filling->page->all, plural(filling->page->all), first, last);
    fprintf(filling->out, ", written %s by sockade " VERSION, now);
}

static void fill(const struct filling *filling, const char *name, size_t length)
{
    static const struct {
        const char *name;
        void (*put)(const struct filling *filling);
    } places[] = {{"DATA", put_data}, {"ROWS", put_rows}, {"FACTS", put_facts}};

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if (strlen(places[i].name) == length && memcmp(places[i].name, name, length) == 0)
            places[i].put(filling);
    }
    if (length == 5 && memcmp(name, "NONCE", 5) == 0)
        fputs(filling->nonce, filling->out);
    else if (length == 5 && memcmp(name, "STYLE", 5) == 0)
        fputs(log_page_css, filling->out);
    else if (length == 6 && memcmp(name, "SCRIPT", 6) == 0)
        fputs(log_page_js, filling->out);
}

/* The template with each {{PLACE}} filled. */
static void put_page(const struct filling *filling)
{
    const char *at = log_page_html, *open, *close;

    while ((open = strstr(at, "{{")) != NULL && (close = strstr(open, "}}")) != NULL) {
        fwrite(at, 1, (size_t)(open - at), filling->out);
        fill(filling, open + 2, (size_t)(close - open - 2));
        at = close + 2;
    }
    fputs(at, filling->out);
}

static bool draw_nonce(char nonce[33])
{
    unsigned char bytes[16];

    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        return false;
    for (size_t i = 0; i < sizeof(bytes); i++)
        sprintf(nonce + 2 * i, "%02x", bytes[i]);
    return true;
}

/* The file to write: a temporary one beside `path`, or `path` itself where it is no regular file. */
static FILE *page_open(const char *path, char **temporary)
{
    struct stat st;
    FILE *out;
    int descriptor;

    *temporary = NULL;
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return fopen(path, "we");
    *temporary = memory_print("%s.XXXXXX", path);
    descriptor = mkstemp(*temporary);
    out = descriptor >= 0 ? fdopen(descriptor, "w") : NULL;
    if (out == NULL) {
        free(*temporary);
        *temporary = NULL;
    }
    return out;
}

static bool page_failed(const char *path, char *temporary)
{
    int error = errno;
    char *shown = printable(path);

    complain("write '%s': %s", shown, strerror(error));
    if (temporary != NULL)
        unlink(temporary);
    free(temporary);
    free(shown);
    return false;
}

bool log_page_write(const struct log_page *page, const struct log_summary *summary, size_t unreadable, const char *path)
{
    struct filling filling = {.page = page, .summary = summary, .unreadable = unreadable, .out = stdout};
    char *temporary = NULL;
    bool written;

    if (!draw_nonce(filling.nonce))
        return page_failed(path, NULL);
    if (strcmp(path, "-") == 0) {
        put_page(&filling);
        return true;
    }
    filling.out = page_open(path, &temporary);
    if (filling.out == NULL)
        return page_failed(path, NULL);
    put_page(&filling);
    written = fflush(filling.out) == 0 && !ferror(filling.out);
    if (fclose(filling.out) != 0 || !written || (temporary != NULL && rename(temporary, path) != 0))
        return page_failed(path, temporary);
    free(temporary);
    return true;
}
