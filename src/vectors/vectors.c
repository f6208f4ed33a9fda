/* SPDX-License-Identifier: MIT */
#include "vectors/vectors.h"

#include <stdlib.h>
#include <string.h>

#include "base/intern.h"
#include "base/lines.h"
#include "base/memory.h"

bovw_status bovw_vectors_open(const char *path, bovw_vectors **vectors, bovw_error *err)
{
    bovw_vectors *made = mem_array(1, sizeof *made);
    if (made)
        made->path = mem_text(path);
    if (!made || !made->path) {
        bovw_vectors_close(made);
        return fail_memory(err, path);
    }
    const bovw_status status = matrix_open(made->path, &made->matrix, err);
    if (status != BOVW_OK) {
        bovw_vectors_close(made);
        return status;
    }
    *vectors = made;
    return BOVW_OK;
}

void bovw_vectors_close(bovw_vectors *vectors)
{
    if (!vectors)
        return;
    matrix_close(&vectors->matrix);
    free(vectors->path);
    free(vectors);
}

uint32_t bovw_vectors_count(const bovw_vectors *vectors)
{
    return vectors->matrix.n;
}

uint32_t bovw_vectors_dim(const bovw_vectors *vectors)
{
    return vectors->matrix.dim;
}

bovw_status bovw_vectors_read(const bovw_vectors *vectors, uint32_t first, uint32_t n,
                              float *out, bovw_error *err)
{
    return matrix_rows(&vectors->matrix, first, n, out, vectors->matrix.dim, err);
}

/* ---- names ---------------------------------------------------------------------- */

/* The lines as they stand: an empty one would shift all names after it. */
static bovw_status read_names(lines *in, uint32_t n, bovw_names *names, intern *known,
                              bovw_error *err)
{
    char *line;
    while ((line = lines_part(&in->rest, '\n'))) {
        in->line++;
        const size_t length = strlen(line);
        if (length > 0 && line[length - 1] == '\r')
            line[length - 1] = '\0';
        if (!in->rest && *line == '\0')
            break; /* after the last line's end */
        if (*line == '\0')
            return fail(err, BOVW_ERR_CORRUPT, "%s: line %u: empty", in->label, in->line);
        const uint32_t number = intern_add(known, line);
        if (number == INTERN_NONE)
            return fail_memory(err, in->label);
        if (number < names->n)
            return fail(err, BOVW_ERR_CORRUPT,
                        "%s: line %u: name '%s' is in line %u already", in->label, in->line,
                        line, number + 1);
        if (names->n < n)
            names->items[names->n] = line;
        names->n++;
    }
    if (names->n != n)
        return fail(err, BOVW_ERR_MISMATCH, "%s: %u names for %u vectors", in->label,
                    names->n, n);
    return BOVW_OK;
}

bovw_status bovw_names_read(const char *path, uint32_t n, bovw_names *names,
                            bovw_error *err)
{
    lines in;
    bovw_status status = lines_open(path, &in, err);
    if (status != BOVW_OK)
        return status;
    bovw_names made = {.items = mem_array(n, sizeof *made.items)};
    intern *known = intern_new();
    if (!made.items || !known)
        status = fail_memory(err, path);
    if (status == BOVW_OK)
        status = read_names(&in, n, &made, known, err);
    intern_free(known);
    if (status != BOVW_OK) {
        free(made.items);
        lines_close(&in);
        return status;
    }
    made.text = lines_take(&in);
    *names = made;
    return BOVW_OK;
}

void bovw_names_free(bovw_names *names)
{
    free(names->items);
    free(names->text);
    *names = (bovw_names){0};
}
