/* SPDX-License-Identifier: MIT
 *
 * The life of an index: any sequence of additions, removals, updates, merges,
 * crashes and failures against an index that is made of what is left in one go. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#ifdef _OPENMP
#include <omp.h>
#endif

#include "index/bitmap.h"
#include "index/removed.h"
#include "index/snapshot.h"
#include "index/writer.h"
#include "synthetic.h"

/* Last: cmocka has a macro fail(), which our headers have as a function. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum {
    DIM = BOVW_DESCRIPTOR_DIM,
    N_WORDS = 30,
    N_NAMES = 26,
    N_VERSIONS = 3,
    MAX_FEATURES = 40,
    MOST = 40, /* images given to one operation */
    N_QUERIES = 3,
    N_SEQUENCES = 200,
    N_STEPS = 9
};

/* ---- crashes and failures ------------------------------------------------------ */

/* What happens at the next calls of rename() and fsync(), which the library makes
 * wherever something becomes durable: the definitions below stand in front of the
 * system's. Nothing is really synced, which is what takes the time. */
static struct {
    int calls_left;  /* until it happens; 0: nothing will */
    bool is_failure; /* the call fails; else the folder is copied, as a crash
                      * would leave it */
    const char *from, *to;
    bool has_happened;
} fate;

static void copy_file(const char *from, const char *to)
{
    size_t n;
    uint8_t *bytes = slurp(from, &n);
    spit(to, bytes, n);
    free(bytes);
}

static void copy_folder(const char *from, const char *to)
{
    DIR *folder = opendir(from);
    assert_non_null(folder);
    assert_int_equal(mkdir(to, 0777), 0);
    for (struct dirent *e = readdir(folder); e; e = readdir(folder)) {
        if (e->d_name[0] == '.')
            continue;
        char *a = mem_format("%s/%s", from, e->d_name);
        char *b = mem_format("%s/%s", to, e->d_name);
        copy_file(a, b);
        free(a);
        free(b);
    }
    closedir(folder);
}

/* True where the call that asks shall fail. */
static bool meet_fate(void)
{
    if (fate.calls_left == 0 || --fate.calls_left > 0)
        return false;
    fate.has_happened = true;
    if (!fate.is_failure)
        copy_folder(fate.from, fate.to);
    return fate.is_failure;
}

int rename(const char *from, const char *to)
{
    if (meet_fate()) {
        errno = ENOSPC;
        return -1;
    }
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int fsync(int fd)
{
    (void)fd;
    if (meet_fate()) {
        errno = EIO;
        return -1;
    }
    return 0;
}

#ifdef _OPENMP
/* Nothing here is large enough for two threads: they would only wait for each
 * other. */
int omp_get_num_procs(void)
{
    return 1;
}
#endif

/* ---- a collection ----------------------------------------------------------------- */

typedef struct fixture {
    char *folder, *path, *fresh, *crashed, *features_path;
    bovw_feature_options options;
    bovw_vocabulary *vocabulary;
    uint32_t signatures;
    bovw_features images[N_NAMES][N_VERSIONS];
} fixture;

/* Descriptors lie near their words, and some near those of another image. Every
 * third image is, but for its name, the one before: their scores are tied. */
static bovw_features make_image(const fixture *f, const uint8_t *centroids, uint32_t i,
                                uint32_t version, uint64_t *state)
{
    char name[32];
    snprintf(name, sizeof name, "dir%u/%02u.jpg", i % 4, i);
    const bovw_features *before = i > 0 ? &f->images[i - 1][version] : NULL;
    const uint32_t n = i % 9 == 7   ? 0
                       : i % 3 == 2 ? before->n
                                    : (uint32_t)random_below(state, MAX_FEATURES) + 1;
    bovw_features image = random_features(name, n, state);
    for (uint32_t j = 0; j < n; j++) {
        const uint64_t a = random_below(state, N_WORDS), b = random_below(state, N_WORDS);
        const bool is_copy = before && before->n && random_below(state, 2);
        const uint8_t *from =
            is_copy ? before->descriptors + random_below(state, before->n) * DIM
                    : centroids + (a < b ? a : b) * DIM;
        for (uint32_t d = 0; d < DIM; d++) {
            const int noise = (int)random_below(state, is_copy ? 9 : 61);
            image.descriptors[j * DIM + d] =
                (uint8_t)(from[d] + noise - (is_copy ? 4 : 30));
        }
    }
    if (i % 3 == 2 && n > 0) {
        memcpy(image.descriptors, before->descriptors, (size_t)n * DIM);
        memcpy(image.keypoints, before->keypoints, n * sizeof *image.keypoints);
    }
    return image;
}

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    static uint8_t centroids[N_WORDS * DIM];
    static int16_t projection[DIM * DIM];
    static int8_t thresholds[N_WORDS * DIM];
    const bovw_embedding from = {projection, thresholds};
    uint64_t seed = 31;

    bovw_feature_options_default(&f->options);
    f->folder = make_folder();
    f->path = mem_format("%s/index", f->folder);
    f->fresh = mem_format("%s/fresh", f->folder);
    f->crashed = mem_format("%s/crashed", f->folder);
    f->features_path = mem_format("%s/some.feat", f->folder);
    f->signatures = BOVW_SIGNATURES_HE128 | BOVW_SIGNATURES_ASMK;
    for (size_t i = 0; i < sizeof centroids; i++)
        centroids[i] = (uint8_t)(40 + random_below(&seed, 176));
    for (int i = 0; i < DIM * DIM; i++)
        projection[i] = (int16_t)((int)random_below(&seed, 2801) - 1400);
    for (int i = 0; i < N_WORDS * DIM; i++)
        thresholds[i] = (int8_t)((int)random_below(&seed, 21) - 10);
    assert_int_equal(bovw_vocabulary_new_embedded(&f->options, centroids, N_WORDS, &from,
                                                  "random", &f->vocabulary, NULL),
                     BOVW_OK);
    for (uint32_t i = 0; i < N_NAMES; i++) {
        for (uint32_t v = 0; v < N_VERSIONS; v++)
            f->images[i][v] = make_image(f, centroids, i, v, &seed);
    }
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    bovw_vocabulary_close(f->vocabulary);
    for (uint32_t i = 0; i < N_NAMES; i++) {
        for (uint32_t v = 0; v < N_VERSIONS; v++)
            bovw_features_free(&f->images[i][v]);
    }
    free(f->path);
    free(f->fresh);
    free(f->crashed);
    free(f->features_path);
    remove_folder(f->folder);
    free(f);
    return 0;
}

static void drop_folder(const char *path)
{
    if (access(path, F_OK) == 0)
        remove_folder(mem_text(path));
}

static void create(const fixture *f, const char *path)
{
    drop_folder(path);
    assert_int_equal(bovw_index_create_with(path, f->vocabulary, f->signatures, NULL),
                     BOVW_OK);
}

/* ---- what an index should hold ------------------------------------------------------ */

typedef struct item {
    uint32_t name, version;
} item;

/* Images in the order that the index should have. */
typedef struct model {
    item items[N_NAMES];
    uint32_t n;
} model;

static uint32_t model_find(const model *m, uint32_t name)
{
    for (uint32_t i = 0; i < m->n; i++) {
        if (m->items[i].name == name)
            return i;
    }
    return UINT32_MAX;
}

static void model_remove(model *m, uint32_t name)
{
    const uint32_t at = model_find(m, name);
    if (at == UINT32_MAX)
        return;
    m->n--;
    memmove(m->items + at, m->items + at + 1, (m->n - at) * sizeof *m->items);
}

static void model_add(model *m, item added, bool is_update)
{
    const uint32_t at = model_find(m, added.name);
    if (at != UINT32_MAX && (!is_update || m->items[at].version == added.version))
        return;
    model_remove(m, added.name);
    m->items[m->n++] = added;
}

static bool model_holds(const model *m, const fixture *f, const bovw_index *index)
{
    if (bovw_index_n_images(index) != m->n)
        return false;
    for (uint32_t i = 0; i < m->n; i++) {
        const bovw_features *image = &f->images[m->items[i].name][m->items[i].version];
        const bovw_image_info info = bovw_index_image(index, i);
        if (strcmp(info.name, image->name) != 0 || info.n_features != image->n ||
            memcmp(info.content_id, image->content_id, BOVW_CONTENT_ID_BYTES) != 0)
            return false;
    }
    return true;
}

/* ---- operations ---------------------------------------------------------------------- */

typedef enum kind {
    ADD,
    UPDATE,
    REMOVE,
    COMPACT
} kind;

typedef struct operation {
    kind kind;
    item items[MOST]; /* all of different names but where the kind is REMOVE */
    uint32_t n, batch;
} operation;

static operation draw_operation(uint64_t *seed)
{
    operation o = {.kind = (kind)random_below(seed, 4)};
    bool is_taken[N_NAMES] = {false};
    const bool is_removal = o.kind == REMOVE;
    uint32_t wanted = (uint32_t)random_below(seed, random_below(seed, 3) ? 6 : 20) + 1;
    o.batch = (uint32_t)random_below(seed, random_below(seed, 2) ? 3 : 20) + 1;
    if (o.kind == COMPACT && random_below(seed, 2))
        o.kind = ADD; /* merged too often, segments would never grow many */
    for (uint32_t i = 0; o.kind != COMPACT && i < wanted; i++) {
        const item drawn = {(uint32_t)random_below(seed, N_NAMES),
                            (uint32_t)random_below(seed, N_VERSIONS)};
        if (!is_removal && is_taken[drawn.name])
            continue;
        is_taken[drawn.name] = true;
        o.items[o.n++] = drawn;
    }
    return o;
}

/* The model after the first n items. */
static model after(const model *before, const operation *o, uint32_t n)
{
    model m = *before;
    for (uint32_t i = 0; i < n; i++) {
        if (o->kind == REMOVE)
            model_remove(&m, o->items[i].name);
        else if (o->kind != COMPACT)
            model_add(&m, o->items[i], o->kind == UPDATE);
    }
    return m;
}

static bovw_status add(const fixture *f, const char *path, const item *items, uint32_t n,
                       const bovw_add_options *opts, bovw_error *err)
{
    bovw_features images[MOST];
    const bovw_compute one = {.n_threads = 1};
    const char *paths[] = {f->features_path};
    bovw_source *source = NULL;
    for (uint32_t i = 0; i < n; i++)
        images[i] = f->images[items[i].name][items[i].version];
    write_features(f->features_path, &f->options, images, n);
    bovw_status status = bovw_source_open(paths, 1, &f->options, NULL, &source, err);
    if (status == BOVW_OK)
        status = bovw_index_add(path, source, opts, &one, NULL, NULL, err);
    bovw_source_close(source);
    return status;
}

static bovw_status perform(const fixture *f, const operation *o, bovw_error *err)
{
    const bovw_add_options opts = {.batch = o->batch, .update = o->kind == UPDATE};
    const bovw_compute one = {.n_threads = 1};
    const char *names[MOST];
    for (uint32_t i = 0; i < o->n; i++) {
        names[i] = f->images[o->items[i].name][0].name;
        if (i % 2)
            names[i] = strchr(names[i], '/') + 1; /* the end of a path will do */
    }
    switch (o->kind) {
    case REMOVE:
        return bovw_index_remove(f->path, names, o->n, &one, NULL, NULL, err);
    case COMPACT:
        return bovw_index_compact(f->path, NULL, NULL, err);
    default:
        return add(f, f->path, o->items, o->n, &opts, err);
    }
}

/* ---- comparing ------------------------------------------------------------------------
 */

typedef struct results {
    bovw_ranking rankings[40];
    int n;
} results;

/* Rankings of some queries in every way of searching. */
static results search(const fixture *f, const bovw_index *index)
{
    static const struct {
        bovw_score score;
        bovw_tf tf;
        uint32_t bits, verify, expand, stop_words;
    } ways[] = {
        {BOVW_SCORE_TFIDF, BOVW_TF_RAW, 0, 0, 0, 0},
        {BOVW_SCORE_TFIDF, BOVW_TF_ROOT, 0, 0, 0, 9},
        {BOVW_SCORE_TFIDF, BOVW_TF_BINARY, 0, 4, 0, 0},
        {BOVW_SCORE_HE, BOVW_TF_RAW, 0, 0, 0, 0},
        {BOVW_SCORE_HE, BOVW_TF_RAW, 64, 6, 4, 0},
        {BOVW_SCORE_ASMK, BOVW_TF_RAW, 0, 0, 0, 0},
        {BOVW_SCORE_ASMK, BOVW_TF_RAW, 0, 6, 4, 0},
    };
    const bovw_compute one = {.n_threads = 1};
    results r = {.n = 0};
    for (size_t w = 0; w < sizeof ways / sizeof ways[0]; w++) {
        bovw_search_options opts;
        bovw_search_options_default(&opts);
        opts.score = ways[w].score;
        opts.tf = ways[w].tf;
        opts.he_bits = ways[w].bits;
        opts.top = 0;
        opts.verify = ways[w].verify;
        opts.expand = ways[w].expand;
        opts.stop_words = ways[w].stop_words;
        opts.min_inliers = 1;
        for (uint32_t q = 0; q < N_QUERIES; q++)
            assert_int_equal(bovw_search(index, &f->images[5 * q + 1][0], 1, &opts, &one,
                                         &r.rankings[r.n++], NULL),
                             BOVW_OK);
    }
    return r;
}

static void expect_same_results(const results *a, const results *b)
{
    assert_int_equal(a->n, b->n);
    for (int i = 0; i < a->n; i++) {
        assert_int_equal(a->rankings[i].n, b->rankings[i].n);
        for (uint32_t k = 0; k < a->rankings[i].n; k++) {
            const bovw_hit *x = &a->rankings[i].hits[k], *y = &b->rankings[i].hits[k];
            assert_int_equal(x->image, y->image);
            assert_memory_equal(&x->score, &y->score, sizeof x->score);
            assert_int_equal(x->geometry.n_inliers, y->geometry.n_inliers);
        }
    }
}

static void results_free(results *r)
{
    for (int i = 0; i < r->n; i++)
        bovw_ranking_free(&r->rankings[i]);
    r->n = 0;
}

static void expect_same_images(const bovw_index *a, const bovw_index *b)
{
    assert_int_equal(bovw_index_n_images(a), bovw_index_n_images(b));
    assert_int_equal(bovw_index_n_features(a), bovw_index_n_features(b));
    assert_int_equal(bovw_index_n_postings(a), bovw_index_n_postings(b));
    for (uint32_t w = 0; w < N_WORDS; w++)
        assert_true(bovw_index_idf(a, w) == bovw_index_idf(b, w));
    for (uint32_t i = 0; i < bovw_index_n_images(a); i++) {
        uint32_t a_words[MAX_FEATURES], b_words[MAX_FEATURES];
        bovw_keypoint a_points[MAX_FEATURES], b_points[MAX_FEATURES];
        const bovw_image_info x = bovw_index_image(a, i), y = bovw_index_image(b, i);
        assert_string_equal(x.name, y.name);
        assert_memory_equal(x.content_id, y.content_id, BOVW_CONTENT_ID_BYTES);
        assert_true(x.width == y.width && x.height == y.height);
        assert_int_equal(x.n_features, y.n_features);
        assert_true(bovw_index_norm(a, i) == bovw_index_norm(b, i));
        assert_int_equal(bovw_index_features(a, i, a_words, a_points, NULL), BOVW_OK);
        assert_int_equal(bovw_index_features(b, i, b_words, b_points, NULL), BOVW_OK);
        assert_memory_equal(a_words, b_words, x.n_features * sizeof *a_words);
        assert_memory_equal(a_points, b_points, x.n_features * sizeof *a_points);
    }
}

static void expect_same_pairs(const bovw_index *a, const bovw_index *b)
{
    bovw_pair *x = NULL, *y = NULL;
    size_t n_x = 0, n_y = 0;
    const bovw_compute one = {.n_threads = 1};
    assert_int_equal(bovw_index_pairs(a, 3, &one, NULL, &x, &n_x, NULL), BOVW_OK);
    assert_int_equal(bovw_index_pairs(b, 3, &one, NULL, &y, &n_y, NULL), BOVW_OK);
    assert_int_equal(n_x, n_y);
    for (size_t i = 0; i < n_x; i++)
        assert_true(x[i].a == y[i].a && x[i].b == y[i].b && x[i].score == y[i].score);
    free(x);
    free(y);
}

/* One segment without removed images has the bytes of one that was built so. */
static void expect_same_bytes(const bovw_index *a, const bovw_index *b)
{
    if (a->n_segments != 1 || a->segments[0].removed.n > 0)
        return;
    const file_map *x = &a->segments[0].file.map, *y = &b->segments[0].file.map;
    assert_int_equal(x->size, y->size);
    assert_memory_equal(x->data, y->data, x->size);
}

static bovw_index *open_index(const char *path)
{
    bovw_index *index = NULL;
    bovw_error err = {0};
    if (bovw_index_check(path, NULL, &err) != BOVW_OK ||
        bovw_index_open(path, &index, &err) != BOVW_OK)
        print_error("%s\n", err.text);
    assert_non_null(index);
    return index;
}

/* The index is one that is made of the model in one go. */
static void expect_fresh(const fixture *f, const model *m)
{
    const bovw_add_options opts = {.batch = 1000};
    bovw_index *index = open_index(f->path), *fresh = NULL;
    assert_true(model_holds(m, f, index));
    create(f, f->fresh);
    if (m->n > 0)
        assert_int_equal(add(f, f->fresh, m->items, m->n, &opts, NULL), BOVW_OK);
    fresh = open_index(f->fresh);
    results a = search(f, index), b = search(f, fresh);
    expect_same_images(index, fresh);
    expect_same_results(&a, &b);
    expect_same_pairs(index, fresh);
    expect_same_bytes(index, fresh);
    results_free(&a);
    results_free(&b);
    bovw_index_close(index);
    bovw_index_close(fresh);
}

/* A crash or a failure left what some of the operation's items give, the first of
 * them; or of a removal all or none. */
static model expect_part(const fixture *f, const model *before, const operation *o)
{
    bovw_index *index = open_index(f->path);
    for (uint32_t n = 0; n <= o->n; n++) {
        const model m = after(before, o, n);
        if ((o->kind != REMOVE || n == 0 || n == o->n) && model_holds(&m, f, index)) {
            bovw_index_close(index);
            return m;
        }
    }
    print_error("operation %d of %u items left something else\n", (int)o->kind, o->n);
    assert_true(false);
    return *before;
}

/* ---- sequences
 * ---------------------------------------------------------------------------- */

typedef struct tally {
    int crashes, failures, merges, updates, removals;
} tally;

/* Perform an operation that may be cut short; then it may be tried again. */
static void live_through(const fixture *f, const operation *o, model *m, uint64_t *seed,
                         tally *t)
{
    bovw_error err = {0};
    const uint64_t chance = random_below(seed, 3);
    const model before = *m;
    memset(&fate, 0, sizeof fate);
    fate.from = f->path;
    fate.to = f->crashed;
    fate.is_failure = chance == 1;
    fate.calls_left = chance == 2 ? 0 : 1 + (int)random_below(seed, 24);
    const bovw_status status = perform(f, o, &err);
    fate.calls_left = 0;
    if (!fate.has_happened) {
        assert_int_equal(status, BOVW_OK);
        *m = after(&before, o, o->n);
        return;
    }
    if (fate.is_failure) {
        assert_int_equal(status, BOVW_ERR_IO);
        assert_non_null(strstr(err.text, f->path)); /* it names the file */
        t->failures++;
    } else {
        assert_int_equal(status, BOVW_OK);
        drop_folder(f->path);
        assert_int_equal(renameat(AT_FDCWD, f->crashed, AT_FDCWD, f->path), 0);
        t->crashes++;
    }
    *m = expect_part(f, &before, o);
    if (random_below(seed, 2)) {
        const model here = *m;
        assert_int_equal(perform(f, o, NULL), BOVW_OK);
        *m = after(&here, o, o->n);
    }
}

/* Nothing is in the folder that the manifest does not name. */
static void expect_no_leftovers(const fixture *f)
{
    index_writer w;
    uint32_t n_files = 0, n_expected = 4; /* MANIFEST, LOCK, vocabulary, weights */
    assert_int_equal(writer_open(f->path, NULL, &w, NULL), BOVW_OK);
    for (uint32_t i = 0; i < w.index->n_segments; i++)
        n_expected += w.index->segments[i].removed.n > 0 ? 2 : 1;
    writer_close(&w);
    DIR *folder = opendir(f->path);
    assert_non_null(folder);
    for (struct dirent *e = readdir(folder); e; e = readdir(folder))
        n_files += e->d_name[0] != '.';
    closedir(folder);
    assert_int_equal(n_files, n_expected);
}

static void run_sequence(const fixture *f, uint64_t *seed, tally *t)
{
    model m = {.n = 0}, read = {.n = 0};
    bovw_index *reader = NULL;
    results seen = {.n = 0};
    const uint64_t open_at = random_below(seed, N_STEPS);

    create(f, f->path);
    for (uint64_t step = 0; step < N_STEPS; step++) {
        const operation o = draw_operation(seed);
        if (step == open_at) {
            assert_int_equal(bovw_index_open(f->path, &reader, NULL), BOVW_OK);
            seen = search(f, reader);
            read = m;
        }
        live_through(f, &o, &m, seed, t);
        t->updates += o.kind == UPDATE;
        t->removals += o.kind == REMOVE;
        t->merges += o.kind == COMPACT;
        if (random_below(seed, 4) == 0)
            expect_fresh(f, &m);
    }
    expect_fresh(f, &m);
    expect_no_leftovers(f);

    /* The reader has not noticed. */
    results again = search(f, reader);
    assert_true(model_holds(&read, f, reader));
    expect_same_results(&seen, &again);
    results_free(&seen);
    results_free(&again);
    bovw_index_close(reader);
}

static void any_life_ends_like_a_fresh_index(void **state)
{
    const fixture *f = *state;
    uint64_t seed = 5;
    tally t = {0};
    for (int i = 0; i < N_SEQUENCES; i++)
        run_sequence(f, &seed, &t);
    assert_true(t.crashes > N_SEQUENCES && t.failures > N_SEQUENCES);
    assert_true(t.updates > N_SEQUENCES && t.removals > N_SEQUENCES && t.merges > 0);
}

/* ---- tiers
 * -------------------------------------------------------------------------------- */

/* Images of the segments of an index, as "8 1 1". */
static char *shape(const fixture *f)
{
    bovw_index *index = open_index(f->path);
    char *text = mem_text("");
    for (uint32_t i = 0; i < index->n_segments; i++) {
        char *longer = mem_format("%s%s%u/%u", text, i ? " " : "",
                                  index->segments[i].n_live, index->segments[i].n_images);
        free(text);
        text = longer;
    }
    bovw_index_close(index);
    return text;
}

static void expect_shape(const fixture *f, const char *expected)
{
    char *text = shape(f);
    assert_string_equal(text, expected);
    free(text);
}

static void add_range(const fixture *f, uint32_t first, uint32_t n, uint32_t batch)
{
    const bovw_add_options opts = {.batch = batch};
    item items[MOST];
    for (uint32_t i = 0; i < n; i++)
        items[i] = (item){first + i, 0};
    assert_int_equal(add(f, f->path, items, n, &opts, NULL), BOVW_OK);
}

static void segments_merge_where_a_level_is_full(void **state)
{
    const fixture *f = *state;
    create(f, f->path);
    add_range(f, 0, 7, 1);
    expect_shape(f, "1/1 1/1 1/1 1/1 1/1 1/1 1/1");
    add_range(f, 7, 1, 1);
    expect_shape(f, "8/8");
    add_range(f, 8, 5, 1);
    expect_shape(f, "8/8 1/1 1/1 1/1 1/1 1/1");
    add_range(f, 13, 9, 9); /* a level goes up to the last of the highest tier */
    expect_shape(f, "8/8 1/1 1/1 1/1 1/1 1/1 9/9");
    add_range(f, 22, 2, 2);
    expect_shape(f, "8/8 1/1 1/1 1/1 1/1 1/1 9/9 2/2");
    add_range(f, 24, 1, 1);
    expect_shape(f, "8/8 1/1 1/1 1/1 1/1 1/1 9/9 2/2 1/1");
}

/* A million images in batches, as far as their numbers tell: merged segments stay small
 * enough for a core's cache, few are left, and merging comes to an end. */
static void merged_segments_have_a_largest_size(void **state)
{
    (void)state;
    enum {
        N_MOST = 300,
        LARGEST = 65536
    };
    static const uint32_t batches[] = {1000, 4096, 30000, 65536, 100000};
    static segment segments[N_MOST];
    for (size_t b = 0; b < sizeof batches / sizeof batches[0]; b++) {
        bovw_index index = {.segments = segments, .n_segments = 0};
        uint64_t n_written = 0;
        for (uint32_t done = 0; done < 1000000; done += batches[b]) {
            uint32_t first, n;
            assert_true(index.n_segments < N_MOST);
            segments[index.n_segments++] =
                (segment){.n_images = batches[b], .n_live = batches[b]};
            while (writer_find_due(&index, &first, &n)) {
                assert_true(n > 1 && first + n <= index.n_segments);
                for (uint32_t i = 1; i < n; i++)
                    segments[first].n_live += segments[first + i].n_live;
                segments[first].n_images = segments[first].n_live;
                assert_true(segments[first].n_live <= LARGEST);
                n_written += segments[first].n_live;
                for (uint32_t i = first + n; i < index.n_segments; i++)
                    segments[i - n + 1] = segments[i];
                index.n_segments -= n - 1;
            }
        }
        assert_true(index.n_segments <= 2 * 1000000 / LARGEST + 3 * 7);
        assert_true(n_written <= 6 * (uint64_t)1000000);
    }
}

static void what_is_mostly_removed_is_written_again_by_the_next_addition(void **state)
{
    const fixture *f = *state;
    const char *names[MOST];
    bovw_remove_result result;
    create(f, f->path);
    add_range(f, 0, 10, 10);
    for (uint32_t i = 0; i < 6; i++)
        names[i] = f->images[i][0].name;
    assert_int_equal(bovw_index_remove(f->path, names, 5, NULL, NULL, &result, NULL),
                     BOVW_OK);
    assert_int_equal(result.n_removed, 5);
    add_range(f, 10, 1, 1);
    expect_shape(f, "5/10 1/1");
    assert_int_equal(bovw_index_remove(f->path, names, 6, NULL, NULL, &result, NULL),
                     BOVW_OK);
    assert_int_equal(result.n_removed, 1);
    assert_int_equal(result.n_unknown, 5);
    expect_shape(f, "4/10 1/1");
    add_range(f, 11, 1, 1);
    expect_shape(f, "4/4 1/1 1/1");
}

/* ---- names
 * ----------------------------------------------------------------------------------- */

static void unknown_names_are_told_and_change_nothing(void **state)
{
    const fixture *f = *state;
    skips seen = {0};
    const bovw_monitor monitor = {.context = &seen, .skipped = note_skipped};
    const char *names[] = {"dir0/00.jpg", "nobody.jpg", "00.jpg", "dir1/01.jpg"};
    bovw_remove_result result;
    bovw_index *index = NULL;
    create(f, f->path);
    add_range(f, 0, 3, 10);

    assert_int_equal(
        bovw_index_remove(f->path, names + 1, 1, NULL, &monitor, &result, NULL), BOVW_OK);
    assert_int_equal(result.n_removed, 0);
    assert_int_equal(result.n_unknown, 1);
    assert_non_null(strstr(seen.text, "nobody.jpg|"));
    assert_non_null(strstr(seen.text, f->path));
    assert_int_equal(bovw_index_open(f->path, &index, NULL), BOVW_OK);
    assert_int_equal(bovw_index_generation(index), 1);
    bovw_index_close(index);

    /* One is named twice, by its name and by the end of it. */
    assert_int_equal(bovw_index_remove(f->path, names, 4, NULL, &monitor, &result, NULL),
                     BOVW_OK);
    assert_int_equal(result.n_removed, 2);
    assert_int_equal(result.n_unknown, 1);
    index = open_index(f->path);
    assert_int_equal(bovw_index_n_images(index), 1);
    assert_string_equal(bovw_index_image(index, 0).name, "dir2/02.jpg");
    assert_int_equal(bovw_index_removed(index).n_images, 2);
    assert_true(bovw_index_removed(index).bytes > 0);
    bovw_index_close(index);

    /* All that is left: no segment stays. */
    names[0] = "02.jpg";
    assert_int_equal(bovw_index_remove(f->path, names, 1, NULL, NULL, &result, NULL),
                     BOVW_OK);
    expect_shape(f, "");
    index = open_index(f->path);
    assert_int_equal(bovw_index_n_images(index), 0);
    assert_int_equal(bovw_index_removed(index).n_images, 0);
    bovw_index_close(index);
    expect_no_leftovers(f);
}

static void an_update_replaces_and_tells(void **state)
{
    const fixture *f = *state;
    const item items[] = {{1, 1}, {0, 0}, {9, 0}, {3, 2}};
    const bovw_add_options opts = {.batch = 2, .update = true};
    const char *paths[] = {f->features_path};
    bovw_features images[4];
    bovw_source *source = NULL;
    bovw_add_result result;
    create(f, f->path);
    add_range(f, 0, 5, 10);
    for (int i = 0; i < 4; i++)
        images[i] = f->images[items[i].name][items[i].version];
    write_features(f->features_path, &f->options, images, 4);
    assert_int_equal(bovw_source_open(paths, 1, &f->options, NULL, &source, NULL), BOVW_OK);
    assert_int_equal(bovw_index_add(f->path, source, &opts, NULL, NULL, &result, NULL),
                     BOVW_OK);
    assert_int_equal(result.n_added, 1);
    assert_int_equal(result.n_updated, 2);
    assert_int_equal(result.n_present, 1);
    assert_int_equal(result.n_refused, 0);
    bovw_source_close(source);
    const model m = {.items = {{0, 0}, {2, 0}, {4, 0}, {1, 1}, {9, 0}, {3, 2}}, .n = 6};
    expect_fresh(f, &m);
}

/* ---- readers
 * ------------------------------------------------------------------------------------ */

/* What a writer does while a reader opens an index. */
static void a_reader_that_opens_meanwhile_gets_a_whole_generation(void **state)
{
    const fixture *f = *state;
    bovw_index *index = NULL;
    create(f, f->path);
    add_range(f, 0, 6, 2);
    /* The manifest of an old generation whose files have gone, as a reader has it
     * that read it before the writer was done. */
    manifest old;
    assert_int_equal(manifest_read(f->path, &old, NULL), BOVW_OK);
    assert_int_equal(bovw_index_compact(f->path, NULL, NULL, NULL), BOVW_OK);
    manifest now;
    assert_int_equal(manifest_read(f->path, &now, NULL), BOVW_OK);
    assert_int_equal(now.generation, old.generation + 1);
    assert_int_equal(now.weights_generation, old.weights_generation);
    /* Where no newer manifest is there, files that are missing are an error that
     * names the file: no endless wait. */
    assert_int_equal(manifest_write(f->path, &old, NULL), BOVW_OK);
    bovw_error err;
    assert_int_equal(bovw_index_open(f->path, &index, &err), BOVW_ERR_IO);
    assert_non_null(strstr(err.text, "000001.segment"));
    assert_int_equal(manifest_write(f->path, &now, NULL), BOVW_OK);
    index = open_index(f->path);
    bovw_index_close(index);
    manifest_free(&old);
    manifest_free(&now);
}

/* ---- damage
 * ------------------------------------------------------------------------------------- */

static void removed_images_survive_encoding(void **state)
{
    const fixture *f = *state;
    char *path = mem_format("%s/set", f->folder);
    uint64_t seed = 8;
    for (int round = 0; round < 60; round++) {
        enum {
            N = 70000 /* more than one container of the bitmap */
        };
        static uint32_t images[N];
        static bool is_removed[N];
        const uint32_t n_images = 2 + (uint32_t)random_below(&seed, round % 2 ? 30 : N - 2);
        const uint32_t stride = 2 + (uint32_t)random_below(&seed, round % 3 ? 4 : 3000);
        removed_set none = {0}, first = {0}, second = {0};
        uint32_t n = 0, n_left = 0;
        memset(is_removed, 0, sizeof is_removed);
        for (uint32_t i = 1; i < n_images; i += 1 + (uint32_t)random_below(&seed, stride)) {
            images[n++] = i;
            is_removed[i] = true;
        }
        assert_int_equal(removed_write(path, n_images, &none, images, n, NULL), BOVW_OK);
        assert_int_equal(removed_open(path, n_images, &first, NULL), BOVW_OK);
        assert_int_equal(first.n, n);
        for (uint32_t i = 0; i < n_images; i++) {
            assert_int_equal(first.live[i], is_removed[i] ? IMAGE_REMOVED : n_left);
            if (!is_removed[i])
                assert_int_equal(first.stored[n_left++], i);
        }
        if (n_left > 1) { /* one more, by its live number */
            const uint32_t more = (uint32_t)random_below(&seed, n_left);
            assert_int_equal(removed_write(path, n_images, &first, &more, 1, NULL),
                             BOVW_OK);
            assert_int_equal(removed_open(path, n_images, &second, NULL), BOVW_OK);
            assert_int_equal(second.n, n + 1);
            assert_int_equal(second.live[first.stored[more]], IMAGE_REMOVED);
        }
        assert_int_equal(removed_open(path, n_images + 1, &none, NULL), BOVW_ERR_CORRUPT);
        removed_close(&first);
        removed_close(&second);
    }
    free(path);
}

/* Bytes that a checksum vouches for and that are no such set. */
static void hostile_bitmaps_never_lead_outside(void **state)
{
    (void)state;
    uint64_t seed = 14;
    int n_accepted = 0;
    for (int round = 0; round < 40000; round++) {
        enum {
            LIMIT = 9000
        };
        uint32_t values[300], n = 0;
        for (uint32_t v = (uint32_t)random_below(&seed, 90); n < 300 && v < LIMIT;
             v += 1 + (uint32_t)random_below(&seed, round % 2 ? 3 : 60))
            values[n++] = v;
        size_t n_bytes = 0;
        uint8_t *bytes = bitmap_encode(values, n, &n_bytes);
        for (uint64_t k = random_below(&seed, 4); k > 0; k--)
            bytes[random_below(&seed, random_below(&seed, 2) ? 24 : n_bytes) % n_bytes] =
                (uint8_t)random_next(&seed);
        const size_t length =
            random_below(&seed, 8) ? n_bytes : random_below(&seed, n_bytes);
        uint8_t *exact = malloc(length ? length : 1); /* so that a sanitizer sees its end */
        memcpy(exact, bytes, length);
        uint32_t *got = malloc((n ? n : 1) * sizeof *got);
        if (bitmap_decode(exact, length, LIMIT, got, n)) {
            n_accepted++;
            for (uint32_t i = 0; i < n; i++)
                assert_true(got[i] < LIMIT && (i == 0 || got[i] > got[i - 1]));
        }
        free(got);
        free(exact);
        free(bytes);
    }
    assert_true(n_accepted > 1000 && n_accepted < 39000);
}

static void damage_is_found_and_not_passed_on(void **state)
{
    const fixture *f = *state;
    const char *names[] = {"01.jpg", "03.jpg", "08.jpg"};
    uint64_t seed = 3;
    bovw_error err;
    create(f, f->path);
    add_range(f, 0, 12, 5);
    assert_int_equal(bovw_index_remove(f->path, names, 3, NULL, NULL, NULL, NULL), BOVW_OK);
    DIR *folder = opendir(f->path);
    assert_non_null(folder);
    int n_sets = 0;
    for (struct dirent *e = readdir(folder); e; e = readdir(folder)) {
        const bool is_set = strstr(e->d_name, ".removed.");
        if (e->d_name[0] == '.' || strcmp(e->d_name, "LOCK") == 0 ||
            strcmp(e->d_name, "vocabulary") == 0)
            continue;
        char *path = mem_format("%s/%s", f->path, e->d_name);
        size_t n;
        uint8_t *bytes = slurp(path, &n), *copy = malloc(n);
        n_sets += is_set;
        for (int round = 0; round < 40; round++) {
            bovw_index *index = NULL;
            memcpy(copy, bytes, n);
            copy[random_below(&seed, n)] ^= (uint8_t)(1 << random_below(&seed, 8));
            spit(path, copy, round % 4 ? n : random_below(&seed, n));
            if (round % 4 == 0)
                spit(path, bytes, random_below(&seed, n));
            const bovw_status status = bovw_index_open(f->path, &index, &err);
            if (status == BOVW_OK) {
                assert_false(is_set); /* which is read as a whole at once */
                results r = {.n = 0};
                bovw_search_options opts;
                bovw_search_options_default(&opts);
                opts.score = BOVW_SCORE_HE;
                bovw_search(index, &f->images[1][0], 1, &opts, NULL, &r.rankings[0], NULL);
                r.n = 1;
                results_free(&r);
            } else {
                assert_non_null(strstr(err.text, f->path));
            }
            bovw_index_close(index);
            assert_int_not_equal(bovw_index_check(f->path, NULL, &err), BOVW_OK);
            assert_non_null(strstr(err.text, f->path));
            /* A merge does not make damage look sound. Weights are no part of it. */
            if (strncmp(e->d_name, "weights.", 8) != 0) {
                assert_int_not_equal(bovw_index_compact(f->path, NULL, NULL, &err),
                                     BOVW_OK);
                assert_non_null(strstr(err.text, f->path));
            }
        }
        spit(path, bytes, n);
        free(bytes);
        free(copy);
        free(path);
    }
    closedir(folder);
    assert_int_equal(n_sets, 2);
    bovw_index_close(open_index(f->path));
}

/* Removed images that MANIFEST counts wrongly. */
static void wrong_counts_of_removed_images_are_found(void **state)
{
    const fixture *f = *state;
    const char *names[] = {"01.jpg"};
    bovw_error err;
    create(f, f->path);
    add_range(f, 0, 4, 5);
    assert_int_equal(bovw_index_remove(f->path, names, 1, NULL, NULL, NULL, NULL), BOVW_OK);
    for (int i = 0; i < 2; i++) {
        manifest m;
        assert_int_equal(manifest_read(f->path, &m, NULL), BOVW_OK);
        manifest_removed *r = &m.segments[0].removed;
        *(i ? &r->n_features : &r->n_postings) -= 1;
        assert_int_equal(manifest_write(f->path, &m, NULL), BOVW_OK);
        assert_int_equal(bovw_index_check(f->path, NULL, &err), BOVW_ERR_CORRUPT);
        assert_non_null(strstr(err.text, "000001.segment"));
        *(i ? &r->n_features : &r->n_postings) += 1;
        assert_int_equal(manifest_write(f->path, &m, NULL), BOVW_OK);
        manifest_free(&m);
    }
    bovw_index_close(open_index(f->path));
}

static bool stop_merging(void *context, const char *stage, uint64_t done, uint64_t total)
{
    int *n_left = context;
    assert_true(done <= total);
    return strcmp(stage, "merging") != 0 || (*n_left)-- > 0;
}

static void a_stopped_merge_leaves_the_index_as_it_was(void **state)
{
    const fixture *f = *state;
    const model m = {.items = {{0, 0}, {1, 0}, {2, 0}, {3, 0}, {4, 0}}, .n = 5};
    create(f, f->path);
    add_range(f, 0, 5, 2);
    for (int n = 0; n < 3; n++) {
        int n_left = n;
        const bovw_monitor monitor = {.context = &n_left, .progress = stop_merging};
        assert_int_equal(bovw_index_compact(f->path, &monitor, NULL, NULL),
                         BOVW_ERR_CANCELLED);
        expect_shape(f, "2/2 2/2 1/1");
    }
    expect_fresh(f, &m);
    expect_no_leftovers(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(removed_images_survive_encoding),
        cmocka_unit_test(hostile_bitmaps_never_lead_outside),
        cmocka_unit_test(merged_segments_have_a_largest_size),
        cmocka_unit_test(segments_merge_where_a_level_is_full),
        cmocka_unit_test(what_is_mostly_removed_is_written_again_by_the_next_addition),
        cmocka_unit_test(unknown_names_are_told_and_change_nothing),
        cmocka_unit_test(an_update_replaces_and_tells),
        cmocka_unit_test(a_reader_that_opens_meanwhile_gets_a_whole_generation),
        cmocka_unit_test(damage_is_found_and_not_passed_on),
        cmocka_unit_test(wrong_counts_of_removed_images_are_found),
        cmocka_unit_test(a_stopped_merge_leaves_the_index_as_it_was),
        cmocka_unit_test(any_life_ends_like_a_fresh_index),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
