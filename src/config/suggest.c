/* Suggests the section or key that was probably meant. */
#include <string.h>

#include "metazoa/base/memory.h"
#include "metazoa/base/suggest.h"
#include "table.h"

char *suggest_section(const char *section)
{
    struct suggest suggest = {.written = section};
    for (int i = 0; i < config_n_keys; i++) suggest_try(&suggest, config_keys[i].section);
    if (suggest_best(&suggest)) return memory_print("; did you mean '%s'?", suggest_best(&suggest));
    for (int i = 0; i < config_n_keys; i++)
        if (strcmp(section, config_keys[i].name) == 0)
            return memory_print("; '%s' belongs to section '%s'", section, config_keys[i].section);
    return memory_string("; \"metazoa --help\" lists all keys");
}

/* The nearest key of the section (NULL: of all sections) and its distance. */
static int nearest_key(const char *section, const char *name, int *least)
{
    int best = -1;
    *least = SUGGEST_FAR;
    for (int i = 0; i < config_n_keys; i++) {
        if (section && strcmp(section, config_keys[i].section) != 0) continue;
        const int changes = suggest_distance(name, config_keys[i].name);
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
    if (best < 0 || !suggest_near(name, here)) return memory_string("; \"metazoa --help\" lists all keys");
    return memory_print("; did you mean '%s.%s'?", config_keys[best].section, config_keys[best].name);
}
