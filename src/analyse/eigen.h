/*
 * Eigenvalues and eigenvectors of a symmetric matrix by Jacobi's cyclic rotations (Golub and Van Loan, Matrix
 * Computations, section 8.5). Local. All operations are sums, products, quotients and square roots in a fixed
 * order, so that components have the same bits on every machine; LAPACK's depend on its build and on the
 * processor.
 */
#ifndef METAZOA_ANALYSE_EIGEN_H
#define METAZOA_ANALYSE_EIGEN_H

/* matrix [n][n] is overwritten: its diagonal holds the eigenvalues, in no order. vectors [n][n]: row k
 * belongs to entry k of the diagonal. All numbers must be finite. */
void eigen_symmetric(int n, double *matrix, double *vectors);

#endif
