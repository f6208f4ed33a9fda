/* SPDX-License-Identifier: MIT */
#include "io/picture.h"

#include "base/bytes.h"

enum {
    FILE_HEADER_BYTES = 14,
    OLD_HEADER_BYTES = 12, /* of OS/2: 16-bit sizes, palette of three bytes */
    BITFIELDS = 3          /* uncompressed, with masks */
};

/* What stb_image reads. */
static bool is_header_size(uint32_t n)
{
    return n == OLD_HEADER_BYTES || n == 40 || n == 56 || n == 108 || n == 124;
}

bool picture_bmp_matches(const picture_file *file)
{
    const uint8_t *bytes = file->bytes;
    return file->n_bytes >= FILE_HEADER_BYTES + 4 && bytes[0] == 'B' && bytes[1] == 'M' &&
           is_header_size(load_le32(bytes + FILE_HEADER_BYTES));
}

typedef struct bmp_layout {
    size_t offset, row_bytes; /* of the pixels; without padding */
    uint32_t n_bits;          /* a pixel */
    uint32_t n_colours;       /* of the palette */
} bmp_layout;

static size_t padded(size_t row_bytes)
{
    return (row_bytes + 3) / 4 * 4;
}

/* stb_image takes colours behind the palette from memory that it never set. */
static bool colours_are_known(const picture_file *file, const picture_info *info,
                              const bmp_layout *layout)
{
    const uint32_t n_bits = layout->n_bits;
    if (n_bits > 8 || layout->n_colours >= 1u << n_bits)
        return true;
    for (uint32_t y = 0; y < info->height; y++) {
        const uint8_t *row = file->bytes + layout->offset + y * padded(layout->row_bytes);
        for (uint32_t x = 0; x < info->width; x++) {
            const uint32_t shift = 8 - n_bits - x * n_bits % 8;
            if ((row[x * n_bits / 8] >> shift & ((1u << n_bits) - 1)) >= layout->n_colours)
                return false;
        }
    }
    return true;
}

static bovw_status check_pixels(const picture_file *file, const picture_info *info,
                                bmp_layout *layout, bovw_error *err)
{
    const uint32_t header_bytes = load_le32(file->bytes + FILE_HEADER_BYTES);
    const size_t head_end = FILE_HEADER_BYTES + header_bytes;

    layout->offset = load_le32(file->bytes + 10);
    if (layout->offset < head_end)
        return fail(err, BOVW_ERR_CORRUPT, "%s: damaged BMP (offset)", file->name);
    const size_t colour_bytes = header_bytes == OLD_HEADER_BYTES ? 3 : 4;
    const size_t n_colours = (layout->offset - head_end) / colour_bytes;
    if (layout->n_bits <= 8 && (n_colours == 0 || n_colours > 256))
        return fail(err, BOVW_ERR_CORRUPT, "%s: damaged BMP (palette)", file->name);
    layout->n_colours = n_colours < 256 ? (uint32_t)n_colours : 256;

    layout->row_bytes = ((size_t)info->width * layout->n_bits + 7) / 8;
    const size_t n_bytes =
        padded(layout->row_bytes) * (info->height - 1) + layout->row_bytes;
    if (layout->offset > file->n_bytes || n_bytes > file->n_bytes - layout->offset)
        return picture_cut_short(file, "BMP", err);
    if (!colours_are_known(file, info, layout))
        return fail(err, BOVW_ERR_CORRUPT, "%s: damaged BMP (colour outside the palette)",
                    file->name);
    return BOVW_OK;
}

bovw_status picture_bmp_check(const picture_file *file, picture_info *info, bovw_error *err)
{
    const uint8_t *head = file->bytes + FILE_HEADER_BYTES;
    const uint32_t header_bytes = load_le32(head);
    const bool is_old = header_bytes == OLD_HEADER_BYTES;
    if (file->n_bytes < FILE_HEADER_BYTES + header_bytes)
        return picture_cut_short(file, "BMP", err);

    const uint32_t width = is_old ? load_le16(head + 4) : load_le32(head + 4);
    uint32_t height = is_old ? load_le16(head + 6) : load_le32(head + 8);
    if (height >> 31) /* negative: rows from the top */
        height = -height;
    const bovw_status status = picture_set_size(file, width, height, info, err);
    if (status != BOVW_OK)
        return status;

    const uint32_t compression = is_old ? 0 : load_le32(head + 16);
    if (compression != 0 && compression != BITFIELDS)
        return fail(err, BOVW_ERR_FORMAT, "%s: compressed BMP cannot be read (kind %u)",
                    file->name, compression);
    bmp_layout layout = {.n_bits = load_le16(head + (is_old ? 10 : 14))};
    switch (layout.n_bits) {
    case 1:
    case 4:
    case 8:
    case 16:
    case 24:
    case 32:
        return check_pixels(file, info, &layout, err);
    default:
        return fail(err, BOVW_ERR_CORRUPT, "%s: damaged BMP (%u bits a pixel)", file->name,
                    layout.n_bits);
    }
}
