/* SPDX-License-Identifier: MIT
 *
 * fvecs and bvecs of the Texmex data sets: each vector is its dimension, a
 * little-endian 32-bit integer, and its elements.
 */
#include "base/bytes.h"
#include "io/matrix.h"

bovw_status matrix_read_vecs(matrix *m, bool is_bytes, bovw_error *err)
{
    if (m->map.size < 4)
        return fail(err, BOVW_ERR_CORRUPT, "%s: too short for one vector", m->path);
    const uint32_t dim = load_le32(m->map.data);
    if (dim == 0 || dim > MATRIX_MAX_DIM)
        return fail(err, BOVW_ERR_CORRUPT, "%s: row 0: dimension %u, not in [1, %d]",
                    m->path, dim, MATRIX_MAX_DIM);
    const size_t row = 4 + (size_t)dim * (is_bytes ? 1 : 4);
    if (m->map.size % row != 0)
        return fail(err, BOVW_ERR_CORRUPT,
                    "%s: %zu bytes are not whole vectors of dimension %u", m->path,
                    m->map.size, dim);
    if (m->map.size / row >= UINT32_MAX)
        return fail(err, BOVW_ERR_LIMIT, "%s: too many vectors", m->path);
    m->n = (uint32_t)(m->map.size / row);
    m->dim = dim;
    m->type = is_bytes ? ELEMENT_UINT8 : ELEMENT_FLOAT32;
    m->has_row_header = true;
    return BOVW_OK;
}
