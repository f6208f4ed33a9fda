/* SPDX-License-Identifier: MIT
 *
 * npy, numpy's format of one array: six bytes of magic, two of version, the
 * length of the header (16 bits in version 1, 32 later), the header, which is a
 * Python dictionary such as
 *
 *   {'descr': '<f4', 'fortran_order': False, 'shape': (2826, 1024), }
 *
 * and the elements. Only what numpy writes for such arrays is understood.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "io/matrix.h"

enum {
    MAX_HEADER = 65536
};

typedef struct header {
    const char *path;
    char *text;    /* zero-terminated copy */
    const char *p; /* what was not read yet */
    bool has_type, has_order, has_shape;
} header;

static bovw_status fail_header(const header *h, const char *reason, bovw_error *err)
{
    return fail(err, BOVW_ERR_CORRUPT, "%s: npy header: %s: %s", h->path, reason, h->text);
}

static void skip_blanks(header *h)
{
    h->p += strspn(h->p, " \t\n\r");
}

/* Step over the text, and blanks before it, if it comes next. */
static bool take(header *h, const char *text)
{
    skip_blanks(h);
    const size_t length = strlen(text);
    if (strncmp(h->p, text, length) != 0)
        return false;
    h->p += length;
    return true;
}

/* A quoted word of less than 16 letters. */
static bool take_word(header *h, char word[16])
{
    skip_blanks(h);
    const char quote = *h->p;
    if (quote != '\'' && quote != '"')
        return false;
    const char *end = strchr(h->p + 1, quote);
    if (!end || end - h->p > 15)
        return false;
    const size_t length = (size_t)(end - h->p) - 1;
    memcpy(word, h->p + 1, length);
    word[length] = '\0';
    h->p = end + 1;
    return true;
}

/* A whole number; Python 2 put an L behind it. */
static bool take_size(header *h, uint64_t *size)
{
    skip_blanks(h);
    if (*h->p < '0' || *h->p > '9')
        return false;
    *size = 0;
    for (; *h->p >= '0' && *h->p <= '9'; h->p++) {
        if (*size > UINT64_MAX / 10 - 1)
            return false;
        *size = 10 * *size + (uint64_t)(*h->p - '0');
    }
    take(h, "L");
    return true;
}

static bovw_status read_type(header *h, matrix *m, bovw_error *err)
{
    static const struct {
        const char *name;
        element_type type;
    } types[] = {{"f2", ELEMENT_FLOAT16}, {"f4", ELEMENT_FLOAT32}, {"f8", ELEMENT_FLOAT64}};
    char word[16] = "";
    if (!take_word(h, word) || (word[0] != '<' && word[0] != '>'))
        return fail_header(h, "elements must be float16, float32 or float64", err);
    m->is_big_endian = word[0] == '>';
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strcmp(word + 1, types[i].name) == 0) {
            m->type = types[i].type;
            h->has_type = true;
        }
    }
    if (!h->has_type)
        return fail_header(h, "elements must be float16, float32 or float64", err);
    return BOVW_OK;
}

static bovw_status read_shape(header *h, matrix *m, bovw_error *err)
{
    uint64_t n = 0, dim = 0;
    const bool is_matrix = take(h, "(") && take_size(h, &n) && take(h, ",") &&
                           take_size(h, &dim) && (take(h, ","), take(h, ")"));
    if (!is_matrix)
        return fail_header(h, "the shape must have two dimensions", err);
    if (n >= UINT32_MAX || dim > MATRIX_MAX_DIM)
        return fail(err, BOVW_ERR_LIMIT, "%s: npy header: too large: %s", h->path, h->text);
    if (n == 0 || dim == 0)
        return fail_header(h, "the array is empty", err);
    m->n = (uint32_t)n;
    m->dim = (uint32_t)dim;
    h->has_shape = true;
    return BOVW_OK;
}

static bovw_status read_entry(header *h, matrix *m, bovw_error *err)
{
    char key[16] = "";
    if (!take_word(h, key) || !take(h, ":"))
        return fail_header(h, "not a dictionary", err);
    if (strcmp(key, "descr") == 0)
        return read_type(h, m, err);
    if (strcmp(key, "shape") == 0)
        return read_shape(h, m, err);
    if (strcmp(key, "fortran_order") != 0)
        return fail_header(h, "an unknown key", err);
    m->is_columns = take(h, "True");
    if (!m->is_columns && !take(h, "False"))
        return fail_header(h, "fortran_order is neither True nor False", err);
    h->has_order = true;
    return BOVW_OK;
}

static bovw_status read_dictionary(header *h, matrix *m, bovw_error *err)
{
    if (!take(h, "{"))
        return fail_header(h, "not a dictionary", err);
    while (!take(h, "}")) {
        const bovw_status status = read_entry(h, m, err);
        if (status != BOVW_OK)
            return status;
        take(h, ",");
    }
    if (!h->has_type || !h->has_order || !h->has_shape)
        return fail_header(h, "descr, fortran_order or shape is missing", err);
    return BOVW_OK;
}

static bovw_status check_size(const matrix *m, bovw_error *err)
{
    const uint64_t element = m->type == ELEMENT_FLOAT16   ? 2
                             : m->type == ELEMENT_FLOAT32 ? 4
                                                          : 8;
    const uint64_t want = element * m->n * m->dim, have = m->map.size - m->offset;
    if (want == have)
        return BOVW_OK;
    return fail(err, BOVW_ERR_CORRUPT,
                "%s: npy: %llu bytes of elements where the shape (%u, %u) needs %llu",
                m->path, (unsigned long long)have, m->n, m->dim, (unsigned long long)want);
}

bovw_status matrix_read_npy(matrix *m, bovw_error *err)
{
    const uint8_t *data = m->map.data;
    if (m->map.size < 12)
        return fail(err, BOVW_ERR_CORRUPT, "%s: npy: cut off in its header", m->path);
    const int version = data[6];
    if (version < 1 || version > 3)
        return fail(err, BOVW_ERR_VERSION, "%s: npy: version %d, not 1 to 3", m->path,
                    version);
    const size_t begin = version == 1 ? 10 : 12;
    const size_t length = version == 1 ? load_le16(data + 8) : load_le32(data + 8);
    if (length > MAX_HEADER || length > m->map.size - begin)
        return fail(err, BOVW_ERR_CORRUPT, "%s: npy: cut off in its header", m->path);

    header h = {.path = m->path, .text = mem_array(length + 1, 1)};
    if (!h.text)
        return fail_memory(err, m->path);
    memcpy(h.text, data + begin, length);
    h.text[strcspn(h.text, "\n")] = '\0';
    h.p = h.text;
    m->offset = begin + length;
    bovw_status status = read_dictionary(&h, m, err);
    if (status == BOVW_OK)
        status = check_size(m, err);
    free(h.text);
    return status;
}
