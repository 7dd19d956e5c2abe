#include "metazoa/base/percent.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST = 15 }; /* decimals; a double has no more */

struct percent percent_text(double share, int decimals)
{
    struct percent percent = {"- %"};
    if (isnan(share)) return percent;
    for (int more = decimals; more <= MOST; more++) {
        snprintf(percent.text, sizeof percent.text, "%.*f %%", more, 100 * share);
        const double read = strtod(percent.text, NULL);
        if ((share <= 0 || read > 0) && (share >= 1 || read < 100)) break;
    }
    return percent;
}
