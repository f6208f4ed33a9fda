/* base64.h - bytes as text for data: addresses (RFC 4648, section 4). */
#ifndef REPORT_BASE64_H
#define REPORT_BASE64_H

#include <stddef.h>
#include <stdint.h>

/* Characters that n_bytes take, padding included. */
static inline size_t base64_length(size_t n_bytes)
{
    return n_bytes / 3 * 4 + (n_bytes % 3 ? 4 : 0);
}

/* Write exactly base64_length(n_bytes) characters and no zero. Pieces whose
 * sizes are multiples of 3 can be encoded one after the other. */
void base64_encode(const uint8_t *bytes, size_t n_bytes, char *text);

#endif
