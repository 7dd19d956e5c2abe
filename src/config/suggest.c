/* The name that was probably meant. */
#include <string.h>

#include "metazoa/base/memory.h"
#include "table.h"

enum { NAME_MAX_LENGTH = 40 };

static int min_of(int a, int b)
{
    return a < b ? a : b;
}

/*
 * Edit distance: letters inserted, left out, replaced, or two neighbours swapped. '-' and '_' and the case of
 * letters count as equal. Long names are far from everything.
 */
static int distance(const char *a, const char *b)
{
    const int n = (int)strlen(a), m = (int)strlen(b);
    int row[NAME_MAX_LENGTH + 1][NAME_MAX_LENGTH + 1];
    if (n > NAME_MAX_LENGTH || m > NAME_MAX_LENGTH) return NAME_MAX_LENGTH;
    for (int i = 0; i <= n; i++) row[i][0] = i;
    for (int j = 0; j <= m; j++) row[0][j] = j;
#define SAME(x, y) (((x) | 0x20) == ((y) | 0x20) || ((x) == '-' && (y) == '_'))
    for (int i = 1; i <= n; i++) {
        for (int j = 1; j <= m; j++) {
            int best = row[i - 1][j - 1] + !SAME(a[i - 1], b[j - 1]);
            best = min_of(best, min_of(row[i - 1][j], row[i][j - 1]) + 1);
            if (i > 1 && j > 1 && SAME(a[i - 1], b[j - 2]) && SAME(a[i - 2], b[j - 1]))
                best = min_of(best, row[i - 2][j - 2] + 1);
            row[i][j] = best;
        }
    }
#undef SAME
    return row[n][m];
}

/* A name is near when at most a third of its letters would have to change. */
static bool is_near(const char *written, int changes)
{
    return changes <= ((int)strlen(written) + 2) / 3;
}

char *suggest_section(const char *section)
{
    int best = -1, least = NAME_MAX_LENGTH;
    for (int i = 0; i < config_n_keys; i++) {
        const int changes = distance(section, config_keys[i].section);
        if (changes < least) least = changes, best = i;
    }
    if (best >= 0 && is_near(section, least))
        return memory_print("; did you mean '%s'?", config_keys[best].section);
    for (int i = 0; i < config_n_keys; i++)
        if (strcmp(section, config_keys[i].name) == 0)
            return memory_print("; '%s' belongs to section '%s'", section, config_keys[i].section);
    return memory_string("; \"metazoa --help\" lists all keys");
}

/* The nearest key of the section (NULL: of all sections) and its distance. */
static int nearest_key(const char *section, const char *name, int *least)
{
    int best = -1;
    *least = NAME_MAX_LENGTH;
    for (int i = 0; i < config_n_keys; i++) {
        if (section && strcmp(section, config_keys[i].section) != 0) continue;
        const int changes = distance(name, config_keys[i].name);
        if (changes < *least) *least = changes, best = i;
    }
    return best;
}

char *suggest_key(const char *section, const char *name)
{
    int here, anywhere;
    int best = nearest_key(section, name, &here);
    const int elsewhere = nearest_key(NULL, name, &anywhere);
    if (anywhere < here && anywhere <= 1) best = elsewhere, here = anywhere;
    if (best < 0 || !is_near(name, here)) return memory_string("; \"metazoa --help\" lists all keys");
    return memory_print("; did you mean '%s.%s'?", config_keys[best].section, config_keys[best].name);
}
