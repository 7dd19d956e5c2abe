/*
 * The text files of a run's folder against its other files: config.yaml, metrics.csv, run.json, summary.json.
 * All functions are local.
 */
#ifndef METAZOA_STORE_VERIFY_TEXTS_H
#define METAZOA_STORE_VERIFY_TEXTS_H

#include "checkpoint_file.h"
#include "verify_kin.h"
#include "metazoa/store/members.h"
#include "metazoa/store/verify.h"

struct texts {
    const char *run;
    verify_config *config; /* or NULL: configurations are not compared */
    void (*say)(void *context, bool wrong, const char *problem); /* called for everything that differs */
    void *context;
    /* Of the newest checkpoint, if there is one: its configuration and name (borrowed), and its data. */
    const char *newest, *newest_name;
    struct task_identity data;
};

/* Whether the run's folder has a file of this name. */
bool texts_have(const struct texts *texts, const char *name);

/* All of them with the newest checkpoint, called `name`. A folder that the program did not make has none. */
void texts_compare(const struct texts *texts, const struct head *head, const char *name);

/* Whether the checkpoint is there with which the last start ended, as summary.json says: a start removes the
 * summary of the one before. newest: epoch of the newest sound checkpoint, -1: there is none. */
void texts_compare_end(const struct texts *texts, int64_t newest);

/* metrics.csv with the records of an archive without checkpoints. */
void texts_compare_records(const struct texts *texts, const struct kin *kin);

/* What probes have printed: all files probe-*.json. */
void texts_compare_probes(const struct texts *texts, const struct kin *kin);

/* A sound HDF5 file of this name, if it is a probe's: it has its own name, and its line of JSON beside it. */
void texts_compare_sheet(const struct texts *texts, const char *name);

/* config.yaml, if it exists, with the configuration in the file called `name`. */
void texts_compare_config(const struct texts *texts, const char *saved, const char *name);

/* The configuration in an older checkpoint, called `name`, with that of the newest. What a resume may
 * change may differ. */
void texts_compare_older(const struct texts *texts, const char *text, const char *name, const char *newest,
                         const char *newest_name);

/* The configurations and data of an ensemble's runs with each other. */
void texts_compare_members(const struct texts *texts, const struct members *members);

#endif
