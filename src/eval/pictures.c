/* SPDX-License-Identifier: MIT */
#include "eval/pictures.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

bovw_status picture_set_add(picture_set *set, class_image image, bovw_error *err)
{
    image.name = truth_keep(set->truth, mem_text(image.name));
    if (!image.name ||
        !mem_grow(&set->images, &set->capacity, (size_t)set->n + 1, sizeof *set->images))
        return fail_memory(err, truth_label(set->truth));
    set->images[set->n++] = image;
    return BOVW_OK;
}

uint32_t picture_number(const char *name, const char *prefix, size_t n_digits)
{
    const size_t skipped = strlen(prefix);
    uint32_t number = 0;
    if (strncmp(name, prefix, skipped) != 0)
        return NO_CLASS;
    for (size_t i = 0; i < n_digits; i++) {
        const char c = name[skipped + i];
        if (c < '0' || c > '9')
            return NO_CLASS;
        number = 10 * number + (uint32_t)(c - '0');
    }
    return strcmp(name + skipped + n_digits, ".jpg") == 0 ? number : NO_CLASS;
}

static int compare_numbers(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Replace each group by its place among the distinct ones. */
static bool number_groups(picture_set *set)
{
    uint32_t *sorted = mem_array(set->n, sizeof *sorted);
    uint32_t n = 0;
    if (!sorted)
        return false;
    for (uint32_t i = 0; i < set->n; i++)
        sorted[i] = set->images[i].group;
    qsort(sorted, set->n, sizeof *sorted, compare_numbers);
    for (uint32_t i = 0; i < set->n; i++) {
        if (i == 0 || sorted[i] != sorted[i - 1])
            sorted[n++] = sorted[i];
    }
    for (uint32_t i = 0; i < set->n; i++) {
        const uint32_t *at =
            bsearch(&set->images[i].group, sorted, n, sizeof *sorted, compare_numbers);
        set->images[i].group = (uint32_t)(at - sorted);
    }
    free(sorted);
    return true;
}

bovw_status picture_set_end(picture_set *set, bool counts_self, bovw_error *err)
{
    const char *label = truth_label(set->truth);
    bovw_status status = BOVW_OK;
    if (set->n > 0 && !number_groups(set))
        status = fail_memory(err, label);
    if (status == BOVW_OK && set->n > 0)
        status = classes_make(set->truth, set->images, set->n, counts_self, err);
    if (status == BOVW_OK && set->truth->n_queries == 0)
        status = fail(err, BOVW_ERR_CORRUPT, "%s: no picture is a query of %s", label,
                      set->truth->kind->name);
    free(set->images);
    *set = (picture_set){0};
    return status;
}
