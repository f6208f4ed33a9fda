/* SPDX-License-Identifier: MIT
 *
 * Truevision TGA has no signature, and stb_image takes much for one: all
 * fields of the header must fit together here.
 */
#include "io/picture.h"

#include "base/bytes.h"

enum {
    HEADER_BYTES = 18,
    PALETTE = 1,
    COLOUR = 2,
    GREY = 3,
    RUN_LENGTH = 8, /* added to these */
    FROM_RIGHT = 0x10,
    RESERVED = 0xc0
};

typedef struct tga_head {
    uint32_t kind; /* without RUN_LENGTH */
    bool is_run_length;
    uint32_t palette_start, palette_n, palette_bits;
    uint32_t width, height, n_bits, flags;
} tga_head;

static bool is_sample_size(uint32_t n_bits)
{
    return n_bits == 15 || n_bits == 16 || n_bits == 24 || n_bits == 32;
}

static bool read_head(const picture_file *file, tga_head *head)
{
    const uint8_t *bytes = file->bytes;
    if (file->n_bytes < HEADER_BYTES)
        return false;
    *head = (tga_head){.kind = bytes[2] & (uint32_t)~RUN_LENGTH,
                       .is_run_length = bytes[2] & RUN_LENGTH,
                       .palette_start = load_le16(bytes + 3),
                       .palette_n = load_le16(bytes + 5),
                       .palette_bits = bytes[7],
                       .width = load_le16(bytes + 12),
                       .height = load_le16(bytes + 14),
                       .n_bits = bytes[16],
                       .flags = bytes[17]};
    const uint32_t n_bits = head->n_bits;
    if (head->width == 0 || head->height == 0 || head->flags & RESERVED ||
        (head->flags & 15) > 8)
        return false;
    switch (head->kind) {
    case PALETTE:
        return bytes[1] == 1 && (n_bits == 8 || n_bits == 16) && head->palette_n > 0 &&
               (is_sample_size(head->palette_bits) || head->palette_bits == 8);
    case COLOUR:
        return bytes[1] == 0 && is_sample_size(n_bits) && head->palette_n == 0;
    case GREY:
        return bytes[1] == 0 && (n_bits == 8 || n_bits == 16) && head->palette_n == 0;
    default:
        return false;
    }
}

bool picture_tga_matches(const picture_file *file)
{
    tga_head head;
    return read_head(file, &head);
}

/* Do the packets that start at `at` make n_pixels? */
static bool runs_are_complete(const picture_file *file, size_t at, size_t pixel_bytes,
                              size_t n_pixels)
{
    size_t n = 0;
    while (n < n_pixels) {
        if (at >= file->n_bytes)
            return false;
        const uint8_t packet = file->bytes[at];
        const size_t length = (packet & 127u) + 1;
        at += 1 + (packet & 128 ? 1 : length) * pixel_bytes;
        n += length;
        /* The last packet may promise more than the picture needs. */
        if (at > file->n_bytes && (packet & 128 || n <= n_pixels))
            return false;
    }
    return at <= file->n_bytes;
}

bovw_status picture_tga_check(const picture_file *file, picture_info *info, bovw_error *err)
{
    tga_head head = {0};
    if (!read_head(file, &head))
        return fail(err, BOVW_ERR_FORMAT, "%s: not a TGA file", file->name);
    const bovw_status status = picture_set_size(file, head.width, head.height, info, err);
    if (status != BOVW_OK)
        return status;
    if (head.flags & FROM_RIGHT || head.palette_start != 0)
        return fail(err, BOVW_ERR_FORMAT, "%s: TGA of a kind that cannot be read (%s)",
                    file->name,
                    head.flags & FROM_RIGHT ? "right to left" : "part of a palette");

    const size_t pixel_bytes = (head.n_bits + 7) / 8;
    const size_t n_pixels = (size_t)head.width * head.height;
    const size_t palette_bytes = (size_t)head.palette_n * ((head.palette_bits + 7) / 8);
    const size_t at = HEADER_BYTES + file->bytes[0] + palette_bytes;
    const bool is_complete =
        head.is_run_length
            ? runs_are_complete(file, at, pixel_bytes, n_pixels)
            : at <= file->n_bytes && n_pixels * pixel_bytes <= file->n_bytes - at;
    return is_complete ? BOVW_OK : picture_cut_short(file, "TGA", err);
}
