/* SPDX-License-Identifier: MIT
 *
 * INRIA Copydays: original/NNNN00.jpg, and copies in folders beside it, such as
 * strong/NNNNVV.jpg, crops/10/NNNN00.jpg and jpegqual/3/NNNN00.jpg. Copies look
 * for their original.
 *
 * Douze, Jegou, Sandhawalia, Amsaleg and Schmid, "Evaluation of GIST descriptors
 * for web-scale image search", CIVR 2009.
 */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "eval/pictures.h"

enum {
    DIGITS = 6,
    GROUP_SIZE = 100
};

static const char originals[] = "original";

/* The pictures of one folder, whose path below the data set is `block`. */
static bovw_status add_folder(picture_set *set, const char *block, bovw_error *err)
{
    char *folder = file_join(set->truth->path, block), **names = NULL;
    size_t n = 0;
    if (!folder)
        return fail_memory(err, set->truth->path);
    const bool is_outside = strcmp(block, originals) != 0;
    const char *kept = NULL;
    bovw_status status = file_list(folder, &names, &n, err);
    for (size_t i = 0; status == BOVW_OK && i < n; i++) {
        const uint32_t number = picture_number(names[i], "", DIGITS);
        if (number == NO_CLASS)
            continue;
        if (!kept)
            kept = truth_keep(set->truth, mem_text(block));
        char *name = file_join(block, names[i]);
        if (!name || !kept)
            status = fail_memory(err, folder);
        else
            status = picture_set_add(set,
                                     (class_image){.name = name,
                                                   .group = number / GROUP_SIZE,
                                                   .family = NO_CLASS,
                                                   .is_query = is_outside,
                                                   .is_outside = is_outside,
                                                   .set = kept,
                                                   .label = ""},
                                     err);
        free(name);
    }
    file_list_free(names, n);
    free(folder);
    return status;
}

/* The folder `block` and those below it, `depth` levels down. */
static bovw_status walk(picture_set *set, const char *block, int depth, bovw_error *err)
{
    char *folder = file_join(set->truth->path, block), **names = NULL;
    size_t n = 0;
    if (!folder)
        return fail_memory(err, set->truth->path);
    bovw_status status = *block ? add_folder(set, block, err) : BOVW_OK;
    if (status == BOVW_OK && depth > 0)
        status = file_list(folder, &names, &n, err);
    for (size_t i = 0; status == BOVW_OK && i < n; i++) {
        char *below = *block ? file_join(block, names[i]) : mem_text(names[i]);
        char *path = below ? file_join(set->truth->path, below) : NULL;
        if (!path)
            status = fail_memory(err, folder);
        else if (file_is_folder(path))
            status = walk(set, below, depth - 1, err);
        free(path);
        free(below);
    }
    file_list_free(names, n);
    free(folder);
    return status;
}

static bovw_status open_copydays(bovw_truth *truth, bovw_error *err)
{
    picture_set set = {.truth = truth};
    bovw_status status = BOVW_OK;
    char *folder = file_join(truth->path, originals);
    if (!folder)
        return fail_memory(err, truth->path);
    if (!file_is_folder(folder))
        status = fail(err, BOVW_ERR_FORMAT, "%s: no folder %s", truth->path, originals);
    free(folder);
    if (status == BOVW_OK)
        status = walk(&set, "", 2, err);
    if (status != BOVW_OK) {
        free(set.images);
        return status;
    }
    return picture_set_end(&set, true, err);
}

const truth_kind truth_copydays = {
    .name = "copydays",
    .summary = "folder with original/ and folders of copies",
    .suffix = ".jpg",
    .open = open_copydays,
};
