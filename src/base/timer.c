#include "metazoa/base/timer.h"

#include <assert.h>
#include <string.h>
#include <time.h>

static const char *const names[PHASE_COUNT] = {
    [PHASE_OTHER] = "other",       [PHASE_LOAD] = "load",         [PHASE_SWEEP] = "sweep",
    [PHASE_FORWARD] = "forward",   [PHASE_BACKWARD] = "backward", [PHASE_REDUCE] = "reduce",
    [PHASE_EXCHANGE] = "exchange", [PHASE_AGREE] = "agree",       [PHASE_VALIDATE] = "validate",
    [PHASE_CENSUS] = "census",     [PHASE_ARCHIVE] = "archive",   [PHASE_CHECKPOINT] = "checkpoint",
};

static double seconds[PHASE_COUNT];
static enum phase current = PHASE_OTHER;
static double since = -1;

double timer_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

enum phase timer_enter(enum phase phase)
{
    if (phase == current) return phase;
    double now = timer_now();
    if (since >= 0) seconds[current] += now - since;
    enum phase before = current;
    current = phase;
    since = now;
    return before;
}

double timer_seconds(enum phase phase)
{
    assert(phase < PHASE_COUNT);
    return seconds[phase] + (phase == current && since >= 0 ? timer_now() - since : 0);
}

const char *timer_name(enum phase phase)
{
    return names[phase];
}

void timer_reset(void)
{
    memset(seconds, 0, sizeof seconds);
    since = timer_now();
}
