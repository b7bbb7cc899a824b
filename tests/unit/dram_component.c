/* A memory in a SystemC simulation: the same cycles as alone, on its own clock
 * and on a slower one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/dram/dram_process.h"
#include "tests/dram_stream.h"

#define TRANSFERS 40

struct bench {
    struct sysc_context *context;
    struct dram_process *memory;
    struct sysc_event *done;
    int64_t size_bytes;
    int64_t done_cycles[TRANSFERS];
};

static void move(struct sysc_process *self, void *user)
{
    struct bench *bench = user;
    for (int i = 0; i < TRANSFERS; i++) {
        struct dram_transfer transfer = {
            .address_bytes = i * INT64_C(1000003),
            .size_bytes = bench->size_bytes,
            .is_write = i % 3 == 0,
            .done = bench->done,
        };
        assert_int_equal(dram_process_start(bench->memory, &transfer), SYSC_OK);
        assert_int_equal(sysc_wait_event(self, bench->done), SYSC_OK);
        bench->done_cycles[i] = sysc_now(bench->context);
    }
    assert_int_equal(dram_process_count_pending(bench->memory), 0);
}

static void run(struct bench *bench, const struct dram_spec *spec,
                int64_t cycle_ps)
{
    AUTO(dram) dram = dram_new(spec);
    assert_int_equal(sysc_context_new(NULL, &bench->context), SYSC_OK);
    assert_int_equal(dram_process_new(bench->context, NULL, "dram", dram,
                                      cycle_ps, &bench->memory),
                     SYSC_OK);
    assert_int_equal(sysc_event_new(bench->context, NULL, "done", &bench->done),
                     SYSC_OK);
    assert_int_equal(
        sysc_thread_new(bench->context, NULL, "mover", move, bench, NULL, NULL),
        SYSC_OK);
    assert_int_equal(sysc_run_until_idle(bench->context), SYSC_OK);
    assert_int_equal(sysc_context_free(bench->context), SYSC_OK);
}

/* The same transfers without SystemC. */
static void run_alone(const struct dram_spec *spec, int64_t size_bytes,
                      int64_t done_cycles[TRANSFERS])
{
    AUTO(dram) dram = dram_new(spec);
    for (int i = 0; i < TRANSFERS; i++) {
        int64_t burst_bytes = spec->burst_bytes;
        int64_t next = i * INT64_C(1000003) / burst_bytes;
        int64_t end = (i * INT64_C(1000003) + size_bytes - 1) / burst_bytes + 1;
        struct dram_completion completion;
        while (next < end || dram_count_pending(dram) > 0) {
            while (dram_take(dram, &completion)) {
            }
            struct dram_request request = {next * burst_bytes, i % 3 == 0, i};
            while (next < end && dram_submit(dram, &request) == DRAM_ACCEPTED) {
                request.address_bytes = ++next * burst_bytes;
            }
            if (dram_count_pending(dram) > 0) {
                dram_advance(dram, dram_next_activity(dram));
            }
        }
        done_cycles[i] = dram_now(dram);
    }
}

static void test_a_component_takes_the_cycles_of_the_memory(void **state)
{
    (void)state;
    static const int64_t sizes_bytes[] = {1, 64, 65, 5000};
    for (size_t i = 0; i < G_N_ELEMENTS(sizes_bytes); i++) {
        struct dram_spec spec = dram_preset("hbm2");
        struct bench bench = {.size_bytes = sizes_bytes[i]};
        int64_t alone_cycles[TRANSFERS];
        run(&bench, &spec, spec.period_ps);
        run_alone(&spec, sizes_bytes[i], alone_cycles);
        assert_memory_equal(bench.done_cycles, alone_cycles,
                            sizeof alone_cycles);
    }
}

/* On a grid of 1.7 ns nothing is seen early, and a lone access at most a cycle
 * and a tick late. */
static void test_a_slower_clock_sees_events_at_its_next_cycle(void **state)
{
    (void)state;
    struct dram_spec spec = dram_preset("ddr4-2400");
    spec.refresh = DRAM_REFRESH_NONE;
    struct bench bench = {.size_bytes = 64};
    run(&bench, &spec, 1700);
    /* One wait in the queue, ACT, WR: 1 + 16 + 12 + 4 ticks; address 0. */
    int64_t ps = (1 + 16 + 12 + 4) * spec.period_ps;
    assert_int_equal(bench.done_cycles[0], num_ceil_div(ps, 1700));
}

static void test_misuse_is_diagnosed(void **state)
{
    (void)state;
    struct dram_spec spec = dram_preset("ddr4-2400");
    AUTO(dram) dram = dram_new(&spec);
    struct sysc_context *context = NULL;
    struct dram_process *memory = NULL;
    assert_int_equal(sysc_context_new(NULL, &context), SYSC_OK);
    assert_int_equal(
        dram_process_new(context, NULL, "dram", NULL, 833, &memory),
        SYSC_ERR_ARGUMENT);
    assert_int_equal(dram_process_new(context, NULL, "dram", dram, 0, &memory),
                     SYSC_ERR_ARGUMENT);
    assert_int_equal(
        dram_process_new(context, NULL, "dram", dram, 833, &memory), SYSC_OK);
    assert_int_equal(
        dram_process_new(context, NULL, "dram", dram, 833, &memory),
        SYSC_ERR_NAME);
    struct dram_transfer transfer = {.address_bytes = 0, .size_bytes = 0};
    assert_int_equal(dram_process_start(memory, &transfer), SYSC_ERR_ARGUMENT);
    transfer.size_bytes = 1;
    transfer.address_bytes = -1;
    assert_int_equal(dram_process_start(memory, &transfer), SYSC_ERR_ARGUMENT);
    transfer.address_bytes = 0;
    assert_int_equal(dram_process_start(memory, &transfer), SYSC_OK);
    /* Freed with a transfer under way. */
    assert_int_equal(dram_process_count_pending(memory), 1);
    assert_int_equal(sysc_context_free(context), SYSC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_component_takes_the_cycles_of_the_memory),
        cmocka_unit_test(test_a_slower_clock_sees_events_at_its_next_cycle),
        cmocka_unit_test(test_misuse_is_diagnosed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
