/* SPDX-License-Identifier: MIT */
#include "vectors/mixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/memory.h"
#include "io/container.h"

enum {
    DIM = BOVW_DESCRIPTOR_DIM,
    FORMAT_VERSION = 1,
    SECTION_OPTIONS = 1,
    SECTION_NUMBERS,
    SECTION_SUMMARY,
    HEAD_BYTES = 8 /* of the numbers: k and dim */
};

static const char kind[CONTAINER_KIND_BYTES] = {'G', 'M', 'I', 'X'};

void bovw_mixture_options_default(bovw_mixture_options *opts)
{
    *opts = (bovw_mixture_options){.k = 64, .dim = 64, .n_iterations = 30, .seed = 1};
}

size_t mixture_n_numbers(uint32_t k, uint32_t dim)
{
    return DIM + (size_t)dim * DIM + k + 2 * (size_t)k * dim;
}

bovw_status mixture_new(const bovw_feature_options *opts, uint32_t k, uint32_t dim,
                        bovw_mixture **mixture, bovw_error *err)
{
    if (k == 0 || k > BOVW_MAX_GAUSSIANS)
        return fail(err, BOVW_ERR_ARG, "%u Gaussians are not in [1, %d]", k,
                    BOVW_MAX_GAUSSIANS);
    if (dim == 0 || dim > DIM)
        return fail(err, BOVW_ERR_ARG, "%u dimensions are not in [1, %d]", dim, DIM);
    bovw_mixture *m = mem_array(1, sizeof *m);
    if (m)
        m->numbers = mem_array(mixture_n_numbers(k, dim), sizeof *m->numbers);
    if (!m || !m->numbers) {
        bovw_mixture_close(m);
        return fail_memory(err, "Gaussian mixture");
    }
    m->options = *opts;
    m->k = k;
    m->dim = dim;
    m->centre = m->numbers;
    m->directions = m->centre + DIM;
    m->priors = m->directions + (size_t)dim * DIM;
    m->means = m->priors + k;
    m->covariances = m->means + (size_t)k * dim;
    *mixture = m;
    return BOVW_OK;
}

void bovw_mixture_close(bovw_mixture *mixture)
{
    if (!mixture)
        return;
    free(mixture->numbers);
    free(mixture->summary);
    free(mixture);
}

uint32_t bovw_mixture_size(const bovw_mixture *mixture)
{
    return mixture->k;
}

uint32_t bovw_mixture_dim(const bovw_mixture *mixture)
{
    return mixture->dim;
}

const bovw_feature_options *bovw_mixture_options_of(const bovw_mixture *mixture)
{
    return &mixture->options;
}

const char *bovw_mixture_summary(const bovw_mixture *mixture)
{
    return mixture->summary;
}

void mixture_project(const bovw_mixture *m, const uint8_t *descriptors, size_t n, float *to)
{
    float x[DIM];
    for (size_t i = 0; i < n; i++) {
        for (int d = 0; d < DIM; d++)
            x[d] = (float)descriptors[i * DIM + d] / 512 - m->centre[d];
        for (uint32_t j = 0; j < m->dim; j++) {
            const float *row = m->directions + (size_t)j * DIM;
            float parts[8] = {0};
            for (int d = 0; d < DIM; d += 8) {
                for (int p = 0; p < 8; p++)
                    parts[p] += row[d + p] * x[d + p];
            }
            to[i * m->dim + j] = ((parts[0] + parts[4]) + (parts[2] + parts[6])) +
                                 ((parts[1] + parts[5]) + (parts[3] + parts[7]));
        }
    }
}

/* ---- file ------------------------------------------------------------------------ */

bovw_status bovw_mixture_save(const bovw_mixture *mixture, const char *path,
                              bovw_error *err)
{
    char options[BOVW_FEATURE_OPTIONS_TEXT];
    const size_t n = mixture_n_numbers(mixture->k, mixture->dim);
    uint8_t *numbers = mem_array(HEAD_BYTES + n * 4, 1);
    if (!numbers)
        return fail_memory(err, path);
    store_le32(numbers, mixture->k);
    store_le32(numbers + 4, mixture->dim);
    for (size_t i = 0; i < n; i++)
        store_lefloat(numbers + HEAD_BYTES + 4 * i, mixture->numbers[i]);
    bovw_feature_options_format(&mixture->options, options);
    const container_section sections[] = {
        {.id = SECTION_OPTIONS, .data = options, .n_bytes = strlen(options) + 1},
        {.id = SECTION_NUMBERS, .data = numbers, .n_bytes = HEAD_BYTES + n * 4},
        {.id = SECTION_SUMMARY,
         .data = mixture->summary,
         .n_bytes = strlen(mixture->summary) + 1}};
    const bovw_status status =
        container_write(path, kind, FORMAT_VERSION, sections,
                        sizeof sections / sizeof *sections, NULL, err);
    free(numbers);
    return status;
}

/* Finite numbers, Gaussians with a share and a width. */
static bool is_sound(const bovw_mixture *m)
{
    const size_t n = mixture_n_numbers(m->k, m->dim);
    for (size_t i = 0; i < n; i++) {
        if (!(fabsf(m->numbers[i]) <= 1e6F))
            return false;
    }
    for (uint32_t i = 0; i < m->k; i++) {
        if (!(m->priors[i] >= MIXTURE_MIN_PRIOR))
            return false;
    }
    for (size_t i = 0; i < (size_t)m->k * m->dim; i++) {
        if (!(m->covariances[i] >= MIXTURE_MIN_VARIANCE))
            return false;
    }
    return true;
}

static bovw_status read_numbers(const container_section *section, const char *path,
                                const bovw_feature_options *options, bovw_mixture **mixture,
                                bovw_error *err)
{
    const uint8_t *bytes = section->data;
    const uint32_t k = section->n_bytes >= HEAD_BYTES ? load_le32(bytes) : 0;
    const uint32_t dim = section->n_bytes >= HEAD_BYTES ? load_le32(bytes + 4) : 0;
    if (k == 0 || k > BOVW_MAX_GAUSSIANS || dim == 0 || dim > DIM ||
        section->n_bytes != HEAD_BYTES + mixture_n_numbers(k, dim) * 4)
        return fail(err, BOVW_ERR_CORRUPT,
                    "%s: %u Gaussians of %u dimensions in %llu bytes", path, k, dim,
                    (unsigned long long)section->n_bytes);
    const bovw_status status = mixture_new(options, k, dim, mixture, err);
    if (status != BOVW_OK)
        return status;
    for (size_t i = 0; i < mixture_n_numbers(k, dim); i++)
        (*mixture)->numbers[i] = load_lefloat(bytes + HEAD_BYTES + 4 * i);
    if (!is_sound(*mixture))
        return fail(err, BOVW_ERR_CORRUPT,
                    "%s: a number that is not finite, or a Gaussian without width", path);
    return BOVW_OK;
}

static bovw_status read_sections(const container *file, const char *path,
                                 bovw_mixture **mixture, bovw_error *err)
{
    const char *text, *summary;
    const container_section *numbers;
    bovw_feature_options options;
    bovw_error why = {0};
    bovw_mixture *made = NULL;
    bovw_status status =
        container_text_get(file, path, SECTION_OPTIONS, "options", &text, err);
    if (status == BOVW_OK)
        status = container_text_get(file, path, SECTION_SUMMARY, "summary", &summary, err);
    if (status == BOVW_OK)
        status = container_section_get(file, path, SECTION_NUMBERS, "numbers", UINT64_MAX,
                                       &numbers, err);
    if (status != BOVW_OK)
        return status;
    if (bovw_feature_options_parse(text, &options, &why) != BOVW_OK)
        return fail(err, why.status, "%s: %s", path, why.text);
    status = read_numbers(numbers, path, &options, &made, err);
    if (status == BOVW_OK) {
        made->summary = mem_text(summary);
        status = made->summary ? BOVW_OK : fail_memory(err, path);
    }
    if (status == BOVW_OK)
        *mixture = made;
    else
        bovw_mixture_close(made);
    return status;
}

bovw_status bovw_mixture_open(const char *path, bovw_mixture **mixture, bovw_error *err)
{
    container file = {0};
    bovw_status status = container_open(path, kind, FORMAT_VERSION, &file, err);
    if (status == BOVW_OK)
        status = container_verify(&file, path, err);
    if (status == BOVW_OK)
        status = read_sections(&file, path, mixture, err);
    container_close(&file);
    return status;
}
