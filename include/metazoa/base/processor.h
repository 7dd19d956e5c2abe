/* The processor that this rank computes on, and what the BLAS library makes of it. */
#ifndef METAZOA_BASE_PROCESSOR_H
#define METAZOA_BASE_PROCESSOR_H

/*
 * Local; comm_start calls it. From here on BLAS has one thread, as a rank is one core, and numbers nearer to
 * zero than 2^-126 (subnormal ones, such as the gradients of outputs that are all but certain) count as zero:
 * some processors take a hundred times as long for them.
 */
void processor_start(void);

/* Local. NULL, or what makes wide layers slow here and how to mend it: a BLAS that does not know the
 * processor. */
const char *processor_advice(void);

#endif
