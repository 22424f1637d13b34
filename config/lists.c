/* SPDX-License-Identifier: MIT */
/*
 * A list is one address, CIDR or range a line, in whatever dress the feeds of the world put it.
 *
 * A feed has up to a million lines, nearly all of them plain IPv4; those are read by a few lines of code here, and
 * everything else goes to range_parse, which knows all forms and all mistakes.
 */
#include "config/lists.h"

#include "config/memory.h"
#include "config/progress.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_MISTAKES 20
#define LONGEST_ENTRY 128 /* two IPv6 addresses with zones are shorter */
#define LONGEST_HOST 253  /* RFC 1035 section 2.3.4 */
#define QUOTED 60         /* bytes of a bad line that a message repeats */
#define TELL_LINES 8192   /* lines after which it is told how far the reading is: about a thousandth of a second */

/* A run of bytes of the list's text. */
struct piece {
    const char *start, *end;
};

struct list_scan {
    const char *file;
    int line;
    struct range_set *set;
    struct messages *messages;
    struct list_report report;
    int first_masked; /* line */
    int first_name;   /* line */
    struct piece name;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

static void skip_blanks(struct piece *piece)
{
    while (piece->start < piece->end && is_blank(*piece->start))
        piece->start++;
    while (piece->end > piece->start && is_blank(piece->end[-1]))
        piece->end--;
}

/* Takes the first word off `rest`; an empty piece where there is none. */
static struct piece take_word(struct piece *rest)
{
    struct piece word;

    skip_blanks(rest);
    word.start = rest->start;
    while (rest->start < rest->end && !is_blank(*rest->start))
        rest->start++;
    word.end = rest->start;
    skip_blanks(rest);
    return word;
}

static bool is_word(struct piece word, const char *text)
{
    size_t length = strlen(text);

    return (size_t)(word.end - word.start) == length && memcmp(word.start, text, length) == 0;
}

/* Notes an unreadable line; the first ones are told. */
static void bad_line(struct list_scan *scan, struct piece line, const char *why)
{
    scan->report.bad++;
    if (scan->report.bad - scan->report.names > SHOWN_MISTAKES)
        return;
    int length = line.end - line.start > QUOTED ? QUOTED : (int)(line.end - line.start);
    messages_add(scan->messages, MESSAGE_ERROR, (struct place){scan->file, scan->line}, "'%.*s' %s", length, line.start,
                 why);
    messages_detail(scan->messages, "list-line", NULL, NULL);
}

/* Whether a word is a host name, as lists of advertisers and hosts(5) have them. */
static bool is_host_name(struct piece word)
{
    bool letters = false, dots = false;

    if (word.start == word.end || word.end - word.start > LONGEST_HOST)
        return false;
    for (const char *s = word.start; s < word.end; s++) {
        if (!isalnum((unsigned char)*s) && *s != '.' && *s != '-' && *s != '_')
            return false;
        letters |= isalpha((unsigned char)*s) != 0;
        dots |= *s == '.';
    }
    return letters && dots;
}

/* A line that names a host. There may be a hundred thousand of them, so they are told together, behind the last one. */
static void note_name(struct list_scan *scan, struct piece name)
{
    scan->report.bad++;
    if (scan->report.names++ == 0) {
        scan->first_name = scan->line;
        scan->name = name;
    }
}

/* The value of the digit at `s`; more than 9 where there is none. */
static inline uint32_t digit_at(const char *s, const char *end)
{
    return s < end ? (uint32_t)(*s - '0') : UINT32_MAX;
}

/* Reads a decimal number of at most three digits and no leading zero; NULL where there is none up to `limit`. */
static inline const char *take_number(const char *s, const char *end, uint32_t limit, uint32_t *out)
{
    uint32_t value = digit_at(s, end);

    if (value > 9)
        return NULL;
    s++;
    for (int more = 0; more < 2 && digit_at(s, end) <= 9; more++, s++) {
        if (value == 0)
            return NULL;
        value = value * 10 + digit_at(s, end);
    }
    *out = value;
    return value > limit ? NULL : s;
}

/* Takes plain IPv4, with or without a prefix length, and gives what stands behind it; NULL where something else is. */
static const char *take_inet(const char *s, const char *end, struct address_range *range, bool *masked)
{
    uint32_t address = 0, part, prefix = 32;

    for (int i = 0; i < 4; i++) {
        if (i > 0 && (s == end || *s++ != '.'))
            return NULL;
        s = take_number(s, end, 255, &part);
        if (!s)
            return NULL;
        address = address << 8 | part;
    }
    if (s < end && *s == '/') {
        s = take_number(s + 1, end, 32, &prefix);
        if (!s)
            return NULL;
    }
    uint32_t host_bits = prefix == 0 ? UINT32_MAX : (uint32_t)((UINT64_C(1) << (32 - prefix)) - 1);
    *masked = (address & host_bits) != 0;
    range->first = address_from_v4(address & ~host_bits);
    range->last = address_from_v4(address | host_bits);
    return s;
}

static const char *why_bad(enum address_error error)
{
    switch (error) {
    case ADDRESS_BAD_PREFIX:
        return "has a prefix length that its family does not have";
    case ADDRESS_BACKWARDS:
        return "is a range that ends before it starts";
    case ADDRESS_MIXED:
        return "is a range from one family to another";
    case ADDRESS_ZONE:
        return "names a zone, which cannot be matched";
    default:
        return "is no address, CIDR or range; names and other words do not belong in a list";
    }
}

static void add_entry(struct list_scan *scan, const struct address_range *range, bool masked)
{
    range_set_add(scan->set, range);
    scan->report.entries++;
    if (masked && scan->report.masked++ == 0)
        scan->first_masked = scan->line;
}

/* Reads one entry into the set; `line` is what a message quotes. */
static void read_entry(struct list_scan *scan, struct piece entry, struct piece line)
{
    struct address_range range;
    bool masked = false;

    if (take_inet(entry.start, entry.end, &range, &masked) != entry.end) {
        masked = false;
        char text[LONGEST_ENTRY];
        size_t length = (size_t)(entry.end - entry.start);
        if (length >= sizeof text || memchr(entry.start, '\0', length)) {
            bad_line(scan, line, "is no address, CIDR or range");
            return;
        }
        memcpy(text, entry.start, length);
        text[length] = '\0';
        enum address_error error = range_parse(text, true, &range, &masked, NULL);
        if (error != ADDRESS_OK && is_host_name(entry)) {
            note_name(scan, entry);
            return;
        }
        if (error != ADDRESS_OK) {
            bad_line(scan, line, why_bad(error));
            return;
        }
    }
    add_entry(scan, &range, masked);
}

/* The options behind an entry of ipset save carry counters and comments; nomatch alone turns its meaning round. */
static bool has_nomatch(struct piece options)
{
    while (options.start < options.end) {
        struct piece word = take_word(&options);
        if (is_word(word, "comment"))
            return false; /* the comment is the last option, and may hold any word */
        if (is_word(word, "nomatch"))
            return true;
    }
    return false;
}

/* "0.0.0.0 ads.example", as hosts(5) has it. */
static bool is_hosts_line(struct piece entry, struct piece rest)
{
    return (is_word(entry, "0.0.0.0") || is_word(entry, "127.0.0.1") || is_word(entry, "::1") ||
            is_word(entry, "::")) &&
           is_host_name(take_word(&rest));
}

/* One line without its newline. */
static void read_line(struct list_scan *scan, struct piece line)
{
    skip_blanks(&line);
    if (line.start == line.end)
        return;

    struct piece rest = line;
    struct piece entry = take_word(&rest);
    if (is_word(entry, "create"))
        return;
    bool ipset = is_word(entry, "add");
    if (ipset) {
        take_word(&rest); /* the set's name */
        entry = take_word(&rest);
    }
    if (entry.start == entry.end)
        bad_line(scan, line, "lacks an address");
    else if (ipset && has_nomatch(rest))
        bad_line(scan, line, "is an exception, which a list cannot hold; name it in the rule's 'except'");
    else if (!ipset && is_hosts_line(entry, rest))
        note_name(scan, take_word(&rest));
    else if (!ipset && rest.start != rest.end)
        bad_line(scan, line, "holds more than one address, CIDR or range");
    else
        read_entry(scan, entry, line);
}

/* The line that starts at `start`: up to its newline, and without its comment. `*next` is where the next one starts. */
static struct piece cut_line(const char *start, const char *end, const char **next)
{
    const char *newline = memchr(start, '\n', (size_t)(end - start));
    struct piece line = {start, newline ? newline : end};

    *next = newline ? newline + 1 : end;
    for (const char *s = line.start; s < line.end; s++) {
        if (*s == '#' || *s == ';') {
            line.end = s;
            break;
        }
    }
    return line;
}

static void sum_up_names(const struct list_scan *scan)
{
    size_t names = scan->report.names;
    char *name = memory_print("%.*s", (int)(scan->name.end - scan->name.start), scan->name.start);

    messages_add(scan->messages, MESSAGE_ERROR, (struct place){scan->file, scan->first_name},
                 "%zu line%s host names, the first one here '%s'; names change, so a list holds addresses, CIDRs and "
                 "ranges: take the feed's list of addresses",
                 names, names == 1 ? " holds" : "s hold", name);
    messages_detail(scan->messages, "list-names", name, NULL);
    free(name);
}

/* What is told of the list as a whole. */
static void sum_up(const struct list_scan *scan)
{
    if (scan->report.names > 0)
        sum_up_names(scan);
    if (scan->report.bad - scan->report.names > SHOWN_MISTAKES)
        messages_add(scan->messages, MESSAGE_ERROR, (struct place){scan->file, 0},
                     "%zu unreadable lines; the first %d are shown", scan->report.bad - scan->report.names,
                     SHOWN_MISTAKES);
    if (scan->report.masked > 0)
        messages_add(scan->messages, MESSAGE_WARNING, (struct place){scan->file, scan->first_masked},
                     "%zu of %zu entries have host bits set, the first one here; they were read as the whole network",
                     scan->report.masked, scan->report.entries);
    if (scan->report.masked > 0)
        messages_detail(scan->messages, "list-host-bits", NULL, NULL);
}

struct list_report list_read(const char *text, size_t size, const char *file, struct range_set *set,
                             struct messages *messages)
{
    struct list_scan scan = {.file = file, .set = set, .messages = messages};
    const char *start = text, *end = text + size;

    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        text += 3;
    while (text < end) {
        struct address_range range;
        bool masked;
        const char *behind = take_inet(text, end, &range, &masked);
        if (++scan.line % TELL_LINES == 0)
            progress_tell((struct progress){WORK_READ, file, (size_t)scan.line, (size_t)(text - start), size});
        if (behind && behind < end && *behind == '\n') { /* nearly every line of a large list */
            add_entry(&scan, &range, masked);
            text = behind + 1;
        } else {
            read_line(&scan, cut_line(text, end, &text));
        }
    }
    sum_up(&scan);
    return scan.report;
}
