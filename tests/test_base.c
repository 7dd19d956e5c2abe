/* Memory that grows; hashes of rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "metazoa/base/hash.h"
#include "metazoa/base/launcher.h"
#include "metazoa/base/memory.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(growing), cmocka_unit_test(rows_of_all_lengths),
                                       cmocka_unit_test(words_of_a_command)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
