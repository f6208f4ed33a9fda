/* SPDX-License-Identifier: MIT
 *
 * UKBench: ukbench00000.jpg to ukbench10199.jpg, four pictures of an object
 * after each other. Each is a query, and counts among what it finds.
 *
 * Nister and Stewenius, "Scalable recognition with a vocabulary tree", CVPR
 * 2006.
 */
#include <stdlib.h>

#include "eval/pictures.h"

enum {
    DIGITS = 5,
    GROUP_SIZE = 4
};

static bovw_status add_picture(void *context, const char *name, bovw_error *err)
{
    const uint32_t number = picture_number(name, "ukbench", DIGITS);
    if (number == NO_CLASS)
        return BOVW_OK;
    return picture_set_add(context,
                           (class_image){.name = name,
                                         .group = number / GROUP_SIZE,
                                         .family = NO_CLASS,
                                         .is_query = true,
                                         .set = "",
                                         .label = ""},
                           err);
}

/* N-S is out of four, so every group must have four. Names are in order. */
static bovw_status check_groups(const picture_set *set, bovw_error *err)
{
    for (uint32_t i = 0; i < set->n; i++) {
        const uint32_t first = i / GROUP_SIZE * GROUP_SIZE;
        const bool is_whole = first + GROUP_SIZE <= set->n;
        if (!is_whole || set->images[i].group != set->images[first].group)
            return fail(err, BOVW_ERR_CORRUPT,
                        "%s: pictures are missing: the group of %s has fewer than four",
                        truth_label(set->truth), set->images[first].name);
    }
    return BOVW_OK;
}

static bovw_status open_ukbench(bovw_truth *truth, bovw_error *err)
{
    picture_set set = {.truth = truth};
    bovw_status status = truth_list_pictures(truth, add_picture, &set, err);
    if (status == BOVW_OK)
        status = check_groups(&set, err);
    if (status != BOVW_OK) {
        free(set.images);
        return status;
    }
    return picture_set_end(&set, true, err);
}

const truth_kind truth_ukbench = {
    .name = "ukbench",
    .summary = "folder of ukbenchNNNNN.jpg",
    .pictures = "full",
    .suffix = ".jpg",
    .open = open_ukbench,
};
