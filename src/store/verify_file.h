/* One file of a run or on its own. */
#ifndef METAZOA_STORE_VERIFY_FILE_H
#define METAZOA_STORE_VERIFY_FILE_H

#include <stdio.h>

#include "metazoa/base/error.h"

/* Prints one line. Returns as verify_path does. */
enum exit_code verify_file(const char *path, FILE *out);

#endif
