/* Processes of the SystemC wrapper: starting, killing, failing, stopping. */
#include "tests/unit/systemc_log.h"

struct bench {
    struct sysc_context *context;
    struct sysc_module *module;
    struct sysc_event *event;
    struct sysc_process *target;
    struct log log;
    int64_t count;
};

static void bench_init(struct bench *bench)
{
    memset(bench, 0, sizeof *bench);
    bench->context = new_context();
    assert_int_equal(sysc_module_new(bench->context, NULL, "top", NULL, NULL,
                                     &bench->module),
                     SYSC_OK);
    assert_int_equal(
        sysc_event_new(bench->context, bench->module, "event", &bench->event),
        SYSC_OK);
}

static long long now(const struct bench *bench)
{
    return (long long)sysc_now(bench->context);
}

/* ---- activation -------------------------------------------------------- */

static void log_time(struct sysc_process *self, void *user)
{
    struct bench *bench = user;
    log_add(&bench->log, "%s@%lld ", sysc_process_name(self), now(bench));
}

static void test_static_sensitivity_and_initialization(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    struct sysc_process_options options = SYSC_PROCESS_OPTIONS_DEFAULT;
    options.sensitive = &bench.event;
    options.sensitive_count = 1;
    assert_int_equal(sysc_method_new(bench.context, bench.module, "eager",
                                     log_time, &bench, &options, NULL),
                     SYSC_OK);
    options.dont_initialize = true;
    assert_int_equal(sysc_method_new(bench.context, NULL, "lazy", log_time,
                                     &bench, &options, NULL),
                     SYSC_OK);
    assert_int_equal(sysc_run(bench.context, 5), SYSC_OK);
    assert_string_equal(bench.log.text, "top.eager@0 ");
    log_clear(&bench.log);
    assert_int_equal(sysc_event_notify_after(bench.event, 2), SYSC_OK);
    assert_int_equal(sysc_run(bench.context, 5), SYSC_OK);
    assert_non_null(strstr(bench.log.text, "top.eager@7 "));
    assert_non_null(strstr(bench.log.text, "lazy@7 "));
    free_context(bench.context);
}

static void wait_statically(struct sysc_process *self, void *user)
{
    struct bench *bench = user;
    while (sysc_wait_static(self) == SYSC_OK) {
        log_time(self, bench);
    }
}

static void test_thread_waits_on_static_sensitivity(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    struct sysc_process_options options = SYSC_PROCESS_OPTIONS_DEFAULT;
    options.sensitive = &bench.event;
    options.sensitive_count = 1;
    options.stack_size_bytes = 64 << 10;
    assert_int_equal(sysc_thread_new(bench.context, NULL, "t", wait_statically,
                                     &bench, &options, NULL),
                     SYSC_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sysc_event_notify_after(bench.event, 2), SYSC_OK);
        assert_int_equal(sysc_run(bench.context, 5), SYSC_OK);
    }
    assert_string_equal(bench.log.text, "t@2 t@7 t@12 ");
    free_context(bench.context);
}

static void test_processes_that_cannot_work_are_refused(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    struct sysc_context *context = bench.context;
    struct sysc_process_options options = SYSC_PROCESS_OPTIONS_DEFAULT;
    assert_int_equal(
        sysc_method_new(context, NULL, "p", NULL, NULL, NULL, NULL),
        SYSC_ERR_ARGUMENT);
    assert_int_equal(
        sysc_method_new(NULL, NULL, "p", log_time, NULL, NULL, NULL),
        SYSC_ERR_ARGUMENT);
    options.dont_initialize = true;
    assert_int_equal(
        sysc_method_new(context, NULL, "p", log_time, NULL, &options, NULL),
        SYSC_ERR_ARGUMENT);
    assert_string_equal(sysc_context_error(context),
                        "process 'p' would never run: not initialized and "
                        "sensitive to nothing");
    options.dont_initialize = false;
    options.sensitive_count = 1;
    assert_int_equal(
        sysc_method_new(context, NULL, "p", log_time, NULL, &options, NULL),
        SYSC_ERR_ARGUMENT);
    options.sensitive_count = 0;
    const size_t bad_sizes[] = {1, 16383, ((size_t)1 << 30) + 1, SIZE_MAX};
    for (size_t i = 0; i < sizeof bad_sizes / sizeof bad_sizes[0]; i++) {
        options.stack_size_bytes = bad_sizes[i];
        assert_int_equal(
            sysc_thread_new(context, NULL, "p", log_time, NULL, &options, NULL),
            SYSC_ERR_ARGUMENT);
    }
    options.stack_size_bytes = 64 << 10;
    assert_int_equal(
        sysc_method_new(context, NULL, "p", log_time, NULL, &options, NULL),
        SYSC_ERR_ARGUMENT);
    assert_int_equal(sysc_method_new(context, bench.module, "event", log_time,
                                     NULL, NULL, NULL),
                     SYSC_ERR_NAME);
    assert_int_equal(sysc_run(context, 1), SYSC_OK);
    free_context(context);
}

static void wait_in_method(struct sysc_process *self, void *user)
{
    struct bench *bench = user;
    log_add(&bench->log, "%d ", sysc_wait_cycles(self, 1) == SYSC_ERR_KIND);
    log_add(&bench->log, "%d ",
            sysc_wait_event(self, bench->event) == SYSC_ERR_KIND);
}

static void test_method_cannot_wait(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    new_method(bench.context, "m", wait_in_method, &bench);
    assert_int_equal(sysc_run_until_idle(bench.context), SYSC_OK);
    assert_string_equal(bench.log.text, "1 1 ");
    assert_string_equal(sysc_context_error(bench.context),
                        "'m' is a method: it cannot wait");
    free_context(bench.context);
}

/* ---- spawning ---------------------------------------------------------- */

static void live_shortly(struct sysc_process *self, void *user)
{
    struct bench *bench = user;
    WAIT(sysc_wait_cycles(self, 3));
    log_time(self, bench);
}

static void spawn_two(struct sysc_process *self, void *user)
{
    struct bench *bench = user;
    struct sysc_process *child = NULL;
    WAIT(sysc_wait_cycles(self, 10));
    WAIT(sysc_thread_new(bench->context, NULL, "child", live_shortly, bench,
                         NULL, &child));
    WAIT(sysc_thread_new(bench->context, bench->module, "child", live_shortly,
                         bench, NULL, NULL));
    WAIT(sysc_wait_cycles(self, 5));
    log_add(&bench->log, "%s ",
            sysc_process_is_finished(child) ? "ended" : "lives");
    log_add(&bench->log, "%s ",
            sysc_process_kill(child) == SYSC_ERR_DEAD ? "dead" : "?");
}

static void test_processes_are_spawned_in_a_run(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    new_thread(bench.context, "parent", spawn_two, &bench);
    assert_int_equal(sysc_run_until_idle(bench.context), SYSC_OK);
    assert_non_null(strstr(bench.log.text, "parent.child@13 "));
    assert_non_null(strstr(bench.log.text, "top.child@13 "));
    assert_non_null(strstr(bench.log.text, "ended dead "));
    free_context(bench.context);
}

static void spawn_many(struct sysc_process *self, void *user)
{
    struct bench *bench = user;
    for (int i = 0; i < 2000; i++) {
        char name[24];
        (void)snprintf(name, sizeof name, "child%d", i);
        WAIT(sysc_thread_new(bench->context, NULL, name, live_shortly, bench,
                             NULL, NULL));
        WAIT(sysc_wait_cycles(self, 4));
        log_clear(&bench->log);
        bench->count++;
    }
}

/* A stack and its guard page are two mappings. */
static int count_mappings(void)
{
    int count = 0;
    FILE *stream = fopen("/proc/self/maps", "r");
    assert_non_null(stream);
    for (int c = fgetc(stream); c != EOF; c = fgetc(stream)) {
        count += c == '\n';
    }
    (void)fclose(stream);
    return count;
}

static void test_ended_threads_give_back_their_stacks(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    int before = count_mappings();
    new_thread(bench.context, "parent", spawn_many, &bench);
    assert_int_equal(sysc_run_until_idle(bench.context), SYSC_OK);
    assert_int_equal(bench.count, 2000);
    assert_true(count_mappings() - before < 200);
    free_context(bench.context);
}

/* ---- killing ----------------------------------------------------------- */

static void hold(struct sysc_process *self, void *user)
{
    struct bench *bench = user;
    enum sysc_status status = sysc_wait_cycles(self, 100);
    log_add(&bench->log, "%s@%lld ", sysc_status_text(status), now(bench));
}

static void kill_target(struct sysc_process *self, void *user)
{
    struct bench *bench = user;
    WAIT(sysc_wait_cycles(self, 10));
    enum sysc_status status = sysc_process_kill(bench->target);
    log_add(&bench->log, "kill %s ", sysc_status_text(status));
    status = sysc_process_kill(bench->target);
    log_add(&bench->log, "again %s ", sysc_status_text(status));
}

static void test_killed_thread_returns_by_itself(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    bench.target = new_thread(bench.context, "target", hold, &bench);
    new_thread(bench.context, "killer", kill_target, &bench);
    assert_int_equal(sysc_process_kill(bench.target), SYSC_ERR_PHASE);
    assert_int_equal(sysc_run_until_idle(bench.context), SYSC_OK);
    assert_string_equal(bench.log.text,
                        "process is killed@10 kill ok again object is dead ");
    assert_int_equal(sysc_now(bench.context), 10);
    free_context(bench.context);
}

static void kill_target_once(struct sysc_process *self, void *user)
{
    struct bench *bench = user;
    if (now(bench) == 0) {
        sysc_next_trigger_cycles(self, 10);
        return;
    }
    log_add(&bench->log, "kill %s ",
            sysc_status_text(sysc_process_kill(bench->target)));
}

static void test_method_kills_a_thread(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    bench.target = new_thread(bench.context, "target", hold, &bench);
    new_method(bench.context, "killer", kill_target_once, &bench);
    assert_int_equal(sysc_run_until_idle(bench.context), SYSC_OK);
    assert_string_equal(bench.log.text, "process is killed@10 kill ok ");
    free_context(bench.context);
}

static void tick(struct sysc_process *self, void *user)
{
    struct bench *bench = user;
    bench->count++;
    sysc_next_trigger_cycles(self, 1);
}

static void test_killed_method_is_not_called_again(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    bench.target = new_method(bench.context, "tick", tick, &bench);
    new_thread(bench.context, "killer", kill_target, &bench);
    assert_int_equal(sysc_run(bench.context, 100), SYSC_OK);
    assert_true(bench.count >= 10 && bench.count <= 11);
    assert_true(sysc_process_is_finished(bench.target));
    free_context(bench.context);
}

static void kill_oneself(struct sysc_process *self, void *user)
{
    struct bench *bench = user;
    bench->count++;
    log_add(&bench->log, "%s ", sysc_status_text(sysc_process_kill(self)));
}

static void test_process_kills_itself(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    struct sysc_process *thread =
        new_thread(bench.context, "thread", kill_oneself, &bench);
    struct sysc_process_options options = SYSC_PROCESS_OPTIONS_DEFAULT;
    options.sensitive = &bench.event;
    options.sensitive_count = 1;
    struct sysc_process *method = NULL;
    assert_int_equal(sysc_method_new(bench.context, NULL, "method",
                                     kill_oneself, &bench, &options, &method),
                     SYSC_OK);
    assert_int_equal(sysc_run(bench.context, 5), SYSC_OK);
    assert_int_equal(sysc_event_notify_after(bench.event, 1), SYSC_OK);
    assert_int_equal(sysc_run(bench.context, 5), SYSC_OK);
    assert_int_equal(bench.count, 2);
    assert_string_equal(bench.log.text, "process is killed process is killed ");
    assert_true(sysc_process_is_finished(thread));
    assert_true(sysc_process_is_finished(method));
    free_context(bench.context);
}

/* Does what one must not: goes on after SYSC_KILLED. */
static void ignore_kill(struct sysc_process *self, void *user)
{
    struct bench *bench = user;
    for (;;) {
        if (sysc_wait_cycles(self, 1000) == SYSC_KILLED) {
            bench->count++;
        }
    }
}

static void test_thread_that_ignores_its_end_is_unwound(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    bench.target = new_thread(bench.context, "target", ignore_kill, &bench);
    new_thread(bench.context, "killer", kill_target, &bench);
    assert_int_equal(sysc_run(bench.context, 50), SYSC_OK);
    assert_int_equal(bench.count, 1001);
    assert_true(sysc_process_is_finished(bench.target));
    free_context(bench.context);
}

/* ---- ends of a run ----------------------------------------------------- */

static void notify_forever(struct sysc_process *self, void *user)
{
    struct bench *bench = user;
    (void)self;
    bench->count++;
    sysc_event_notify_delta(bench->event);
}

static void wait_delta_forever(struct sysc_process *self, void *user)
{
    struct bench *bench = user;
    for (;;) {
        if (sysc_wait_cycles(self, 0) == SYSC_KILLED) {
            return;
        }
        bench->count++;
    }
}

static struct sysc_context *limited_context(void)
{
    struct sysc_context *context = NULL;
    struct sysc_options options = SYSC_OPTIONS_DEFAULT;
    options.activation_limit = 1000;
    assert_int_equal(sysc_context_new(&options, &context), SYSC_OK);
    return context;
}

static void test_loop_without_time_is_diagnosed_in_methods(void **state)
{
    (void)state;
    struct bench bench;
    memset(&bench, 0, sizeof bench);
    bench.context = limited_context();
    bench.event = new_event(bench.context, "e");
    struct sysc_process_options options = SYSC_PROCESS_OPTIONS_DEFAULT;
    options.sensitive = &bench.event;
    options.sensitive_count = 1;
    assert_int_equal(sysc_method_new(bench.context, NULL, "loop",
                                     notify_forever, &bench, &options, NULL),
                     SYSC_OK);
    assert_int_equal(sysc_run_until_idle(bench.context), SYSC_ERR_LOOP);
    assert_string_equal(sysc_context_error(bench.context),
                        "process 'loop' was activated 1001 times in cycle 0");
    assert_int_equal(bench.count, 1000);
    assert_int_equal(sysc_get_state(bench.context), SYSC_STATE_FAILED);
    assert_int_equal(sysc_run(bench.context, 1), SYSC_ERR_PHASE);
    free_context(bench.context);
}

static void test_loop_without_time_is_diagnosed_in_threads(void **state)
{
    (void)state;
    struct bench bench;
    memset(&bench, 0, sizeof bench);
    bench.context = limited_context();
    new_thread(bench.context, "loop", wait_delta_forever, &bench);
    assert_int_equal(sysc_run(bench.context, 10), SYSC_ERR_LOOP);
    assert_int_equal(bench.count, 999);
    free_context(bench.context);
}

struct immediate {
    struct sysc_event *own;
    struct sysc_event *other;
};

static void notify_at_once(struct sysc_process *self, void *user)
{
    struct immediate *immediate = user;
    (void)self;
    sysc_event_notify(immediate->other);
}

static void test_loop_of_immediate_notifications_is_diagnosed(void **state)
{
    (void)state;
    struct sysc_context *context = limited_context();
    struct immediate ping = {new_event(context, "ping"), NULL};
    struct immediate pong = {new_event(context, "pong"), ping.own};
    ping.other = pong.own;
    struct sysc_process_options options = SYSC_PROCESS_OPTIONS_DEFAULT;
    options.sensitive_count = 1;
    options.sensitive = &ping.own;
    assert_int_equal(sysc_method_new(context, NULL, "m", notify_at_once, &ping,
                                     &options, NULL),
                     SYSC_OK);
    options.sensitive = &pong.own;
    options.dont_initialize = true;
    assert_int_equal(sysc_method_new(context, NULL, "n", notify_at_once, &pong,
                                     &options, NULL),
                     SYSC_OK);
    assert_int_equal(sysc_run(context, 10), SYSC_ERR_LOOP);
    free_context(context);
}

static void fail_at_5(struct sysc_process *self, void *user)
{
    struct bench *bench = user;
    WAIT(sysc_wait_cycles(self, 5));
    sysc_fail(bench->context, "bank 3 overflowed");
    WAIT(sysc_wait_cycles(self, 5));
    bench->count++;
}

static void test_process_fails_the_run(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    new_thread(bench.context, "fail", fail_at_5, &bench);
    assert_int_equal(sysc_fail(bench.context, "outside"), SYSC_ERR_PHASE);
    assert_int_equal(sysc_run_until_idle(bench.context), SYSC_ERR_REPORTED);
    assert_string_equal(sysc_context_error(bench.context), "bank 3 overflowed");
    assert_int_equal(sysc_now(bench.context), 5);
    assert_int_equal(sysc_run_until_idle(bench.context), SYSC_ERR_PHASE);
    assert_int_equal(bench.count, 0);
    free_context(bench.context);
}

static void pause_then_stop(struct sysc_process *self, void *user)
{
    struct bench *bench = user;
    WAIT(sysc_wait_cycles(self, 5));
    sysc_pause(bench->context);
    log_add(&bench->log, "%d ", sysc_get_state(bench->context));
    WAIT(sysc_wait_cycles(self, 5));
    sysc_stop(bench->context);
    log_add(&bench->log, "same delta ");
    WAIT(sysc_wait_cycles(self, 5));
    bench->count++;
}

static void test_pause_and_stop_end_a_run(void **state)
{
    (void)state;
    struct bench bench;
    char expected[32];
    bench_init(&bench);
    new_thread(bench.context, "p", pause_then_stop, &bench);
    assert_int_equal(sysc_stop(bench.context), SYSC_ERR_PHASE);
    assert_int_equal(sysc_run(bench.context, 100), SYSC_PAUSED);
    assert_int_equal(sysc_now(bench.context), 5);
    assert_int_equal(sysc_get_state(bench.context), SYSC_STATE_PAUSED);
    assert_int_equal(sysc_run(bench.context, 100), SYSC_STOPPED);
    assert_int_equal(sysc_now(bench.context), 10);
    assert_int_equal(sysc_get_state(bench.context), SYSC_STATE_STOPPED);
    assert_int_equal(sysc_run(bench.context, 100), SYSC_ERR_PHASE);
    assert_string_equal(sysc_context_error(bench.context),
                        "the run was stopped");
    (void)snprintf(expected, sizeof expected, "%d same delta ",
                   SYSC_STATE_RUNNING);
    assert_string_equal(bench.log.text, expected);
    assert_int_equal(bench.count, 0);
    free_context(bench.context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_static_sensitivity_and_initialization),
        cmocka_unit_test(test_thread_waits_on_static_sensitivity),
        cmocka_unit_test(test_processes_that_cannot_work_are_refused),
        cmocka_unit_test(test_method_cannot_wait),
        cmocka_unit_test(test_processes_are_spawned_in_a_run),
        cmocka_unit_test(test_ended_threads_give_back_their_stacks),
        cmocka_unit_test(test_killed_thread_returns_by_itself),
        cmocka_unit_test(test_method_kills_a_thread),
        cmocka_unit_test(test_killed_method_is_not_called_again),
        cmocka_unit_test(test_process_kills_itself),
        cmocka_unit_test(test_thread_that_ignores_its_end_is_unwound),
        cmocka_unit_test(test_loop_without_time_is_diagnosed_in_methods),
        cmocka_unit_test(test_loop_without_time_is_diagnosed_in_threads),
        cmocka_unit_test(test_loop_of_immediate_notifications_is_diagnosed),
        cmocka_unit_test(test_process_fails_the_run),
        cmocka_unit_test(test_pause_and_stop_end_a_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
