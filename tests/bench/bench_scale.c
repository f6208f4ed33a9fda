/* SPDX-License-Identifier: MIT
 *
 * What grows with the collection, on made-up images (collection.h): bench_scale
 * [-n IMAGES] [-f FEATURES] [-k WORDS] [-b IMAGES A SEGMENT] [-s none|he64|he128]
 * [-q QUERIES] [-j BUILDERS] [-d FOLDER] [-K]
 *
 * Segments are written by the index's own writer and searched by its own searcher; only
 * features and their words are made up. The index is made in FOLDER (/tmp), and
 * removed unless -K says to keep it; one that is there is searched as it is, one that
 * is not complete is completed.
 * Seconds are those of the clock: let nothing else run.
 */
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "bench/collection.h"
#include "bench/postings_codes.h"
#include "bench/rows.h"
#include "index/segment_layout.h"
#include "index/snapshot.h"
#include "search/searcher.h"

enum {
    KEPT = 30,      /* features of a query in a hundred that its image has */
    WORDS_EACH = 5, /* of a query's feature */
    N_VERIFIED = 100,
    SEED = 1
};

typedef struct setting {
    uint32_t n_images, n_features, n_words, n_segment, n_queries;
    uint32_t signatures;
    int n_builders; /* segments that are built at a time */
    char folder[200];
    bool is_kept;
} setting;

static _Noreturn void stop(const bovw_error *err)
{
    fprintf(stderr, "bench_scale: %s\n", err->text);
    exit(EXIT_FAILURE);
}

static void must(bovw_status status, const bovw_error *err)
{
    if (status != BOVW_OK)
        stop(err);
}

static void *must_have(void *memory)
{
    if (!memory) {
        fprintf(stderr, "bench_scale: out of memory\n");
        exit(EXIT_FAILURE);
    }
    return memory;
}

/* ---- building -------------------------------------------------------------- */

static bovw_vocabulary *random_vocabulary(uint32_t n_words)
{
    bovw_feature_options opts;
    bovw_vocabulary *made = NULL;
    bovw_error err;
    uint64_t random = SEED;
    const size_t n_bytes = (size_t)n_words * BOVW_DESCRIPTOR_DIM;
    uint8_t *centroids = must_have(mem_array(n_bytes, 1));
    int8_t *thresholds = must_have(mem_array(n_bytes, 1));
    int16_t *projection =
        must_have(mem_array(BOVW_DESCRIPTOR_DIM * BOVW_DESCRIPTOR_DIM, sizeof *projection));
    for (size_t i = 0; i < n_bytes; i++)
        centroids[i] = (uint8_t)random_next(&random);
    for (int i = 0; i < BOVW_DESCRIPTOR_DIM; i++)
        projection[i * BOVW_DESCRIPTOR_DIM + i] = 1 << 14;
    const bovw_embedding embedding = {projection, thresholds};
    bovw_feature_options_default(&opts);
    must(bovw_vocabulary_new_embedded(&opts, centroids, n_words, &embedding,
                                      "bench_scale: random", &made, &err),
         &err);
    free(centroids);
    free(thresholds);
    free(projection);
    return made;
}

/* What the manifest says of a segment that is there. */
static void describe_segment(const setting *s, const char *path, manifest_segment *entry)
{
    bovw_error err;
    segment written = {0};
    must(segment_open(path, s->n_words, s->signatures, &written, &err), &err);
    entry->checksum = written.file.checksum;
    entry->n_images = written.n_images;
    entry->n_features = written.n_features;
    entry->n_postings = written.n_postings;
    entry->n_bytes = written.file.map.size;
    segment_close(&written);
}

/* Weights of all segments, and the manifest that names them: a commit. */
static double commit(const setting *s, manifest *m, bovw_error *err)
{
    segment *all = must_have(mem_array(m->n_segments, sizeof *all));
    for (uint32_t i = 0; i < m->n_segments; i++) {
        char *path = must_have(segment_path(s->folder, m->segments[i].number));
        must(segment_open(path, s->n_words, s->signatures, &all[i], err), err);
        free(path);
    }
    m->weights_generation = ++m->generation;
    char *path = must_have(weights_path(s->folder, m->generation));
    const double start = clock_seconds();
    must(weights_write(path, all, m->n_segments, s->n_words, NULL, &m->weights_checksum,
                       err),
         err);
    const double seconds = clock_seconds() - start;
    must(manifest_write(s->folder, m, err), err);
    for (uint32_t i = 0; i < m->n_segments; i++)
        segment_close(&all[i]);
    free(all);
    free(path);
    return seconds;
}

typedef struct build_seconds {
    double make, add, write, weights; /* making images up is not part of the work */
} build_seconds;

/* Segment number i of the index, which starts at image i * n_segment. */
static void write_segment(const setting *s, const collection *c, uint32_t i,
                          const char *path, build_seconds *spent)
{
    bovw_error err;
    segment_builder *builder = NULL;
    made_image image;
    uint64_t checksum;
    const uint32_t start = i * s->n_segment, left = s->n_images - start;
    const uint32_t n = left < s->n_segment ? left : s->n_segment;

    must(segment_builder_new(s->n_words, s->signatures, &builder, &err), &err);
    if (!made_image_new(c, 1, &image))
        must_have(NULL);
    const image_signatures signatures = {.features = image.signatures};
    for (uint32_t j = start; j < start + n; j++) {
        const double before = clock_seconds();
        collection_image(c, j, &image);
        const double made = clock_seconds();
        must(segment_builder_add(builder, &image.features, image.words, &signatures, &err),
             &err);
        spent->make += made - before;
        spent->add += clock_seconds() - made;
    }
    const double before = clock_seconds();
    must(segment_builder_write(builder, path, &checksum, &err), &err);
    spent->write += clock_seconds() - before;
    segment_builder_free(builder);
    made_image_free(&image);
}

/* The same, unless an interrupted run has left it. */
static void build_segment(const setting *s, const collection *c, uint32_t i,
                          manifest_segment *entry, build_seconds *spent)
{
    entry->number = i + 1;
    char *path = must_have(segment_path(s->folder, entry->number));
    if (access(path, F_OK) != 0)
        write_segment(s, c, i, path, spent);
    describe_segment(s, path, entry);
    free(path);
}

static build_seconds build(const setting *s, const collection *c)
{
    bovw_error err;
    manifest m = {0};
    build_seconds all = {0};
    if (access(s->folder, F_OK) != 0) {
        bovw_vocabulary *vocabulary = random_vocabulary(s->n_words);
        must(bovw_index_create_with(s->folder, vocabulary, s->signatures, &err), &err);
        bovw_vocabulary_close(vocabulary);
    }
    must(manifest_read(s->folder, &m, &err), &err);
    m.n_segments = (s->n_images + s->n_segment - 1) / s->n_segment;
    m.segments = must_have(mem_array(m.n_segments, sizeof *m.segments));
#pragma omp parallel for schedule(dynamic, 1) num_threads(s->n_builders)
    for (uint32_t i = 0; i < m.n_segments; i++) {
        build_seconds mine = {0};
        build_segment(s, c, i, &m.segments[i], &mine);
#pragma omp critical(bench_scale)
        {
            all.make += mine.make;
            all.add += mine.add;
            all.write += mine.write;
        }
    }
    all.weights = commit(s, &m, &err);
    manifest_free(&m);
    return all;
}

/* In a process of its own, whose peak is told apart from that of the queries. */
static build_seconds build_apart(const setting *s, const collection *c, double *peak)
{
    build_seconds spent = {0};
    struct rusage usage;
    int status = 0, ends[2];
    if (pipe(ends) != 0)
        exit(EXIT_FAILURE);
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        spent = build(s, c);
        _exit(write(ends[1], &spent, sizeof spent) == sizeof spent ? 0 : 1);
    }
    close(ends[1]);
    const bool is_read = read(ends[0], &spent, sizeof spent) == sizeof spent;
    close(ends[0]);
    if (child < 0 || wait(&status) != child || status != 0 || !is_read ||
        getrusage(RUSAGE_CHILDREN, &usage) != 0)
        exit(EXIT_FAILURE);
    *peak = (double)usage.ru_maxrss * 1024;
    return spent;
}

static bool is_built(const setting *s)
{
    manifest m = {0};
    const bool is_there = manifest_read(s->folder, &m, NULL) == BOVW_OK;
    const bool is_filled = is_there && m.n_segments > 0;
    manifest_free(&m);
    return is_filled;
}

static void remove_index(const char *folder)
{
    DIR *entries = opendir(folder);
    for (const struct dirent *e = entries ? readdir(entries) : NULL; e;
         e = readdir(entries)) {
        char path[500];
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (e->d_name[0] != '.')
            unlink(path);
    }
    if (entries)
        closedir(entries);
    rmdir(folder);
}

/* ---- what it is ------------------------------------------------------------ */

/* Bytes of sections of all segments; ids is a set of bits. */
static double section_bytes(const bovw_index *index, uint32_t ids)
{
    double sum = 0.0;
    for (uint32_t i = 0; i < index->n_segments; i++) {
        const container *file = &index->segments[i].file;
        for (uint32_t j = 0; j < file->n_sections; j++) {
            if (ids >> file->sections[j].id & 1)
                sum += (double)file->sections[j].n_bytes;
        }
    }
    return sum;
}

#define BIT(section) (1u << (section))

static void print_size(const setting *s, const bovw_index *index)
{
    const double n = (double)bovw_index_n_features(index);
    const double postings = section_bytes(index, BIT(SECTION_POSTINGS));
    const double lists = postings + section_bytes(index, BIT(SECTION_POSTING_OFFSETS) |
                                                             BIT(SECTION_FREQUENCIES));
    const double weight_bytes = (double)index->weights.file.map.size;
    const double signatures = section_bytes(
        index, BIT(SECTION_FEATURE_STARTS) | BIT(SECTION_HE_LOW) | BIT(SECTION_HE_HIGH));
    const double geometry =
        section_bytes(index, BIT(SECTION_FEATURES) | BIT(SECTION_FEATURE_OFFSETS));

    rows_table("scale-size", "index bytes a feature");
    rows_number("images", 0, s->n_images);
    rows_number("features", 0, n);
    rows_number("features/posting", 3, n / (double)bovw_index_n_postings(index));
    rows_number("segments", 0, index->n_segments);
    rows_number("postings", 3, postings / n);
    rows_number("tf-idf in all", 3, (lists + weight_bytes) / n);
    rows_number("signatures", 3, signatures / n);
    rows_number("word and geometry", 3, geometry / n);
    rows_number(
        "names and rest", 3,
        ((double)bovw_index_bytes(index) - lists - weight_bytes - signatures - geometry) /
            n);
    rows_end();
}

static void print_build(const setting *s, const build_seconds *spent, double peak)
{
    const double n = (double)s->n_images * s->n_features;
    const double seconds = spent->add + spent->write + spent->weights;
    rows_table("scale-build",
               "building: seconds of the builders together; weights on all threads");
    rows_number("images", 0, s->n_images);
    rows_number("images/segment", 0, s->n_segment);
    rows_number("builders", 0, s->n_builders);
    rows_number("collect s", 2, spent->add);
    rows_number("write s", 2, spent->write);
    rows_number("weights s", 2, spent->weights);
    rows_number("us/feature", 3, 1e6 * seconds / n);
    rows_number("peak MB", 0, 1e-6 * peak);
    rows_number("(making up s)", 2, spent->make);
    rows_end();
}

static bovw_index *open_index(const setting *s)
{
    bovw_index *index = NULL;
    bovw_error err;
    double seconds[2];
    for (int i = 0; i < 2; i++) {
        bovw_index_close(index);
        const double start = clock_seconds();
        must(bovw_index_open(s->folder, &index, &err), &err);
        seconds[i] = clock_seconds() - start;
    }
    rows_table("scale-open", "opening, its pages in memory the second time");
    rows_number("images", 0, s->n_images);
    rows_number("first ms", 2, 1e3 * seconds[0]);
    rows_number("second ms", 2, 1e3 * seconds[1]);
    rows_end();
    return index;
}

/* ---- queries --------------------------------------------------------------- */

typedef struct way {
    const char *name;
    bovw_score score;
    uint32_t assign, verify;
} way;

typedef struct query_set {
    made_image *made;
    query_words *words;
    uint32_t n;
} query_set;

static query_set make_queries(const setting *s, const collection *c)
{
    query_set q = {.n = s->n_queries};
    made_image scratch;
    q.made = must_have(mem_array(q.n, sizeof *q.made));
    q.words = must_have(mem_array(q.n, sizeof *q.words));
    if (!made_image_new(c, 1, &scratch))
        must_have(NULL);
    for (uint32_t i = 0; i < q.n; i++) {
        const uint64_t image = (uint64_t)i * s->n_images / q.n;
        if (!made_image_new(c, WORDS_EACH, &q.made[i]))
            must_have(NULL);
        collection_query(c, image, KEPT, WORDS_EACH, &scratch, &q.made[i]);
        q.words[i] = (query_words){.features = &q.made[i].features,
                                   .n = q.made[i].features.n,
                                   .r = WORDS_EACH,
                                   .stride = WORDS_EACH,
                                   .words = q.made[i].words,
                                   .distances = q.made[i].distances,
                                   .signatures = q.made[i].signatures};
    }
    made_image_free(&scratch);
    return q;
}

static void query_set_free(query_set *q)
{
    for (uint32_t i = 0; i < q->n; i++)
        made_image_free(&q->made[i]);
    free(q->made);
    free(q->words);
}

/* Features in the lists that a query looks at. */
static double list_features(const bovw_index *index, const query_set *q, const way *w)
{
    const double per_posting =
        (double)bovw_index_n_features(index) / (double)bovw_index_n_postings(index);
    double sum = 0.0;
    for (uint32_t i = 0; i < q->n; i++) {
        for (uint32_t j = 0; j < q->words[i].n; j++) {
            for (uint32_t k = 0; k < w->assign; k++) {
                const uint32_t word = q->words[i].words[j * WORDS_EACH + k];
                for (uint32_t g = 0; g < index->n_segments; g++)
                    sum += segment_frequency(&index->segments[g], word);
            }
        }
    }
    return sum * per_posting / q->n;
}

/* Of a query on average. */
typedef struct query_times {
    double search, verify, processor; /* milliseconds; of all threads */
    double n_first;                   /* is its image first? */
} query_times;

static double processor_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static query_times time_queries(const setting *s, const bovw_index *index,
                                const query_set *q, const way *w, uint32_t n_threads)
{
    query_times t = {0};
    bovw_search_options opts;
    bovw_searcher *searcher = NULL;
    bovw_error err;
    const bovw_compute compute = {.n_threads = n_threads};
    bovw_search_options_default(&opts);
    opts.score = w->score;
    opts.assign = w->assign;
    opts.verify = w->verify;
    must(bovw_searcher_new(index, &opts, &compute, &searcher, &err), &err);
    const double start = processor_seconds();
    for (uint32_t i = 0; i < q->n; i++) {
        const uint32_t wanted = (uint32_t)((uint64_t)i * s->n_images / q->n);
        bovw_ranking ranking = {0};
        must(searcher_run_words(searcher, &q->words[i], 1, &ranking, &err), &err);
        t.search += 1e3 * ranking.seconds.search / q->n;
        t.verify += 1e3 * ranking.seconds.verification / q->n;
        t.n_first += (ranking.n > 0 && ranking.hits[0].image == wanted ? 1.0 : 0.0) / q->n;
        bovw_ranking_free(&ranking);
    }
    t.processor = 1e3 * (processor_seconds() - start) / q->n;
    bovw_searcher_free(searcher);
    return t;
}

static void print_queries(const setting *s, const bovw_index *index, const collection *c)
{
    const way ways[] = {{"tfidf", BOVW_SCORE_TFIDF, 1, 0},
                        {"tfidf, verified", BOVW_SCORE_TFIDF, 1, N_VERIFIED},
                        {"he", BOVW_SCORE_HE, 1, 0},
                        {"he", BOVW_SCORE_HE, WORDS_EACH, 0},
                        {"he, verified", BOVW_SCORE_HE, WORDS_EACH, N_VERIFIED}};
    query_set q = make_queries(s, c);

    rows_table("scale-query", "a query, words known; again: the same queries once more");
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        const way *w = &ways[i];
        if (w->score == BOVW_SCORE_HE && !(s->signatures & BOVW_SIGNATURES_HE64))
            continue;
        for (uint32_t n_threads = 1; n_threads <= 2; n_threads++) {
            const double n_features = list_features(index, &q, w);
            const query_times first = time_queries(s, index, &q, w, n_threads);
            const query_times again = time_queries(s, index, &q, w, n_threads);
            rows_number("images", 0, s->n_images);
            rows_text("score", w->name);
            rows_number("words each", 0, w->assign);
            rows_number("threads", 0, n_threads);
            rows_number("features in lists", 0, n_features);
            rows_number("first ms", 2, first.search);
            rows_number("again ms", 2, again.search);
            rows_number("ns/feature", 3, 1e6 * again.search / n_features);
            rows_number("verify ms", 2, w->verify ? again.verify : NAN);
            rows_number("processor ms", 2, again.processor);
            rows_number("% found first", 0, 100.0 * again.n_first);
            rows_end();
        }
    }
    query_set_free(&q);
}

/* ---- all ------------------------------------------------------------------- */

static void parse(int argc, char **argv, setting *s)
{
    const char *parent = "/tmp";
    int option;
    bovw_error err;
    *s = (setting){.n_images = 10000,
                   .n_features = 1000,
                   .n_words = 100000,
                   .n_segment = 65536,
                   .n_queries = 20,
                   .signatures = BOVW_SIGNATURES_HE64,
                   .n_builders = 1};
    while ((option = getopt(argc, argv, "n:f:k:b:q:s:d:j:K")) != -1) {
        const uint32_t number = optarg ? (uint32_t)strtoul(optarg, NULL, 10) : 0;
        switch (option) {
        case 'n':
            s->n_images = number;
            break;
        case 'f':
            s->n_features = number;
            break;
        case 'k':
            s->n_words = number;
            break;
        case 'b':
            s->n_segment = number;
            break;
        case 'q':
            s->n_queries = number;
            break;
        case 's':
            must(bovw_signatures_parse(optarg, &s->signatures, &err), &err);
            break;
        case 'd':
            parent = optarg;
            break;
        case 'j':
            s->n_builders = (int)number;
            break;
        case 'K':
            s->is_kept = true;
            break;
        default:
            exit(2);
        }
    }
    snprintf(s->folder, sizeof s->folder, "%s/bovw-scale-%u", parent, s->n_images);
}

int main(int argc, char **argv)
{
    setting s;
    parse(argc, argv, &s);
    if (s.n_images == 0 || s.n_features == 0 || s.n_words == 0 || s.n_segment == 0 ||
        s.n_queries == 0 || s.n_builders < 1)
        return 2;
    collection *c = must_have(collection_new(s.n_words, s.n_features, SEED));
    if (!is_built(&s)) {
        double peak = 0.0;
        const build_seconds spent = build_apart(&s, c, &peak);
        print_build(&s, &spent, peak);
    }
    bovw_index *index = open_index(&s);
    print_size(&s, index);
    postings_codes_compare(&index->segments[0]);
    print_queries(&s, index, c);
    bovw_index_close(index);
    collection_free(c);
    if (!s.is_kept)
        remove_index(s.folder);
    return EXIT_SUCCESS;
}
