/* vectors.h - what a file of vectors is inside. */
#ifndef VECTORS_VECTORS_H
#define VECTORS_VECTORS_H

#include "bovw/vectors.h"
#include "io/matrix.h"

struct bovw_vectors {
    char *path;
    matrix matrix;
};

#endif
