/* SPDX-License-Identifier: MIT
 *
 * ITU-T T.81, annex B: a JPEG file is a chain of segments, each behind a
 * marker; after a scan header follow coded data, in which a marker can be told
 * by the byte after 0xFF.
 */
#include "io/picture.h"

#include <string.h>

enum {
    SOI = 0xd8,
    EOI = 0xd9,
    SOS = 0xda,
    DQT = 0xdb,
    DHT = 0xc4,
    JPG = 0xc8,
    DAC = 0xcc,
    TEM = 0x01,
    APP1 = 0xe1,
    APP14 = 0xee,
    MAX_SCANS = 500 /* a sound file has about ten; each costs a pass over the picture */
};

typedef struct jpeg_walk {
    const picture_file *file;
    picture_info *info;
    size_t at;
    uint32_t n_components; /* 0 before the frame header */
    uint8_t ids[4], quantisers[4];
    bool is_progressive, is_adobe, has_exif;
    uint32_t dc_tables, ac_tables, quantiser_tables; /* bit i: table i is defined */
    uint32_t components_seen;                        /* bit i: in a scan */
    uint32_t n_scans;
} jpeg_walk;

/* The contents of one segment. */
typedef struct segment {
    const uint8_t *bytes;
    size_t n;
} segment;

bool picture_jpeg_matches(const picture_file *file)
{
    static const uint8_t magic[3] = {0xff, SOI, 0xff};
    return file->n_bytes >= sizeof magic && memcmp(file->bytes, magic, sizeof magic) == 0;
}

static bovw_status damaged(const jpeg_walk *walk, const char *what, bovw_error *err)
{
    return fail(err, BOVW_ERR_CORRUPT, "%s: damaged JPEG (%s)", walk->file->name, what);
}

static bovw_status read_huffman(jpeg_walk *walk, segment s, bovw_error *err)
{
    while (s.n > 0) {
        if (s.n < 17 || s.bytes[0] >> 4 > 1 || (s.bytes[0] & 15) > 3)
            return damaged(walk, "Huffman table", err);
        size_t n_codes = 0;
        for (int i = 1; i <= 16; i++)
            n_codes += s.bytes[i];
        if (n_codes > 256 || s.n < 17 + n_codes)
            return damaged(walk, "Huffman table", err);
        uint32_t *tables = s.bytes[0] >> 4 ? &walk->ac_tables : &walk->dc_tables;
        *tables |= 1u << (s.bytes[0] & 15);
        s.bytes += 17 + n_codes;
        s.n -= 17 + n_codes;
    }
    return BOVW_OK;
}

static bovw_status read_quantisers(jpeg_walk *walk, segment s, bovw_error *err)
{
    while (s.n > 0) {
        const size_t table_bytes = s.bytes[0] >> 4 ? 129 : 65;
        if (s.bytes[0] >> 4 > 1 || (s.bytes[0] & 15) > 3 || s.n < table_bytes)
            return damaged(walk, "quantisation table", err);
        walk->quantiser_tables |= 1u << (s.bytes[0] & 15);
        s.bytes += table_bytes;
        s.n -= table_bytes;
    }
    return BOVW_OK;
}

static bovw_status read_frame(jpeg_walk *walk, int marker, segment s, bovw_error *err)
{
    const char *name = walk->file->name;
    if (marker > 0xc2)
        return fail(err, BOVW_ERR_FORMAT,
                    "%s: JPEG of a kind that cannot be read (lossless or arithmetic, "
                    "type %d)",
                    name, marker - 0xc0);
    if (walk->n_components > 0)
        return damaged(walk, "two frames", err);
    if (s.n < 6 || s.n != 6 + 3 * (size_t)s.bytes[5])
        return damaged(walk, "frame header", err);
    if (s.bytes[0] != 8)
        return fail(err, BOVW_ERR_FORMAT, "%s: JPEG of %u bits a sample cannot be read",
                    name, s.bytes[0]);
    const uint32_t n = s.bytes[5];
    if (n != 1 && n != 3 && n != 4)
        return fail(err, BOVW_ERR_FORMAT, "%s: JPEG of %u components cannot be read", name,
                    n);
    const bovw_status status =
        picture_set_size(walk->file, (uint32_t)(s.bytes[3] << 8 | s.bytes[4]),
                         (uint32_t)(s.bytes[1] << 8 | s.bytes[2]), walk->info, err);
    if (status != BOVW_OK)
        return status;
    walk->is_progressive = marker == 0xc2;
    walk->n_components = n;
    for (uint32_t i = 0; i < n; i++) {
        walk->ids[i] = s.bytes[6 + 3 * i];
        walk->quantisers[i] = s.bytes[8 + 3 * i];
    }
    return BOVW_OK;
}

static bovw_status read_scan(jpeg_walk *walk, segment s, bovw_error *err)
{
    if (walk->n_components == 0)
        return damaged(walk, "scan before frame", err);
    if (s.n < 1 || s.n != 4 + 2 * (size_t)s.bytes[0])
        return damaged(walk, "scan header", err);
    if (++walk->n_scans > MAX_SCANS)
        return damaged(walk, "too many scans", err);

    const uint32_t n = s.bytes[0];
    const uint32_t first = s.bytes[1 + 2 * n]; /* first coefficient of the scan */
    const bool is_refinement = s.bytes[3 + 2 * n] >> 4 != 0;
    const bool needs_dc = !walk->is_progressive || (first == 0 && !is_refinement);
    const bool needs_ac = !walk->is_progressive || first > 0;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t id = s.bytes[1 + 2 * i], tables = s.bytes[2 + 2 * i];
        uint32_t c = 0;
        while (c < walk->n_components && walk->ids[c] != id)
            c++;
        if (c == walk->n_components || tables >> 4 > 3 || (tables & 15) > 3)
            return damaged(walk, "scan header", err);
        if ((needs_dc && !(walk->dc_tables >> (tables >> 4) & 1)) ||
            (needs_ac && !(walk->ac_tables >> (tables & 15) & 1)))
            return damaged(walk, "Huffman table is missing", err);
        if (walk->quantisers[c] > 3 || !(walk->quantiser_tables >> walk->quantisers[c] & 1))
            return damaged(walk, "quantisation table is missing", err);
        walk->components_seen |= 1u << c;
    }
    return BOVW_OK;
}

/* Leave `at` at the 0xFF of the marker behind the coded data. */
static void skip_coded_data(jpeg_walk *walk)
{
    const uint8_t *bytes = walk->file->bytes;
    const size_t n = walk->file->n_bytes;
    while (walk->at < n) {
        const uint8_t *ff = memchr(bytes + walk->at, 0xff, n - walk->at);
        walk->at = ff ? (size_t)(ff - bytes) : n;
        if (walk->at + 1 >= n) {
            walk->at = n;
            return;
        }
        const uint8_t next = ff[1];
        if (next != 0 && next != 0xff && (next < 0xd0 || next > 0xd7))
            return;
        walk->at += next == 0xff ? 1 : 2;
    }
}

/* The next marker, 0 at the end of the file; `at` is behind it. */
static int next_marker(jpeg_walk *walk)
{
    const uint8_t *bytes = walk->file->bytes;
    const size_t n = walk->file->n_bytes;
    while (walk->at < n && bytes[walk->at] != 0xff)
        walk->at++;
    while (walk->at < n && bytes[walk->at] == 0xff)
        walk->at++;
    return walk->at < n ? bytes[walk->at++] : 0;
}

static bovw_status read_segment(jpeg_walk *walk, int marker, segment s, bovw_error *err)
{
    switch (marker) {
    case DHT:
        return read_huffman(walk, s, err);
    case DQT:
        return read_quantisers(walk, s, err);
    case SOS: {
        const bovw_status status = read_scan(walk, s, err);
        if (status == BOVW_OK)
            skip_coded_data(walk);
        return status;
    }
    case APP1:
        if (!walk->has_exif && s.n >= 6 && memcmp(s.bytes, "Exif\0", 6) == 0) {
            walk->has_exif = true;
            walk->info->orientation = picture_exif_orientation(s.bytes, s.n);
        }
        return BOVW_OK;
    case APP14:
        if (s.n >= 12 && memcmp(s.bytes, "Adobe", 5) == 0)
            walk->is_adobe = true;
        return BOVW_OK;
    default:
        if (marker >= 0xc0 && marker <= 0xcf && marker != JPG && marker != DAC)
            return read_frame(walk, marker, s, err);
        return BOVW_OK;
    }
}

static bovw_status check_end(const jpeg_walk *walk, bovw_error *err)
{
    if (walk->n_components == 0)
        return damaged(walk, "no frame", err);
    if (walk->components_seen != (1u << walk->n_components) - 1)
        return damaged(walk, "components without data", err);
    /* Without Adobe's mark nobody knows whether four components are CMYK. */
    if (walk->n_components == 4 && !walk->is_adobe)
        return fail(err, BOVW_ERR_FORMAT,
                    "%s: JPEG of four components without Adobe's mark cannot be read",
                    walk->file->name);
    return BOVW_OK;
}

bovw_status picture_jpeg_check(const picture_file *file, picture_info *info,
                               bovw_error *err)
{
    jpeg_walk walk = {.file = file, .info = info, .at = 2};
    bovw_status status = BOVW_OK;
    while (status == BOVW_OK) {
        const int marker = next_marker(&walk);
        if (marker == EOI)
            return check_end(&walk, err);
        if (marker == SOI || marker == TEM || (marker >= 0xd0 && marker <= 0xd7))
            continue;
        const uint8_t *bytes = file->bytes + walk.at;
        const size_t left = file->n_bytes - walk.at;
        if (marker == 0 || left < 2)
            return picture_cut_short(file, "JPEG", err);
        const size_t length = (size_t)bytes[0] << 8 | bytes[1];
        if (length < 2)
            return damaged(&walk, "segment length", err);
        if (length > left)
            return picture_cut_short(file, "JPEG", err);
        walk.at += length;
        status = read_segment(&walk, marker, (segment){bytes + 2, length - 2}, err);
    }
    return status;
}
