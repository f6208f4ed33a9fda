/* SPDX-License-Identifier: MIT
 *
 * Images that pairs connect: each points to one before it in its group, or to
 * itself. */
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "base/lines.h"
#include "base/names.h"
#include "bovw/eval.h"

static uint32_t first_of(uint32_t *groups, uint32_t i)
{
    while (groups[i] != i) {
        groups[i] = groups[groups[i]]; /* shorter next time */
        i = groups[i];
    }
    return i;
}

static void join(uint32_t *groups, uint32_t a, uint32_t b)
{
    if (groups[a] == UINT32_MAX)
        groups[a] = a;
    if (groups[b] == UINT32_MAX)
        groups[b] = b;
    const uint32_t x = first_of(groups, a), y = first_of(groups, b);
    groups[x > y ? x : y] = x < y ? x : y;
}

/* Two names of a line; false where there are not two. */
static bool split(char *line, char **a, char **b)
{
    if (strchr(line, '\t')) {
        *a = lines_part(&line, '\t');
        *b = lines_part(&line, '\t');
        return *b && !line && **a && **b;
    }
    *a = lines_word(&line);
    *b = lines_word(&line);
    return *b && !lines_word(&line);
}

bovw_status bovw_groups_of_pairs(const char *path, const char *const *names, uint32_t n,
                                 uint32_t *groups, uint32_t *n_missing, bovw_error *err)
{
    lines in;
    name_table *table = NULL;
    char *line, *a, *b;
    uint32_t missing = 0;
    bovw_status status = lines_open(path, &in, err);
    if (status != BOVW_OK)
        return status;
    status = name_table_new(names, n, &table, err);
    for (uint32_t i = 0; i < n; i++)
        groups[i] = UINT32_MAX;
    while (status == BOVW_OK && (line = lines_next(&in))) {
        if (!split(line, &a, &b)) {
            status = fail(err, BOVW_ERR_CORRUPT, "%s: line %u: not two names", in.label,
                          in.line);
            break;
        }
        const uint32_t x = name_table_find(table, a), y = name_table_find(table, b);
        if (x == NAME_NONE || y == NAME_NONE)
            missing++;
        else
            join(groups, x, y);
    }
    for (uint32_t i = 0; status == BOVW_OK && i < n; i++) {
        if (groups[i] != UINT32_MAX)
            groups[i] = first_of(groups, i);
    }
    if (n_missing)
        *n_missing = missing;
    name_table_free(table);
    lines_close(&in);
    return status;
}
