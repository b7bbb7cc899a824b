/* Files of traces: which format, and that nothing is left of what was not
 * finished. */
#include <glib/gstdio.h>

#include "tests/sim_support.h"

static struct trace *trace_of_gemm(const struct trace_options *options,
                                   enum status *status)
{
    AUTO(fixture)
    fixture =
        fixture_of_tree("gemm", "teaching",
                        "- for: {m: 4}\n"
                        "- for: {n: 4}\n"
                        "- {compute: Z, on: array2d, spatial: {m: Y, n: X}}\n",
                        "M=16 N=16 K=16");
    struct sim_options sim = SIM_OPTIONS_DEFAULT;
    struct evaluation *evaluation = NULL;
    sim.trace = trace_new(options);
    *status = sim_run(fixture->problem->plan, &sim, fixture->diags, &evaluation,
                      NULL);
    evaluation_free(evaluation);
    return sim.trace;
}

static void test_the_ending_says_the_format(void **state)
{
    (void)state;
    assert_int_equal(trace_format_of_path("a.json"), TRACE_CHROME);
    assert_int_equal(trace_format_of_path("a.vcd.json"), TRACE_CHROME);
    assert_int_equal(trace_format_of_path("a.pftrace"), TRACE_PERFETTO);
    assert_int_equal(trace_format_of_path("x/y.vcd"), TRACE_VCD);
    assert_int_equal(trace_format_of_path("a.kanata"), TRACE_KANATA);
    assert_int_equal(trace_format_of_path("json"), TRACE_FORMAT_COUNT);
    for (int f = 0; f < TRACE_FORMAT_COUNT; f++) {
        const char *name = trace_format_name((enum trace_format)f);
        assert_int_equal(trace_format_find(name), f);
        assert_string_equal(trace_format_names()[f], name);
    }
    assert_null(trace_format_names()[TRACE_FORMAT_COUNT]);
    assert_int_equal(trace_format_find("Chrome"), TRACE_FORMAT_COUNT);
}

static void test_an_interrupt_leaves_no_file(void **state)
{
    (void)state;
    struct trace_options options = TRACE_OPTIONS_DEFAULT;
    enum status status = OK;
    AUTO(trace) trace = trace_of_gemm(&options, &status);
    AUTO(diags) diags = diags_new();
    volatile sig_atomic_t interrupts = 1;
    g_autofree char *folder = g_dir_make_tmp("weir-trace-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "a.json", NULL);
    assert_int_equal(status, OK);
    for (int f = 0; f < TRACE_FORMAT_COUNT; f++) {
        bool is_interrupted = false;
        assert_ok(trace_save(trace, (enum trace_format)f, path, &interrupts,
                             diags, &is_interrupted),
                  diags);
        assert_true(is_interrupted);
    }
    assert_int_equal(g_rmdir(folder), 0); /* only if it is empty */
}

static void test_a_trace_holds_so_much(void **state)
{
    (void)state;
    struct trace_options options = TRACE_OPTIONS_DEFAULT;
    enum status status = OK;
    AUTO(trace) whole = trace_of_gemm(&options, &status);
    assert_int_equal(status, OK);
    options.record_limit = whole->slices->len + whole->samples->len - 1;
    AUTO(trace) limited = trace_of_gemm(&options, &status);
    assert_int_equal(status, ERR_LIMIT);
    options.record_limit++;
    AUTO(trace) fitting = trace_of_gemm(&options, &status);
    assert_int_equal(status, OK);
    assert_int_equal(fitting->slices->len, whole->slices->len);
}

static void test_times_are_thousandths_of_a_cycle(void **state)
{
    (void)state;
    struct trace_options options = TRACE_OPTIONS_DEFAULT;
    AUTO(trace) trace = trace_new(&options);
    trace->ticks_per_cycle = 7;
    assert_int_equal(trace_millicycles(trace, 0), 0);
    assert_int_equal(trace_millicycles(trace, 6), 857);
    assert_int_equal(trace_millicycles(trace, 7), 1000);
    /* What takes whole cycles takes as many from everywhere. */
    for (int ticks = 0; ticks < 7; ticks++) {
        assert_int_equal(trace_millicycles(trace, ticks + 21),
                         trace_millicycles(trace, ticks) + 3000);
    }
    assert_int_equal(trace_millicycles(trace, INT64_MAX), INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_ending_says_the_format),
        cmocka_unit_test(test_an_interrupt_leaves_no_file),
        cmocka_unit_test(test_a_trace_holds_so_much),
        cmocka_unit_test(test_times_are_thousandths_of_a_cycle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
