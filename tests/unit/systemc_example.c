/* The example of doc/systemc.md does what the manual says. */
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/systemc_log.h"

#define main systemc_counter_main
int systemc_counter_main(void);
#include "doc/examples/systemc_counter.c"
#undef main

static const char EXPECTED[] = "cycle  20: got 1, sum 1\n"
                               "cycle  50: got 2, sum 3\n"
                               "cycle  80: got 3, sum 6\n"
                               "cycle 110: got 4, sum 10\n"
                               "cycle 140: got 5, sum 15\n"
                               "cycle 170: got 6, sum 21\n"
                               "cycle 200: got 7, sum 28\n"
                               "cycle 230: got 8, sum 36\n";

static void test_counter_prints_what_the_manual_shows(void **state)
{
    (void)state;
    char text[4096] = "";
    FILE *captured = tmpfile();
    assert_non_null(captured);
    (void)fflush(stdout);
    int saved = dup(STDOUT_FILENO);
    assert_true(dup2(fileno(captured), STDOUT_FILENO) >= 0);
    int exit_code = systemc_counter_main();
    (void)fflush(stdout);
    (void)dup2(saved, STDOUT_FILENO);
    (void)close(saved);
    assert_int_equal(exit_code, 0);
    rewind(captured);
    assert_true(fread(text, 1, sizeof text - 1, captured) > 0);
    (void)fclose(captured);
    assert_string_equal(text, EXPECTED);
}

/* The manual shows the same lines. Tests run at the root of the tree. */
static void test_manual_shows_the_output(void **state)
{
    (void)state;
    FILE *stream = fopen("doc/systemc.md", "r");
    assert_non_null(stream);
    char *text = calloc(1, 1 << 17);
    assert_non_null(text);
    assert_true(fread(text, 1, (1 << 17) - 1, stream) > 0);
    (void)fclose(stream);
    assert_non_null(strstr(text, EXPECTED));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counter_prints_what_the_manual_shows),
        cmocka_unit_test(test_manual_shows_the_output),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
