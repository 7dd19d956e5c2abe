/* The one function of LAPACK that is needed. Local. */
#ifndef METAZOA_ANALYSE_LAPACK_H
#define METAZOA_ANALYSE_LAPACK_H

/* Eigenvalues, ascending, and eigenvectors of a symmetric matrix [n][n], which the vectors replace, one row
 * each. lapack_found must have found LAPACK. Failure is fatal. */
void lapack_eigen(int n, double *matrix, double *values);

#endif
