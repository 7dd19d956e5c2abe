/*
 * What a configuration will need: memory of the fullest rank, traffic, sizes of files. Plain arithmetic on
 * the shape and the grid, without any organism; integers are 64-bit and saturate: INT64_MAX means "that or
 * more". Local.
 */
#ifndef METAZOA_COMMAND_ESTIMATE_H
#define METAZOA_COMMAND_ESTIMATE_H

#include "metazoa/config/config.h"

struct estimate {
    int64_t particles, weights; /* of the organism */
    int64_t owned;              /* particles that the fullest rank owns, padding included */
    int64_t memory_particles;   /* bytes of the fullest rank: particles, their velocities, effective weights,
                                   gradients */
    int64_t memory_passes;      /* ... activations of the chunks under way */
    int64_t memory_data;        /* ... samples */
    int64_t memory_shared; /* ... of which ranks of a node with the same columns can share so many bytes */
    int64_t memory_files;  /* ... records on their way to the archive, a layer on its way to a checkpoint */
    int64_t traffic_sums;  /* bytes that a rank sends per batch, at most: sums over rows and columns */
    int64_t traffic_batch; /* ... gradients and effective weights along the batch axis */
    int64_t traffic_meetings; /* ... weights of particles that act on others, on average */
    int64_t records, archive; /* of a whole run; bytes */
    int64_t checkpoint;       /* bytes of one */
};

struct estimate estimate_make(const struct config *config, const struct organism_shape *shape,
                              const struct task *task, const int grid[GRID_AXES]);

/*
 * So many ranks are on a node, as consecutive ranks of the grid: where they share samples (task.share_data),
 * memory_data becomes a rank's part of the node's. Returns whether they do.
 */
bool estimate_share(struct estimate *estimate, const struct config *config, const int grid[GRID_AXES],
                    const enum grid_axis order[GRID_AXES], int64_t node_ranks);

/* Saturating sum and product of two numbers that are not negative. */
int64_t estimate_sum(int64_t a, int64_t b);
int64_t estimate_product(int64_t a, int64_t b);

/* All of memory_... together. */
int64_t estimate_memory(const struct estimate *estimate);

#endif
