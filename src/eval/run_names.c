/* SPDX-License-Identifier: MIT */
#include "eval/run_names.h"

#include <stddef.h>

/* Bytes of the white space or control character at p, which is not the end; 0
 * for any other. Readers that split text by Unicode's rules, as Python does,
 * must find six fields too. */
static size_t separator_bytes(const unsigned char *p)
{
    if (p[0] <= 0x20 || p[0] == 0x7f)
        return 1;
    /* U+0080 to U+00A0 */
    if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0xa0)
        return 2;
    /* U+1680, U+2000 to U+200A, U+2028, U+2029, U+202F, U+205F, U+3000 */
    if ((p[0] == 0xe1 && p[1] == 0x9a && p[2] == 0x80) ||
        (p[0] == 0xe2 && p[1] == 0x80 && p[2] >= 0x80 && p[2] <= 0x8a) ||
        (p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9 || p[2] == 0xaf)) ||
        (p[0] == 0xe2 && p[1] == 0x81 && p[2] == 0x9f) ||
        (p[0] == 0xe3 && p[1] == 0x80 && p[2] == 0x80))
        return 3;
    return 0;
}

char *run_name_encode(char *to, const char *name)
{
    static const char digits[] = "0123456789ABCDEF";
    const unsigned char *p = (const unsigned char *)name;
    while (*p) {
        size_t n = *p == '%' ? 1 : separator_bytes(p);
        if (n == 0)
            *to++ = (char)*p++;
        for (; n > 0; n--, p++) {
            *to++ = '%';
            *to++ = digits[*p >> 4];
            *to++ = digits[*p & 15];
        }
    }
    *to = '\0';
    return to;
}

/* Value of a hexadecimal digit, or -1. */
static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

bool run_name_decode(char *name)
{
    char *to = name;
    for (const char *p = name; *p; p++) {
        const int high = *p == '%' ? digit_of(p[1]) : -1;
        const int low = high >= 0 ? digit_of(p[2]) : -1;
        if (low < 0) {
            *to++ = *p;
            continue;
        }
        if (high == 0 && low == 0)
            return false;
        *to++ = (char)(high << 4 | low);
        p += 2;
    }
    *to = '\0';
    return true;
}
