/* SPDX-License-Identifier: MIT */
/*
 * A text on its way to libconfig, and back to the places it came from.
 *
 * libconfig 1.5 opens @includes by itself (blocking, unjudged, without telling which), takes 4294967376 for 80, joins
 * two texts where a comma was forgotten, and notes for a string the line of whatever stands behind it. So the text is
 * scanned once before: @includes are spliced in, lines are mapped, and what libconfig would tell badly or not at all is
 * told here. The scanner knows strings, comments and brackets exactly as libconfig's does.
 */
#include "config/read_internal.h"

#include "config/memory.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TEXT_LIMIT ((size_t)64 << 20) /* of a text with all its @includes */
#define INCLUDE_DEPTH 10              /* as libconfig has it */
#define NESTING_LIMIT 64              /* of brackets; the language needs five */

struct bracket {
    char open;
    struct place place;
    int column;
};

struct scan {
    struct reader *reader;
    struct text *text;
    struct bracket brackets[NESTING_LIMIT];
    size_t depth;
    int line;      /* of the spliced text */
    int column;    /* where the present token starts; 0: not known */
    char previous; /* first byte of the last token; '"' for strings, 'a' for words, 0 at the start */
    bool broken;   /* libconfig could not read it: told already */
    bool lost;     /* a bracket did not fit: what is said of further ones would mislead */
};

/* One file of the text while it is scanned. */
struct scan_file {
    const char *name; /* one of the policy's files */
    const char *at, *end;
    const char *copied; /* up to here it was appended to the spliced text */
    const char *row;    /* where the present line starts */
    int line;
    int depth; /* of @includes */
};

static void scan_file(struct scan *scan, const char *name, const char *bytes, size_t size, int depth);

struct text *text_of(const config_setting_t *setting)
{
    return (struct text *)((char *)setting->config - offsetof(struct text, config));
}

/* The place of a line of the spliced text. */
static struct place place_of_line(const struct text *text, int line)
{
    size_t low = 0, high = text->span_count;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (text->spans[middle].first <= line)
            low = middle;
        else
            high = middle;
    }
    const struct line_span *span = &text->spans[low];
    return (struct place){span->file, span->line + (line - span->first)};
}

struct place place_of(const config_setting_t *setting)
{
    return place_of_line(text_of(setting), (int)config_setting_source_line(setting));
}

static struct place here(const struct scan_file *file)
{
    return (struct place){file->name, file->line};
}

/* Tells a mistake that libconfig would stop at. */
#define broken(scan, place, ...)                                                                                       \
    do {                                                                                                               \
        messages_add((scan)->reader->messages, MESSAGE_ERROR, place, __VA_ARGS__);                                     \
        messages_detail((scan)->reader->messages, "syntax", NULL, NULL);                                               \
        messages_column((scan)->reader->messages, (scan)->column);                                                     \
        (scan)->broken = true;                                                                                         \
    } while (0)

static void append(struct scan *scan, struct place place, const char *bytes, size_t size)
{
    struct text *text = scan->text;

    if (size > TEXT_LIMIT - text->size) {
        if (!scan->broken)
            broken(scan, place, "the text with its @includes is larger than %zu MiB", TEXT_LIMIT >> 20);
        return;
    }
    if (text->size + size + 1 > text->room) {
        text->room = 2 * (text->size + size + 1);
        text->bytes = memory_resize(text->bytes, text->room);
    }
    memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
    text->bytes[text->size] = '\0';
}

static void start_span(struct scan *scan, const char *file, int line)
{
    struct text *text = scan->text;

    text->spans = memory_grow(text->spans, text->span_count, &text->span_room, sizeof *text->spans);
    text->spans[text->span_count++] = (struct line_span){scan->line, file, line};
}

static void count_line(struct scan *scan, struct scan_file *file, char c)
{
    if (c == '\n') {
        file->line++;
        file->row = file->at + 1;
        scan->line++;
    }
}

/* Steps over a comment that starts here, and tells whether one does. */
static bool skip_comment(struct scan *scan, struct scan_file *file)
{
    char next = file->end - file->at > 1 ? file->at[1] : '\0';
    struct place start = here(file);

    if (*file->at == '#' || (*file->at == '/' && next == '/')) {
        while (file->at < file->end && *file->at != '\n')
            file->at++;
        return true;
    }
    if (*file->at != '/' || next != '*')
        return false;
    for (file->at += 2; file->at < file->end; file->at++) {
        if (*file->at == '*' && file->end - file->at > 1 && file->at[1] == '/') {
            file->at += 2;
            return true;
        }
        count_line(scan, file, *file->at);
    }
    broken(scan, start, "a comment begins here and is never closed; write '*/' at its end");
    return true;
}

/* Two texts in a row are one to libconfig: handy for a long reason, a trap between elements. */
static void note_string(struct scan *scan, const struct scan_file *file)
{
    struct text *text = scan->text;
    char open = scan->depth > 0 ? scan->brackets[scan->depth - 1].open : '\0';

    if (scan->previous == '"' && (open == '[' || open == '('))
        broken(scan, here(file), "a comma is missing in front of this text");
    if (scan->previous != '"') {
        text->string_lines = memory_grow(text->string_lines, text->string_count, &text->string_room,
                                         sizeof *text->string_lines);
        text->string_lines[text->string_count++] = scan->line;
    }
    scan->previous = '"';
}

static bool is_nul_escape(const struct scan_file *file)
{
    return file->end - file->at >= 4 && (file->at[1] == 'x' || file->at[1] == 'X') && file->at[2] == '0' &&
           file->at[3] == '0';
}

/*
 * Steps over a string. libconfig lets one run over the line's end; here that is a forgotten quote, which would turn
 * everything behind it inside out.
 */
static void skip_string(struct scan *scan, struct scan_file *file)
{
    note_string(scan, file);
    for (file->at++; file->at < file->end && *file->at != '\n'; file->at++) {
        if (*file->at == '"') {
            file->at++;
            return;
        }
        if (*file->at != '\\' || file->end - file->at < 2)
            continue;
        if (is_nul_escape(file)) /* libconfig leaves it out */
            messages_add(scan->reader->messages, MESSAGE_ERROR, here(file), "a text cannot hold a NUL byte");
        if (file->at[1] == '"' || file->at[1] == '\\')
            file->at++;
    }
    broken(scan, here(file), "a text is not closed in its line; write '\"' at its end");
    file->at = file->end;
    scan->lost = true;
}

/* libconfig 1.5 keeps the low 32 bits of a number that does not fit, so that port 4294967376 would be port 80. */
static void check_number(struct scan *scan, const struct scan_file *file, const char *word, size_t length)
{
    char digits[32];
    char *end;

    if (length >= sizeof digits)
        length = sizeof digits - 1;
    memcpy(digits, word, length);
    digits[length] = '\0';
    int base = strncasecmp(digits, "0x", 2) == 0 ? 16 : 10;
    errno = 0;
    long long value = strtoll(digits, &end, base);
    if (errno == ERANGE)
        messages_add(scan->reader->messages, MESSAGE_ERROR, here(file), "the number '%s' is too large", digits);
    else if ((value > INT_MAX || value < INT_MIN) && *end != 'L' && *end != '.' && *end != 'e' && *end != 'E')
        messages_add(scan->reader->messages, MESSAGE_ERROR, here(file),
                     "the number '%.*s' needs more than 32 bits; write '%.*sL' if it is meant", (int)(end - digits),
                     digits, (int)(end - digits), digits);
}

static bool is_word_byte(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '+' || c == '.' || c == '*';
}

static void skip_word(struct scan *scan, struct scan_file *file)
{
    const char *start = file->at;

    while (file->at < file->end && is_word_byte(*file->at))
        file->at++;
    if (isdigit((unsigned char)*start) || *start == '-' || *start == '+')
        check_number(scan, file, start, (size_t)(file->at - start));
    scan->previous = 'a';
}

static void open_bracket(struct scan *scan, const struct scan_file *file)
{
    if (*file->at == '{' && scan->previous == '}' && scan->depth > 0 && scan->brackets[scan->depth - 1].open == '(')
        broken(scan, here(file), "a comma is missing between '}' and '{'");
    if (scan->lost)
        return;
    if (scan->depth == NESTING_LIMIT) {
        scan->lost = true;
        broken(scan, here(file), "brackets are nested more than %d deep", NESTING_LIMIT);
        return;
    }
    scan->brackets[scan->depth++] = (struct bracket){*file->at, here(file), scan->column};
}

static char closing(char open)
{
    return open == '(' ? ')' : open == '[' ? ']' : '}';
}

static void close_bracket(struct scan *scan, const struct scan_file *file)
{
    char c = *file->at;

    if (scan->previous == ',' && c != '}')
        broken(scan, here(file), "a comma stands in front of '%c'; leave it out behind the last element", c);
    if (scan->lost)
        return;
    if (scan->depth == 0) {
        scan->lost = true;
        broken(scan, here(file), "'%c' closes nothing", c);
        return;
    }
    const struct bracket *bracket = &scan->brackets[--scan->depth];
    if (closing(bracket->open) != c) {
        scan->lost = true;
        broken(scan, here(file), "'%c' cannot close the '%c' of line %d", c, bracket->open, bracket->place.line);
    }
}

/* Reads and splices the file that an @include names. */
static void include(struct scan *scan, struct scan_file *file, const char *name)
{
    struct file_bytes bytes;
    char *path = path_beside(scan->text->folder, name);

    if (file->depth == INCLUDE_DEPTH) {
        broken(scan, here(file), "@include " QUOTE " is nested more than %d deep", name, INCLUDE_DEPTH);
        free(path);
        return;
    }
    switch (file_read(scan->reader, path, TEXT_LIMIT, here(file), &bytes)) {
    case FILE_READ:
        scan_file(scan, policy_file_name(scan->reader->policy, path), bytes.bytes, bytes.size, file->depth + 1);
        free(bytes.bytes);
        break;
    case FILE_ABSENT:
        broken(scan, here(file), "cannot @include " QUOTE ": no such file", path);
        break;
    case FILE_FAILED:
        scan->broken = true;
        break;
    }
    start_span(scan, file->name, file->line);
    free(path);
}

/* The file name of `@include "NAME"` that starts here; steps over it. NULL where it is none. */
static char *take_include_name(struct scan_file *file)
{
    static const char word[] = "@include";
    const char *at = file->at;
    size_t length = sizeof word - 1;

    if ((size_t)(file->end - at) <= length || memcmp(at, word, length) != 0)
        return NULL;
    at += length;
    if (*at != ' ' && *at != '\t')
        return NULL;
    while (at < file->end && (*at == ' ' || *at == '\t'))
        at++;
    if (at == file->end || *at != '"')
        return NULL;
    at++;
    const char *newline = memchr(at, '\n', (size_t)(file->end - at));
    char *name = memory_new((size_t)((newline ? newline : file->end) - at) + 1);
    for (size_t i = 0; at < file->end && *at != '\n' && *at != '"'; at++) {
        if (*at == '\\' && file->end - at > 1 && (at[1] == '"' || at[1] == '\\'))
            at++;
        name[i++] = *at;
    }
    if (at == file->end || *at != '"') {
        free(name);
        return NULL;
    }
    file->at = at + 1;
    return name;
}

/* Whether only blanks stand between the line's start (or the end of what was included) and here. */
static bool starts_line(const struct scan_file *file, const char *start)
{
    for (const char *s = file->at; s > start; s--) {
        if (s[-1] == '\n')
            return true;
        if (s[-1] != ' ' && s[-1] != '\t')
            return false;
    }
    return true;
}

static void skip_include(struct scan *scan, struct scan_file *file, const char *start)
{
    const char *at = file->at;
    char *name = starts_line(file, start) ? take_include_name(file) : NULL;

    if (!name) {
        broken(scan, here(file), "'@' stands for @include alone, at the start of a line: @include \"FILE\"");
        file->at = at + 1;
        return;
    }
    append(scan, here(file), file->copied, (size_t)(at - file->copied));
    file->copied = file->at;
    include(scan, file, name);
    free(name);
}

/* One token, or one byte that is none. */
static void scan_token(struct scan *scan, struct scan_file *file, const char *start)
{
    char c = *file->at;

    scan->column = (int)(file->at - file->row) + 1;
    if (c == '"') {
        skip_string(scan, file);
    } else if (c == '@') {
        skip_include(scan, file, start);
    } else if (is_word_byte(c)) {
        skip_word(scan, file);
    } else if (!skip_comment(scan, file)) {
        if (strchr("([{", c))
            open_bracket(scan, file);
        else if (strchr(")]}", c))
            close_bracket(scan, file);
        if (!isspace((unsigned char)c))
            scan->previous = c;
        count_line(scan, file, c);
        file->at++;
    }
}

/* Appends a file to the spliced text, and what it includes. */
static void scan_file(struct scan *scan, const char *name, const char *bytes, size_t size, int depth)
{
    struct scan_file file = {name, bytes, bytes + size, bytes, bytes, 1, depth};
    const char *nul = memchr(bytes, '\0', size);

    start_span(scan, name, 1);
    scan->column = 0;
    if (nul) {
        for (const char *s = bytes; s < nul; s++)
            file.line += *s == '\n';
        broken(scan, here(&file), "a NUL byte stands in the text");
        return;
    }
    if (size >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0)
        file.at += 3;
    file.copied = file.at;
    for (const char *start = file.at; file.at < file.end;)
        scan_token(scan, &file, start);
    append(scan, here(&file), file.copied, (size_t)(file.at - file.copied));
    append(scan, here(&file), "\n",
           1); /* libconfig wants one behind a comment; and the includer goes on on a new line */
    scan->line++;
}

/* What stands in a line of the spliced text, without blanks at its start. */
static char *line_text(const struct text *text, int line)
{
    const char *start = text->bytes;

    for (int i = 1; i < line && start; i++) {
        start = strchr(start, '\n');
        start = start ? start + 1 : NULL;
    }
    if (!start)
        return memory_text("");
    start += strspn(start, " \t");
    return memory_print("%.*s", (int)strnlen(start, strcspn(start, "\r\n")), start);
}

static void complain_syntax(struct scan *scan)
{
    const config_t *config = &scan->text->config;
    const char *what = config_error_text(config);
    char *line = line_text(scan->text, config_error_line(config));
    struct place place = place_of_line(scan->text, config_error_line(config));

    scan->column = 0;
    if (line[0] == '\0')
        broken(scan, place, "%s: the text ends too early", what ? what : "syntax error");
    else if (what && strncmp(what, "duplicate", 9) == 0)
        broken(scan, place, "a key stands twice in one group, near " QUOTE, line);
    else
        broken(scan, place, "%s near " QUOTE, what ? what : "syntax error", line);
    free(line);
}

/* Gives each string in an array or list its own line; see string_lines. Depth is bounded by NESTING_LIMIT. */
static size_t set_string_lines(const struct text *text, config_setting_t *setting, size_t index)
{
    if (config_setting_type(setting) == CONFIG_TYPE_STRING) {
        if (!setting->name && index < text->string_count)
            setting->line = (unsigned)text->string_lines[index];
        return index + 1;
    }
    if (!config_setting_is_aggregate(setting))
        return index;
    for (int i = 0; i < config_setting_length(setting); i++)
        index = set_string_lines(text, config_setting_get_elem(setting, (unsigned)i), index);
    return index;
}

void text_add(struct reader *reader, const char *name, const char *bytes, size_t size)
{
    struct text *text = memory_new(sizeof *text);
    struct scan scan = {.reader = reader, .text = text, .line = 1};

    if (reader->last_text)
        reader->last_text->next = text;
    else
        reader->texts = text;
    reader->last_text = text;
    text->name = policy_file_name(reader->policy, name);
    text->folder = lookup_folder(name);
    config_init(&text->config);
    scan_file(&scan, text->name, bytes, size, 0);
    for (size_t i = 0; i < scan.depth && !scan.broken; i++) {
        scan.column = scan.brackets[i].column;
        broken(&scan, scan.brackets[i].place, "'%c' is never closed", scan.brackets[i].open);
    }
    if (scan.broken)
        return;
    text->parsed = config_read_string(&text->config, text->bytes) == CONFIG_TRUE;
    if (text->parsed)
        set_string_lines(text, config_root_setting(&text->config), 0);
    else
        complain_syntax(&scan);
}

void text_free(struct text *text)
{
    config_destroy(&text->config);
    free(text->string_lines);
    free(text->spans);
    free(text->bytes);
    free(text->folder);
    free(text);
}
