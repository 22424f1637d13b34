/* SPDX-License-Identifier: MIT */
/* Numbers as text. Not by snprintf(3), which may take locks and allocate. */
#ifndef SOCKADE_STATE_TEXT_H
#define SOCKADE_STATE_TEXT_H

#include <stddef.h>
#include <stdint.h>

#define DECIMAL_TEXT 20 /* digits of the largest 64-bit number */

/* Writes `value` in decimal, without a NUL, and returns how many digits that took. */
static inline size_t text_decimal(char *out, uint64_t value)
{
    char digits[DECIMAL_TEXT];
    size_t count = 0;

    do
        digits[count++] = (char)('0' + value % 10);
    while ((value /= 10) != 0);
    for (size_t i = 0; i < count; i++)
        out[i] = digits[count - 1 - i];
    return count;
}

/* Writes the low `count` hexadecimal digits of `value`, without a NUL. */
static inline void text_hex(char *out, uint64_t value, size_t count)
{
    for (size_t i = count; i > 0; i--, value >>= 4)
        out[i - 1] = "0123456789abcdef"[value & 15];
}

#endif
