/* Results of several runs as one: the medians of all their numbers. Local. */
#ifndef METAZOA_COMMAND_MEDIAN_H
#define METAZOA_COMMAND_MEDIAN_H

#include "metazoa/base/json.h"

/*
 * Of an array of at least one result, each of the same form: an object of the same form. A number is the
 * median of those that are known; a text that is not the same in all results is left out, as is `seed`. The
 * caller owns it.
 */
json_t *median_of(json_t *results);

#endif
