#include "metazoa/base/number.h"

#include <stdlib.h>
#include <string.h>

bool number_integer(const char *text, int64_t *out)
{
    const char *digits = text + (*text == '-' || *text == '+');
    if (!*digits || strspn(digits, "0123456789") != strlen(digits)) return false;
    if (digits[0] == '0' && digits[1]) return false; /* 017 is 15 to some readers of YAML */
    *out = strtoll(text, NULL, 10);
    return true;
}

bool number_real(const char *text, double *out)
{
    if (!*text || strspn(text, "+-.0123456789eE") != strlen(text)) return false;
    char *end;
    const double value = strtod(text, &end);
    if (end == text || *end) return false;
    *out = value + 0.0;
    return true;
}
