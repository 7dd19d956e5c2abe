/*
 * Replay: epochs of a run that is done, or that goes on elsewhere, are trained once more by the same loop. It begins
 * with the newest checkpoint at or before the window, or with the weights of epoch 0, and holds every state against
 * what the run's files claim (store/claims.h). The run's files are only read. What it leaves is
 *
 *   a folder of its own   archive of the window, metrics.csv, config.yaml, run.json; no checkpoint, or
 *   nothing               the records of the run's archive are compared (metazoa verify --recompute)
 *
 * run_open takes it from struct request; run_train trains to the end of the window; run_report says what came of it.
 */
#ifndef METAZOA_TRAIN_REPLAY_H
#define METAZOA_TRAIN_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "metazoa/store/claims.h"
#include "metazoa/store/compare.h"

struct replay {
    const char *run;      /* the folder of the run; borrowed */
    int64_t lo, hi;       /* the window: from the state after epoch lo to that after epoch hi */
    bool compare;         /* leave nothing, compare records */
    struct claims claims; /* owned: replay_free */

    /* What came of it, the same on all ranks. */
    int64_t start; /* epochs that were complete when it began; -1: it began with epoch 0 anew */
    int64_t epochs, checkpoints, records; /* that were computed again and are the same */
    int64_t differing;                    /* claims and records that are not */
    int64_t first;                        /* the epoch (the one under way) of the first of those */
};

struct run;

/* Collective. The state that the run has reached, whose fingerprint is the row's, against the claims. */
void replay_check(struct run *run, const struct metrics_row *row);

/* Collective. The run's record of that state against the organism; types as for archive_record. */
void replay_compare(struct run *run, uint8_t *const *types, const struct metrics_row *row);

/* Collective. Ends the archive, and says how much was proved. EXIT_FAILED: something differs, or it was stopped. */
enum exit_code replay_report(struct run *run, bool whole);

/* Local. */
void replay_free(struct replay *replay);

#endif
