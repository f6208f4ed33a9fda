/* features.h - keypoints and descriptors of images, and the files they are
 * kept in.
 *
 * SPDX-License-Identifier: MIT
 *
 * Lowe, "Distinctive image features from scale-invariant keypoints", IJCV
 * 2004, as VLFeat computes it; Mikolajczyk and Schmid, "Scale & affine
 * invariant interest point detectors", IJCV 2004, for the other detectors;
 * Arandjelovic and Zisserman, "Three things everyone should know to improve
 * object retrieval", CVPR 2012, for RootSIFT.
 */
#ifndef BOVW_FEATURES_H
#define BOVW_FEATURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bovw/image.h"
#include "bovw/monitor.h"
#include "bovw/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BOVW_DESCRIPTOR_DIM   128
#define BOVW_CONTENT_ID_BYTES 16

/* Longest text of bovw_feature_options_format(), with its final zero. */
#define BOVW_FEATURE_OPTIONS_TEXT 160

/* How keypoints are found. The names are those of bovw_detector_name(). */
typedef enum bovw_detector {
    BOVW_DETECTOR_DOG,           /* extrema of the difference of Gaussians */
    BOVW_DETECTOR_HESSIAN,       /* extrema of the determinant of the Hessian */
    BOVW_DETECTOR_DOG_AFFINE,    /* the same two, and the neighbourhood is made */
    BOVW_DETECTOR_HESSIAN_AFFINE /* round before it is described */
} bovw_detector;

/* Name of detector i, such as "dog"; NULL past the end. */
BOVW_API const char *bovw_detector_name(size_t i);

/* How features are found and described. Part of every file made from them:
 * features with different options are never compared. */
typedef struct bovw_feature_options {
    uint32_t max_side;      /* longer side scaled down to this, pixels; 1024 */
    uint32_t max_features;  /* at most so many per image, the strongest by what
                             * the detector looks for; 0: all; 2000 */
    int32_t first_octave;   /* -1 doubles the image first, 0 does not; -1 */
    float peak_threshold;   /* least |DoG|, grey levels 0 to 255; of the Hessian,
                             * the square root of its determinant, scaled so that
                             * a round blob is about as strong; 1 */
    float edge_threshold;   /* largest ratio of principal curvatures; 10 */
    bool root;              /* RootSIFT; true */
    bool upright;           /* no orientation: every keypoint has the angle 0, so a
                             * picture that is turned no longer matches; false */
    bovw_detector detector; /* BOVW_DETECTOR_DOG */
} bovw_feature_options;

BOVW_API void bovw_feature_options_default(bovw_feature_options *opts);

/* BOVW_ERR_ARG naming the field that is out of range. */
BOVW_API bovw_status bovw_feature_options_check(const bovw_feature_options *opts,
                                                bovw_error *err);

/* One canonical line such as "dog-sift first-octave=-1 peak=1 edge=10
 * max-side=1024 max-features=2000 root=1", and " upright=1" behind it where that
 * is set; equal options give equal text. */
BOVW_API void bovw_feature_options_format(const bovw_feature_options *opts,
                                          char text[BOVW_FEATURE_OPTIONS_TEXT]);

/* BOVW_ERR_MISMATCH naming both and their options where these differ. */
BOVW_API bovw_status bovw_feature_options_match(const char *a_name,
                                                const bovw_feature_options *a,
                                                const char *b_name,
                                                const bovw_feature_options *b,
                                                bovw_error *err);

/* Read that line back. BOVW_ERR_CORRUPT if it is not such a line. */
BOVW_API bovw_status bovw_feature_options_parse(const char *text,
                                                bovw_feature_options *opts,
                                                bovw_error *err);

/* Of affine detectors: the circle with the area of the ellipse that was made
 * round, turned as the y axis of the round neighbourhood is in the picture. The
 * ellipse itself is not kept. */
typedef struct bovw_keypoint {
    float x, y;  /* pixels of the original, oriented image; the centre of the
                  * top-left pixel is (0, 0) */
    float scale; /* standard deviation of the Gaussian, same unit */
    float angle; /* radians in [0, 2 pi), from x towards y */
} bovw_keypoint;

/* The features of one image, strongest first. */
typedef struct bovw_features {
    char *name;                                /* as the image was given, owned */
    uint32_t width, height;                    /* pixels of the original, oriented image */
    uint8_t content_id[BOVW_CONTENT_ID_BYTES]; /* XXH3-128 of the image file */
    uint32_t n;
    bovw_keypoint *keypoints; /* (n,), owned */
    uint8_t *descriptors;     /* (n, 128): 512 times the unit-length vector,
                               * rounded, at most 255; owned */
    bool is_cropped;          /* to what is inside region: */
    float region[4];          /* left, top, right, bottom, pixels */
} bovw_features;

/* Free what the struct owns and zero it. */
BOVW_API void bovw_features_free(bovw_features *features);

/* Keep the features whose centre lies strictly inside (x0, y0)-(x1, y1),
 * pixels of the original image, and say so in `region`. */
BOVW_API void bovw_features_crop(bovw_features *features, float x0, float y0, float x1,
                                 float y1);

/* ---- extraction ------------------------------------------------------- */

/* Scratch for one image at a time; reuses its buffers from image to image. */
typedef struct bovw_extractor bovw_extractor;

/*
 *   compute  how many threads one image may use, and which extractor: "fast"
 *            (NULL is the same), our own, or "vlfeat", VLFeat alone and on one
 *            thread, which has the detector "dog" only. They give the same
 *            features to float rounding: positions to 0.05 pixels, scales to
 *            1 %, descriptors to a cosine of 0.999. NULL: all processors.
 *
 * Any number of threads and any processor gives the same bytes.
 * BOVW_ERR_ARG for options out of range, an unknown extractor, or one that does
 * not have the detector.
 * Memory: 32 bytes a pixel of the largest scaled image, four times that where
 * first_octave is -1 (135 MB for 1024 x 1024); "vlfeat" 85 bytes.
 */
BOVW_API bovw_status bovw_extractor_new(const bovw_feature_options *opts,
                                        const bovw_compute *compute,
                                        bovw_extractor **extractor, bovw_error *err);

/* Name of extractor i, the default first; NULL past the end. */
BOVW_API const char *bovw_extractor_name(size_t i);
BOVW_API void bovw_extractor_free(bovw_extractor *extractor);

/*
 * Features of a grey image (channels == 1) that was scaled to max_side.
 * Keypoints are in pixels of full_width x full_height. Fills width, height,
 * n, keypoints and descriptors of `features`; name is NULL and content_id 0.
 * BOVW_ERR_LIMIT if a side is under 16 pixels or the image exceeds what
 * VLFeat can address; BOVW_ERR_NOMEM.
 */
BOVW_API bovw_status bovw_extractor_run(bovw_extractor *extractor, const bovw_image *grey,
                                        bovw_features *features, bovw_error *err);

/* Read, decode, scale and extract one image file; name is a copy of path. */
BOVW_API bovw_status bovw_extractor_run_file(bovw_extractor *extractor, const char *path,
                                             bovw_features *features, bovw_error *err);

/* ---- feature file ------------------------------------------------------ */

/* A mapped .feat file: immutable, shared by threads. */
typedef struct bovw_feature_file bovw_feature_file;

BOVW_API bovw_status bovw_feature_file_open(const char *path, bovw_feature_file **file,
                                            bovw_error *err);
BOVW_API void bovw_feature_file_close(bovw_feature_file *file);
BOVW_API uint32_t bovw_feature_file_count(const bovw_feature_file *file);
BOVW_API uint64_t bovw_feature_file_n_features(const bovw_feature_file *file);
BOVW_API const bovw_feature_options *
bovw_feature_file_options(const bovw_feature_file *file);

/* Name of image i, borrowed until close. */
BOVW_API const char *bovw_feature_file_name(const bovw_feature_file *file, uint32_t i);

/* Index of the image with this name, or the only one whose path ends with it;
 * UINT32_MAX if there is none or more than one. O(log n). */
BOVW_API uint32_t bovw_feature_file_find(const bovw_feature_file *file, const char *name);

/* Copy of image i's features; its checksum is verified. BOVW_ERR_CORRUPT. */
BOVW_API bovw_status bovw_feature_file_read(const bovw_feature_file *file, uint32_t i,
                                            bovw_features *features, bovw_error *err);

/* ---- sources: features of many images, wherever they come from ---------- */

/* The images named by a list of PATHs: picture files, folders (recursive,
 * sorted by name, files with a picture's suffix), @LIST (one path a line, "-"
 * for standard input), .feat files, "-" (one picture on standard input). */
typedef struct bovw_source bovw_source;

/*
 *   paths, n_paths  borrowed for the call.
 *   opts            how to extract; NULL: the options of the .feat files
 *                   among the paths, or the default.
 *   monitor         a path that is missing or cannot be read is reported
 *                   through `skipped` and left out.
 *
 * Returns BOVW_ERR_MISMATCH naming both where a .feat file was made with
 * other options; BOVW_ERR_FORMAT, _VERSION or _CORRUPT for a damaged .feat.
 */
BOVW_API bovw_status bovw_source_open(const char *const *paths, size_t n_paths,
                                      const bovw_feature_options *opts,
                                      const bovw_monitor *monitor, bovw_source **source,
                                      bovw_error *err);
BOVW_API void bovw_source_close(bovw_source *source);
BOVW_API uint32_t bovw_source_count(const bovw_source *source);
BOVW_API uint32_t bovw_source_n_skipped(const bovw_source *source);
BOVW_API const bovw_feature_options *bovw_source_options(const bovw_source *source);

/* Features of all its images at most: those of .feat files, and what the options
 * allow for pictures. UINT64_MAX where they set no limit. */
BOVW_API uint64_t bovw_source_max_features(const bovw_source *source);

/* Name of item i: the path of a picture as it was given, or the name that a
 * .feat file has. Borrowed until close. */
BOVW_API const char *bovw_source_name(const bovw_source *source, uint32_t i);

typedef struct bovw_source_batch {
    bovw_features *features; /* (n,), owned by the source; what a consumer takes
                              * out of one it sets to zero */
    const uint32_t *items;   /* (n,) index of each in the source, ascending */
    const double *seconds;   /* (n,) that reading and extraction took */
    size_t n;
} bovw_source_batch;

typedef struct bovw_source_consumer {
    void *context;

    /* Asked about item `item` of the source before the costly part: false
     * leaves the image out silently. Called from one thread at a time, in any
     * order within a batch. NULL: all are wanted. */
    bool (*wanted)(void *context, uint32_t item, const char *name,
                   const uint8_t content_id[BOVW_CONTENT_ID_BYTES]);

    /* A batch of images in source order, called from the thread that called
     * bovw_source_run(). */
    bovw_status (*consume)(void *context, const bovw_source_batch *batch, bovw_error *err);
} bovw_source_consumer;

/*
 * Run through the source in order: extract or read features in batches,
 * parallel over images, and hand each batch to the consumer. Images that
 * cannot be read are reported through monitor->skipped and counted.
 *
 *   stage  the word for monitor->progress, for example "extracting".
 *
 * The consumer sees the same images in the same order for any n_threads.
 * BOVW_ERR_ARG where the extractor that compute names cannot be made; what the
 * consumer fails with; BOVW_ERR_CANCELLED; BOVW_ERR_NOMEM.
 * Memory: one extractor per thread and the features of at most 32 images.
 */
BOVW_API bovw_status bovw_source_run(bovw_source *source, const bovw_compute *compute,
                                     const char *stage,
                                     const bovw_source_consumer *consumer,
                                     const bovw_monitor *monitor, bovw_error *err);

typedef struct bovw_extract_result {
    uint32_t n_images;   /* in the file now */
    uint32_t n_kept;     /* of them, taken over from an interrupted run */
    uint64_t n_features; /* of all images */
} bovw_extract_result;

/*
 * Extract a source into a feature file. The file grows under the name
 * "PATH.part" and gets its own name when it is complete, so PATH is never
 * half-written. Killed or cancelled, the same call continues the .part file
 * and gives the same bytes as an uninterrupted run.
 * BOVW_ERR_IO, BOVW_ERR_CANCELLED, or what the source reports.
 */
BOVW_API bovw_status bovw_extract(bovw_source *source, const char *path,
                                  const bovw_compute *compute, const bovw_monitor *monitor,
                                  bovw_extract_result *result, bovw_error *err);

#ifdef __cplusplus
}
#endif
#endif
