/*
 * A whole batch of made-up samples on one rank: forward, backward, exact sums, activations and loss. What
 * `bench` measures, and tests/products.c beside OpenBLAS.
 */
#ifndef METAZOA_SRC_COMMAND_BENCH_PASS_H
#define METAZOA_SRC_COMMAND_BENCH_PASS_H

#include "metazoa/organism/organism.h"

enum { BENCH_BATCH = 2000 };

struct bench_pass {
    struct grid grid;
    struct organism organism;
    struct task task;
    struct tally tally;
};

/* An organism of 3 layers, cells[0] inputs to cells[3] classes. alone: a group of one rank. */
void bench_pass_new(struct bench_pass *pass, struct comm *alone, const int32_t *cells);
void bench_pass_free(struct bench_pass *pass);

/* One batch; context: the pass. */
void bench_pass_learn(void *context);

/* Its operations. Forward 2, weight gradient 2, input gradient 2 (not for layer 0) per particle and sample. */
double bench_pass_operations(const struct bench_pass *pass);

#endif
