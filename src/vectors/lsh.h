/* lsh.h - what the parts of hashed search share: lsh.c has the tables and searches
 * them, lsh_sample.c finds the nearest of a sample exactly, lsh_plan.c chooses. */
#ifndef VECTORS_LSH_H
#define VECTORS_LSH_H

#include "bovw/lsh.h"
#include "vectors/directory.h"
#include "vectors/hashes.h"
#include "vectors/prepared.h"

enum {
    LSH_MAX_NEAREST = 1000 /* that recall is of */
};

/* Queries whose nearest are known. */
typedef struct lsh_sample {
    uint32_t n;
    uint32_t n_nearest; /* of each, at most the others */
    float *queries;     /* (n up to a multiple of PRODUCT_QUERIES, stride) */
    uint32_t *own;      /* (n,) number of the query in the database, or UINT32_MAX */
    uint32_t *nearest;  /* (n, n_nearest) without its own */
    double seconds;     /* that finding them took */
} lsh_sample;

struct bovw_lsh {
    prepared prepared;
    const product_kernel *kernel;
    const bovw_vectors *db;
    uint32_t n;
    float *rows;   /* (n, stride) */
    float *centre; /* (stride,) */
    lsh_sample planning, held_out;
    hashes hashes;
    directory **tables; /* (n_tables,) */
    bovw_lsh_facts facts;
};

static inline bool lsh_has_sides(const bovw_lsh *lsh)
{
    return lsh->prepared.opts->metric == BOVW_METRIC_COSINE;
}

/* The hashes that a choice asks for. */
static inline hashes_plan lsh_hashes(const bovw_lsh *lsh, uint32_t n_hashes,
                                     uint32_t n_tables, double width)
{
    const uint32_t dim =
        lsh->prepared.map.rows ? lsh->prepared.map.n_out : bovw_vectors_dim(lsh->db);
    return (hashes_plan){.is_sides = lsh_has_sides(lsh),
                         .n_hashes = n_hashes,
                         .n_tables = n_tables,
                         .width = width,
                         .dim = dim,
                         .stride = lsh->prepared.stride,
                         .centre = lsh->centre,
                         .seed = lsh->facts.chosen.seed};
}

/* Draw both samples from the queries, or from the database where they are few. */
bovw_status lsh_sample_draw(bovw_lsh *lsh, const bovw_vectors *queries, bovw_error *err);
/* Find the nearest of a sample, exactly. */
bovw_status lsh_sample_search(const bovw_lsh *lsh, lsh_sample *sample, bovw_error *err);
void lsh_sample_free(lsh_sample *sample);

/* Fill in what is 0 of lsh->facts.chosen, for n_queries searches. */
bovw_status lsh_plan(bovw_lsh *lsh, uint32_t n_queries, const bovw_monitor *monitor,
                     bovw_error *err);

/* Search (n, stride) queries with so many tables and probes; heaps (n, top) best first,
 * of n_found (n,). Adds to *work. */
typedef struct lsh_effort {
    uint32_t n_tables, n_probes;
} lsh_effort;
bovw_status lsh_search(const bovw_lsh *lsh, const float *queries, uint32_t n,
                       lsh_effort effort, uint32_t top, scored *heaps, size_t *n_found,
                       bovw_lsh_work *work, bovw_error *err);

#endif
