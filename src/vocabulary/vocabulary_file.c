/* SPDX-License-Identifier: MIT
 *
 * FORMAT.md beside this file has the bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "io/container.h"
#include "vocabulary/embedding.h"

enum {
    FORMAT_VERSION = 2, /* of a vocabulary without signatures: PLAIN_VERSION */
    PLAIN_VERSION = 1,
    SECTION_OPTIONS = 1,
    SECTION_CENTROIDS = 2,
    SECTION_SUMMARY = 3,
    SECTION_PROJECTION = 4,
    SECTION_THRESHOLDS = 5,
    N_PROJECTION = BOVW_DESCRIPTOR_DIM * BOVW_DESCRIPTOR_DIM
};

static const char kind[CONTAINER_KIND_BYTES] = {'V', 'O', 'C', 'A'};

bovw_status bovw_vocabulary_save(const bovw_vocabulary *vocabulary, const char *path,
                                 bovw_error *err)
{
    char options[BOVW_FEATURE_OPTIONS_TEXT];
    const char *summary = bovw_vocabulary_summary(vocabulary);
    const int16_t *projection = vocabulary_projection(vocabulary);
    const uint64_t word_bytes =
        (uint64_t)bovw_vocabulary_size(vocabulary) * BOVW_DESCRIPTOR_DIM;
    uint8_t elements[N_PROJECTION * 2];

    bovw_feature_options_format(bovw_vocabulary_options(vocabulary), options);
    for (int i = 0; projection && i < N_PROJECTION; i++)
        store_le16(elements + (size_t)i * 2, (uint16_t)projection[i]);
    const container_section sections[] = {
        {.id = SECTION_OPTIONS, .data = options, .n_bytes = strlen(options) + 1},
        {.id = SECTION_CENTROIDS,
         .data = bovw_vocabulary_centroids(vocabulary),
         .n_bytes = word_bytes},
        {.id = SECTION_SUMMARY, .data = summary, .n_bytes = strlen(summary) + 1},
        {.id = SECTION_PROJECTION, .data = elements, .n_bytes = sizeof elements},
        {.id = SECTION_THRESHOLDS,
         .data = vocabulary_thresholds(vocabulary),
         .n_bytes = word_bytes}};
    const uint32_t n = sizeof sections / sizeof sections[0];
    return container_write(path, kind, projection ? FORMAT_VERSION : PLAIN_VERSION,
                           sections, projection ? n : n - 2, NULL, err);
}

/* What makes signatures, in a file that has it. *projection is the caller's. */
static bovw_status read_embedding(const container *file, const char *path,
                                  uint64_t word_bytes, int16_t **projection,
                                  bovw_embedding *out, bovw_error *err)
{
    const container_section *elements, *thresholds;
    bovw_status status = container_section_get(file, path, SECTION_PROJECTION, "projection",
                                               N_PROJECTION * 2, &elements, err);
    if (status == BOVW_OK)
        status = container_section_get(file, path, SECTION_THRESHOLDS, "thresholds",
                                       word_bytes, &thresholds, err);
    if (status != BOVW_OK)
        return status;
    int16_t *made = mem_array(N_PROJECTION, sizeof *made);
    if (!made)
        return fail_memory(err, path);
    for (size_t i = 0; i < N_PROJECTION; i++)
        made[i] = (int16_t)load_le16((const uint8_t *)elements->data + i * 2);
    *projection = made;
    *out = (bovw_embedding){.projection = made, .thresholds = thresholds->data};
    return BOVW_OK;
}

static bovw_status read_sections(const container *file, const char *path,
                                 bovw_vocabulary **vocabulary, bovw_error *err)
{
    const char *text, *summary;
    const container_section *centroids;
    bovw_feature_options options;
    bovw_embedding from = {0};
    int16_t *projection = NULL;
    bovw_error why = {0};
    const bool is_plain = file->version == PLAIN_VERSION;

    bovw_status status =
        container_text_get(file, path, SECTION_OPTIONS, "options", &text, err);
    if (status == BOVW_OK)
        status = container_text_get(file, path, SECTION_SUMMARY, "summary", &summary, err);
    if (status == BOVW_OK)
        status = container_section_get(file, path, SECTION_CENTROIDS, "centroids",
                                       UINT64_MAX, &centroids, err);
    if (status != BOVW_OK)
        return status;
    const uint64_t k = centroids->n_bytes / BOVW_DESCRIPTOR_DIM;
    if (centroids->n_bytes % BOVW_DESCRIPTOR_DIM != 0 || k == 0 || k > BOVW_MAX_WORDS)
        return fail(err, BOVW_ERR_CORRUPT, "%s: %llu bytes of centroids", path,
                    (unsigned long long)centroids->n_bytes);
    if (!is_plain)
        status = read_embedding(file, path, centroids->n_bytes, &projection, &from, err);
    if (status != BOVW_OK)
        return status;

    status = bovw_feature_options_parse(text, &options, &why);
    if (status == BOVW_OK)
        status = bovw_vocabulary_new_embedded(&options, centroids->data, (uint32_t)k,
                                              is_plain ? NULL : &from, summary, vocabulary,
                                              &why);
    free(projection);
    if (status == BOVW_ERR_ARG) /* the file is to blame, not the caller */
        status = BOVW_ERR_CORRUPT;
    return status == BOVW_OK ? BOVW_OK : fail(err, status, "%s: %s", path, why.text);
}

bovw_status bovw_vocabulary_open(const char *path, bovw_vocabulary **vocabulary,
                                 bovw_error *err)
{
    container file = {0};
    bovw_status status = container_open(path, kind, FORMAT_VERSION, &file, err);
    if (status == BOVW_OK)
        status = container_verify(&file, path, err);
    if (status == BOVW_OK)
        status = read_sections(&file, path, vocabulary, err);
    container_close(&file);
    return status;
}
