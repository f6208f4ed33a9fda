/* eigen.h - eigenvectors of a small symmetric matrix, the same bits on every
 * machine. */
#ifndef VOCABULARY_EIGEN_H
#define VOCABULARY_EIGEN_H

/*
 * Eigenvectors of a symmetric matrix, in descending order of eigenvalue.
 *
 *   matrix   (n, n) finite, both triangles filled; destroyed: its diagonal gets
 *            the eigenvalues, in the order of the vectors.
 *   vectors  (n, n): row i is the i-th eigenvector, of length 1.
 *
 * O(n^3) with a constant of about 30; n = 128 takes a quarter of a second.
 */
void eigen_symmetric(double *matrix, int n, double *vectors);

#endif
