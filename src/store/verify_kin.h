/*
 * Kin: whether the files of a folder are of one run. A file that is sound by itself may have been copied here
 * from another run, or been left by one that lay here before. All functions are local, and open only files
 * that were found sound.
 */
#ifndef METAZOA_STORE_VERIFY_KIN_H
#define METAZOA_STORE_VERIFY_KIN_H

#include "checkpoint_file.h"

/* What is known of the run, from the first of its files on. Zero-initialise it; kin_free frees it. */
struct kin {
    char *first;                 /* name of that file, owned; NULL: nothing is known */
    struct organism_shape shape; /* of the first file, as seed */
    uint64_t seed;
    int64_t n;
    struct metrics_row *rows; /* owned, ascending: what the files know of each state */
};

enum { KIN_PROBLEM = 256 };

/*
 * Takes what a checkpoint, segment, archive, probe or result of `metazoa pca` says of its run. False: it says
 * something else than the files before it; the problem says what. Of other files nothing is known: true.
 */
bool kin_take(struct kin *kin, const char *path, char problem[KIN_PROBLEM]);

/* Whether a state has this fingerprint in the files before, or is in none of them; otherwise the problem
 * says more. */
bool kin_has(const struct kin *kin, int64_t epoch, int64_t batch, uint64_t fingerprint,
             char problem[KIN_PROBLEM]);
void kin_free(struct kin *kin);

#endif
