/* What a run says before it begins. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "metazoa/base/memory.h"
#include "metazoa/particle/kind.h"
#include "metazoa/train/run.h"

/* On several nodes: how many ranks are on each, and which axis of the grid leaves them. */
static void introduce_nodes(struct run *run)
{
    static const char *const axes[] = {
        [GRID_BATCH] = "batch", [GRID_ROWS] = "rows", [GRID_COLUMNS] = "columns"};
    const struct nodes *nodes = &run->nodes;
    int outer = 0;
    while (outer < GRID_AXES - 1 && run->grid.size[run->grid.order[outer]] == 1) outer++;
    if (nodes->count < 2) return;
    display_say(&run->display, "nodes      %d of %d ranks; the axis of the grid that leaves them is %s",
                nodes->count, nodes->most, axes[run->grid.order[outer]]);
    if (nodes->least < nodes->most)
        display_say(&run->display,
                    "note       one of them has %d ranks: as many on each (--ntasks-per-node) send less and "
                    "wait less",
                    nodes->least);
}

static void introduce_pruning(struct run *run)
{
    const struct pruning_spec *spec = &run->config->pruning;
    if (spec->schedule == PRUNING_NONE) return;
    display_say(&run->display,
                "pruning    %s, by %s: %.4g of the particles, in %" PRId64 " round%s from epoch %" PRId64
                " on",
                pruning_schedule_words[spec->schedule], strategy_words[spec->score], spec->share,
                spec->rounds, spec->rounds == 1 ? "" : "s", spec->begin);
}

/* Prints what will be trained, and on which data. */
void run_introduce(struct run *run)
{
    const struct organism_shape *shape = &run->organism.shape;
    const struct task *task = &run->task;
    struct display *display = &run->display;
    int64_t held = memory_held();
    comm_max_i64(run->comm, &held, 1);
    char cells[32 * (ORGANISM_LAYERS_MAX + 1)] = "";
    for (int i = 0; i <= shape->layers; i++)
        snprintf(cells + strlen(cells), sizeof cells - strlen(cells), i ? "-%" PRId32 : "%" PRId32,
                 shape->cells[i]);
    char particles[128];
    particle_describe(&shape->particle, particles, sizeof particles);
    display_say(display, "organism   %s, %s%s%s", cells, activation_words[shape->activation],
                shape->residual ? ", residual" : "", shape->bias ? ", biases" : "");
    display_say(display, "           %" PRId64 " %s", organism_particles(shape), particles);
    display_say(display,
                "data       %" PRId64 " training and %" PRId64 " test samples, %" PRId32 " inputs, %" PRId32
                " %s",
                task->train.samples, task->test.samples, task->inputs, task->outputs,
                task->classification ? "classes" : "outputs");
    if (task->validation.samples > 0)
        display_say(display, "           %" PRId64 " training samples are held out for validation",
                    task->validation.samples);
    char *doubt;
    for (int i = 0; (doubt = task_doubt(task, i)); i++) {
        display_say(display, "note       %s", doubt);
        memory_free(doubt);
    }
    char kinds[32 * INTERACTION_KINDS] = "";
    for (int k = 0; k < INTERACTION_KINDS; k++)
        memory_append(kinds, sizeof kinds, "%s %g, ", interaction_words[k],
                      run->config->interaction.probability[k]);
    if (run->interaction)
        display_say(display, "interacts  %sof each meeting of two particles of a cell", kinds);
    introduce_pruning(run);
    char *note = config_note(run->config);
    if (note) display_say(display, "note       %s", note);
    memory_free(note);
    display_say(display, "grid       %d x %d x %d (batch x rows x columns), %d rank%s", run->grid.size[0],
                run->grid.size[1], run->grid.size[2], comm_size(run->comm),
                comm_size(run->comm) == 1 ? "" : "s");
    introduce_nodes(run);
    display_say(display, "memory     %.1f MiB per rank at most, beside the program and its files",
                (double)held / 1048576);
}
