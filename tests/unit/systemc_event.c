/* Events and waits of the SystemC wrapper: orders, cancelling, timeouts, lists,
 * large times, and misuse. */
#include "tests/unit/systemc_log.h"

struct bench {
    struct sysc_context *context;
    struct sysc_event *a;
    struct sysc_event *b;
    struct sysc_event *events[3];
    struct log log;
};

static void bench_init(struct bench *bench)
{
    memset(bench, 0, sizeof *bench);
    bench->context = new_context();
    bench->a = new_event(bench->context, "a");
    bench->b = new_event(bench->context, "b");
    bench->events[0] = bench->a;
    bench->events[1] = bench->b;
    bench->events[2] = new_event(bench->context, "c");
}

static long long now(const struct bench *bench)
{
    return (long long)sysc_now(bench->context);
}

static void log_a(struct sysc_process *self, void *user)
{
    struct bench *bench = user;
    while (sysc_wait_event(self, bench->a) == SYSC_OK) {
        log_add(&bench->log, "a@%lld ", now(bench));
    }
}

/* Runs `drive` beside a thread that logs event a. */
static void run_with_log(struct bench *bench, sysc_process_fn drive)
{
    new_thread(bench->context, "log_a", log_a, bench);
    new_thread(bench->context, "drive", drive, bench);
    assert_int_equal(sysc_run_until_idle(bench->context), SYSC_OK);
    free_context(bench->context);
}

static void notify_in_three_ways(struct sysc_process *self, void *user)
{
    struct bench *bench = user;
    enum sysc_status status = sysc_wait_cycles(self, 1);
    log_add(&bench->log, "%d ", status);
    sysc_event_notify(bench->a);
    log_add(&bench->log, "still ");
    WAIT(sysc_wait_cycles(self, 0));
    sysc_event_notify_delta(bench->a);
    log_add(&bench->log, "delta ");
    WAIT(sysc_wait_cycles(self, 1));
    sysc_event_notify_after(bench->a, 5);
    log_add(&bench->log, "after ");
}

static void test_notify_immediate_delta_and_timed(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    run_with_log(&bench, notify_in_three_ways);
    assert_string_equal(bench.log.text, "0 still a@1 delta a@1 after a@7 ");
}

static void notify_twice(struct sysc_process *self, void *user)
{
    struct bench *bench = user;
    (void)self;
    sysc_event_notify_after(bench->a, 9);
    sysc_event_notify_after(bench->a, 4); /* earlier: replaces */
    sysc_event_notify_after(bench->a, 6); /* later: ignored */
}

static void test_the_earlier_notification_wins(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    run_with_log(&bench, notify_twice);
    assert_string_equal(bench.log.text, "a@4 ");
}

static void cancel_and_retry(struct sysc_process *self, void *user)
{
    struct bench *bench = user;
    sysc_event_notify_after(bench->a, 9);
    WAIT(sysc_wait_cycles(self, 5));
    sysc_event_cancel(bench->a);
    sysc_event_notify_delta(bench->a);
    sysc_event_cancel(bench->a);
    sysc_event_cancel(bench->a); /* nothing pending: harmless */
    sysc_event_notify_after(bench->a, 20);
}

static void test_cancel_takes_back_delta_and_timed(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    run_with_log(&bench, cancel_and_retry);
    assert_string_equal(bench.log.text, "a@25 ");
}

static void wait_with_timeouts(struct sysc_process *self, void *user)
{
    struct bench *bench = user;
    struct log *log = &bench->log;
    enum sysc_status status = SYSC_OK;
    sysc_event_notify_after(bench->a, 7);
    status = sysc_wait_event_for(self, bench->a, 5);
    log_add(log, "%s@%lld ", sysc_status_text(status), now(bench));
    status = sysc_wait_event_for(self, bench->a, 5);
    log_add(log, "%s@%lld ", sysc_status_text(status), now(bench));
    /* The timeout that was not needed must not wake a later wait. */
    sysc_event_notify_after(bench->b, 30);
    status = sysc_wait_event(self, bench->b);
    log_add(log, "%s@%lld ", sysc_status_text(status), now(bench));
    /* Both in the same cycle: the event counts. */
    sysc_event_notify_after(bench->a, 3);
    status = sysc_wait_event_for(self, bench->a, 3);
    log_add(log, "%s@%lld ", sysc_status_text(status), now(bench));
    status = sysc_wait_event_for(self, bench->a, 0);
    log_add(log, "%s@%lld ", sysc_status_text(status), now(bench));
    /* Nor end a later timed wait too early. */
    sysc_event_notify_after(bench->a, 1);
    status = sysc_wait_event_for(self, bench->a, 5);
    status = sysc_wait_cycles(self, 50);
    log_add(log, "%s@%lld ", sysc_status_text(status), now(bench));
}

static void test_wait_with_timeout(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    new_thread(bench.context, "wait", wait_with_timeouts, &bench);
    assert_int_equal(sysc_run_until_idle(bench.context), SYSC_OK);
    assert_string_equal(bench.log.text,
                        "timeout@5 ok@7 ok@37 ok@40 timeout@40 ok@91 ");
    free_context(bench.context);
}

static void wait_for_lists(struct sysc_process *self, void *user)
{
    struct bench *bench = user;
    struct log *log = &bench->log;
    size_t which = 9;
    sysc_event_notify_after(bench->b, 4);
    sysc_event_notify_after(bench->events[2], 6);
    WAIT(sysc_wait_any(self, bench->events, 3, &which));
    log_add(log, "any %zu@%lld ", which, now(bench));
    WAIT(sysc_wait_any_for(self, bench->events, 3, 100, &which));
    log_add(log, "any %zu@%lld ", which, now(bench));
    which = 9;
    enum sysc_status status =
        sysc_wait_any_for(self, bench->events, 3, 10, &which);
    log_add(log, "%s %zu@%lld ", sysc_status_text(status), which, now(bench));
    /* Two at once: the lowest index. */
    sysc_event_notify_after(bench->events[2], 1);
    sysc_event_notify_after(bench->b, 1);
    WAIT(sysc_wait_any(self, bench->events, 3, &which));
    log_add(log, "any %zu@%lld ", which, now(bench));
    sysc_event_notify_after(bench->a, 1);
    sysc_event_notify_after(bench->b, 8);
    sysc_event_notify_after(bench->events[2], 3);
    WAIT(sysc_wait_all(self, bench->events, 3));
    log_add(log, "all@%lld ", now(bench));
    WAIT(sysc_wait_any(self, &bench->a, 1, NULL));
}

static void test_wait_for_any_and_all(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    new_thread(bench.context, "wait", wait_for_lists, &bench);
    assert_int_equal(sysc_run_until_idle(bench.context), SYSC_OK);
    assert_string_equal(bench.log.text,
                        "any 1@4 any 2@6 timeout 9@16 any 1@17 all@25 ");
    assert_int_equal(sysc_cycles_to_next(bench.context), -1);
    free_context(bench.context);
}

static void trigger_in_turn(struct sysc_process *self, void *user)
{
    struct bench *bench = user;
    bool is_a = sysc_event_is_triggered(bench->a);
    bool is_b = sysc_event_is_triggered(bench->b);
    log_add(&bench->log, "%s%s@%lld ", is_a ? "a" : "", is_b ? "b" : "",
            now(bench));
    switch (now(bench)) {
    case 0:
        sysc_event_notify_after(bench->b, 2);
        sysc_next_trigger_cycles(self, 1); /* replaced by the next call */
        sysc_next_trigger_event(self, bench->b);
        break;
    case 2:
        sysc_next_trigger_event_for(self, bench->b, 3);
        break;
    case 5:
        sysc_event_notify_after(bench->a, 4);
        sysc_next_trigger_event_for(self, bench->a, 100);
        break;
    case 9:
        sysc_event_notify_after(bench->b, 1);
        sysc_next_trigger_any(self, bench->events, 3);
        break;
    case 10:
        sysc_event_notify_after(bench->a, 1);
        sysc_event_notify_after(bench->b, 2);
        sysc_event_notify_after(bench->events[2], 3);
        sysc_next_trigger_all(self, bench->events, 3);
        break;
    case 13:
        sysc_next_trigger_event(self, bench->b);
        sysc_next_trigger_static(self);
        sysc_event_notify_after(bench->b, 1);
        sysc_event_notify_after(bench->a, 2);
        break;
    case 15: /* the timeout of cycle 5 must not come back */
        sysc_next_trigger_cycles(self, 200);
        break;
    default:
        break; /* static sensitivity: a */
    }
}

static void test_next_trigger_of_methods(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    struct sysc_process_options options = SYSC_PROCESS_OPTIONS_DEFAULT;
    options.sensitive = &bench.a;
    options.sensitive_count = 1;
    assert_int_equal(sysc_method_new(bench.context, NULL, "m", trigger_in_turn,
                                     &bench, &options, NULL),
                     SYSC_OK);
    assert_int_equal(sysc_run_until_idle(bench.context), SYSC_OK);
    assert_string_equal(bench.log.text, "@0 b@2 @5 a@9 b@10 @13 a@15 @215 ");
    free_context(bench.context);
}

static void wait_very_long(struct sysc_process *self, void *user)
{
    struct bench *bench = user;
    const int64_t half = INT64_C(1) << 62;
    enum sysc_status status = sysc_wait_cycles(self, half);
    log_add(&bench->log, "%d@%lld ", status, now(bench));
    status = sysc_wait_cycles(self, 1);
    log_add(&bench->log, "%d@%lld ", status, now(bench));
    status = sysc_wait_cycles(self, half);
    log_add(&bench->log, "%s ", sysc_status_text(status));
    sysc_event_notify_after(bench->a, half - 2);
    status = sysc_wait_event_for(self, bench->a, half - 2);
    log_add(&bench->log, "%d@%lld ", status, now(bench));
    status = sysc_wait_cycles(self, 1);
    log_add(&bench->log, "%s ", sysc_status_text(status));
    log_add(&bench->log, "%s ",
            sysc_status_text(sysc_event_notify_after(bench->a, -1)));
}

static void test_times_are_exact_to_the_last_cycle(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    new_thread(bench.context, "wait", wait_very_long, &bench);
    assert_int_equal(sysc_run(bench.context, (INT64_C(1) << 62) - 1), SYSC_OK);
    assert_int_equal(sysc_cycles_to_next(bench.context), 1);
    assert_int_equal(sysc_run_until_idle(bench.context), SYSC_OK);
    assert_string_equal(bench.log.text,
                        "0@4611686018427387904 0@4611686018427387905 "
                        "beyond a limit 0@9223372036854775807 "
                        "beyond a limit bad argument ");
    assert_int_equal(sysc_now(bench.context), SYSC_CYCLES_MAX);
    assert_int_equal(sysc_run(bench.context, 1), SYSC_ERR_LIMIT);
    assert_int_equal(sysc_run(bench.context, -1), SYSC_ERR_ARGUMENT);
    assert_int_equal(sysc_run(bench.context, 0), SYSC_OK);
    free_context(bench.context);
}

static void test_freed_event_is_diagnosed(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    new_thread(bench.context, "log_a", log_a, &bench);
    assert_int_equal(sysc_event_notify_after(bench.a, 3), SYSC_OK);
    assert_int_equal(sysc_event_free(bench.a), SYSC_OK);
    assert_int_equal(sysc_event_notify(bench.a), SYSC_ERR_DEAD);
    assert_int_equal(sysc_event_notify_delta(bench.a), SYSC_ERR_DEAD);
    assert_int_equal(sysc_event_notify_after(bench.a, 1), SYSC_ERR_DEAD);
    assert_int_equal(sysc_event_cancel(bench.a), SYSC_ERR_DEAD);
    assert_int_equal(sysc_event_free(bench.a), SYSC_ERR_DEAD);
    assert_string_equal(sysc_context_error(bench.context),
                        "event 'a' was freed");
    assert_int_equal(sysc_run(bench.context, 10), SYSC_OK);
    assert_string_equal(bench.log.text, "");
    assert_int_equal(sysc_event_free(NULL), SYSC_OK);
    assert_int_equal(sysc_event_notify(NULL), SYSC_ERR_ARGUMENT);
    free_context(bench.context);
}

static void test_immediate_notification_needs_a_run(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    new_thread(bench.context, "log_a", log_a, &bench);
    assert_int_equal(sysc_event_notify(bench.a), SYSC_ERR_PHASE);
    assert_int_equal(sysc_run(bench.context, 5), SYSC_OK);
    assert_int_equal(sysc_event_notify(bench.a), SYSC_OK);
    assert_int_equal(sysc_cycles_to_next(bench.context), 0);
    assert_int_equal(sysc_run(bench.context, 5), SYSC_OK);
    assert_string_equal(bench.log.text, "a@5 ");
    free_context(bench.context);
}

static void wait_wrongly(struct sysc_process *self, void *user)
{
    struct bench *bench = user;
    struct log *log = &bench->log;
    struct sysc_event *list[2] = {bench->a, NULL};
    log_add(log, "%d ", sysc_wait_any(self, list, 2, NULL));
    log_add(log, "%d ", sysc_wait_any(self, NULL, 2, NULL));
    log_add(log, "%d ", sysc_wait_any(self, list, 0, NULL));
    log_add(log, "%d ", sysc_wait_event(self, NULL));
    log_add(log, "%d ", sysc_wait_cycles(self, -1));
    log_add(log, "%d ", sysc_wait_cycles(NULL, 1));
    log_add(log, "%d ", sysc_next_trigger_cycles(self, 1));
}

static void test_wrong_waits_do_not_wait(void **state)
{
    (void)state;
    struct bench bench;
    char expected[64];
    bench_init(&bench);
    struct sysc_process *thread =
        new_thread(bench.context, "wrong", wait_wrongly, &bench);
    assert_int_equal(sysc_wait_cycles(thread, 1), SYSC_ERR_PHASE);
    assert_int_equal(sysc_run_until_idle(bench.context), SYSC_OK);
    (void)snprintf(expected, sizeof expected, "%d %d %d %d %d %d %d ",
                   SYSC_ERR_ARGUMENT, SYSC_ERR_ARGUMENT, SYSC_ERR_ARGUMENT,
                   SYSC_ERR_ARGUMENT, SYSC_ERR_ARGUMENT, SYSC_ERR_ARGUMENT,
                   SYSC_ERR_KIND);
    assert_string_equal(bench.log.text, expected);
    assert_int_equal(sysc_now(bench.context), 0);
    free_context(bench.context);
}

static void test_end_of_a_run_belongs_to_the_next(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    new_thread(bench.context, "log_a", log_a, &bench);
    assert_int_equal(sysc_event_notify_after(bench.a, 10), SYSC_OK);
    assert_int_equal(sysc_run(bench.context, 10), SYSC_OK);
    assert_int_equal(sysc_now(bench.context), 10);
    assert_string_equal(bench.log.text, "");
    assert_int_equal(sysc_run(bench.context, 0), SYSC_OK);
    assert_string_equal(bench.log.text, "a@10 ");
    assert_int_equal(sysc_cycles_to_next(bench.context), -1);
    assert_int_equal(sysc_run(bench.context, 7), SYSC_OK);
    assert_int_equal(sysc_now(bench.context), 17);
    assert_true(sysc_count_deltas(bench.context) >= 2);
    free_context(bench.context);
}

static void wait_for_one_of_one(struct sysc_process *self, void *user)
{
    struct bench *bench = user;
    size_t which = 9;
    sysc_event_notify_after(bench->a, 2);
    WAIT(sysc_wait_all(self, &bench->a, 1));
    log_add(&bench->log, "all@%lld ", now(bench));
    sysc_event_notify_after(bench->a, 2);
    WAIT(sysc_wait_any(self, &bench->a, 1, &which));
    log_add(&bench->log, "any %zu@%lld ", which, now(bench));
    /* The same event twice in a list counts once. */
    struct sysc_event *twice[2] = {bench->a, bench->a};
    sysc_event_notify_after(bench->a, 2);
    WAIT(sysc_wait_all(self, twice, 2));
    log_add(&bench->log, "all@%lld ", now(bench));
}

static void test_lists_of_one_event(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    new_thread(bench.context, "wait", wait_for_one_of_one, &bench);
    assert_int_equal(sysc_run_until_idle(bench.context), SYSC_OK);
    assert_string_equal(bench.log.text, "all@2 any 0@4 all@6 ");
    free_context(bench.context);
}

/* Each process of `pending` sleeps in another way. */
static void sleep_somehow(struct sysc_process *self, void *user)
{
    struct bench *bench = user;
    enum sysc_status status = SYSC_OK;
    switch (sysc_process_name(self)[1]) {
    case '0':
        status = sysc_wait_cycles(self, 1000);
        break;
    case '1':
        status = sysc_wait_event_for(self, bench->a, 1000);
        break;
    case '2':
        status = sysc_wait_any(self, bench->events, 3, NULL);
        break;
    case '3':
        status = sysc_wait_any_for(self, bench->events, 3, 1000, NULL);
        break;
    default:
        status = sysc_wait_all(self, bench->events, 3);
        break;
    }
    log_add(&bench->log, "%s\n", sysc_status_text(status));
}

static void trigger_somehow(struct sysc_process *self, void *user)
{
    struct bench *bench = user;
    switch (sysc_process_name(self)[1]) {
    case '0':
        sysc_next_trigger_cycles(self, 1000);
        break;
    case '1':
        sysc_next_trigger_event_for(self, bench->a, 1000);
        break;
    case '2':
        sysc_next_trigger_any(self, bench->events, 3);
        break;
    default:
        sysc_next_trigger_all(self, bench->events, 3);
        break;
    }
}

/* What leaks here, a memory checker finds. */
static void test_free_ends_every_kind_of_wait(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    for (int i = 0; i < 5; i++) {
        char name[3] = {'t', (char)('0' + i), '\0'};
        new_thread(bench.context, name, sleep_somehow, &bench);
        name[0] = 'm';
        new_method(bench.context, name, trigger_somehow, &bench);
    }
    assert_int_equal(sysc_event_notify_after(bench.events[2], 500), SYSC_OK);
    assert_int_equal(sysc_run(bench.context, 10), SYSC_OK);
    assert_string_equal(bench.log.text, "");
    free_context(bench.context);
    assert_string_equal(bench.log.text, "process is killed\nprocess is killed\n"
                                        "process is killed\nprocess is killed\n"
                                        "process is killed\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_notify_immediate_delta_and_timed),
        cmocka_unit_test(test_the_earlier_notification_wins),
        cmocka_unit_test(test_cancel_takes_back_delta_and_timed),
        cmocka_unit_test(test_wait_with_timeout),
        cmocka_unit_test(test_wait_for_any_and_all),
        cmocka_unit_test(test_next_trigger_of_methods),
        cmocka_unit_test(test_times_are_exact_to_the_last_cycle),
        cmocka_unit_test(test_freed_event_is_diagnosed),
        cmocka_unit_test(test_immediate_notification_needs_a_run),
        cmocka_unit_test(test_wrong_waits_do_not_wait),
        cmocka_unit_test(test_end_of_a_run_belongs_to_the_next),
        cmocka_unit_test(test_lists_of_one_event),
        cmocka_unit_test(test_free_ends_every_kind_of_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
