/* Every mistake in a configuration has one message with its place: names, types, ranges, rules, YAML that
 * is none, texts that want to exhaust the machine. */
#include "config_text.h"

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
    EXPECT("run: {output: ''}\n", "F:1:15: run.output = |");
    EXPECT("run: {output: '  '}\n",
           "F:1:15: run.output = \"  \": it names no folder: write one, or leave the key out|");
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
    struct config c = good("run: {name: \"null\"}\ntask: ~\ntraining: null\n", NULL);
    assert_string_equal(c.run.output, "runs/null"); /* in quotes it is a name */
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
    EXPECT("run: {name: x-$USER}\n", "F:1:13: run.name = x-$USER: variables|"); /* it names a folder, too */
    EXPECT("run: {name: ~anna}\n", "F:1:13: run.name = ~anna: of the paths with ~ only|");
    EXPECT("run: {name: \"~\"}\n", "F:1:13: run.name = /home/somebody: a name has no '/'|");
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
    EXPECT("training: {patience: 3}\n",
           "F:1:22: training.patience = 3: it needs samples that are held out: task.validation|");
    EXPECT("task: {kind: addition, validation: 0.1}\n",
           "F:1:36: task.validation = 0.1: every epoch of this task has new samples|");
    EXPECT("training: {betas: [0.9]}\n",
           "F:1:19: training.betas = [0.9]: must be a list of 2 numbers from 0 to 0.9999999");
    EXPECT("training: {betas: [0.9, 1]}\n",
           "F:1:25: training.betas = [0.9, 1]: must be a list of 2 numbers from 0 to 0.9999999");
    EXPECT("training: {betas: same}\n", "F:1:19: training.betas = same: must be a list of 2 numbers|");
    EXPECT("training: {learning_rate: same}\n", RATE("same"));
    EXPECT("training: {self_train_learning_rate: -1}\n",
           "F:1:38: training.self_train_learning_rate = -1: must be a number from 0 to 100, or same");
    EXPECT("training: {momentum_buffers: shared, self_train_optimizer: adam}\n",
           "F:1:30: training.momentum_buffers = shared: both tasks then need the same optimizer");
    EXPECT("training: {optimizer: adam, momentum_buffers: shared, self_train_weights: replication}\n",
           "F:1:47: training.momentum_buffers = shared: with self_train_weights: replication it needs|");
    EXPECT("training: {learning_rate: .nan}\n", RATE(".nan"));
    EXPECT("training: {learning_rate: nan}\n", RATE("nan"));
    EXPECT("training: {learning_rate: .inf}\n", RATE(".inf"));
    EXPECT("training: {learning_rate: -inf}\n", RATE("-inf"));
    EXPECT("training: {learning_rate: 1e999}\n", RATE("1e999"));
    EXPECT("training: {learning_rate: 0x1p3}\n", RATE("0x1p3"));
#define VANISHES "; nearer to zero than 1.2e-38 it would count as zero: write 0"
    EXPECT("training: {learning_rate: 1e-42}\n", RATE("1e-42") VANISHES);
    EXPECT("training: {learning_rate: 0.001e-400}\n", RATE("0.001e-400") VANISHES);
    EXPECT("training: {betas: [0.9, 1e-39]}\n",
           "F:1:25: training.betas = [0.9, 1e-39]: must be a list of 2 numbers from 0 to 0.9999999" VANISHES);
    EXPECT("training: {phases: [{task: 2, until: 1e-310}]}\n",
           "F:1:38: training.phases = [{task: 2, until: 1e-310}]: must be |");
    EXPECT("measure: {epsilon: 1e-320}\n",
           "F:1:20: measure.epsilon = 1e-320: must be a number from 0 to 1" VANISHES);
    EXPECT("organism: {edges: scalar}\nparticle: {bias: true}\n",
           "F:2:18: particle.bias = true: numbers are no particles|");
    EXPECT("training: {learning_rate: 1.2.3}\n", RATE("1.2.3"));
    EXPECT("training: {learning_rate: -1e-9}\n", RATE("-1e-9"));
    EXPECT("training: {learning_rate: 100.0001}\n", RATE("100.0001"));
    EXPECT("training: {learning_rate: 'x'}\n", RATE("\"x\""));
    EXPECT("task: {shuffle: yes}\n", "F:1:17: task.shuffle = yes: must be false or true");
    EXPECT("task: {kind: mnist}\n", "F:1:14: task.kind = mnist: must be addition, idx, hdf5 or cifar10");
    EXPECT("organism: {edges: particles}\n",
           "F:1:19: organism.edges = particles: must be particle, scalar or affine");
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
    EXPECT("run: {seed: 1000000000000000000, ensemble: 2}\n",
           "F:1:13: run.seed = 1000000000000000000: seeds go up to|");
    char longest[3100];
    snprintf(longest, sizeof longest, "run: {ensemble: 2, output: %02990d}\n", 1);
    EXPECT(longest, "F:1:28: run.output = \"00000|");
    setenv("HOME", "/home/somebody", 1);
    snprintf(longest, sizeof longest, "run: {output: ~/%02990d}\n",
             1); /* with the home folder it is too long */
    EXPECT(longest, "F:1:15: run.output = ~/0000|");
    EXPECT("task: {path: \"\"}\n", "F:1:14: task.path = \"\": task.kind needs the place of its data");
    EXPECT("task: {size: [0, 3]}\n", "F:1:14: task.size = [0, 3]: rows and columns|");
    EXPECT("training: {first: self}\n", "F: training.first_epochs = 0: training.first needs|");
    EXPECT("training: {first: self, first_epochs: 1, first_until_accuracy: 0.5}\n",
           "F:1:64: training.first_until_accuracy = 0.5: only|");
    EXPECT("training: {phases: [{self: 3, until: 0.5}]}\n",
           "F:1:20: training.phases = [{self: 3, until: 0.5}]: self-training has no accuracy|");
    EXPECT("task: {kind: addition}\ntraining: {phases: [{task: 3, until: 0.5}]}\n",
           "F:2:20: training.phases = [{task: 3, until: 0.5}]: the task addition has no accuracy|");
    EXPECT("training: {phases: [{task: 3}], epochs: 4}\n",
           "F:1:41: training.epochs = 4: it is the sum of the epochs in training.phases|");
    EXPECT("training: {phases: [{task: 3}], first: self, first_epochs: 1}\n",
           "F:1:40: training.first = self: training.phases has replaced it|");
    EXPECT("training: {phases: [{task: 9999999}, {self: 9999999}]}\n",
           "F:1:20: training.phases = [{task: 9999999}, {self: 9999999}]: too many epochs");
    static const char *const wrong[] = {"both",
                                        "[]",
                                        "[task]",
                                        "[{}]",
                                        "[{task: x}]",
                                        "[{task: -1}]",
                                        "[{task: \"3\"}]",
                                        "[{until: 0.5}]",
                                        "[{task: 1, self: 2}]",
                                        "[{task: [1]}]",
                                        "[[{task: 1}]]",
                                        "{task: 1}",
                                        "[{task: 1, until: 1.5}]",
                                        "[{task: 1, until: .1, until: .2}]",
                                        "[{task: 1}, {tusk: 2}]"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[200];
        snprintf(text, sizeof text, "training: {phases: %s}\n", wrong[i]);
        struct problems problems = {0};
        struct config c = parse(text, 0, NULL, &problems);
        assert_int_equal(problems.n, 1);
        assert_non_null(strstr(problems.text[0], "training.phases = "));
        assert_non_null(strstr(problems.text[0], "must be a list like [{task: 200}, {self: 20}]"));
        problems_free(&problems);
        config_free(&c);
    }
    EXPECT("task: {size: [{rows: 3}]}\n", "F:1:14: task.size = [{rows: 3}]: must be a list of 2 integers|");
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names), cmocka_unit_test(test_types),
                                       cmocka_unit_test(test_null),  cmocka_unit_test(test_paths),
                                       cmocka_unit_test(test_lists), cmocka_unit_test(test_rules),
                                       cmocka_unit_test(test_yaml),  cmocka_unit_test(test_bombs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
