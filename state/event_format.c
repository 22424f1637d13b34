/* SPDX-License-Identifier: MIT */
/*
 * One event as one line of JSON that is valid whatever bytes a program's name or a path holds.
 *
 * A line is written with a limit on each text in it. The first try has none that could matter; a line that comes out
 * too long is written again with the largest limit under which it fits, so that only long texts lose anything.
 */
#include "state/event.h"

#include "state/text.h"

#include <string.h>

/* So long all eleven texts can be at once and the line still fits: with keys and numbers that is under 700 bytes. */
#define TEXT_LEAST 24

/* What can be escaped to six bytes and is cut only between characters. */
#define ENCODED_MAX 6

static const char shortened[] = "\xe2\x80\xa6"; /* U+2026, horizontal ellipsis */
#define SHORTENED_SIZE (sizeof(shortened) - 1)

struct line {
    char *out; /* EVENT_MAX bytes; what would lie behind them is counted and not written */
    size_t length;
    size_t text_limit; /* bytes that one text may take, escaped */
};

static void put(struct line *line, const char *bytes, size_t size)
{
    if (line->length <= EVENT_MAX && size <= EVENT_MAX - line->length)
        memcpy(line->out + line->length, bytes, size);
    line->length += size;
}

/*
 * Reads one character of `left` bytes by the table of RFC 3629, section 4. Returns how many bytes it has, or 0 where
 * they are no UTF-8: overlong forms, surrogates and what lies past U+10FFFF are not.
 */
static size_t utf8_read(const unsigned char *at, size_t left, uint32_t *code)
{
    unsigned char first = at[0];
    unsigned char low = 0x80, high = 0xbf; /* of the second byte */
    size_t size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

    if (first < 0x80) {
        *code = first;
        return 1;
    }
    if (first < 0xc2 || first > 0xf4 || left < size)
        return 0;
    if (first == 0xe0)
        low = 0xa0;
    else if (first == 0xed)
        high = 0x9f;
    else if (first == 0xf0)
        low = 0x90;
    else if (first == 0xf4)
        high = 0x8f;
    if (at[1] < low || at[1] > high)
        return 0;
    *code = first & (0x7fu >> size);
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        *code = *code << 6 | (at[i] & 0x3f);
    }
    return size;
}

/*
 * Characters that JSON forbids in a string, and those that would let a program's name steer a terminal or a reader of
 * lines: C1 controls, line and paragraph separators, and the marks that turn the direction of writing.
 */
static bool must_escape(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069);
}

static const char replacement[3] = {'\xef', '\xbf', '\xbd'}; /* U+FFFD */

/* Writes the first character of a text as it stands in JSON; returns its length, and in `*taken` the bytes it had. */
static size_t encode(char out[ENCODED_MAX], const unsigned char *at, size_t left, size_t *taken)
{
    uint32_t code = 0;
    size_t size = utf8_read(at, left, &code);

    *taken = size > 0 ? size : 1;
    if (size == 0) {
        memcpy(out, replacement, sizeof(replacement));
        return sizeof(replacement);
    }
    if (must_escape(code)) {
        out[0] = '\\';
        out[1] = 'u';
        text_hex(out + 2, code, 4);
        return 6;
    }
    if (code == '"' || code == '\\') {
        out[0] = '\\';
        out[1] = (char)code;
        return 2;
    }
    memcpy(out, at, size);
    return size;
}

/* Whether a text takes at most `limit` bytes. No character becomes shorter, so no more of it than that is read. */
static bool text_fits(const unsigned char *text, size_t size, size_t limit)
{
    char encoded[ENCODED_MAX];
    size_t length = 0;

    while (size > 0 && length <= limit) {
        size_t taken;

        length += encode(encoded, text, size, &taken);
        text += taken;
        size -= taken;
    }
    return length <= limit;
}

/* Escapes a text of `size` bytes; one that is too long loses its end to an ellipsis. */
static void put_escaped(struct line *line, const char *text, size_t size)
{
    const unsigned char *at = (const unsigned char *)text;
    bool fits = text_fits(at, size, line->text_limit);
    size_t room = fits ? line->text_limit : line->text_limit - SHORTENED_SIZE;

    while (size > 0) {
        char encoded[ENCODED_MAX];
        size_t taken;
        size_t length = encode(encoded, at, size, &taken);

        if (length > room)
            break;
        put(line, encoded, length);
        room -= length;
        at += taken;
        size -= taken;
    }
    if (!fits)
        put(line, shortened, SHORTENED_SIZE);
}

static void put_literal(struct line *line, const char *text)
{
    put(line, text, strlen(text));
}

static void put_number(struct line *line, uint64_t value)
{
    char digits[DECIMAL_TEXT];

    put(line, digits, text_decimal(digits, value));
}

/* `,"key":` */
static void put_key(struct line *line, const char *key)
{
    put_literal(line, ",\"");
    put_literal(line, key);
    put_literal(line, "\":");
}

/* `,"key":"text"`, nothing at all for NULL. One byte past what fits is as good as all of a longer text. */
static void put_text(struct line *line, const char *key, const char *text)
{
    if (text == NULL)
        return;
    put_key(line, key);
    put_literal(line, "\"");
    put_escaped(line, text, strnlen(text, EVENT_MAX + 1));
    put_literal(line, "\"");
}

/* Writes `count` digits of `value`, with zeros in front. */
static void put_digits(struct line *line, uint64_t value, size_t count)
{
    char digits[4];

    for (size_t i = count; i > 0; i--, value /= 10)
        digits[i - 1] = (char)('0' + value % 10);
    put(line, digits, count);
}

struct date {
    uint64_t year, month, day;
};

/*
 * The day of the Gregorian calendar `days` after 1970-01-01. Years are counted from March, so that the leap day is the
 * last of a year, and 400 of them have 146,097 days. gmtime_r(3) is not used: it takes a lock.
 */
static struct date date_of(uint64_t days)
{
    uint64_t shifted = days + 719468; /* 0000-03-01 */
    uint64_t era = shifted / 146097;
    uint64_t day_of_era = shifted % 146097;
    uint64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    uint64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint64_t month = (5 * day_of_year + 2) / 153; /* 0 is March */
    struct date date = {
        .year = era * 400 + year_of_era + (month >= 10),
        .month = month < 10 ? month + 3 : month - 9,
        .day = day_of_year - (153 * month + 2) / 5 + 1,
    };

    return date;
}

/* RFC 3339 with milliseconds, whose years end with 9999: other times become the nearest that it can say. */
static void put_time(struct line *line, struct timespec time)
{
    const int64_t last = 253402300799; /* 9999-12-31T23:59:59Z */
    int64_t given = time.tv_sec;
    uint64_t seconds = given < 0 ? 0 : given > last ? (uint64_t)last : (uint64_t)given;
    uint64_t milliseconds = time.tv_nsec < 0 || time.tv_nsec > 999999999 ? 0 : (uint64_t)time.tv_nsec / 1000000;
    struct date date = date_of(seconds / 86400);

    put_literal(line, "\"");
    put_digits(line, date.year, 4);
    put_literal(line, "-");
    put_digits(line, date.month, 2);
    put_literal(line, "-");
    put_digits(line, date.day, 2);
    put_literal(line, "T");
    put_digits(line, seconds / 3600 % 24, 2);
    put_literal(line, ":");
    put_digits(line, seconds / 60 % 60, 2);
    put_literal(line, ":");
    put_digits(line, seconds % 60, 2);
    put_literal(line, ".");
    put_digits(line, milliseconds, 3);
    put_literal(line, "Z\"");
}

/* dst, src or on with the address or "unix:PATH"; the number of the family where the event is about socket(2). */
static void put_peer(struct line *line, const struct event *event)
{
    static const char *const keys[DIRECTIONS] = {
        [DIRECTION_TO] = "dst",
        [DIRECTION_FROM] = "src",
        [DIRECTION_ON] = "on",
    };
    const char *key = (unsigned)event->direction < DIRECTIONS ? keys[event->direction] : keys[DIRECTION_TO];

    if (event->domain >= 0) {
        put_key(line, "family");
        put_number(line, (uint64_t)event->domain);
    } else if (event->address != NULL) {
        char text[ADDRESS_TEXT] = "";

        address_format(event->address, text);
        put_text(line, key, text);
    } else if (event->path != NULL) {
        put_key(line, key);
        put_literal(line, "\"unix:");
        put_escaped(line, event->path, event->path_length);
        put_literal(line, "\"");
    }
}

static void put_place(struct line *line, const struct event *event)
{
    if (event->file == NULL)
        return;
    put_key(line, "at");
    put_literal(line, "\"");
    put_escaped(line, event->file, strnlen(event->file, EVENT_MAX + 1));
    put_literal(line, ":");
    put_number(line, event->line);
    put_literal(line, "\"");
}

/* The whole line with `text_limit` on each text. Returns its length; one over EVENT_MAX did not fit. */
static size_t line_write(const struct event *event, char *out, size_t text_limit)
{
    struct line line = {.out = out, .text_limit = text_limit};

    put_literal(&line, "{\"v\":");
    put_number(&line, EVENT_VERSION);
    put_key(&line, "time");
    put_time(&line, event->time);
    put_key(&line, "pid");
    put_number(&line, event->pid < 0 ? 0 : (uint64_t)event->pid);
    put_text(&line, "exe", event->exe);
    put_text(&line, "op", event->op);
    put_text(&line, "target", event->target);
    put_peer(&line, event);
    if (event->port >= 0) {
        put_key(&line, "port");
        put_number(&line, (uint64_t)event->port);
    }
    put_text(&line, "proto", event->proto);
    put_text(&line, "verdict", event->verdict);
    put_text(&line, "rule", event->rule);
    put_place(&line, event);
    put_text(&line, "layer", event->layer);
    put_text(&line, "reason", event->reason);
    put_text(&line, "hint", event->hint);
    if (event->left_out > 0) {
        put_key(&line, "left_out");
        put_number(&line, event->left_out);
    }
    put_literal(&line, "}\n");
    return line.length;
}

size_t event_format(const struct event *event, char out[EVENT_MAX])
{
    size_t low = TEXT_LEAST;
    size_t high = EVENT_MAX;
    size_t length = line_write(event, out, high);

    if (length <= EVENT_MAX)
        return length;
    while (low < high) {
        size_t middle = (low + high + 1) / 2;

        if (line_write(event, out, middle) <= EVENT_MAX)
            low = middle;
        else
            high = middle - 1;
    }
    return line_write(event, out, low);
}
