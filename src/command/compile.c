/*
 * metazoa compile: an organism of self-replicators with the function of a trained run, conventional networks
 * included (docs/mathematics.md, "Replication is free"). It becomes a run of its own, of no epochs.
 */
#include <math.h>
#include <unistd.h>

#include "command.h"
#include "metazoa/base/json.h"
#include "metazoa/base/memory.h"
#include "metazoa/base/terminal.h"
#include "metazoa/base/timer.h"
#include "metazoa/measure/probe.h"
#include "metazoa/particle/kind.h"
#include "metazoa/train/run.h"
#include "show.h"

/* Largest change of an output over the test samples: absolute, and relative to the sample's largest output.
 */
struct change {
    double absolute, relative;
};

/* How far two outputs are apart; infinitely if only one of them is a number. */
static double apart(float before, float after)
{
    if (before == after || (isnan(before) && isnan(after))) return 0;
    const double difference = fabs((double)after - (double)before);
    return isnan(difference) ? INFINITY : difference;
}

static void compare_sample(struct change *change, const float *before, const float *after, int32_t outputs)
{
    double largest = 0, difference = 0;
    for (int32_t c = 0; c < outputs; c++) {
        largest = fmax(largest, fabs((double)before[c]));
        difference = fmax(difference, apart(before[c], after[c]));
    }
    change->absolute = fmax(change->absolute, difference);
    if (difference > 0)
        change->relative = isinf(difference) ? INFINITY : fmax(change->relative, difference / largest);
}

static struct change compare_outputs(struct subject *from, struct organism *compiled)
{
    enum { PORTION = 4096 };
    const struct dataset *data = &from->task.test;
    const int32_t outputs = from->task.outputs;
    float *before = memory_new((int64_t)PORTION * outputs, sizeof *before),
          *after = memory_new((int64_t)PORTION * outputs, sizeof *after);
    struct change change = {0};
    for (int64_t begin = 0; begin < data->samples; begin += PORTION) {
        const int64_t end = begin + PORTION < data->samples ? begin + PORTION : data->samples;
        organism_outputs(&from->organism, data, begin, end, before);
        organism_outputs(compiled, data, begin, end, after);
        for (int64_t s = 0; s < end - begin; s++)
            compare_sample(&change, before + s * outputs, after + s * outputs, outputs);
    }
    memory_free(before), memory_free(after);
    return change;
}

/* Collective. The Euclidean distance that the particle moved which moved farthest; NaN if the edges were no
 * particles. */
static double farthest(const struct organism *before, const struct organism *after)
{
    const int weights = after->shape.particle.weights;
    if (before->shape.particle.weights != weights) return (double)NAN;
    double most = 0;
    for (int l = 0; l < after->shape.layers; l++)
        for (int64_t at = 0; at < layer_owned(&after->layer[l]); at++) {
            double square = 0;
            for (int i = 0; i < weights; i++) {
                const int64_t k = particle_index(at, weights, i);
                const double moved = (double)after->layer[l].field[FIELD_WEIGHTS][k] -
                                     (double)before->layer[l].field[FIELD_WEIGHTS][k];
                square += moved * moved;
            }
            most = fmax(most, sqrt(square));
        }
    comm_max_double(after->grid->all, &most, 1);
    return most;
}

/* Collective. What came of it, as one line of JSON; owned by the caller. */
static char *describe(struct subject *from, struct run *run)
{
    int64_t census[TYPE_COUNT];
    organism_census(&run->organism, (float)run->config->measure.epsilon, census, NULL);
    const struct change change = compare_outputs(from, &run->organism);
    json_t *json = json_object();
    json_put(json, "run", json_words(run->folder));
    json_put(json, "particles", json_integer(organism_particles(&run->organism.shape)));
    json_put(json, "census", summary_census(census, -1));
    json_put(json, "share_self_replicators", json_finite(census_replicators(census)));
    json_put(json, "test_samples", json_integer(from->task.test.samples));
    json_put(json, "largest_output_change", json_finite(change.absolute));
    json_put(json, "largest_relative_output_change", json_finite(change.relative));
    json_put(json, "farthest_move", json_finite(farthest(&from->organism, &run->organism)));
    return json_print(json, 0);
}

/* The new run: the same task and layers, edges that are particles, no epochs. Borrows the texts of `from`. */
static struct config compiled_config(const struct subject *from, char *output)
{
    struct config config = *from->config;
    config.run.output = output;
    config.run.ensemble = 1;
    if (!particle_kinds[config.organism.edges]->project)
        config.organism.edges = (enum edges)particle_kind_projected();
    config.pruning.schedule = PRUNING_NONE;
    config.training.prunes = config.training.rewinds = config.archive.prunes = false;
    config.schedule.epochs = 0;
    config.schedule.n_stages = 0;
    config.schedule.settle = SETTLE_NONE;
    config.schedule.settle_steps = 0;
    for (int axis = 0; axis < GRID_AXES; axis++) config.grid[axis] = from->grid.size[axis];
    return config;
}

static enum exit_code compile(struct subject *from, const struct options *options, struct request *request)
{
    const char *given = options_text(options, "--output");
    char *output = given ? memory_string(given) : memory_print("%s-compiled", from->run);
    const struct config config = compiled_config(from, output);
    request->function = &from->organism;
    struct run run;
    enum exit_code code = run_open(&run, &config, request, from->comm);
    if (code == EXIT_DONE) code = run_report(&run, run_train(&run));
    if (code == EXIT_DONE) {
        char *text = describe(from, &run);
        if (comm_rank(from->comm) == 0) {
            if (options_given(options, "--json") || !terminal_shown())
                puts(text);
            else
                show_json(stdout, text);
        }
        memory_free(text);
    }
    run_close(&run);
    memory_free(output);
    return code;
}

/* Edges that replicate, but whose function would change. */
static enum exit_code check_kind(const struct subject *subject)
{
    struct problems problems = {0};
    const struct particle_kind *kind = particle_kind(&subject->organism.shape.particle);
    if (kind->replicates && !kind->project)
        problems_add(
            &problems, EXIT_USAGE,
            "%s: self-replicators with biases add no constant to what they make of their input, so that "
            "they cannot have the function of this run's edges (organism.edges: %s)",
            subject->run, edges_words[subject->organism.shape.particle.kind]);
    return comm_agree(subject->comm, &problems);
}

enum exit_code command_compile(struct comm *world, int argc, char **argv)
{
    enum exit_code code;
    struct options options;
    const double started = timer_now();
    if (options_begin(&options, world, argc, argv, &code)) return code;
    struct problems problems = {0};
    const int64_t epoch = options_integer(&options, "--epoch", 0, INT64_C(1) << 40, PROBE_NEWEST, &problems);
    code = comm_agree(world, &problems);
    const struct subject_spec spec = {
        .run = options.argument[0], .epoch = epoch, .n_sets = options.n_sets, .sets = options.sets};
    struct request request = {.quiet = true,
                              .started = started,
                              .limit = INFINITY,
                              .place = {0, 1},
                              .label = "",
                              .version = version_text(),
                              .ranks = comm_size(world),
                              .argc = argc,
                              .argv = argv};
    struct subject subject = {0};
    if (code == EXIT_DONE) code = subject_open(&subject, &spec, world);
    if (code == EXIT_DONE) code = check_kind(&subject);
    if (code == EXIT_DONE) code = compile(&subject, &options, &request);
    subject_close(&subject);
    options_free(&options);
    return code;
}
