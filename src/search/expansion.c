/* SPDX-License-Identifier: MIT */
#include "search/expansion.h"

#include <math.h>

/* What of a query image was searched with. */
static image_region region_of(const bovw_features *query, const bovw_hit *hit)
{
    const float *r = query->region;
    const float right = (float)query->width, bottom = (float)query->height;
    image_region region = {.transform = hit->geometry.transform,
                           .box = {0.0F, 0.0F, right, bottom}};
    if (query->is_cropped) {
        region.box[0] = fmaxf(r[0], 0.0F);
        region.box[1] = fmaxf(r[1], 0.0F);
        region.box[2] = fminf(r[2], right);
        region.box[3] = fminf(r[3], bottom);
    }
    return region;
}

bovw_status expansion_add(image_features *f, scoring *s, const query_words *queries,
                          uint32_t n_queries, const bovw_ranking *ranking, terms *query,
                          uint32_t *n_images, bovw_error *err)
{
    const scorer *way = scorer_find(s->options->score);
    bovw_status status = BOVW_OK;
    uint32_t n = 0;

    f->n = 0;
    for (uint32_t i = 0; i < ranking->n && n < s->options->expand; i++) {
        const bovw_hit *hit = &ranking->hits[i];
        if (!hit->is_verified)
            continue;
        const image_region region = region_of(queries[hit->query].features, hit);
        status = image_features_add(f, s->index, hit->image, n_queries + n, &region, err);
        if (status != BOVW_OK)
            return status;
        n++;
    }
    if (n > 0) {
        status = image_features_sort(f, err);
        if (status == BOVW_OK)
            status = way->encode_images(s, f, query, err);
        if (status == BOVW_OK)
            status = way->combine(s, n_queries + n, query, err);
    }
    *n_images = n;
    return status;
}
