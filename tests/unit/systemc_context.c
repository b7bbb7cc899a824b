/* Contexts of the SystemC wrapper: several simulations in one process, what is
 * allowed when, and who frees what. */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/systemc_log.h"

/* Fresh contexts are a property of this very kernel. A new version must be
 * tried before it is trusted. */
static void test_kernel_is_the_verified_version(void **state)
{
    (void)state;
    assert_non_null(strstr(sysc_version(), "2.3.4"));
}

struct pair {
    struct sysc_event *there;
    struct sysc_event *back;
    int64_t exchange_count;
};

static void send(struct sysc_process *self, void *user)
{
    struct pair *pair = user;
    for (int i = 0; i < 10; i++) {
        sysc_event_notify_after(pair->there, 3);
        if (sysc_wait_event(self, pair->back) != SYSC_OK) {
            return;
        }
        pair->exchange_count++;
    }
}

static void answer(struct sysc_process *self, void *user)
{
    struct pair *pair = user;
    while (sysc_wait_event(self, pair->there) == SYSC_OK) {
        sysc_event_notify_after(pair->back, 4);
    }
}

static void sleep_long(struct sysc_process *self, void *user)
{
    (void)user;
    while (sysc_wait_cycles(self, INT64_C(1) << 40) == SYSC_OK) {
    }
}

static void simulate_once(void)
{
    struct sysc_context *context = new_context();
    struct sysc_module *module = NULL;
    assert_int_equal(sysc_module_new(context, NULL, "top", NULL, NULL, &module),
                     SYSC_OK);
    struct pair pair = {new_event(context, "there"), new_event(context, "back"),
                        0};
    struct sysc_clock *clock = NULL;
    assert_int_equal(sysc_clock_new(context, module, "clock", 2, 1, 0, &clock),
                     SYSC_OK);
    new_thread(context, "send", send, &pair);
    new_thread(context, "answer", answer, &pair);
    new_thread(context, "sleep_long", sleep_long, NULL);
    assert_int_equal(sysc_run(context, 1000), SYSC_OK);
    assert_int_equal(pair.exchange_count, 10);
    assert_int_equal(sysc_now(context), 1000);
    free_context(context);
}

static long resident_pages(void)
{
    long size = 0;
    long resident = 0;
    FILE *stream = fopen("/proc/self/statm", "r");
    assert_non_null(stream);
    assert_int_equal(fscanf(stream, "%ld %ld", &size, &resident), 2);
    assert_int_equal(fclose(stream), 0);
    return resident;
}

static bool has_memory_checker(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||           \
    defined(__clang__)
    return true; /* gcc without sanitizers is where memory is measured */
#else
    const char *preloaded = getenv("LD_PRELOAD");
    return preloaded != NULL && strstr(preloaded, "vgpreload") != NULL;
#endif
}

static void test_200_contexts_in_sequence_keep_memory_flat(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        simulate_once();
    }
    long before = resident_pages();
    for (int i = 0; i < 200; i++) {
        simulate_once();
    }
    /* 50 pages over 200 contexts is 1 KiB each: less than any leak. Checkers
     * keep what was freed; they look for leaks themselves. */
    if (!has_memory_checker()) {
        assert_true(resident_pages() - before < 50);
    }
}

static void count_activation(struct sysc_process *self, void *user)
{
    int64_t *count = user;
    (*count)++;
    sysc_next_trigger_cycles(self, 5);
}

static void test_two_contexts_in_turn_keep_their_times(void **state)
{
    (void)state;
    struct sysc_context *fast = new_context();
    struct sysc_context *slow = new_context();
    int64_t fast_count = 0;
    int64_t slow_count = 0;
    new_method(fast, "count", count_activation, &fast_count);
    new_method(slow, "count", count_activation, &slow_count);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(sysc_run(fast, 50), SYSC_OK);
        assert_int_equal(sysc_run(slow, 5), SYSC_OK);
    }
    assert_int_equal(sysc_now(fast), 5000);
    assert_int_equal(sysc_now(slow), 500);
    assert_int_equal(fast_count, 1000);
    assert_int_equal(slow_count, 100);
    free_context(fast);
    assert_int_equal(sysc_run(slow, 5), SYSC_OK);
    assert_int_equal(slow_count, 101);
    free_context(slow);
}

static void log_destroy(void *user)
{
    log_add(user, "destroy ");
}

struct freeing {
    struct sysc_context *context;
    struct log *log;
};

static void hold_and_release(struct sysc_process *self, void *user)
{
    struct freeing *freeing = user;
    enum sysc_status status = sysc_wait_cycles(self, 100);
    log_add(freeing->log, "released after '%s' ", sysc_status_text(status));
    /* The thread is ending: nothing waits any more. */
    log_add(freeing->log, "%s ", sysc_status_text(sysc_wait_cycles(self, 1)));
}

static void test_free_wakes_threads_then_destroys_modules(void **state)
{
    (void)state;
    struct log log = {"", 0};
    struct freeing freeing = {new_context(), &log};
    struct sysc_module *module = NULL;
    assert_int_equal(
        sysc_module_new(freeing.context, NULL, "m", &log, log_destroy, &module),
        SYSC_OK);
    assert_ptr_equal(sysc_module_user(module), &log);
    new_thread(freeing.context, "hold", hold_and_release, &freeing);
    assert_int_equal(sysc_run(freeing.context, 10), SYSC_OK);
    free_context(freeing.context);
    assert_string_equal(log.text, "released after 'process is killed' process "
                                  "is killed destroy ");
}

static void test_context_without_run_is_freed(void **state)
{
    (void)state;
    struct log log = {"", 0};
    struct freeing freeing = {new_context(), &log};
    new_thread(freeing.context, "hold", hold_and_release, &freeing);
    assert_int_equal(sysc_get_state(freeing.context), SYSC_STATE_ELABORATING);
    free_context(freeing.context);
    assert_string_equal(log.text, "");
    assert_int_equal(sysc_context_free(NULL), SYSC_OK);
}

static void free_inside(struct sysc_process *self, void *user)
{
    struct freeing *freeing = user;
    (void)self;
    log_add(freeing->log, "%d", sysc_context_free(freeing->context));
}

static void test_free_inside_a_run_is_refused(void **state)
{
    (void)state;
    struct log log = {"", 0};
    struct freeing freeing = {new_context(), &log};
    char expected[16];
    new_method(freeing.context, "free", free_inside, &freeing);
    assert_int_equal(sysc_run(freeing.context, 10), SYSC_OK);
    (void)snprintf(expected, sizeof expected, "%d", SYSC_ERR_PHASE);
    assert_string_equal(log.text, expected);
    free_context(freeing.context);
}

static void run_other(struct sysc_process *self, void *user)
{
    struct sysc_context **contexts = user;
    (void)self;
    if (sysc_run(contexts[1], 1) == SYSC_ERR_PHASE &&
        sysc_run(contexts[0], 1) == SYSC_ERR_PHASE) {
        contexts[2] = contexts[0];
    }
}

static void test_runs_do_not_nest(void **state)
{
    (void)state;
    struct sysc_context *contexts[3] = {new_context(), new_context(), NULL};
    new_method(contexts[0], "run_other", run_other, contexts);
    assert_int_equal(sysc_run(contexts[0], 1), SYSC_OK);
    assert_ptr_equal(contexts[2], contexts[0]);
    assert_string_equal(sysc_context_error(contexts[1]),
                        "another context is running");
    free_context(contexts[0]);
    free_context(contexts[1]);
}

static void test_bad_names_are_refused(void **state)
{
    (void)state;
    struct sysc_context *context = new_context();
    struct sysc_module *module = NULL;
    struct sysc_module *other = NULL;
    struct sysc_event *event = NULL;
    assert_int_equal(sysc_module_new(context, NULL, "m", NULL, NULL, &module),
                     SYSC_OK);
    assert_int_equal(sysc_module_new(context, NULL, "m", NULL, NULL, &other),
                     SYSC_ERR_NAME);
    assert_string_equal(sysc_context_error(context), "name 'm' is taken");
    assert_null(other);
    const char *const bad[] = {"", "a.b", "a b", "a\tb", NULL};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(sysc_event_new(context, module, bad[i], &event),
                         SYSC_ERR_NAME);
    }
    assert_int_equal(sysc_event_new(context, module, "e", &event), SYSC_OK);
    assert_string_equal(sysc_event_name(event), "m.e");
    assert_int_equal(sysc_event_new(context, module, "e", &event),
                     SYSC_ERR_NAME);
    assert_string_equal(sysc_context_error(context), "name 'm.e' is taken");
    /* Same leaf elsewhere is another name. */
    assert_int_equal(sysc_event_new(context, NULL, "e", &event), SYSC_OK);
    assert_int_equal(sysc_module_new(context, module, "m", NULL, NULL, &other),
                     SYSC_OK);
    assert_string_equal(sysc_module_name(other), "m.m");
    free_context(context);
}

static void test_structure_is_fixed_by_the_first_run(void **state)
{
    (void)state;
    struct sysc_context *context = new_context();
    struct sysc_module *module = NULL;
    struct sysc_clock *clock = NULL;
    struct sysc_signal *signal = NULL;
    struct sysc_fifo *fifo = NULL;
    assert_int_equal(sysc_run(context, 1), SYSC_OK);
    assert_int_equal(sysc_module_new(context, NULL, "m", NULL, NULL, &module),
                     SYSC_ERR_PHASE);
    assert_int_equal(sysc_clock_new(context, NULL, "c", 2, 1, 0, &clock),
                     SYSC_ERR_PHASE);
    assert_int_equal(
        sysc_signal_new(context, NULL, "s", SYSC_TYPE_I64, &signal),
        SYSC_ERR_PHASE);
    assert_int_equal(sysc_fifo_new(context, NULL, "f", 8, 1, &fifo),
                     SYSC_ERR_PHASE);
    assert_non_null(strstr(sysc_context_error(context), "fifo"));
    /* Events are free. */
    new_event(context, "late");
    free_context(context);
}

static void test_objects_of_another_context_are_refused(void **state)
{
    (void)state;
    struct sysc_context *mine = new_context();
    struct sysc_context *other = new_context();
    struct sysc_module *module = NULL;
    struct sysc_event *event = new_event(other, "e");
    assert_int_equal(sysc_module_new(other, NULL, "m", NULL, NULL, &module),
                     SYSC_OK);
    assert_int_equal(sysc_event_new(mine, module, "e", &event), SYSC_ERR_OWNER);
    struct sysc_process_options options = SYSC_PROCESS_OPTIONS_DEFAULT;
    options.sensitive = &event;
    options.sensitive_count = 1;
    assert_int_equal(
        sysc_method_new(mine, NULL, "p", sleep_long, NULL, &options, NULL),
        SYSC_ERR_OWNER);
    free_context(mine);
    free_context(other);
}

static void *use_from_thread(void *user)
{
    struct sysc_context *context = user;
    struct sysc_context *second = NULL;
    enum sysc_status *statuses = calloc(3, sizeof *statuses);
    statuses[0] = sysc_run(context, 1);
    statuses[1] = sysc_context_new(NULL, &second);
    statuses[2] = sysc_context_free(context);
    return statuses;
}

static void *simulate_from_thread(void *user)
{
    struct sysc_context *context = NULL;
    (void)user;
    if (sysc_context_new(NULL, &context) == SYSC_OK &&
        sysc_run(context, 5) == SYSC_OK &&
        sysc_context_free(context) == SYSC_OK) {
        return user;
    }
    return NULL;
}

static void test_kernel_belongs_to_one_thread_at_a_time(void **state)
{
    pthread_t thread;
    void *result = NULL;
    struct sysc_context *context = new_context();
    assert_int_equal(pthread_create(&thread, NULL, use_from_thread, context),
                     0);
    assert_int_equal(pthread_join(thread, &result), 0);
    enum sysc_status *statuses = result;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(statuses[i], SYSC_ERR_THREAD);
    }
    free_context(context);
    /* When no context lives, another thread may take over. */
    assert_int_equal(pthread_create(&thread, NULL, simulate_from_thread, state),
                     0);
    free(statuses);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_non_null(result);
    simulate_once();
}

static void test_nothing_is_printed(void **state)
{
    (void)state;
    FILE *captured = tmpfile();
    assert_non_null(captured);
    int saved[2] = {dup(STDOUT_FILENO), dup(STDERR_FILENO)};
    (void)fflush(stdout);
    assert_true(dup2(fileno(captured), STDOUT_FILENO) >= 0);
    assert_true(dup2(fileno(captured), STDERR_FILENO) >= 0);
    struct sysc_context *context = new_context();
    enum sysc_status first = sysc_run(context, 0);
    enum sysc_status idle = sysc_run_until_idle(context);
    enum sysc_status freed = sysc_context_free(context);
    (void)fflush(stdout);
    (void)dup2(saved[0], STDOUT_FILENO);
    (void)dup2(saved[1], STDERR_FILENO);
    (void)close(saved[0]);
    (void)close(saved[1]);
    assert_int_equal(first, SYSC_OK);
    assert_int_equal(idle, SYSC_OK);
    assert_int_equal(freed, SYSC_OK);
    assert_int_equal(fseek(captured, 0, SEEK_END), 0);
    assert_int_equal(ftell(captured), 0);
    (void)fclose(captured);
}

static void test_bad_options_and_null_are_refused(void **state)
{
    (void)state;
    struct sysc_context *context = NULL;
    struct sysc_options options = SYSC_OPTIONS_DEFAULT;
    options.activation_limit = -1;
    assert_int_equal(sysc_context_new(&options, &context), SYSC_ERR_ARGUMENT);
    assert_int_equal(sysc_context_new(NULL, NULL), SYSC_ERR_ARGUMENT);
    assert_null(context);
    assert_string_equal(sysc_context_error(NULL), "no context");
    assert_int_equal(sysc_run(NULL, 1), SYSC_ERR_ARGUMENT);
    assert_int_equal(sysc_stop(NULL), SYSC_ERR_ARGUMENT);
    for (int i = SYSC_OK; i <= SYSC_ERR_FOREIGN; i++) {
        assert_string_not_equal(sysc_status_text((enum sysc_status)i),
                                "unknown status");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernel_is_the_verified_version),
        cmocka_unit_test(test_200_contexts_in_sequence_keep_memory_flat),
        cmocka_unit_test(test_two_contexts_in_turn_keep_their_times),
        cmocka_unit_test(test_free_wakes_threads_then_destroys_modules),
        cmocka_unit_test(test_context_without_run_is_freed),
        cmocka_unit_test(test_free_inside_a_run_is_refused),
        cmocka_unit_test(test_runs_do_not_nest),
        cmocka_unit_test(test_bad_names_are_refused),
        cmocka_unit_test(test_structure_is_fixed_by_the_first_run),
        cmocka_unit_test(test_objects_of_another_context_are_refused),
        cmocka_unit_test(test_kernel_belongs_to_one_thread_at_a_time),
        cmocka_unit_test(test_nothing_is_printed),
        cmocka_unit_test(test_bad_options_and_null_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
