/*
 * What storing does on one rank: old checkpoints go, held folders are refused, a run that lost files can be
 * read as far as it goes, every write may fail.
 */
#include "store_run.h"

#include "metazoa/store/metrics.h"

/* The newest checkpoint is damaged: the one before it is used. All are: nothing is. */
static void test_fall_back(void **state)
{
    (void)state;
    char *run = in(root, "fall"), *newest = in(run, "checkpoint-4.h5"), *older = in(run, "checkpoint-3.h5");
    make_run(run, 4, 3, 2, 1);
    spill(newest, (const unsigned char *)"no", 2);
    struct subject subject;
    struct progress progress = {0};
    struct problems problems = {0};
    subject_new(&subject, MOMENTUM_SEPARATE);
    char *path = checkpoint_read_newest(&subject.organism, &progress, run, &problems);
    assert_string_equal(path, older);
    assert_int_equal(problems.n, 0);
    assert_int_equal(progress.epoch, 3);
    assert_int_equal(progress.n_rows, 4);
    assert_true(progress.rows[3].fingerprint == organism_fingerprint(&subject.organism));
    assert_true(progress.rows[3].task_loss == 0.25);
    assert_true(isnan(progress.rows[3].test_score) && progress.rows[3].census[0] == -1);
    memory_free(path);
    char *text = checkpoint_config(run, world, &problems);
    assert_string_equal(text, config);
    memory_free(text);
    spill(older, (const unsigned char *)"no", 2);
    assert_null(checkpoint_read_newest(&subject.organism, &progress, run, &problems));
    assert_int_equal(problems.n, 1);
    assert_int_equal(problems.code, EXIT_INPUT);
    assert_non_null(strstr(problems.text[0], "none of its 2 checkpoints"));
    problems_free(&problems);
    progress_free(&progress);
    subject_free(&subject);
    memory_free(run), memory_free(newest), memory_free(older);
}

static bool is_there(const char *run, const char *name)
{
    char *path = in(run, name);
    const bool there = access(path, F_OK) == 0;
    memory_free(path);
    return there;
}

/* What verify says of a run: whether it is sound, and both texts. */
static void expect_verdict(const char *run, bool sound, const char *one, const char *two)
{
    bool found;
    char *text = verdict(run, &found);
    if (found != sound || !strstr(text, one) || !strstr(text, two)) fail_msg("%s", text);
    free(text);
}

static void test_keep(void **state)
{
    (void)state;
    char *run = in(root, "keep");
    struct subject subject;
    struct progress progress = {0};
    make_run(run, 9, 3, 2, 1);
    assert_true(is_there(run, "checkpoint-9.h5") && is_there(run, "checkpoint-6.h5"));
    assert_false(is_there(run, "checkpoint-3.h5") || is_there(run, "checkpoint-0.h5"));
    /* One inside an epoch counts, but does not push out those of whole multiples. */
    subject_new(&subject, MOMENTUM_SEPARATE);
    progress.epoch = 10, progress.batch = 3;
    checkpoint_write(run, &subject.organism, &progress, config, 3, 3, NULL);
    progress.batch = 5;
    checkpoint_write(run, &subject.organism, &progress, config, 3, 3, NULL);
    assert_true(is_there(run, "checkpoint-10-5.h5") && is_there(run, "checkpoint-9.h5") &&
                is_there(run, "checkpoint-6.h5"));
    assert_false(is_there(run, "checkpoint-10-3.h5"));
    expect_verdict(run, true, "checkpoint-10-5.h5: ok: checkpoint, epoch 10, batch 5",
                   "from checkpoint-10-5.h5");
    /* Those from beyond a new one go; a finished run keeps no odd ones. */
    progress.epoch = 10, progress.batch = 0, progress.finished = true;
    checkpoint_write(run, &subject.organism, &progress, config, 3, 3, NULL);
    assert_true(is_there(run, "checkpoint-10.h5") && is_there(run, "checkpoint-9.h5"));
    assert_false(is_there(run, "checkpoint-10-5.h5"));
    int64_t n;
    char **list = checkpoint_list(run, world, &n);
    assert_int_equal(n, 3);
    assert_non_null(strstr(list[0], "checkpoint-10.h5"));
    checkpoint_list_free(list, n);
    subject_free(&subject);
    memory_free(run);
}

static void test_lock(void **state)
{
    (void)state;
    char *run = memory_print("%s/lock/deep/er", root);
    struct lock first = {0}, second = {0};
    struct problems problems = {0};
    lock_take(&first, run, false, world, &problems);
    assert_int_equal(problems.n, 0);
    lock_take(&second, run, false, world, &problems);
    assert_int_equal(problems.n, 1);
    assert_int_equal(problems.code, EXIT_USAGE);
    char mine[64];
    snprintf(mine, sizeof mine, "process %ld", (long)getpid());
    assert_non_null(strstr(problems.text[0], "another job works in this folder"));
    assert_non_null(strstr(problems.text[0], mine));
    lock_release(&second, world);
    lock_release(&first, world);
    text_write(run, "config.yaml", config, world);
    lock_take(&first, run, false, world, &problems);
    assert_int_equal(problems.n, 2);
    assert_non_null(strstr(problems.text[1], "holds a run already"));
    lock_release(&first, world);
    lock_take(&first, run, true, world, &problems);
    assert_int_equal(problems.n, 2);
    lock_release(&first, world);
    problems_free(&problems);
    memory_free(run);
}

/* Where no lock can be written, the folder is refused, with the place and the reason. */
static void test_no_lock(void **state)
{
    (void)state;
    static const struct {
        const char *run, *said;
    } cases[] = {{"file/below", "file/below: cannot be made or written: Not a directory"},
                 {"holds-folder", "holds-folder/.lock: cannot be written: Is a directory"},
                 {"holds-device", "holds-device/.lock: cannot be written: Invalid argument"}};
    char *file = in(root, "file"), *folder = in(root, "holds-folder"), *device = in(root, "holds-device");
    char *lock = in(folder, ".lock"), *link = in(device, ".lock");
    spill(file, (const unsigned char *)"no", 2);
    folder_make(folder), folder_make(lock), folder_make(device);
    assert_int_equal(symlink("/dev/full", link), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *run = in(root, cases[i].run);
        struct lock held = {0};
        struct problems problems = {0};
        lock_take(&held, run, false, world, &problems);
        assert_int_equal(problems.n, 1);
        assert_int_equal(problems.code, EXIT_USAGE);
        if (!strstr(problems.text[0], cases[i].said)) fail_msg("%s", problems.text[0]);
        lock_release(&held, world);
        problems_free(&problems);
        memory_free(run);
    }
    memory_free(file), memory_free(folder), memory_free(device), memory_free(lock), memory_free(link);
}

/* A file of one run to the place of the same name of another one. */
static void carry(const char *from, const char *to, const char *name)
{
    char *source = in(from, name), *target = in(to, name);
    int64_t n;
    unsigned char *bytes = slurp(source, &n);
    spill(target, bytes, n);
    memory_free(bytes), memory_free(source), memory_free(target);
}

/* Segments that a job wrote which died before its checkpoint are no damage, also if one of them is
 * missing: a resume takes the records that the newest checkpoint counts on. */
static void test_beyond(void **state)
{
    (void)state;
    char *run = in(root, "beyond"), *longer = in(root, "longer"),
         *four = in(run, "archive/segment-000004.h5");
    make_run(run, 3, 3, 9, 1), make_run(longer, 6, 3, 9, 1);
    carry(longer, run, "archive/segment-000004.h5"), carry(longer, run, "archive/segment-000006.h5");
    expect_verdict(run, true, "the archive has records from after the newest checkpoint",
                   "7 records of the archive");
    assert_int_equal(unlink(four), 0);
    expect_verdict(run, true, "segment-000006.h5: from after the newest checkpoint",
                   "4 records of the archive");
    for (int small = 0; small < 2; small++) { /* also if the files of what comes are to be smaller */
        const struct archive_spec spec = {.trajectory_every = 1, .fraction = 1, .segment_bytes = small};
        struct subject subject;
        struct problems problems = {0};
        struct progress progress = {0};
        subject_new(&subject, MOMENTUM_SEPARATE);
        memory_free(checkpoint_read_newest(&subject.organism, &progress, run, &problems));
        struct archive *archive = archive_open(run, &spec, &subject.organism, config);
        archive_rewind(archive, &progress);
        assert_int_equal(archive_records(archive), 4);
        archive_free(archive);
        progress_free(&progress);
        subject_free(&subject);
        expect_verdict(run, true, "sound", "4 records of the archive, to epoch 3");
    }
    memory_free(run), memory_free(longer), memory_free(four);
}

/* Verify says what is left of a run: no training without a sound checkpoint, nothing without records. */
static void test_wrecked(void **state)
{
    (void)state;
    static const char *const names[] = {"checkpoint-3.h5", "archive/segment-000004.h5",
                                        "archive/segment-000000.h5"};
    static const char *const left[] = {
        "no training (no sound checkpoint); 5 records of the archive, to epoch 4",
        "no training (no sound checkpoint); 4 records of the archive, to epoch 3",
        "nothing can be recovered: no sound checkpoint, no sound record"};
    char *run = in(root, "wrecked"), *last = in(run, "checkpoint-4.h5"), *none = in(run, "checkpoint-0.h5");
    make_run(run, 4, 3, 2, 1);
    spill(last, (const unsigned char *)"no", 2);
    unlink(none);
    for (int i = 0; i < 3; i++) {
        char *path = in(run, names[i]), *damaged = memory_print("%s: DAMAGED", names[i]);
        spill(path, (const unsigned char *)"no", 2);
        expect_verdict(run, false, damaged, left[i]);
        memory_free(path), memory_free(damaged);
    }
    memory_free(run), memory_free(last), memory_free(none);
}

/* archive.h5 is read as a reader does: a segment that is there, but holds other records, is found there, too. */
static void test_other_segment(void **state)
{
    (void)state;
    char *run = in(root, "other"), *first = in(run, "archive/segment-000000.h5"),
         *last = in(run, "archive/segment-000008.h5");
    bool sound;
    make_run(run, 9, 3, 2, 1);
    int64_t bytes;
    unsigned char *contents = slurp(last, &bytes);
    file_write(first, contents, bytes);
    char *text = verdict(run, &sound);
    assert_false(sound);
    assert_non_null(strstr(text, "archive.h5: DAMAGED"));
    free(text);
    memory_free(contents), memory_free(run), memory_free(first), memory_free(last);
}

/* A run that lost a segment: named, and what is left is said. A resume keeps what is left, and begins a new
 * archive; records that are not of this run count as lost. */
static void test_lost_segment(void **state)
{
    (void)state;
    char *run = in(root, "lost"), *segment = in(run, "archive/segment-000000.h5"),
         *aside = in(root, "aside.h5");
    bool sound;
    make_run(run, 9, 3, 2, 1);
    assert_int_equal(rename(segment, aside), 0);
    char *text = verdict(run, &sound);
    assert_false(sound);
    assert_non_null(
        strstr(text, "segment-000008.h5: DAMAGED: begins with record 8, but 0 records come before it"));
    assert_non_null(strstr(text, "its part"));
    assert_non_null(strstr(text, "train --resume begins a new archive"));
    assert_non_null(strstr(text, "recoverable: training, by train --resume from checkpoint-9.h5"));
    free(text);
    assert_true(archive_contents(run) == 0);
    assert_int_equal(rename(aside, segment), 0);
    text = verdict(run, &sound);
    assert_true(sound);
    free(text);

    const struct archive_spec spec = {.trajectory_every = 1, .fraction = 1};
    const char *const left[] = {"archive-lost/archive/segment-000008.h5", "archive-lost-2/archive.h5"};
    for (int i = 0; i < 2; i++) {
        struct subject subject;
        struct problems problems = {0};
        struct progress progress = {0};
        subject_new(&subject, MOMENTUM_SEPARATE);
        memory_free(checkpoint_read_newest(&subject.organism, &progress, run, &problems));
        assert_int_equal(progress.records, i == 0 ? 10 : 1);
        if (i == 0) assert_int_equal(rename(segment, aside), 0);
        if (i == 1) progress.rows[progress.n_rows - 1].fingerprint++; /* as another run's would be */
        struct archive *archive = archive_open(run, &spec, &subject.organism, config);
        archive_rewind(archive, &progress);
        assert_int_equal(archive_records(archive), 0);
        struct metrics_row row = metrics_row_empty(++progress.epoch);
        row.fingerprint = organism_fingerprint(&subject.organism);
        progress_add(&progress, &row);
        archive_record(archive, NULL, &row);
        checkpoint_write(run, &subject.organism, &progress, config, 3, 1, archive);
        archive_free(archive);
        text = verdict(run, &sound);
        assert_true(sound);
        assert_non_null(strstr(text, "; 1 records of the archive, to epoch 1"));
        free(text);
        char *kept = in(run, left[i]);
        assert_true(file_exists(kept));
        memory_free(kept);
        progress_free(&progress);
        subject_free(&subject);
    }
    memory_free(run), memory_free(segment), memory_free(aside);
}

/* The n-th operation fails or the process dies there, for every n, in the background for every other one:
 * the older checkpoint is sound afterwards, the program said why. */
static void test_faults(void **state)
{
    (void)state;
    for (int kill = 0; kill < 2; kill++)
        for (int n = 1, more = 1; more; n += (int)number("FAULT_STEP", 401)) {
            char *run = memory_print("%s/fault-%d-%d", root, kill, n), *messages = in(root, "messages"),
                 at[16];
            snprintf(at, sizeof at, "%d", n);
            fflush(NULL);
            pid_t pid = fork();
            if (pid == 0) {
                if (!freopen(messages, "w", stderr)) _exit(9);
                error_set_job(-1, NULL);
                fault_set(kill ? 0 : n, kill ? n : 0);
                commit_background(n % 2 == 0);
                make_run(run, 4, 2, 2, 1);
                commit_background(false);
                _exit(0);
            }
            int status;
            waitpid(pid, &status, 0);
            more = !(WIFEXITED(status) && WEXITSTATUS(status) == 0);
            if (more && kill) assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
            if (more && !kill) {
                int64_t bytes;
                unsigned char *text = slurp(messages, &bytes);
                if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_FAILED || bytes < 20)
                    fail_msg("n %d: status %x: %s", n, status, (char *)text);
                memory_free(text);
            }
            /* Whatever is there: no damaged checkpoint, and its archive is complete. */
            struct problems problems = {0};
            struct progress progress = {0};
            struct subject subject;
            const struct archive_spec spec = {.trajectory_every = 1, .fraction = 1};
            subject_new(&subject, MOMENTUM_SEPARATE);
            char *path = checkpoint_read_newest(&subject.organism, &progress, run, &problems);
            assert_int_equal(problems.n, 0);
            if (!more) assert_int_equal(progress.epoch, 4);
            if (path) {
                struct archive *archive = archive_open(run, &spec, &subject.organism, config);
                assert_int_equal(progress.records, progress.epoch + 1);
                archive_rewind(archive, &progress);
                if (archive_records(archive) != progress.records) fail_msg("n %d: records are lost", n);
                archive_free(archive);
                bool sound;
                char *text = verdict(run, &sound);
                if (!sound) fail_msg("n %d: %s", n, text);
                free(text);
            }
            if (!more) printf("%s: %d operations\n", kill ? "kills" : "failures", n);
            memory_free(path);
            progress_free(&progress);
            subject_free(&subject);
            memory_free(run), memory_free(messages);
        }
}

/* A checkpoint's files are brought to the disk by a thread, run.json among them, when training ends early
 * and says so there. */
static void test_provenance(void **state)
{
    (void)state;
    char *path = in(root, "run.json"), *absent = in(root, "absent");
    file_write(path, "{}\n", 3);
    commit_background(true);
    commit_begin();
    for (int i = 0; i < 30000; i++) file_remove(absent);
    provenance_put(root, "checkpoint_seconds", 2, world);
    commit_end();
    provenance_put(root, "epochs", 23, world);
    commit_background(false);
    assert_int_equal(provenance_number(root, "checkpoint_seconds", world), 2);
    assert_int_equal(provenance_number(root, "epochs", world), 23);
    memory_free(path), memory_free(absent);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fall_back),    cmocka_unit_test(test_keep),
        cmocka_unit_test(test_lock),         cmocka_unit_test(test_no_lock),
        cmocka_unit_test(test_beyond),       cmocka_unit_test(test_wrecked),
        cmocka_unit_test(test_lost_segment), cmocka_unit_test(test_other_segment),
        cmocka_unit_test(test_provenance),   cmocka_unit_test(test_faults)};
    if (!tests_begin(argc, argv)) return 1;
    return tests_end(cmocka_run_group_tests(tests, NULL, NULL));
}
