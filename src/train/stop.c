#include "metazoa/train/stop.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "metazoa/base/timer.h"

/* All signals that would end the program and do not stand for a crash. */
static const int listened[] = {SIGTERM,   SIGINT,  SIGUSR1, SIGHUP,    SIGQUIT,
                               SIGUSR2,   SIGXCPU, SIGALRM, SIGVTALRM, SIGPROF,
#ifdef SIGPWR /* not everywhere */
                               SIGPWR,
#endif
#ifdef SIGSTKFLT
                               SIGSTKFLT,
#endif
                               SIGIO};
enum { LISTENED = sizeof listened / sizeof listened[0] };

static volatile sig_atomic_t signals; /* that count, so far */
static volatile sig_atomic_t signal_last;
static struct timespec signal_time;

static void on_signal(int number)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const double since =
        (double)(now.tv_sec - signal_time.tv_sec) + 1e-9 * (double)(now.tv_nsec - signal_time.tv_nsec);
    if (signals > 0 && since < 1) return;
    signal_time = now;
    signals = signals + 1;
    signal_last = number;
    if (signals >= 2) signal(number, SIG_DFL);
}

void stop_listen(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART}, before;
    sigfillset(&action.sa_mask);
    for (int i = 0; i < LISTENED; i++) {
        const bool nohup = listened[i] == SIGHUP && sigaction(SIGHUP, NULL, &before) == 0 &&
                           before.sa_handler == SIG_IGN; /* started by nohup: it stays deaf to it */
        if (!nohup) sigaction(listened[i], &action, NULL);
    }
    /* Those without a name, unless a library has taken one for itself. */
    for (int number = SIGRTMIN; number <= SIGRTMAX; number++)
        if (sigaction(number, NULL, &before) == 0 && before.sa_handler == SIG_DFL)
            sigaction(number, &action, NULL);
    signal(SIGPIPE, SIG_IGN); /* the reader of standard output may end first: `metazoa train ... | head` */
}

double stop_limit(double hours, double started)
{
    double limit = hours > 0 ? started + 3600 * hours : (double)INFINITY;
    const char *text = getenv("SLURM_JOB_END_TIME");
    char *end;
    const double job_end = text ? strtod(text, &end) : 0;
    if (text && end != text && !*end && job_end > 0) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        const double left = job_end - (double)now.tv_sec - 1e-9 * (double)now.tv_nsec;
        /* A time in the past belongs to an earlier job, and remained in a shell's environment. */
        if (left > 0 && timer_now() + left < limit) limit = timer_now() + left;
    }
    return limit;
}

/* Once seen, a stop file counts until the run ends, because the run does not act on every look. */
static bool stop_file(struct stop *stop, double now)
{
    if (stop->file_seen || now - stop->last_look < 1) return stop->file_seen;
    stop->last_look = now;
    for (int i = 0; i < stop->n_files; i++)
        if (access(stop->files[i], F_OK) == 0) stop->file_seen = true;
    return stop->file_seen;
}

int stop_look(struct stop *stop, const struct pace *pace, bool decides)
{
    if (signals > 0) return (signals > 1 ? REQUEST_HURRY : REQUEST_SIGNAL) + (int)signal_last;
    if (!decides) return REQUEST_NONE;
    const double now = timer_now();
    if (now + pace_latency(pace) >= stop->limit) return REQUEST_LIMIT;
    if (stop_file(stop, now)) return REQUEST_FILE;
    if (stop->save_every > 0 && now - stop->last_save >= stop->save_every) return REQUEST_SAVE;
    return REQUEST_NONE;
}

struct reason stop_reason(int request)
{
    struct reason reason;
    char *text = reason.text;
    const size_t size = sizeof reason.text;
    if (request >= REQUEST_SIGNAL) {
        const int number = request % REQUEST_SIGNAL;
        snprintf(text, size, "%ssignal %d (%s)", request >= REQUEST_HURRY ? "second " : "", number,
                 strsignal(number));
    } else if (request == REQUEST_LIMIT) {
        snprintf(text, size, "the time limit is near");
    } else {
        snprintf(text, size, "%s", request == REQUEST_FILE ? "the stop file is there" : "nothing");
    }
    return reason;
}

/* The number in an environment variable; 0: it is not set, or is no number. */
static int variable(const char *name)
{
    const char *text = getenv(name);
    return text ? atoi(text) : 0;
}

int stop_singletons(int world_size)
{
    if (world_size > 1) return 1;
    /* The launcher nearest to the program says how many it started: mpirun inside a SLURM job starts its
     * daemons with srun, so that SLURM's variables speak of the daemons. */
    static const char *const launchers[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"};
    for (int i = 0; i < (int)(sizeof launchers / sizeof launchers[0]); i++)
        if (variable(launchers[i]) > 0) return variable(launchers[i]);
    /* Set by srun for the tasks of a step. A batch script has SLURM_NTASKS, even SLURM_PROCID, but is no
     * step's task. */
    if (getenv("SLURM_STEP_ID") && getenv("SLURM_PROCID") && variable("SLURM_STEP_NUM_TASKS") > 1)
        return variable("SLURM_STEP_NUM_TASKS");
    return 1;
}
