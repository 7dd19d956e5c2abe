/* Stop requests, limits, the guard against singletons, and what follows from the pace. */
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "metazoa/base/timer.h"
#include "metazoa/train/stop.h"

static void environment_clear(void)
{
    static const char *const names[] = {
        "SLURM_JOB_END_TIME", "SLURM_STEP_ID",        "SLURM_PROCID", "SLURM_STEP_NUM_TASKS",
        "SLURM_NTASKS",       "OMPI_COMM_WORLD_SIZE", "PMI_SIZE"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) unsetenv(names[i]);
}

static void test_limits(void **state)
{
    (void)state;
    environment_clear();
    assert_true(stop_limit(0, 100) == (double)INFINITY);
    assert_true(fabs(stop_limit(0.5, 100) - (1900)) <= 1e-9);
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)time(NULL) + 1000);
    setenv("SLURM_JOB_END_TIME", text, 1);
    assert_true(fabs(stop_limit(0, 100) - (timer_now() + 999.5)) <= 1.5);
    assert_true(fabs(stop_limit(24, timer_now()) - (timer_now() + 999.5)) <= 1.5);
    assert_true(fabs(stop_limit(0.1, timer_now()) - (timer_now() + 360)) <= 1.5);
    setenv("SLURM_JOB_END_TIME", "12345", 1); /* long ago */
    assert_true(stop_limit(0, 100) == (double)INFINITY);
    setenv("SLURM_JOB_END_TIME", "soon", 1);
    assert_true(stop_limit(0, 100) == (double)INFINITY);
    environment_clear();
}

static void test_singletons(void **state)
{
    (void)state;
    environment_clear();
    assert_int_equal(stop_singletons(1), 1);
    /* A batch script of a job of four tasks that calls the program plainly. */
    setenv("SLURM_NTASKS", "4", 1);
    setenv("SLURM_PROCID", "0", 1);
    assert_int_equal(stop_singletons(1), 1);
    /* srun without PMIx: four programs that are alone. */
    setenv("SLURM_STEP_ID", "0", 1);
    setenv("SLURM_STEP_NUM_TASKS", "4", 1);
    assert_int_equal(stop_singletons(1), 4);
    assert_int_equal(stop_singletons(4), 1);
    /* mpirun -n 1 in a job on four nodes: its daemons are the step's tasks. */
    setenv("OMPI_COMM_WORLD_SIZE", "1", 1);
    assert_int_equal(stop_singletons(1), 1);
    environment_clear();
    /* The mpiexec of another MPI. */
    setenv("PMI_SIZE", "3", 1);
    assert_int_equal(stop_singletons(1), 3);
    environment_clear();
}

static void test_requests(void **state)
{
    (void)state;
    const struct pace pace = {.batch = 1, .checkpoint = 2};
    char file[] = "/tmp/metazoa-stop-XXXXXX";
    const int descriptor = mkstemp(file);
    assert_true(descriptor >= 0);
    close(descriptor);
    struct stop stop = {.limit = (double)INFINITY, .n_files = 1, .files = {file}};
    assert_int_equal(stop_look(&stop, &pace, false), REQUEST_NONE);
    assert_int_equal(stop_look(&stop, &pace, true), REQUEST_FILE);
    unlink(file);
    assert_int_equal(stop_look(&stop, &pace, true), REQUEST_FILE); /* for good */
    stop = (struct stop){.limit = (double)INFINITY, .n_files = 1, .files = {file}, .last_look = timer_now()};
    assert_int_equal(stop_look(&stop, &pace, true), REQUEST_NONE); /* not a second look within a second */
    stop.n_files = 0;
    stop.last_save = timer_now() - 10;
    stop.save_every = 5;
    assert_int_equal(stop_look(&stop, &pace, true), REQUEST_SAVE);
    stop.save_every = 1000;
    assert_int_equal(stop_look(&stop, &pace, true), REQUEST_NONE);
    stop.limit = timer_now() + pace_latency(&pace) + 5;
    assert_int_equal(stop_look(&stop, &pace, true), REQUEST_NONE);
    stop.limit = timer_now() + pace_latency(&pace) - 0.01;
    assert_int_equal(stop_look(&stop, &pace, true), REQUEST_LIMIT);
    assert_int_equal(stop_look(&stop, &pace, false), REQUEST_NONE);

    stop_listen();
    raise(SIGUSR1);
    assert_int_equal(stop_look(&stop, &pace, false), REQUEST_SIGNAL + SIGUSR1);
    raise(SIGTERM); /* within a second: the same request */
    assert_int_equal(stop_look(&stop, &pace, true), REQUEST_SIGNAL + SIGUSR1);
    sleep(1);
    raise(SIGTERM);
    assert_int_equal(stop_look(&stop, &pace, false), REQUEST_HURRY + SIGTERM);
    assert_string_equal(stop_reason(REQUEST_SIGNAL + SIGTERM).text, "signal 15 (Terminated)");
    assert_string_equal(stop_reason(REQUEST_HURRY + SIGTERM).text, "second signal 15 (Terminated)");
}

static void test_pace(void **state)
{
    (void)state;
    struct pace pace = pace_new(250e6, 1); /* a guess, until there is a measured time */
    assert_true(fabs(pace_latency(&pace) - (3 * 6 + 5)) <= 1e-12);
    pace = pace_new(250e6, 5); /* that write side by side */
    assert_true(fabs(pace_latency(&pace) - (3 * 2 + 5)) <= 1e-12);
    pace_measure(&pace.batch, 0.5);
    pace_measure(&pace.batch, 0.25);
    pace_measure(&pace.checkpoint, 1);
    pace_measure(&pace.epoch_end, 0.5);
    assert_true(fabs(pace_latency(&pace) - (3 * (2 * 0.5 + 0.5 + 1) + 5)) <= 1e-12);
    assert_int_equal(pace_fits(&pace, 1000), 0); /* nothing known of epochs */
    pace_epoch(&pace, 8);
    pace_epoch(&pace, 12);
    assert_int_equal(pace_fits(&pace, 112.5), 10);
    assert_int_equal(pace_fits(&pace, 112.4), 9);
    assert_int_equal(pace_fits(&pace, 12), 0);
    assert_string_equal(duration_text(3.25).text, "3.25 s");
    assert_string_equal(duration_text(32.25).text, "32.2 s");
    assert_string_equal(duration_text(61.9).text, "1:01 min");
    assert_string_equal(duration_text(7384).text, "2:03:04 h");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_singletons),
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_pace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
