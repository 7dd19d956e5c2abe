/*
 * Numbers that a user wrote: decimal digits, nothing else, whatever the locale. What the C library would take
 * as well (hexadecimal, "inf", "nan", blanks before the number, the rest of a word) is refused. Local.
 */
#ifndef METAZOA_BASE_NUMBER_H
#define METAZOA_BASE_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/* A whole number: an optional sign and digits. It must not begin with a zero (others read 017 as octal). A
 * number beyond 64 bits becomes the largest or smallest one, which is outside of every range. False: *out is
 * not changed. */
bool number_integer(const char *text, int64_t *out);

/* A finite or infinite number (1e999 is infinite); -0 becomes 0. A number that vanishes is refused. False:
 * *out is not changed. */
bool number_real(const char *text, double *out);

/* Whether a text is a number that is not zero, but so near to it that single precision, without subnormal
 * numbers, takes it for zero: below FLT_MIN, about 1.2e-38. */
bool number_vanishes(const char *text);

#endif
