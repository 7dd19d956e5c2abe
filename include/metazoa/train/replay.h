/*
 * Replay: trains epochs of an existing run once more, by the same loop. It begins at the newest checkpoint at
 * or before the window, or at epoch 0, and compares every state with what the run's files claim
 * (store/claims.h). It only reads the run's files. It writes
 *
 *   a folder of its own   archive of the window, metrics.csv, config.yaml, run.json; no checkpoint, or
 *   nothing               the records of the run's archive are compared (metazoa verify --recompute)
 *
 * run_open takes it from struct request; run_train trains to the end of the window; run_report says what came
 * of it.
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

    /* The result, equal on all ranks. */
    int64_t start; /* epochs that were complete when it began; -1: it began with epoch 0 anew */
    int64_t epochs, checkpoints, records; /* that were computed again and are the same */
    int64_t differing;                    /* claims and records that are not */
    int64_t first;                        /* the epoch (the one under way) of the first of those */
};

struct run;

/* Collective. Compares the current state, whose fingerprint is in the row, with the claims. */
void replay_check(struct run *run, const struct metrics_row *row);

/* Collective. Compares the organism with the run's record of the same state; types as for archive_record. */
void replay_compare(struct run *run, uint8_t *const *types, const struct metrics_row *row);

/* Collective. Ends the archive, and says how much was proved. EXIT_FAILED: something differs, or it was
 * stopped. */
enum exit_code replay_report(struct run *run, bool whole);

/* Local. */
void replay_free(struct replay *replay);

#endif
