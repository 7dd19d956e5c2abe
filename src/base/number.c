#include "metazoa/base/number.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool number_integer(const char *text, int64_t *out)
{
    const char *digits = text + (*text == '-' || *text == '+');
    if (!*digits || strspn(digits, "0123456789") != strlen(digits)) return false;
    if (digits[0] == '0' && digits[1]) return false; /* 017 is 15 to some readers of YAML */
    errno = 0;
    *out = strtoll(text, NULL, 10);
    return errno == 0; /* else it is too large */
}

/* Any number, also one that vanishes. */
static bool read_real(const char *text, double *out)
{
    char *end;
    if (!*text || strspn(text, "+-.0123456789eE") != strlen(text)) return false;
    *out = strtod(text, &end);
    return end != text && !*end;
}

bool number_vanishes(const char *text)
{
    double value;
    return read_real(text, &value) && fabs(value) < (double)FLT_MIN &&
           strcspn(text, "123456789") < strcspn(text, "eE");
}

bool number_real(const char *text, double *out)
{
    double value;
    if (!read_real(text, &value) || number_vanishes(text)) return false;
    *out = value + 0.0;
    return true;
}
