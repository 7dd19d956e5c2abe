/* One file of a run or on its own. */
#ifndef METAZOA_STORE_VERIFY_FILE_H
#define METAZOA_STORE_VERIFY_FILE_H

#include <stdio.h>

#include "metazoa/store/verify.h"

/* Prints one line. Returns as verify_path does. */
enum exit_code verify_file(const char *path, FILE *out);

/* A run's folder, or an ensemble's; as verify_path. */
enum exit_code verify_folder(const char *folder, verify_config *config, FILE *out);

#endif
