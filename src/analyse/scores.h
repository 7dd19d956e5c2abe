#ifndef METAZOA_ANALYSE_SCORES_H
#define METAZOA_ANALYSE_SCORES_H

#include "result.h"

/* Collective. Writes the scores of all layers. False: problems (equal on all ranks): the file is not whole.
 */
bool scores_write(struct job *job, struct result *result, struct problems *problems);

/* The same for SCOPE_PARTICLE (particle.c): every particle's own components, and its scores. */
bool particles_write(struct job *job, struct result *result, int64_t *excluded, struct problems *problems);

/* Local. `prepare` of a pass: which of its walkers are shown, and their places among the shown ones of its
 * rows. */
void scores_shown(const struct result *result, struct pass *pass);

#endif
