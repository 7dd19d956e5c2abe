/* Memory that grows; hashes of rows; words for a shell; what a guard says of its child; steps that the
 * file system refuses. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "metazoa/base/commit.h"
#include "metazoa/base/file.h"
#include "metazoa/base/guard.h"
#include "metazoa/base/hash.h"
#include "metazoa/base/launcher.h"
#include "metazoa/base/memory.h"
#include "metazoa/base/percent.h"
#include "metazoa/base/spread.h"

/* What was in an array stays, what is new is zero, and there are few moves. */
static void growing(void **state)
{
    (void)state;
    const int64_t held = memory_held();
    int32_t *array = NULL;
    int moves = 0;
    for (int32_t n = 0; n < 100000; n++) {
        int32_t *more = memory_grow(array, n + 1, sizeof *array);
        moves += more != array;
        array = more;
        assert_int_equal((uintptr_t)array % 64, 0);
        assert_int_equal(array[n], 0);
        array[n] = n + 1;
    }
    for (int32_t n = 0; n < 100000; n++) assert_int_equal(array[n], n + 1);
    assert_true(moves < 20);
    assert_ptr_equal(memory_grow(array, 1, sizeof *array), array);
    memory_free(array);
    assert_int_equal(memory_held(), held);
    assert_null(memory_grow(NULL, 0, 8));
    char(*odd)[48] = memory_grow(NULL, 3, sizeof *odd); /* a size that does not divide a line of 64 bytes */
    odd[2][47] = 'x';
    odd = memory_grow(odd, 1000, sizeof *odd);
    assert_int_equal(odd[2][47], 'x');
    assert_int_equal(odd[999][47], 0);
    memory_free(odd);
    assert_int_equal(memory_held(), held);
}

/* A share is never rounded to none or all. */
static void percents(void **state)
{
    (void)state;
    static const struct {
        double share;
        int decimals;
        const char *text;
    } cases[] = {{0, 1, "0.0 %"},         {0.0001, 1, "0.01 %"},    {0.3111, 1, "31.1 %"},
                 {0.9996, 1, "99.96 %"},  {0.99999, 1, "99.999 %"}, {1, 1, "100.0 %"},
                 {0.996, 0, "99.6 %"},    {0.004, 0, "0.4 %"},      {0.006, 0, "1 %"},
                 {(double)NAN, 0, "- %"}, {1, 0, "100 %"},          {0, 0, "0 %"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(percent_text(cases[i].share, cases[i].decimals).text, cases[i].text);
}

/* Quantiles beside infinite values. */
static void quantiles(void **state)
{
    (void)state;
    const double values[] = {1, 2, INFINITY, INFINITY};
    assert_true(spread_quantile(3, values, 0.5) == 2 && spread_quantile(2, values, 0.5) == 1.5);
    assert_true(isinf(spread_quantile(4, values, 0.5)) && isinf(spread_quantile(4, values, 0.9)));
    assert_true(isnan(spread_quantile(0, values, 0.5)));
}

/* The hash of rows is the sum of those of each row, and of a known value: files hold it. */
static void rows_of_all_lengths(void **state)
{
    (void)state;
    unsigned char bytes[70 * 200];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (unsigned char)(i * i + 7 * i);
    for (size_t length = 1; length <= 200; length++)
        for (int64_t n = 0; n <= 70; n++) { /* whole groups, and rows beside them */
            uint64_t sum = 0;
            for (int64_t i = 0; i < n; i++)
                sum += hash_bytes(bytes + (size_t)i * length, length, 1000 + (uint64_t)i);
            assert_true(hash_rows(bytes, n, length, 1000) == sum);
        }
    assert_true(hash_rows(bytes, 11, 40, 0) == 0xc572f93a5b553e9au);
}

/* A shell reads a quoted word as it was. */
static void words_of_a_command(void **state)
{
    (void)state;
    static const char *const words[] = {"runs/a-1_b.h5", "",  "a b",  "o ;`ls` %s", "it's", "''",
                                        "\"$HOME\"",     "~", "a\nb", "*"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        char *quoted = command_word(words[i]), *command = memory_print("printf %%s %s", quoted),
             read[64] = "";
        FILE *shell = popen(command, "r");
        assert_non_null(shell);
        read[fread(read, 1, sizeof read - 1, shell)] = 0;
        assert_int_equal(pclose(shell), 0);
        assert_string_equal(read, words[i]);
        memory_free(command), memory_free(quoted);
    }
}

/* What the guarded function does, by `context`. */
static bool guarded(void *context, FILE *out)
{
    const char *what = context;
    fprintf(out, "to %s", what);
    fflush(out);
    if (strcmp(what, "crash") == 0) raise(SIGSEGV);
    if (strcmp(what, "die") == 0) raise(SIGKILL);
    if (strcmp(what, "give up") == 0) fatal("it cannot be done");
    while (strcmp(what, "be silent") == 0) pause();
    return strcmp(what, "succeed") == 0;
}

/* Whatever happens to the child, the caller has what it printed, a code and a reason. Without a child, the
 * function's own answer. */
static void guards(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        enum exit_code code;
        const char *reason, *more; /* more: what else is printed */
    } cases[] = {{"succeed", EXIT_DONE, "", ""},
                 {"fail", EXIT_INPUT, "", ""},
                 {"crash", EXIT_INPUT, "damaged: the HDF5 library crashes on it (signal 11)", ""},
                 {"die", EXIT_FAILED, "the process that read it was killed: too little memory?", ""},
                 {"be silent", EXIT_INPUT, "damaged: reading it does not end", ""},
                 {"give up", EXIT_FAILED, "the process that read it failed", "it cannot be done"}};
    for (size_t i = 0; i < 2 + sizeof cases / sizeof *cases; i++) {
        const bool here = i >= sizeof cases / sizeof *cases; /* the first two once more */
        const size_t k = i % (sizeof cases / sizeof *cases);
        char reason[128], text[512] = "", begin[32];
        FILE *out = fmemopen(text, sizeof text - 1, "w");
        if (here) setenv("METAZOA_GUARD", "off", 1);
        assert_int_equal(guard_run(guarded, (char *)(uintptr_t)cases[k].what, out, 0.3, reason),
                         cases[k].code);
        fclose(out);
        assert_string_equal(reason, cases[k].reason);
        snprintf(begin, sizeof begin, "to %s", cases[k].what);
        assert_memory_equal(text, begin, strlen(begin));
        assert_non_null(strstr(text, cases[k].more));
    }
    unsetenv("METAZOA_GUARD");
}

static bool any_name(const char *name)
{
    return *name != 0;
}

/* A step that the file system refuses, in the guarded child; the folder is the current one. */
static bool refused(void *context, FILE *out)
{
    switch (*(const char *)context) {
    case 's':
        file_sync("missing");
        break;
    case 'r':
        file_replace("missing", "name");
        break;
    case 'd':
        file_remove("folder");
        break;
    case 'm':
        folder_make("file/below");
        break;
    case 'o':
        file_write("missing/file", "text", 4);
        break;
    case 'w':
        file_write("full", "text", 4);
        break;
    case 'v':
        folder_names("loop", any_name);
        break;
    case 'f':
        folder_names("missing", any_name); /* empty, as is what is no folder */
        folder_names("file", any_name);
        fatal("they are empty");
    }
    fprintf(out, "it was done");
    return true;
}

/* Each ends the process with the place and the reason. */
static void refusals(void **state)
{
    (void)state;
    static const char *const said[] = {
        "sync: missing: cannot be brought to the disk: No such file or directory",
        "rename: missing: cannot be renamed to name: No such file or directory",
        "drop: folder: cannot be removed: Is a directory",
        "make: file/below: the folder cannot be made: Not a directory",
        "open: missing/file.tmp: cannot be made: No such file or directory",
        "write: full.tmp: cannot be written: No space left on device",
        "visit: loop: the folder cannot be read: Too many levels of symbolic links",
        "folderless: they are empty"};
    char root[] = "/tmp/metazoa-base-XXXXXX", here[4096];
    assert_true(mkdtemp(root) && getcwd(here, sizeof here) && chdir(root) == 0);
    folder_make("folder");
    file_write("file", "text", 4);
    assert_int_equal(symlink("/dev/full", "full.tmp"), 0);
    assert_int_equal(symlink("loop", "loop"), 0);
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        char reason[128], text[1024] = "";
        FILE *out = fmemopen(text, sizeof text - 1, "w");
        assert_int_equal(guard_run(refused, (char *)(uintptr_t)said[i], out, 60, reason), EXIT_FAILED);
        fclose(out);
        if (!strstr(text, strchr(said[i], ' '))) fail_msg("\"%s\", not \"%s\"", text, said[i]);
    }
    assert_false(file_exists("full.tmp")); /* what could not be written is not left */
    file_remove("file"), file_remove("loop");
    assert_true(rmdir("folder") == 0 && chdir(here) == 0 && rmdir(root) == 0);
}

/* Two new names and a removal between them, in the guarded child, which dies at operation `*context`. */
static bool committed(void *context, FILE *out)
{
    (void)out;
    fault_set(0, *(const int *)context);
    commit_begin();
    file_replace("first.tmp", "./first");
    file_remove("./old");
    file_replace("last.tmp", "./last");
    commit_end();
    return true;
}

/* What is removed stays until the names that came before it are on the disk: rename, sync, remove, rename,
 * sync. */
static void order_of_steps(void **state)
{
    (void)state;
    char root[] = "/tmp/metazoa-base-XXXXXX", here[4096], reason[128];
    assert_true(mkdtemp(root) && getcwd(here, sizeof here) && chdir(root) == 0);
    for (int dies = 1; dies <= 6; dies++) {
        file_write("./first.tmp", "1", 1), file_write("./last.tmp", "2", 1), file_write("./old", "3", 1);
        assert_int_equal(guard_run(committed, &dies, stderr, 60, reason), dies < 6 ? EXIT_FAILED : EXIT_DONE);
        assert_int_equal(file_exists("old"), dies < 4);
        assert_int_equal(file_exists("first"), dies >= 2);
        assert_int_equal(file_exists("last"), dies >= 5);
        unlink("first"), unlink("first.tmp"), unlink("last"), unlink("last.tmp"), unlink("old");
    }
    assert_true(chdir(here) == 0 && rmdir(root) == 0);
}

/* A file is written anew while a commit of it is under way in the background: in the guarded child. */
static bool written_again(void *context, FILE *out)
{
    (void)context, (void)out;
    commit_background(true);
    for (int i = 0; i < 200; i++) {
        commit_begin();
        file_write("./text", "the first, which is longer", 26);
        commit_end();
        file_write("./text", "second", 6);
    }
    commit_background(false);
    return true;
}

static void commits_of_one_name(void **state)
{
    (void)state;
    char root[] = "/tmp/metazoa-base-XXXXXX", here[4096], reason[128];
    assert_true(mkdtemp(root) && getcwd(here, sizeof here) && chdir(root) == 0);
    assert_int_equal(guard_run(written_again, NULL, stderr, 60, reason), EXIT_DONE);
    char *text = file_read("./text", 100);
    assert_string_equal(text, "second");
    memory_free(text);
    assert_true(unlink("text") == 0 && chdir(here) == 0 && rmdir(root) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(growing),
                                       cmocka_unit_test(percents),
                                       cmocka_unit_test(quantiles),
                                       cmocka_unit_test(rows_of_all_lengths),
                                       cmocka_unit_test(words_of_a_command),
                                       cmocka_unit_test(guards),
                                       cmocka_unit_test(refusals),
                                       cmocka_unit_test(order_of_steps),
                                       cmocka_unit_test(commits_of_one_name)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
