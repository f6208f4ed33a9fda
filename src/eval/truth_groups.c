/* SPDX-License-Identifier: MIT
 *
 * The groups protocol: a table of images, each in one group and, where a
 * family is given, in one family. Groups and families are known by the first
 * row that has them, so that a judgement compares two numbers.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/names.h"
#include "eval/truth.h"

enum {
    MAX_FILE_BYTES = 1 << 30 /* ten million images with long paths */
};

/* Rows and lines are counted in 32 bits. */
_Static_assert(MAX_FILE_BYTES < NAME_NONE, "too many lines");

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
    const char *label;            /* the file, in error texts */
    char *rest;                   /* text not read yet, NULL at its end */
    uint32_t line;                /* number of the line read last */
    uint32_t n_fields;            /* of each line */
    uint32_t field_of[N_COLUMNS]; /* place of a column in the line, or NAME_NONE */
    row *rows;                    /* (n,) */
    uint32_t n;
    size_t capacity;
} table;

typedef struct rules {
    uint32_t *group;   /* (n_names,) first name of the group */
    uint32_t *family;  /* (n_names,) first name of the family, or NAME_NONE */
    uint32_t *name_of; /* (n_queries,) */
} rules;

/* ---- the table --------------------------------------------------------- */

/* Read the whole text; a zero byte in it would hide what follows. */
static bovw_status read_text(bovw_truth *truth, bovw_error *err)
{
    uint8_t *bytes = NULL;
    size_t n_bytes = 0;
    const bovw_status status =
        file_read(truth->path, MAX_FILE_BYTES, &bytes, &n_bytes, err);
    if (status != BOVW_OK)
        return status;
    truth->text = (char *)bytes;

    const uint8_t *zero = memchr(bytes, 0, n_bytes);
    if (!zero)
        return BOVW_OK;
    size_t line = 1;
    for (const uint8_t *p = bytes; p < zero; p++)
        line += *p == '\n';
    return fail(err, BOVW_ERR_FORMAT, "%s: line %zu: a zero byte: not a text file",
                truth_label(truth), line);
}

/* Cut the part up to the separator off *rest; NULL at the end. */
static char *next_part(char **rest, char separator)
{
    char *part = *rest;
    if (!part)
        return NULL;
    char *end = strchr(part, separator);
    if (end)
        *end++ = '\0';
    *rest = end;
    return part;
}

/* Next line that is not blank, without its end; NULL at the end. */
static char *next_line(table *t)
{
    char *line;
    while ((line = next_part(&t->rest, '\n'))) {
        t->line++;
        const size_t length = strlen(line);
        if (length > 0 && line[length - 1] == '\r')
            line[length - 1] = '\0';
        if (*line)
            return line;
    }
    return NULL;
}

static bovw_status read_header(table *t, bovw_error *err)
{
    static const char byte_order_mark[] = "\xef\xbb\xbf";
    if (strncmp(t->rest, byte_order_mark, 3) == 0)
        t->rest += 3;
    for (int c = 0; c < N_COLUMNS; c++)
        t->field_of[c] = NAME_NONE;

    char *line = next_line(t), *field;
    if (!line)
        return fail(err, BOVW_ERR_FORMAT, "%s: empty: no header line", t->label);
    while ((field = next_part(&line, '\t'))) {
        for (int c = 0; c < N_COLUMNS; c++) {
            if (strcmp(field, columns[c].name) != 0)
                continue;
            if (t->field_of[c] != NAME_NONE)
                return fail(err, BOVW_ERR_FORMAT, "%s: line %u: two columns '%s'", t->label,
                            t->line, field);
            t->field_of[c] = t->n_fields;
        }
        t->n_fields++;
    }
    for (int c = 0; c < N_COLUMNS; c++) {
        if (columns[c].required && t->field_of[c] == NAME_NONE)
            return fail(err, BOVW_ERR_FORMAT, "%s: line %u: no column '%s' (tab-separated)",
                        t->label, t->line, columns[c].name);
    }
    return BOVW_OK;
}

static bovw_status read_row(const table *t, char *line, row *read, bovw_error *err)
{
    row made = {.line = t->line};
    uint32_t n_fields = 0;
    char *field;

    for (int c = 0; c < N_COLUMNS; c++)
        made.values[c] = "";
    for (; (field = next_part(&line, '\t')); n_fields++) {
        for (int c = 0; c < N_COLUMNS; c++) {
            if (t->field_of[c] == n_fields)
                made.values[c] = field;
        }
    }
    if (n_fields != t->n_fields)
        return fail(err, BOVW_ERR_CORRUPT, "%s: line %u: number of fields is %u, not %u",
                    t->label, t->line, n_fields, t->n_fields);
    for (int c = 0; c < N_COLUMNS; c++) {
        if (columns[c].required && made.values[c][0] == '\0')
            return fail(err, BOVW_ERR_CORRUPT, "%s: line %u: empty %s", t->label, t->line,
                        columns[c].name);
    }
    *read = made;
    return BOVW_OK;
}

static bovw_status read_rows(table *t, bovw_error *err)
{
    char *line;
    while ((line = next_line(t))) {
        if (!mem_grow(&t->rows, &t->capacity, (size_t)t->n + 1, sizeof *t->rows))
            return fail_memory(err, t->label);
        const bovw_status status = read_row(t, line, &t->rows[t->n], err);
        if (status != BOVW_OK)
            return status;
        t->n++;
    }
    if (t->n == 0)
        return fail(err, BOVW_ERR_CORRUPT, "%s: no rows after the header", t->label);
    return BOVW_OK;
}

/* first[i] is the first row with row i's value in the column. */
static bovw_status find_first(const table *t, enum column column, uint32_t *first,
                              bovw_error *err)
{
    const char **values = mem_array(t->n, sizeof *values);
    if (!values)
        return fail_memory(err, t->label);
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

static bovw_judgement judge(const void *state, uint32_t query, uint32_t name)
{
    const rules *r = state;
    const uint32_t self = r->name_of[query];
    if (name == self)
        return BOVW_IGNORED;
    if (r->group[name] == r->group[self])
        return BOVW_RELEVANT;
    if (r->family[name] != NAME_NONE && r->family[name] == r->family[self])
        return BOVW_IGNORED;
    return BOVW_WRONG;
}

static void rules_free(void *state)
{
    rules *r = state;
    free(r->group);
    free(r->family);
    free(r->name_of);
    free(r);
}

/* Images are listed once each. */
static bovw_status check_images(const table *t, bovw_error *err)
{
    uint32_t *first = mem_array(t->n, sizeof *first);
    if (!first)
        return fail_memory(err, t->label);
    bovw_status status = find_first(t, IMAGE, first, err);
    for (uint32_t i = 0; status == BOVW_OK && i < t->n; i++) {
        if (first[i] != i)
            status =
                fail(err, BOVW_ERR_CORRUPT, "%s: line %u: image '%s' is in line %u already",
                     t->label, t->rows[i].line, t->rows[i].values[IMAGE],
                     t->rows[first[i]].line);
    }
    free(first);
    return status;
}

static bovw_status make_names(bovw_truth *truth, const table *t, bovw_error *err)
{
    const bovw_status status = check_images(t, err);
    if (status != BOVW_OK)
        return status;
    truth->names = mem_array(t->n, sizeof *truth->names);
    if (!truth->names)
        return fail_memory(err, t->label);
    for (uint32_t i = 0; i < t->n; i++)
        truth->names[i] = t->rows[i].values[IMAGE];
    truth->n_names = t->n;
    return BOVW_OK;
}

/* The truth owns the rules from the start, also half made. */
static bovw_status make_rules(bovw_truth *truth, const table *t, bovw_error *err)
{
    rules *r = mem_array(1, sizeof *r);
    if (!r)
        return fail_memory(err, t->label);
    truth->rules = r;
    truth->rules_free = rules_free;
    truth->judge = judge;
    r->group = mem_array(t->n, sizeof *r->group);
    r->family = mem_array(t->n, sizeof *r->family);
    r->name_of = mem_array(t->n, sizeof *r->name_of);
    if (!r->group || !r->family || !r->name_of)
        return fail_memory(err, t->label);

    bovw_status status = find_first(t, GROUP, r->group, err);
    if (status == BOVW_OK)
        status = find_first(t, FAMILY, r->family, err);
    if (status != BOVW_OK)
        return status;
    for (uint32_t i = 0; i < t->n; i++) {
        if (t->rows[i].values[FAMILY][0] == '\0')
            r->family[i] = NAME_NONE;
    }
    return BOVW_OK;
}

/* Every image with another in its group is a query. */
static bovw_status make_queries(bovw_truth *truth, const table *t, bovw_error *err)
{
    rules *r = truth->rules;
    uint32_t *size = mem_array(t->n, sizeof *size); /* at the group's first row */
    truth->queries = mem_array(t->n, sizeof *truth->queries);
    if (!size || !truth->queries) {
        free(size);
        return fail_memory(err, t->label);
    }
    for (uint32_t i = 0; i < t->n; i++)
        size[r->group[i]]++;
    for (uint32_t i = 0; i < t->n; i++) {
        const uint32_t n_relevant = size[r->group[i]] - 1;
        if (n_relevant == 0)
            continue;
        r->name_of[truth->n_queries] = i;
        truth->queries[truth->n_queries++] = (truth_query){
            .shown = {.name = truth->names[i], .set = t->rows[i].values[SET]},
            .picture = truth->names[i],
            .n_relevant = n_relevant,
        };
    }
    free(size);
    if (truth->n_queries == 0)
        return fail(err, BOVW_ERR_CORRUPT, "%s: no group has two images: no queries",
                    t->label);
    return BOVW_OK;
}

static bovw_status open_groups(bovw_truth *truth, bovw_error *err)
{
    table t = {.label = truth_label(truth)};
    bovw_status status = read_text(truth, err);

    t.rest = truth->text;
    if (status == BOVW_OK)
        status = read_header(&t, err);
    if (status == BOVW_OK)
        status = read_rows(&t, err);
    if (status == BOVW_OK)
        status = make_names(truth, &t, err);
    if (status == BOVW_OK)
        status = make_rules(truth, &t, err);
    if (status == BOVW_OK)
        status = make_queries(truth, &t, err);
    free(t.rows);
    return status;
}

const truth_kind truth_groups = {
    .name = "groups",
    .summary = "table with columns image, group and perhaps family, set, tab-separated",
    .open = open_groups,
};
