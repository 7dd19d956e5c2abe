/*
 * Stop requests: signals, time limits, a stop file, and checkpoints that are due by time. In every batch each
 * rank calls stop_look for its own request. The ranks exchange the largest request together with
 * organism_sweep's message, so all ranks act on the same one.
 */
#ifndef METAZOA_TRAIN_STOP_H
#define METAZOA_TRAIN_STOP_H

#include <stdbool.h>

#include "metazoa/train/pace.h"

/* Requests, weakest first. */
enum {
    REQUEST_NONE,
    REQUEST_SAVE,          /* a checkpoint is due by time: write it and go on */
    REQUEST_FILE,          /* from here on: stop with a checkpoint */
    REQUEST_LIMIT,         /* --max-hours or the end of the SLURM job is near */
    REQUEST_SIGNAL = 1024, /* + number of the signal */
    REQUEST_HURRY = 2048   /* + number of the signal: a second one came; stop without a new checkpoint */
};

struct stop {
    double limit;      /* timer_now() at which the program must have ended; INFINITY: none */
    double save_every; /* seconds between checkpoints; 0: not by time */
    double last_save;  /* timer_now() of the last one */
    double last_look;  /* at the files: at most one look a second */
    bool file_seen;
    int n_files;
    const char *files[2]; /* borrowed: the run stops when one of them exists (rank 0 looks) */
};

/*
 * Local. From now on, signals that would end the program become requests (SIGTERM, SIGINT, SIGUSR1, SIGHUP,
 * SIGQUIT, SIGUSR2, SIGXCPU, SIGALRM, ...). SIGPIPE is ignored, so the run goes on when the reader of
 * standard output ends. A program started by nohup still ignores SIGHUP. A second signal within one second
 * counts as the first (a launcher and SLURM may both deliver it); a third has its usual effect.
 */
void stop_listen(void);

/*
 * Local. The limit (timer_now()) of a program that began at `started`: the earlier of --max-hours (hours; 0:
 * none) and the end of the SLURM job (SLURM_JOB_END_TIME, seconds since 1970); INFINITY if there is neither.
 */
double stop_limit(double hours, double started);

/* Local. This rank's request. Rank 0 (decides = true) also looks at the clock and the files. */
int stop_look(struct stop *stop, const struct pace *pace, bool decides);

/* Local. A request as a text: "signal 15 (Terminated)", "the time limit is near", "the file RUN/stop". */
struct reason {
    char text[80];
};
struct reason stop_reason(int request);

/*
 * Local. Finds the mistake of srun without --mpi=pmix, which starts N separate programs of one rank each.
 * Returns the N that the launcher's environment variables tell if MPI has only one rank, otherwise 1. A plain
 * call inside a batch script gives 1.
 */
int stop_singletons(int world_size);

#endif
