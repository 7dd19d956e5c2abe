/* Suggests the section or key that was probably meant. */
#include <string.h>

#include "metazoa/base/memory.h"
#include "metazoa/base/suggest.h"
#include "table.h"

static int nearest_key(const char *section, const char *name, int *least);

char *suggest_section(const char *section, const char *name)
{
    struct suggest suggest = {.written = section};
    for (int i = 0; i < config_n_keys; i++) suggest_try(&suggest, config_keys[i].section);
    const char *const best = suggest_best(&suggest);
    int changes = 0;
    const int key = best && name ? nearest_key(best, name, &changes) : -1;
    if (key >= 0 && suggest_near(name, changes))
        return memory_print("; did you mean '%s.%s'?", best, config_keys[key].name);
    if (best) return memory_print("; did you mean '%s'?", best);
    for (int i = 0; i < config_n_keys; i++)
        if (strcmp(section, config_keys[i].name) == 0)
            return memory_print("; '%s' belongs to section '%s'", section, config_keys[i].section);
    return memory_print("; \"%s --help\" lists all keys", program_called);
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
    if (best < 0 || !suggest_near(name, here))
        return memory_print("; \"%s --help\" lists all keys", program_called);
    return memory_print("; did you mean '%s.%s'?", config_keys[best].section, config_keys[best].name);
}
