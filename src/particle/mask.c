#include "metazoa/particle/mask.h"

#include "linear.h"
#include "metazoa/particle/state.h"

static int count(const float pruned[LANES])
{
    int n = 0;
    for (int lane = 0; lane < LANES; lane++) n += pruned[lane] != 0;
    return n;
}

/* Numbers of a group, [values][LANES]: those of pruned particles become zero. */
static void clear(float *number, int values, const float pruned[LANES])
{
    for (int i = 0; i < values; i++)
        for (int lane = 0; lane < LANES; lane++)
            number[i * LANES + lane] = pruned[lane] != 0 ? 0 : number[i * LANES + lane];
}

/* A state's part from a group on. */
static void part_of(float *part[FIELD_COUNT], const struct particle_shape *shape, float *const field[],
                    int64_t group)
{
    for (int f = 0; f < FIELD_COUNT; f++)
        part[f] = field[f] ? field[f] + group * state_values((enum state_field)f, shape) * LANES : NULL;
}

/* What the kernel has made of the pruned particles of a group is thrown away. */
static void clear_group(const struct particle_shape *shape, float *const part[], float *effective,
                        float *loss)
{
    const float *pruned = part[FIELD_PRUNED];
    for (int f = 0; f < FIELD_COUNT; f++)
        if (part[f] && !state_table[f].stays)
            clear(part[f], state_values((enum state_field)f, shape), pruned);
    clear(effective, shape->shown, pruned);
    if (loss) clear(loss, 1, pruned);
}

/* The end of the groups from `first` on that all have living particles. */
static int64_t living_end(const float *pruned, int64_t first, int64_t groups)
{
    while (first < groups && count(pruned + first * LANES) < LANES) first++;
    return first;
}

void mask_sweep(const struct particle_shape *shape, const struct sweep *sweep, int64_t groups,
                float *const field[], float *effective, const double *gradient, float *loss)
{
    float *part[FIELD_COUNT];
    const float *pruned = field[FIELD_PRUNED];
    for (int64_t first = 0; first < groups;) { /* a group without any takes no time */
        const int64_t end = living_end(pruned, first, groups), at = first * LANES;
        part_of(part, shape, field, first);
        if (end > first)
            particle_steps(shape, sweep, end - first, part, effective + at * shape->shown,
                           gradient ? gradient + at * shape->shown : NULL, loss ? loss + at : NULL);
        first = end > first ? end : first + 1;
    }
    for (int64_t g = 0; g < groups; g++) {
        if (count(pruned + g * LANES) == 0) continue;
        part_of(part, shape, field, g);
        clear_group(shape, part, effective + g * shape->shown * LANES, loss ? loss + g * LANES : NULL);
    }
}
