/* html.h - write markup, text and inlined pictures to a new file.
 *
 * The first failure is kept, and everything after it does nothing, so a page
 * is written as one run of calls and checked once at its end.
 */
#ifndef REPORT_HTML_H
#define REPORT_HTML_H

#include <stdbool.h>

#include "base/file.h"

typedef struct html_out {
    new_file *file; /* borrowed */
    bovw_status status;
    bovw_error *err; /* of the call that is under way; may be NULL */
} html_out;

/* Markup that is our own, as it is. */
void html_markup(html_out *out, const char *markup);

/* The same with numbers in it. */
void html_format(html_out *out, const char *format, ...) PRINTF_LIKE(2, 3);

/* Text from outside, for element content and quoted attributes alike: the five
 * special characters are escaped; invalid UTF-8, and characters that HTML does
 * not allow, become U+FFFD. Lines and tabs stay. */
void html_text(html_out *out, const char *text);

/* How much of a text is shown, and where a line may end in it. */
typedef struct html_fit {
    size_t n_bytes;        /* the part [0, n_bytes) of the text */
    size_t max_characters; /* longer ones lose their middle to U+2026; >= 3 */
    bool has_breaks;       /* a line may end after '/' and '_'; not in attributes */
} html_fit;
void html_fitted_text(html_out *out, const char *text, html_fit fit);

/* A number with so many decimals (0 to 6), the same in every locale; a dash
 * where it is not finite. */
void html_number(html_out *out, double value, int decimals);

/* "data:image/jpeg;base64,...". */
void html_jpeg_address(html_out *out, const uint8_t *jpeg, size_t n_bytes);

#endif
