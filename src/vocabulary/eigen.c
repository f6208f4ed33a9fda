/* SPDX-License-Identifier: MIT
 *
 * Cyclic Jacobi (Golub and Van Loan, Matrix Computations, section 8.5). A
 * library would be faster, and its last bits would depend on its version, on
 * the processor and on the threads; here they decide the bits of signatures.
 * This uses nothing but + - * / and square roots in a fixed order, which IEEE
 * 754 defines to the bit.
 */
#include "vocabulary/eigen.h"

#include <math.h>

enum {
    MAX_SWEEPS = 40 /* convergence is quadratic: about 10 are needed */
};

static double off_diagonal(const double *m, int n)
{
    double sum = 0.0;
    for (int i = 0; i < n; i++) {
        for (int j = i + 1; j < n; j++)
            sum += m[i * n + j] * m[i * n + j];
    }
    return sum;
}

static void rotate(double *a, double *b, double c, double s)
{
    const double x = *a, y = *b;
    *a = c * x - s * y;
    *b = s * x + c * y;
}

/* Make element (p, q) zero by a rotation of rows and columns p and q. */
static void annihilate(double *m, int n, double *vectors, int p, int q)
{
    const double theta = (m[q * n + q] - m[p * n + p]) / (2.0 * m[p * n + q]);
    const double sign = theta < 0.0 ? -1.0 : 1.0;
    const double t = sign / (sign * theta + sqrt(theta * theta + 1.0));
    const double c = 1.0 / sqrt(t * t + 1.0), s = t * c;

    for (int i = 0; i < n; i++)
        rotate(&m[p * n + i], &m[q * n + i], c, s);
    for (int i = 0; i < n; i++)
        rotate(&m[i * n + p], &m[i * n + q], c, s);
    m[p * n + q] = m[q * n + p] = 0.0;
    for (int i = 0; i < n; i++)
        rotate(&vectors[p * n + i], &vectors[q * n + i], c, s);
}

static void swap_rows(double *vectors, int n, int a, int b)
{
    for (int i = 0; i < n; i++) {
        const double x = vectors[a * n + i];
        vectors[a * n + i] = vectors[b * n + i];
        vectors[b * n + i] = x;
    }
}

static void sort_descending(double *m, int n, double *vectors)
{
    for (int i = 0; i < n; i++) {
        int largest = i;
        for (int j = i + 1; j < n; j++) {
            if (m[j * n + j] > m[largest * n + largest])
                largest = j;
        }
        const double value = m[largest * n + largest];
        m[largest * n + largest] = m[i * n + i];
        m[i * n + i] = value;
        swap_rows(vectors, n, i, largest);
    }
}

void eigen_symmetric(double *matrix, int n, double *vectors)
{
    double scale = 0.0;
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
            scale += matrix[i * n + j] * matrix[i * n + j];
            vectors[i * n + j] = i == j ? 1.0 : 0.0;
        }
    }
    for (int sweep = 0; sweep < MAX_SWEEPS; sweep++) {
        if (off_diagonal(matrix, n) <= 1e-28 * scale)
            break;
        for (int p = 0; p < n; p++) {
            for (int q = p + 1; q < n; q++) {
                /* Elements that no longer reach the last bit are left alone. */
                const double x = matrix[p * n + q];
                if (x * x > 1e-34 * scale)
                    annihilate(matrix, n, vectors, p, q);
            }
        }
    }
    sort_descending(matrix, n, vectors);
}
