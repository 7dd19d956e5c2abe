/* Which algorithm sums over rows and columns use: see schedule.h. */
#ifndef METAZOA_SIM_WRAP_H
#define METAZOA_SIM_WRAP_H

#include <stdbool.h>

extern bool wrap_halving;

#endif
