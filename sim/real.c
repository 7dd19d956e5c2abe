/* For build/sim/real, where kernels and messages are real: nothing is owed and no table read. */
#include <time.h>

#include "metazoa/base/timer.h"
#include "metazoa/organism/organism.h"
#include "rates.h"
#include "schedule.h"

struct core_rates rates;
struct setting setting;
struct sent sent;

void rates_read(const char *core, const char *machine, int ranks_per_node)
{
    (void)core, (void)machine, (void)ranks_per_node;
    rates.cache = 1e300;
}

double rates_share(void)
{
    return 1;
}

void charge(double seconds)
{
    (void)seconds;
}

void charge_pay(void)
{
}

double batch_clock(int ranks)
{
    struct timespec time;
    if (ranks > 1) return timer_now();
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

void draw_weights(struct organism *organism)
{
    organism_draw(organism);
}
