/* SPDX-License-Identifier: MIT
 *
 * GIF89a: a header, then blocks, of which the first picture is wanted. Data
 * come in sub-blocks of up to 255 bytes; one of length 0 ends them.
 */
#include "io/picture.h"

#include <string.h>

#include "base/bytes.h"

enum {
    HEADER_BYTES = 13,
    FRAME_BYTES = 10, /* with the introducer */
    EXTENSION = 0x21,
    FRAME = 0x2c,
    TRAILER = 0x3b,
    MAX_CODE_SIZE = 11
};

bool picture_gif_matches(const picture_file *file)
{
    return file->n_bytes >= 6 &&
           (memcmp(file->bytes, "GIF87a", 6) == 0 || memcmp(file->bytes, "GIF89a", 6) == 0);
}

static bovw_status damaged(const picture_file *file, const char *what, bovw_error *err)
{
    return fail(err, BOVW_ERR_CORRUPT, "%s: damaged GIF (%s)", file->name, what);
}

/* Bytes of the colour table that such flags announce. */
static size_t table_bytes(uint8_t flags)
{
    return flags & 0x80 ? (size_t)3 << ((flags & 7) + 1) : 0;
}

/* Move *at behind the sub-blocks that start there; false if they do not end. */
static bool skip_blocks(const picture_file *file, size_t *at)
{
    while (*at < file->n_bytes) {
        const size_t length = file->bytes[*at];
        *at += 1 + length;
        if (length == 0)
            return true;
    }
    return false;
}

/* `at` is at the introducer of the first frame. */
static bovw_status check_frame(const picture_file *file, const picture_info *info,
                               size_t at, bovw_error *err)
{
    const uint8_t *frame = file->bytes + at;
    if (file->n_bytes - at < FRAME_BYTES)
        return picture_cut_short(file, "GIF", err);
    const uint32_t width = load_le16(frame + 5), height = load_le16(frame + 7);
    if (width == 0 || height == 0 || load_le16(frame + 1) + width > info->width ||
        load_le16(frame + 3) + height > info->height)
        return damaged(file, "frame", err);
    if (!((frame[9] | file->bytes[10]) & 0x80))
        return damaged(file, "no colours", err);
    at += FRAME_BYTES + table_bytes(frame[9]);
    if (at >= file->n_bytes)
        return picture_cut_short(file, "GIF", err);
    if (file->bytes[at] > MAX_CODE_SIZE)
        return damaged(file, "code size", err);
    at++;
    if (!skip_blocks(file, &at))
        return picture_cut_short(file, "GIF", err);
    /* Zeros here are the rest of a file of which only the start was written. */
    if (at < file->n_bytes && file->bytes[at] == 0)
        return damaged(file, "frame", err);
    return BOVW_OK;
}

bovw_status picture_gif_check(const picture_file *file, picture_info *info, bovw_error *err)
{
    if (file->n_bytes < HEADER_BYTES)
        return picture_cut_short(file, "GIF", err);
    const bovw_status status = picture_set_size(file, load_le16(file->bytes + 6),
                                                load_le16(file->bytes + 8), info, err);
    if (status != BOVW_OK)
        return status;

    size_t at = HEADER_BYTES + table_bytes(file->bytes[10]);
    while (at < file->n_bytes) {
        switch (file->bytes[at]) {
        case FRAME:
            return check_frame(file, info, at, err);
        case EXTENSION:
            at += 2;
            if (!skip_blocks(file, &at))
                return picture_cut_short(file, "GIF", err);
            break;
        case TRAILER:
            return damaged(file, "no frame", err);
        default:
            return damaged(file, "unknown block", err);
        }
    }
    return picture_cut_short(file, "GIF", err);
}
