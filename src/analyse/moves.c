#include "metazoa/analyse/moves.h"

#include <math.h>

#include "metazoa/base/file.h"
#include "metazoa/base/memory.h"
#include "source.h"

enum { SLAB = 1 << 14 }; /* particles at a time */

static double distance(int n, const float *from, const float *to)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += ((double)to[i] - (double)from[i]) * ((double)to[i] - (double)from[i]);
    return sqrt(sum);
}

static void take(struct moves_layer *layer, const struct source_layer *from, int64_t row, double moved,
                 int64_t *finite)
{
    if (!isfinite(moved)) return;
    layer->mean += moved;
    ++*finite;
    if (moved <= layer->farthest) return;
    const int64_t edges = from->rows / from->cells;
    layer->farthest = moved;
    layer->cell = from->cell ? from->cell[row] : row / edges;
    layer->edge = from->edge ? from->edge[row] : row % edges;
}

static bool read_layer(struct moves_layer *layer, struct source *source, int l, char *reason)
{
    const struct source_layer *from = &source->layer[l];
    const int n = source->weights;
    float *weights = memory_new(2 * SLAB * n, sizeof *weights);
    uint8_t *types = memory_new(SLAB, 1);
    int64_t finite = 0;
    bool sound = true;
    *layer = (struct moves_layer){.number = from->number, .particles = from->rows, .farthest = -1};
    for (int64_t begin = 0, end; begin < from->rows && sound; begin = end) {
        end = begin + SLAB < from->rows ? begin + SLAB : from->rows;
        float *last = weights + (end - begin) * n;
        sound = source_read(source, l, source->lo, 1, begin, end, weights, (end - begin) * n, reason) &&
                source_read(source, l, source->hi - 1, 1, begin, end, last, (end - begin) * n, reason) &&
                source_types(source, l, begin, end, types, reason);
        for (int64_t i = 0; i < end - begin && sound; i++) {
            if (types[i] < TYPE_NAMES) layer->types[types[i]]++;
            if (types[i] == TYPE_PRUNED) continue; /* its weights were set to zero, it did not go there */
            layer->counted = layer->counted || types[i] < TYPE_NAMES;
            take(layer, from, begin + i, distance(n, weights + i * n, last + i * n), &finite);
        }
    }
    layer->mean = finite > 0 ? layer->mean / (double)finite : (double)NAN;
    if (finite == 0) layer->farthest = (double)NAN;
    memory_free(weights);
    memory_free(types);
    return sound;
}

static bool look(struct moves *moves, struct source *source, struct problems *problems)
{
    char reason[512];
    moves->records = source->records;
    moves->first = source->epoch[source->lo];
    moves->last = source->epoch[source->hi - 1];
    moves->layer = memory_new(source->n_layers, sizeof *moves->layer);
    for (moves->n_layers = 0; moves->n_layers < source->n_layers; moves->n_layers++)
        if (!read_layer(&moves->layer[moves->n_layers], source, moves->n_layers, reason)) {
            problems_add(problems, EXIT_INPUT, "%s", reason);
            return false;
        }
    return true;
}

bool moves_read(struct moves *moves, const char *run, int64_t most, struct comm *comm,
                struct problems *problems)
{
    const struct pca_spec spec = {.run = run, .hi = INT64_MAX};
    struct source source;
    struct problems none = {0};
    char *path = file_path(run, "archive.h5");
    int64_t there = file_exists(path);
    *moves = (struct moves){0};
    memory_free(path);
    comm_min_i64(comm, &there, 1);
    if (!there) return false;
    bool sound = source_open(&source, &spec, comm, &none);
    if (none.code == EXIT_INPUT && comm_rank(comm) == 0)
        problems_add(problems, EXIT_INPUT, "%s", none.text[0]);
    problems_free(&none);
    if (sound && source_particles(&source) * source.weights * (int64_t)sizeof(float) > most) sound = false;
    if (sound && comm_rank(comm) == 0) sound = look(moves, &source, problems);
    source_close(&source);
    return sound;
}
