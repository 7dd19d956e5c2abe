/*
 * Comparison: the records of a run's archive against states that were computed again. The run's files are
 * only read.
 */
#ifndef METAZOA_STORE_COMPARE_H
#define METAZOA_STORE_COMPARE_H

#include <stdbool.h>
#include <stdint.h>

#include "metazoa/store/archive.h"

struct comparison;

/*
 * Collective. spec: that of the run's archive. organism: as for archive_open. NULL: a segment cannot be read,
 * or is of another run; a problem (EXIT_INPUT, equal on all ranks) was added.
 */
struct comparison *comparison_open(const char *run, const struct archive_spec *spec,
                                   struct organism *organism, struct problems *problems);
void comparison_free(struct comparison *comparison);

/* Local. Whether the archive has a record of this state. */
bool comparison_has(const struct comparison *comparison, int64_t epoch, int64_t batch);

/*
 * Collective. The record of the row's state, which the archive must have, against the organism as it is now:
 * bits of all archived weights; types, and columns of the row, where both are known (types, row: as for
 * archive_record). False: text says what differs, on all ranks.
 */
bool comparison_record(struct comparison *comparison, uint8_t *const *types, const struct metrics_row *row,
                       char text[256]);

#endif
