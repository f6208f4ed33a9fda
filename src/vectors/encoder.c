/* SPDX-License-Identifier: MIT */
#include "vectors/encoder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/intern.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "io/matrix.h"
#include "io/matrix_write.h"

enum {
    MAX_DESCRIPTORS = 1 << 23 /* of an image: sums stay within 32 bits */
};

static const struct {
    const char *name;
    encode_function *encode;
    unsigned normalisation, allowed;
} encodings[] = {
    [BOVW_ENCODING_VLAD] = {"vlad", encode_vlad, BOVW_NORMALISE_INTRA | BOVW_NORMALISE_ROOT,
                            BOVW_NORMALISE_INTRA | BOVW_NORMALISE_ROOT},
    [BOVW_ENCODING_BOW] = {"bow", encode_bow, 0, BOVW_NORMALISE_ROOT},
    [BOVW_ENCODING_FISHER] = {"fisher", encode_fisher, BOVW_NORMALISE_ROOT,
                              BOVW_NORMALISE_ROOT},
};
enum {
    N_ENCODINGS = sizeof encodings / sizeof *encodings
};

const char *bovw_encoding_name(size_t i)
{
    return i < N_ENCODINGS ? encodings[i].name : NULL;
}

unsigned bovw_encoding_normalisation(bovw_encoding encoding)
{
    return encodings[encoding].normalisation;
}

/* ---- encoders -------------------------------------------------------------------- */

static bovw_status encoder_new(bovw_encoder from, uint64_t dim, bovw_encoder **encoder,
                               bovw_error *err)
{
    if (from.normalisation & ~encodings[from.encoding].allowed)
        return fail(err, BOVW_ERR_ARG, "%s vectors cannot be normalised that way",
                    encodings[from.encoding].name);
    if (dim > MATRIX_MAX_DIM)
        return fail(err, BOVW_ERR_LIMIT, "%s vectors of %llu values, at most %d",
                    encodings[from.encoding].name, (unsigned long long)dim, MATRIX_MAX_DIM);
    from.dim = (uint32_t)dim;
    bovw_encoder *made = mem_array(1, sizeof *made);
    if (!made)
        return fail_memory(err, "encoder");
    *made = from;
    *encoder = made;
    return BOVW_OK;
}

bovw_status bovw_encoder_new(const bovw_vocabulary *vocabulary, bovw_encoding encoding,
                             unsigned normalisation, bovw_encoder **encoder,
                             bovw_error *err)
{
    const bovw_encoder from = {
        .encoding = encoding, .normalisation = normalisation, .vocabulary = vocabulary};
    const uint64_t k = bovw_vocabulary_size(vocabulary);
    if (encoding != BOVW_ENCODING_VLAD && encoding != BOVW_ENCODING_BOW)
        return fail(err, BOVW_ERR_ARG, "a vocabulary makes vlad and bow vectors only");
    return encoder_new(from, encoding == BOVW_ENCODING_VLAD ? k * BOVW_DESCRIPTOR_DIM : k,
                       encoder, err);
}

bovw_status bovw_encoder_new_fisher(const bovw_mixture *mixture, unsigned normalisation,
                                    bovw_encoder **encoder, bovw_error *err)
{
    const bovw_encoder from = {.encoding = BOVW_ENCODING_FISHER,
                               .normalisation = normalisation,
                               .mixture = mixture};
    return encoder_new(from, 2ULL * bovw_mixture_size(mixture) * bovw_mixture_dim(mixture),
                       encoder, err);
}

void bovw_encoder_free(bovw_encoder *encoder)
{
    free(encoder);
}

uint32_t bovw_encoder_dim(const bovw_encoder *encoder)
{
    return encoder->dim;
}

const bovw_feature_options *bovw_encoder_options(const bovw_encoder *encoder)
{
    return encoder->mixture ? bovw_mixture_options_of(encoder->mixture)
                            : bovw_vocabulary_options(encoder->vocabulary);
}

bovw_status bovw_encoder_run(const bovw_encoder *encoder, const uint8_t *descriptors,
                             size_t n, float *vector, bovw_error *err)
{
    if (n > MAX_DESCRIPTORS)
        return fail(err, BOVW_ERR_LIMIT, "%zu descriptors of one image, at most %d", n,
                    MAX_DESCRIPTORS);
    if (n > 0)
        return encodings[encoder->encoding].encode(encoder, descriptors, n, vector, err);
    memset(vector, 0, encoder->dim * sizeof *vector);
    return BOVW_OK;
}

void encode_root(float *vector, size_t n)
{
    for (size_t i = 0; i < n; i++)
        vector[i] = vector[i] < 0 ? -sqrtf(-vector[i]) : sqrtf(vector[i]);
}

/* ---- a whole source --------------------------------------------------------------- */

typedef struct encoding {
    const bovw_encoder *encoder;
    int n_threads;
    matrix_writer vectors;
    new_file names;
    intern *known; /* names so far */
    float *block;  /* (capacity, dim), of a batch */
    size_t capacity;
} encoding;

static bovw_status write_name(encoding *e, const char *name, bovw_error *err)
{
    const uint32_t n = intern_count(e->known);
    if (*name == '\0' || name[strcspn(name, "\r\n")])
        return fail(err, BOVW_ERR_ARG, "'%s': a name with a line break, or none", name);
    const uint32_t number = intern_add(e->known, name);
    if (number == INTERN_NONE)
        return fail_memory(err, "names of images");
    if (number < n)
        return fail(err, BOVW_ERR_ARG, "%s: given twice", name);
    const bovw_status status = new_file_write(&e->names, name, strlen(name), err);
    return status == BOVW_OK ? new_file_write(&e->names, "\n", 1, err) : status;
}

static bovw_status make_room(encoding *e, size_t n, bovw_error *err)
{
    if (n <= e->capacity)
        return BOVW_OK;
    free(e->block);
    e->capacity = 0;
    e->block = mem_array(n, e->encoder->dim * sizeof *e->block);
    if (!e->block)
        return fail_memory(err, "vectors of a batch of images");
    e->capacity = n;
    return BOVW_OK;
}

static bovw_status consume(void *context, const bovw_source_batch *batch, bovw_error *err)
{
    encoding *e = context;
    const uint32_t dim = e->encoder->dim;
    size_t bad = batch->n; /* first image that failed */
    bovw_status status = make_room(e, batch->n, err);
    if (status != BOVW_OK)
        return status;
#pragma omp parallel for schedule(dynamic) num_threads(e->n_threads) if (e->n_threads > 1) \
    reduction(min                                                                          \
              : bad)
    for (size_t i = 0; i < batch->n; i++) {
        const bovw_features *f = &batch->features[i];
        if (bovw_encoder_run(e->encoder, f->descriptors, f->n, e->block + i * dim, NULL) !=
            BOVW_OK)
            bad = i < bad ? i : bad;
    }
    if (bad < batch->n) /* once more, for the reason */
        return bovw_encoder_run(e->encoder, batch->features[bad].descriptors,
                                batch->features[bad].n, e->block, err);
    for (size_t i = 0; status == BOVW_OK && i < batch->n; i++)
        status = write_name(e, batch->features[i].name, err);
    if (status == BOVW_OK)
        status = matrix_writer_add(&e->vectors, e->block, (uint32_t)batch->n, dim, err);
    return status;
}

bovw_status bovw_encode_source(const bovw_encoder *encoder, bovw_source *source,
                               const char *path, const char *names,
                               const bovw_compute *compute, const bovw_monitor *monitor,
                               uint32_t *n, bovw_error *err)
{
    encoding e = {.encoder = encoder, .n_threads = parallel_threads(compute)};
    const bovw_source_consumer consumer = {.context = &e, .consume = consume};
    bovw_status status =
        bovw_feature_options_match("the features", bovw_source_options(source),
                                   "what encodes them", bovw_encoder_options(encoder), err);
    if (status != BOVW_OK)
        return status;
    e.known = intern_new();
    if (!e.known)
        return fail_memory(err, "names of images");
    status = matrix_writer_open(path, encoder->dim, &e.vectors, err);
    if (status == BOVW_OK)
        status = new_file_open(names, &e.names, err);
    if (status == BOVW_OK)
        status = bovw_source_run(source, compute, "encoding", &consumer, monitor, err);
    if (status == BOVW_OK && n)
        *n = e.vectors.n;
    if (status == BOVW_OK)
        status = matrix_writer_commit(&e.vectors, err);
    if (status == BOVW_OK)
        status = new_file_commit(&e.names, err);
    matrix_writer_abort(&e.vectors);
    new_file_abort(&e.names);
    intern_free(e.known);
    free(e.block);
    return status;
}
