/*
 * Rows of a dataset: owned in pieces by the ranks that train them, written and read in consecutive ranges. A
 * file is written in passes; in each, consecutive chunks are divided among the ranks, so that every chunk has
 * one writer and chunks are taken in the same order at every number of ranks.
 */
#ifndef METAZOA_STORE_ROWS_H
#define METAZOA_STORE_ROWS_H

#include <stdint.h>

#include "metazoa/hdf5/h5.h"
#include "metazoa/organism/organism.h"

/* Rows [row, row + count) of the dataset are this rank's owned rows [first, first + count). */
struct piece {
    int64_t row, count, first;
};

struct rows {
    struct comm *comm;
    int64_t n_pieces;
    struct piece *pieces;
    int64_t n_owned;  /* rows that this rank owns */
    int64_t n_global; /* rows of the dataset */
};

/* Local. All particles of a layer: row = cell * edges + edge. */
void rows_new(struct rows *rows, const struct organism *organism, int layer);

/* Local. How many of a layer's particles are chosen; of very many, how many to expect. */
int64_t rows_chosen(const struct organism_shape *shape, uint64_t seed, int layer, double fraction);

/*
 * Collective. A share of them, chosen by seed and id; row: how many chosen ones come before it. pick:
 * [n_owned] what the i-th owned and chosen row is among all rows that the rank owns in this layer. chosen: on
 * rank 0 [n_global], cell * edges + edge of each; NULL on the others. Both are owned by the caller.
 */
void rows_choose(struct rows *rows, const struct organism *organism, int layer, double fraction,
                 int64_t **pick, int64_t **chosen);

void rows_free(struct rows *rows);

/* Collective. Makes the dataset and writes `data->records` records of all ranks' owned rows into it. */
void rows_write(const struct rows *rows, struct h5 *file, const struct h5_data *data, void *const *owned);

/*
 * Collective. Reads the first n records of a dataset into the owned rows of all ranks; file: open on every
 * rank by itself. A rank that cannot read has the problem in its `file`, and all ranks go on to the end.
 * Digest over all records that are read is added to *digest on every rank. A dataset without a record axis
 * has n = 1.
 */
void rows_read(const struct rows *rows, struct h5 *file, struct h5_data *data, int64_t n, void *const *owned,
               uint64_t *digest);

#endif
