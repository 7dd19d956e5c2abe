/*
 * Rows of a dataset, one per particle. Each rank holds the rows of the particles that it owns; the file has
 * them in the order cell * edges + edge. To write a dataset the ranks exchange rows, so that each rank gets
 * whole chunks of consecutive rows: every chunk has one writer, and the chunks come in the same order at
 * every number of ranks. To read, they do the reverse. This happens in passes of bounded memory.
 */
#ifndef METAZOA_STORE_ROWS_H
#define METAZOA_STORE_ROWS_H

#include <stdint.h>

#include "metazoa/hdf5/h5.h"
#include "metazoa/organism/organism.h"

/* Rows [row, row + count) of the dataset are this rank's owned rows [first, first + count), or lie at these
 * positions in a field. */
struct piece {
    int64_t row, count, first;
};

struct rows {
    struct comm *comm;
    int64_t n_pieces;
    struct piece *pieces;
    int64_t n_owned;  /* rows that this rank owns */
    int64_t n_global; /* rows of the dataset */
    float *field;     /* NULL: the rows lie in arrays [n_owned][row bytes] */
};

/* Local. All particles of a layer: row = cell * edges + edge. in_fields: the rows will be written from and
 * read into fields of the organism, without a copy of them: set rows->field, and pass NULL for `owned`. */
void rows_new(struct rows *rows, const struct organism *organism, int layer, bool in_fields);

/* Whether archive.fraction chooses the particle of this number. */
bool rows_is_chosen(uint64_t seed, int64_t id, double fraction);

/* Local. How many of a layer's particles rows_choose chooses. For very many particles it is the expected
 * number. */
int64_t rows_chosen(const struct organism_shape *shape, uint64_t seed, int layer, double fraction);

/*
 * Collective. The share `fraction` of a layer's particles, chosen by seed and id. A dataset's row is the
 * number of chosen particles before it.
 *   pick     [n_owned]: the place of the i-th owned, chosen row among all rows that this rank owns in the layer
 *   chosen   [n_global] on rank 0: cell * edges + edge of each row; NULL on the other ranks
 * Both are owned by the caller (memory_free).
 */
void rows_choose(struct rows *rows, const struct organism *organism, int layer, double fraction,
                 int64_t **pick, int64_t **chosen);

void rows_free(struct rows *rows);

/* Collective. Creates the dataset and writes data->records records of all ranks' rows into it. A problem is
 * in `file` afterwards. */
void rows_write(const struct rows *rows, struct h5 *file, const struct h5_data *data, void *const *owned);

/*
 * Collective. Reads the first n records of a dataset (n = 1 if it has no axis of records) into the rows of
 * all ranks. Every rank has opened the file by itself. If a rank cannot read, its `file` has the problem and
 * the other ranks complete the call; agree by share_sound. Adds the digest of all records read to *digest on
 * every rank.
 */
void rows_read(const struct rows *rows, struct h5 *file, struct h5_data *data, int64_t n, void *const *owned,
               uint64_t *digest);

#endif
