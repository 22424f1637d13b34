/* SPDX-License-Identifier: MIT */
/* Moments in words. What names no zone is local time. */
#include "command/log_time.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MINUTE 60
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

/* "10m" and its like: so long before now. */
static bool read_ago(const char *text, double now, double *out)
{
    static const struct {
        char letter;
        int seconds;
    } units[] = {{'s', 1}, {'m', MINUTE}, {'h', HOUR}, {'d', DAY}, {'w', 7 * DAY}};
    char *end;
    double count;

    if (!isdigit((unsigned char)text[0]))
        return false;
    count = strtod(text, &end);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (end[0] == units[i].letter && end[1] == '\0') {
            *out = now - count * units[i].seconds;
            return true;
        }
    }
    return false;
}

/* The local midnight that begins the day of `now`, or one `days` before. */
static double midnight(double now, int days)
{
    time_t seconds = (time_t)now;
    struct tm local;

    if (localtime_r(&seconds, &local) == NULL)
        return now;
    local.tm_sec = local.tm_min = local.tm_hour = 0;
    local.tm_mday -= days;
    local.tm_isdst = -1;
    return (double)mktime(&local);
}

/* "14:30", "14:30:15", "14:30:15.25". Returns what follows it, or NULL where the text begins with no such time. */
static const char *read_clock(const char *text, struct tm *out, double *fraction)
{
    int used = 0;

    *fraction = 0;
    if (sscanf(text, "%2d:%2d%n", &out->tm_hour, &out->tm_min, &used) != 2 || used < 4)
        return NULL;
    text += used;
    if (text[0] == ':') {
        if (sscanf(text, ":%2d%n", &out->tm_sec, &used) != 1 || used != 3)
            return NULL;
        text += used;
    }
    if (text[0] == '.' && isdigit((unsigned char)text[1])) {
        char *end;

        *fraction = strtod(text, &end);
        text = end;
    }
    return out->tm_hour >= 0 && out->tm_hour < 24 && out->tm_min >= 0 && out->tm_min < 60 && out->tm_sec >= 0 &&
                   out->tm_sec <= 60
               ? text
               : NULL;
}

/* "Z", "+02:00", or nothing, which is local time. */
static bool read_zone(const char *text, struct tm *broken, double *out)
{
    int hours, minutes, used = 0;
    char sign;

    if (text[0] == '\0') {
        broken->tm_isdst = -1;
        *out = (double)mktime(broken);
        return true;
    }
    *out = (double)timegm(broken);
    if (strcmp(text, "Z") == 0 || strcmp(text, "z") == 0)
        return true;
    if (sscanf(text, "%c%2d:%2d%n", &sign, &hours, &minutes, &used) != 3 || used != 6 || text[used] != '\0' ||
        (sign != '+' && sign != '-') || hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
        return false;
    *out -= (sign == '-' ? -1 : 1) * (hours * HOUR + minutes * MINUTE);
    return true;
}

/* "2026-01-31", with a time of day and a zone behind it or not. */
static bool read_date(const char *text, double *out)
{
    struct tm broken = {0}, given;
    double fraction = 0;
    int used = 0;

    if (sscanf(text, "%4d-%2d-%2d%n", &broken.tm_year, &broken.tm_mon, &broken.tm_mday, &used) != 3 || used != 10)
        return false;
    broken.tm_year -= 1900;
    broken.tm_mon -= 1;
    text += used;
    if (text[0] == ' ' || text[0] == 'T' || text[0] == 't') {
        text = read_clock(text + 1, &broken, &fraction);
        if (text == NULL)
            return false;
    }
    given = broken;
    if (!read_zone(text, &broken, out))
        return false;
    *out += fraction;
    /* Months end: what was turned into another day was none. */
    return broken.tm_mon == given.tm_mon && broken.tm_mday == given.tm_mday;
}

bool log_time_read(const char *text, double now, double *out)
{
    struct tm clock = {0};
    double fraction;
    const char *end = read_clock(text, &clock, &fraction);

    if (strcmp(text, "now") == 0)
        *out = now;
    else if (strcmp(text, "today") == 0)
        *out = midnight(now, 0);
    else if (strcmp(text, "yesterday") == 0)
        *out = midnight(now, 1);
    else if (end != NULL && *end == '\0')
        *out = midnight(now, 0) + clock.tm_hour * HOUR + clock.tm_min * MINUTE + clock.tm_sec + fraction;
    else
        return read_ago(text, now, out) || read_date(text, out);
    return true;
}

void log_time_text(char *out, size_t size, const char *format, double time)
{
    time_t seconds = (time_t)time;
    struct tm local;

    if (time < 0 || localtime_r(&seconds, &local) == NULL || strftime(out, size, format, &local) == 0)
        snprintf(out, size, "?");
}
