/* SPDX-License-Identifier: MIT
 *
 * The groups protocol: a table of images, each in one group and, where a
 * family is given, in one family. Groups and families are known by the first
 * row that has them, so that a judgement compares two numbers.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/lines.h"
#include "base/memory.h"
#include "base/names.h"
#include "eval/classes.h"

enum column {
    IMAGE,
    GROUP,
    FAMILY,
    SET,
    N_COLUMNS
};

static const struct {
    const char *name;
    bool required;
} columns[N_COLUMNS] = {
    [IMAGE] = {"image", true},
    [GROUP] = {"group", true},
    [FAMILY] = {"family", false},
    [SET] = {"set", false},
};

typedef struct row {
    const char *values[N_COLUMNS]; /* "" where the file lacks the column */
    uint32_t line;                 /* from 1 */
} row;

typedef struct table {
    lines in;
    uint32_t n_fields;            /* of each line */
    uint32_t field_of[N_COLUMNS]; /* place of a column in the line, or NAME_NONE */
    row *rows;                    /* (n,) */
    uint32_t n;
    size_t capacity;
} table;

/* ---- the table --------------------------------------------------------- */

static bovw_status read_header(table *t, bovw_error *err)
{
    for (int c = 0; c < N_COLUMNS; c++)
        t->field_of[c] = NAME_NONE;

    char *line = lines_next(&t->in), *field;
    if (!line)
        return fail(err, BOVW_ERR_FORMAT, "%s: empty: no header line", t->in.label);
    while ((field = lines_part(&line, '\t'))) {
        for (int c = 0; c < N_COLUMNS; c++) {
            if (strcmp(field, columns[c].name) != 0)
                continue;
            if (t->field_of[c] != NAME_NONE)
                return fail(err, BOVW_ERR_FORMAT, "%s: line %u: two columns '%s'",
                            t->in.label, t->in.line, field);
            t->field_of[c] = t->n_fields;
        }
        t->n_fields++;
    }
    for (int c = 0; c < N_COLUMNS; c++) {
        if (columns[c].required && t->field_of[c] == NAME_NONE)
            return fail(err, BOVW_ERR_FORMAT, "%s: line %u: no column '%s' (tab-separated)",
                        t->in.label, t->in.line, columns[c].name);
    }
    return BOVW_OK;
}

static bovw_status read_row(const table *t, char *line, row *read, bovw_error *err)
{
    row made = {.line = t->in.line};
    uint32_t n_fields = 0;
    char *field;

    for (int c = 0; c < N_COLUMNS; c++)
        made.values[c] = "";
    for (; (field = lines_part(&line, '\t')); n_fields++) {
        for (int c = 0; c < N_COLUMNS; c++) {
            if (t->field_of[c] == n_fields)
                made.values[c] = field;
        }
    }
    if (n_fields != t->n_fields)
        return fail(err, BOVW_ERR_CORRUPT, "%s: line %u: number of fields is %u, not %u",
                    t->in.label, t->in.line, n_fields, t->n_fields);
    for (int c = 0; c < N_COLUMNS; c++) {
        if (columns[c].required && made.values[c][0] == '\0')
            return fail(err, BOVW_ERR_CORRUPT, "%s: line %u: empty %s", t->in.label,
                        t->in.line, columns[c].name);
    }
    *read = made;
    return BOVW_OK;
}

static bovw_status read_rows(table *t, bovw_error *err)
{
    char *line;
    while ((line = lines_next(&t->in))) {
        if (!mem_grow(&t->rows, &t->capacity, (size_t)t->n + 1, sizeof *t->rows))
            return fail_memory(err, t->in.label);
        const bovw_status status = read_row(t, line, &t->rows[t->n], err);
        if (status != BOVW_OK)
            return status;
        t->n++;
    }
    if (t->n == 0)
        return fail(err, BOVW_ERR_CORRUPT, "%s: no rows after the header", t->in.label);
    return BOVW_OK;
}

/* first[i] is the first row with row i's value in the column. */
static bovw_status find_first(const table *t, enum column column, uint32_t *first,
                              bovw_error *err)
{
    const char **values = mem_array(t->n, sizeof *values);
    if (!values)
        return fail_memory(err, t->in.label);
    for (uint32_t i = 0; i < t->n; i++)
        values[i] = t->rows[i].values[column];

    name_table *names = NULL;
    const bovw_status status = name_table_new(values, t->n, &names, err);
    if (status == BOVW_OK) {
        for (uint32_t i = 0; i < t->n; i++)
            first[i] = name_table_exact(names, values[i]);
    }
    name_table_free(names);
    free(values);
    return status;
}

/* ---- the truth --------------------------------------------------------- */

/* Images are listed once each. */
static bovw_status check_images(const table *t, bovw_error *err)
{
    uint32_t *first = mem_array(t->n, sizeof *first);
    if (!first)
        return fail_memory(err, t->in.label);
    bovw_status status = find_first(t, IMAGE, first, err);
    for (uint32_t i = 0; status == BOVW_OK && i < t->n; i++) {
        if (first[i] != i)
            status =
                fail(err, BOVW_ERR_CORRUPT, "%s: line %u: image '%s' is in line %u already",
                     t->in.label, t->rows[i].line, t->rows[i].values[IMAGE],
                     t->rows[first[i]].line);
    }
    free(first);
    return status;
}

/* group and family (n,) get the first row that has the same. */
static bovw_status find_classes(const table *t, uint32_t *group, uint32_t *family,
                                bovw_error *err)
{
    bovw_status status = find_first(t, GROUP, group, err);
    if (status == BOVW_OK)
        status = find_first(t, FAMILY, family, err);
    for (uint32_t i = 0; status == BOVW_OK && i < t->n; i++) {
        if (t->rows[i].values[FAMILY][0] == '\0')
            family[i] = NO_CLASS;
    }
    return status;
}

static bovw_status make_truth(bovw_truth *truth, const table *t, bovw_error *err)
{
    class_image *images = mem_array(t->n, sizeof *images);
    uint32_t *group = mem_array(t->n, sizeof *group);
    uint32_t *family = mem_array(t->n, sizeof *family);
    bovw_status status = images && group && family ? find_classes(t, group, family, err)
                                                   : fail_memory(err, t->in.label);
    if (status == BOVW_OK) {
        for (uint32_t i = 0; i < t->n; i++)
            images[i] = (class_image){.name = t->rows[i].values[IMAGE],
                                      .group = group[i],
                                      .family = family[i],
                                      .is_query = true,
                                      .set = t->rows[i].values[SET],
                                      .label = t->rows[i].values[GROUP]};
        status = classes_make(truth, images, t->n, false, err);
    }
    if (status == BOVW_OK && truth->n_queries == 0)
        status = fail(err, BOVW_ERR_CORRUPT, "%s: no group has two images: no queries",
                      t->in.label);
    free(images);
    free(group);
    free(family);
    return status;
}

static bovw_status open_groups(bovw_truth *truth, bovw_error *err)
{
    table t = {0};
    bovw_status status = lines_open(truth->path, &t.in, err);
    if (status != BOVW_OK)
        return status;
    status = read_header(&t, err);
    if (status == BOVW_OK)
        status = read_rows(&t, err);
    if (status == BOVW_OK)
        status = check_images(&t, err);
    if (status == BOVW_OK && !truth_keep(truth, lines_take(&t.in)))
        status = fail_memory(err, t.in.label);
    if (status == BOVW_OK)
        status = make_truth(truth, &t, err);
    free(t.rows);
    lines_close(&t.in);
    return status;
}

const truth_kind truth_groups = {
    .name = "groups",
    .summary = "table with columns image, group and perhaps family, set, tab-separated",
    .open = open_groups,
};
