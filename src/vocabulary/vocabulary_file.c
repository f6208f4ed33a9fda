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
#include "vocabulary/groups_bytes.h"
#include "vocabulary/vocabulary_parts.h"

enum {
    /* The oldest that has what is in a file: readers of it can read the file. */
    PLAIN_VERSION = 1,
    SIGNED_VERSION = 2,
    GROUPED_VERSION = 3, /* with signatures or without */
    SECTION_OPTIONS = 1,
    SECTION_CENTROIDS = 2,
    SECTION_SUMMARY = 3,
    SECTION_PROJECTION = 4,
    SECTION_THRESHOLDS = 5,
    SECTION_GROUPS = 6,
    MAX_SECTIONS = 6,
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

    container_section sections[MAX_SECTIONS] = {
        {.id = SECTION_OPTIONS, .data = options},
        {.id = SECTION_CENTROIDS,
         .data = bovw_vocabulary_centroids(vocabulary),
         .n_bytes = word_bytes},
        {.id = SECTION_SUMMARY, .data = summary, .n_bytes = strlen(summary) + 1}};
    uint32_t n = 3, version = PLAIN_VERSION;
    size_t groups_bytes;
    const uint8_t *in_groups = vocabulary_groups_bytes(vocabulary, &groups_bytes);

    bovw_feature_options_format(bovw_vocabulary_options(vocabulary), options);
    sections[0].n_bytes = strlen(options) + 1;
    if (projection) {
        for (int i = 0; i < N_PROJECTION; i++)
            store_le16(elements + (size_t)i * 2, (uint16_t)projection[i]);
        sections[n++] = (container_section){
            .id = SECTION_PROJECTION, .data = elements, .n_bytes = sizeof elements};
        sections[n++] = (container_section){.id = SECTION_THRESHOLDS,
                                            .data = vocabulary_thresholds(vocabulary),
                                            .n_bytes = word_bytes};
        version = SIGNED_VERSION;
    }
    if (in_groups) {
        sections[n++] = (container_section){
            .id = SECTION_GROUPS, .data = in_groups, .n_bytes = groups_bytes};
        version = GROUPED_VERSION;
    }
    return container_write(path, kind, version, sections, n, NULL, err);
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

static bool has_section(const container *file, uint32_t id)
{
    for (uint32_t i = 0; i < file->n_sections; i++) {
        if (file->sections[i].id == id)
            return true;
    }
    return false;
}

/* What a file may have besides words, and what of it is in memory of its own. */
typedef struct extras {
    bovw_embedding embedding;
    groups_layout layout;
    int16_t *projection;
    uint32_t *sizes;
} extras;

static bovw_status read_extras(const container *file, const char *path, extras *e,
                               vocabulary_parts *parts, bovw_error *err)
{
    const container_section *section;
    bovw_error why = {0};
    bovw_status status = BOVW_OK;

    if (file->version == SIGNED_VERSION ||
        (file->version == GROUPED_VERSION && has_section(file, SECTION_PROJECTION))) {
        status = read_embedding(file, path, (uint64_t)parts->k * BOVW_DESCRIPTOR_DIM,
                                &e->projection, &e->embedding, err);
        parts->embedding = &e->embedding;
    }
    if (status != BOVW_OK || file->version < GROUPED_VERSION)
        return status;
    status = container_section_get(file, path, SECTION_GROUPS, "groups", UINT64_MAX,
                                   &section, err);
    if (status != BOVW_OK)
        return status;
    status = groups_load(section->data, section->n_bytes, &e->layout, &parts->n_probes,
                         &e->sizes, &why);
    parts->layout = &e->layout;
    return status == BOVW_OK ? BOVW_OK : fail(err, status, "%s: %s", path, why.text);
}

static bovw_status read_words(const container *file, const char *path,
                              vocabulary_parts *parts, const char **options,
                              bovw_error *err)
{
    const container_section *centroids;
    bovw_status status =
        container_text_get(file, path, SECTION_OPTIONS, "options", options, err);
    if (status == BOVW_OK)
        status = container_text_get(file, path, SECTION_SUMMARY, "summary", &parts->summary,
                                    err);
    if (status == BOVW_OK)
        status = container_section_get(file, path, SECTION_CENTROIDS, "centroids",
                                       UINT64_MAX, &centroids, err);
    if (status != BOVW_OK)
        return status;
    const uint64_t k = centroids->n_bytes / BOVW_DESCRIPTOR_DIM;
    if (centroids->n_bytes % BOVW_DESCRIPTOR_DIM != 0 || k == 0 || k > BOVW_MAX_WORDS)
        return fail(err, BOVW_ERR_CORRUPT, "%s: %llu bytes of centroids", path,
                    (unsigned long long)centroids->n_bytes);
    parts->centroids = centroids->data;
    parts->k = (uint32_t)k;
    return BOVW_OK;
}

static bovw_status read_sections(const container *file, const char *path,
                                 bovw_vocabulary **vocabulary, bovw_error *err)
{
    const char *text;
    bovw_feature_options options;
    vocabulary_parts parts = {.options = &options};
    extras e = {0};
    bovw_error why = {0};

    bovw_status status = read_words(file, path, &parts, &text, err);
    if (status == BOVW_OK)
        status = read_extras(file, path, &e, &parts, err);
    if (status == BOVW_OK) {
        status = bovw_feature_options_parse(text, &options, &why);
        if (status == BOVW_OK)
            status = vocabulary_make(&parts, vocabulary, &why);
        if (status == BOVW_ERR_ARG) /* the file is to blame, not the caller */
            status = BOVW_ERR_CORRUPT;
        if (status != BOVW_OK)
            status = fail(err, status, "%s: %s", path, why.text);
    }
    free(e.projection);
    free(e.sizes);
    return status;
}

bovw_status bovw_vocabulary_open(const char *path, bovw_vocabulary **vocabulary,
                                 bovw_error *err)
{
    container file = {0};
    bovw_status status = container_open(path, kind, GROUPED_VERSION, &file, err);
    if (status == BOVW_OK)
        status = container_verify(&file, path, err);
    if (status == BOVW_OK)
        status = read_sections(&file, path, vocabulary, err);
    container_close(&file);
    return status;
}
