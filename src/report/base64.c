/* SPDX-License-Identifier: MIT */
#include "report/base64.h"

void base64_encode(const uint8_t *bytes, size_t n_bytes, char *text)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (; n_bytes >= 3; bytes += 3, n_bytes -= 3, text += 4) {
        text[0] = digits[bytes[0] >> 2];
        text[1] = digits[(bytes[0] & 3) << 4 | bytes[1] >> 4];
        text[2] = digits[(bytes[1] & 15) << 2 | bytes[2] >> 6];
        text[3] = digits[bytes[2] & 63];
    }
    if (n_bytes > 0) {
        const unsigned second = n_bytes > 1 ? bytes[1] : 0;
        text[0] = digits[bytes[0] >> 2];
        text[1] = digits[(bytes[0] & 3) << 4 | second >> 4];
        text[2] = n_bytes > 1 ? digits[(second & 15) << 2] : '=';
        text[3] = '=';
    }
}
