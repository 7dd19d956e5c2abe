#include "metazoa/measure/whole.h"

#include <stdlib.h>
#include <string.h>

#include "metazoa/base/memory.h"

void whole_weights(const struct organism *organism, int l, int64_t position, float *weights)
{
    const int n = organism->shape.particle.weights;
    particle_row_get(weights, organism->layer[l].field[FIELD_WEIGHTS], position, n);
}

/* Where each row has to go: its id and the place where it is. */
struct place {
    int64_t id, at;
};

static int place_compare(const void *a, const void *b)
{
    const int64_t x = ((const struct place *)a)->id, y = ((const struct place *)b)->id;
    return (x > y) - (x < y);
}

static void sort_by_id(struct whole *whole, size_t row_bytes)
{
    struct place *place = memory_new(whole->n, sizeof *place);
    for (int64_t i = 0; i < whole->n; i++) place[i] = (struct place){whole->id[i], i};
    qsort(place, (size_t)whole->n, sizeof *place, place_compare);
    char *rows = memory_new(whole->n, row_bytes);
    for (int64_t i = 0; i < whole->n; i++) {
        whole->id[i] = place[i].id;
        memcpy(rows + (size_t)i * row_bytes, (const char *)whole->rows + (size_t)place[i].at * row_bytes,
               row_bytes);
    }
    memory_free(whole->rows);
    memory_free(place);
    whole->rows = rows;
}

void whole_gather(struct whole *whole, struct comm *comm, int64_t n_local, const int64_t *id,
                  const void *rows, size_t row_bytes)
{
    const int size = comm_size(comm), rank = comm_rank(comm);
    uint64_t *count = memory_new(size, sizeof *count);
    int64_t *offset = memory_new(size + 1, sizeof *offset);
    count[rank] = (uint64_t)n_local;
    comm_sum_u64(comm, count, size);
    for (int i = 0; i < size; i++) offset[i + 1] = offset[i] + (int64_t)count[i];
    whole->n = offset[size];
    whole->id = memory_new(whole->n, sizeof *whole->id);
    whole->rows = memory_new(whole->n, row_bytes);
    if (n_local > 0) {
        memcpy(whole->id + offset[rank], id, (size_t)n_local * sizeof *id);
        memcpy((char *)whole->rows + (size_t)offset[rank] * row_bytes, rows, (size_t)n_local * row_bytes);
    }
    comm_gather_all(comm, whole->id, sizeof *whole->id, offset);
    comm_gather_all(comm, whole->rows, row_bytes, offset);
    memory_free(count);
    memory_free(offset);
    sort_by_id(whole, row_bytes);
}

void whole_collect(struct whole *whole, const struct organism *organism, size_t row_bytes, whole_fill *fill,
                   const void *context)
{
    int64_t room = 0, n = 0;
    for (int l = 0; l < organism->shape.layers; l++) room += layer_owned(&organism->layer[l]);
    int64_t *ids = memory_new(room, sizeof *ids);
    char *rows = memory_new(room, row_bytes);
    for (int l = 0; l < organism->shape.layers; l++) {
        const int64_t owned = layer_owned(&organism->layer[l]);
        for (int64_t at = 0; at < owned; at++) {
            const int64_t id = organism_id(organism, l, at);
            if (id >= 0 && fill(context, l, at, id, rows + (size_t)n * row_bytes)) ids[n++] = id;
        }
    }
    whole_gather(whole, organism->grid->all, n, ids, rows, row_bytes);
    memory_free(ids);
    memory_free(rows);
}

void whole_free(struct whole *whole)
{
    memory_free(whole->id);
    memory_free(whole->rows);
    *whole = (struct whole){0};
}
