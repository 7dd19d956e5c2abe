/* Suggestions: finds the known name that is nearest to an unknown one ("did you mean ...?"). Local. */
#ifndef METAZOA_BASE_SUGGEST_H
#define METAZOA_BASE_SUGGEST_H

#include <stdbool.h>

/*
 * Edit distance: letters inserted, left out or replaced, or two neighbours swapped. '-' in the written name
 * counts as '_' in the other, and the case of letters does not count. Names of more than SUGGEST_FAR letters
 * are SUGGEST_FAR from everything.
 */
enum { SUGGEST_FAR = 40 };
int suggest_distance(const char *written, const char *name);

/* Whether a name with that many changes is near enough to be suggested: at most a third of the letters
 * changed. */
bool suggest_near(const char *written, int changes);

/* A loop over names: keeps the nearest one. Zero-initialise all but `written`. */
struct suggest {
    const char *written, *best;
    int changes; /* from `written` to `best` */
};
void suggest_try(struct suggest *suggest, const char *name);

/* The nearest name if it is near, otherwise NULL. */
const char *suggest_best(const struct suggest *suggest);

#endif
