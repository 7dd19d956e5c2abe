/* `metazoa info`: what it says of one run alone. */
#ifndef METAZOA_COMMAND_INFO_H
#define METAZOA_COMMAND_INFO_H

#include "facts.h"
#include "metazoa/analyse/moves.h"
#include "metazoa/base/json.h"
#include "metazoa/config/config.h"

struct info_run {
    const struct facts *facts; /* borrowed */
    json_t *provenance;        /* run.json; NULL: it is not there */
    struct config config;
    bool configured; /* config.yaml is there and right */
    struct moves moves;
    bool moved; /* moves are known */
};

/* Collective; the result is rank 0's, as are problems. facts: rank 0's. Not EXIT_DONE: config.yaml is not to be used,
 * which has been said. */
enum exit_code info_run_read(struct info_run *info, const char *run, const struct facts *facts,
                             struct comm *comm, struct problems *problems);
void info_run_free(struct info_run *info);

/* Local, rank 0. */
void info_run_print(const struct info_run *info);
json_t *info_run_json(const struct info_run *info);

/* Local. What a line says, as an object. */
json_t *info_json(const struct facts *facts);

#endif
