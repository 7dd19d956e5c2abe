/*
 * Stop requests: signals, time limits, a stop file, and the wish for a checkpoint. Every rank looks at what
 * it sees itself (stop_look); the largest request of all ranks travels with organism_sweep's message, so that
 * all ranks act on the same one.
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
    REQUEST_HURRY = 2048   /* + number of the signal: a second one came; leave the last checkpoint and go */
};

struct stop {
    double limit;      /* timer_now() at which the program must have ended; INFINITY: none */
    double save_every; /* seconds between checkpoints; 0: not by time */
    double last_save;  /* timer_now() of the last one */
    double last_look;  /* at the files: at most one look a second */
    bool file_seen;
    int n_files;
    const char *files[2]; /* borrowed: whichever of them appears stops the run (rank 0 looks) */
};

/* Local. From now on all signals that would end the program are requests (SIGTERM, SIGINT, SIGUSR1, SIGHUP,
 * SIGQUIT, SIGUSR2, SIGXCPU, SIGALRM, ...), and a reader of standard output that goes away changes nothing. A
 * program started by nohup goes on ignoring SIGHUP. A second signal within a second is the same
 * one sent twice (a launcher and SLURM both pass it on); a third, later, has its usual effect. */
void stop_listen(void);

/*
 * Local. `limit` for a program that began at timer_now() = started: the earlier one of --max-hours (hours; 0:
 * none) and the end of the SLURM job (SLURM_JOB_END_TIME, seconds since 1970), or INFINITY.
 */
double stop_limit(double hours, double started);

/* Local. This rank's request. rank 0 (decides) looks at clock and files, the others at their signals alone.
 */
int stop_look(struct stop *stop, const struct pace *pace, bool decides);

/* Local. Why, for people: "signal 15 (Terminated)", "the time limit is near", "the file RUN/stop". */
struct reason {
    char text[80];
};
struct reason stop_reason(int request);

/*
 * Local. How many processes a launcher says that it started, when MPI knows of only one: srun without
 * --mpi=pmix starts N programs that know nothing of each other. 1: nothing is wrong. A batch script's own
 * plain call is not one of several tasks, whatever the job's size.
 */
int stop_singletons(int world_size);

#endif
