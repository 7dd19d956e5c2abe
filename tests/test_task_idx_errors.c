/* Every way in which files in the MNIST format can be wrong has its message. */
#include "idx_tasks.h"

/* One damage to one file, and what the message has to say. */
static const struct damage {
    int file;
    int at, value;        /* byte that is replaced, at >= 0 */
    int grow;             /* bytes more, or fewer; GONE: no such file */
    const char *expected; /* after the file's name */
} damages[] = {
    {0, 3, 1, 0,
     "byte 0: expected the magic number 0x00000803 (unsigned bytes, dimensions: 3), found 0x00000801"},
    {0, 2, 0xd, 0,
     "byte 0: expected the magic number 0x00000803 (unsigned bytes, dimensions: 3), found 0x00000d03"},
    {1, 0, 9, 0,
     "byte 0: expected the magic number 0x00000801 (unsigned bytes, dimensions: 1), found 0x09000801"},
    {0, 7, 0, 0, "byte 4: expected at least 1 as the number of items, found 0"},
    {2, 11, 0, 0, "byte 8: expected at least 1 as the number of rows, found 0"},
    {2, 15, 0, 0, "byte 12: expected at least 1 as the number of columns, found 0"},
    {0, -1, 0, -1,
     "expected 2347 bytes by its header (37 images of 9 x 7), found 2346: the file is truncated"},
    {0, -1, 0, 1, "expected 2347 bytes by its header (37 images of 9 x 7), found more from byte 2347 on"},
    {0, -1, 0, -2347, "ends at byte 0; expected bytes 0 to 3, the magic number"},
    {0, -1, 0, -2340, "ends at byte 7; expected bytes 4 to 15, the header"},
    {1, -1, 0, -1, "ends at byte 44; expected bytes 8 to 44, the labels"},
    {3, -1, 0, 1, "expected 19 bytes by its header (11 labels), found more from byte 19 on"},
    {1, 7, TRAIN - 1, 0, "byte 4: expected 37 labels, one for each image in "},
    {2, 7, TEST + 1, 0, NULL}, /* the labels' message names the images' file */
    {2, 11, ROWS + 1, TEST *COLUMNS, "byte 8: expected images of 9 x 7, as in "},
    {3, 10, IDX_CLASSES, 0, "byte 10: expected a label from 0 to 6, as in the training labels, found 7"},
    {0, 8, 255, 0, "byte 8: expected images of at most 16777216 pixels, found 4278190089 x 7"},
#define GONE 1000000
    {3, -1, 0, GONE, "no such file, nor with .gz at its end"},
};

static struct problems open_problems(struct task_spec spec)
{
    struct task task;
    struct problems problems = {0};
    int64_t held = memory_held();
    task_open(&task, &spec, world, &problems);
    int64_t messages = memory_held() - held;
    task_free(&task);
    assert_true(messages < 8192 && memory_held() == held + messages); /* nothing but the messages is left */
    return problems;
}

static void malformed(bool gzip)
{
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        const struct damage *d = &damages[i];
        struct idx_files files = idx_files_new(TRAIN, TEST, ROWS, COLUMNS);
        struct bytes *file = &files.file[d->file];
        if (d->grow != GONE) {
            size_t before = file->n;
            file->n = (size_t)((int64_t)file->n + d->grow);
            file->data = realloc(file->data, file->n + 1);
            if (file->n > before) memset(file->data + before, 0, file->n - before);
        }
        if (d->at >= 0) file->data[d->at] = (uint8_t)d->value;
        folder_clear(folder, false);
        idx_files_put(&files, folder, gzip);
        char path[512], expected[1024];
        snprintf(path, sizeof path, "%s/%s%s", folder, idx_names[d->file], gzip ? ".gz" : "");
        if (d->grow == GONE) unlink(path), path[strlen(path) - (gzip ? 3 : 0)] = 0;
        struct problems problems = open_problems(spec_new(5, 5, 0));
        if (problems.n != 1) problems_print(&problems, stderr);
        assert_int_equal(problems.n, 1);
        assert_int_equal(problems.code, EXIT_INPUT);
        snprintf(expected, sizeof expected, "%s: %s", path, d->expected ? d->expected : "");
        const char *text = problems.text[0];
        if (d->expected ? strncmp(text, expected, strlen(expected)) : !strstr(text, path))
            fail_msg("damage %zu: \"%s\" does not begin with \"%s\"", i, text, expected);
        problems_free(&problems);
        idx_files_free(&files);
    }
}

static void malformed_plain(void **state)
{
    (void)state;
    malformed(false);
}

static void malformed_gzip(void **state)
{
    (void)state;
    malformed(true);
}

/* The gzip stream itself: cut off, and with a wrong check sum. */
static void damaged_gzip(void **state)
{
    (void)state;
    for (int cut = 0; cut < 2; cut++) {
        put_good_files(true);
        char path[512];
        snprintf(path, sizeof path, "%s/%s.gz", folder, idx_names[0]);
        FILE *file = fopen(path, "r+b");
        fseek(file, 0, SEEK_END);
        long n = ftell(file);
        if (cut)
            assert_int_equal(ftruncate(fileno(file), n / 2), 0);
        else {
            fseek(file, n - 8, SEEK_SET);
            int c = fgetc(file);
            fseek(file, n - 8, SEEK_SET);
            fputc(c ^ 1, file);
        }
        fclose(file);
        struct problems problems = open_problems(spec_new(5, 5, 0));
        assert_int_equal(problems.n, 1);
        assert_int_equal(problems.code, EXIT_INPUT);
        assert_non_null(strstr(problems.text[0], path));
        assert_non_null(strstr(problems.text[0], "damaged or truncated gzip data"));
        problems_free(&problems);
    }
}

/* A header that claims 2^56 bytes takes no memory. */
static void great_claims(void **state)
{
    (void)state;
    put_good_files(false);
    struct bytes huge = idx_bytes(3, (uint32_t[]){1, 1, 1}, (uint8_t[]){1});
    memset(huge.data + 4, 255, 4);
    memcpy(huge.data + 8, (uint8_t[]){0, 0, 16, 0, 0, 0, 16, 0}, 8);
    uint8_t labels[8] = {0, 0, 8, 1, 255, 255, 255, 255};
    file_put(folder, idx_names[0], huge.data, huge.n, false);
    file_put(folder, idx_names[1], labels, 8, false);
    bytes_free(&huge);
    struct problems problems = open_problems(spec_new(0, 0, 0));
    assert_int_equal(problems.code, EXIT_INPUT);
    assert_non_null(strstr(problems.text[0], "expected 72057594021150736 bytes by its header"));
    problems_free(&problems);
}

static void no_folder_and_no_file(void **state)
{
    (void)state;
    struct task_spec spec = spec_new(0, 0, 0);
    spec.path = "/nonexistent/mnist";
    struct problems problems = open_problems(spec);
    assert_int_equal(problems.n, 1);
    assert_int_equal(problems.code, EXIT_INPUT);
    assert_non_null(strstr(problems.text[0], "/nonexistent/mnist: no such folder"));
    assert_non_null(strstr(problems.text[0], "make data"));
    problems_free(&problems);
    /* A pipe, which would keep a reader waiting. */
    put_good_files(false);
    char path[512], command[600];
    folder_path(path, folder, idx_names[3]);
    unlink(path);
    snprintf(command, sizeof command, "mkfifo %s", path);
    assert_int_equal(system(command), 0);
    problems = open_problems(spec_new(0, 0, 0));
    assert_int_equal(problems.n, 1);
    assert_non_null(strstr(problems.text[0], "t10k-labels-idx1-ubyte is something else"));
    problems_free(&problems);
}

static void put_empty(const char *path)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
}

/* A folder or a dangling link of the first name, as some archives of MNIST unpack, or an empty file, as a
 * failed download leaves, does not hide the good file. */
static void first_regular_file(void **state)
{
    (void)state;
    char path[512], dotted[512];
    put_good_files(false);
    for (int i = 0; i < IDX_FILES; i++) {
        folder_path(path, folder, idx_names[i]);
        folder_path(dotted, folder, idx_names[i]);
        *(strstr(dotted, "-idx")) = '.';
        assert_int_equal(rename(path, dotted), 0);
        if (i == 0)
            put_empty(path);
        else
            assert_int_equal(i % 2 ? mkdir(path, 0777) : symlink("/nowhere", path), 0);
    }
    struct problems problems = open_problems(spec_new(0, 0, 0));
    problems_print(&problems, stderr);
    assert_int_equal(problems.n, 0);
    assert_int_equal(unlink(dotted), 0); /* now the last one is a folder only */
    problems = open_problems(spec_new(0, 0, 0));
    assert_int_equal(problems.n, 1);
    assert_non_null(strstr(problems.text[0], "t10k-labels-idx1-ubyte is a folder"));
    problems_free(&problems);
    for (int i = 0; i < IDX_FILES; i++) {
        folder_path(path, folder, idx_names[i]);
        assert_int_equal(remove(path), 0);
    }
    folder_clear(folder, false);
}

/* What a server sent in place of a file hides the good one neither; two good ones that differ are both named. */
static void two_of_a_name(void **state)
{
    (void)state;
    put_good_files(false);
    struct idx_files files = idx_files_new(TRAIN, TEST, ROWS, COLUMNS);
    char gz[64], path[512];
    for (int i = 0; i < IDX_FILES; i++) {
        snprintf(gz, sizeof gz, "%s.gz", idx_names[i]);
        folder_path(path, folder, gz);
        file_put(folder, gz, files.file[i].data, files.file[i].n, i % 2);
        struct problems problems = open_problems(spec_new(0, 0, 0));
        assert_int_equal(problems.n, 0);
        files.file[i].data[files.file[i].n - 1] ^= 1;
        file_put(folder, gz, files.file[i].data, files.file[i].n, true);
        files.file[i].data[files.file[i].n - 1] ^= 1;
        problems = open_problems(spec_new(0, 0, 0));
        assert_int_equal(problems.n, 1);
        assert_int_equal(problems.code, EXIT_INPUT);
        assert_non_null(strstr(problems.text[0], idx_names[i]));
        assert_non_null(strstr(problems.text[0], gz));
        problems_free(&problems);
        file_put(folder, gz, files.file[i].data, files.file[i].n, true);
        file_put(folder, idx_names[i], "<html>404</html>", 16, false);
        problems = open_problems(spec_new(0, 0, 0));
        assert_int_equal(problems.n, 0);
    }
    idx_files_free(&files);
    folder_clear(folder, false);
}

/* Files that change between the two looks at them. */
static void changed_meanwhile(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        put_good_files(false);
        struct task_spec spec = spec_new(0, 0, 0);
        struct task task;
        struct problems problems = {0};
        task_open(&task, &spec, world, &problems);
        assert_int_equal(problems.n, 0);
        struct idx_files other = idx_files_new(TRAIN, TEST, ROWS + (i == 0), COLUMNS);
        if (i == 1) other.file[0].n -= 1;
        if (i == 2) other.file[1].data[20] = IDX_CLASSES;
        idx_files_put(&other, folder, false);
        idx_files_free(&other);
        task_load(&task, 0, task.inputs, world, &problems);
        assert_true(problems.n >= 1);
        assert_int_equal(problems.code, EXIT_INPUT);
        problems_free(&problems);
        task_free(&task);
    }
}

/* Inputs beyond what an organism can have. */
static void too_many_inputs(void **state)
{
    (void)state;
    put_good_files(false);
    struct problems problems = open_problems(spec_new(32768, 32768, 0));
    assert_int_equal(problems.n, 1);
    assert_int_equal(problems.code, EXIT_USAGE);
    problems_free(&problems);
}

TASK_TESTS(cmocka_unit_test(malformed_plain), cmocka_unit_test(malformed_gzip),
           cmocka_unit_test(damaged_gzip), cmocka_unit_test(great_claims),
           cmocka_unit_test(no_folder_and_no_file), cmocka_unit_test(first_regular_file),
           cmocka_unit_test(two_of_a_name), cmocka_unit_test(changed_meanwhile),
           cmocka_unit_test(too_many_inputs))
