/* Settings of the processor and of the BLAS library, once per process. */
#ifndef METAZOA_BASE_PROCESSOR_H
#define METAZOA_BASE_PROCESSOR_H

/*
 * Local; the first thing in a program, before MPI. An OpenBLAS that does not know the processor takes it for
 * the oldest of its kind, with kernels that are several times too slow, and asks its environment only while
 * it is loaded: then the program begins anew, with OPENBLAS_CORETYPE set to what the processor can do. Set by
 * the user, it stays as it is.
 */
void processor_begin(char **argv);

/*
 * Local; comm_start calls it. From here on BLAS has one thread, as a rank is one core, and numbers nearer to
 * zero than 2^-126 (subnormal ones, such as the gradients of outputs that are all but certain) count as zero:
 * some processors take a hundred times as long for them.
 */
void processor_start(void);

#endif
