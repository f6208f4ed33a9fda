/* SPDX-License-Identifier: MIT */
#include "report/html.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "report/base64.h"

enum {
    REPLACEMENT = 0xfffd,
    FORMAT_BYTES = 512, /* longest result of html_format() */
    BASE64_PIECE = 3072 /* bytes encoded at a time; a multiple of 3 */
};

static void put(html_out *out, const void *bytes, size_t n_bytes)
{
    if (out->status == BOVW_OK)
        out->status = new_file_write(out->file, bytes, n_bytes, out->err);
}

void html_markup(html_out *out, const char *markup)
{
    put(out, markup, strlen(markup));
}

void html_format(html_out *out, const char *format, ...)
{
    char text[FORMAT_BYTES];
    va_list args;
    va_start(args, format);
    const int length = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (length >= 0 && (size_t)length < sizeof text)
        put(out, text, (size_t)length);
    else if (out->status == BOVW_OK)
        out->status = fail(out->err, BOVW_ERR_LIMIT, "%s: more than %d bytes of markup",
                           out->file->path, FORMAT_BYTES);
}

/* Bytes of the character at text and its code; what is not UTF-8 (Unicode
 * chapter 3, table 3-7) gives U+FFFD for each byte or cut-off sequence. */
static size_t next_character(const unsigned char *text, size_t n_bytes, uint32_t *code)
{
    const unsigned char lead = text[0];
    size_t n_more;
    unsigned char low = 0x80, high = 0xbf; /* of the second byte */

    *code = lead;
    if (lead < 0x80)
        return 1;
    if (lead >= 0xc2 && lead <= 0xdf) {
        n_more = 1;
    } else if (lead >= 0xe0 && lead <= 0xef) {
        n_more = 2;
        low = lead == 0xe0 ? 0xa0 : 0x80;  /* shortest form */
        high = lead == 0xed ? 0x9f : 0xbf; /* no surrogates */
    } else if (lead >= 0xf0 && lead <= 0xf4) {
        n_more = 3;
        low = lead == 0xf0 ? 0x90 : 0x80;
        high = lead == 0xf4 ? 0x8f : 0xbf; /* up to U+10FFFF */
    } else {
        *code = REPLACEMENT;
        return 1;
    }
    uint32_t value = lead & (0x3fu >> n_more);
    for (size_t i = 1; i <= n_more; i++) {
        if (i >= n_bytes || text[i] < low || text[i] > high) {
            *code = REPLACEMENT;
            return i;
        }
        value = value << 6 | (text[i] & 0x3fu);
        low = 0x80;
        high = 0xbf;
    }
    *code = value;
    return n_more + 1;
}

/* Controls and noncharacters are errors in an HTML document. */
static bool is_allowed(uint32_t code)
{
    if (code < 0x20)
        return code == '\n' || code == '\t';
    if ((code >= 0x7f && code <= 0x9f) || (code >= 0xfdd0 && code <= 0xfdef))
        return false;
    return (code & 0xfffe) != 0xfffe && code != REPLACEMENT;
}

static const char *escape_of(uint32_t code)
{
    switch (code) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return is_allowed(code) ? NULL : "\xef\xbf\xbd";
    }
}

static void put_character(html_out *out, const unsigned char *bytes, size_t n_bytes,
                          uint32_t code)
{
    const char *escape = escape_of(code);
    if (escape)
        html_markup(out, escape);
    else
        put(out, bytes, n_bytes);
}

static size_t count_characters(const unsigned char *text, size_t n_bytes)
{
    size_t n = 0;
    uint32_t code;
    for (size_t at = 0; at < n_bytes; n++)
        at += next_character(text + at, n_bytes - at, &code);
    return n;
}

void html_fitted_text(html_out *out, const char *text, html_fit fit)
{
    const unsigned char *bytes = (const unsigned char *)text;
    const size_t n = count_characters(bytes, fit.n_bytes);
    const size_t tail = (fit.max_characters - 1) / 2;
    const size_t head = fit.max_characters - 1 - tail;
    const bool is_long = n > fit.max_characters;
    uint32_t code;
    size_t length;

    for (size_t at = 0, i = 0; at < fit.n_bytes; at += length, i++) {
        length = next_character(bytes + at, fit.n_bytes - at, &code);
        if (is_long && i >= head && i < n - tail) {
            html_markup(out, i == head ? "\xe2\x80\xa6" : "");
            continue;
        }
        put_character(out, bytes + at, length, code);
        if (fit.has_breaks && (code == '/' || code == '_'))
            html_markup(out, "<wbr>");
    }
}

void html_text(html_out *out, const char *text)
{
    html_fitted_text(out, text, (html_fit){strlen(text), SIZE_MAX, false});
}

void html_number(html_out *out, double value, int decimals)
{
    static const uint32_t powers[] = {1, 10, 100, 1000, 10000, 100000, 1000000};
    const uint32_t power = powers[decimals];
    const double scaled = round(fabs(value) * power);

    if (!(scaled < 1e18)) {
        html_markup(out, "\xe2\x80\x93");
        return;
    }
    const uint64_t digits = (uint64_t)scaled;
    html_format(out, "%s%" PRIu64, value < 0 && digits > 0 ? "-" : "", digits / power);
    if (decimals > 0)
        html_format(out, ".%0*" PRIu64, decimals, digits % power);
}

void html_jpeg_address(html_out *out, const uint8_t *jpeg, size_t n_bytes)
{
    char text[BASE64_PIECE / 3 * 4];

    html_markup(out, "data:image/jpeg;base64,");
    for (size_t at = 0; at < n_bytes; at += BASE64_PIECE) {
        const size_t piece = n_bytes - at < BASE64_PIECE ? n_bytes - at : BASE64_PIECE;
        base64_encode(jpeg + at, piece, text);
        put(out, text, base64_length(piece));
    }
}
