#include "metazoa/train/pace.h"

#include <math.h>
#include <stdio.h>

#define SLOW_DISK 50e6  /* bytes per second that one writer reaches */
#define END_SECONDS 5.0 /* closing files, ending MPI */
#define CAUTION 3.0

struct pace pace_new(double checkpoint_bytes, int writers)
{
    return (struct pace){.guess = 1 + checkpoint_bytes / (SLOW_DISK * writers)};
}

void pace_measure(double *longest, double seconds)
{
    if (seconds > *longest) *longest = seconds;
}

void pace_epoch(struct pace *pace, double seconds)
{
    pace->epochs++;
    pace->epoch += (seconds - pace->epoch) / (double)pace->epochs;
}

double pace_checkpoint(const struct pace *pace)
{
    return pace->checkpoint > 0 ? pace->checkpoint + pace->commit : pace->guess;
}

double pace_latency(const struct pace *pace)
{
    /* A signal that comes just after a batch has looked is seen one batch later, and that batch is completed.
     */
    return CAUTION * (2 * pace->batch + pace->epoch_end + pace_checkpoint(pace)) + END_SECONDS;
}

int64_t pace_fits(const struct pace *pace, double seconds)
{
    const double rest = seconds - pace_latency(pace);
    if (!(rest > 0) || !(pace->epoch > 0)) return 0;
    const double epochs = floor(rest / pace->epoch);
    return epochs < 1e15 ? (int64_t)epochs : (int64_t)1e15;
}

struct duration duration_text(double seconds)
{
    struct duration duration;
    char *text = duration.text;
    const size_t size = sizeof duration.text;
    if (!(seconds >= 0 && seconds < 1e9)) {
        snprintf(text, size, "?");
    } else if (seconds < 60) {
        snprintf(text, size, seconds < 10 ? "%.2f s" : "%.1f s", seconds);
    } else {
        const int64_t whole = (int64_t)seconds, hours = whole / 3600;
        const int minutes = (int)(whole / 60 % 60), rest = (int)(whole % 60);
        if (hours > 0)
            snprintf(text, size, "%lld:%02d:%02d h", (long long)hours, minutes, rest);
        else
            snprintf(text, size, "%d:%02d min", minutes, rest);
    }
    return duration;
}
