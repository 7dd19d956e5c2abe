/* The configuration: defaults, --set, round trips, what a resume may change, and every mistake with its
 * place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "metazoa/base/memory.h"
#include "metazoa/config/config.h"

#define NO_VALUE "has no value: write one, or leave the key out for its default"

static struct config parse(const char *text, int n_sets, char *const *sets, struct problems *problems)
{
    struct config config;
    config_parse(&config, text, (int64_t)strlen(text), "F", n_sets, sets, problems);
    return config;
}

/* The text is good, and so are the --set texts (up to NULL). */
static struct config good(const char *text, ...)
{
    char *sets[8];
    int n = 0;
    va_list arguments;
    va_start(arguments, text);
    for (char *set; (set = va_arg(arguments, char *));) sets[n++] = set;
    va_end(arguments);
    struct problems problems = {0};
    struct config config = parse(text, n, sets, &problems);
    problems_print(&problems, stderr);
    assert_int_equal(problems.n, 0);
    return config;
}

/* The problems of a text (of `length` bytes), exactly these lines, each up to its "|" if there is one. */
static void expect_bytes(const char *text, int64_t length, const char *const *lines, int n)
{
    struct problems problems = {0};
    struct config config;
    config_parse(&config, text, length, "F", 0, NULL, &problems);
    if (problems.n != n) problems_print(&problems, stderr);
    assert_int_equal(problems.n, n);
    assert_int_equal(problems.code, EXIT_USAGE);
    for (int i = 0; i < n; i++) {
        const size_t all = strcspn(lines[i], "|");
        const bool begins = lines[i][all] == '|';
        if (strncmp(problems.text[i], lines[i], all) != 0 || (!begins && problems.text[i][all]))
            fail_msg("\"%s\" instead of \"%s\"", problems.text[i], lines[i]);
    }
    problems_free(&problems);
    config_free(&config);
}

#define EXPECT(text, ...)                                                                                    \
    do {                                                                                                     \
        const char *const lines[] = {__VA_ARGS__};                                                           \
        expect_bytes(text, (int64_t)strlen(text), lines, (int)(sizeof lines / sizeof *lines));               \
    } while (0)

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
    assert_true(c.training.learning_rate == 0.004f && c.training.momentum == 0.9f);
    assert_true(c.training.buffers == MOMENTUM_SEPARATE && c.schedule.settle_steps == 0);
    assert_true(c.schedule.first == FIRST_NONE && c.schedule.on_divergence == DIVERGENCE_STOP);
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
        "--set: unknown key 'trainin.epochs'; did you mean 'training'?",
        "--set: \"epochs=3\" does not have the form section.key=value",
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
             "training: {momentum_buffers: reset, first: task, first_epochs: 3, on_divergence: ignore}\n",
             NULL);
    round_trip(&c);
    static const double reals[] = {0.1, 1.0 / 3, 2.0 / 3, 1e-5, 5e-324, 2.2250738585072014e-308,
                                   1,   0.004,   1e-9};
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
        c.training.learning_rate = c.training.momentum = (float)reals[i];
        c.measure.epsilon = reals[i];
        round_trip(&c);
    }
    const unsigned seed = 20221;
    print_message("seed %u\n", seed);
    srand(seed);
    for (int i = 0; i < 2000; i++) {
        c.training.learning_rate = (float)(rand() / (RAND_MAX + 1.0) / (1 + rand()));
        c.task.noise = rand() / (RAND_MAX + 1.0) * 1000;
        round_trip(&c);
    }
    static const char *const texts[] = {"true",     "No",
                                        "~",        "1e5",
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

static void test_names(void **state)
{
    (void)state;
    EXPECT("run: {sed: 3}\n", "F:1:7: unknown key 'run.sed'; did you mean 'run.seed'?");
    EXPECT("run:\n  seed: 3\ntraning:\n  epochs: x\n",
           "F:3:1: unknown section 'traning'; did you mean 'training'?");
    EXPECT("epochs: 3\n", "F:1:1: unknown section 'epochs'; 'epochs' belongs to section 'training'");
    EXPECT("run: {epochs: 3}\n", "F:1:7: unknown key 'run.epochs'; did you mean 'training.epochs'?");
    EXPECT("training: {learning-rate: 1}\n",
           "F:1:12: unknown key 'training.learning-rate'; did you mean 'training.learning_rate'?");
    EXPECT("training: {qwertyuiop: 1}\n",
           "F:1:12: unknown key 'training.qwertyuiop'; \"metazoa --help\" lists all keys");
    EXPECT("training: {ecpohs: 1}\n",
           "F:1:12: unknown key 'training.ecpohs'; did you mean 'training.epochs'?");
    EXPECT("run:\n  seed: 1\n  name: x\n  seed: 2\n", "F:4:3: 'run.seed' is given a second time");
    EXPECT("run: {}\ntask: {}\nrun: {}\n", "F:3:1: section 'run' is given a second time");
    EXPECT("? [a, b]\n: 3\nrun: {? {x: y} : 1, seed: x}\n",
           "F:1:3: the name of a section must be a word, not a list or a mapping",
           "F:3:9: a key must be a word, not a list or a mapping",
           "F:3:27: run.seed = x: must be an integer from 0 to 1000000000000000000");
    EXPECT("<<: {seed: 1}\n", "F:1:1: unknown section '<<'; \"metazoa --help\" lists all keys");
    EXPECT("\"a\\nb\": 1\n", "F:1:1: unknown section 'a?b'; \"metazoa --help\" lists all keys");
    EXPECT("\xc3\xb6\xc3\xb6: {}\nrun: {\xc3\xb6: 1, sed: 1}\n", "F:1:1: unknown section|",
           "F:2:7: unknown key|", "F:2:13: unknown key 'run.sed'|"); /* columns count characters */
}

/* YAML's null is the same for every key, in files and in --set: refused. A section that is null is empty. */
static void test_null(void **state)
{
    (void)state;
    struct config_key key;
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
    for (int i = 0; config_key(&key, i); i++) {
        for (size_t k = 0; k < sizeof nulls / sizeof *nulls; k++) {
            char *text = memory_print("%s:\n  %s: %s\n", key.section, key.name, nulls[k]);
            char *set[] = {memory_print("%s.%s=%s", key.section, key.name, nulls[k])};
            char *expected = memory_print("%s.%s " NO_VALUE, key.section, key.name);
            for (int from_set = 0; from_set < 2; from_set++) {
                struct problems problems = {0};
                struct config c = parse(from_set ? "{}" : text, from_set, set, &problems);
                assert_int_equal(problems.n, 1);
                assert_non_null(strstr(problems.text[0], expected));
                problems_free(&problems);
                config_free(&c);
            }
            memory_free(text), memory_free(set[0]), memory_free(expected);
        }
        memory_free(key.values);
    }
    struct config c = good("run: {name: \"~\"}\ntask: ~\ntraining: null\n", NULL);
    assert_string_equal(c.run.output, "runs/~"); /* in quotes it is a name */
    config_free(&c);
}

/* Paths: "~/" is the home folder; what would make a folder called "$HOME" or "~anna" is refused. */
static void test_paths(void **state)
{
    (void)state;
    setenv("HOME", "/home/somebody", 1);
    struct config c = good("run: {output: ~/runs/x}\ntask: {path: \"~\"}\n", NULL);
    assert_string_equal(c.run.output, "/home/somebody/runs/x");
    assert_string_equal(c.task.path, "/home/somebody");
    config_free(&c);
    c = good("run: {output: a~b/$}\n", "task.path=~/data", NULL);
    assert_string_equal(c.run.output, "a~b/$");
    assert_string_equal(c.task.path, "/home/somebody/data");
    config_free(&c);
    EXPECT("run: {output: $HOME/x}\n", "F:1:15: run.output = $HOME/x: variables like $HOME are not|");
    EXPECT("task:\n  path: /scratch/${USER}/x\n", "F:2:9: task.path = /scratch/${USER}/x: variables|");
    EXPECT("task: {path: ~anna/x}\n", "F:1:14: task.path = ~anna/x: of the paths with ~ only|");
    unsetenv("HOME");
    EXPECT("task: {path: ~/x}\n", "F:1:14: task.path = ~/x: there is no home folder|");
}

static void test_types(void **state)
{
    (void)state;
#define EPOCHS(text) "F:1:20: training.epochs = " text ": must be an integer from 0 to 16777215"
    EXPECT("training: {epochs: x}\n", EPOCHS("x"));
    EXPECT("training: {epochs: 1.5}\n", EPOCHS("1.5"));
    EXPECT("training: {epochs: 1e3}\n", EPOCHS("1e3"));
    EXPECT("training: {epochs: 0x10}\n", EPOCHS("0x10"));
    EXPECT("training: {epochs: 017}\n", EPOCHS("017"));
    EXPECT("training: {epochs: -1}\n", EPOCHS("-1"));
    EXPECT("training: {epochs: 16777216}\n", EPOCHS("16777216"));
    EXPECT("training: {epochs: 9223372036854775808}\n", EPOCHS("9223372036854775808"));
    EXPECT("training: {epochs: 18446744073709551617}\n", EPOCHS("18446744073709551617"));
    EXPECT("training: {epochs: -99999999999999999999999999}\n", EPOCHS("-99999999999999999999999999"));
    EXPECT("training: {epochs: \"5\"}\n", EPOCHS("\"5\""));
    EXPECT("training: {epochs: [5]}\n", EPOCHS("[5]"));
    EXPECT("training: {epochs: {a: 5}}\n", EPOCHS("a structure"));
    EXPECT("training: {epochs: [[5]]}\n", EPOCHS("a structure"));
    EXPECT("training: {epochs: true}\n", EPOCHS("true"));
    EXPECT("training: {epochs: }\n", "F:1:20: training.epochs " NO_VALUE);
    EXPECT("training:\n  epochs:\n", "F:2:10: training.epochs " NO_VALUE);
#define RATE(text) "F:1:27: training.learning_rate = " text ": must be a number from 0 to 100"
    EXPECT("training: {learning_rate: .nan}\n", RATE(".nan"));
    EXPECT("training: {learning_rate: nan}\n", RATE("nan"));
    EXPECT("training: {learning_rate: .inf}\n", RATE(".inf"));
    EXPECT("training: {learning_rate: -inf}\n", RATE("-inf"));
    EXPECT("training: {learning_rate: 1e999}\n", RATE("1e999"));
    EXPECT("training: {learning_rate: 0x1p3}\n", RATE("0x1p3"));
    EXPECT("training: {learning_rate: 1.2.3}\n", RATE("1.2.3"));
    EXPECT("training: {learning_rate: -1e-9}\n", RATE("-1e-9"));
    EXPECT("training: {learning_rate: 100.0001}\n", RATE("100.0001"));
    EXPECT("training: {learning_rate: 'x'}\n", RATE("\"x\""));
    EXPECT("task: {shuffle: yes}\n", "F:1:17: task.shuffle = yes: must be false or true");
    EXPECT("task: {kind: mnist}\n", "F:1:14: task.kind = mnist: must be addition, idx, hdf5 or cifar10");
    EXPECT("organism: {edges: particles}\n",
           "F:1:19: organism.edges = particles: must be particle or scalar");
    EXPECT("particle: {width: 17, layers: 1}\n",
           "F:1:19: particle.width = 17: must be an integer from 1 to 16",
           "F:1:31: particle.layers = 1: must be an integer from 2 to 4");
    EXPECT("run: {name: [a]}\n", "F:1:13: run.name = [a]: must be a text|");
    EXPECT("run: {name: \"\"}\n", "F:1:13: run.name = \"\": must be a text of 1 to 200 bytes|");
    EXPECT("run: {name: \"a\\tb\"}\n", "F:1:13: run.name = \"a?b\": must be a text|");
    EXPECT("run: {name: \"a\\0b\"}\n", "F:1:13: a value contains a NUL character");
    EXPECT("run: {name: \"a\\Lb\"}\n", "F:1:13: run.name = |");
}

static void test_lists(void **state)
{
    (void)state;
    EXPECT("organism: {hidden: [5, x, 7]}\n", "F:1:24: organism.hidden = [5, x, 7]: must be|");
    EXPECT("organism:\n  hidden:\n    - 5\n    - 0\n", "F:4:7: organism.hidden = [5, 0]: must be|");
    EXPECT("organism: {hidden: 5}\n",
           "F:1:20: organism.hidden = 5: must be a list of at most 31 integers from 1 to 16777216");
    EXPECT("organism: {hidden: [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}\n",
           "F:1:20: organism.hidden = [1, 1, |");
    EXPECT("task: {size: [3]}\n",
           "F:1:14: task.size = [3]: must be a list of 2 integers from 0 to 32768, or original");
    EXPECT("task: {size: [3, 3, 3]}\n", "F:1:14: task.size = [3, 3, 3]|");
    EXPECT("parallel: {grid: Auto}\n",
           "F:1:18: parallel.grid = Auto: must be a list of 3 integers from 1 to 1048576, or auto");
    EXPECT("parallel: {grid: [1, 2, 0]}\n", "F:1:25: parallel.grid = [1, 2, 0]|");
    EXPECT("parallel: {grid: []}\n", "F:1:18: parallel.grid = []|");

    /* A list of a million numbers: counted, not kept. */
    const int64_t n = 1000000, before = memory_held();
    char *text = memory_new(3 * n + 100, 1), *at = text + sprintf(text, "organism: {hidden: [");
    for (int64_t i = 0; i < n; i++) *at++ = '1', *at++ = ',', *at++ = ' ';
    strcpy(at, "]}\n");
    EXPECT(text, "F:1:20: organism.hidden = [1, 1, |");
    memory_free(text);
    assert_true(memory_held() == before);
}

static void test_rules(void **state)
{
    (void)state;
    EXPECT("run: {name: a/b}\n", "F:1:13: run.name = a/b: a name has no '/'|");
    EXPECT("run: {name: ..}\n", "F:1:13: run.name = \"..\": a name has no|");
    EXPECT("task: {path: \"\"}\n", "F:1:14: task.path = \"\": task.kind needs the place of its data");
    EXPECT("task: {size: [0, 3]}\n", "F:1:14: task.size = [0, 3]: rows and columns|");
    EXPECT("training: {first: self}\n", "F: training.first_epochs = 0: training.first needs|");
    EXPECT("training: {first: self, first_epochs: 1, first_until_accuracy: 0.5}\n",
           "F:1:64: training.first_until_accuracy = 0.5: only|");
    EXPECT("archive: {layers: [0, 3]}\n", "F:1:19: archive.layers = [0, 3]: layers are counted|");
    EXPECT("archive: {layers: [1, 1]}\n", "F:1:19: archive.layers = [1, 1]: layers are counted|");
    EXPECT("archive: {trajectory_steps: [1, 4, 4]}\n",
           "F:1:29: archive.trajectory_steps = [1, 4, 4]: numbers of batches, ascending|");
    EXPECT("archive: {trajectory_steps: [2], trajectory_every: 0}\n",
           "F:1:29: archive.trajectory_steps = [2]: it needs an archive|");
    EXPECT("archive: {layers: [3]}\norganism: {hidden: [x]}\n",
           "F:2:21: organism.hidden = [x]|"); /* no second guess */
}

static void test_yaml(void **state)
{
    (void)state;
#define NOTHING "F:1:1: no configuration: it is made of sections|"
    EXPECT("", NOTHING);
    EXPECT("\n# nothing\n", "F:3:1: no configuration|");
    EXPECT("just text\n", NOTHING);
    EXPECT("[run, task]\n", NOTHING);
    EXPECT("run:\n\tname: x\n", "F:2:1: not valid YAML: found character that cannot start any token (a tab|");
    EXPECT("run: {name: x\n", "F:2:1: not valid YAML: while parsing a flow mapping|");
    EXPECT("run: {seed: x}\ntask: }\n", "F:1:13: run.seed = x|", "F:2:7: not valid YAML: |");
    EXPECT("run: {seed: 1}\n---\nrun: {seed: 1}\n", "F:2:1: a second document begins|");
    EXPECT("run: 5\ntask: [x]\n", "F:1:6: section 'run' must hold keys, \"key: value\"",
           "F:2:7: section 'task' must|");
    EXPECT("run: &a {seed: 1}\n", "F:1:6: an anchor (&) is not possible|");
    EXPECT("run: {seed: &a 1}\ntask: {inputs: *a}\n", "F:1:13: an anchor|",
           "F:2:16: an alias (*) is not possible|");
    EXPECT("run: !!map {seed: !!int 1}\n", "F:1:6: a tag (!) is not possible|", "F:1:19: a tag|");
    EXPECT("a\xff: 1\n", "F:1:2: not valid YAML: invalid leading UTF-8 octet");
    EXPECT("run: {}\nb\x01: 1\n", "F:2:2: not valid YAML: control characters are not allowed");
    const char *const nul[] = {"F:1:5: not valid YAML: control characters are not allowed"};
    expect_bytes("run:\0 {}", 8, nul, 1);
}

/* Attacks on time and memory. */
static void test_bombs(void **state)
{
    (void)state;
    const int64_t n = 1000000, before = memory_held();
    char *text = memory_new(n + 100, 1);

    memset(text + sprintf(text, "run: {seed: "), '[', (size_t)n);
    EXPECT(text, "F:1:46: nested deeper than 32 levels");

    char *at = text + sprintf(text, "a: &a [x,x,x,x,x,x,x,x,x,x]\n");
    for (char name = 'b'; name < 'z'; name++)
        at += sprintf(at, "%c: &%c [*%c,*%c,*%c,*%c,*%c]\n", name, name, name - 1, name - 1, name - 1,
                      name - 1, name - 1);
    struct problems problems = {0};
    struct config config = parse(text, 0, NULL, &problems);
    assert_int_equal(problems.n, 51); /* fifty, and that there may be more */
    assert_string_equal(problems.text[0], "F:1:1: unknown section 'a'; \"metazoa --help\" lists all keys");
    assert_string_equal(problems.text[50], "F: more problems may follow");
    problems_free(&problems);
    config_free(&config);

    at = text + sprintf(text, "run: {");
    memset(at, 'x', (size_t)n); /* one key of a million letters */
    strcpy(at + n, ": 1}\n");
    EXPECT(text, "F:1:7: unknown key 'run.xxxxxxxxxxxxxxxxxxxxxxxx|", "F:1:1000007: not valid YAML: |");
    memory_free(text);
    assert_true(memory_held() == before);
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
    assert_true(c.training.learning_rate == 0.5f && c.training.momentum == 0.25f &&
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
    other.training.momentum = 0.5f;
    char *differs = config_text_for_files(&other);
    assert_string_not_equal(text, differs);
    memory_free(text), memory_free(differs);
    config_free(&one), config_free(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_conflicts),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_null),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_yaml),
        cmocka_unit_test(test_bombs),
        cmocka_unit_test(test_modules),
        cmocka_unit_test(test_text_for_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
