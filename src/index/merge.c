/* SPDX-License-Identifier: MIT
 *
 * Section by section, in the order of the file. What an image has by itself is
 * copied; postings are decoded, renumbered and coded again; signatures follow
 * the postings. Tables over words come before what they point into, and are
 * filled in at the end.
 */
#include "index/merge.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "base/monitor.h"
#include "index/postings.h"
#include "index/segment_layout.h"
#include "io/container_writer.h"

enum {
    REPORT_STEPS = 1024,     /* images or words between two reports */
    RELEASE_BYTES = 64 << 20 /* written between two releases */
};

typedef struct merger {
    const segment *segments; /* (n,) */
    uint32_t n;
    uint32_t *starts; /* (n + 1,) first image of each */
    uint32_t n_images, n_words;
    container_writer *out;

    /* Over words, little-endian as the file has them. */
    uint8_t *posting_offsets; /* (n_words + 1,) 64 bit */
    uint8_t *frequencies;     /* (n_words,) 32 bit */
    uint64_t n_features, n_postings;

    uint32_t *images, *tfs; /* (n_images,) or more: a list as it is stored */
    uint8_t *coded;
    size_t coded_capacity;

    const bovw_monitor *monitor;
    uint64_t n_passes, n_passes_done; /* over images or words */
    uint32_t n_stepped;
    uint64_t released; /* bytes written at the last release */
} merger;

/* ---- progress ---------------------------------------------------------------- */

/* What was read will not be read again in this pass: it need not stay in memory. */
static void release(const merger *m)
{
    for (uint32_t k = 0; k < m->n; k++)
        file_map_done(&m->segments[k].file.map, 0, m->segments[k].file.map.size);
}

/* Step `at` of `of` of the current pass. What is told is images of the new
 * segment, as if all passes took equally long. */
static bovw_status step(merger *m, uint64_t at, uint64_t of, bovw_error *err)
{
    if (m->out && container_writer_bytes(m->out) - m->released > RELEASE_BYTES) {
        release(m);
        m->released = container_writer_bytes(m->out);
    }
    if (m->n_stepped++ % REPORT_STEPS != 0)
        return BOVW_OK;
    const double passes = (double)m->n_passes_done + (double)at / (double)of;
    const double done = passes / (double)m->n_passes * m->n_images;
    return monitor_progress(m->monitor, "merging", (uint64_t)done, m->n_images, err);
}

static void end_pass(merger *m)
{
    m->n_passes_done++;
}

/* ---- images -------------------------------------------------------------------- */

/* What a section has of image `image`, by stored number, of s. */
typedef bovw_status write_image(merger *m, const segment *s, uint32_t image,
                                bovw_error *err);

static bovw_status for_each_image(merger *m, write_image *write, bovw_error *err)
{
    bovw_status status = BOVW_OK;
    for (uint32_t k = 0; k < m->n; k++) {
        const segment *s = &m->segments[k];
        for (uint32_t i = 0; status == BOVW_OK && i < s->n_live; i++) {
            status = step(m, m->starts[k] + i, m->n_images, err);
            if (status == BOVW_OK)
                status = write(m, s, segment_stored(s, i), err);
        }
    }
    end_pass(m);
    return status;
}

static bovw_status write_le64(merger *m, uint64_t value, bovw_error *err)
{
    uint8_t bytes[8];
    store_le64(bytes, value);
    return container_writer_write(m->out, bytes, sizeof bytes, err);
}

static bovw_status write_name(merger *m, const segment *s, uint32_t image, bovw_error *err)
{
    const char *name = segment_image(s, image).name;
    return container_writer_write(m->out, name, strlen(name) + 1, err);
}

static bovw_status write_record(merger *m, const segment *s, uint32_t image,
                                bovw_error *err)
{
    m->n_features += segment_image(s, image).n_features;
    return container_writer_write(m->out, s->images + (size_t)image * IMAGE_BYTES,
                                  IMAGE_BYTES, err);
}

static bovw_status write_blob(merger *m, const segment *s, uint32_t image, bovw_error *err)
{
    const uint8_t *bytes = NULL;
    size_t n_bytes = 0;
    const bovw_status status = segment_feature_blob(s, image, &bytes, &n_bytes, err);
    return status == BOVW_OK ? container_writer_write(m->out, bytes, n_bytes, err) : status;
}

static bovw_status write_name_offsets(merger *m, bovw_error *err)
{
    bovw_status status = container_writer_section(m->out, SECTION_NAME_OFFSETS, err);
    uint64_t offset = 0;
    for (uint32_t k = 0; k < m->n; k++) {
        const segment *s = &m->segments[k];
        for (uint32_t i = 0; status == BOVW_OK && i < s->n_live; i++) {
            status = write_le64(m, offset, err);
            offset += strlen(segment_image(s, segment_stored(s, i)).name) + 1;
        }
    }
    return status;
}

static bovw_status write_feature_offsets(merger *m, bovw_error *err)
{
    bovw_status status = container_writer_section(m->out, SECTION_FEATURE_OFFSETS, err);
    uint64_t offset = 0;
    if (status == BOVW_OK)
        status = write_le64(m, offset, err);
    for (uint32_t k = 0; k < m->n; k++) {
        const segment *s = &m->segments[k];
        for (uint32_t i = 0; status == BOVW_OK && i < s->n_live; i++) {
            const uint8_t *bytes = NULL;
            size_t n_bytes = 0;
            status = segment_feature_blob(s, segment_stored(s, i), &bytes, &n_bytes, err);
            offset += n_bytes;
            if (status == BOVW_OK)
                status = write_le64(m, offset, err);
        }
    }
    return status;
}

static bovw_status write_images(merger *m, bovw_error *err)
{
    static const uint8_t zeros[CODED_PADDING];
    bovw_status status = write_name_offsets(m, err);
    if (status == BOVW_OK)
        status = container_writer_section(m->out, SECTION_NAMES, err);
    if (status == BOVW_OK)
        status = for_each_image(m, write_name, err);
    if (status == BOVW_OK)
        status = container_writer_section(m->out, SECTION_IMAGES, err);
    if (status == BOVW_OK)
        status = for_each_image(m, write_record, err);
    if (status == BOVW_OK)
        status = write_feature_offsets(m, err);
    if (status == BOVW_OK)
        status = container_writer_section(m->out, SECTION_FEATURES, err);
    if (status == BOVW_OK)
        status = for_each_image(m, write_blob, err);
    if (status == BOVW_OK)
        status = container_writer_write(m->out, zeros, sizeof zeros, err);
    return status;
}

/* ---- postings -------------------------------------------------------------------- */

/* The postings of one word in all segments, renumbered, in m->images and m->tfs. */
static bovw_status gather(merger *m, uint32_t word, uint32_t *n, bovw_error *err)
{
    bovw_status status = BOVW_OK;
    *n = 0;
    for (uint32_t k = 0; status == BOVW_OK && k < m->n; k++) {
        uint32_t count = 0;
        status = segment_postings(&m->segments[k], word, m->images + *n, m->tfs + *n,
                                  &count, err);
        for (uint32_t i = 0; i < count; i++)
            m->images[*n + i] += m->starts[k];
        *n += count;
    }
    return status;
}

static bovw_status write_list(merger *m, uint32_t word, bovw_error *err)
{
    uint32_t n = 0;
    uint64_t n_features = 0;
    bovw_status status = gather(m, word, &n, err);
    for (uint32_t i = 0; i < n; i++)
        n_features += m->tfs[i];
    if (status == BOVW_OK &&
        !mem_grow(&m->coded, &m->coded_capacity, postings_bound(n_features), 1))
        status = fail_memory(err, "postings of a segment");
    if (status != BOVW_OK)
        return status;
    const size_t n_bytes = postings_encode(m->images, m->tfs, n, m->coded);
    const uint64_t offset = load_le64(m->posting_offsets + (size_t)word * 8);
    store_le64(m->posting_offsets + ((size_t)word + 1) * 8, offset + n_bytes);
    store_le32(m->frequencies + (size_t)word * 4, n);
    m->n_postings += n;
    return container_writer_write(m->out, m->coded, n_bytes, err);
}

static bovw_status write_postings(merger *m, bovw_error *err)
{
    static const uint8_t zeros[CODED_PADDING];
    const size_t k = m->n_words;
    bovw_status status =
        container_writer_reserve(m->out, SECTION_POSTING_OFFSETS, (k + 1) * 8, err);
    if (status == BOVW_OK)
        status = container_writer_reserve(m->out, SECTION_FREQUENCIES, k * 4, err);
    if (status == BOVW_OK)
        status = container_writer_section(m->out, SECTION_POSTINGS, err);
    for (uint32_t w = 0; status == BOVW_OK && w < m->n_words; w++) {
        status = step(m, w, m->n_words, err);
        if (status == BOVW_OK)
            status = write_list(m, w, err);
    }
    if (status == BOVW_OK)
        status = container_writer_write(m->out, zeros, sizeof zeros, err);
    if (status == BOVW_OK)
        status =
            container_writer_fill(m->out, SECTION_POSTING_OFFSETS, m->posting_offsets, err);
    if (status == BOVW_OK)
        status = container_writer_fill(m->out, SECTION_FREQUENCIES, m->frequencies, err);
    end_pass(m);
    return status;
}

/* ---- signatures ------------------------------------------------------------------ */

/* A plane of signatures, as the file has them. */
typedef struct plane_kind {
    uint32_t section, starts_section; /* 0: where it has none of its own */
    bool is_asmk;
    int half;
    uint32_t needs; /* of BOVW_SIGNATURES_ */
} plane_kind;

static const plane_kind planes[] = {
    {SECTION_HE_LOW, SECTION_FEATURE_STARTS, false, 0, BOVW_SIGNATURES_HE64},
    {SECTION_HE_HIGH, 0, false, 1, BOVW_SIGNATURES_HE128},
    {SECTION_ASMK_LOW, SECTION_POSTING_STARTS, true, 0, BOVW_SIGNATURES_ASMK},
    {SECTION_ASMK_HIGH, 0, true, 1, BOVW_SIGNATURES_ASMK},
};

enum {
    N_PLANES = sizeof planes / sizeof planes[0]
};

/* Signatures of a word in one segment that belong to images that are left, with
 * *n their number; only counted where `out` is false. */
static bovw_status copy_signatures(merger *m, const segment *s, uint32_t word,
                                   const plane_kind *kind, bool out, uint64_t *n,
                                   bovw_error *err)
{
    const uint8_t *halves[2] = {NULL, NULL};
    uint64_t n_stored = 0, at = 0;
    bovw_status status = segment_signatures(s, word, kind->is_asmk, halves, &n_stored, err);
    *n = n_stored;
    if (status != BOVW_OK)
        return status;
    if (s->removed.n == 0)
        return out ? container_writer_write(m->out, halves[kind->half],
                                            (size_t)n_stored * PLANE_BYTES, err)
                   : BOVW_OK;
    const uint32_t n_postings = segment_frequency(s, word);
    status = segment_stored_postings(s, word, m->images, m->tfs, err);
    *n = 0;
    for (uint32_t i = 0; status == BOVW_OK && i < n_postings; i++) {
        const uint32_t count = kind->is_asmk ? 1 : m->tfs[i];
        if (count > n_stored - at)
            return fail(err, BOVW_ERR_CORRUPT,
                        "%s: signatures and postings of word %u disagree", s->path, word);
        if (segment_live(s, m->images[i]) != IMAGE_REMOVED) {
            if (out)
                status =
                    container_writer_write(m->out, halves[kind->half] + at * PLANE_BYTES,
                                           (size_t)count * PLANE_BYTES, err);
            *n += count;
        }
        at += count;
    }
    return status;
}

/* Where each word's signatures start. */
static bovw_status write_starts(merger *m, const plane_kind *kind, bovw_error *err)
{
    uint64_t start = 0;
    bovw_status status = container_writer_section(m->out, kind->starts_section, err);
    if (status == BOVW_OK)
        status = write_le64(m, start, err);
    for (uint32_t w = 0; status == BOVW_OK && w < m->n_words; w++) {
        status = step(m, w, m->n_words, err);
        for (uint32_t k = 0; status == BOVW_OK && k < m->n; k++) {
            uint64_t n = 0;
            status = copy_signatures(m, &m->segments[k], w, kind, false, &n, err);
            start += n;
        }
        if (status == BOVW_OK)
            status = write_le64(m, start, err);
    }
    end_pass(m);
    return status;
}

static bovw_status write_plane(merger *m, const plane_kind *kind, bovw_error *err)
{
    bovw_status status = kind->starts_section ? write_starts(m, kind, err) : BOVW_OK;
    if (status == BOVW_OK)
        status = container_writer_section(m->out, kind->section, err);
    for (uint32_t w = 0; status == BOVW_OK && w < m->n_words; w++) {
        status = step(m, w, m->n_words, err);
        for (uint32_t k = 0; status == BOVW_OK && k < m->n; k++) {
            uint64_t n = 0;
            status = copy_signatures(m, &m->segments[k], w, kind, true, &n, err);
        }
    }
    end_pass(m);
    return status;
}

/* ---- the whole ---------------------------------------------------------------------- */

static bovw_status write_summary(merger *m, bovw_error *err)
{
    uint8_t summary[SUMMARY_BYTES];
    store_le64(summary, m->n_images);
    store_le64(summary + 8, m->n_words);
    store_le64(summary + 16, m->n_features);
    store_le64(summary + 24, m->n_postings);
    return container_writer_fill(m->out, SECTION_SUMMARY, summary, err);
}

static bovw_status write_sections(merger *m, uint32_t signatures, bovw_error *err)
{
    bovw_status status =
        container_writer_reserve(m->out, SECTION_SUMMARY, SUMMARY_BYTES, err);
    if (status == BOVW_OK)
        status = write_images(m, err);
    if (status == BOVW_OK)
        status = write_postings(m, err);
    for (int i = 0; status == BOVW_OK && i < N_PLANES; i++) {
        if (signatures & planes[i].needs)
            status = write_plane(m, &planes[i], err);
    }
    if (status == BOVW_OK)
        status = write_summary(m, err);
    return status;
}

static bovw_status verify_sources(merger *m, bovw_error *err)
{
    bovw_status status = BOVW_OK;
    for (uint32_t k = 0; status == BOVW_OK && k < m->n; k++) {
        m->n_stepped = 0; /* each is worth a report */
        status = step(m, k, m->n, err);
        if (status == BOVW_OK)
            status = container_verify(&m->segments[k].file, m->segments[k].path, err);
        release(m);
    }
    end_pass(m);
    return status;
}

/* How many sections and passes there will be. */
static uint32_t count_sections(merger *m, uint32_t signatures)
{
    uint32_t n_sections = N_PLAIN_SECTIONS;
    m->n_passes = 5;
    for (int i = 0; i < N_PLANES; i++) {
        if (!(signatures & planes[i].needs))
            continue;
        n_sections += planes[i].starts_section ? 2 : 1;
        m->n_passes += planes[i].starts_section ? 2 : 1;
    }
    return n_sections;
}

/* Room for a list as it is stored, wherever in a list of all segments it comes. */
static bovw_status merger_init(merger *m, bovw_error *err)
{
    size_t most = 0;
    m->n_words = m->segments[0].n_words;
    m->starts = mem_array((size_t)m->n + 1, sizeof *m->starts);
    if (!m->starts)
        return fail_memory(err, "segment");
    for (uint32_t k = 0; k < m->n; k++) {
        const segment *s = &m->segments[k];
        const size_t end = (size_t)m->starts[k] + s->n_images;
        most = end > most ? end : most;
        m->starts[k + 1] = m->starts[k] + s->n_live;
    }
    m->n_images = m->starts[m->n];
    m->posting_offsets = mem_array((size_t)m->n_words + 1, 8);
    m->frequencies = mem_array(m->n_words, 4);
    m->images = mem_array(most, sizeof *m->images);
    m->tfs = mem_array(most, sizeof *m->tfs);
    return m->posting_offsets && m->frequencies && m->images && m->tfs
               ? BOVW_OK
               : fail_memory(err, "segment");
}

static void merger_free(merger *m)
{
    free(m->starts);
    free(m->posting_offsets);
    free(m->frequencies);
    free(m->images);
    free(m->tfs);
    free(m->coded);
}

bovw_status segment_merge(const segment *segments, uint32_t n, uint32_t signatures,
                          const char *path, const bovw_monitor *monitor, uint64_t *checksum,
                          bovw_error *err)
{
    merger m = {.segments = segments, .n = n, .monitor = monitor};
    const uint32_t n_sections = count_sections(&m, signatures);
    bovw_status status = merger_init(&m, err);
    if (status == BOVW_OK)
        status = verify_sources(&m, err);
    if (status == BOVW_OK)
        status = container_writer_open(path, SEGMENT_KIND, SEGMENT_VERSION, n_sections,
                                       &m.out, err);
    if (status == BOVW_OK) {
        status = write_sections(&m, signatures, err);
        if (status == BOVW_OK)
            status = container_writer_commit(m.out, checksum, err);
        else
            container_writer_abort(m.out);
    }
    merger_free(&m);
    return status;
}
