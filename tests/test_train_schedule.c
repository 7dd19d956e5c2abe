/* The schedule: known plans for small configurations. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "metazoa/train/schedule.h"

static struct schedule plain(void)
{
    return (struct schedule){.plan = {.epochs = 3, .batch = 4}, .self_steps = 5, .samples = 10};
}

static void test_batches_cover_the_samples(void **state)
{
    (void)state;
    const struct schedule schedule = plain();
    assert_int_equal(schedule_epochs(&schedule), 3);
    assert_int_equal(schedule_begin(&schedule), STAGE_BOTH);
    assert_int_equal(schedule_batches(&schedule, STAGE_BOTH), 3);
    int64_t at = 0;
    for (int64_t batch = 0; batch < 3; batch++) {
        const struct step step = schedule_step(&schedule, STAGE_BOTH, batch);
        assert_int_equal(step.begin, at);
        assert_int_equal(step.self_steps, 5);
        assert_true(step.learn);
        at = step.end;
    }
    assert_int_equal(at, 10);
}

static void test_one_task_alone_first(void **state)
{
    (void)state;
    struct schedule schedule = plain();
    schedule.plan.first = FIRST_SELF;
    schedule.plan.first_epochs = 2;
    assert_int_equal(schedule_begin(&schedule), STAGE_FIRST);
    struct step step = schedule_step(&schedule, STAGE_FIRST, 0);
    assert_int_equal(step.self_steps, 5);
    assert_false(step.learn);
    assert_int_equal(schedule_next(&schedule, STAGE_FIRST, 1, NAN), STAGE_FIRST);
    assert_int_equal(schedule_next(&schedule, STAGE_FIRST, 2, NAN), STAGE_BOTH);
    assert_int_equal(schedule_next(&schedule, STAGE_BOTH, 3, NAN), STAGE_BOTH);

    schedule.plan.first = FIRST_TASK;
    step = schedule_step(&schedule, STAGE_FIRST, 2);
    assert_int_equal(step.self_steps, 0);
    assert_true(step.learn);
    assert_int_equal(step.begin, 8);
    assert_int_equal(step.end, 10);
}

static void test_until_an_accuracy(void **state)
{
    (void)state;
    struct schedule schedule = plain();
    schedule.plan.first = FIRST_TASK;
    schedule.plan.first_epochs = 3;
    schedule.plan.first_until_accuracy = 0.5;
    assert_int_equal(schedule_next(&schedule, STAGE_FIRST, 1, 0.49), STAGE_FIRST);
    assert_int_equal(schedule_next(&schedule, STAGE_FIRST, 1, NAN), STAGE_FIRST);
    assert_int_equal(schedule_next(&schedule, STAGE_FIRST, 1, 0.5), STAGE_BOTH);
    /* Once both are trained it stays so, whatever the accuracy does. */
    assert_int_equal(schedule_next(&schedule, STAGE_BOTH, 2, 0.1), STAGE_BOTH);
}

static void test_settling_is_one_more_epoch(void **state)
{
    (void)state;
    struct schedule schedule = plain();
    schedule.plan.settle = SETTLE_PLAIN;
    schedule.plan.settle_steps = 2 * SETTLE_PORTION + 3;
    assert_int_equal(schedule_epochs(&schedule), 4);
    assert_int_equal(schedule_next(&schedule, STAGE_BOTH, 3, NAN), STAGE_SETTLE);
    assert_int_equal(schedule_batches(&schedule, STAGE_SETTLE), 3);
    int steps = 0;
    for (int64_t batch = 0; batch < 3; batch++) {
        const struct step step = schedule_step(&schedule, STAGE_SETTLE, batch);
        assert_false(step.learn);
        steps += step.self_steps;
    }
    assert_int_equal(steps, schedule.plan.settle_steps);
    /* Settling that is asked for when a run has ended already. */
    assert_int_equal(schedule_resume(&schedule, STAGE_BOTH, 3), STAGE_SETTLE);
    assert_int_equal(schedule_resume(&schedule, STAGE_FIRST, 2), STAGE_FIRST);
    schedule.plan.epochs = 0;
    assert_int_equal(schedule_begin(&schedule), STAGE_SETTLE);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batches_cover_the_samples),
        cmocka_unit_test(test_one_task_alone_first),
        cmocka_unit_test(test_until_an_accuracy),
        cmocka_unit_test(test_settling_is_one_more_epoch),
        cmocka_unit_test(test_what_is_due),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
