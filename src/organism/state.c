/*
 * What happens to the particles between two passes: drawing, sweeps, census, fingerprint.
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "metazoa/base/hash.h"
#include "metazoa/base/memory.h"
#include "metazoa/base/timer.h"
#include "metazoa/organism/organism.h"
#include "metazoa/parallel/random.h"
#include "metazoa/particle/project.h"
#include "metazoa/particle/kind.h"
#include "metazoa/particle/mask.h"
#include "draw.h"
#include "owners.h"
#include "workspace.h"

void layer_clear(struct layer *layer, const struct particle_shape *particle, int64_t position)
{
    for (int f = 0; f < FIELD_COUNT; f++) {
        const int values = state_values((enum state_field)f, particle);
        const bool goes = f != FIELD_WEIGHTS && !state_table[f].stays && layer->field[f];
        for (int i = 0; i < values && goes; i++) layer->field[f][particle_index(position, values, i)] = 0;
    }
}

void organism_draw_particle(struct organism *organism, int l, int64_t position, enum random_purpose purpose,
                            int64_t epoch, int64_t id)
{
    const struct particle_shape *particle = &organism->shape.particle;
    struct layer *layer = &organism->layer[l];
    float row[PARTICLE_WEIGHTS_MAX];
    float bound = sqrtf(6.0f / (float)(organism->shape.cells[l] + organism->shape.cells[l + 1]));
    particle_draw(row, particle, organism->seed, (int)purpose, epoch, (uint64_t)id, bound);
    if (organism->shape.scaled)
        particle_kind(particle)->scale(row, particle, organism->shape.cells[l + 1], organism->shape.cells[l]);
    particle_row_put(layer->field[FIELD_WEIGHTS], position, particle->weights, row);
    layer_clear(layer, particle, position);
}

/* The fields that stay when a single particle is drawn anew: nothing is pruned or kept at the start. */
static void clear_what_stays(struct layer *layer, const struct particle_shape *particle)
{
    for (int f = 0; f < FIELD_COUNT; f++)
        if (state_table[f].stays && layer->field[f])
            memset(layer->field[f], 0,
                   (size_t)layer_owned(layer) * (size_t)state_values((enum state_field)f, particle) *
                       sizeof(float));
}

void organism_draw(struct organism *organism)
{
    for (int l = 0; l < organism->shape.layers; l++) {
        clear_what_stays(&organism->layer[l], &organism->shape.particle);
        for (int64_t at = 0; at < layer_owned(&organism->layer[l]); at++) {
            int64_t id = organism_id(organism, l, at);
            if (id >= 0) organism_draw_particle(organism, l, at, RANDOM_WEIGHTS, 0, id);
        }
    }
    organism_refresh(organism);
}

void organism_refresh(struct organism *organism)
{
    int flags = 0;
    organism->task_pending = false;
    organism_sweep(organism, 0, &flags);
}

void organism_project(struct organism *organism)
{
    const struct particle_shape *particle = &organism->shape.particle;
    assert(!organism->task_pending);
    for (int l = 0; l < organism->shape.layers; l++) {
        struct layer *layer = &organism->layer[l];
        particle_project(particle, layer_owned_groups(layer), layer->field[FIELD_WEIGHTS], NULL);
        for (int64_t at = 0; at < layer_owned(layer); at++) layer_clear(layer, particle, at);
    }
    organism_refresh(organism);
}

/* Gives a layer's particles effective weights, wanted [owned groups][LANES]. What rounding leaves of one
 * attempt is added to what the next one aims at, until most particles have the very number. */
static void give_effective(struct organism *organism, struct layer *layer, const float *wanted)
{
    enum { ATTEMPTS = 16 };
    const struct particle_shape *particle = &organism->shape.particle;
    const struct sweep nothing = {.buffers = organism->training.buffers};
    const int64_t groups = layer_owned_groups(layer), n = groups * LANES;
    assert(particle->shown == 1); /* as particles that can be projected do */
    float *aim = memory_new(n, sizeof *aim), *got = memory_new(n, sizeof *got);
    memcpy(aim, wanted, (size_t)n * sizeof *aim);
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        particle_project(particle, groups, layer->field[FIELD_WEIGHTS], aim);
        particle_sweep(particle, &nothing, groups, layer->field, got, NULL, NULL);
        for (int64_t at = 0; at < n && attempt + 1 < ATTEMPTS; at++) aim[at] += wanted[at] - got[at];
    }
    memory_free(aim), memory_free(got);
}

int64_t organism_compile(struct organism *organism, const struct organism *other)
{
    int flags = 0;
    const struct particle_shape *mine = &organism->shape.particle, *theirs = &other->shape.particle;
    const bool alike =
        mine->kind == theirs->kind && mine->width == theirs->width && mine->layers == theirs->layers;
    organism_draw(organism);
    for (int l = 0; l < organism->shape.layers; l++) {
        struct layer *layer = &organism->layer[l];
        assert(layer->owned_begin == other->layer[l].owned_begin &&
               layer->owned_end == other->layer[l].owned_end);
        if (alike && layer_owned(layer) > 0)
            memcpy(layer->field[FIELD_WEIGHTS], other->layer[l].field[FIELD_WEIGHTS],
                   (size_t)(layer_owned(layer) * mine->weights) * sizeof(float));
        else if (layer_owned(layer) > 0)
            give_effective(organism, layer, layer_effective(&other->layer[l]));
    }
    organism_project(organism);
    return organism_sweep(organism, 0, &flags);
}

/* Whether what an owned edge shows is finite. */
static bool shows_finite(const struct layer *layer, int64_t at)
{
    return isfinite(layer_effective(layer)[at]) && (!layer->constant || isfinite(layer_constants(layer)[at]));
}

/* Whether all weights of an owned particle are finite. Not all have a part in what its edge shows. */
static bool weights_finite(const struct layer *layer, int weights, int64_t at)
{
    const float *first = layer->field[FIELD_WEIGHTS] + particle_index(at, weights, 0);
    bool finite = true;
    for (int i = 0; i < weights; i++) finite &= isfinite(first[i * LANES]) != 0;
    return finite;
}

int64_t organism_reset_divergent(struct organism *organism, int64_t when)
{
    int64_t n = 0;
    const int weights = organism->shape.particle.weights;
    for (int l = 0; l < organism->shape.layers; l++)
        for (int64_t at = 0; at < layer_owned(&organism->layer[l]); at++) {
            const bool finite =
                weights_finite(&organism->layer[l], weights, at) && shows_finite(&organism->layer[l], at);
            int64_t id = finite ? -1 : organism_id(organism, l, at);
            if (id < 0) continue;
            organism_draw_particle(organism, l, at, RANDOM_RESET, when, id);
            n++;
        }
    uint64_t sum = (uint64_t)n;
    comm_sum_u64(organism->grid->all, &sum, 1);
    organism_refresh(organism);
    return (int64_t)sum;
}

/* The smallest id of an owned particle of a layer for which what it shows, its loss, or (if asked for) a
 * weight is not finite; or INT64_MAX. */
static int64_t first_divergent(const struct organism *organism, int l, const float *loss, bool all_weights)
{
    const struct layer *layer = &organism->layer[l];
    int64_t least = INT64_MAX; /* positions are not in the order of ids */
    for (int64_t at = 0; at < layer_owned(layer); at++) {
        if (shows_finite(layer, at) && (!loss || isfinite(loss[at])) &&
            (!all_weights || weights_finite(layer, organism->shape.particle.weights, at)))
            continue;
        int64_t id = organism_id(organism, l, at);
        if (id >= 0 && id < least) least = id;
    }
    return least;
}

/* Adds losses lane by lane, so that the loop is vectorised; the lanes are merged at the end. */
static void add_losses(struct exact_wide *sum, const float *loss, int64_t n)
{
    struct exact_wide lane[LANES] = {{{0}}};
    for (int64_t i = 0; i < n; i += LANES)
        for (int j = 0; j < LANES; j++) exact_wide_add(&lane[j], (double)loss[i + j]);
    for (int j = 0; j < LANES; j++) exact_wide_merge(sum, &lane[j]);
}

/* What pruning promises: nothing flows through a pruned particle, in either direction. */
static void check_pruned(const struct organism *organism)
{
    for (int l = 0; l < organism->shape.layers; l++) {
        const struct layer *layer = &organism->layer[l];
        for (int64_t at = 0; layer->field[FIELD_PRUNED] && at < layer_owned(layer); at++)
            assert(
                !mask_has(layer->field[FIELD_PRUNED], at) ||
                (layer_effective(layer)[at] == 0 && (!layer->constant || layer_constants(layer)[at] == 0)));
    }
}

/* One layer's sweep, and what its edges then show. */
static void sweep_layer(struct organism *organism, int l, const struct sweep *sweep, float *loss)
{
    const struct particle_shape *particle = &organism->shape.particle;
    struct layer *layer = &organism->layer[l];
    const int64_t owned = layer_owned(layer);
    float *effective = layer_effective(layer), *constant = layer_constants(layer),
          *shown = constant ? workspace_shown(organism->workspace) : effective;
    particle_sweep(particle, sweep, owned / LANES, layer->field, shown, layer->gradient_shown, loss);
    for (int64_t at = 0; constant && at < owned; at++) {
        effective[at] = shown[particle_index(at, particle->shown, 0)];
        constant[at] = shown[particle_index(at, particle->shown, 1)];
    }
}

void organism_show(struct organism *organism)
{
    struct comm *batch = organism->grid->axis[GRID_BATCH];
    comm_gather_all(batch, organism->effective, LANES * sizeof(float), organism->owner_groups);
    if (organism->constant)
        comm_gather_all(batch, organism->constant, LANES * sizeof(float), organism->owner_groups);
}

static int64_t sweep(struct organism *organism, int self_steps, bool all_weights, int *flags)
{
    enum phase before = timer_enter(PHASE_SWEEP);
    const struct organism_shape *shape = &organism->shape;
    struct sweep steps = training_sweep(&organism->training);
    steps.task.rate *= organism->pending_rate;
    steps.self.rate *= organism->rates.self;
    steps.task_step = organism->task_pending;
    steps.gradient_scale = (float)organism->gradient_scale;
    steps.self_steps = self_steps;
    int64_t least = INT64_MAX;
    organism->self_loss = (struct exact_wide){{0}};
    for (int l = 0; l < shape->layers; l++) {
        float *loss = workspace_losses(organism->workspace);
        sweep_layer(organism, l, &steps, loss);
        if (self_steps > 0) add_losses(&organism->self_loss, loss, layer_owned(&organism->layer[l]));
        int64_t here = first_divergent(organism, l, self_steps > 0 ? loss : NULL, all_weights);
        if (here < least) least = here;
    }
    timer_enter(PHASE_REDUCE);
    check_pruned(organism);
    organism_show(organism);
    organism->task_pending = false;
    timer_enter(PHASE_AGREE);
    int64_t message[2] = {*flags, -least};
    comm_max_i64(organism->grid->all, message, 2);
    *flags = (int)message[0];
    timer_enter(before);
    return message[1] == -INT64_MAX ? -1 : -message[1];
}

int64_t organism_sweep(struct organism *organism, int self_steps, int *flags)
{
    return sweep(organism, self_steps, false, flags);
}

int64_t organism_check(struct organism *organism, int *flags)
{
    return sweep(organism, 0, true, flags);
}

void organism_census(struct organism *organism, float epsilon, int64_t counts[TYPE_COUNT], uint8_t **types)
{
    enum phase before = timer_enter(PHASE_CENSUS);
    uint64_t sum[TYPE_COUNT] = {0};
    for (int l = 0; l < organism->shape.layers; l++) {
        const struct layer *layer = &organism->layer[l];
        uint8_t *out = types && types[l] ? types[l] : workspace_types(organism->workspace);
        particle_census(&organism->shape.particle, layer_owned_groups(layer), layer->field[FIELD_WEIGHTS],
                        epsilon, out);
        for (int b = 0; b < layer->n_blocks; b++) { /* without the padding */
            int64_t begin, end;
            layer_block_owned(layer, b, &begin, &end);
            for (int64_t at = begin; at < end; at++)
                if (mask_has(layer->field[FIELD_PRUNED], at))
                    out[at] = TYPE_PRUNED;
                else
                    sum[out[at]]++;
        }
    }
    comm_sum_u64(organism->grid->all, sum, TYPE_COUNT);
    for (int t = 0; t < TYPE_COUNT; t++) counts[t] = (int64_t)sum[t];
    timer_enter(before);
}

/* Mixes one field of a group, [values][LANES], into the hashes of its particles, all lanes at once. */
static void hash_field(uint64_t hash[LANES], const float *field, int values)
{
    for (int i = 0; i < values; i++)
        for (int lane = 0; lane < LANES; lane++) hash[lane] = hash_float(hash[lane], field[i * LANES + lane]);
}

uint64_t organism_fingerprint(struct organism *organism)
{
    enum phase before = timer_enter(PHASE_CENSUS);
    uint64_t sum = 0;
    for (int l = 0; l < organism->shape.layers; l++) {
        const struct layer *layer = &organism->layer[l];
        for (int64_t group = 0; group < layer_owned_groups(layer); group++) {
            uint64_t hash[LANES] = {0};
            for (int f = 0; f < FIELD_COUNT; f++) {
                const int values = state_values((enum state_field)f, &organism->shape.particle);
                if (layer->field[f]) hash_field(hash, layer->field[f] + group * values * LANES, values);
            }
            for (int lane = 0; lane < LANES; lane++) {
                int64_t id = organism_id(organism, l, group * LANES + lane);
                if (id >= 0) sum += hash_mix(hash[lane] ^ hash_mix((uint64_t)id + 1));
            }
        }
    }
    comm_sum_u64(organism->grid->all, &sum, 1);
    timer_enter(before);
    return sum;
}
