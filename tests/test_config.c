/* The configuration: defaults, --set, round trips, what a resume may change, and the modules' own settings. */
#include "config_text.h"

static void test_defaults(void **state)
{
    (void)state;
    struct config c;
    config_defaults(&c);
    assert_string_equal(c.run.name, "mnist");
    assert_string_equal(c.run.output, "runs/mnist");
    assert_int_equal(c.run.seed, 1);
    assert_int_equal(c.run.ensemble, 1);
    assert_int_equal(c.task.kind, TASK_IDX);
    assert_string_equal(c.task.path, "data/mnist");
    assert_true(c.task.size[0] == 15 && c.task.size[1] == 15 && c.task.noise == 1e-4 && c.task.shuffle);
    assert_true(c.task.samples == 0 && c.task.test_samples == 0 && c.task.inputs == 2);
    assert_true(c.organism.n_hidden == 2 && c.organism.hidden[0] == 5 && c.organism.hidden[1] == 5);
    assert_true(c.organism.activation == ACTIVATION_GELU && c.organism.edges == EDGES_PARTICLE &&
                !c.organism.residual);
    assert_true(c.organism.width == 3 && c.organism.layers == 3);
    assert_true(c.schedule.epochs == 200 && c.schedule.batch == 2000 && c.training.self_steps == 5);
    assert_true(c.training.task.rate == 0.004f && c.training.task.momentum == 0.9f);
    assert_true(c.training.buffers == MOMENTUM_SEPARATE && c.schedule.settle_steps == 0);
    assert_true(c.schedule.n_stages == 0 && c.first.trains == FIRST_NONE &&
                c.schedule.on_divergence == DIVERGENCE_STOP);
    assert_true(c.measure.validate_every == 1 && c.measure.census_every == 1 && c.measure.epsilon == 1e-5);
    assert_true(c.archive.trajectory_every == 1 && c.archive.n_layers == 0 && c.archive.fraction == 1);
    assert_true(c.checkpoint.every == 20 && c.checkpoint.keep == 3 && c.checkpoint.minutes == 0);
    assert_true(config_grid_auto(&c) && c.organism.block == 256 && c.organism.chunk == 256);
    config_free(&c);
    assert_null(c.run.name);
}

static void test_values(void **state)
{
    (void)state;
    struct config c =
        good("# comment\n"
             "run: {name: \"a b\", seed: 1000000000000000000}\n"
             "task:\n  kind: hdf5\n  path: 'x/y: z.h5'\n  size: original\n  noise: 0\n  shuffle: false\n"
             "organism: {hidden: [7], activation: linear, edges: scalar, residual: true}\n"
             "training:\n" /* all keys commented out */
             "particle: {width: +16, layers: 2}\n"
             "measure: {epsilon: .5e-3}\n"
             "archive: {layers: [0, 1], fraction: 0.25, compress: 9, trajectory_steps: [1, 10]}\n"
             "parallel: {grid: [4, 2, 1]}\n",
             NULL);
    assert_string_equal(c.run.name, "a b");
    assert_string_equal(c.run.output, "runs/a b");
    assert_true(c.run.seed == 1000000000000000000);
    assert_int_equal(c.task.kind, TASK_HDF5);
    assert_string_equal(c.task.path, "x/y: z.h5");
    assert_true(c.task.size[0] == 0 && c.task.size[1] == 0 && c.task.noise == 0 && !c.task.shuffle);
    assert_true(c.organism.n_hidden == 1 && c.organism.hidden[0] == 7 && c.organism.edges == EDGES_SCALAR &&
                c.organism.residual);
    assert_int_equal(c.organism.activation, ACTIVATION_LINEAR);
    assert_true(c.organism.width == 16 && c.organism.layers == 2 && c.measure.epsilon == 0.5e-3);
    assert_true(c.archive.n_steps == 2 && c.archive.steps[1] == 10 && c.archive.n_layers == 2 &&
                c.archive.layers[1] == 1 && c.archive.fraction == 0.25);
    assert_true(!config_grid_auto(&c) && c.grid[0] == 4 && c.grid[1] == 2 && c.grid[2] == 1);
    config_free(&c);

    c = good("task: {kind: addition}\norganism: {hidden: []}\n", NULL);
    assert_true(c.task.samples == 1000 && c.task.test_samples == 1000 && c.organism.n_hidden == 0);
    config_free(&c);
}

static void test_set(void **state)
{
    (void)state;
    /* --set wins over the file, a later one over an earlier one; what the file says of other keys stays. */
    struct config c =
        good("training: {epochs: 7, batch: 9}\nparallel: {grid: [1, 1, 1]}\n", "training.epochs=8",
             "training.epochs=10", "organism.hidden=[3, 3, 3]", "parallel.grid=auto", "run.name=n=m",
             "run.seed= 12 # comment", "task.path=\"a # b\"", NULL);
    assert_true(c.schedule.epochs == 10 && c.schedule.batch == 9 && config_grid_auto(&c));
    assert_true(c.organism.n_hidden == 3 && c.run.seed == 12);
    assert_string_equal(c.run.output, "runs/n=m");
    assert_string_equal(c.task.path, "a # b");
    config_free(&c);

    char *sets[] = {
        "training.epochs=many", "training.epoch=3", "trainin.epochs=3", "epochs=3", "run.seed", "run.seed=",
        "run.seed=[1",          "run.name=&a b",    "task.size=[3, -1]"};
    struct problems problems = {0};
    c = parse("run: {seed: -1}\n", sizeof sets / sizeof *sets, sets, &problems);
    const char *const expected[] = {
        "F:1:13: run.seed = -1: must be an integer from 0 to 1000000000000000000",
        "--set: training.epochs = many: must be an integer from 0 to 16777215",
        "--set: unknown key 'training.epoch'; did you mean 'training.epochs'?",
        "--set: unknown key 'trainin.epochs'; did you mean 'training.epochs'?",
        "--set: \"epochs=3\" does not have the form section.key=value; did you mean 'training.epochs'?",
        "--set: \"run.seed\" does not have the form section.key=value",
        ("--set: run.seed " NO_VALUE),
        "--set: not valid YAML: while parsing a flow sequence, did not find expected ',' or ']'",
        "--set: an anchor (&) is not possible in a configuration: write the value out",
        "--set: task.size = [3, -1]: must be a list of 2 integers from 0 to 32768, or original",
    };
    assert_int_equal(problems.n, sizeof expected / sizeof *expected);
    for (int i = 0; i < problems.n; i++) assert_string_equal(problems.text[i], expected[i]);
    problems_free(&problems);
    config_free(&c);
}

/* Written out, read back, written out: the same text and the same bits. */
static void round_trip(const struct config *config)
{
    char *text = config_text(config);
    struct config again = good(text, NULL);
    char *text_again = config_text(&again);
    assert_string_equal(text, text_again);
    assert_memory_equal(&config->training, &again.training, sizeof again.training);
    assert_memory_equal(&config->schedule, &again.schedule, sizeof again.schedule);
    assert_memory_equal(&config->organism, &again.organism, sizeof again.organism);
    assert_memory_equal(config->grid, again.grid, sizeof again.grid);
    assert_memory_equal(&config->measure, &again.measure, sizeof again.measure);
    assert_memory_equal(&config->archive, &again.archive, sizeof again.archive);
    assert_memory_equal(&config->checkpoint, &again.checkpoint, sizeof again.checkpoint);
    assert_string_equal(config->run.name, again.run.name);
    assert_string_equal(config->run.output, again.run.output);
    assert_string_equal(config->task.path, again.task.path);
    assert_true(config->task.noise == again.task.noise && config->task.kind == again.task.kind);
    memory_free(text);
    memory_free(text_again);
    config_free(&again);
}

static void test_round_trip(void **state)
{
    (void)state;
    struct config c =
        good("task: {kind: hdf5}\norganism: {hidden: [9, 8, 7], activation: linear, edges: scalar}\n"
             "archive: {layers: [0, 3]}\nparallel: {grid: [3, 2, 1]}\n"
             "training: {momentum_buffers: reset, on_divergence: ignore,\n"
             "  phases: [{task: 3, until: 0.3}, {self: 20}, {both: 177}]}\n",
             NULL);
    assert_true(c.schedule.epochs == 200 && c.schedule.n_stages == 3);
    assert_true(c.schedule.stages[0].trains == TRAIN_TASK && c.schedule.stages[0].until_accuracy == 0.3);
    assert_true(c.schedule.stages[1].trains == TRAIN_SELF && c.schedule.stages[1].epochs == 20);
    round_trip(&c);
    static const double reals[] = {0.1, 1.0 / 3, 2.0 / 3, 1e-5, 1.1754944e-38, 1, 0.004, 1e-9};
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
        c.training.task.rate = c.training.task.momentum = (float)reals[i];
        c.measure.epsilon = reals[i];
        round_trip(&c);
    }
    const unsigned seed = 20221;
    print_message("seed %u\n", seed);
    srand(seed);
    for (int i = 0; i < 2000; i++) {
        c.training.task.rate = (float)(rand() / (RAND_MAX + 1.0) / (1 + rand()));
        c.task.noise = rand() / (RAND_MAX + 1.0) * 1000;
        round_trip(&c);
    }
    static const char *const texts[] = {"true",     "No",
                                        "null",     "1e5",
                                        "0x10",     "12:30",
                                        "a: b",     "a #b",
                                        "[x",       "*x",
                                        "&x",       "!x",
                                        " lead",    "trail ",
                                        "quote\"d", "back\\slash",
                                        "'",        "K\xc3\xb6lle",
                                        "-",        "---",
                                        "..x",      "\xf0\x9f\xa7\xac",
                                        "null",     "=",
                                        "<<",       "a,b",
                                        "%x",       "@x",
                                        "`x"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        memory_free(c.run.name);
        memory_free((void *)(uintptr_t)c.task.path);
        c.run.name = memory_string(texts[i]);
        c.task.path = memory_string(*texts[i] == '~' ? "tilde" : texts[i]);
        round_trip(&c);
    }
    config_free(&c);
}

/* The keys of version 0.1 are the same phases; phases of --set decide over epochs of the file. */
static void test_phases(void **state)
{
    (void)state;
    struct config old =
                      good("training: {first: task, first_epochs: 5, first_until_accuracy: 0.5, epochs: 9}\n",
                           NULL),
                  now = good("training: {phases: [{task: 5, until: 0.5}, {both: 4}]}\n", NULL);
    assert_memory_equal(&old.schedule, &now.schedule, sizeof now.schedule);
    char *note = config_note(&old), *text = config_text(&old);
    assert_non_null(strstr(note, "phases: [{task: 5, until: 0.5}, {both: 4}]"));
    assert_null(strstr(text, "first"));
    assert_null(config_note(&now));
    memory_free(note), memory_free(text);
    config_free(&old), config_free(&now);
    old =
        good("training: {first: self, first_epochs: 12, epochs: 9}\n", NULL); /* no epoch is left for both */
    assert_true(old.schedule.n_stages == 1 && old.schedule.stages[0].epochs == 9 && old.schedule.epochs == 9);
    config_free(&old);
    old = good("training: {first: task, first_epochs: 12, first_until_accuracy: 0.5, epochs: 9}\n", NULL);
    assert_true(old.schedule.n_stages == 2 && old.schedule.stages[1].epochs == 0 && old.schedule.epochs == 9);
    now = good("training: {epochs: 9}\n", "training.phases=[{task: 4}, {self: 1}]", NULL);
    assert_int_equal(now.schedule.epochs, 5);
    config_free(&old), config_free(&now);
}

static void test_conflicts(void **state)
{
    (void)state;
    struct config saved = good("{}", NULL);
    struct config now =
        good("run: {name: other, output: elsewhere}\ntraining: {epochs: 300, settle_steps: 5}\n"
             "measure: {validate_every: 2, census_every: 3}\ncheckpoint: {every: 1, keep: 9, minutes: 3}\n"
             "parallel: {grid: [1, 2, 3]}\n",
             NULL);
    assert_null(config_conflicts(&saved, &now));
    config_free(&now);
    now = good("run: {seed: 2}\ntask: {size: [14, 15]}\norganism: {hidden: [5]}\ntraining: {learning_rate: "
               "0.004001}\n"
               "parallel: {block: 255, chunk: 255}\n",
               NULL);
    char *names = config_conflicts(&saved, &now);
    assert_string_equal(
        names,
        "run.seed, task.size, organism.hidden, training.learning_rate, parallel.block, parallel.chunk");
    memory_free(names);
    assert_null(config_conflicts(&now, &now));
    config_free(&now);
    config_free(&saved);
}

/* What the modules get: the shape of the organism, and keys that several of them use. */
static void test_modules(void **state)
{
    (void)state;
    struct config c =
        good("run: {seed: 9}\ntask: {kind: addition, inputs: 4, samples: 50}\norganism: {hidden: [6, 8]}\n"
             "particle: {width: 2, layers: 4}\nparallel: {block: 3, chunk: 5}\n"
             "training: {learning_rate: 0.5, momentum: 0.25, momentum_buffers: shared}\n",
             NULL);
    assert_true(c.task.kind == TASK_ADDITION && c.task.inputs == 4 && c.task.samples == 50 &&
                c.task.seed == 9);
    struct task task = {.inputs = 4, .outputs = 1};
    struct organism_shape shape = organism_shape_new(&c.organism, &task);
    assert_true(shape.layers == 3 && shape.cells[0] == 4 && shape.cells[1] == 6 && shape.cells[2] == 8);
    assert_true(shape.cells[3] == 1 && shape.loss == LOSS_MSE && shape.block == 3 && shape.chunk == 5);
    assert_int_equal(shape.particle.weights, 5 * 2 + 2 * 2 + 2 * 2 + 2);
    task.classification = true;
    c.organism.edges = EDGES_SCALAR;
    shape = organism_shape_new(&c.organism, &task);
    assert_true(shape.loss == LOSS_CROSS_ENTROPY && shape.particle.weights == 1 &&
                shape.particle.layers == 0);
    assert_true(c.training.task.rate == 0.5f && c.training.task.momentum == 0.25f &&
                c.training.self_steps == 5);
    assert_int_equal(c.training.buffers, MOMENTUM_SHARED);
    config_free(&c);

    c = good("run: {seed: 9, ensemble: 5}\ncheckpoint: {every: 7}\ninteraction: {melt: 0.5}\n", NULL);
    assert_true(c.archive.seed == 9 && c.archive.interacts);
    const struct config member = config_member(&c, 3);
    assert_true(member.run.seed == 12 && member.run.ensemble == 1);
    assert_true(member.task.seed == 12 && member.archive.seed == 12);
    config_free(&c);
}

/* Binary files hold the configuration without what only says where and how a job works. */
static void test_text_for_files(void **state)
{
    (void)state;
    struct config one = good("run: {name: a}\n", NULL);
    struct config other = good("run: {name: b, output: c}\nparallel: {grid: [2, 1, 3], share_data: always}\n"
                               "io: {writers: 3, collective_metadata: true, hints: a=b}\n",
                               NULL); /* the last two are of version 0.1 and have no effect */
    char *text = config_text_for_files(&one), *same = config_text_for_files(&other);
    assert_string_equal(text, same);
    memory_free(same);
    other.training.task.momentum = 0.5f;
    char *differs = config_text_for_files(&other);
    assert_string_not_equal(text, differs);
    memory_free(text), memory_free(differs);
    config_free(&one), config_free(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),  cmocka_unit_test(test_values),
        cmocka_unit_test(test_set),       cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_conflicts), cmocka_unit_test(test_modules),
        cmocka_unit_test(test_phases),    cmocka_unit_test(test_text_for_files)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
