/* Clocks, signals and fifos of the SystemC wrapper, and that nothing depends on
 * the order in which processes were registered. */
#include "tests/unit/systemc_log.h"

/* ---- clocks ------------------------------------------------------------ */

struct edges {
    struct sysc_context *context;
    struct sysc_clock *clock;
    struct log log;
};

static void log_edge(struct sysc_process *self, void *user)
{
    struct edges *edges = user;
    (void)self;
    log_add(&edges->log, "%c%lld ", sysc_clock_level(edges->clock) ? '+' : '-',
            (long long)sysc_now(edges->context));
}

static void run_clock(struct edges *edges, int64_t period, int64_t high,
                      int64_t start, int64_t cycles)
{
    memset(edges, 0, sizeof *edges);
    edges->context = new_context();
    assert_int_equal(sysc_clock_new(edges->context, NULL, "clock", period, high,
                                    start, &edges->clock),
                     SYSC_OK);
    struct sysc_event *events[2] = {sysc_clock_rise(edges->clock),
                                    sysc_clock_fall(edges->clock)};
    struct sysc_process_options options = SYSC_PROCESS_OPTIONS_DEFAULT;
    options.sensitive = events;
    options.sensitive_count = high == 0 ? 1 : 2;
    options.dont_initialize = true;
    assert_int_equal(sysc_method_new(edges->context, NULL, "m", log_edge, edges,
                                     &options, NULL),
                     SYSC_OK);
    assert_int_equal(sysc_run(edges->context, cycles), SYSC_OK);
    free_context(edges->context);
}

static void test_clock_edges_and_levels(void **state)
{
    (void)state;
    struct edges edges;
    run_clock(&edges, 10, 3, 0, 25);
    assert_string_equal(edges.log.text, "+0 -3 +10 -13 +20 -23 ");
    run_clock(&edges, 4, 1, 6, 13);
    assert_string_equal(edges.log.text, "+6 -7 +10 -11 ");
    run_clock(&edges, 1, 0, 0, 3);
    assert_string_equal(edges.log.text, "+0 +1 +2 ");
    /* Beyond what a double can count. */
    run_clock(&edges, (INT64_C(1) << 61) + 1, 1, 0, INT64_C(1) << 62);
    assert_string_equal(edges.log.text,
                        "+0 -1 +2305843009213693953 -2305843009213693954 ");
    run_clock(&edges, INT64_C(1) << 62, 1, 5, SYSC_CYCLES_MAX);
    assert_string_equal(edges.log.text,
                        "+5 -6 +4611686018427387909 -4611686018427387910 ");
}

static void read_level(struct sysc_process *self, void *user)
{
    struct edges *edges = user;
    log_add(&edges->log, "%d", sysc_clock_level(edges->clock));
    sysc_next_trigger_cycles(self, 1);
}

/* Read in the first delta of a cycle, before or after the clock itself runs. */
static void test_level_does_not_depend_on_order(void **state)
{
    (void)state;
    for (int is_reader_first = 0; is_reader_first < 2; is_reader_first++) {
        struct edges edges = {new_context(), NULL, {"", 0}};
        if (is_reader_first) {
            new_method(edges.context, "read", read_level, &edges);
        }
        assert_int_equal(
            sysc_clock_new(edges.context, NULL, "clock", 4, 2, 1, &edges.clock),
            SYSC_OK);
        if (!is_reader_first) {
            new_method(edges.context, "read", read_level, &edges);
        }
        assert_int_equal(sysc_run(edges.context, 8), SYSC_OK);
        assert_string_equal(edges.log.text, "01100110");
        free_context(edges.context);
    }
}

static void test_impossible_clocks_are_refused(void **state)
{
    (void)state;
    struct sysc_context *context = new_context();
    struct sysc_clock *clock = NULL;
    const int64_t bad[][3] = {
        {0, 0, 0}, {-1, 0, 0}, {4, 4, 0}, {4, -1, 0}, {4, 1, -1}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(sysc_clock_new(context, NULL, "c", bad[i][0],
                                        bad[i][1], bad[i][2], &clock),
                         SYSC_ERR_ARGUMENT);
    }
    assert_int_equal(sysc_clock_new(context, NULL, "c", 4, 1, 0, &clock),
                     SYSC_OK);
    assert_int_equal(sysc_event_notify_delta(sysc_clock_rise(clock)),
                     SYSC_ERR_KIND);
    assert_int_equal(sysc_event_free(sysc_clock_rise(clock)), SYSC_ERR_KIND);
    free_context(context);
}

static void stop_clock(struct sysc_process *self, void *user)
{
    WAIT(sysc_wait_cycles(self, 25));
    sysc_clock_stop(user);
}

static void test_stopped_clock_lets_the_run_end(void **state)
{
    (void)state;
    struct sysc_context *context = new_context();
    struct sysc_clock *clock = NULL;
    assert_int_equal(sysc_clock_new(context, NULL, "c", 10, 5, 0, &clock),
                     SYSC_OK);
    new_thread(context, "stop", stop_clock, clock);
    assert_int_equal(sysc_run_until_idle(context), SYSC_OK);
    assert_int_equal(sysc_now(context), 25);
    free_context(context);
}

/* ---- signals ----------------------------------------------------------- */

struct swap {
    struct sysc_signal *mine;
    struct sysc_signal *theirs;
};

/* Each takes the other's value: right in any order only with two phases. */
static void take_over(struct sysc_process *self, void *user)
{
    struct swap *swap = user;
    for (;;) {
        int64_t value = 0;
        WAIT(sysc_wait_cycles(self, 1));
        WAIT(sysc_signal_read_i64(swap->theirs, &value));
        WAIT(sysc_signal_write_i64(swap->mine, value + 1));
    }
}

static void test_signals_are_read_a_delta_later(void **state)
{
    (void)state;
    struct sysc_context *context = new_context();
    struct swap left = {NULL, NULL};
    int64_t values[2] = {0, 0};
    assert_int_equal(
        sysc_signal_new(context, NULL, "left", SYSC_TYPE_I64, &left.mine),
        SYSC_OK);
    assert_int_equal(
        sysc_signal_new(context, NULL, "right", SYSC_TYPE_I64, &left.theirs),
        SYSC_OK);
    struct swap right = {left.theirs, left.mine};
    assert_int_equal(sysc_signal_write_i64(left.mine, 100), SYSC_OK);
    new_thread(context, "l", take_over, &left);
    new_thread(context, "r", take_over, &right);
    assert_int_equal(sysc_run(context, 4), SYSC_OK);
    assert_int_equal(sysc_signal_read_i64(left.mine, &values[0]), SYSC_OK);
    assert_int_equal(sysc_signal_read_i64(left.theirs, &values[1]), SYSC_OK);
    assert_int_equal(values[0], 3);
    assert_int_equal(values[1], 103);
    free_context(context);
}

struct types {
    struct sysc_signal *flag;
    struct sysc_signal *level;
    int64_t changed_count;
};

static void count_change(struct sysc_process *self, void *user)
{
    struct types *types = user;
    (void)self;
    types->changed_count++;
}

static void write_types(struct sysc_process *self, void *user)
{
    struct types *types = user;
    WAIT(sysc_signal_write_bool(types->flag, true));
    WAIT(sysc_wait_cycles(self, 1));
    WAIT(sysc_signal_write_bool(types->flag, true)); /* no change */
    WAIT(sysc_wait_cycles(self, 1));
    WAIT(sysc_signal_write_f64(types->level, 0.5));
    WAIT(sysc_wait_cycles(self, 1));
    WAIT(sysc_signal_write_f64(types->level, 0.25));
    WAIT(sysc_signal_write_f64(types->level, 0.5)); /* the last one counts */
}

static void test_changed_event_of_bool_and_f64(void **state)
{
    (void)state;
    struct sysc_context *context = new_context();
    struct types types = {NULL, NULL, 0};
    bool flag = false;
    double level = 0.0;
    int64_t number = 7;
    assert_int_equal(
        sysc_signal_new(context, NULL, "flag", SYSC_TYPE_BOOL, &types.flag),
        SYSC_OK);
    assert_int_equal(
        sysc_signal_new(context, NULL, "level", SYSC_TYPE_F64, &types.level),
        SYSC_OK);
    struct sysc_event *events[2] = {sysc_signal_changed(types.flag),
                                    sysc_signal_changed(types.level)};
    struct sysc_process_options options = SYSC_PROCESS_OPTIONS_DEFAULT;
    options.sensitive = events;
    options.sensitive_count = 2;
    options.dont_initialize = true;
    assert_int_equal(sysc_method_new(context, NULL, "count", count_change,
                                     &types, &options, NULL),
                     SYSC_OK);
    new_thread(context, "write", write_types, &types);
    assert_int_equal(sysc_run_until_idle(context), SYSC_OK);
    assert_int_equal(types.changed_count, 2);
    assert_int_equal(sysc_signal_read_bool(types.flag, &flag), SYSC_OK);
    assert_true(flag);
    assert_int_equal(sysc_signal_read_f64(types.level, &level), SYSC_OK);
    assert_true(level == 0.5);
    assert_int_equal(sysc_signal_read_i64(types.level, &number), SYSC_ERR_KIND);
    assert_int_equal(number, 7);
    assert_string_equal(sysc_context_error(context),
                        "signal 'level' is of type f64, not i64");
    free_context(context);
}

struct writer {
    struct sysc_signal *signal;
    int64_t value;
    enum sysc_status status;
};

static void write_once(struct sysc_process *self, void *user)
{
    struct writer *writer = user;
    (void)self;
    writer->status = sysc_signal_write_i64(writer->signal, writer->value);
}

static void test_second_writer_is_an_error_of_the_kernel(void **state)
{
    (void)state;
    struct sysc_context *context = new_context();
    struct writer first = {NULL, 1, SYSC_OK};
    assert_int_equal(
        sysc_signal_new(context, NULL, "s", SYSC_TYPE_I64, &first.signal),
        SYSC_OK);
    struct writer second = {first.signal, 2, SYSC_OK};
    new_method(context, "a", write_once, &first);
    new_method(context, "b", write_once, &second);
    assert_int_equal(sysc_run(context, 5), SYSC_OK);
    assert_true((first.status == SYSC_OK && second.status == SYSC_ERR_KERNEL) ||
                (second.status == SYSC_OK && first.status == SYSC_ERR_KERNEL));
    assert_non_null(
        strstr(sysc_context_error(context), "more than one driver"));
    assert_int_equal(sysc_count_reports(context, SYSC_SEVERITY_ERROR), 1);
    /* The run goes on: it was one process's mistake, and it was told. */
    assert_int_equal(sysc_run(context, 5), SYSC_OK);
    free_context(context);
}

/* ---- fifos ------------------------------------------------------------- */

struct token {
    int64_t number;
    char tag[3]; /* 11 bytes of content: no power of two */
};

struct stream {
    struct sysc_context *context;
    struct sysc_fifo *fifo;
    int64_t token_count;
    int64_t cycles_per_token;
    struct log log;
};

static void produce(struct sysc_process *self, void *user)
{
    struct stream *stream = user;
    for (int64_t i = 0; i < stream->token_count; i++) {
        struct token token = {i, {'a', 'b', (char)('0' + i % 10)}};
        WAIT(sysc_fifo_write(self, stream->fifo, &token));
    }
}

static void consume(struct sysc_process *self, void *user)
{
    struct stream *stream = user;
    for (int64_t i = 0; i < stream->token_count; i++) {
        struct token token = {-1, {0, 0, 0}};
        WAIT(sysc_fifo_read(self, stream->fifo, &token));
        if (token.number != i || token.tag[2] != (char)('0' + i % 10)) {
            log_add(&stream->log, "wrong ");
        }
        WAIT(sysc_wait_cycles(self, stream->cycles_per_token));
    }
    log_add(&stream->log, "done@%lld", (long long)sysc_now(stream->context));
}

static void test_fifo_keeps_order_and_blocks(void **state)
{
    (void)state;
    const size_t capacities[] = {1, 2, 7, 1000};
    for (size_t i = 0; i < sizeof capacities / sizeof capacities[0]; i++) {
        struct stream stream = {new_context(), NULL, 500, 2, {"", 0}};
        assert_int_equal(sysc_fifo_new(stream.context, NULL, "fifo",
                                       sizeof(struct token), capacities[i],
                                       &stream.fifo),
                         SYSC_OK);
        new_thread(stream.context, "produce", produce, &stream);
        new_thread(stream.context, "consume", consume, &stream);
        assert_int_equal(sysc_run_until_idle(stream.context), SYSC_OK);
        assert_string_equal(stream.log.text, "done@1000");
        assert_int_equal(sysc_fifo_count_elements(stream.fifo), 0);
        assert_int_equal(sysc_fifo_count_free(stream.fifo), capacities[i]);
        free_context(stream.context);
    }
}

static void test_fifo_without_waiting(void **state)
{
    (void)state;
    struct sysc_context *context = new_context();
    struct sysc_fifo *fifo = NULL;
    int32_t value = 1;
    assert_int_equal(sysc_fifo_new(context, NULL, "f", sizeof value, 2, &fifo),
                     SYSC_OK);
    assert_int_equal(sysc_fifo_try_read(fifo, &value), SYSC_EMPTY);
    assert_int_equal(sysc_fifo_try_write(fifo, &value), SYSC_OK);
    value = 2;
    assert_int_equal(sysc_fifo_try_write(fifo, &value), SYSC_OK);
    assert_int_equal(sysc_fifo_try_write(fifo, &value), SYSC_FULL);
    /* Written in this delta cycle, readable in the next. */
    assert_int_equal(sysc_fifo_try_read(fifo, &value), SYSC_EMPTY);
    assert_int_equal(sysc_run(context, 1), SYSC_OK);
    assert_int_equal(sysc_fifo_count_elements(fifo), 2);
    assert_int_equal(sysc_fifo_try_read(fifo, &value), SYSC_OK);
    assert_int_equal(value, 1);
    assert_int_equal(sysc_fifo_try_write(fifo, &value), SYSC_FULL);
    assert_int_equal(sysc_run(context, 1), SYSC_OK);
    assert_int_equal(sysc_fifo_try_write(fifo, &value), SYSC_OK);
    assert_int_equal(sysc_fifo_new(context, NULL, "g", 0, 2, &fifo),
                     SYSC_ERR_PHASE);
    free_context(context);
}

static void test_impossible_fifos_are_refused(void **state)
{
    (void)state;
    struct sysc_context *context = new_context();
    struct sysc_fifo *fifo = NULL;
    assert_int_equal(sysc_fifo_new(context, NULL, "f", 0, 2, &fifo),
                     SYSC_ERR_ARGUMENT);
    assert_int_equal(sysc_fifo_new(context, NULL, "f", 4, 0, &fifo),
                     SYSC_ERR_ARGUMENT);
    assert_int_equal(sysc_fifo_new(context, NULL, "f", SIZE_MAX, 2, &fifo),
                     SYSC_ERR_LIMIT);
    assert_int_equal(sysc_fifo_new(context, NULL, "f", 4, SIZE_MAX, &fifo),
                     SYSC_ERR_LIMIT);
    assert_null(fifo);
    free_context(context);
}

/* ---- determinism ------------------------------------------------------- */

#define STAGES 6

struct stage {
    struct sysc_context *context;
    struct sysc_fifo *in; /* NULL: makes the tokens */
    struct sysc_fifo *out;
    struct sysc_signal *state;
    int64_t latency_cycles;
    uint64_t checksum;
    int64_t end_cycle;
};

static void run_stage(struct sysc_process *self, void *user)
{
    struct stage *stage = user;
    for (int64_t i = 0; i < 200; i++) {
        int64_t token = i;
        if (stage->in != NULL) {
            WAIT(sysc_fifo_read(self, stage->in, &token));
        }
        stage->checksum = stage->checksum * 31 + (uint64_t)token +
                          (uint64_t)sysc_now(stage->context);
        WAIT(sysc_signal_write_i64(stage->state, token));
        WAIT(sysc_wait_cycles(self, stage->latency_cycles + token % 3));
        if (stage->out != NULL) {
            WAIT(sysc_fifo_write(self, stage->out, &token));
        }
    }
    stage->end_cycle = sysc_now(stage->context);
}

/* A pipeline whose stages are registered in the order of `order`. */
static void run_pipeline(const int order[STAGES], struct stage stages[STAGES])
{
    struct sysc_context *context = new_context();
    struct sysc_fifo *fifos[STAGES + 1] = {NULL};
    for (int i = 1; i < STAGES; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "f%d", i);
        assert_int_equal(
            sysc_fifo_new(context, NULL, name, sizeof(int64_t), 2, &fifos[i]),
            SYSC_OK);
    }
    for (int k = 0; k < STAGES; k++) {
        struct stage *stage = &stages[order[k]];
        char name[8];
        *stage = (struct stage){context, fifos[order[k]],  fifos[order[k] + 1],
                                NULL,    1 + order[k] % 4, 0,
                                0};
        (void)snprintf(name, sizeof name, "s%d", order[k]);
        assert_int_equal(
            sysc_signal_new(context, NULL, name, SYSC_TYPE_I64, &stage->state),
            SYSC_OK);
        name[0] = 'p';
        new_thread(context, name, run_stage, stage);
    }
    assert_int_equal(sysc_run_until_idle(context), SYSC_OK);
    free_context(context);
}

static void test_order_of_registration_changes_nothing(void **state)
{
    (void)state;
    int order[STAGES] = {0, 1, 2, 3, 4, 5};
    struct stage expected[STAGES];
    run_pipeline(order, expected);
    assert_true(expected[STAGES - 1].end_cycle > 200);
    uint32_t random = 12345;
    for (int round = 0; round < 50; round++) {
        struct stage stages[STAGES];
        for (int i = STAGES - 1; i > 0; i--) {
            random = random * 1664525u + 1013904223u;
            int j = (int)((random >> 16) % (uint32_t)(i + 1));
            int kept = order[i];
            order[i] = order[j];
            order[j] = kept;
        }
        run_pipeline(order, stages);
        for (int i = 0; i < STAGES; i++) {
            assert_int_equal(stages[i].checksum, expected[i].checksum);
            assert_int_equal(stages[i].end_cycle, expected[i].end_cycle);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clock_edges_and_levels),
        cmocka_unit_test(test_level_does_not_depend_on_order),
        cmocka_unit_test(test_impossible_clocks_are_refused),
        cmocka_unit_test(test_stopped_clock_lets_the_run_end),
        cmocka_unit_test(test_signals_are_read_a_delta_later),
        cmocka_unit_test(test_changed_event_of_bool_and_f64),
        cmocka_unit_test(test_second_writer_is_an_error_of_the_kernel),
        cmocka_unit_test(test_fifo_keeps_order_and_blocks),
        cmocka_unit_test(test_fifo_without_waiting),
        cmocka_unit_test(test_impossible_fifos_are_refused),
        cmocka_unit_test(test_order_of_registration_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
