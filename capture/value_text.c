/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "capture/value_text.h"

#include <arpa/inet.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)
#define DAY UINT64_C(86400)

/* The least value whose digits are found by arithmetic of 128 bits. */
#define DOUBLE_LEAST 0x1p-60

__extension__ typedef unsigned __int128 wide;

static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
                            "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
                            "8081828384858687888990919293949596979899";

char *text_u64(char *to, uint64_t value)
{
    char room[20];
    char *at = room + sizeof room;
    size_t size;

    if (value < 10) { /* most of what a flow has */
        *to = (char)('0' + value);
        return to + 1;
    }
    for (; value >= 100; value /= 100) {
        at -= 2;
        memcpy(at, pairs + 2 * (value % 100), 2);
    }
    if (value >= 10) {
        at -= 2;
        memcpy(at, pairs + 2 * value, 2);
    } else {
        *--at = (char)('0' + value);
    }
    size = (size_t)(room + sizeof room - at);
    memcpy(to, at, size);
    return to + size;
}

/* `digits` digits, zeros in front; an even number of them. */
static char *text_padded(char *to, uint32_t value, int digits)
{
    for (int at = digits - 2; at >= 0; at -= 2, value /= 100)
        memcpy(to + at, pairs + 2 * (value % 100), 2);
    return to + digits;
}

/* For what is tiny or very large (1e16 and more): the first precision that reads back the same. */
static char *double_by_trial(char *to, double value)
{
    int size = 0;

    for (int digits = 1; digits <= 17; digits++) {
        if (value < 1)
            size = snprintf(to, VALUE_TEXT_MAX, "%.*g", digits, value);
        else
            size = snprintf(to, VALUE_TEXT_MAX, "%.*e", digits - 1, value);
        if (strtod(to, NULL) == value)
            break;
    }
    return to + size;
}

/*
 * The digits behind the point of a value within [2^-60, 2^53), by Steele and White's free-format algorithm: one digit at
 * a time, until no other double is as near. Here the arithmetic is exact in 128 bits: value = mantissa * 2^-scale, and
 * `rest`, `half` (half the distance to the next double) are counted in units of 2^-(scale + 2).
 */
static char *double_fraction(char *to, uint64_t mantissa, int scale)
{
    const wide one = (wide)1 << (scale + 2);
    const bool even = (mantissa & 1) == 0;
    wide rest = ((wide)mantissa << 2) & (one - 1);
    wide above = 2, below = mantissa == UINT64_C(1) << 52 ? 1 : 2;
    bool low, high;
    unsigned int digit;

    do {
        rest *= 10;
        above *= 10;
        below *= 10;
        digit = (unsigned int)(rest >> (scale + 2));
        rest &= one - 1;
        low = rest < below || (even && rest == below);
        high = rest + above > one || (even && rest + above == one);
        if (high && (!low || 2 * rest > one || (2 * rest == one && (digit & 1))))
            digit++;
        *to++ = (char)('0' + digit);
    } while (!low && !high);
    return to;
}

/* Below 1, of which `digits` stand behind the point: with an exponent where more than three of them are zeros in front. */
static char *text_below_one(char *to, const char *digits, size_t count)
{
    size_t zeros = strspn(digits, "0");

    if (zeros <= 3) {
        *to++ = '0';
        *to++ = '.';
        memcpy(to, digits, count);
        return to + count;
    }
    *to++ = digits[zeros];
    if (count > zeros + 1)
        *to++ = '.';
    memcpy(to, digits + zeros + 1, count - zeros - 1);
    to += count - zeros - 1;
    *to++ = 'e';
    *to++ = '-';
    return text_padded(to, (uint32_t)zeros + 1, 2);
}

char *text_double(char *to, double value)
{
    int exponent;
    uint64_t mantissa;

    if (!isfinite(value))
        value = 0;
    if (signbit(value)) {
        *to++ = '-';
        value = -value;
    }
    if (value < 1e16 && value == (double)(uint64_t)value) {
        to = text_u64(to, (uint64_t)value);
        *to++ = '.';
        *to++ = '0';
        return to;
    }
    if (value < DOUBLE_LEAST || value >= 0x1p53)
        return double_by_trial(to, value);
    mantissa = (uint64_t)ldexp(frexp(value, &exponent), 53);
    if (value < 1) {
        char digits[VALUE_TEXT_MAX] = "";

        return text_below_one(to, digits, (size_t)(double_fraction(digits, mantissa, 53 - exponent) - digits));
    }
    to = text_u64(to, (uint64_t)value);
    *to++ = '.';
    return double_fraction(to, mantissa, 53 - exponent);
}

/* The civil date of a day since the epoch: Howard Hinnant's days_from_civil turned round (years begin in March). */
static char *text_date(char *to, uint32_t day)
{
    uint32_t shifted = day + 719468;
    uint32_t of_era = shifted % 146097;
    uint32_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    uint32_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint32_t month_from_march = (5 * of_year + 2) / 153;
    uint32_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    uint32_t year = year_of_era + shifted / 146097 * 400 + (month <= 2);

    to = text_padded(to, year, 4);
    *to++ = '-';
    to = text_padded(to, month, 2);
    *to++ = '-';
    return text_padded(to, of_year - (153 * month_from_march + 2) / 5 + 1, 2);
}

char *text_rounded(char *to, double value)
{
    char digits[VALUE_TEXT_MAX];
    int size = snprintf(digits, sizeof digits, "%.4f", value);

    while (size > 3 && digits[size - 1] == '0' && digits[size - 2] != '.')
        size--;
    memcpy(to, digits, (size_t)size);
    return to + size;
}

char *text_time(char *to, uint64_t time)
{
    uint64_t seconds = time / SECOND;
    uint32_t of_day = (uint32_t)(seconds % DAY);
    uint32_t fraction = (uint32_t)(time % SECOND);

    to = text_date(to, (uint32_t)(seconds / DAY));
    *to++ = 'T';
    to = text_padded(to, of_day / 3600, 2);
    *to++ = ':';
    to = text_padded(to, of_day / 60 % 60, 2);
    *to++ = ':';
    to = text_padded(to, of_day % 60, 2);
    *to++ = '.';
    *to++ = (char)('0' + fraction / 100000000);
    to = text_padded(to, fraction % 100000000, 8);
    *to++ = 'Z';
    return to;
}

char *text_address(char *to, uint32_t ip_version, const uint8_t packed[16])
{
    if (ip_version == 6) {
        inet_ntop(AF_INET6, packed, to, VALUE_TEXT_MAX);
        return to + strlen(to);
    }
    for (int i = 0; i < 4; i++) {
        to = text_u64(to, packed[i]);
        *to++ = '.';
    }
    return to - 1;
}

char *text_tcp_flags(char *to, uint32_t flags)
{
    static const char letters[] = "NCEUAPRSF";

    for (int bit = 8; bit >= 0; bit--)
        if (flags >> bit & 1)
            *to++ = letters[8 - bit];
    return to;
}
