/* The runs of an ensemble: folders seed-1, seed-2, ... in one folder. */
#ifndef METAZOA_STORE_MEMBERS_H
#define METAZOA_STORE_MEMBERS_H

#include <stdbool.h>
#include <stdint.h>

#include "metazoa/parallel/comm.h"
#include "metazoa/store/verify.h"

struct members {
    int64_t n;
    char **path; /* FOLDER/seed-1, ... in the order of their seeds */
};

/* Collective; rank 0 looks. comm NULL: local. n is 0 if the folder holds no member. members_free it. */
struct members members_of(const char *folder, struct comm *comm);
void members_free(struct members *members);

/* Local. Whether a file's name is a member's, without its folder. */
bool members_named(const char *name);

/*
 * Local. How the configuration of a member differs from that of the first one in more than the seed of its
 * folder and what a resume may change, as `config` says it, or that its data are other ones, which nobody
 * has accepted. NULL: all are of one experiment, or config is NULL. Members without config.yaml have not
 * begun. Owned by the caller.
 */
char *members_differ(const struct members *members, verify_config *config);

/* Collective. The member of the ensemble in `folder` with the seed of the member `run` of another one;
 * `folder` itself if one of them is no ensemble's. The caller owns it. */
char *members_same(const char *folder, const char *run, struct comm *comm);

#endif
