/*
 * Bench: measures this machine and this program in one run, on the cores that the ranks use. Each figure is
 * printed as a line; with several ranks, as its minimum, median and maximum over the ranks.
 */
#ifndef METAZOA_SRC_COMMAND_BENCH_H
#define METAZOA_SRC_COMMAND_BENCH_H

#include <stdbool.h>

#include "metazoa/parallel/comm.h"

enum { BENCH_FIGURES = 96 };

struct figure {
    char name[64];
    char unit[24];
    double value;      /* of this rank */
    double operations; /* counted floating-point operations of one unit of work; 0: none */
    double bound;      /* the value that the counted operations allow at rate R; 0: none */
};

struct bench {
    struct comm *world;
    const char *folder; /* for files */
    double rate;        /* R: FLOP/s of a single-precision GEMM 1024 x 1024 x 1024 on this core */
    int n;
    struct figure figure[BENCH_FIGURES];
};

/* Adds a figure. bound: smaller values are better if `unit` is a time, larger ones if it is a rate. */
void bench_add(struct bench *bench, const char *name, const char *unit, double value, double operations,
               double bound);

/* Collective. Each measures and adds a family of figures. */
void bench_machine(struct bench *bench);
void bench_particles(struct bench *bench);
void bench_organism(struct bench *bench);
void bench_collectives(struct bench *bench);
void bench_files(struct bench *bench);

/* Local. Seconds per call: the least of `rounds` measurements of `calls` calls each. */
double bench_time(void (*work)(void *context), void *context, int rounds, int calls);

#endif
