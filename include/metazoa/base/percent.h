/* Shares as percentages for reading. Local. */
#ifndef METAZOA_BASE_PERCENT_H
#define METAZOA_BASE_PERCENT_H

struct percent {
    char text[24];
};

/* "31.1 %" of a share from 0 to 1, with at least this many decimals: with more where it would read as 0 %
 * or 100 % and is neither. NaN: "- %". */
struct percent percent_text(double share, int decimals);

#endif
