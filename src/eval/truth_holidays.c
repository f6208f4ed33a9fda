/* SPDX-License-Identifier: MIT
 *
 * INRIA Holidays: pictures NNNNNN.jpg, whose first four digits are the group
 * and whose last two the place in it; 00 is the query.
 *
 * Jegou, Douze and Schmid, "Hamming embedding and weak geometric consistency
 * for large scale image search", ECCV 2008.
 */
#include <stdlib.h>

#include "base/file.h"
#include "base/lines.h"
#include "eval/pictures.h"

enum {
    DIGITS = 6,
    GROUP_SIZE = 100
};

static bovw_status add_number(picture_set *set, const char *name, uint32_t number,
                              bovw_error *err)
{
    return picture_set_add(set,
                           (class_image){.name = name,
                                         .group = number / GROUP_SIZE,
                                         .family = NO_CLASS,
                                         .is_query = number % GROUP_SIZE == 0,
                                         .set = "",
                                         .label = ""},
                           err);
}

/* Other pictures in the folder are passed over. */
static bovw_status add_picture(void *context, const char *name, bovw_error *err)
{
    const uint32_t number = picture_number(name, "", DIGITS);
    return number == NO_CLASS ? BOVW_OK : add_number(context, name, number, err);
}

/* The list that the data set's evaluation comes with: a name a line. */
static bovw_status read_list(picture_set *set, const char *path, bovw_error *err)
{
    lines in;
    bovw_status status = lines_open(path, &in, err);
    char *line;
    while (status == BOVW_OK && (line = lines_next(&in))) {
        const char *name = lines_word(&line);
        const uint32_t number = name ? picture_number(name, "", DIGITS) : NO_CLASS;
        if (number == NO_CLASS || lines_word(&line))
            status = fail(err, BOVW_ERR_CORRUPT, "%s: line %u: want a name NNNNNN.jpg",
                          in.label, in.line);
        else
            status = add_number(set, name, number, err);
    }
    lines_close(&in);
    return status;
}

static bovw_status open_holidays(bovw_truth *truth, bovw_error *err)
{
    picture_set set = {.truth = truth};
    char *list = file_join(truth->path, "holidays_images.dat");
    bovw_status status;
    if (!list)
        return fail_memory(err, truth->path);
    if (file_exists(list))
        status = read_list(&set, list, err);
    else
        status = truth_list_pictures(truth, add_picture, &set, err);
    free(list);
    if (status != BOVW_OK) {
        free(set.images);
        return status;
    }
    return picture_set_end(&set, false, err);
}

const truth_kind truth_holidays = {
    .name = "holidays",
    .summary = "folder of NNNNNN.jpg, or of holidays_images.dat",
    .pictures = "jpg",
    .suffix = ".jpg",
    .open = open_holidays,
};
