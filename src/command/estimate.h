/*
 * What a configuration will need: memory of the fullest rank, traffic, sizes of files. The modules that take
 * memory say how much (organism/need.h, task_bytes, store/size.h); this one goes through the ranks. Numbers
 * that 64 bits cannot hold are INT64_MAX. Local.
 */
#ifndef METAZOA_COMMAND_ESTIMATE_H
#define METAZOA_COMMAND_ESTIMATE_H

#include "metazoa/config/config.h"
#include "metazoa/organism/need.h"

struct estimate {
    int64_t particles, weights; /* of the organism */
    /* The fullest rank: */
    int64_t owned;            /* particles that it owns, padding included */
    int64_t memory_particles; /* bytes: state, effective weights, gradients */
    int64_t memory_passes;    /* ... activations of the chunks under way */
    int64_t memory_data;      /* ... samples and their order */
    int64_t memory_shared;    /* ... of which ranks of a node with the same columns can share this much */
    int64_t memory_files; /* ... records on their way to the archive, a layer on its way to a checkpoint */
    struct organism_traffic traffic; /* the most of any rank, number by number */
    int64_t records, archive;        /* of a whole run; bytes */
    int64_t checkpoint;              /* bytes of one */
};

struct estimate estimate_make(const struct config *config, const struct organism_shape *shape,
                              const struct task *task, const int grid[GRID_AXES]);

/*
 * For node_ranks ranks on a node, which are consecutive ranks of the grid: where they share samples
 * (task.share_data), memory_data becomes a rank's part of the node's. Returns whether they do.
 */
bool estimate_share(struct estimate *estimate, const struct config *config, const int grid[GRID_AXES],
                    const enum grid_axis order[GRID_AXES], int64_t node_ranks);

/* All of memory_... together. */
int64_t estimate_memory(const struct estimate *estimate);

#endif
