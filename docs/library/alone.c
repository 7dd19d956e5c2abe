/*
 * A program that uses the installed library: sixteen particles, each alone, become self-replicators. It prints how many did.
 *
 *     mpicc -std=c11 alone.c $(pkg-config --cflags --libs metazoa) -o alone && ./alone
 *     mpicxx -std=c++20 -x c++ alone.c -x none $(pkg-config --cflags --libs metazoa) -o alone && ./alone
 */
#include <metazoa/particle/census.h>
#include <metazoa/particle/kernel.h>
#include <metazoa/particle/state.h>
#include <stdalign.h>
#include <stdio.h>

enum { WEIGHTS = 27 }; /* of a particle 5-3-3-1 */

/* Groups of LANES particles lie side by side: [weight][particle]. */
alignas(64) static float weights[WEIGHTS][LANES],
    velocities[2][WEIGHTS][LANES], effective[LANES], loss[LANES];

int main(void)
{
    const struct particle_shape shape = particle_shape_new(3, 3);
    static struct sweep sweep;
    sweep.self.rate = 0.004f;
    sweep.self.momentum = 0.9f;
    sweep.self_steps = 20000;

    for (int particle = 0; particle < LANES; particle++) {
        float drawn[WEIGHTS];
        particle_draw(drawn, &shape, 1, 1, 0, (unsigned)particle, 0);
        for (int weight = 0; weight < WEIGHTS; weight++) weights[weight][particle] = drawn[weight];
    }
    float *const field[FIELD_COUNT] = {*weights, *velocities[0],
                                       *velocities[1]}; /* in the order of state.h */
    particle_sweep(&shape, &sweep, 1, field, effective, NULL, loss);

    unsigned char types[LANES];
    particle_census(&shape, 1, *weights, 1e-5f, types);
    int replicators = 0;
    for (int particle = 0; particle < LANES; particle++)
        replicators += types[particle] == TYPE_SELF_REPLICATOR;
    printf("%d of %d are self-replicators\n", replicators, (int)LANES);
    return replicators == LANES ? 0 : 1;
}
