/* synthetic.h - made-up features, feature files and pictures for tests. */
#ifndef TESTS_SYNTHETIC_H
#define TESTS_SYNTHETIC_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"
#include "bovw/bovw.h"
#include "features/record.h"

/* A folder of its own below $TMPDIR or /tmp; remove it with remove_folder(). */
static inline char *make_folder(void)
{
    const char *base = getenv("TMPDIR");
    char *path = mem_format("%s/bovw-test-XXXXXX", base ? base : "/tmp");
    if (!path || !mkdtemp(path))
        abort();
    return path;
}

static inline void remove_folder(char *path)
{
    char *command = mem_format("rm -rf '%s'", path);
    if (!command || system(command) != 0)
        abort();
    free(command);
    free(path);
}

static inline void random_bytes(uint8_t *bytes, size_t n, uint64_t *state)
{
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)random_next(state);
}

/* n random descriptors; free(). */
static inline uint8_t *random_points(size_t n, uint64_t seed)
{
    uint8_t *points = mem_array(n, BOVW_DESCRIPTOR_DIM);
    if (!points)
        abort();
    random_bytes(points, n * BOVW_DESCRIPTOR_DIM, &seed);
    return points;
}

/* For a monitor: what was skipped last, and how often anything was. */
typedef struct skips {
    int n;
    char text[1024];
} skips;

static inline void note_skipped(void *context, const char *name, const bovw_error *reason)
{
    skips *s = context;
    s->n++;
    snprintf(s->text, sizeof s->text, "%s|%s", name, reason->text);
}

/* A call that shall not fail; the file has `static bovw_error err`. */
#define GOOD(call)                                                                         \
    do {                                                                                   \
        if ((call) != BOVW_OK)                                                             \
            fail_msg("%s", err.text);                                                      \
    } while (0)

/* n features of one image: descriptors are random bytes, keypoints anywhere
 * in 640 x 480. */
static inline bovw_features random_features(const char *name, uint32_t n, uint64_t *state)
{
    bovw_features f = {.name = mem_text(name), .width = 640, .height = 480, .n = n};
    f.keypoints = mem_array(n, sizeof *f.keypoints);
    f.descriptors = mem_array(n, BOVW_DESCRIPTOR_DIM);
    random_bytes(f.descriptors, (size_t)n * BOVW_DESCRIPTOR_DIM, state);
    for (uint32_t i = 0; i < n; i++)
        f.keypoints[i] =
            (bovw_keypoint){.x = (float)random_below(state, 6400) / 10.0F,
                            .y = (float)random_below(state, 4800) / 10.0F,
                            .scale = 1.0F + (float)random_below(state, 100) / 10.0F,
                            .angle = (float)random_below(state, 628) / 100.0F};
    random_bytes(f.content_id, sizeof f.content_id, state);
    return f;
}

/* Write images as a complete feature file. */
static inline void write_features(const char *path, const bovw_feature_options *opts,
                                  const bovw_features *images, uint32_t n)
{
    FILE *stream = fopen(path, "wb");
    uint8_t head[FEATURE_HEADER_BYTES] = {0};
    uint8_t *index = mem_array(n, 8);
    feature_header header = {.options = *opts, .n_images = n};
    uint64_t at = FEATURE_HEADER_BYTES;

    if (!stream || !index || fwrite(head, 1, sizeof head, stream) != sizeof head)
        abort();
    for (uint32_t i = 0; i < n; i++) {
        uint8_t *bytes = NULL;
        size_t n_bytes = 0;
        if (record_encode(&images[i], &bytes, &n_bytes, NULL) != BOVW_OK ||
            fwrite(bytes, 1, n_bytes, stream) != n_bytes)
            abort();
        store_le64(index + (size_t)i * 8, at);
        header.n_features += images[i].n;
        at += n_bytes;
        free(bytes);
    }
    header.index_offset = at;
    header.index_checksum = hash64(index, (size_t)n * 8);
    feature_header_encode(&header, head);
    if (fwrite(index, 8, n, stream) != n || fseek(stream, 0, SEEK_SET) != 0 ||
        fwrite(head, 1, sizeof head, stream) != sizeof head || fclose(stream) != 0)
        abort();
    free(index);
}

/* A grey picture as PGM with blobs that SIFT finds; seed chooses them. */
static inline void write_picture(const char *path, uint32_t width, uint32_t height,
                                 uint64_t seed)
{
    uint8_t *pixels = mem_array((size_t)width * height, 1);
    uint64_t state = seed;
    FILE *stream = fopen(path, "wb");
    if (!stream || !pixels)
        abort();
    memset(pixels, 128, (size_t)width * height);
    for (int blob = 0; blob < 60; blob++) {
        const int cx = (int)random_below(&state, width);
        const int cy = (int)random_below(&state, height);
        const int r = 2 + (int)random_below(&state, 7);
        const uint8_t value = (uint8_t)random_next(&state);
        for (int y = cy - r; y <= cy + r; y++) {
            for (int x = cx - r; x <= cx + r; x++) {
                if (x >= 0 && y >= 0 && x < (int)width && y < (int)height &&
                    (x - cx) * (x - cx) + 2 * (y - cy) * (y - cy) <= r * r)
                    pixels[(size_t)y * width + (size_t)x] = value;
            }
        }
    }
    fprintf(stream, "P5\n%u %u\n255\n", width, height);
    if (fwrite(pixels, 1, (size_t)width * height, stream) != (size_t)width * height ||
        fclose(stream) != 0)
        abort();
    free(pixels);
}

/* Overlapping squares and discs under a soft light, with noise: corners, edges,
 * blobs and texture, up to the borders. */
static inline bovw_image shapes_image(uint32_t width, uint32_t height, uint64_t seed)
{
    bovw_image image;
    if (bovw_image_new(width, height, 1, 90, &image, NULL) != BOVW_OK)
        abort();
    for (int shape = 0; shape < 300; shape++) {
        const int cx = (int)random_below(&seed, width),
                  cy = (int)random_below(&seed, height);
        const int r = 3 + (int)random_below(&seed, 20);
        const uint8_t value = (uint8_t)random_below(&seed, 200);
        const bool is_disc = shape % 2;
        for (int y = cy - r < 0 ? 0 : cy - r; y <= cy + r && y < (int)height; y++) {
            for (int x = cx - r < 0 ? 0 : cx - r; x <= cx + r && x < (int)width; x++) {
                if (!is_disc || (x - cx) * (x - cx) + (y - cy) * (y - cy) <= r * r)
                    image.pixels[(uint32_t)y * width + (uint32_t)x] =
                        (uint8_t)(value + x * 30 / (int)width + y * 20 / (int)height);
            }
        }
    }
    for (uint32_t i = 0; i < width * height; i++) {
        const uint32_t noisy = image.pixels[i] + (uint32_t)random_below(&seed, 6);
        image.pixels[i] = (uint8_t)(noisy > 255 ? 255 : noisy);
    }
    return image;
}

/* Whole contents of a file, the caller's. */
static inline uint8_t *slurp(const char *path, size_t *n)
{
    uint8_t *bytes = NULL;
    FILE *stream = fopen(path, "rb");
    if (!stream || fseek(stream, 0, SEEK_END) != 0)
        abort();
    *n = (size_t)ftell(stream);
    rewind(stream);
    bytes = malloc(*n + 1);
    if (!bytes || fread(bytes, 1, *n, stream) != *n)
        abort();
    fclose(stream);
    return bytes;
}

static inline void spit(const char *path, const void *bytes, size_t n)
{
    FILE *stream = fopen(path, "wb");
    if (!stream || fwrite(bytes, 1, n, stream) != n || fclose(stream) != 0)
        abort();
}

#endif
