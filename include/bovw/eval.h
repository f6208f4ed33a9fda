/* eval.h - ground truth, measures, and run files.
 *
 * SPDX-License-Identifier: MIT
 *
 * A ground truth says for each query which images are relevant and which are
 * ignored, that is, taken out of the ranking before it is measured. Everything
 * else is wrong.
 */
#ifndef BOVW_EVAL_H
#define BOVW_EVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bovw/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- ground truth ------------------------------------------------------ */

/* Immutable once open; shared by threads. */
typedef struct bovw_truth bovw_truth;

typedef enum bovw_judgement {
    BOVW_WRONG = 0,
    BOVW_RELEVANT,
    BOVW_IGNORED
} bovw_judgement;

typedef struct bovw_truth_query {
    const char *name;    /* query id, as in run files */
    const char *picture; /* name of the picture that shows it */
    const char *set;     /* part of the data set that it is reported under; ""
                          * if the truth has none */
    const char *group;   /* the object or place that it shows, finer than the
                          * set; "" if the truth has none */
    bool has_region;
    float region[4]; /* x0 y0 x1 y1, pixels, where has_region */
} bovw_truth_query;  /* texts are borrowed from the truth */

/*
 * Open "KIND:PATH"; the path "-" is standard input. Kinds:
 *
 *   groups  TSV with the header columns `image`, `group`, and optionally
 *           `family` and `set`, in any order, others being passed over. Each
 *           image is a query; relevant are the other images of its group;
 *           ignored are the query itself and the images of its family in
 *           other groups (an empty family is none); all else is wrong, images
 *           that the file does not list included. The only image of a group
 *           has no relevant one: it is not a query, but is judged for others.
 *
 *   oxford    folder with NAME_query.txt (image x1 y1 x2 y2), NAME_good.txt,
 *             _ok.txt and _junk.txt for each query: Oxford5k and Paris6k.
 *             Relevant: good and ok, the query's own image among them; junk is
 *             ignored. The query is the box.
 *   revisited JSON of tools/revisited-to-json. Every query is judged in the
 *             sets easy (relevant: easy; ignored: hard, junk), medium (easy and
 *             hard; junk) and hard (hard; easy, junk), where it has relevant
 *             images; the pictures of all queries are ignored. The query is the
 *             box.
 *   holidays  folder of NNNNNN.jpg, itself or its folder jpg, or with the list
 *             holidays_images.dat. Queries are the images whose number is a
 *             multiple of 100; relevant are the others of the same hundred; the
 *             query itself is ignored.
 *   ukbench   folder of ukbenchNNNNN.jpg, itself or its folder full. Every image
 *             is a query; relevant are the four images of its group, itself
 *             counted.
 *   copydays  folder with original/ and folders of copies, such as strong/ and
 *             crops/10/. Queries are the copies, each folder a set; relevant is
 *             the original whose first four digits agree (the same name, except
 *             in strong/); copies are ignored.
 *   qrels     TREC lines `query 0 image relevance`: above 0 relevant, below 0
 *             ignored, else wrong. Names are percent-encoded as in run files.
 *
 * In oxford and revisited images are named without .jpg, and stand for pictures
 * with it or without.
 *
 * BOVW_ERR_ARG for an unknown kind, naming those there are; BOVW_ERR_IO;
 * BOVW_ERR_LIMIT for a file above 1 GiB; BOVW_ERR_FORMAT or _CORRUPT naming
 * file, line and reason. A truth that opens has at least one query.
 */
BOVW_API bovw_status bovw_truth_open(const char *spec, bovw_truth **truth, bovw_error *err);
BOVW_API void bovw_truth_close(bovw_truth *truth); /* NULL allowed */

/* Kind i's name and one line on it (summary may be NULL), NULL past the end:
 * for help texts. */
BOVW_API const char *bovw_truth_kind(size_t i, const char **summary);

/* Everywhere below, query is in [0, n_queries). Texts live as long as the truth. */
BOVW_API uint32_t bovw_truth_n_queries(const bovw_truth *truth);
BOVW_API bovw_truth_query bovw_truth_get(const bovw_truth *truth, uint32_t query);

/* Relevant images of a query, whether or not a database has them; at least 1. */
BOVW_API uint32_t bovw_truth_n_relevant(const bovw_truth *truth, uint32_t query);

/* Is a query judged in several sets? Then those follow each other in the order
 * of queries, have the same name, picture and region, share one ranking, and a
 * mean over all sets has no meaning. */
BOVW_API bool bovw_truth_has_common_rankings(const bovw_truth *truth);

/* Does a table about this truth show measure i? */
BOVW_API bool bovw_truth_shows_measure(const bovw_truth *truth, size_t measure);

/* Where the query's picture is: as named from the folder of the ground truth,
 * else in its folder of pictures (jpg beside a revisited file, ../jpg of an
 * oxford folder, jpg of holidays, full of ukbench), else from the current folder.
 * *path is the caller's: free(). BOVW_ERR_IO naming the places if it is in none. */
BOVW_API bovw_status bovw_truth_picture(const bovw_truth *truth, uint32_t query,
                                        char **path, bovw_error *err);

/* A truth's names tied to the images of one database. */
typedef struct bovw_binding bovw_binding;

/*
 * names is (n,), all different, borrowed for the call. A name of the truth
 * stands for the image of the same name, or the only one whose path ends with
 * it; where two names would stand for one image, the longer one does and the
 * other stands for none (a truth has "x.jpg" and "a/x.jpg", the database has
 * only "d/a/x.jpg"). *n_missing (NULL allowed) counts the names of the truth
 * that stand for no image. The truth must outlive the binding, which threads
 * may share. Memory 4 bytes an image. BOVW_ERR_NOMEM.
 */
BOVW_API bovw_status bovw_binding_new(const bovw_truth *truth, const char *const *names,
                                      uint32_t n, bovw_binding **binding,
                                      uint32_t *n_missing, bovw_error *err);
BOVW_API void bovw_binding_free(bovw_binding *binding); /* NULL allowed */

/* What the truth says of database image `image` for `query`. O(1). */
BOVW_API bovw_judgement bovw_binding_judge(const bovw_binding *binding, uint32_t query,
                                           uint32_t image);

/* The image that shows the query, where the database has it; else UINT32_MAX. */
BOVW_API uint32_t bovw_binding_picture(const bovw_binding *binding, uint32_t query);

/*
 * Group and family of each image of the database, both (n,): the same number for
 * images of the same, UINT32_MAX for images that the truth does not name, and for
 * those without a family. BOVW_ERR_ARG for a kind whose images have no groups
 * (oxford, revisited, qrels).
 */
BOVW_API bovw_status bovw_binding_labels(const bovw_binding *binding, uint32_t *groups,
                                         uint32_t *families, bovw_error *err);

/*
 * Groups of images from a list of pairs that show the same, two names a line,
 * separated by a tab or, in lines without one, by blanks: images that are connected
 * by pairs are one group. Names are found as those of a ground truth.
 *
 *   names      (n,) all different, borrowed for the call.
 *   groups     (n,) UINT32_MAX for images in no pair.
 *   n_missing  lines with a name that is not there; NULL allowed.
 *
 * BOVW_ERR_IO; BOVW_ERR_FORMAT or _CORRUPT naming the line; BOVW_ERR_NOMEM.
 */
BOVW_API bovw_status bovw_groups_of_pairs(const char *path, const char *const *names,
                                          uint32_t n, uint32_t *groups, uint32_t *n_missing,
                                          bovw_error *err);

/* ---- measures ---------------------------------------------------------- */

enum {
    BOVW_MAX_MEASURES = 16
};

/* Measure i's name ("mAP", "mAP-rect", "P@1", "P@10", "recall@100", for
 * revisited "mP@5", "mP@10", for ukbench "N-S") and one line on it (summary may
 * be NULL); NULL past the end. Per query the first two are AP. */
BOVW_API const char *bovw_measure(size_t i, const char **summary);

/* What a value of 1 is printed as: 100 for percent, 4 for N-S. */
BOVW_API double bovw_measure_scale(size_t i);

/*
 * All measures of one ranking.
 *
 *   judgements  (n,) best first. Ignored ones are skipped: they take no rank.
 *   n_relevant  relevant images there are, found or not; at least 1.
 *   values      one per measure, in [0, 1]; zero past the last measure.
 *
 * "mAP" is the trapezoid form of AP (Oxford's compute_ap), "mAP-rect" the
 * rectangular one (trec_eval), which is never lower. P@k counts k ranks even
 * where the ranking is shorter; mP@k (revisited) counts no more than up to the
 * last relevant image, where all were found. Relevant images that the ranking lacks count
 * as not found. O(n) a measure.
 */
BOVW_API void bovw_evaluate(const bovw_judgement *judgements, size_t n, uint32_t n_relevant,
                            double values[BOVW_MAX_MEASURES]);

/* Sums per set and overall, in the order in which queries are added. Not for
 * several threads at once. */
typedef struct bovw_summary bovw_summary;

BOVW_API bovw_status bovw_summary_new(bovw_summary **summary, bovw_error *err);
BOVW_API void bovw_summary_free(bovw_summary *summary); /* NULL allowed */
BOVW_API bovw_status bovw_summary_add(bovw_summary *summary, const char *set,
                                      const double values[BOVW_MAX_MEASURES],
                                      bovw_error *err);

/* Rows: each set in order of first appearance, and last the overall row, named
 * "all", which is the mean over all queries. With one set or none there is
 * only "all". Means over no queries are 0. A row's name (borrowed until the
 * next add) is NULL past the end, with n_queries and means untouched. */
BOVW_API uint32_t bovw_summary_n_rows(const bovw_summary *summary);
BOVW_API const char *bovw_summary_row(const bovw_summary *summary, uint32_t row,
                                      uint32_t *n_queries, double means[BOVW_MAX_MEASURES]);

/* ---- run files (TREC) -------------------------------------------------- */

/* Lines `qid Q0 image rank score tag`. White space, control characters (those
 * of Unicode, in UTF-8) and '%' in names are percent-encoded: each of their
 * bytes is "%XX". For one thread. */
typedef struct bovw_run_writer bovw_run_writer;

/* "-" is standard output. A file appears under its name at close. BOVW_ERR_ARG
 * for an empty tag, BOVW_ERR_IO. */
BOVW_API bovw_status bovw_run_writer_open(const char *path, const char *tag,
                                          bovw_run_writer **writer, bovw_error *err);
/* rank counts from 1; score is written with 9 significant digits. BOVW_ERR_ARG
 * for an empty name, rank 0 or a score that is not finite: nothing is written
 * and the writer can go on. After BOVW_ERR_IO or _NOMEM close fails too. */
BOVW_API bovw_status bovw_run_writer_add(bovw_run_writer *writer, const char *query,
                                         const char *image, uint32_t rank, float score,
                                         bovw_error *err);
/* Commit and free, also on failure, after which nothing is under the name but
 * what was there before. */
BOVW_API bovw_status bovw_run_writer_close(bovw_run_writer *writer, bovw_error *err);
/* Give up: nothing appears under the name. NULL allowed. */
BOVW_API void bovw_run_writer_abort(bovw_run_writer *writer);

#ifdef __cplusplus
}
#endif
#endif
