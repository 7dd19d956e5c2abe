/* The schedule: known plans for small configurations. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "golden/rates.h"
#include "metazoa/base/cosine.h"
#include "metazoa/train/pruning.h"
#include "metazoa/train/schedule.h"

static struct schedule with(const struct stage_spec *stages, int n)
{
    struct config config = {.schedule = {.batch = 4, .n_stages = n}, .training = {.self_steps = 5}};
    for (int i = 0; i < n; i++) {
        config.schedule.stages[i] = stages[i];
        config.schedule.epochs += stages[i].epochs;
    }
    return schedule_new(&config, 10);
}

/* Both tasks, as without training.phases. */
static struct schedule plain(void)
{
    const struct config config = {.schedule = {.epochs = 3, .batch = 4}, .training = {.self_steps = 5}};
    return schedule_new(&config, 10);
}

/* The stage after `epoch` epochs. */
static void after(const struct schedule *schedule, struct progress *progress, int64_t epoch, double accuracy)
{
    progress->epoch = epoch;
    schedule_next(schedule, progress, accuracy);
}

static void test_batches_cover_the_samples(void **state)
{
    (void)state;
    const struct schedule schedule = plain();
    assert_int_equal(schedule_epochs(&schedule), 3);
    assert_int_equal(schedule_batches(&schedule, 0), 3);
    int64_t at = 0;
    for (int64_t batch = 0; batch < 3; batch++) {
        const struct step step = schedule_step(&schedule, 0, batch);
        assert_int_equal(step.begin, at);
        assert_int_equal(step.self_steps, 5);
        assert_true(step.learn);
        at = step.end;
    }
    assert_int_equal(at, 10);
}

static void test_phases_follow_each_other(void **state)
{
    (void)state;
    const struct schedule schedule =
        with((struct stage_spec[]){{TRAIN_SELF, 2, 0}, {TRAIN_TASK, 1, 0}, {TRAIN_BOTH, 2, 0}}, 3);
    struct progress progress = {0};
    schedule_begin(&schedule, &progress);
    assert_int_equal(progress.stage, 0);
    assert_int_equal(progress.stage_epoch, 1);
    const struct step self = schedule_step(&schedule, 0, 0), task = schedule_step(&schedule, 1, 2);
    assert_int_equal(self.self_steps, 5);
    assert_false(self.learn);
    assert_int_equal(task.self_steps, 0);
    assert_true(task.learn);
    assert_int_equal(task.begin, 8);
    assert_int_equal(task.end, 10);
    const int64_t stages[] = {0, 1, 2, 2, 2}, began[] = {1, 3, 4, 4, 4};
    for (int i = 0; i < 5; i++) {
        after(&schedule, &progress, i + 1, NAN);
        assert_int_equal(progress.stage, stages[i]);
        assert_int_equal(progress.stage_epoch, began[i]);
    }
}

/* Phases of 0 epochs: passed over, except that the last one takes what an early end leaves. */
static void test_empty_phases(void **state)
{
    (void)state;
    const struct schedule schedule = with(
        (struct stage_spec[]){
            {TRAIN_SELF, 0, 0}, {TRAIN_TASK, 2, 0.5}, {TRAIN_SELF, 0, 0}, {TRAIN_BOTH, 0, 0}},
        4);
    struct progress progress = {0};
    schedule_begin(&schedule, &progress);
    assert_int_equal(progress.stage, 1);
    after(&schedule, &progress, 1, 0.5);
    assert_int_equal(progress.stage, 3);
}

static void test_until_an_accuracy(void **state)
{
    (void)state;
    const struct schedule schedule = with((struct stage_spec[]){{TRAIN_TASK, 3, 0.5}, {TRAIN_BOTH, 2, 0}}, 2);
    struct progress progress = {0};
    schedule_begin(&schedule, &progress);
    after(&schedule, &progress, 1, 0.49);
    assert_int_equal(progress.stage, 0);
    after(&schedule, &progress, 1, NAN);
    assert_int_equal(progress.stage, 0);
    after(&schedule, &progress, 1, 0.5);
    assert_int_equal(progress.stage, 1);
    /* Once the next one has begun it stays so, whatever the accuracy does, and takes the epochs that are
     * left. */
    for (int epoch = 2; epoch <= 5; epoch++) after(&schedule, &progress, epoch, 0.1);
    assert_int_equal(progress.stage, 1);
    assert_int_equal(schedule_epochs(&schedule), 5);
}

static void test_settling_is_one_more_epoch(void **state)
{
    (void)state;
    struct schedule schedule = plain();
    schedule.plan.settle = SETTLE_PLAIN;
    schedule.plan.settle_steps = 2 * SETTLE_PORTION + 3;
    struct progress progress = {.stage_epoch = 1};
    assert_int_equal(schedule_epochs(&schedule), 4);
    after(&schedule, &progress, 3, NAN);
    assert_int_equal(progress.stage, STAGE_SETTLE);
    assert_int_equal(schedule_batches(&schedule, STAGE_SETTLE), 3);
    int steps = 0;
    for (int64_t batch = 0; batch < 3; batch++) {
        const struct step step = schedule_step(&schedule, STAGE_SETTLE, batch);
        assert_false(step.learn);
        steps += step.self_steps;
    }
    assert_int_equal(steps, schedule.plan.settle_steps);
    /* Settling that is asked for when a run has ended already. */
    progress = (struct progress){.stage_epoch = 1, .epoch = 3};
    schedule_resume(&schedule, &progress);
    assert_int_equal(progress.stage, STAGE_SETTLE);
    assert_int_equal(progress.stage_epoch, 4);
    schedule.plan.epochs = 0;
    schedule_begin(&schedule, &progress);
    assert_int_equal(progress.stage, STAGE_SETTLE);
}

/* A checkpoint of version 0.1 says that both tasks are trained, not which phase that is. */
static void test_resume_of_old_files(void **state)
{
    (void)state;
    const struct schedule one = plain(),
                          two = with((struct stage_spec[]){{TRAIN_SELF, 1, 0}, {TRAIN_BOTH, 3, 0}}, 2);
    struct progress progress = {.epoch = 2, .stage = STAGES_MAX - 1, .stage_epoch = 1};
    assert_true(schedule_continues(&one.plan, &one, &progress));
    schedule_resume(&one, &progress);
    assert_int_equal(progress.stage, 0);
    progress = (struct progress){.epoch = 2, .stage = STAGES_MAX - 1, .stage_epoch = 2};
    schedule_resume(&two, &progress);
    assert_int_equal(progress.stage, 1);
}

/* Phases that have begun must stay; what is to come may change. */
static void test_changed_phases(void **state)
{
    (void)state;
    const struct schedule was = with((struct stage_spec[]){{TRAIN_SELF, 2, 0}, {TRAIN_BOTH, 3, 0}}, 2),
                          other = with((struct stage_spec[]){{TRAIN_TASK, 2, 0}, {TRAIN_BOTH, 3, 0}}, 2),
                          longer = with((struct stage_spec[]){{TRAIN_SELF, 3, 0}, {TRAIN_BOTH, 3, 0}}, 2),
                          shorter = with((struct stage_spec[]){{TRAIN_SELF, 1, 0}, {TRAIN_BOTH, 4, 0}}, 2),
                          more = with((struct stage_spec[]){{TRAIN_SELF, 2, 0},
                                                            {TRAIN_BOTH, 3, 0},
                                                            {TRAIN_TASK, 9, 0}},
                                      3);
    const struct progress first = {.epoch = 1, .batch = 1, .stage_epoch = 1},
                          second = {.epoch = 3, .stage = 1, .stage_epoch = 3};
    assert_true(schedule_continues(&was.plan, &was, &first) && schedule_continues(&was.plan, &was, &second));
    assert_true(schedule_continues(&was.plan, &more, &first) &&
                schedule_continues(&was.plan, &more, &second));
    assert_true(schedule_continues(&was.plan, &longer, &first));
    assert_false(schedule_continues(&was.plan, &longer, &second));
    assert_false(schedule_continues(&was.plan, &other, &first));
    assert_false(schedule_continues(&was.plan, &other, &second));
    assert_false(schedule_continues(&was.plan, &shorter, &first));
    /* The accuracy that the stage under way waits for stays; one that had no stage after it did not end
     * there. */
    const struct schedule waits = with((struct stage_spec[]){{TRAIN_TASK, 3, 0.5}, {TRAIN_SELF, 3, 0}}, 2),
                          less = with((struct stage_spec[]){{TRAIN_TASK, 3, 0.25}, {TRAIN_SELF, 3, 0}}, 2),
                          lasts = with((struct stage_spec[]){{TRAIN_TASK, 3, 0.5}}, 1);
    assert_true(schedule_continues(&waits.plan, &waits, &first));
    assert_false(schedule_continues(&waits.plan, &less, &first));
    assert_false(schedule_continues(&lasts.plan, &waits, &first));
    assert_true(schedule_continues(&waits.plan, &lasts, &first));
    /* A run that had ended goes on with the phase that was added. */
    struct progress ended = {.epoch = 5, .stage = 1, .stage_epoch = 3};
    schedule_resume(&more, &ended);
    assert_int_equal(ended.stage, 2);
    assert_int_equal(ended.stage_epoch, 6);
}

static void test_what_is_due(void **state)
{
    (void)state;
    const struct schedule schedule = plain();
    assert_true(schedule_due(&schedule, 2, 0));
    assert_false(schedule_due(&schedule, 2, 1));
    assert_true(schedule_due(&schedule, 2, 2));
    assert_true(schedule_due(&schedule, 2, 3)); /* the last epoch */
    assert_false(schedule_due(&schedule, 0, 0));
    assert_true(schedule_due(&schedule, 0, 3));
}

/* Counts that are known without computing: 100 particles, 75 of them pruned in the end. */
static void test_rounds_of_pruning(void **state)
{
    (void)state;
    struct pruning_spec spec = {.schedule = PRUNING_ITERATIVE,
                                .share = 0.75,
                                .begin = 4,
                                .every = 3,
                                .rounds = 2,
                                .rewind = REWIND_NONE};
    const int64_t rounds[] = {0, 0, 0, 0, 1, 0, 0, 2, 0, 0, 0};
    for (int epoch = 0; epoch <= 10; epoch++) assert_int_equal(pruning_round(&spec, epoch), rounds[epoch]);
    assert_int_equal(pruning_count(&spec, 1, 100), 50); /* 0.5 and 0.25 of them live */
    assert_int_equal(pruning_count(&spec, 2, 100), 75);
    spec.schedule = PRUNING_GRADUAL; /* 1 - (1/2)^3 of the 75: 65.6 */
    assert_int_equal(pruning_count(&spec, 1, 100), 66);
    assert_int_equal(pruning_count(&spec, 2, 100), 75);
    spec.rounds = 3, spec.share = 0.973, spec.schedule = PRUNING_ITERATIVE; /* 0.3, 0.09, 0.027 live */
    assert_int_equal(pruning_count(&spec, 1, 1000), 700);
    assert_int_equal(pruning_count(&spec, 2, 1000), 910);
    assert_int_equal(pruning_count(&spec, 3, 1000), 973);
    spec.rounds = 1, spec.schedule = PRUNING_ONESHOT;
    assert_int_equal(pruning_count(&spec, 1, 1000), 973);
    assert_true(pruning_round(&spec, 4) == 1 && pruning_round(&spec, 7) == 0);
    spec.schedule = PRUNING_NONE;
    assert_int_equal(pruning_round(&spec, 4), 0);
}

/* PyTorch 1.13's rates for a batch each (tests/golden/rates.py): 12 epochs of 3 batches. */
static void known_rates(void **state)
{
    (void)state;
    struct {
        struct rate_spec spec;
        const double *rates;
    } cases[] = {
        {{RATE_CONSTANT, 0, 1, 0}, golden_constant},    {{RATE_COSINE, 0, 1, 0.1}, golden_cosine},
        {{RATE_STEP, 0, 4, 0.5}, golden_step},          {{RATE_CONSTANT, 2, 1, 0}, golden_warmup},
        {{RATE_COSINE, 2, 1, 0}, golden_warmup_cosine},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        struct config config = {.schedule = {.epochs = 12, .batch = 4}, .training = {.self_steps = 5}};
        config.schedule.task_rate = cases[k].spec;
        config.schedule.self_rate.kind = RATE_KIND_SAME;
        struct schedule schedule = schedule_new(&config, 10);
        for (int i = 0; i < 36; i++) {
            struct rates rates = schedule_rates(&schedule, 0, i / 3, i % 3);
            assert_true(fabs((double)rates.task - cases[k].rates[i]) < 1e-7 && rates.self == rates.task);
        }
        schedule.plan.self_rate = schedule.plan.task_rate, schedule.plan.task_rate.kind = RATE_CONSTANT;
        schedule.plan.task_rate.warmup = 0;
        for (int i = 0; i < 36; i++) {
            struct rates rates = schedule_rates(&schedule, 0, i / 3, i % 3);
            assert_true(fabs((double)rates.self - cases[k].rates[i]) < 1e-7 && rates.task == 1);
        }
        const struct rates first = schedule_rates(&schedule, 0, 7, 1),
                           second = schedule_rates(&schedule, 1, 7, 1);
        assert_true(first.self == second.self && first.task == second.task); /* a phase changes no rate */
        const struct rates settling = schedule_rates(&schedule, STAGE_SETTLE, 12, 0);
        assert_true(settling.task == 1 && settling.self == 1);
    }
    /* Steps fall after a warm-up that is no binary fraction: 3 of 10 batches. */
    struct config config = {.schedule = {.epochs = 12, .batch = 4}, .training = {.self_steps = 5}};
    config.schedule.task_rate = (struct rate_spec){RATE_STEP, 0.3, 1, 0.5};
    config.schedule.self_rate.kind = RATE_KIND_SAME;
    const struct schedule schedule = schedule_new(&config, 40);
    for (int i = 3; i < 120; i++)
        assert_true(schedule_rates(&schedule, 0, i / 10, i % 10).task == (float)ldexp(1, -((i - 3) / 10)));
    for (int i = 0; i <= 1000; i++)
        assert_true(fabs(cosine_half(i / 1000.0) - cos(acos(-1) * i / 1000)) < 6e-16);
}

/* The loss is least after epoch 2, but for the last rows. */
static void early_stop(void **state)
{
    (void)state;
    static const double losses[] = {9, 5, 3, 4, (double)NAN, 3, 3.5, 2, 8, 8, 8};
    struct metrics_row rows[11];
    for (int i = 0; i < 11; i++)
        rows[i] = metrics_row_empty(i), rows[i].validation_loss = metrics_measured(losses[i]);
    static const struct {
        int64_t patience, best, epochs;
    } known[] = {{0, -1, 12}, {1, 2, 3}, {2, 2, 4}, {4, 2, 6}, {5, -1, 12}, {3, 2, 5}};
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        struct config config = {.schedule = {.epochs = 12, .batch = 4, .settle = SETTLE_PROJECT}};
        config.schedule.patience = known[k].patience;
        for (int n = 1; n <= 11; n++) { /* the same answer whenever it is asked for */
            struct schedule schedule = schedule_new(&config, 10);
            const bool over = n > known[k].epochs;
            assert_int_equal(schedule_stop_early(&schedule, rows, n), over ? known[k].best : -1);
            assert_int_equal(schedule_epochs(&schedule), over ? known[k].epochs + 1 : 13);
        }
    }
    /* A resume with a patience that would have ended training before goes on to the next look that finds
     * it so; once it settles nothing is left to decide. */
    struct config later = {.schedule = {.epochs = 12, .batch = 4, .settle = SETTLE_PROJECT, .patience = 2}};
    for (int finished = 0; finished < 2; finished++) {
        struct schedule schedule = schedule_new(&later, 10);
        schedule_know(&schedule, &(struct progress){.epoch = 6, .finished = finished});
        assert_int_equal(schedule_stop_early(&schedule, rows, 7), finished ? 2 : -1);
        if (!finished) assert_int_equal(schedule_stop_early(&schedule, rows, 11), 7);
        assert_int_equal(schedule_epochs(&schedule), finished ? 7 : 10);
    }
    for (later.schedule.patience = 0; later.schedule.patience < 3; later.schedule.patience++) {
        struct schedule schedule = schedule_new(&later, 10);
        schedule_know(&schedule, &(struct progress){.stage = STAGE_SETTLE, .epoch = 6, .stage_epoch = 6});
        assert_int_equal(schedule_stop_early(&schedule, rows, 7), -1);
        assert_int_equal(schedule_epochs(&schedule), 6);
    }
    /* Where it is not looked at every epoch, training ends with a look that finds no progress. */
    for (int i = 0; i < 11; i++)
        if (i % 3 != 0) rows[i].validation_loss = (double)NAN;
    static const double looks[] = {9, 5, 6, 4};
    for (int i = 0; i < 4; i++) rows[3 * i].validation_loss = looks[i];
    for (int64_t patience = 1; patience <= 4; patience++) {
        struct config config = {.schedule = {.epochs = 12, .batch = 4, .patience = patience}};
        struct schedule schedule = schedule_new(&config, 10);
        assert_int_equal(schedule_stop_early(&schedule, rows, 11), patience <= 3 ? 3 : -1);
        assert_int_equal(schedule_epochs(&schedule), patience <= 3 ? 6 : 12);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_rates),
        cmocka_unit_test(early_stop),

        cmocka_unit_test(test_batches_cover_the_samples),
        cmocka_unit_test(test_phases_follow_each_other),
        cmocka_unit_test(test_empty_phases),
        cmocka_unit_test(test_until_an_accuracy),
        cmocka_unit_test(test_settling_is_one_more_epoch),
        cmocka_unit_test(test_resume_of_old_files),
        cmocka_unit_test(test_changed_phases),
        cmocka_unit_test(test_what_is_due),
        cmocka_unit_test(test_rounds_of_pruning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
