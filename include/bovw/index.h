/* index.h - the inverted file of a collection of images.
 *
 * SPDX-License-Identifier: MIT
 *
 * An index is a directory: a MANIFEST that is replaced as a whole (the commit
 * point), immutable segments, weights, and a copy of the vocabulary. See
 * src/index/FORMAT.md for every byte. A bovw_index is one generation of it,
 * memory-mapped, immutable and shared by threads; it stays as it was opened
 * while others add and remove images.
 *
 * Images are numbered from 0 in the order in which they were added, without
 * those that were removed since; one that was replaced counts as added then.
 * Whatever was added, removed, replaced and merged, and in whichever batches, an
 * index ranks, to the bit, like one that was made of what is left in this order.
 */
#ifndef BOVW_INDEX_H
#define BOVW_INDEX_H

#include "bovw/vocabulary.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bovw_index bovw_index;

/* What an index keeps besides words, as a set of bits. */
enum {
    BOVW_SIGNATURES_NONE = 0,
    BOVW_SIGNATURES_HE64 = 1,  /* 8 bytes a feature: score "he", cleaner matches for
                                * verification */
    BOVW_SIGNATURES_HE128 = 2, /* 16 bytes a feature, of which the first 8 are HE64 */
    BOVW_SIGNATURES_ASMK = 4   /* 16 bytes a posting: score "asmk" */
};

/* "none", or names separated by commas: "he128,asmk". Setting HE128 sets HE64
 * too. BOVW_ERR_ARG naming those that there are. */
BOVW_API bovw_status bovw_signatures_parse(const char *text, uint32_t *signatures,
                                           bovw_error *err);
#define BOVW_SIGNATURES_TEXT 32
/* The text that bovw_signatures_parse() reads. */
BOVW_API void bovw_signatures_format(uint32_t signatures, char text[BOVW_SIGNATURES_TEXT]);
/* Name of kind i and what it is for (NULL allowed); NULL past the last. */
BOVW_API const char *bovw_signatures_kind(size_t i, const char **summary);

/* Make an empty index at path, which must not exist or be an empty folder.
 * BOVW_ERR_ARG if something is there, or if there shall be signatures and the
 * vocabulary has none; BOVW_ERR_IO. */
BOVW_API bovw_status bovw_index_create_with(const char *path,
                                            const bovw_vocabulary *vocabulary,
                                            uint32_t signatures, bovw_error *err);
/* The same without signatures. */
BOVW_API bovw_status bovw_index_create(const char *path, const bovw_vocabulary *vocabulary,
                                       bovw_error *err);

/*
 * Open the newest generation. Cost: maps the files and checks their headers,
 * sizes and bounds, O(segments + words); bovw_index_check() reads every byte.
 * BOVW_ERR_IO, _FORMAT, _VERSION, _CORRUPT, _MISMATCH (a vocabulary that does
 * not belong to the segments), _NOMEM.
 */
BOVW_API bovw_status bovw_index_open(const char *path, bovw_index **index, bovw_error *err);
BOVW_API void bovw_index_close(bovw_index *index);

/* Of images that were removed nothing is counted here. */
BOVW_API uint32_t bovw_index_n_images(const bovw_index *index);
BOVW_API uint64_t bovw_index_n_features(const bovw_index *index);
BOVW_API uint64_t bovw_index_n_postings(const bovw_index *index);
BOVW_API uint32_t bovw_index_n_segments(const bovw_index *index);
BOVW_API uint64_t bovw_index_generation(const bovw_index *index);
/* Size on disk of this generation's segments and weights, bytes; its copy of
 * the vocabulary is not counted. */
BOVW_API uint64_t bovw_index_bytes(const bovw_index *index);

/* What was removed and still takes space. */
typedef struct bovw_removed_info {
    uint32_t n_images;
    uint64_t n_features;
    uint64_t bytes; /* that bovw_index_compact() would free, about: their share of the
                     * segments, and what each segment but one costs by itself */
} bovw_removed_info;
BOVW_API bovw_removed_info bovw_index_removed(const bovw_index *index);

/* Which signatures it has. */
BOVW_API uint32_t bovw_index_signatures(const bovw_index *index);
/* Borrowed until close. */
BOVW_API const bovw_vocabulary *bovw_index_vocabulary(const bovw_index *index);

typedef struct bovw_image_info {
    const char *name;       /* borrowed until close */
    uint32_t width, height; /* pixels of the original, oriented image */
    uint32_t n_features;
    uint8_t content_id[BOVW_CONTENT_ID_BYTES];
} bovw_image_info;

/* image in [0, n_images). */
BOVW_API bovw_image_info bovw_index_image(const bovw_index *index, uint32_t image);

/* idf of a word: ln(n_images / images with the word), 0 where no image has it. */
BOVW_API float bovw_index_idf(const bovw_index *index, uint32_t word);

/* Euclidean length of image's tf-idf vector. */
BOVW_API float bovw_index_norm(const bovw_index *index, uint32_t image);

/*
 * Words and quantised keypoints of one image, in ascending order of word.
 *
 *   words, keypoints  (n_features of the image,) caller's buffers; keypoints
 *                     may be NULL. Positions are exact to 1/65,535 of the
 *                     image's sides, scales to 2.2 %, angles to 0.7 degrees.
 *
 * BOVW_ERR_CORRUPT if the segment is damaged there.
 */
BOVW_API bovw_status bovw_index_features(const bovw_index *index, uint32_t image,
                                         uint32_t *words, bovw_keypoint *keypoints,
                                         bovw_error *err);

/* One image of a postings list. */
typedef struct bovw_posting {
    uint32_t image;
    uint32_t tf;
} bovw_posting;

/* Postings of the images that are left of `word` in segment `segment`, in ascending order
 * of image. *postings grows as needed (free() it) and *capacity with it. BOVW_ERR_CORRUPT,
 * BOVW_ERR_NOMEM. The plain way in; search has its own. */
BOVW_API bovw_status bovw_index_postings(const bovw_index *index, uint32_t segment,
                                         uint32_t word, bovw_posting **postings,
                                         size_t *capacity, size_t *n, bovw_error *err);

typedef struct bovw_add_options {
    uint32_t batch; /* images per segment and commit; 4096 */
    bool update;    /* replace an image whose name is there with other content; false */
} bovw_add_options;

BOVW_API void bovw_add_options_default(bovw_add_options *opts);

typedef struct bovw_add_result {
    uint32_t n_added;   /* images committed by this call, besides */
    uint32_t n_updated; /* those that replaced one of the same name */
    uint32_t n_present; /* images that were there with the same content */
    uint32_t n_refused; /* names that were there with other content */
} bovw_add_result;

/*
 * Add the images of a source. Every opts->batch images become a segment and a
 * commit; stopped at any moment, what was committed stays, and the same call
 * goes on from there. An image whose name is there with the same content is
 * left alone. With other content it is reported through monitor->skipped; or,
 * with opts->update, the old one goes and the new one comes, in one commit.
 * Segments that have grown many are merged, each time in a commit of its own:
 * see bovw_index_compact().
 *
 *   source   opened with the feature options of the index's vocabulary.
 *   result   filled on success and on failure, or NULL.
 *
 * One writer at a time: BOVW_ERR_BUSY where another holds the lock; readers
 * are not disturbed. BOVW_ERR_MISMATCH if the source has other options.
 * BOVW_ERR_CANCELLED after committing what is complete.
 * Memory: about 30 bytes a feature of a batch, 24 bytes a word, the names, and
 * 28 bytes an image of the index at each commit. With signatures also their own
 * size for each feature of a batch and 8 bytes more, and 40 bytes a word.
 */
BOVW_API bovw_status bovw_index_add(const char *path, bovw_source *source,
                                    const bovw_add_options *opts,
                                    const bovw_compute *compute,
                                    const bovw_monitor *monitor, bovw_add_result *result,
                                    bovw_error *err);

typedef struct bovw_remove_result {
    uint32_t n_removed; /* images */
    uint32_t n_unknown; /* names that stand for no image, or for several */
} bovw_remove_result;

/*
 * Remove images, all in one commit. They are gone at once for whoever opens the
 * index from then on; the space that they take returns when their segment is
 * merged.
 *
 *   names  (n,) each stands for the image of this name, or the only one whose
 *          path ends with it. Others are reported through monitor->skipped and
 *          do nothing. A name that comes again counts once.
 *   result filled on success, or NULL. With n_removed 0 nothing was written.
 *
 * BOVW_ERR_BUSY, BOVW_ERR_IO, BOVW_ERR_NOMEM; the index is as it was then.
 * Cost: O(postings of the index), since the weights of all words change.
 * Memory: 28 bytes an image, 4 a word.
 */
BOVW_API bovw_status bovw_index_remove(const char *path, const char *const *names,
                                       uint32_t n, const bovw_compute *compute,
                                       const bovw_monitor *monitor,
                                       bovw_remove_result *result, bovw_error *err);

typedef struct bovw_compact_result {
    uint32_t n_segments;                /* before */
    uint64_t bytes_before, bytes_after; /* as of bovw_index_bytes() */
} bovw_compact_result;

/*
 * Make as few segments as can be, without what was removed: neighbours become one of at
 * most 65,536 images, since that many scores stay in the cache of a core, and threads
 * share a query by segments. Rankings stay as they are, to the bit. Stopped at any
 * moment, the index is whole, and the same call goes on; readers keep the files that they
 * have open until they close them.
 *
 * Until a segment is finished the disk holds both, the old ones and the new one. Memory:
 * 28 bytes a word and 8 an image of a segment, whatever the size of the index. Reads
 * every byte of what it merges and verifies it first: BOVW_ERR_CORRUPT where there is
 * damage.
 *
 * bovw_index_add() merges by itself, so that this is needed to get space back or
 * the fastest search, not to keep an index going: the tier of a segment is the
 * logarithm to base 8 of its images, and at most 7 segments of a tier are left
 * side by side, which makes about 7 log8(n) at most of n images, as long as a merged
 * one has at most 65,536. A segment of which more than half is removed is written
 * again too.
 *
 *   result  filled on success, or NULL.
 *
 * BOVW_ERR_BUSY, _CANCELLED, _IO, _CORRUPT, _NOMEM.
 */
BOVW_API bovw_status bovw_index_compact(const char *path, const bovw_monitor *monitor,
                                        bovw_compact_result *result, bovw_error *err);

/*
 * Read and verify every byte: checksums, orders, bounds, and that postings,
 * per-image words, document frequencies and norms agree with each other.
 * The error names the file and the first thing that is wrong.
 */
BOVW_API bovw_status bovw_index_check(const char *path, const bovw_monitor *monitor,
                                      bovw_error *err);

#ifdef __cplusplus
}
#endif
#endif
