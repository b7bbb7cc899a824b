/* Names, ports and exports; signals of all types and what a trace records; what
 * is refused when a simulation is over. */
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/systemc_log.h"

struct bench {
    struct sysc_context *context;
    struct sysc_module *cpu;
    struct sysc_module *core;
    struct sysc_port *port;
    struct sysc_port *inner;
};

static void bench_init(struct bench *bench)
{
    memset(bench, 0, sizeof *bench);
    bench->context = new_context();
    assert_int_equal(
        sysc_module_new(bench->context, NULL, "cpu", NULL, NULL, &bench->cpu),
        SYSC_OK);
    assert_int_equal(sysc_module_new(bench->context, bench->cpu, "core", NULL,
                                     NULL, &bench->core),
                     SYSC_OK);
}

static void new_ports(struct bench *bench, const char *type)
{
    assert_int_equal(
        sysc_port_new(bench->context, bench->cpu, "out", type, &bench->port),
        SYSC_OK);
    assert_int_equal(
        sysc_port_new(bench->context, bench->core, "out", type, &bench->inner),
        SYSC_OK);
}

static void test_ports_are_bound_by_name_through_the_hierarchy(void **state)
{
    (void)state;
    struct bench bench;
    struct sysc_fifo *fifo = NULL;
    bench_init(&bench);
    new_ports(&bench, "fifo 8");
    assert_int_equal(sysc_fifo_new(bench.context, NULL, "queue", 8, 4, &fifo),
                     SYSC_OK);
    assert_null(sysc_port_object(bench.inner));
    /* In any order. */
    assert_int_equal(sysc_bind(bench.context, "cpu.core.out", "cpu.out"),
                     SYSC_OK);
    assert_int_equal(sysc_bind(bench.context, "cpu.out", "queue"), SYSC_OK);
    assert_ptr_equal(sysc_port_object(bench.inner), fifo);
    assert_ptr_equal(sysc_port_object(bench.port), fifo);
    assert_int_equal(sysc_run(bench.context, 1), SYSC_OK);
    free_context(bench.context);
}

/* A user's own interface, offered by an export. */
struct adder {
    int (*add)(int a, int b);
};

static int add(int a, int b)
{
    return a + b;
}

static void test_exports_offer_interfaces_of_any_kind(void **state)
{
    (void)state;
    struct bench bench;
    struct adder adder = {add};
    bench_init(&bench);
    new_ports(&bench, "adder");
    assert_int_equal(
        sysc_export_new(bench.context, NULL, "alu", "adder", &adder), SYSC_OK);
    assert_int_equal(sysc_bind(bench.context, "cpu.out", "alu"), SYSC_OK);
    assert_int_equal(sysc_bind(bench.context, "cpu.core.out", "cpu.out"),
                     SYSC_OK);
    const struct adder *bound = sysc_port_object(bench.inner);
    assert_non_null(bound);
    assert_int_equal(bound->add(2, 3), 5);
    free_context(bench.context);
}

static void test_wrong_bindings_are_refused(void **state)
{
    (void)state;
    struct bench bench;
    struct sysc_fifo *fifo = NULL;
    struct sysc_signal *signal = NULL;
    bench_init(&bench);
    new_ports(&bench, "fifo 8");
    assert_int_equal(sysc_fifo_new(bench.context, NULL, "wide", 16, 4, &fifo),
                     SYSC_OK);
    assert_int_equal(sysc_fifo_new(bench.context, NULL, "queue", 8, 4, &fifo),
                     SYSC_OK);
    assert_int_equal(
        sysc_signal_new(bench.context, NULL, "level", SYSC_TYPE_I64, &signal),
        SYSC_OK);
    assert_int_equal(sysc_run(bench.context, 1), SYSC_ERR_PHASE);
    assert_string_equal(sysc_context_error(bench.context),
                        "port 'cpu.out' is not bound");
    assert_int_equal(sysc_get_state(bench.context), SYSC_STATE_ELABORATING);
    assert_int_equal(sysc_bind(bench.context, "cpu.in", "queue"),
                     SYSC_ERR_NAME);
    assert_int_equal(sysc_bind(bench.context, "queue", "cpu.out"),
                     SYSC_ERR_NAME);
    assert_int_equal(sysc_bind(bench.context, "cpu.out", "quue"),
                     SYSC_ERR_NAME);
    assert_int_equal(sysc_bind(bench.context, "cpu.out", "wide"),
                     SYSC_ERR_KIND);
    assert_string_equal(sysc_context_error(bench.context),
                        "port 'cpu.out' is of type 'fifo 8', 'wide' of type "
                        "'fifo 16'");
    assert_int_equal(sysc_bind(bench.context, "cpu.out", "level"),
                     SYSC_ERR_KIND);
    assert_int_equal(sysc_bind(bench.context, "cpu.out", "cpu.out"),
                     SYSC_ERR_ARGUMENT);
    assert_int_equal(sysc_bind(bench.context, "cpu.out", "cpu.core.out"),
                     SYSC_OK);
    assert_int_equal(sysc_bind(bench.context, "cpu.core.out", "cpu.out"),
                     SYSC_ERR_ARGUMENT); /* a circle */
    assert_int_equal(sysc_bind(bench.context, "cpu.core.out", "queue"),
                     SYSC_OK);
    assert_int_equal(sysc_bind(bench.context, "cpu.core.out", "queue"),
                     SYSC_ERR_PHASE); /* twice */
    assert_int_equal(sysc_bind(bench.context, NULL, "queue"),
                     SYSC_ERR_ARGUMENT);
    struct sysc_port *port = NULL;
    assert_int_equal(
        sysc_port_new(bench.context, bench.cpu, "out", "fifo 8", &port),
        SYSC_ERR_NAME);
    assert_int_equal(sysc_port_new(bench.context, bench.cpu, "in", "", &port),
                     SYSC_ERR_ARGUMENT);
    assert_int_equal(
        sysc_export_new(bench.context, NULL, "offer", "thing", NULL),
        SYSC_ERR_ARGUMENT);
    assert_int_equal(sysc_run(bench.context, 1), SYSC_OK);
    assert_int_equal(
        sysc_port_new(bench.context, bench.cpu, "late", "fifo 8", &port),
        SYSC_ERR_PHASE);
    assert_int_equal(sysc_bind(bench.context, "cpu.out", "queue"),
                     SYSC_ERR_PHASE);
    free_context(bench.context);
}

/* ---- names ------------------------------------------------------------------ */

static void do_nothing(struct sysc_process *self, void *user)
{
    (void)self;
    (void)user;
}

static void log_object(const struct sysc_object *object, void *user)
{
    log_add(user, "%s:%s ", object->name, object->type);
}

static void test_objects_are_found_and_walked_by_name(void **state)
{
    (void)state;
    struct bench bench;
    struct log log = {.length = 0};
    struct sysc_clock *clock = NULL;
    struct sysc_signal *bytes = NULL;
    struct sysc_event *event = NULL;
    bench_init(&bench);
    assert_int_equal(
        sysc_clock_new(bench.context, bench.cpu, "clock", 2, 1, 0, &clock),
        SYSC_OK);
    assert_int_equal(
        sysc_signal_new_bytes(bench.context, bench.core, "word", 16, &bytes),
        SYSC_OK);
    assert_int_equal(sysc_event_new(bench.context, NULL, "event", &event),
                     SYSC_OK);
    struct sysc_process *process =
        new_method(bench.context, "work", do_nothing, NULL);
    sysc_walk(bench.context, log_object, &log);
    assert_string_equal(log.text, "cpu:module cpu.core:module cpu.clock:clock "
                                  "cpu.core.word:signal bytes 16 event:event "
                                  "work:process ");
    const struct sysc_object *found = sysc_find(bench.context, "cpu.clock");
    assert_non_null(found);
    assert_int_equal(found->kind, SYSC_KIND_CLOCK);
    assert_ptr_equal(found->object, clock);
    assert_ptr_equal(sysc_find(bench.context, "work")->object, process);
    assert_ptr_equal(sysc_find(bench.context, "cpu.core")->object, bench.core);
    assert_null(sysc_find(bench.context, "core"));
    assert_null(sysc_find(NULL, "cpu"));
    free_context(bench.context);
}

/* ---- signals and traces ------------------------------------------------------ */

struct pair {
    int32_t first;
    int32_t second;
};

struct wires {
    struct sysc_context *context;
    struct sysc_signal *bytes;
    struct sysc_signal *count;
    struct sysc_fifo *fifo;
    struct sysc_event *mark;
    uint64_t variable;
    int changes;
};

static void drive(struct sysc_process *self, void *user)
{
    struct wires *wires = user;
    struct pair pair = {1, 2};
    for (int i = 0; i < 3; i++) {
        WAIT(sysc_wait_cycles(self, 10));
        pair.first += i; /* the first write and the second differ by nothing */
        (void)sysc_signal_write_bytes(wires->bytes, &pair);
        (void)sysc_signal_write_u64(wires->count, UINT64_MAX - (uint64_t)i);
        WAIT(sysc_fifo_try_write(wires->fifo, &i));
        (void)sysc_event_notify_delta(wires->mark);
        wires->variable += 5;
    }
}

static void count_changes(struct sysc_process *self, void *user)
{
    struct wires *wires = user;
    (void)self;
    wires->changes++;
}

static void new_wires(struct wires *wires)
{
    memset(wires, 0, sizeof *wires);
    wires->context = new_context();
    wires->mark = new_event(wires->context, "mark");
    assert_int_equal(sysc_signal_new_bytes(wires->context, NULL, "bytes",
                                           sizeof(struct pair), &wires->bytes),
                     SYSC_OK);
    assert_int_equal(sysc_signal_new(wires->context, NULL, "count",
                                     SYSC_TYPE_U64, &wires->count),
                     SYSC_OK);
    assert_int_equal(sysc_fifo_new(wires->context, NULL, "fifo", sizeof(int), 8,
                                   &wires->fifo),
                     SYSC_OK);
    new_thread(wires->context, "drive", drive, wires);
    struct sysc_process_options options = SYSC_PROCESS_OPTIONS_DEFAULT;
    struct sysc_event *changed = sysc_signal_changed(wires->bytes);
    options.sensitive = &changed;
    options.sensitive_count = 1;
    options.dont_initialize = true;
    assert_int_equal(sysc_method_new(wires->context, NULL, "changes",
                                     count_changes, wires, &options, NULL),
                     SYSC_OK);
}

static void test_signals_hold_bytes_and_unsigned_numbers(void **state)
{
    (void)state;
    struct wires wires;
    struct pair pair = {7, 7};
    uint64_t count = 1;
    new_wires(&wires);
    assert_int_equal(sysc_signal_read_bytes(wires.bytes, &pair), SYSC_OK);
    assert_int_equal(pair.first, 0);
    assert_int_equal(sysc_run_until_idle(wires.context), SYSC_OK);
    assert_int_equal(sysc_signal_read_bytes(wires.bytes, &pair), SYSC_OK);
    assert_int_equal(pair.first, 4);
    assert_int_equal(pair.second, 2);
    assert_int_equal(sysc_signal_read_u64(wires.count, &count), SYSC_OK);
    assert_true(count == UINT64_MAX - 2);
    assert_int_equal(wires.changes, 3);
    assert_int_equal(sysc_signal_read_u64(wires.bytes, &count), SYSC_ERR_KIND);
    assert_int_equal(sysc_signal_write_bytes(wires.count, &pair),
                     SYSC_ERR_KIND);
    assert_int_equal(sysc_signal_write_bytes(wires.bytes, NULL),
                     SYSC_ERR_ARGUMENT);
    struct sysc_signal *signal = NULL;
    struct sysc_context *other = new_context();
    assert_int_equal(sysc_signal_new_bytes(other, NULL, "b", 0, &signal),
                     SYSC_ERR_ARGUMENT);
    assert_int_equal(sysc_signal_new_bytes(other, NULL, "b", 1 << 20, &signal),
                     SYSC_ERR_LIMIT);
    assert_int_equal(
        sysc_signal_new(other, NULL, "b", SYSC_TYPE_BYTES, &signal),
        SYSC_ERR_ARGUMENT);
    free_context(other);
    free_context(wires.context);
}

static char *read_file(const char *path)
{
    char *text = calloc(1, 1 << 16);
    FILE *stream = fopen(path, "r");
    assert_non_null(text);
    assert_non_null(stream);
    assert_true(fread(text, 1, (1 << 16) - 1, stream) > 0);
    (void)fclose(stream);
    return text;
}

static void test_trace_records_everything(void **state)
{
    (void)state;
    struct wires wires;
    struct sysc_trace *trace = NULL;
    char folder[] = "/tmp/weir-trace-XXXXXX";
    char path[64];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/all.vcd", folder);
    new_wires(&wires);
    assert_int_equal(sysc_trace_open(wires.context, path, &trace), SYSC_OK);
    assert_int_equal(sysc_trace_signal(trace, wires.bytes, NULL), SYSC_OK);
    assert_int_equal(sysc_trace_signal(trace, wires.count, NULL), SYSC_OK);
    assert_int_equal(sysc_trace_fifo(trace, wires.fifo, NULL), SYSC_OK);
    assert_int_equal(sysc_trace_event(trace, wires.mark, "mark"), SYSC_OK);
    assert_int_equal(sysc_trace_u64(trace, &wires.variable, "variable"),
                     SYSC_OK);
    assert_int_equal(sysc_trace_fifo(trace, NULL, NULL), SYSC_ERR_ARGUMENT);
    assert_int_equal(sysc_run_until_idle(wires.context), SYSC_OK);
    assert_int_equal(sysc_trace_close(trace), SYSC_OK);
    char *text = read_file(path);
    static const char *const wanted[] = {
        "wire    8 ",
        "bytes_0 ",
        "bytes_7 ",
        "wire   64 ",
        "count ",
        "fifo ",
        "event    1 ",
        "mark ",
        "variable ",
        "#10\n",
        "#20\n",
        "#30\n",
        "b11111111111111111111111111111111111111111111111111111111111111"
        "01 ",    /* 2^64 - 3 */
        "b1111 ", /* the variable at 30 */
    };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        if (strstr(text, wanted[i]) == NULL) {
            print_error("'%s' is missing in\n%s", wanted[i], text);
        }
        assert_non_null(strstr(text, wanted[i]));
    }
    free(text);
    (void)unlink(path);
    (void)rmdir(folder);
    free_context(wires.context);
}

/* ---- after the end ------------------------------------------------------------ */

static void stop(struct sysc_process *self, void *user)
{
    (void)user;
    (void)sysc_stop(sysc_process_context(self));
}

static void test_nothing_happens_after_the_end(void **state)
{
    (void)state;
    struct wires wires;
    struct pair pair = {0, 0};
    int number = 0;
    new_wires(&wires);
    struct sysc_process *stopper =
        new_method(wires.context, "stop", stop, NULL);
    assert_int_equal(sysc_run(wires.context, 100), SYSC_STOPPED);
    assert_int_equal(sysc_event_notify(wires.mark), SYSC_ERR_PHASE);
    assert_int_equal(sysc_event_notify_delta(wires.mark), SYSC_ERR_PHASE);
    assert_int_equal(sysc_event_notify_after(wires.mark, 1), SYSC_ERR_PHASE);
    assert_string_equal(sysc_context_error(wires.context),
                        "'mark': the simulation is over");
    assert_int_equal(sysc_signal_write_u64(wires.count, 1), SYSC_ERR_PHASE);
    assert_int_equal(sysc_signal_write_bytes(wires.bytes, &pair),
                     SYSC_ERR_PHASE);
    assert_int_equal(sysc_fifo_try_write(wires.fifo, &number), SYSC_ERR_PHASE);
    assert_int_equal(sysc_process_kill(stopper), SYSC_ERR_PHASE);
    assert_int_equal(sysc_run(wires.context, 1), SYSC_ERR_PHASE);
    free_context(wires.context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ports_are_bound_by_name_through_the_hierarchy),
        cmocka_unit_test(test_exports_offer_interfaces_of_any_kind),
        cmocka_unit_test(test_wrong_bindings_are_refused),
        cmocka_unit_test(test_objects_are_found_and_walked_by_name),
        cmocka_unit_test(test_signals_hold_bytes_and_unsigned_numbers),
        cmocka_unit_test(test_trace_records_everything),
        cmocka_unit_test(test_nothing_happens_after_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
