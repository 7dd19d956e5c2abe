/* What `metazoa check` finds out: for people, or as JSON. Local. */
#ifndef METAZOA_SRC_COMMAND_CHECK_REPORT_H
#define METAZOA_SRC_COMMAND_CHECK_REPORT_H

#include "estimate.h"
#include "metazoa/config/config.h"

/* Seconds, measured by a trial on this machine. */
struct trial {
    int64_t batches;                  /* that were tried; 0: there was no trial */
    double batch, validation, census; /* of one each */
    double settle_step;
    double epoch;        /* what follows for an epoch, on average, without files */
    double files, total; /* ... for all files of the run (0: not measured), and for the whole run */
};

struct check_report {
    const char *path;
    const struct config *config;
    const struct task *task;
    const struct organism_shape *shape;
    int all_ranks, groups,
        ranks; /* of the job; that train organisms of an ensemble side by side; of each group */
    int grid[GRID_AXES];
    enum grid_axis order[GRID_AXES];
    int node_ranks;        /* of these on one node */
    bool like_here;        /* the nodes are taken to be like this machine */
    bool data_read;        /* all values of the data were read, not only headers and sizes */
    bool has_files;        /* the task reads files */
    bool shared;           /* ranks of a node share samples */
    int64_t program_bytes; /* of memory: the program and its libraries */
    int64_t useful_ranks;  /* more have nothing to do */
    struct estimate needs;
    struct trial trial;
};

/* Ranks of one organism on a node. */
int check_neighbours(const struct check_report *report);

void check_print(const struct check_report *report);

/* The same as a line of JSON; memory_free it. */
char *check_json(const struct check_report *report);

/* Free bytes on the disk of a folder, or of the nearest folder above it that exists; -1: unknown. */
int64_t check_free_bytes(const char *folder);

/* The most ranks that have particles to train, or samples of a batch and blocks of a layer to compute. */
int64_t check_useful_ranks(const struct organism_shape *shape, int64_t batch);

#endif
