/* length.h - vectors to length 1, in an order of sums that is the same everywhere. */
#ifndef VECTORS_LENGTH_H
#define VECTORS_LENGTH_H

#include <math.h>
#include <stddef.h>

/* To length 1; a vector of zeros stays. The squares are summed in four parts, by
 * index modulo 4: zeros behind the vector change nothing. */
static inline void length_one(float *vector, size_t n)
{
    double parts[4] = {0};
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
        for (int j = 0; j < 4; j++)
            parts[j] += (double)vector[i + j] * (double)vector[i + j];
    }
    for (size_t j = 0; i + j < n; j++)
        parts[j] += (double)vector[i + j] * (double)vector[i + j];
    const double sum = (parts[0] + parts[2]) + (parts[1] + parts[3]);
    if (sum == 0)
        return;
    const double length = sqrt(sum);
    for (i = 0; i < n; i++)
        vector[i] = (float)((double)vector[i] / length);
}

#endif
