#include "metazoa/train/display.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metazoa/base/memory.h"
#include "metazoa/base/percent.h"
#include "metazoa/base/terminal.h"
#include "metazoa/base/timer.h"
#include "metazoa/train/pace.h"

#define LINE_SECONDS 1.0   /* between plain lines of epochs */
#define BATCH_SECONDS 10.0 /* between plain lines inside an epoch */
#define BAR_SECONDS 0.1
#define DOING_SECONDS 0.5 /* what takes less is not announced on a terminal */

enum { TEXT = 256, BAR_LEAST = 8 };

const char *const progress_words[] = {PROGRESS_KINDS(WORDS_TEXT) NULL};

struct display display_new(bool silent, enum progress_kind kind, const char *label,
                           struct display_place place)
{
    if (kind == PROGRESS_AUTO) kind = terminal_shown() ? PROGRESS_BAR : PROGRESS_PLAIN;
    /* Of several groups of ranks that train an ensemble at the same time the first one draws the bar. */
    return (struct display){
        .silent = silent,
        .bar = kind == PROGRESS_BAR,
        .plain = kind == PROGRESS_PLAIN,
        .place = place,
        .label = label,
        .last = -INFINITY,
        .row = metrics_row_empty(0),
    };
}

void display_end(struct display *display)
{
    terminal_done();
    if (!display->bar_shown) return;
    putchar('\n');
    fflush(stdout);
    display->bar_shown = false;
}

void display_doing(struct display *display, const char *what, double seconds)
{
    if (display->silent || seconds < (display->bar ? DOING_SECONDS : BATCH_SECONDS)) return;
    if (display->plain) display_say(display, "%s, about %s", what, duration_text(seconds).text);
    if (!display->bar) return;
    terminal_doing(what);
    display->bar_shown = false; /* it stood in this line */
}

void display_say(struct display *display, const char *format, ...)
{
    if (display->silent || (display->bar && display->place.members > 1)) return; /* the bar says it all */
    display_end(display);
    va_list arguments;
    va_start(arguments, format);
    fputs(display->label, stdout);
    vprintf(format, arguments);
    putchar('\n');
    va_end(arguments);
    fflush(stdout);
}

#define append(text, ...) memory_append(text, TEXT, __VA_ARGS__)

/* What the last epoch measured; what it did not measure is left out. */
static void describe_row(char *text, const struct display *display)
{
    const struct metrics_row *row = &display->row;
    const char *score = display->classification ? "accuracy" : "MAE";
    if (metrics_is_measured(row->task_loss)) append(text, "  task loss %.4g", row->task_loss);
    if (metrics_is_measured(row->self_train_loss)) append(text, "  self loss %.3g", row->self_train_loss);
    if (metrics_is_measured(row->train_score)) append(text, "  train %s %.4g", score, row->train_score);
    if (metrics_is_measured(row->test_score)) append(text, "  test %s %.4g", score, row->test_score);
    if (row->census[0] >= 0)
        append(text, "  self-replicators %s", percent_text(census_replicators(row->census), 1).text);
}

/* done: epochs, also parts of one. */
static void describe_left(char *text, const struct display *display, double done)
{
    const double left = ((double)display->epochs - done) * display->epoch_seconds;
    if (display->epoch_seconds > 0 && left > 0) append(text, "  left %s", duration_text(left).text);
}

/* Appends if it fits into the room: nothing is cut inside a word or a number. */
static void append_fitting(char *text, int room, const char *format, ...)
{
    char more[TEXT];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(more, sizeof more, format, arguments);
    va_end(arguments);
    if ((int)(strlen(text) + strlen(more)) <= room) append(text, "%s", more);
}

/* The text beside the bar, in at most this many columns: the most important numbers come first. */
static void describe_short(char *text, int room, const struct display *display, double done)
{
    const struct metrics_row *row = &display->row;
    const bool tested = metrics_is_measured(row->test_score);
    const double score = tested ? row->test_score : row->train_score;
    char left[TEXT] = "";
    if (display->place.members > 1)
        append_fitting(text, room, "  run %" PRId64 "/%" PRId64, display->place.member + 1,
                       display->place.members);
    append_fitting(text, room, "  epoch %" PRId64 "/%" PRId64, row->epoch, display->epochs);
    if (metrics_is_measured(score))
        append_fitting(text, room, "  %s%s %.3g", tested ? "" : "train ",
                       display->classification ? "accuracy" : "error", score);
    if (row->census[0] >= 0)
        append_fitting(text, room, "  replicators %s", percent_text(census_replicators(row->census), 0).text);
    describe_left(left, display, done);
    append_fitting(text, room, "%s", left);
}

/* done: epochs of this run, also parts of one. The bar takes what the text leaves of the window's line. */
static void draw_bar(struct display *display, double done)
{
    char text[TEXT] = "", bar[TEXT];
    const double run = display->epochs > 0 ? done / (double)display->epochs : 1;
    const double part = ((double)display->place.member + run) / (double)display->place.members;
    const int columns = terminal_width(), width = columns - 1 < TEXT ? columns - 1 : TEXT - 1;
    describe_short(text, width - 5, display, done);
    int bar_width = width - 6 - (int)strlen(text) - 2; /* "[", "]", " 45 %" */
    if (bar_width > 40) bar_width = 40;
    if (bar_width < BAR_LEAST) bar_width = 0;
    for (int i = 0; i < bar_width; i++) bar[i] = i < (int)(part * bar_width + 1e-9) ? '#' : '.';
    char line[2 * TEXT];
    snprintf(line, sizeof line, bar_width ? "[%.*s] %3.0f %%%s" : "%.*s%3.0f %%%s", bar_width, bar,
             floor(100 * part + 1e-9), text);
    terminal_done();
    printf("\r%.*s\033[K", width, line); /* then clears what is left of a longer line */
    fflush(stdout);
    display->bar_shown = true;
}

void display_batch(struct display *display, int64_t epoch, int64_t batch, int64_t batches)
{
    if (display->silent) return;
    const double now = timer_now();
    if (display->last == -INFINITY) display->last = now;
    if (now - display->last < (display->bar ? BAR_SECONDS : BATCH_SECONDS)) return;
    display->last = now;
    const double done = (double)epoch + (double)batch / (double)batches;
    if (display->bar) draw_bar(display, done);
    if (!display->plain) return;
    char text[TEXT] = "";
    describe_left(text, display, done);
    display_say(display, "epoch %" PRId64 "/%" PRId64 "  batch %" PRId64 "/%" PRId64 "%s", epoch + 1,
                display->epochs, batch, batches, text);
}

void display_epoch(struct display *display, const struct metrics_row *row, double epoch_seconds)
{
    if (display->silent) return;
    const bool first = row->epoch <= 1 || display->row.epoch == 0, last = row->epoch >= display->epochs;
    display->row = *row;
    display->epoch_seconds = epoch_seconds;
    const double now = timer_now();
    const double pause = display->bar ? BAR_SECONDS : LINE_SECONDS;
    if (!first && !last && now - display->last < pause) return;
    display->last = now;
    if (display->bar) draw_bar(display, (double)row->epoch); /* the last one stays, at 100 % */
    if (!display->plain && !(last && display->bar && display->place.members == 1)) return;
    char text[TEXT] = "";
    describe_row(text, display);
    describe_left(text, display, (double)row->epoch);
    display_say(display, "epoch %" PRId64 "/%" PRId64 "%s  fingerprint %016" PRIx64, row->epoch,
                display->epochs, text, row->fingerprint);
}
