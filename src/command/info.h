/* What is known of a run, or of the members of an ensemble together: `metazoa info`, and the end of an
 * ensemble. Local. */
#ifndef METAZOA_COMMAND_INFO_H
#define METAZOA_COMMAND_INFO_H

#include <stdbool.h>
#include <stdint.h>

/* Numbers that are not known are NaN, texts "". Those of an ensemble are medians over its members. */
struct info {
    const char *run;        /* borrowed */
    int64_t runs, finished; /* of an ensemble; otherwise 1, and 0 or 1 */
    const char *measure;    /* "test_accuracy" or "test_mae" */
    double epochs, particles, score, replicators, seconds;
    char fingerprint[32]; /* "": of an ensemble, or unknown */
};

/* From the text files of the folder `run`. False: there is no run in it. */
bool info_read(struct info *info, const char *run);

/* "  0.9 test_accuracy   30 % self-replicators  1.23 s", and the end of the line. */
void info_print_scores(const struct info *info);

#endif
