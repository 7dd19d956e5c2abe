/*
 * Claims: what the files of a run say about its states. metrics.csv has the fingerprint of every epoch, and
 * each checkpoint has that of its own state. A replay (train/replay.h) compares the states that it computes
 * with the claims.
 */
#ifndef METAZOA_STORE_CLAIMS_H
#define METAZOA_STORE_CLAIMS_H

#include <stdbool.h>
#include <stdint.h>

#include "metazoa/base/error.h"
#include "metazoa/parallel/comm.h"

/* A file says that the organism has this fingerprint after `epoch` epochs and `batch` batches of the next. */
struct claim {
    int64_t epoch, batch;
    uint64_t fingerprint;
    bool checkpoint; /* by a checkpoint; otherwise by metrics.csv */
};

/* Zero-initialise; the owner calls claims_free. */
struct claims {
    int64_t n;
    struct claim
        *claim; /* owned: first those of metrics.csv in the order of its lines, then those of checkpoints */
};

/*
 * Collective. Reads RUN/metrics.csv and the heads of all sound checkpoints, and names the others; equal on
 * all ranks. Problems (EXIT_INPUT), on rank 0 alone (agree on them): metrics.csv cannot be read, or one of
 * its lines is no row of metrics. A last line without a line break is ignored: the job died while it wrote
 * it.
 */
void claims_read(struct claims *claims, const char *run, struct comm *comm, struct problems *problems);
void claims_free(struct claims *claims);

/* Local. The fingerprint of an epoch in RUN/metrics.csv. False: there is none that can be read. */
bool claims_row(const char *run, int64_t epoch, uint64_t *fingerprint);

/* Local. Rank 0 says on standard error if RUN/metrics.csv goes on after `epoch`, the epoch of the newest
 * sound checkpoint, which is taken. */
void claims_warn(const char *run, int64_t epoch, struct comm *comm);

/* Local. Whether any file claims something about this state; whether metrics.csv does about this epoch; the
 * last epoch of metrics.csv, -1: none. */
bool claims_about(const struct claims *claims, int64_t epoch, int64_t batch);
bool claims_epoch(const struct claims *claims, int64_t epoch);
int64_t claims_last_epoch(const struct claims *claims);

#endif
