#include "metazoa/base/suggest.h"

#include <stddef.h>
#include <string.h>

static int min_of(int a, int b)
{
    return a < b ? a : b;
}

int suggest_distance(const char *written, const char *name)
{
    const int n = (int)strlen(written), m = (int)strlen(name);
    int row[SUGGEST_FAR + 1][SUGGEST_FAR + 1];
    if (n > SUGGEST_FAR || m > SUGGEST_FAR) return SUGGEST_FAR;
    for (int i = 0; i <= n; i++) row[i][0] = i;
    for (int j = 0; j <= m; j++) row[0][j] = j;
#define SAME(x, y) (((x) | 0x20) == ((y) | 0x20) || ((x) == '-' && (y) == '_'))
    for (int i = 1; i <= n; i++) {
        for (int j = 1; j <= m; j++) {
            int best = row[i - 1][j - 1] + !SAME(written[i - 1], name[j - 1]);
            best = min_of(best, min_of(row[i - 1][j], row[i][j - 1]) + 1);
            if (i > 1 && j > 1 && SAME(written[i - 1], name[j - 2]) && SAME(written[i - 2], name[j - 1]))
                best = min_of(best, row[i - 2][j - 2] + 1);
            row[i][j] = best;
        }
    }
#undef SAME
    return row[n][m];
}

bool suggest_near(const char *written, int changes)
{
    return changes <= ((int)strlen(written) + 2) / 3;
}

void suggest_try(struct suggest *suggest, const char *name)
{
    const int changes = suggest_distance(suggest->written, name);
    if (suggest->best && changes >= suggest->changes) return;
    suggest->best = name;
    suggest->changes = changes;
}

const char *suggest_best(const struct suggest *suggest)
{
    return suggest->best && suggest_near(suggest->written, suggest->changes) ? suggest->best : NULL;
}
