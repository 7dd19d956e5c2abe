/*
 * Display: what rank 0 prints on standard output during a run. On a terminal it is a bar as wide as the
 * window, redrawn in place. Elsewhere it is plain lines, at most one per second, and always one for the first
 * and the last epoch (metrics.csv has all epochs). Local. A silent display (other ranks, --quiet) prints
 * nothing.
 */
#ifndef METAZOA_TRAIN_DISPLAY_H
#define METAZOA_TRAIN_DISPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "metazoa/base/words.h"
#include "metazoa/store/metrics.h"

/* What --progress asks for. auto: a bar if the output is a terminal, otherwise lines. none: no progress, but
 * what a run begins and ends with. */
#define PROGRESS_KINDS(X)                                                                                    \
    X(PROGRESS_AUTO, "auto") X(PROGRESS_BAR, "bar") X(PROGRESS_PLAIN, "plain") X(PROGRESS_NONE, "none")
enum progress_kind { PROGRESS_KINDS(WORDS_VALUE) };
extern const char *const progress_words[];

/* The members of an ensemble that one group of ranks trains, one after the other: one bar for all of them. */
struct display_place {
    int64_t member, members; /* this one, from 0, and how many there are; 0, 1: a run of its own */
};

struct display {
    bool silent, bar, plain; /* bar, plain: how progress is shown; neither: it is not */
    struct display_place place;
    bool bar_shown;    /* the cursor stands behind a bar */
    const char *label; /* before every line: "" or "seed 3: "; borrowed */
    int64_t epochs;    /* in all; set by the owner when it is known, like the next one */
    bool classification;
    double last;            /* timer_now() of the last line or bar */
    double epoch_seconds;   /* mean of the epochs so far; 0: unknown */
    struct metrics_row row; /* of the last epoch */
};

struct display display_new(bool silent, enum progress_kind kind, const char *label,
                           struct display_place place);

/* A line of its own, like printf. */
void display_say(struct display *display, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A phase begins that shows no progress and takes about this many seconds: "reading data". On a terminal
 * it stands in the bar's place until something else is shown; elsewhere it is a line, if it takes 10 s or
 * more. */
void display_doing(struct display *display, const char *what, double seconds);

/* Call it after each batch: `batch` of the epoch's `batches` are done. Cheap if nothing is due to be
 * printed. */
void display_batch(struct display *display, int64_t epoch, int64_t batch, int64_t batches);

/* After each epoch. */
void display_epoch(struct display *display, const struct metrics_row *row, double epoch_seconds);

/* Ends the bar's line, so that the next text (an error message) starts on a new one. */
void display_end(struct display *display);

#endif
