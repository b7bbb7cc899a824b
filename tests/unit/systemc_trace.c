/* Traces and reports of the SystemC wrapper. */
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/systemc_log.h"

struct traced {
    struct sysc_context *context;
    struct sysc_trace *trace;
    struct sysc_signal *level;
    struct sysc_clock *clock;
    int64_t number;
    bool flag;
    double ratio;
    char folder[64];
    char path[96];
    char *text; /* of the file */
};

static void change(struct sysc_process *self, void *user)
{
    struct traced *traced = user;
    WAIT(sysc_wait_cycles(self, 3));
    traced->number = -2;
    traced->flag = true;
    WAIT(sysc_signal_write_f64(traced->level, 1.5));
    WAIT(sysc_wait_cycles(self, INT64_C(1) << 40));
    traced->number = 5;
    traced->ratio = 0.25;
}

static void traced_init(struct traced *traced)
{
    struct sysc_module *module = NULL;
    memset(traced, 0, sizeof *traced);
    strcpy(traced->folder, "/tmp/systemc_trace.XXXXXX");
    assert_non_null(mkdtemp(traced->folder));
    (void)snprintf(traced->path, sizeof traced->path, "%s/t.vcd",
                   traced->folder);
    traced->context = new_context();
    assert_int_equal(
        sysc_module_new(traced->context, NULL, "top", NULL, NULL, &module),
        SYSC_OK);
    assert_int_equal(sysc_signal_new(traced->context, module, "level",
                                     SYSC_TYPE_F64, &traced->level),
                     SYSC_OK);
    new_thread(traced->context, "change", change, traced);
    assert_int_equal(
        sysc_trace_open(traced->context, traced->path, &traced->trace),
        SYSC_OK);
}

static void traced_read(struct traced *traced)
{
    FILE *stream = fopen(traced->path, "r");
    assert_non_null(stream);
    traced->text = calloc(1, 65536);
    assert_non_null(traced->text);
    assert_true(fread(traced->text, 1, 65535, stream) > 0);
    (void)fclose(stream);
}

static void traced_clear(struct traced *traced)
{
    free_context(traced->context);
    (void)unlink(traced->path);
    assert_int_equal(rmdir(traced->folder), 0);
    free(traced->text);
}

static void trace_all(struct traced *traced)
{
    assert_int_equal(sysc_trace_signal(traced->trace, traced->level, NULL),
                     SYSC_OK);
    assert_int_equal(
        sysc_trace_i64(traced->trace, &traced->number, "top.number"), SYSC_OK);
    assert_int_equal(sysc_trace_bool(traced->trace, &traced->flag, "flag"),
                     SYSC_OK);
    assert_int_equal(sysc_trace_f64(traced->trace, &traced->ratio, "ratio"),
                     SYSC_OK);
    assert_int_equal(sysc_run_until_idle(traced->context), SYSC_OK);
    assert_int_equal(sysc_trace_close(traced->trace), SYSC_OK);
}

/* What stands after the definitions: the values and when they changed. */
static const char EXPECTED_CHANGES[] =
    "$dumpvars\n"
    "r0 aaaaa\n"
    "b0 aaaab\n"
    "0aaaac\n"
    "r0 aaaad\n"
    "$end\n\n"
    "#3\n"
    "r1.5 aaaaa\n"
    "b1111111111111111111111111111111111111111111111111111111111111110 aaaab\n"
    "1aaaac\n\n"
    "#1099511627779\n"
    "b101 aaaab\n"
    "r0.25 aaaad\n\n";

static void test_vcd_file_holds_names_and_changes(void **state)
{
    (void)state;
    struct traced traced;
    traced_init(&traced);
    trace_all(&traced);
    traced_read(&traced);
    assert_non_null(strstr(traced.text, "$timescale\n     1 ns\n$end"));
    assert_non_null(strstr(traced.text, "$scope module top $end"));
    assert_non_null(strstr(traced.text, "$var real    1  aaaaa  level"));
    assert_non_null(strstr(traced.text, "$var wire   64  aaaab  number"));
    assert_non_null(strstr(traced.text, "$var wire    1  aaaac  flag"));
    const char *changes = strstr(traced.text, "$dumpvars");
    assert_non_null(changes);
    if (strncmp(changes, EXPECTED_CHANGES, strlen(EXPECTED_CHANGES)) != 0) {
        assert_string_equal(changes, EXPECTED_CHANGES);
    }
    traced_clear(&traced);
}

static void test_same_run_writes_the_same_bytes(void **state)
{
    (void)state;
    struct traced first;
    struct traced second;
    traced_init(&first);
    trace_all(&first);
    traced_read(&first);
    (void)sleep(1); /* the kernel writes the date, to the second */
    traced_init(&second);
    trace_all(&second);
    traced_read(&second);
    assert_string_equal(first.text, second.text);
    traced_clear(&first);
    traced_clear(&second);
}

static void test_free_closes_the_trace(void **state)
{
    (void)state;
    struct traced traced;
    traced_init(&traced);
    assert_int_equal(sysc_trace_bool(traced.trace, &traced.flag, "flag"),
                     SYSC_OK);
    assert_int_equal(sysc_run(traced.context, 4), SYSC_OK);
    assert_int_equal(sysc_context_free(traced.context), SYSC_OK);
    traced.context = NULL;
    traced_read(&traced);
    assert_non_null(strstr(traced.text, "#3\n1aaaaa\n"));
    const char *date = strstr(traced.text, "$date\n");
    assert_non_null(date);
    date += strlen("$date\n");
    assert_non_null(strstr(date, "\n$end"));
    assert_int_equal(strspn(date, " "), strcspn(date, "\n"));
    traced_clear(&traced);
}

static void test_clock_is_traced(void **state)
{
    (void)state;
    struct traced traced;
    traced_init(&traced);
    assert_int_equal(
        sysc_clock_new(traced.context, NULL, "clock", 4, 1, 2, &traced.clock),
        SYSC_OK);
    assert_int_equal(sysc_trace_clock(traced.trace, traced.clock, NULL),
                     SYSC_OK);
    assert_int_equal(sysc_run(traced.context, 8), SYSC_OK);
    assert_int_equal(sysc_trace_close(traced.trace), SYSC_OK);
    traced_read(&traced);
    assert_non_null(strstr(traced.text, "aaaaa  clock"));
    assert_non_null(strstr(traced.text,
                           "#2\n1aaaaa\n\n#3\n0aaaaa\n\n#6\n1aaaaa\n\n"
                           "#7\n0aaaaa\n\n"));
    traced_clear(&traced);
}

static void test_misused_traces_are_diagnosed(void **state)
{
    (void)state;
    struct traced traced;
    struct sysc_trace *other = NULL;
    traced_init(&traced);
    assert_int_equal(sysc_trace_open(traced.context, "t.txt", &other),
                     SYSC_ERR_NAME);
    assert_int_equal(sysc_trace_open(traced.context, ".vcd", &other),
                     SYSC_ERR_NAME);
    assert_int_equal(sysc_trace_open(traced.context, "/no/such/t.vcd", &other),
                     SYSC_ERR_IO);
    assert_string_equal(
        sysc_context_error(traced.context),
        "cannot write trace '/no/such/t.vcd': No such file or directory");
    assert_null(other);
    assert_int_equal(sysc_trace_bool(traced.trace, &traced.flag, "flag"),
                     SYSC_OK);
    assert_int_equal(sysc_trace_bool(traced.trace, &traced.flag, NULL),
                     SYSC_ERR_ARGUMENT);
    assert_int_equal(sysc_run(traced.context, 8), SYSC_OK);
    /* Recording has begun: the kernel takes nothing more. */
    assert_int_equal(sysc_trace_i64(traced.trace, &traced.number, "number"),
                     SYSC_ERR_KERNEL);
    assert_int_equal(sysc_trace_close(traced.trace), SYSC_OK);
    assert_int_equal(sysc_trace_close(traced.trace), SYSC_OK);
    assert_int_equal(sysc_trace_i64(traced.trace, &traced.number, "number"),
                     SYSC_ERR_DEAD);
    traced_clear(&traced);
}

static void test_trace_that_was_cut_off_is_reported(void **state)
{
    (void)state;
    if (access("/dev/full", W_OK) != 0) {
        fail_msg("this system has no /dev/full");
    }
    struct traced traced;
    traced_init(&traced);
    assert_int_equal(sysc_trace_close(traced.trace), SYSC_OK);
    (void)unlink(traced.path);
    assert_int_equal(symlink("/dev/full", traced.path), 0);
    assert_int_equal(
        sysc_trace_open(traced.context, traced.path, &traced.trace), SYSC_OK);
    assert_int_equal(sysc_trace_bool(traced.trace, &traced.flag, "flag"),
                     SYSC_OK);
    assert_int_equal(sysc_run(traced.context, 8), SYSC_OK);
    assert_int_equal(sysc_trace_close(traced.trace), SYSC_ERR_IO);
    traced_clear(&traced);
}

/* ---- reports ----------------------------------------------------------- */

static void log_report(const struct sysc_report *report, void *user)
{
    log_add(user, "%d %s '%s' in '%s' @%lld\n", report->severity, report->id,
            report->text, report->process, (long long)report->cycle);
}

static void write_signal(struct sysc_process *self, void *user)
{
    WAIT(sysc_wait_cycles(self, 4));
    WAIT(sysc_signal_write_i64(user, 1));
}

static void test_reports_reach_the_handler(void **state)
{
    (void)state;
    struct log log = {"", 0};
    struct sysc_context *context = new_context();
    struct sysc_signal *signal = NULL;
    assert_int_equal(sysc_set_report_handler(context, log_report, &log),
                     SYSC_OK);
    assert_int_equal(
        sysc_signal_new(context, NULL, "s", SYSC_TYPE_I64, &signal), SYSC_OK);
    new_thread(context, "one", write_signal, signal);
    new_thread(context, "two", write_signal, signal);
    assert_int_equal(sysc_run(context, 9), SYSC_OK);
    assert_int_equal(sysc_count_reports(context, SYSC_SEVERITY_ERROR), 1);
    assert_int_equal(sysc_count_reports(context, SYSC_SEVERITY_FATAL), 0);
    assert_int_equal(sysc_count_reports(context, (enum sysc_severity)7), 0);
    assert_non_null(strstr(log.text, "more than one driver"));
    assert_non_null(strstr(log.text, "@4\n"));
    assert_true(strstr(log.text, "in 'one'") != NULL ||
                strstr(log.text, "in 'two'") != NULL);
    free_context(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vcd_file_holds_names_and_changes),
        cmocka_unit_test(test_same_run_writes_the_same_bytes),
        cmocka_unit_test(test_free_closes_the_trace),
        cmocka_unit_test(test_clock_is_traced),
        cmocka_unit_test(test_misused_traces_are_diagnosed),
        cmocka_unit_test(test_trace_that_was_cut_off_is_reported),
        cmocka_unit_test(test_reports_reach_the_handler),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
