#include "metazoa/organism/need.h"

#include <assert.h>
#include <string.h>

#include "metazoa/base/hash.h"
#include "metazoa/base/memory.h"
#include "metazoa/base/timer.h"
#include "metazoa/parallel/random.h"
#include "owners.h"
#include "workspace.h"

/* A meeting at which something happens, and in which a particle of this rank takes part. */
struct meeting {
    enum interaction_kind kind;
    int layer;
    int from, to;                /* ranks: owners of the active and of the other particle */
    int64_t from_at, to_at;      /* where these are among their place's particles of the layer */
    struct random_stream stream; /* of the meeting, behind what decided that it happens */
};

struct interaction {
    struct interaction_spec spec;
    struct owners owners;
    uint64_t seed; /* of the batch: a stream takes seed, epoch and id */
    int64_t epoch;
    int64_t n;
    struct meeting
        *meetings; /* by layer, cell and lower edge: in the same order on any two ranks that share some */
    /* Bytes for and from each rank; `next`: where the next row to or from a rank lies. */
    int64_t *send_offsets, *receive_offsets, *next;
    char *send, *receive;
    float *group, *by; /* [weights][LANES], of which lane 0 is used */
};

const char *const interaction_words[] = {INTERACTIONS(WORDS_TEXT) NULL};

const char *interaction_name(enum interaction_kind kind)
{
#define PLURAL(value, word, plural, counted) plural,
    static const char *const names[INTERACTION_KINDS] = {INTERACTIONS(PLURAL)};
    return names[kind];
}

struct interaction *interaction_new(const struct organism *organism, const struct interaction_spec *spec)
{
    assert(interaction_chance(spec) <= 1);
    for (int kind = 0; kind < INTERACTION_KINDS; kind++) assert(spec->probability[kind] >= 0);
    struct interaction *interaction = memory_new(1, sizeof *interaction);
    const int ranks = comm_size(organism->grid->all), weights = organism->shape.particle.weights;
    interaction->spec = *spec;
    owners_new(&interaction->owners, organism);
    interaction->send_offsets = memory_new(ranks + 1, sizeof *interaction->send_offsets);
    interaction->receive_offsets = memory_new(ranks + 1, sizeof *interaction->receive_offsets);
    interaction->next = memory_new(ranks, sizeof *interaction->next);
    interaction->group = memory_new((int64_t)weights * LANES, sizeof(float));
    interaction->by = memory_new((int64_t)weights * LANES, sizeof(float));
    return interaction;
}

void interaction_free(struct interaction *interaction)
{
    if (!interaction) return;
    owners_free(&interaction->owners);
    memory_free(interaction->meetings);
    memory_free(interaction->send_offsets);
    memory_free(interaction->receive_offsets);
    memory_free(interaction->next);
    memory_free(interaction->send);
    memory_free(interaction->receive);
    memory_free(interaction->group);
    memory_free(interaction->by);
    memory_free(interaction);
}

static struct random_stream stream_of(const struct interaction *interaction, int64_t id)
{
    return random_open(interaction->seed, RANDOM_INTERACT, interaction->epoch, (uint64_t)id);
}

static void add_meeting(struct interaction *interaction, const struct meeting *meeting)
{
    interaction->meetings =
        memory_grow(interaction->meetings, interaction->n + 1, sizeof *interaction->meetings);
    interaction->meetings[interaction->n++] = *meeting;
}

/* What happens in a meeting, by a number that is uniform in [0, 1); INTERACTION_KINDS: nothing. */
static int kind_of(const struct interaction_spec *spec, double chance)
{
    double below = 0;
    int kind = 0;
    for (; kind < INTERACTION_KINDS; kind++)
        if (chance < (below += spec->probability[kind])) break;
    return kind;
}

/* A meeting of two particles of a cell; the stream of the lower one decides what happens. */
static void meet(struct interaction *interaction, int l, int32_t cell, int32_t low, int32_t high,
                 struct random_stream stream)
{
    uint32_t words[4];
    random_words(&stream, words, 4);
    const int kind = kind_of(&interaction->spec, words[1] * 0x1p-32);
    if (kind == INTERACTION_KINDS) return;
    const bool low_acts = words[2] >> 31;
    struct meeting meeting = {
        .kind = (enum interaction_kind)kind,
        .layer = l,
        .stream = stream,
    };
    const struct owners *owners = &interaction->owners;
    meeting.from = owners_find(owners, l, cell, low_acts ? low : high, &meeting.from_at);
    meeting.to = owners_find(owners, l, cell, low_acts ? high : low, &meeting.to_at);
    const int me = comm_rank(owners->organism->grid->all);
    if (meeting.from == me || meeting.to == me) add_meeting(interaction, &meeting);
}

/* All meetings of a cell in which this rank may take part: it holds the edge of one of the two. */
static void meet_in_cell(struct interaction *interaction, int l, int32_t cell)
{
    const struct organism *organism = interaction->owners.organism;
    const int32_t edges = shape_edges(&organism->shape, l);
    const int32_t begin = layer_edge_first(organism, l), held = layer_edges_held(organism, l),
                  bias = organism->shape.bias && begin + held == organism->shape.cells[l],
                  end = begin + held + bias;
    const int64_t first = organism_particle_id(&organism->shape, l, cell, 0);
    struct random_stream stream = stream_of(interaction, first);
    uint32_t words[4];
    random_words(&stream, words, 4);
    const int32_t sum = (int32_t)((uint64_t)words[0] * (uint64_t)edges >> 32);
    for (int32_t low = 0; low < edges; low++) {
        const int32_t high = low <= sum ? sum - low : sum - low + edges;
        const bool here = (low >= begin && low < end) || (high >= begin && high < end);
        if (low < high && here) meet(interaction, l, cell, low, high, stream_of(interaction, first + low));
    }
}

static void find_meetings(struct interaction *interaction)
{
    const struct organism *organism = interaction->owners.organism;
    interaction->n = 0;
    for (int l = 0; l < organism->shape.layers; l++) {
        const int32_t begin = layer_cell_first(organism, l), end = begin + layer_cells_held(organism, l);
        for (int32_t cell = begin; cell < end; cell++) meet_in_cell(interaction, l, cell);
    }
}

/* Where the first weight of an own particle is; the next ones follow LANES floats apart. */
static float *own(const struct layer *layer, int weights, int64_t at)
{
    return layer->field[FIELD_WEIGHTS] + particle_index(at - layer->owned_begin * LANES, weights, 0);
}

/*
 * What an operator needs of the active particle and does to the other one.
 *   numbers   floats of a message; 0: all weights
 *   tell      writes the message about the particle in lane 0 of a group; NULL: the weights are the message
 *   act       changes the particle in lane 0 of a group
 *   replaces  whether the other one's velocities belong to its new weights no more
 */
struct operation {
    int numbers;
    void (*tell)(const struct particle_shape *shape, const float *group, float *message);
    void (*act)(const struct interaction *interaction, const struct meeting *meeting,
                const struct particle_shape *shape, float *group, const float *message);
    bool replaces;
};

enum { MOMENTS = 4 };

static void attack(const struct interaction *interaction, const struct meeting *meeting,
                   const struct particle_shape *shape, float *group, const float *message)
{
    (void)meeting;
    for (int i = 0; i < shape->weights; i++) interaction->by[i * LANES] = message[i];
    particle_apply_by(shape, 1, group, interaction->by);
}

/* Every choice of half of the positions is as likely as any other: position i is taken with the probability
 * that is left for it, (still to be taken) / (positions left). */
static void melt(const struct interaction *interaction, const struct meeting *meeting,
                 const struct particle_shape *shape, float *group, const float *message)
{
    (void)interaction;
    struct random_stream stream = meeting->stream;
    const int weights = shape->weights;
    uint32_t words[PARTICLE_WEIGHTS_MAX];
    random_words(&stream, words, weights);
    int wanted = weights / 2;
    for (int i = 0; i < weights; i++) {
        if ((int)((uint64_t)words[i] * (uint64_t)(weights - i) >> 32) >= wanted) continue;
        group[i * LANES] = message[i];
        wanted--;
    }
}

static void tell_moments(const struct particle_shape *shape, const float *group, float *message)
{
    _Alignas(64) float moments[MOMENTS * LANES];
    particle_moments(shape, 1, group, moments);
    for (int j = 0; j < MOMENTS; j++) message[j] = moments[j * LANES];
}

static void learn(const struct interaction *interaction, const struct meeting *meeting,
                  const struct particle_shape *shape, float *group, const float *message)
{
    (void)meeting;
    struct sweep steps = training_sweep(&interaction->owners.organism->training);
    steps.self_steps = interaction->spec.severity;
    steps.self.rate *= interaction->owners.organism->rates.self;
    _Alignas(64) float moments[MOMENTS * LANES] = {0};
    for (int j = 0; j < MOMENTS; j++) moments[j * LANES] = message[j];
    particle_learn(shape, &steps, 1, group, moments);
}

static const struct operation operations[INTERACTION_KINDS] = {
    [INTERACTION_ATTACK] = {0, NULL, attack, true},
    [INTERACTION_MELT] = {0, NULL, melt, true},
    [INTERACTION_LEARN] = {MOMENTS, tell_moments, learn, false},
};

static int64_t message_bytes(const struct meeting *meeting, const struct particle_shape *shape)
{
    const int numbers = operations[meeting->kind].numbers;
    return (numbers ? numbers : shape->weights) * (int64_t)sizeof(float);
}

/* An own particle, alone in lane 0 of the group `interaction->group`. */
static void take(const struct interaction *interaction, const struct particle_shape *shape, const float *w)
{
    for (int i = 0; i < shape->weights; i++) interaction->group[i * LANES] = w[i * LANES];
}

static void tell(const struct interaction *interaction, const struct organism *organism,
                 const struct meeting *meeting, float *message)
{
    const struct particle_shape *shape = &organism->shape.particle;
    const struct operation *operation = &operations[meeting->kind];
    const float *w = own(&organism->layer[meeting->layer], shape->weights, meeting->from_at);
    if (!operation->tell) {
        for (int i = 0; i < shape->weights; i++) message[i] = w[i * LANES];
        return;
    }
    take(interaction, shape, w);
    operation->tell(shape, interaction->group, message);
}

/* Sends messages about the active particles to the owners of the others. Those to this rank are copied the
 * same way. */
static void exchange(struct interaction *interaction, const struct organism *organism)
{
    struct comm *comm = organism->grid->all;
    const struct particle_shape *shape = &organism->shape.particle;
    const int me = comm_rank(comm), ranks = comm_size(comm);
    int64_t *out = interaction->send_offsets, *in = interaction->receive_offsets;
    memset(out, 0, (size_t)(ranks + 1) * sizeof *out);
    memset(in, 0, (size_t)(ranks + 1) * sizeof *in);
    for (int64_t i = 0; i < interaction->n; i++) {
        const struct meeting *meeting = &interaction->meetings[i];
        if (meeting->from == me) out[meeting->to + 1] += message_bytes(meeting, shape);
        if (meeting->to == me) in[meeting->from + 1] += message_bytes(meeting, shape);
    }
    for (int i = 0; i < ranks; i++) out[i + 1] += out[i], in[i + 1] += in[i];
    interaction->send = memory_grow(interaction->send, out[ranks], 1);
    interaction->receive = memory_grow(interaction->receive, in[ranks], 1);
    memcpy(interaction->next, out, (size_t)ranks * sizeof *out);
    for (int64_t i = 0; i < interaction->n; i++) {
        const struct meeting *meeting = &interaction->meetings[i];
        if (meeting->from != me) continue;
        tell(interaction, organism, meeting,
             (float *)(void *)(interaction->send + interaction->next[meeting->to]));
        interaction->next[meeting->to] += message_bytes(meeting, shape);
    }
    comm_exchange(comm, interaction->receive, in, interaction->send, out);
}

static void act(const struct interaction *interaction, struct organism *organism,
                const struct meeting *meeting, const float *message)
{
    const struct particle_shape *shape = &organism->shape.particle;
    const struct operation *operation = &operations[meeting->kind];
    struct layer *layer = &organism->layer[meeting->layer];
    float *w = own(layer, shape->weights, meeting->to_at);
    take(interaction, shape, w);
    operation->act(interaction, meeting, shape, interaction->group, message);
    for (int i = 0; i < shape->weights; i++) w[i * LANES] = interaction->group[i * LANES];
    if (operation->replaces) layer_clear(layer, shape, meeting->to_at - layer->owned_begin * LANES);
}

int64_t interaction_batch(struct interaction *interaction, struct organism *organism, int64_t epoch,
                          int64_t batch, uint64_t counts[INTERACTION_KINDS])
{
    assert(!organism->task_pending && organism == interaction->owners.organism);
    enum phase before = timer_enter(PHASE_SWEEP);
    interaction->seed = hash_mix(organism->seed ^ hash_mix((uint64_t)batch + 1));
    interaction->epoch = epoch;
    find_meetings(interaction);
    timer_enter(PHASE_EXCHANGE);
    exchange(interaction, organism);
    timer_enter(PHASE_SWEEP);
    const int me = comm_rank(organism->grid->all), ranks = comm_size(organism->grid->all);
    memcpy(interaction->next, interaction->receive_offsets, (size_t)ranks * sizeof *interaction->next);
    for (int64_t i = 0; i < interaction->n; i++) {
        const struct meeting *meeting = &interaction->meetings[i];
        if (meeting->to != me) continue;
        const char *message = interaction->receive + interaction->next[meeting->from];
        act(interaction, organism, meeting, (const float *)(const void *)message);
        interaction->next[meeting->from] += message_bytes(meeting, &organism->shape.particle);
        counts[meeting->kind]++;
    }
    int flags = 0;
    const int64_t bad = organism_sweep(organism, 0, &flags);
    timer_enter(before);
    return bad;
}

/* Of the particles that take part in a meeting, half are sent; about as many rows are received. */
int64_t interaction_memory(const struct organism_shape *shape, const struct organism_need *need,
                           const struct interaction_spec *interaction)
{
    double meetings = 0;
    for (int l = 0; l < shape->layers; l++)
        meetings += interaction_chance(interaction) * (double)need->owned[l];
    return (int64_t)(meetings *
                     (double)(sizeof(struct meeting) + sizeof(float) * (size_t)shape->particle.weights));
}
