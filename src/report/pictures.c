/* SPDX-License-Identifier: MIT */
#include "report/pictures.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/monitor.h"
#include "report/thumbnail.h"

enum {
    BLOCK = 64,     /* thumbnails in memory at a time */
    MAX_SIDE = 4096 /* larger wishes are cut down to this */
};

/* ---- keys ----------------------------------------------------------------- */

/* Where the key is or would be; the table has room. */
static size_t place_of(const key_table *table, uint64_t key)
{
    size_t at = (size_t)key & (table->size - 1);
    while (table->values[at] != PICTURE_NONE && table->keys[at] != key)
        at = (at + 1) & (table->size - 1);
    return at;
}

static bool make_room(key_table *table)
{
    if (table->n < table->size / 2)
        return true;
    key_table larger = {.n = table->n, .size = table->size ? 2 * table->size : 256};
    larger.keys = mem_array(larger.size, sizeof *larger.keys);
    larger.values = mem_array(larger.size, sizeof *larger.values);
    if (!larger.keys || !larger.values) {
        free(larger.keys);
        free(larger.values);
        return false;
    }
    for (size_t i = 0; i < larger.size; i++)
        larger.values[i] = PICTURE_NONE;
    for (size_t i = 0; i < table->size; i++) {
        if (table->values[i] == PICTURE_NONE)
            continue;
        const size_t at = place_of(&larger, table->keys[i]);
        larger.keys[at] = table->keys[i];
        larger.values[at] = table->values[i];
    }
    free(table->keys);
    free(table->values);
    *table = larger;
    return true;
}

/* The value of a key, which is `otherwise` from now on where it had none.
 * PICTURE_NONE without memory. */
static uint32_t value_of(key_table *table, uint64_t key, uint32_t otherwise)
{
    if (!make_room(table))
        return PICTURE_NONE;
    const size_t at = place_of(table, key);
    if (table->values[at] == PICTURE_NONE) {
        table->keys[at] = key;
        table->values[at] = otherwise;
        table->n++;
    }
    return table->values[at];
}

/* ---- the set --------------------------------------------------------------- */

void pictures_free(picture_set *set)
{
    for (uint32_t i = 0; i < set->n; i++) {
        free(set->pictures[i].file);
        free(set->pictures[i].reason);
    }
    free(set->pictures);
    free(set->files.keys);
    free(set->files.values);
    free(set->contents.keys);
    free(set->contents.values);
    *set = (picture_set){0};
}

bovw_status pictures_add(picture_set *set, const char *file, uint32_t *number,
                         bovw_error *err)
{
    *number = PICTURE_NONE;
    if (!file || strcmp(file, "-") == 0)
        return BOVW_OK;
    const uint32_t same = value_of(&set->files, hash64(file, strlen(file)), set->n);
    if (same == PICTURE_NONE)
        return fail_memory(err, file);
    if (same < set->n && strcmp(set->pictures[same].file, file) == 0) {
        *number = same;
        return BOVW_OK;
    }
    char *copy = mem_text(file);
    if (!copy ||
        !mem_grow(&set->pictures, &set->capacity, set->n + 1, sizeof *set->pictures)) {
        free(copy);
        return fail_memory(err, file);
    }
    set->pictures[set->n] = (page_picture){.file = copy};
    *number = set->n++;
    return BOVW_OK;
}

/* So that pages of a few and of thousands are both worth looking at: the
 * pictures of one take some 20 MB at most. */
static uint32_t side_for(uint32_t n_pictures)
{
    return n_pictures <= 100    ? 360
           : n_pictures <= 1000 ? 240
           : n_pictures <= 4000 ? 160
                                : 112;
}

/* Error texts start with the name, which stands beside the picture anyway. */
static char *reason_of(const page_picture *picture, const char *text)
{
    const size_t n = strlen(picture->file);
    if (strncmp(text, picture->file, n) == 0 && text[n] == ':' && text[n + 1] == ' ')
        text += n + 2;
    return mem_text(text);
}

/* Note what became of a picture and write it, unless an equal one was. */
static bovw_status write_picture(picture_set *set, uint32_t number, const thumbnail *made,
                                 html_out *out)
{
    page_picture *picture = &set->pictures[number];
    uint8_t id[16];
    uint64_t halves[2];

    if (!made->jpeg) {
        set->n_missing++;
        picture->reason = reason_of(picture, made->reason.text);
        return picture->reason ? BOVW_OK : fail_memory(out->err, picture->file);
    }
    hash128(made->jpeg, made->n_bytes, id);
    memcpy(halves, id, sizeof halves);
    picture->width = made->width;
    picture->height = made->height;
    picture->n_bytes = (uint32_t)made->n_bytes;
    picture->check = halves[1];
    const uint32_t same = value_of(&set->contents, halves[0], number);
    if (same == PICTURE_NONE)
        return fail_memory(out->err, picture->file);
    picture->shown_as = number;
    if (same != number && set->pictures[same].check == picture->check &&
        set->pictures[same].n_bytes == picture->n_bytes) {
        picture->shown_as = same;
        return BOVW_OK;
    }
    html_format(out, ".p%u{background-image:url(", number);
    html_jpeg_address(out, made->jpeg, made->n_bytes);
    html_markup(out, ")}\n");
    set->n_inlined++;
    set->n_bytes += made->n_bytes;
    return out->status;
}

static bovw_status write_block(picture_set *set, uint32_t first, size_t n, html_out *out,
                               const bovw_compute *compute)
{
    const char *files[BLOCK];
    thumbnail made[BLOCK];

    for (size_t i = 0; i < n; i++)
        files[i] = set->pictures[first + i].file;
    bovw_status status = thumbnails_make(files, n, set->side, compute, made, out->err);
    if (status != BOVW_OK)
        return status;
    html_markup(out, "<style>\n");
    for (size_t i = 0; status == BOVW_OK && i < n; i++)
        status = write_picture(set, first + (uint32_t)i, &made[i], out);
    html_markup(out, "</style>\n");
    thumbnails_free(made, n);
    return status == BOVW_OK ? out->status : status;
}

bovw_status pictures_write(picture_set *set, uint32_t side, uint32_t most, html_out *out,
                           const bovw_compute *compute, const bovw_monitor *monitor)
{
    const uint32_t n = set->n < most ? set->n : most;
    bovw_status status = out->status;

    set->side = side == 0 ? side_for(n) : side < MAX_SIDE ? side : MAX_SIDE;
    for (uint32_t first = 0; status == BOVW_OK && first < n; first += BLOCK) {
        status = monitor_progress(monitor, "pictures of the page", first, n, out->err);
        if (status != BOVW_OK)
            return status;
        status =
            write_block(set, first, n - first < BLOCK ? n - first : BLOCK, out, compute);
    }
    for (uint32_t i = n; status == BOVW_OK && i < set->n; i++) {
        set->n_missing++;
        set->pictures[i].reason = mem_format("not shown: a page has at most %u", most);
        if (!set->pictures[i].reason)
            status = fail_memory(out->err, set->pictures[i].file);
    }
    return status;
}
