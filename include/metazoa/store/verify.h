/*
 * Verification: whether a file or a run's folder is sound and complete, and what can be recovered. Files are
 * read in child processes with bounded memory and time (base/guard.h), so damaged files cannot crash or hang
 * the caller. All functions are local: call them on one rank.
 */
#ifndef METAZOA_STORE_VERIFY_H
#define METAZOA_STORE_VERIFY_H

#include <stdbool.h>
#include <stdio.h>

#include "metazoa/base/error.h"

/*
 * Compares two configurations of a run: `text`, of its file `name`, and `saved`, of its file `saved_name`,
 * where `set` ("SECTION.KEY=VALUE"; NULL: nothing) replaces a value. Returns what is wrong, as "config.yaml
 * ..."; NULL: nothing; owned by the caller. *wrong: the two cannot be of one run; otherwise a resume may have
 * made the difference.
 */
typedef char *verify_config(const char *text, const char *name, const char *saved, const char *saved_name,
                            char *set, bool *wrong);

/*
 * path: a file that the program or its analysis writes (checkpoint, segment, archive, probe, principal
 * components), a run's folder, or an ensemble's folder. Checks every checksum, digest and fingerprint, and
 * the links between datasets and their axes. The archive of a run must have no gap and no record twice, and
 * must reach as far as the newest checkpoint. All files of a run must be of this run and of one state: seed,
 * shape, fingerprints, configuration, data. Writes one line per file to `out`, then what can be recovered.
 * config: compares configurations; NULL: they are not compared. Returns EXIT_DONE: everything is sound;
 * EXIT_INPUT: something is damaged or missing; EXIT_USAGE: an HDF5 file of another program, which cannot be
 * verified.
 */
enum exit_code verify_path(const char *path, verify_config *config, FILE *out);

/*
 * Copies a run's archive into one plain file `output`, with the layout of RUN/archive.h5 but without virtual
 * datasets. The file is written under a temporary name, synced and renamed. EXIT_INPUT: a segment is damaged
 * or missing; EXIT_FAILED: the output cannot be written; a line on standard error says which. What was merged
 * is printed to `out`.
 */
enum exit_code archive_merge(const char *run, const char *output, FILE *out);

#endif
