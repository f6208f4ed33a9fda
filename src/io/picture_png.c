/* SPDX-License-Identifier: MIT
 *
 * PNG (ISO/IEC 15948): a signature and a chain of chunks, each with a
 * checksum. stb_image skips the checksums.
 */
#include "io/picture.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum {
    CHUNK_OVERHEAD = 12, /* length, type, checksum */
    PALETTE_BYTES = 3 * 256
};

bool picture_png_matches(const picture_file *file)
{
    static const uint8_t magic[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    return file->n_bytes >= sizeof magic && memcmp(file->bytes, magic, sizeof magic) == 0;
}

static uint32_t load_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* CRC-32 of annex D, four bits at a time. */
static uint32_t crc32_of(const uint8_t *bytes, size_t n)
{
    static const uint32_t table[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
                                       0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
                                       0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
                                       0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < n; i++) {
        crc ^= bytes[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

static bool is_type(const uint8_t *chunk, const char *type)
{
    return memcmp(chunk + 4, type, 4) == 0;
}

/* A chunk whose type starts with a capital letter must be understood. */
static bovw_status check_critical(const picture_file *file, const uint8_t *chunk,
                                  size_t length, bovw_error *err)
{
    if (!is_type(chunk, "IHDR") && !is_type(chunk, "PLTE") && !is_type(chunk, "IDAT") &&
        !is_type(chunk, "IEND"))
        return fail(err, BOVW_ERR_FORMAT, "%s: PNG with an unknown part (%.4s)", file->name,
                    (const char *)chunk + 4);
    if (crc32_of(chunk + 4, length + 4) != load_be32(chunk + 8 + length))
        return fail(err, BOVW_ERR_CORRUPT, "%s: damaged PNG (checksum of %.4s)", file->name,
                    (const char *)chunk + 4);
    return BOVW_OK;
}

bovw_status picture_png_check(const picture_file *file, picture_info *info, bovw_error *err)
{
    bool has_pixels = false;
    size_t at = 8;
    for (bool is_first = true;; is_first = false) {
        const uint8_t *chunk = file->bytes + at;
        const size_t left = file->n_bytes - at;
        if (left < CHUNK_OVERHEAD)
            return picture_cut_short(file, "PNG", err);
        const size_t length = load_be32(chunk);
        if (is_first && (!is_type(chunk, "IHDR") || length != 13))
            return fail(err, BOVW_ERR_CORRUPT, "%s: damaged PNG (no header)", file->name);
        if (length > left - CHUNK_OVERHEAD)
            return picture_cut_short(file, "PNG", err);
        bovw_status status = BOVW_OK;
        if (chunk[4] >= 'A' && chunk[4] <= 'Z')
            status = check_critical(file, chunk, length, err);
        if (status == BOVW_OK && is_first)
            status = picture_set_size(file, load_be32(chunk + 8), load_be32(chunk + 12),
                                      info, err);
        if (status != BOVW_OK)
            return status;
        if (is_type(chunk, "IDAT"))
            has_pixels = true;
        if (is_type(chunk, "IEND"))
            break;
        at += CHUNK_OVERHEAD + length;
    }
    if (!has_pixels)
        return fail(err, BOVW_ERR_CORRUPT, "%s: damaged PNG (no pixels)", file->name);
    return BOVW_OK;
}

bovw_status picture_png_fill_palette(const picture_file *file, uint8_t **bytes,
                                     size_t *n_bytes, bovw_error *err)
{
    size_t at = 8;
    while (!is_type(file->bytes + at, "PLTE") && !is_type(file->bytes + at, "IDAT"))
        at += CHUNK_OVERHEAD + load_be32(file->bytes + at);
    const size_t length = load_be32(file->bytes + at);
    *bytes = NULL;
    if (!is_type(file->bytes + at, "PLTE") || length >= PALETTE_BYTES || length == 0 ||
        length % 3 != 0)
        return BOVW_OK;

    const size_t n_added = PALETTE_BYTES - length, end = at + 8 + length;
    uint8_t *filled = malloc(file->n_bytes + n_added);
    if (!filled)
        return fail_memory(err, file->name);
    memcpy(filled, file->bytes, end);
    memset(filled + end, 0, n_added);
    memcpy(filled + end + n_added, file->bytes + end, file->n_bytes - end);
    filled[at + 2] = PALETTE_BYTES >> 8;
    filled[at + 3] = PALETTE_BYTES & 0xff;
    *bytes = filled;
    *n_bytes = file->n_bytes + n_added;
    return BOVW_OK;
}
