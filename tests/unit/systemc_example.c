/* The examples of doc/systemc.md do what the manual says. */
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/systemc_log.h"

#define main systemc_counter_main
int systemc_counter_main(void);
#include "doc/examples/systemc_counter.c"
#undef main
#define main systemc_ports_main
int systemc_ports_main(void);
#include "doc/examples/systemc_ports.c"
#undef main

static const char EXPECTED[] = "cycle  20: got 1, sum 1\n"
                               "cycle  50: got 2, sum 3\n"
                               "cycle  80: got 3, sum 6\n"
                               "cycle 110: got 4, sum 10\n"
                               "cycle 140: got 5, sum 15\n"
                               "cycle 170: got 6, sum 21\n"
                               "cycle 200: got 7, sum 28\n"
                               "cycle 230: got 8, sum 36\n";

/* In cycles 10 + bytes / 16, one at a time, in the order of the requests. */
static const char EXPECTED_PORTS[] = "cycle  14: fast.work has 64 bytes\n"
                                     "cycle  88: slow.work has 1024 bytes\n"
                                     "cycle 102: fast.work has 64 bytes\n"
                                     "cycle 176: slow.work has 1024 bytes\n";

static void check_output(int (*example)(void), const char *expected)
{
    char text[4096] = "";
    FILE *captured = tmpfile();
    assert_non_null(captured);
    (void)fflush(stdout);
    int saved = dup(STDOUT_FILENO);
    assert_true(dup2(fileno(captured), STDOUT_FILENO) >= 0);
    int exit_code = example();
    (void)fflush(stdout);
    (void)dup2(saved, STDOUT_FILENO);
    (void)close(saved);
    assert_int_equal(exit_code, 0);
    rewind(captured);
    assert_true(fread(text, 1, sizeof text - 1, captured) > 0);
    (void)fclose(captured);
    assert_string_equal(text, expected);
}

static void test_examples_print_what_the_manual_shows(void **state)
{
    (void)state;
    check_output(systemc_counter_main, EXPECTED);
    check_output(systemc_ports_main, EXPECTED_PORTS);
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
    assert_non_null(strstr(text, EXPECTED_PORTS));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples_print_what_the_manual_shows),
        cmocka_unit_test(test_manual_shows_the_output),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
