/*
 * Verification: is what lies in a file or a run's folder sound and complete, and what can be recovered.
 * Damaged files are read in child processes with bounded memory and time: whatever is in them, these
 * functions answer. All are local: call them on one rank.
 */
#ifndef METAZOA_STORE_VERIFY_H
#define METAZOA_STORE_VERIFY_H

#include <stdbool.h>
#include <stdio.h>

#include "metazoa/base/error.h"

/*
 * A file that the program or its analysis writes (checkpoint, segment, archive, probe, principal components), a
 * run's folder, or the folder of an ensemble: every checksum, digest and fingerprint, the links between datasets
 * and their axes; of a run also that its archive has no gap or double and reaches as far as its newest checkpoint.
 * One line per file to out, then what can be recovered. Returns EXIT_DONE: all is sound; EXIT_INPUT: something is
 * damaged or missing; EXIT_USAGE: it is an HDF5 file of another program, about which nothing can be said.
 */
enum exit_code verify_path(const char *path, FILE *out);

/*
 * One plain file of the trajectory archive of a run: the layout of RUN/archive.h5, its datasets no longer
 * virtual. Written under another name, synced and renamed. False: a line on out says why (a segment is
 * damaged or missing, the output cannot be written).
 */
bool archive_merge(const char *run, const char *output, FILE *out);

#endif
