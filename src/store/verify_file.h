/* One file of a run or on its own. */
#ifndef METAZOA_STORE_VERIFY_FILE_H
#define METAZOA_STORE_VERIFY_FILE_H

#include "columns.h"

/* Prints one line; true: sound. */
bool verify_file(const char *path, FILE *out);

#endif
