/* One process controls another; mutexes and semaphores; notifications from other
 * operating system threads. */
#include <pthread.h>
#include <time.h>

#include "tests/unit/systemc_log.h"

struct bench {
    struct sysc_context *context;
    struct sysc_event *event;
    struct sysc_process *target;
    struct sysc_mutex *mutex;
    struct sysc_semaphore *semaphore;
    struct sysc_async *async;
    struct log log;
    enum sysc_status status;
    int count;
};

static void bench_init(struct bench *bench)
{
    memset(bench, 0, sizeof *bench);
    bench->context = new_context();
    bench->event = new_event(bench->context, "event");
}

static long long now(const struct bench *bench)
{
    return (long long)sysc_now(bench->context);
}

/* ---- suspend and resume ---------------------------------------------------- */

static void tick(struct sysc_process *self, void *user)
{
    struct bench *bench = user;
    for (;;) {
        WAIT(sysc_wait_cycles(self, 10));
        log_add(&bench->log, "%lld ", now(bench));
    }
}

static void suspend_and_resume(struct sysc_process *self, void *user)
{
    struct bench *bench = user;
    WAIT(sysc_wait_cycles(self, 15));
    log_add(&bench->log, "s%d ", sysc_process_suspend(bench->target));
    log_add(&bench->log, "again%d ",
            sysc_process_suspend(bench->target) == SYSC_ERR_PHASE);
    WAIT(sysc_wait_cycles(self, 20));
    log_add(&bench->log, "r%d ", sysc_process_resume(bench->target));
    log_add(&bench->log, "again%d ",
            sysc_process_resume(bench->target) == SYSC_ERR_PHASE);
}

static void test_suspended_thread_goes_on_when_resumed(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    bench.target = new_thread(bench.context, "tick", tick, &bench);
    assert_int_equal(sysc_process_suspend(bench.target), SYSC_ERR_PHASE);
    new_thread(bench.context, "control", suspend_and_resume, &bench);
    assert_int_equal(sysc_run(bench.context, 50), SYSC_OK);
    /* What was due at 20 happens at 35. */
    assert_string_equal(bench.log.text, "10 s0 again1 r0 again1 35 45 ");
    free_context(bench.context);
}

static void count_events(struct sysc_process *self, void *user)
{
    struct bench *bench = user;
    (void)self;
    bench->count++;
}

static void test_suspended_method_between_runs(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    struct sysc_process_options options = SYSC_PROCESS_OPTIONS_DEFAULT;
    options.sensitive = &bench.event;
    options.sensitive_count = 1;
    options.dont_initialize = true;
    assert_int_equal(sysc_method_new(bench.context, NULL, "m", count_events,
                                     &bench, &options, &bench.target),
                     SYSC_OK);
    assert_int_equal(sysc_run(bench.context, 1), SYSC_OK);
    assert_int_equal(sysc_process_suspend(bench.target), SYSC_OK);
    assert_true(sysc_process_is_suspended(bench.target));
    assert_int_equal(sysc_event_notify_after(bench.event, 1), SYSC_OK);
    assert_int_equal(sysc_run(bench.context, 5), SYSC_OK);
    assert_int_equal(bench.count, 0);
    assert_int_equal(sysc_process_resume(bench.target), SYSC_OK);
    assert_false(sysc_process_is_suspended(bench.target));
    assert_int_equal(sysc_run(bench.context, 5), SYSC_OK);
    assert_int_equal(bench.count, 1);
    free_context(bench.context);
}

static void suspend_oneself(struct sysc_process *self, void *user)
{
    struct bench *bench = user;
    log_add(&bench->log, "a%lld ", now(bench));
    WAIT(sysc_process_suspend(self));
    log_add(&bench->log, "b%lld ", now(bench));
    bench->status = sysc_process_suspend(self);
    log_add(&bench->log, "c ");
}

static void resume_later(struct sysc_process *self, void *user)
{
    struct bench *bench = user;
    WAIT(sysc_wait_cycles(self, 7));
    (void)sysc_process_resume(bench->target);
}

static void test_thread_suspends_itself_and_is_freed_so(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    bench.target = new_thread(bench.context, "t", suspend_oneself, &bench);
    new_thread(bench.context, "r", resume_later, &bench);
    assert_int_equal(sysc_run_until_idle(bench.context), SYSC_OK);
    assert_string_equal(bench.log.text, "a0 b7 ");
    free_context(bench.context); /* unwinds it inside the second call */
    assert_int_equal(bench.status, SYSC_KILLED);
    assert_string_equal(bench.log.text, "a0 b7 c ");
}

/* ---- reset ----------------------------------------------------------------- */

static void begin_anew(struct sysc_process *self, void *user)
{
    struct bench *bench = user;
    log_add(&bench->log, "begin%lld ", now(bench));
    for (;;) {
        enum sysc_status status = sysc_wait_cycles(self, 10);
        if (status != SYSC_OK) {
            log_add(&bench->log, "%s ",
                    status == SYSC_RESET ? "reset" : "killed");
            /* A further wait says the same. */
            log_add(&bench->log, "%d ", sysc_wait_cycles(self, 1) == status);
            return;
        }
        log_add(&bench->log, "%lld ", now(bench));
    }
}

static void reset_target(struct sysc_process *self, void *user)
{
    struct bench *bench = user;
    WAIT(sysc_wait_cycles(self, 15));
    log_add(&bench->log, "<%d> ", sysc_process_reset(bench->target));
    WAIT(sysc_wait_cycles(self, 20));
    log_add(&bench->log, "<%d> ", sysc_process_reset(bench->target));
    WAIT(sysc_wait_cycles(self, 1));
    log_add(&bench->log, "<%d> ", sysc_process_kill(bench->target));
    log_add(&bench->log, "%d ",
            sysc_process_reset(bench->target) == SYSC_ERR_DEAD);
}

static void test_reset_thread_begins_anew(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    bench.target = new_thread(bench.context, "t", begin_anew, &bench);
    assert_int_equal(sysc_process_reset(bench.target), SYSC_ERR_PHASE);
    new_thread(bench.context, "c", reset_target, &bench);
    assert_int_equal(sysc_run_until_idle(bench.context), SYSC_OK);
    assert_string_equal(bench.log.text,
                        "begin0 10 reset 1 begin15 <0> 25 reset 1 begin35 "
                        "<0> killed 1 <0> 1 ");
    /* The waits that were given up left nothing behind. */
    assert_int_equal(now(&bench), 36);
    free_context(bench.context);
}

static void reset_oneself(struct sysc_process *self, void *user)
{
    struct bench *bench = user;
    log_add(&bench->log, "%d@%lld ", bench->count, now(bench));
    WAIT(sysc_wait_cycles(self, 3));
    if (bench->count++ < 2) {
        bench->status = sysc_process_reset(self);
        return;
    }
    log_add(&bench->log, "end ");
}

static void test_thread_resets_itself(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    bench.target = new_thread(bench.context, "t", reset_oneself, &bench);
    assert_int_equal(sysc_run_until_idle(bench.context), SYSC_OK);
    assert_string_equal(bench.log.text, "0@0 1@3 2@6 end ");
    assert_int_equal(bench.status, SYSC_RESET);
    assert_true(sysc_process_is_finished(bench.target));
    free_context(bench.context);
}

static void reset_method(struct sysc_process *self, void *user)
{
    struct bench *bench = user;
    WAIT(sysc_wait_cycles(self, 4));
    bench->status = sysc_process_reset(bench->target);
}

static void test_methods_are_not_reset(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    bench.target = new_method(bench.context, "m", count_events, &bench);
    new_thread(bench.context, "c", reset_method, &bench);
    assert_int_equal(sysc_run_until_idle(bench.context), SYSC_OK);
    assert_int_equal(bench.status, SYSC_ERR_KIND);
    assert_int_equal(bench.count, 1);
    free_context(bench.context);
}

/* ---- mutexes --------------------------------------------------------------- */

static void lock_for_5(struct sysc_process *self, void *user)
{
    struct bench *bench = user;
    WAIT(sysc_mutex_lock(self, bench->mutex));
    log_add(&bench->log, "%s@%lld ", sysc_process_name(self), now(bench));
    if (sysc_wait_cycles(self, 5) == SYSC_KILLED) {
        log_add(&bench->log, "killed ");
    }
    (void)sysc_mutex_unlock(self, bench->mutex);
}

static void new_mutex(struct bench *bench)
{
    assert_int_equal(
        sysc_mutex_new(bench->context, NULL, "mutex", &bench->mutex), SYSC_OK);
}

static void test_mutex_serves_in_the_order_of_calls(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    new_mutex(&bench);
    new_thread(bench.context, "a", lock_for_5, &bench);
    new_thread(bench.context, "b", lock_for_5, &bench);
    new_thread(bench.context, "c", lock_for_5, &bench);
    assert_int_equal(sysc_run_until_idle(bench.context), SYSC_OK);
    assert_string_equal(bench.log.text, "a@0 b@5 c@10 ");
    assert_null(sysc_mutex_holder(bench.mutex));
    free_context(bench.context);
}

static void kill_holder(struct sysc_process *self, void *user)
{
    struct bench *bench = user;
    WAIT(sysc_wait_cycles(self, 2));
    (void)sysc_process_kill(bench->target);
}

static void test_killed_holder_and_killed_waiter_pass_the_mutex_on(void **state)
{
    (void)state;
    for (int victim = 0; victim < 2; victim++) {
        struct bench bench;
        bench_init(&bench);
        new_mutex(&bench);
        struct sysc_process *a =
            new_thread(bench.context, "a", lock_for_5, &bench);
        struct sysc_process *b =
            new_thread(bench.context, "b", lock_for_5, &bench);
        new_thread(bench.context, "c", lock_for_5, &bench);
        new_thread(bench.context, "k", kill_holder, &bench);
        bench.target = victim == 0 ? a : b;
        assert_int_equal(sysc_run_until_idle(bench.context), SYSC_OK);
        assert_string_equal(bench.log.text,
                            victim == 0 ? "a@0 killed b@2 c@7 " : "a@0 c@5 ");
        free_context(bench.context);
    }
}

static void misuse_mutex(struct sysc_process *self, void *user)
{
    struct bench *bench = user;
    log_add(&bench->log, "%d ",
            sysc_mutex_unlock(self, bench->mutex) == SYSC_ERR_PHASE);
    log_add(&bench->log, "%d ", sysc_mutex_try_lock(self, bench->mutex));
    log_add(&bench->log, "%d ",
            sysc_mutex_lock(self, bench->mutex) == SYSC_ERR_PHASE);
    log_add(&bench->log, "%d ", sysc_mutex_holder(bench->mutex) == self);
}

static void lock_in_method(struct sysc_process *self, void *user)
{
    struct bench *bench = user;
    if (now(bench) == 0) {
        (void)sysc_next_trigger_cycles(self, 1);
        return;
    }
    log_add(&bench->log, "%d ",
            sysc_mutex_lock(self, bench->mutex) == SYSC_ERR_DEAD);
}

static void test_misuse_of_mutexes_is_diagnosed(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    new_mutex(&bench);
    assert_int_equal(sysc_mutex_new(bench.context, NULL, "mutex", &bench.mutex),
                     SYSC_ERR_NAME);
    struct sysc_process *t =
        new_thread(bench.context, "t", misuse_mutex, &bench);
    new_method(bench.context, "m", lock_in_method, &bench);
    assert_int_equal(sysc_mutex_lock(t, bench.mutex), SYSC_ERR_PHASE);
    assert_int_equal(sysc_mutex_lock(t, NULL), SYSC_ERR_ARGUMENT);
    assert_int_equal(sysc_run_until_idle(bench.context), SYSC_OK);
    /* t ended without unlocking */
    assert_string_equal(bench.log.text, "1 0 1 1 1 ");
    free_context(bench.context);
}

static void try_in_method(struct sysc_process *self, void *user)
{
    struct bench *bench = user;
    log_add(&bench->log, "%d ", sysc_mutex_try_lock(self, bench->mutex));
    log_add(&bench->log, "%d ",
            sysc_mutex_lock(self, bench->mutex) == SYSC_ERR_PHASE);
    (void)sysc_mutex_unlock(self, bench->mutex);
    log_add(&bench->log, "%d ",
            sysc_mutex_lock(self, bench->mutex) == SYSC_ERR_KIND);
}

static void test_methods_try_and_never_wait(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    new_mutex(&bench);
    new_method(bench.context, "m", try_in_method, &bench);
    assert_int_equal(sysc_run_until_idle(bench.context), SYSC_OK);
    assert_string_equal(bench.log.text, "0 1 1 ");
    free_context(bench.context);
}

/* ---- semaphores ------------------------------------------------------------ */

static void take_and_give(struct sysc_process *self, void *user)
{
    struct bench *bench = user;
    WAIT(sysc_semaphore_take(self, bench->semaphore));
    log_add(&bench->log, "%s@%lld ", sysc_process_name(self), now(bench));
    WAIT(sysc_wait_cycles(self, 10));
    (void)sysc_semaphore_give(bench->semaphore);
}

static void test_semaphore_lets_as_many_in_as_it_counts(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    assert_int_equal(
        sysc_semaphore_new(bench.context, NULL, "s", -1, &bench.semaphore),
        SYSC_ERR_ARGUMENT);
    assert_int_equal(
        sysc_semaphore_new(bench.context, NULL, "s", 2, &bench.semaphore),
        SYSC_OK);
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    for (int i = 0; i < 5; i++) {
        new_thread(bench.context, names[i], take_and_give, &bench);
    }
    assert_int_equal(sysc_run_until_idle(bench.context), SYSC_OK);
    assert_string_equal(bench.log.text, "a@0 b@0 c@10 d@10 e@20 ");
    assert_int_equal(sysc_semaphore_count(bench.semaphore), 2);
    assert_int_equal(sysc_semaphore_try_take(bench.semaphore), SYSC_OK);
    assert_int_equal(sysc_semaphore_try_take(bench.semaphore), SYSC_OK);
    assert_int_equal(sysc_semaphore_try_take(bench.semaphore), SYSC_BUSY);
    free_context(bench.context);
}

static void kill_waiter(struct sysc_process *self, void *user)
{
    struct bench *bench = user;
    WAIT(sysc_wait_cycles(self, 1));
    /* Served in this very cycle, and killed before it knew. */
    (void)sysc_semaphore_give(bench->semaphore);
    (void)sysc_process_kill(bench->target);
    log_add(&bench->log, "%lld ",
            (long long)sysc_semaphore_count(bench->semaphore));
}

static void test_killed_waiter_gives_back_what_it_got(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    assert_int_equal(
        sysc_semaphore_new(bench.context, NULL, "s", 0, &bench.semaphore),
        SYSC_OK);
    bench.target = new_thread(bench.context, "w", take_and_give, &bench);
    new_thread(bench.context, "k", kill_waiter, &bench);
    assert_int_equal(sysc_run_until_idle(bench.context), SYSC_OK);
    assert_string_equal(bench.log.text, "1 ");
    free_context(bench.context);
}

/* ---- other operating system threads ----------------------------------------- */

static void *notify_later(void *user)
{
    struct bench *bench = user;
    const struct timespec pause = {0, 2000000};
    (void)nanosleep(&pause, NULL);
    (void)sysc_async_notify(bench->async);
    return NULL;
}

static void wait_for_world(struct sysc_process *self, void *user)
{
    struct bench *bench = user;
    for (int i = 0; i < 3; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, notify_later, bench) != 0) {
            return;
        }
        enum sysc_status status =
            sysc_wait_event(self, sysc_async_event(bench->async));
        (void)pthread_join(thread, NULL);
        WAIT(status);
        bench->count++;
    }
    (void)sysc_async_await(bench->async, false);
}

static void test_another_thread_wakes_an_idle_simulation(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    assert_int_equal(sysc_async_new(bench.context, NULL, "door", &bench.async),
                     SYSC_OK);
    new_thread(bench.context, "w", wait_for_world, &bench);
    assert_int_equal(sysc_async_await(bench.async, true), SYSC_OK);
    assert_int_equal(sysc_run_until_idle(bench.context), SYSC_OK);
    assert_int_equal(bench.count, 3);
    assert_int_equal(now(&bench), 0);
    free_context(bench.context);
}

static void test_notification_between_runs_is_kept(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    assert_int_equal(sysc_async_new(bench.context, NULL, "door", &bench.async),
                     SYSC_OK);
    struct sysc_process_options options = SYSC_PROCESS_OPTIONS_DEFAULT;
    struct sysc_event *happened = sysc_async_event(bench.async);
    options.sensitive = &happened;
    options.sensitive_count = 1;
    options.dont_initialize = true;
    assert_int_equal(sysc_method_new(bench.context, NULL, "m", count_events,
                                     &bench, &options, NULL),
                     SYSC_OK);
    assert_int_equal(sysc_run(bench.context, 1), SYSC_OK);
    assert_int_equal(sysc_async_notify(bench.async), SYSC_OK);
    assert_int_equal(sysc_async_notify(bench.async), SYSC_OK);
    assert_int_equal(sysc_run(bench.context, 1), SYSC_OK);
    assert_int_equal(bench.count, 1); /* two are one */
    assert_int_equal(sysc_event_notify_delta(happened), SYSC_ERR_KIND);
    assert_int_equal(sysc_async_notify(NULL), SYSC_ERR_ARGUMENT);
    /* Freed while awaited. */
    assert_int_equal(sysc_async_await(bench.async, true), SYSC_OK);
    free_context(bench.context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suspended_thread_goes_on_when_resumed),
        cmocka_unit_test(test_suspended_method_between_runs),
        cmocka_unit_test(test_thread_suspends_itself_and_is_freed_so),
        cmocka_unit_test(test_reset_thread_begins_anew),
        cmocka_unit_test(test_thread_resets_itself),
        cmocka_unit_test(test_methods_are_not_reset),
        cmocka_unit_test(test_mutex_serves_in_the_order_of_calls),
        cmocka_unit_test(
            test_killed_holder_and_killed_waiter_pass_the_mutex_on),
        cmocka_unit_test(test_misuse_of_mutexes_is_diagnosed),
        cmocka_unit_test(test_methods_try_and_never_wait),
        cmocka_unit_test(test_semaphore_lets_as_many_in_as_it_counts),
        cmocka_unit_test(test_killed_waiter_gives_back_what_it_got),
        cmocka_unit_test(test_another_thread_wakes_an_idle_simulation),
        cmocka_unit_test(test_notification_between_runs_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
