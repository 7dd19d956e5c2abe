#include "metazoa/train/display.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "metazoa/base/memory.h"
#include "metazoa/base/timer.h"
#include "metazoa/train/pace.h"

#define LINE_SECONDS 1.0   /* between plain lines of epochs */
#define BATCH_SECONDS 10.0 /* between plain lines inside an epoch */
#define BAR_SECONDS 0.1

enum { BAR = 24, TEXT = 256 };

struct display display_new(bool silent, const char *label, bool classification, int64_t epochs,
                           int64_t particles)
{
    return (struct display){
        .silent = silent,
        .terminal = !silent && !*label && isatty(STDOUT_FILENO),
        .classification = classification,
        .label = label,
        .epochs = epochs,
        .particles = particles,
        .last = -INFINITY,
        .row = metrics_row_empty(0),
    };
}

void display_end(struct display *display)
{
    if (!display->bar_shown) return;
    putchar('\n');
    fflush(stdout);
    display->bar_shown = false;
}

void display_say(struct display *display, const char *format, ...)
{
    if (display->silent) return;
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
    if (!isnan(row->task_loss)) append(text, "  task loss %.4g", row->task_loss);
    if (!isnan(row->self_train_loss)) append(text, "  self loss %.3g", row->self_train_loss);
    if (!isnan(row->train_score)) append(text, "  train %s %.4g", score, row->train_score);
    if (!isnan(row->test_score)) append(text, "  test %s %.4g", score, row->test_score);
    if (row->census[0] >= 0) {
        const double share = (double)row->census[TYPE_SELF_REPLICATOR] / (double)display->particles;
        append(text, "  self-replicators %.1f %%", 100 * share);
    }
}

/* done: epochs, also parts of one. */
static void describe_left(char *text, const struct display *display, double done)
{
    const double left = ((double)display->epochs - done) * display->epoch_seconds;
    if (display->epoch_seconds > 0 && left > 0) append(text, "  left %s", duration_text(left).text);
}

static void draw_bar(struct display *display, double done)
{
    const double part = display->epochs > 0 ? done / (double)display->epochs : 1;
    const int filled = (int)(part * BAR);
    char text[TEXT] = "";
    append(text, "[%.*s%.*s] %3.0f %%  epoch %" PRId64 "/%" PRId64, filled, "########################",
           BAR - filled, "........................", 100 * part, display->row.epoch, display->epochs);
    describe_row(text, display);
    describe_left(text, display, done);
    /* From the start of the line, no longer than it; then clear what is left of a longer text. */
    struct winsize window = {0};
    const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0;
    printf("\r%.*s\033[K", known ? window.ws_col - 1 : TEXT, text);
    fflush(stdout);
    display->bar_shown = true;
}

void display_batch(struct display *display, int64_t epoch, int64_t batch, int64_t batches)
{
    if (display->silent) return;
    const double now = timer_now();
    if (display->last == -INFINITY) display->last = now;
    if (now - display->last < (display->terminal ? BAR_SECONDS : BATCH_SECONDS)) return;
    display->last = now;
    const double done = (double)epoch + (double)batch / (double)batches;
    if (display->terminal) {
        draw_bar(display, done);
        return;
    }
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
    const double pause = display->terminal ? BAR_SECONDS : LINE_SECONDS;
    if (!first && !last && now - display->last < pause) return;
    display->last = now;
    if (display->terminal && !last) {
        draw_bar(display, (double)row->epoch);
        return;
    }
    char text[TEXT] = "";
    describe_row(text, display);
    describe_left(text, display, (double)row->epoch);
    display_say(display, "epoch %" PRId64 "/%" PRId64 "%s  fingerprint %016" PRIx64, row->epoch,
                display->epochs, text, row->fingerprint);
}
