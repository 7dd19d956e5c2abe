/* Replays, for the subcommands replay and verify. */
#ifndef METAZOA_COMMAND_REPLAY_H
#define METAZOA_COMMAND_REPLAY_H

#include "command.h"

/* Local. The share of --share; a wrong one is added to problems. */
double replay_share(const struct options *options, struct problems *problems);

/*
 * Collective. metazoa verify --recompute: replays a run, or with --share a part of it, and compares its
 * checkpoints, its archive and metrics.csv with what comes of it; writes nothing. EXIT_FAILED: something
 * differs.
 */
enum exit_code replay_recompute(const struct options *options, struct comm *world, int argc, char **argv);

#endif
