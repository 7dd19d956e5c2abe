/*
 * Probes: experiments on a trained organism (paper, section 5). A probe takes the organism of a checkpoint,
 * computes on all ranks, and writes RUN/probe-KIND.h5 and RUN/probe-KIND.json (one line of JSON). Both files
 * have the same bytes at every number of ranks and on every grid. docs/probes.md describes their content.
 *
 * A new probe is a file in src/measure that defines `const struct probe probe_KIND`, and a line in the table
 * (src/measure/probes.c); help, manual page and completion follow from it (docs/extending.md has an example).
 *
 * Every rank holds all results, so memory grows with their size: particles x noise levels x draws, or test
 * samples x outputs.
 */
#ifndef METAZOA_MEASURE_PROBE_H
#define METAZOA_MEASURE_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "metazoa/config/config.h"
#include "metazoa/organism/organism.h"
#include "metazoa/parallel/grid.h"
#include "metazoa/store/checkpoint.h"
#include "metazoa/task/task.h"

enum { PROBE_NEWEST = -1 }; /* instead of an epoch */

/* What to open. All pointers are borrowed and must stay until subject_close. */
struct subject_spec {
    const char *run; /* the run's folder */
    int64_t epoch;   /* the checkpoint of this epoch, or PROBE_NEWEST: the newest sound one */
    int n_sets;      /* changes of the run's configuration: "section.key=value" */
    char *const *sets;
    bool flat;                  /* the grid [ranks, 1, 1], so that every rank holds all inputs */
    bool any_data;              /* the data may be other ones than the run was trained on */
    const struct subject *like; /* take this subject's grid, and refuse another shape; NULL: none */
};

/* What is probed: a run's organism as it was at a checkpoint. */
struct subject {
    struct subject_spec spec;
    const char *run;             /* its folder */
    struct config loaded;        /* owned */
    const struct config *config; /* usually &loaded; not owned */
    struct comm *comm;           /* all ranks; not owned */
    struct grid grid;
    struct task task;
    struct organism organism;
    struct progress progress;
    uint64_t fingerprint;      /* of the organism as it was read */
    const struct probe *probe; /* that probes it */
    /* Keys that --set changed, with their values, of those that results may depend on; or NULL. Owned. */
    char *changed;
    char *result; /* the JSON line of the probe that ran, without a line's end; NULL: none did. Owned. */
};

/*
 * Collective. Reads the run's configuration, loads data and organism. The configuration's process grid is
 * taken if it fits the ranks (and neither flat nor like is asked for), otherwise the cost model picks one.
 * Problems are agreed on and printed, then their exit code is returned. Call subject_close in either case.
 */
enum exit_code subject_open(struct subject *subject, const struct subject_spec *spec, struct comm *comm);
void subject_close(struct subject *subject);

/* Collective. Test accuracy (classification) or mean absolute error with the effective weights as they are.
 */
double subject_score(struct subject *subject);

/* Local. "test_accuracy" or "test_mae": what the score is. */
const char *subject_measure(const struct subject *subject);

/*
 * An option of a probe: one row says what the command line may give, and which field of the probe's own
 * struct of options it fills in. Begin a row with one of the macros below.
 */
enum probe_option_type {
    PROBE_INTEGER, /* int64_t */
    PROBE_CHOICE,  /* enum: the place of the word in `words` */
    PROBE_NUMBERS, /* struct probe_numbers: positive numbers */
    PROBE_RUN,     /* const char *: a run's folder; borrowed from the command line */
    PROBE_FLAG     /* bool: whether it is given; takes no value */
};

enum { PROBE_NUMBERS_MAX = 64 };
struct probe_numbers {
    int n;
    double value[PROBE_NUMBERS_MAX];
};

struct probe_option {
    const char *name;  /* "--seeds" */
    const char *value; /* what it takes, for the help: "N"; NULL: nothing */
    enum probe_option_type type;
    size_t offset;            /* of the field */
    int64_t lo, hi;           /* PROBE_INTEGER: range, both ends included */
    const char *const *words; /* PROBE_CHOICE: ends with NULL */
    const char *initial;      /* the default, as on the command line; NULL: the field is zero */
    const char *help;
};

#define PROBE_OPTION_INTEGER(s, field, from, to)                                                             \
    .value = "N", .type = PROBE_INTEGER, .offset = offsetof(struct s, field), .lo = from, .hi = to
#define PROBE_OPTION_CHOICE(s, field, all)                                                                   \
    .value = "WORD", .type = PROBE_CHOICE, .offset = offsetof(struct s, field), .words = all
#define PROBE_OPTION_NUMBERS(s, field)                                                                       \
    .value = "LIST", .type = PROBE_NUMBERS, .offset = offsetof(struct s, field)
#define PROBE_OPTION_FLAG(s, field) .type = PROBE_FLAG, .offset = offsetof(struct s, field)
#define PROBE_OPTION_RUN(s, field) .value = "RUN", .type = PROBE_RUN, .offset = offsetof(struct s, field)

struct probe {
    const char *kind, *help;
    bool flat;                          /* needs every rank to hold all inputs */
    bool test_data;                     /* needs test samples */
    size_t bytes;                       /* of its struct of options; 0: it has none */
    const struct probe_option *options; /* ends with name NULL; NULL: none */

    /*
     * Collective over subject->comm. Leaves the organism's weights and effective weights as they were, unless
     * the probe's purpose is to train it on; gradients and a pending task step are lost. A user's mistake is
     * agreed on and printed, then its exit code is returned. Other failures are fatal.
     */
    enum exit_code (*run)(struct subject *subject, const void *options);
};

/* All probes; ends with NULL. */
extern const struct probe *const probes[];

/* Local. The probe of a kind, or NULL. */
const struct probe *probe_find(const char *kind);

/* Local. A probe's options with their defaults; memory_free them. */
void *probe_options(const struct probe *probe);

/* Local. Sets the option that a text on the command line is meant for; a text that does not fit is a problem
 * (EXIT_USAGE), and so is an option that the probe does not have. */
void probe_set(const struct probe *probe, void *options, const char *name, const char *text,
               struct problems *problems);

/* Collective. Runs a probe, if the subject has what it needs; otherwise a problem is printed and EXIT_USAGE
 * returned. */
enum exit_code probe_run(const struct probe *probe, struct subject *subject, const void *options);

#endif
