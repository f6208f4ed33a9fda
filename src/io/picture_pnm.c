/* SPDX-License-Identifier: MIT
 *
 * Netpbm's binary grey (P5) and colour (P6) pictures with any largest value
 * up to 65535; samples above 255 take two bytes, the high one first.
 */
#include "io/picture.h"

#include <stdlib.h>

#include "base/memory.h"

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

bool picture_pnm_matches(const picture_file *file)
{
    const uint8_t *bytes = file->bytes;
    return file->n_bytes >= 3 && bytes[0] == 'P' && bytes[1] >= '1' && bytes[1] <= '7' &&
           (is_space(bytes[2]) || bytes[2] == '#');
}

typedef struct pnm_head {
    uint32_t width, height, channels, largest;
    size_t at; /* of the first sample */
} pnm_head;

/* A number behind white space and comments; false where there is none. */
static bool read_number(const picture_file *file, size_t *at, uint32_t *number)
{
    const uint8_t *bytes = file->bytes;
    const size_t n = file->n_bytes;
    while (*at < n && (is_space(bytes[*at]) || bytes[*at] == '#')) {
        if (bytes[*at] == '#') {
            while (*at < n && bytes[*at] != '\n' && bytes[*at] != '\r')
                ++*at;
        } else {
            ++*at;
        }
    }
    const size_t start = *at;
    uint32_t value = 0;
    for (; *at < n && bytes[*at] >= '0' && bytes[*at] <= '9'; ++*at) {
        if (value > 99999999)
            return false;
        value = value * 10 + (bytes[*at] - '0');
    }
    *number = value;
    return *at > start;
}

static bovw_status read_head(const picture_file *file, pnm_head *head, picture_info *info,
                             bovw_error *err)
{
    const uint8_t kind = file->bytes[1];
    if (kind != '5' && kind != '6')
        return fail(err, BOVW_ERR_FORMAT,
                    "%s: PNM of kind P%c cannot be read (P5 and P6 can)", file->name, kind);
    pnm_head read = {.channels = kind == '5' ? 1 : 3, .at = 2};
    if (!read_number(file, &read.at, &read.width) ||
        !read_number(file, &read.at, &read.height) ||
        !read_number(file, &read.at, &read.largest))
        return fail(err, BOVW_ERR_CORRUPT, "%s: damaged PNM (header)", file->name);
    if (read.largest == 0 || read.largest > 65535)
        return fail(err, BOVW_ERR_CORRUPT, "%s: damaged PNM (largest value %u)", file->name,
                    read.largest);
    if (read.at >= file->n_bytes)
        return picture_cut_short(file, "PNM", err);
    if (!is_space(file->bytes[read.at]))
        return fail(err, BOVW_ERR_CORRUPT, "%s: damaged PNM (header)", file->name);
    read.at++; /* exactly one byte of white space: the next may be a sample */
    *head = read;
    return picture_set_size(file, read.width, read.height, info, err);
}

static size_t n_samples(const pnm_head *head)
{
    return (size_t)head->width * head->height * head->channels;
}

bovw_status picture_pnm_check(const picture_file *file, picture_info *info, bovw_error *err)
{
    pnm_head head = {0};
    const bovw_status status = read_head(file, &head, info, err);
    if (status != BOVW_OK)
        return status;
    if (n_samples(&head) * (head.largest > 255 ? 2 : 1) > file->n_bytes - head.at)
        return picture_cut_short(file, "PNM", err);
    return BOVW_OK;
}

/* Sample i as 8 bits, rounded. */
static uint8_t load_sample(const uint8_t *samples, uint32_t largest, size_t i)
{
    const uint32_t value =
        largest > 255 ? (uint32_t)(samples[2 * i] << 8 | samples[2 * i + 1]) : samples[i];
    const uint32_t scaled = (value * 255 + largest / 2) / largest;
    return (uint8_t)(scaled < 255 ? scaled : 255);
}

bovw_status picture_pnm_decode(const picture_file *file, uint32_t channels,
                               bovw_image *image, bovw_error *err)
{
    picture_info info;
    pnm_head head = {0};
    const bovw_status status = read_head(file, &head, &info, err);
    if (status != BOVW_OK)
        return status;
    const size_t n = (size_t)head.width * head.height;
    uint8_t *pixels = malloc(n * channels);
    if (!pixels)
        return fail_memory(err, file->name);
    const uint8_t *samples = file->bytes + head.at;
    for (size_t i = 0; i < n; i++) {
        uint8_t rgb[3];
        for (uint32_t c = 0; c < 3; c++) {
            const size_t at = i * head.channels + (head.channels == 3 ? c : 0);
            rgb[c] = load_sample(samples, head.largest, at);
        }
        if (channels == 1) {
            pixels[i] = head.channels == 1 ? rgb[0] : picture_grey(rgb);
        } else {
            for (uint32_t c = 0; c < 3; c++)
                pixels[3 * i + c] = rgb[c];
        }
    }
    *image = (bovw_image){
        .width = head.width, .height = head.height, .channels = channels, .pixels = pixels};
    return BOVW_OK;
}
